"""Work: one event read and not settled yet, and what became of each of its writes."""

from dataclasses import dataclass

from transformer.engine.offsets import OffsetTracker, Span
from transformer.outcome import Delivered, Rejected, Settled
from transformer.record import Partition, Record
from transformer.upsert import Upsert


class OwnedPartition:
    """A partition while it is assigned to this worker; a new assignment gets a new one.

    Records below `repeats_below` may have been written by the worker that had it before. While it
    is `leaving`, nothing of it is sent any more; when it is not `owned`, nothing is produced.
    """

    __slots__ = ("leaving", "name", "owned", "paused", "repeats_below", "run", "tracker")

    def __init__(self, name: Partition, next_offset: int, repeats_below: int) -> None:
        self.name = name
        self.tracker = OffsetTracker(next_offset)
        self.repeats_below = repeats_below
        self.owned = True
        self.leaving = False
        self.paused = False
        self.run: SkippedRun | None = None


class SkippedRun(Span):
    """A run of adjoining records skipped for one reason: one result for all of them."""

    __slots__ = ("reason",)

    def __init__(self, offset: int, reason: str) -> None:
        super().__init__(offset)
        self.reason = reason

    @property
    def count(self) -> int:
        """How many records were skipped."""
        return self.last - self.first + 1


@dataclass(slots=True)
class Written:
    """What became of one upsert of an event: its settled outcome and how it got there.

    `merged_into` is the record whose write carried this one, when it is not its own.
    """

    upsert: Upsert | None
    outcome: Settled
    attempts: int = 0
    merged_into: Record | None = None


class Work(Span):
    """One event in flight: its record, and a place for the outcome of each of its upserts.

    `summary` is its one outcome and reason, once all have settled.
    """

    __slots__ = (
        "event_type",
        "message_id",
        "open",
        "partition",
        "record",
        "redirects",
        "summary",
        "written",
    )

    def __init__(
        self,
        record: Record,
        partition: OwnedPartition,
        *,
        message_id: str = "",
        event_type: str = "",
        upserts: int = 0,
    ) -> None:
        super().__init__(record.offset)
        self.record = record
        self.partition = partition
        self.message_id = message_id
        self.event_type = event_type
        self.open = upserts
        self.redirects = 0
        self.summary: tuple[str, str | None] = ("", None)
        self.written: list[Written] = []

    def settle(self, written: Written) -> bool:
        """Take one upsert's outcome; return whether it was the last one open (invariant 1)."""
        self.written.append(written)
        self.open -= 1
        if self.open:
            return False
        self.summary = _summary(self.written)
        return True

    @property
    def rejections(self) -> list[Written]:
        """The writes that were rejected; any makes the whole event a dead letter."""
        return [w for w in self.written if isinstance(w.outcome, Rejected)]


def _summary(written: list[Written]) -> tuple[str, str | None]:
    """One outcome and reason for the event: rejected before delivered before skipped."""
    outcome: str = "skipped"
    why: str | None = None
    for one in written:
        if isinstance(one.outcome, Rejected):
            return "rejected", one.outcome.reason.value
        if isinstance(one.outcome, Delivered):
            outcome, why = "delivered", None
        elif outcome == "skipped":
            why = why or one.outcome.reason.value
    return outcome, why
