"""The writer: sends rows in batches of 100, reads every row's result, splits what is refused."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from destinations.hubspot.answers import Judged, failed, halves, judge, judge_batch, named
from destinations.hubspot.client import MAX_INPUTS, HubSpotClient, Reply
from destinations.hubspot.lookup import Finder, question_about
from destinations.hubspot.plan import Write
from destinations.hubspot.reasons import CODES_BY_SCHEMA, VendorError
from transformer.errors import Unauthorized, WriteFailed
from transformer.outcome import Outcome, Reason, Retry
from transformer.upsert import Match

SETUP_PAUSE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Part:
    """The rows of one request: one object, one action."""

    object_type: str
    action: str
    writes: Sequence[Write]


def parts(writes: Sequence[Write]) -> Sequence[Part]:
    """Group rows by object, action and unique property, at most 100 in each part."""
    grouped: dict[tuple[str, str, str], list[Write]] = {}
    for write in writes:
        grouped.setdefault((write.object_type, write.kind, write.id_property), []).append(write)
    return [
        Part(object_type, kind, rows[first : first + MAX_INPUTS])
        for (object_type, kind, _), rows in grouped.items()
        for first in range(0, len(rows), MAX_INPUTS)
    ]


class Writer:
    """Sends the rows of one batch; one instance per batch.

    `forget` drops what is known of an object's properties; it says whether that was worth it.
    """

    def __init__(self, client: HubSpotClient, forget: Callable[[str], bool]) -> None:
        self._client = client
        self._forget = forget
        self._forgotten: set[str] = set()
        self._pending: deque[Part] = deque()
        self._outcomes: dict[int, Outcome] = {}
        self._refusal: Unauthorized | None = None

    async def write(self, rows: Sequence[Write]) -> Mapping[int, Outcome]:
        """Send `rows` and return an outcome for each, by the index of its upsert.

        Raises WriteFailed only when the first request fails, so that nothing is known; when a
        later one does, the rows without a result come back as Retry (invariant 6).
        """
        self._pending.extend(parts(rows))
        try:
            while self._pending:
                part = self._pending[0]
                inputs = [write.row for write in part.writes]
                reply = await self._client.batch(part.object_type, part.action, inputs)
                self._pending.popleft()
                unnamed = self._read(part, reply)
                if unnamed is not None:
                    self._outcomes.update(await self._named(unnamed))
        except WriteFailed as failure:
            if not self._outcomes:
                raise
            self._give_up(failure)
        if self._refusal is not None and all(map(_is_unauthorized, self._outcomes.values())):
            raise self._refusal
        return self._outcomes

    async def _named(self, judged: Judged) -> Mapping[int, Outcome]:
        """Ask once which records have the unique values of rows whose results cannot be told.

        They are written: if nobody answers, they stay delivered without an id.
        """
        rows = {
            row.index: (row.object_type, Match(row.id_property, row.record))
            for row in judged.unnamed
        }
        object_type, match = next(iter(rows.values()))
        values = dict.fromkeys(match.folded for _, match in rows.values())
        try:
            findings = await Finder(self._client).find(
                [question_about(object_type, match.name, values)]
            )
        except WriteFailed:
            return {}
        found = {index: findings.of(*row) for index, row in rows.items()}
        return named(judged, {i: each[0].record_id for i, each in found.items() if len(each) == 1})

    def _read(self, part: Part, reply: Reply) -> Judged | None:
        """Read one reply; returns it as judged if there are rows that only a look can name.

        There are five cases: results and errors by row; an app that may not do this at all; one
        row that was refused; several that were; or properties that are not as we knew them.
        """
        if reply.ok:
            judged = judge_batch(part.writes, reply)
            self._outcomes.update(judged.outcomes)
            self._pending.extendleft(
                Part(part.object_type, part.action, [write]) for write in judged.again
            )
            return judged if judged.unnamed else None
        error = reply.error
        if reply.forbidden:
            self._forbid(part, error)
        elif self._is_stale(part, error):
            for write in part.writes:
                self._outcomes[write.index] = _shape_again(write, error)
        elif len(part.writes) == 1:
            write = part.writes[0]
            self._outcomes[write.index] = judge(write, error)
        else:
            for rows in halves(part.writes, error):
                self._pending.appendleft(Part(part.object_type, part.action, rows))
        return None

    def _is_stale(self, part: Part, error: VendorError) -> bool:
        """Whether HubSpot contradicts what we knew of the properties for long enough."""
        if not {code for code, _ in error.codes} & CODES_BY_SCHEMA:
            return False
        if part.object_type not in self._forgotten and self._forget(part.object_type):
            self._forgotten.add(part.object_type)
        return part.object_type in self._forgotten

    def _forbid(self, part: Part, error: VendorError) -> None:
        scopes = f" It needs {', '.join(error.lacking)}." if error.lacking else ""
        self._refusal = Unauthorized(
            f"batch_{part.action}: HubSpot answered {error.word}:"
            f" the app may not write {part.object_type}.{scopes} Grant it the scopes.",
            after_seconds=SETUP_PAUSE_SECONDS,
            vendor=error.vendor,
        )
        for write in part.writes:
            self._outcomes[write.index] = failed(write, self._refusal, sent=True)

    def _give_up(self, failure: WriteFailed) -> None:
        """Give every row without an outcome its Retry; only those just sent may have applied."""
        for number, part in enumerate(self._pending):
            for write in part.writes:
                self._outcomes[write.index] = failed(write, failure, sent=number == 0)


def _is_unauthorized(outcome: Outcome) -> bool:
    return isinstance(outcome, Retry) and outcome.reason is Reason.UNAUTHORIZED


def _shape_again(write: Write, error: VendorError) -> Retry:
    return Retry(
        Reason.UNKNOWN_FIELD,
        f"{write.where}: the properties have changed since they were read; they are read again.",
        after_seconds=0.0,
        vendor=error.vendor,
    )
