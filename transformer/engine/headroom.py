"""How far reading may run ahead of what has settled, and which partitions pause for it (row K8).

Pure. Every partition has a fair share: what some do not need, because little waits in them, is
there for the others, so that a backlog in one partition gathers as one over all of them does.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

from transformer.destination import Limits
from transformer.engine.work import OwnedPartition
from transformer.policy import Policy
from transformer.record import Partition

LEAST_RECORDS = 100


def room_records(policy: Policy, limits: Limits) -> int:
    """How many records may be read and not settled: a CRM's backlogs have to find room there.

    One backlog is written while the next one gathers, beside the usual batches in flight.
    """
    if limits.backlog_records is None:
        return policy.in_flight_records
    usual = limits.requests_in_flight * limits.batch_records
    return max(policy.in_flight_records, usual + 2 * limits.backlog_records)


def fair_share(room: int, wanted: Iterable[int]) -> int:
    """The most that each may have of `room`, so that it goes round; those that want less get that.

    Where all get what they want, the rest is parted evenly on top.
    """
    left, share = room, 0
    ascending = sorted(wanted)
    for before, want in enumerate(ascending):
        others = len(ascending) - before
        if (want - share) * others > left:
            return share + left // others
        left -= (want - share) * others
        share = want
    return share + left // max(1, len(ascending))


def changes(
    partitions: Collection[OwnedPartition], lag: Mapping[Partition, int], room: int, *, held: bool
) -> tuple[Sequence[OwnedPartition], Sequence[OwnedPartition]]:
    """Say which partitions are to pause, and which to go on; those that are `held` all pause.

    One pauses that has its fair share, by the lag measured last; and as lag grows between two
    measurements, one that has its even share when all together have filled the room. It goes on
    when half of that has settled.
    """
    even = max(LEAST_RECORDS, room // max(1, len(partitions)))
    fair = max(even, fair_share(room, (lag.get(each.name, room) for each in partitions)))
    full = sum(each.tracker.outstanding for each in partitions) >= room
    limit = even if full else fair
    return (
        [p for p in partitions if not p.paused and (held or p.tracker.outstanding >= limit)],
        [p for p in partitions if p.paused and not held and p.tracker.outstanding <= limit // 2],
    )
