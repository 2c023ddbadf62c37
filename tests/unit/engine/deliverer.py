"""A deliverer in virtual time, against a destination that answers as a script says."""

import asyncio
import random
from collections.abc import Callable, Sequence

from tests.invariants.virtual import LoopClock
from transformer.budget import Budget
from transformer.destination import FieldUse, Finding, Limits
from transformer.engine.deliver import Deliverer
from transformer.engine.work import OwnedPartition, Work
from transformer.observer import Silent
from transformer.outcome import Delivered, Outcome, Redirect, Rejected, Skipped
from transformer.policy import Policy
from transformer.record import Partition, Record
from transformer.upsert import Match, Operation, Upsert

POLICY = Policy(linger_seconds=1.0, max_attempts=3, backoff_seconds=1.0)
Script = Callable[[Sequence[Upsert]], Sequence[Outcome]]


class Scripted:
    """A destination that answers as a function says, and notes what it was sent and when."""

    def __init__(self, script: Script, *, batch_records: int = 8, in_flight: int = 2) -> None:
        self.script = script
        self.limits = Limits(batch_records=batch_records, requests_in_flight=in_flight)
        self.budget = Budget()
        self.sent: list[tuple[float, list[object]]] = []

    async def close(self) -> None:
        """Nothing."""

    async def check(self, fields: Sequence[FieldUse]) -> Sequence[Finding]:
        """Nothing."""
        return []

    async def write(self, batch: Sequence[Upsert]) -> Sequence[Outcome]:
        """Note the batch and answer a tenth of a second later."""
        now = asyncio.get_running_loop().time()
        self.sent.append((round(now, 3), [u.properties["n"] for u in batch]))
        await asyncio.sleep(0.1)
        return self.script(batch)


class Bench:
    """A deliverer on a scripted destination; `results` maps n to what its event came to.

    `remapped` is what an event mapped again for another record becomes, if no upsert.
    """

    def __init__(
        self,
        script: Script,
        *,
        fenced: Callable[[], float] | None = None,
        policy: Policy = POLICY,
    ) -> None:
        self.crm = Scripted(script)
        self.results: dict[int, str] = {}
        self.merged: dict[int, int | None] = {}
        self.partition = OwnedPartition(Partition("events", 0), 0, 0)
        self.deliverer = Deliverer(
            destination=self.crm,
            policy=policy,
            clock=LoopClock(),
            observer=Silent(),
            rng=random.Random(1),
            remap=self._remap,
            settled=self._settled,
            fenced=fenced or (lambda: 0.0),
        )
        self.remapped: Skipped | None = None
        self.task = asyncio.create_task(self.deliverer.run())

    def add(self, n: int, person: str | None = None) -> None:
        """Hand over the nth event."""
        matches = (Match("Email", person or f"p{n}@x.io"),)
        record = Record("events", 0, n, 0, None, b"x" * 10)
        work = Work(record, self.partition, upserts=1)
        self.deliverer.add(work, [Upsert("Person", Operation.UPSERT, {"n": n}, matches)])

    async def drained(self) -> None:
        """Drain and wait."""
        self.deliverer.drain()
        await self.task

    def _settled(self, work: Work) -> None:
        (written,) = work.written
        outcome = written.outcome
        word = outcome.reason.value if isinstance(outcome, Rejected) else type(outcome).__name__
        self.results[work.record.offset] = word
        carrier = written.merged_into
        self.merged[work.record.offset] = carrier.offset if carrier else None

    def _remap(self, work: Work, redirect: Redirect) -> Upsert | Rejected | Skipped:
        if self.remapped is not None:
            return self.remapped
        matches = (Match("Id", redirect.record_id),)
        n = {"n": work.record.offset}
        return Upsert(redirect.object_type, Operation.UPDATE, n, matches)


def fine(batch: Sequence[Upsert]) -> Sequence[Outcome]:
    """Everything is delivered."""
    return [Delivered("updated", "1") for _ in batch]
