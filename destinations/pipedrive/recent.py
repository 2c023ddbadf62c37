"""Recent records, listed: lists know at once what the search index learns later.

A create that may have been sent before is looked for here (invariant 6): by its match key among
the last minutes' records; without one, by comparing what was sent with the last day's.
"""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import unescape

from destinations.pipedrive.client import PipedriveClient
from destinations.pipedrive.known import LAG_SECONDS, MatchKey
from destinations.pipedrive.lookup import contacts_of
from destinations.pipedrive.objects import ObjectKind
from destinations.pipedrive.reasons import outcome
from transformer.clock import Clock
from transformer.outcome import Reason, Rejected, Retry

COMPARED_SECONDS = 86_400.0
MOST_PAGES = 10


@dataclass(frozen=True, slots=True)
class Listing:
    """Records, oldest first; `complete` says that there are no older ones in the time asked for."""

    records: Sequence[Mapping[str, object]]
    complete: bool


class Recent:
    """The last minutes' records of each object, by match key.

    One listing serves everyone who asks for one made since the same write began: the first create
    after the start asks for one at all, a repeated create for one since it was repeated. Writes are
    counted, because clocks stand still between two of them.
    """

    def __init__(self, client: PipedriveClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._writes = 0
        self._listed_in: dict[str, int] = {}
        self._listed_at: dict[str, float] = {}
        self._ids: dict[str, dict[MatchKey, list[str]]] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    def begin(self) -> int:
        """A write begins: its number."""
        self._writes += 1
        return self._writes

    async def ids(
        self, kind: ObjectKind, key: MatchKey, since: int
    ) -> Sequence[str] | Rejected | Retry:
        """The ids that have `key`, oldest first, by a list not older than write `since`.

        What a list says is of no use once the index must know of all that is in it.
        """
        async with self._locks.setdefault(kind.name, asyncio.Lock()):
            if self._listed_in.get(kind.name, -1) < since:
                began = self._writes
                listing = await self._list(kind, LAG_SECONDS)
                if not isinstance(listing, Listing):
                    return listing
                self._ids[kind.name] = _by_key(kind, listing.records)
                self._listed_in[kind.name] = began
                self._listed_at[kind.name] = self._clock.now()
        if self._clock.now() - self._listed_at[kind.name] > LAG_SECONDS:
            self._ids[kind.name] = {}
        return self._ids[kind.name].get(key, ())

    async def like(
        self, kind: ObjectKind, body: Mapping[str, object]
    ) -> Sequence[str] | Rejected | Retry:
        """The ids of the last day's records that have what `body` says, oldest first."""
        if not any(name in body for name in kind.compared):
            return _unknowable(kind, "nothing sent can be compared")
        names = [n for n in ("person_id", "org_id", "deal_id", "lead_id", "organization_id")
                 if n in body and n in kind.fields]  # fmt: skip
        scope = [(name, str(body[name])) for name in names[:1]]
        listing = await self._list(kind, COMPARED_SECONDS, scope)
        if not isinstance(listing, Listing):
            return listing
        found = [str(one.get("id")) for one in listing.records if same(kind, body, one)]
        if found or listing.complete:
            return found
        return _unknowable(kind, "there are too many recent records to look through")

    async def _list(
        self, kind: ObjectKind, seconds: float, scope: Sequence[tuple[str, str]] = ()
    ) -> "Listing | Rejected | Retry":
        since = datetime.fromtimestamp(self._clock.wall() - seconds, UTC)
        order = (
            [("sort_by", "add_time"), ("sort_direction", "desc")]
            if kind.paged_by_cursor
            else [("sort", "add_time DESC")]
        )
        query = [*scope, ("updated_since", since.strftime("%Y-%m-%dT%H:%M:%SZ")), *order]
        found: list[Mapping[str, object]] = []
        page: tuple[str, str] | None = None
        for _ in range(MOST_PAGES):
            reply = await self._client.listed(kind, [*query, *([page] if page else [])])
            if not reply.ok:
                return outcome(reply.error, f"list recent {kind.name}")
            found.extend(reply.records)
            page = reply.next_page
            if page is None:
                break
        return Listing(tuple(reversed(found)), complete=page is None)


def _unknowable(kind: ObjectKind, why: str) -> Rejected:
    return Rejected(
        Reason.ANSWER_LOST,
        f"create {kind.name}: an earlier attempt may have created it, and {why}."
        " Look for it in Pipedrive; replay the event if it is not there.",
    )


def same(kind: ObjectKind, body: Mapping[str, object], record: Mapping[str, object]) -> bool:
    """Whether a request with `body` may have made `record`: all that can be compared is equal."""
    compared = [name for name in kind.compared if name in body]
    if any(not _alike(record.get(name), body[name]) for name in compared):
        return False
    sent = contacts_of(body)
    there = contacts_of(record)
    return sent.emails <= there.emails and sent.phones <= there.phones


def _alike(held: object, sent: object) -> bool:
    """Whether Pipedrive may hold `sent` as `held`: it trims texts and cleans their HTML."""
    return held == sent or _plain(held) == _plain(sent)


def _plain(value: object) -> str:
    """The letters of a value: without case, spaces, scripts, tags and entities."""
    text = "" if value is None else str(value)
    text = re.sub(r"(?is)<(script|style)\b.*?</\1\s*>|<[^>]*>", "", text)
    return "".join(unescape(text).split()).casefold()


def _by_key(kind: ObjectKind, listing: Sequence[Mapping[str, object]]) -> dict[MatchKey, list[str]]:
    found: dict[MatchKey, list[str]] = {}
    for record in listing:
        record_id = str(record.get("id"))
        known = contacts_of(record)
        keys = [
            *((kind.name, "email", each) for each in known.emails),
            *((kind.name, "phone", each) for each in known.phones),
            *(
                (kind.name, name, str(record[name]).strip().lower())
                for name in ("name", "title")
                if isinstance(record.get(name), str)
            ),
        ]
        for key in keys:
            found.setdefault(key, []).append(record_id)
    return found
