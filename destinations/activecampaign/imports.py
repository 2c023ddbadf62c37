"""Bulk import: contacts by the 250, queued by ActiveCampaign, delivered only once it says so.

An upsert counts as delivered when its batch is reported completed without naming it or passing
anybody over. Rows that a batch names, or is refused for, are sent singly: that answer says what is
wrong with them. A repeated import is harmless, because contacts are found by e-mail.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson

from destinations.activecampaign.client import ActiveCampaignClient, Reply
from destinations.activecampaign.contact_plan import ContactPlan
from destinations.activecampaign.outstanding import ENDED_BADLY, Outstanding, status_of
from destinations.activecampaign.settings import ActiveCampaignSettings
from transformer.clock import Clock
from transformer.errors import AnswerLost, ServerFault, Throttled, Unauthorized, WriteFailed
from transformer.kit.singles import Results
from transformer.outcome import Delivered
from transformer.upsert import Note

MAX_CONTACTS = 250
MAX_BYTES = 390_000
SMALLEST_SPLIT = 10
BELIEVED_REFUSALS = 2
LONGEST_POLL_SECONDS = 60.0
# Of ten requests for 1,000 contacts four are imports, and each is asked for once at least.
PATIENCE_GROWTH = 4
RATE_PAUSE_SECONDS = 60.0
_ENVELOPE_BYTES = 20


@dataclass(frozen=True, slots=True)
class Row:
    """One contact of an import, and which upsert of the write it is."""

    index: int
    plan: ContactPlan

    @property
    def email(self) -> str:
        """The address as failures are compared."""
        return self.plan.own["email"].lower()


@dataclass(frozen=True, slots=True)
class Batch:
    """One import that was accepted."""

    id: str
    rows: Sequence[Row]
    sent_at: float


class Importer:
    """Sends imports and waits for them; remembers how long the last one took."""

    def __init__(
        self,
        client: ActiveCampaignClient,
        settings: ActiveCampaignSettings,
        clock: Clock,
        outstanding: Outstanding,
    ) -> None:
        self._client = client
        self._outstanding = outstanding
        self._settings = settings
        self._clock = clock
        self._expected_seconds = settings.bulk_poll_seconds

    async def run(self, rows: Sequence[Row], results: Results) -> Sequence[Row]:
        """Import `rows` into `results`; return those that are to be sent singly."""
        singly: list[Row] = []
        batches: list[Batch] = []
        try:
            await self._send(rows, results, singly, batches)
            for batch in batches:
                await self._follow(batch, results, singly)
        finally:
            self._outstanding.end(batch.id for batch in batches)
        return singly

    async def _send(
        self, rows: Sequence[Row], results: Results, singly: list[Row], batches: list[Batch]
    ) -> None:
        small = [row for row in rows if _bytes(row) < MAX_BYTES]
        singly.extend(row for row in rows if _bytes(row) >= MAX_BYTES)
        pending = deque((chunk, 0) for chunk in chunks(small))
        while pending:
            chunk, refusals = pending.popleft()
            if results.stopped:
                results.unsent.update(row.index for row in chunk)
                continue
            try:
                reply = await self._post(chunk)
            except WriteFailed as failure:
                results.failures.update({row.index: failure for row in chunk})
                continue
            batch_id = _batch_id(reply)
            if batch_id is not None:
                self._outstanding.begin(batch_id)
                batches.append(Batch(batch_id, chunk, self._clock.now()))
            else:
                pending.extend(_sort_out(chunk, reply, singly, refusals=refusals))

    async def _post(self, chunk: Sequence[Row]) -> Reply:
        entries = [row.plan.import_entry for row in chunk]
        reply = await self._client.post("import/bulk_import", "bulk_import", {"contacts": entries})
        if _batch_id(reply) is None and "rate limit" in _message(reply).casefold():
            raise Throttled(
                "bulk_import: more imports than the account may send in a minute.",
                after_seconds=RATE_PAUSE_SECONDS,
                vendor={"status": reply.status, "message": _message(reply)},
            )
        if reply.ok and _batch_id(reply) is None and not _says_no(reply):
            raise AnswerLost("bulk_import: the answer names no batch.", may_have_applied=True)
        return reply

    async def _follow(self, batch: Batch, results: Results, singly: list[Row]) -> None:
        """Wait until the batch has ended, and give its rows their outcomes."""
        try:
            reply = await self._ended(batch)
        except WriteFailed as failure:
            results.failures.update({row.index: failure for row in batch.rows})
            return
        named = {str(each).strip().lower() for each in _listed(reply, "failure")}
        known = {row.email for row in batch.rows}
        # A failure that fits no row, or somebody passed over in silence (as on the exclusion list),
        # could be any of them: then all are sent singly.
        doubtful = not named <= known or _passed_over(reply, len(known))
        for row in batch.rows:
            if row.email in named or doubtful:
                singly.append(row)
            else:
                results.outcomes[row.index] = _delivered(row.plan)

    async def _ended(self, batch: Batch) -> Reply:
        """Ask until the batch has completed; raises WriteFailed when it did not."""
        deadline = batch.sent_at + self._settings.bulk_timeout_seconds
        wait = self._expected_seconds
        due = batch.sent_at + wait
        while True:
            await self._clock.sleep(due - self._clock.now())
            try:
                reply = await self._client.get("import/info", "import_info", batchId=batch.id)
            except Unauthorized:
                raise
            except WriteFailed as failure:
                wait = max(wait, failure.after_seconds or 0.0)
            else:
                status = status_of(reply)
                if status == "completed":
                    self._learn(self._clock.now() - batch.sent_at)
                    return reply
                if status in ENDED_BADLY or not reply.ok:
                    raise _broken(reply, status)
            wait = min(LONGEST_POLL_SECONDS, wait * PATIENCE_GROWTH)
            due = self._clock.now() + wait
            if due > deadline:
                raise AnswerLost(
                    "import_info: the import has not ended in time."
                    " Raise bulk_timeout_seconds if this goes on.",
                    may_have_applied=True,
                )

    def _learn(self, seconds: float) -> None:
        """Ask the next import first when it is likely to have ended."""
        self._expected_seconds = max(self._settings.bulk_poll_seconds, 0.9 * seconds)


def chunks(rows: Sequence[Row]) -> Sequence[Sequence[Row]]:
    """Cut `rows` into imports of at most 250 contacts and of a size that is accepted."""
    found: list[list[Row]] = [[]]
    size = _ENVELOPE_BYTES
    for row in rows:
        more = _bytes(row)
        if found[-1] and (len(found[-1]) >= MAX_CONTACTS or size + more > MAX_BYTES):
            found.append([])
            size = _ENVELOPE_BYTES
        found[-1].append(row)
        size += more
    return [chunk for chunk in found if chunk]


def _sort_out(
    chunk: Sequence[Row], reply: Reply, singly: list[Row], *, refusals: int
) -> Sequence[tuple[Sequence[Row], int]]:
    """What to import again of a refused chunk; the rows that it was refused for go singly.

    There are three cases: rows are named; none is, and it can be halved; or it is small. Nothing
    says whether positions count from 0 or 1: when the rest is refused, too, the rows before those
    named go with them, and after that names are not believed.
    """
    positions = set(_positions(reply))
    if len(chunk) in positions:
        positions = {each - 1 for each in positions}
    elif refusals:
        positions |= {each - 1 for each in positions}
    named = {each for each in positions if 0 <= each < len(chunk)}
    if named and refusals < BELIEVED_REFUSALS:
        singly.extend(chunk[position] for position in sorted(named))
        kept = [row for position, row in enumerate(chunk) if position not in named]
        return [(kept, refusals + 1)] if kept else []
    if len(chunk) >= SMALLEST_SPLIT:
        middle = len(chunk) // 2
        return [(chunk[:middle], refusals), (chunk[middle:], refusals)]
    singly.extend(chunk)
    return []


def _bytes(row: Row) -> int:
    """How much of an import a row takes, with the comma after it."""
    return len(orjson.dumps(row.plan.import_entry)) + 1


def _passed_over(reply: Reply, contacts: int) -> bool:
    """Whether a completed import answers for fewer contacts than it had, where it counts them."""
    done = len(_listed(reply, "success"))
    return 0 < done + len(_listed(reply, "failure")) < contacts


def _delivered(plan: ContactPlan) -> Delivered:
    """An import tells neither ids nor what was new; it cannot set a job title."""
    notes = list(plan.notes)
    if plan.job_title is not None:
        notes.append(Note("dropped", "jobTitle", "a bulk import cannot set it"))
    return Delivered("updated", "", "contact", tuple(notes))


def _positions(reply: Reply) -> Sequence[int]:
    found = [
        each.get("contact")
        for each in _listed(reply, "failureReasons")
        if isinstance(each, Mapping)
    ]
    return [int(str(each)) for each in found if str(each).isdecimal()]


def _broken(reply: Reply, status: str) -> ServerFault:
    vendor = {"status": reply.status, "import": status, "message": _message(reply)}
    return ServerFault(
        f"import_info: the import ended as {status or 'unknown'}.",
        vendor=vendor,
        may_have_applied=True,
    )


def _batch_id(reply: Reply) -> str | None:
    found = _body(reply).get("batchId") if reply.ok else None
    return str(found) if isinstance(found, str | int) and found else None


def _says_no(reply: Reply) -> bool:
    """Whether a 200 says that nothing was queued: `success` is capitalised in some answers."""
    return any(str(_body(reply).get(name)) == "0" for name in ("success", "Success"))


def _message(reply: Reply) -> str:
    return str(_body(reply).get("message") or "")


def _listed(reply: Reply, name: str) -> Sequence[object]:
    found = _body(reply).get(name)
    return found if isinstance(found, list) else []


def _body(reply: Reply) -> Mapping[str, object]:
    return reply.body if isinstance(reply.body, Mapping) else {}
