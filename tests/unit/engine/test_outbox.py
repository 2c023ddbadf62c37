"""The outbox: what it tells the observer of the events that were produced."""

from collections.abc import Sequence

from tests.manual_clock import ManualClock
from transformer.engine.fuse import Fuse
from transformer.engine.outbox import Outbox
from transformer.engine.results import Reporter
from transformer.engine.work import OwnedPartition, Work, Written
from transformer.memory.broker import MemoryBroker
from transformer.observer import Silent
from transformer.outcome import Delivered, Reason, Rejected, Settled
from transformer.policy import Policy
from transformer.record import Partition, Record
from transformer.upsert import Operation, Upsert


class Noting(Silent):
    """An observer that notes what settled, and how long delivering took."""

    def __init__(self) -> None:
        self.events: dict[tuple[str, str, str, str], int] = {}
        self.seconds: list[float] = []

    def settled(
        self, outcome: str, reason: str, object_type: str, operation: str, count: int = 1
    ) -> None:
        """Note the labels and how many."""
        self.events[outcome, reason, object_type, operation] = count

    def latencies(self, seconds: Sequence[float]) -> None:
        """Note them."""
        self.seconds += seconds


def work(
    partition: OwnedPartition, offset: int, outcome: Settled, upsert: Upsert | None = None
) -> Work:
    """An event, recorded `offset` seconds after the epoch, that ended so."""
    made = Work(Record("events", 0, offset, offset * 1000, None, b"{}"), partition, upserts=1)
    made.settle(Written(upsert, outcome))
    partition.tracker.track(made)
    return made


async def test_events_are_counted_by_what_became_of_them_and_only_delivered_ones_timed() -> None:
    """A write that another object took over counts for that one."""
    clock, noting = ManualClock(), Noting()
    partition = OwnedPartition(Partition("events", 0), 0, 0)
    outbox = Outbox(
        reporter=Reporter("crm", "v1"),
        metrics_topic="metrics",
        dead_letter_topic="letters",
        clock=clock,
        observer=noting,
        fuse=Fuse(Policy()),
    )
    lead = Upsert("Lead", Operation.UPSERT, {})
    refused = Rejected(Reason.REFUSED, "no")
    settled = [
        work(partition, 1, Delivered("created", "1"), lead),
        work(partition, 2, Delivered("created", "2"), lead),
        work(partition, 3, Delivered("updated", "3", "Contact"), lead),
        work(partition, 4, refused, lead),
        work(partition, 5, refused),
    ]
    for each in settled:
        outbox.settle(each)
    await outbox.flush(await MemoryBroker(clock).producer())
    assert noting.events == {
        ("delivered", "", "Lead", "created"): 2,
        ("delivered", "", "Contact", "updated"): 1,
        ("rejected", "refused", "Lead", "upsert"): 1,
        ("rejected", "refused", "", ""): 1,
    }
    assert noting.seconds == [clock.wall() - at for at in (1, 2, 3)]
    assert partition.tracker.advance() == 6
