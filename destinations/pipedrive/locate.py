"""Locating: which record an upsert means, by what is known, by search, and by recent lists.

The search index lags, so a record that this worker created is remembered, and one that an earlier
worker or attempt may have created is looked for among the recent ones too (invariant 6).
"""

from collections.abc import Sequence
from dataclasses import replace

from destinations.pipedrive.known import Known
from destinations.pipedrive.lookup import Finder, Found, is_id, match_key
from destinations.pipedrive.objects import ObjectKind
from destinations.pipedrive.recent import Recent
from transformer.clock import Clock
from transformer.outcome import Reason, Rejected, Retry
from transformer.upsert import Match


class Locator:
    """Finds records of one company. `several` is the policy: refuse, first or newest."""

    def __init__(
        self, *, finder: Finder, recent: Recent, known: Known, clock: Clock, several: str
    ) -> None:
        self._finder = finder
        self._recent = recent
        self._known = known
        self._clock = clock
        self._several = several

    async def locate(
        self, kind: ObjectKind, matches: Sequence[Match], *, since: int | None = None
    ) -> Found | Rejected | Retry | None:
        """The record that `matches` mean, tried in order; None when there is none.

        `since` asks for a list of recent records not older than that write, because an earlier
        attempt may have created it; without it, one made since this worker began will do.
        """
        searched = []
        for match in matches:
            found = self._recalled(kind, match)
            if found is not None:
                return found
            if not await self._finder.can_find(kind, match):
                continue
            searched.append(match)
            records = await self._finder.find(kind, match)
            if isinstance(records, Rejected | Retry):
                return records
            if live := self._live(kind, match, records):
                return self._chosen(kind, match, live)
        if not searched:
            return _unsearchable(kind, matches)
        return await self._listed(kind, searched, since)

    def _recalled(self, kind: ObjectKind, match: Match) -> Found | None:
        now = self._clock.now()
        key = match_key(kind, match)
        record_id = self._known.ids.recall(key, now)
        if record_id is None:
            return None
        return Found(record_id, self._known.contacts.recall(record_id, now), key)

    def _live(self, kind: ObjectKind, match: Match, records: Sequence[Found]) -> Sequence[Found]:
        """Without those that turned out to be gone, or were renamed, and the index lags behind."""
        now, key = self._clock.now(), match_key(kind, match)
        return [
            one
            for one in records
            if self._known.gone.recall((kind.name, one.record_id), now) is None
            and not self._known.ids.is_stale(key, (kind.name, one.record_id), now)
        ]

    async def _listed(
        self, kind: ObjectKind, matches: Sequence[Match], since: int | None
    ) -> Found | Rejected | Retry | None:
        for match in matches:
            ids = await self._recent.ids(kind, match_key(kind, match), since or 0)
            if isinstance(ids, Rejected | Retry):
                return ids
            if live := self._live(kind, match, [Found(each) for each in ids]):
                return self._chosen(kind, match, live)
        return None

    def _chosen(self, kind: ObjectKind, match: Match, records: Sequence[Found]) -> Found | Rejected:
        if len(records) > 1 and self._several == "refuse":
            ids = [one.record_id for one in records]
            return Rejected(
                Reason.SEVERAL_MATCHES,
                f"{kind.name}.{match.name}: {len(ids)} records have this value:"
                f" {', '.join(ids)}. Merge them, or set several_matches to first or newest.",
                {"ids": ids},
            )
        chosen = records[-1] if self._several == "newest" else records[0]
        key, now = match_key(kind, match), self._clock.now()
        self._known.learn(kind.name, chosen.record_id, [key], chosen.contacts, now)
        return replace(chosen, key=key)


def _unsearchable(kind: ObjectKind, matches: Sequence[Match]) -> Rejected:
    names = ", ".join(match.name for match in matches if not is_id(match))
    known = ", ".join((*kind.searches, "a custom text or number field"))
    return Rejected(
        Reason.MATCH_KEY_INVALID,
        f"{kind.name}: Pipedrive cannot search by {names}, expected one of {known}."
        " Correct the mapping; for domain, set domain_field.",
    )
