"""How far reading may run ahead, and which partitions pause for it (row K8)."""

import random

import pytest

from transformer.destination import Limits
from transformer.engine.headroom import changes, fair_share, room_records
from transformer.engine.work import OwnedPartition
from transformer.policy import Policy
from transformer.record import Partition


def owned(*outstanding: int) -> list[OwnedPartition]:
    """Partitions of which so much was read and has not settled."""
    found = [OwnedPartition(Partition("events", n), 0, 0) for n in range(len(outstanding))]
    for partition, count in zip(found, outstanding, strict=True):
        partition.tracker.position = count
    return found


def pausing(*outstanding: int, lag: dict[int, int] | None = None, room: int = 4_000) -> list[int]:
    """The numbers of the partitions that pause."""
    lags = {Partition("events", number): count for number, count in (lag or {}).items()}
    return [p.name.number for p in changes(owned(*outstanding), lags, room, held=False)[0]]


@pytest.mark.parametrize(
    ("wanted", "share"),
    [
        ([], 1_000),
        ([9_000], 1_000),
        ([9_000, 9_000], 500),
        ([9_000, 0, 0, 0], 1_000),
        ([9_000, 100, 100, 100], 700),
        ([9_000, 8_000, 100, 100], 400),
        ([100, 100], 500),
        ([0, 0], 500),
    ],
)
def test_what_some_do_not_need_is_there_for_the_others(wanted: list[int], share: int) -> None:
    """A thousand records of room; together they never take more."""
    assert fair_share(1_000, wanted) == share
    assert sum(min(share, want) for want in wanted) <= 1_000


def test_shares_fill_the_room_and_never_exceed_it() -> None:
    """But for what a division leaves over."""
    rng = random.Random(3)
    for _ in range(500):
        wanted = [rng.choice((0, rng.randrange(3_000))) for _ in range(rng.randrange(1, 20))]
        room = rng.randrange(10_000)
        taken = sum(min(fair_share(room, wanted), want) for want in wanted)
        assert min(room, sum(wanted)) - len(wanted) < taken <= room


@pytest.mark.parametrize(
    ("limits", "room"),
    [
        (Limits(1_000, 2), 5_000),
        (Limits(1_000, 2, None, 500), 5_000),
        (Limits(1_000, 2, None, 2_000), 6_000),
        (Limits(1_000, 2, None, 20_000), 42_000),
    ],
)
def test_a_backlog_always_finds_room(limits: Limits, room: int) -> None:
    """Twice, beside what is in flight the usual way; what the policy says is the least."""
    assert room_records(Policy(in_flight_records=5_000), limits) == room


def test_each_partition_has_an_even_share_until_it_is_known_what_waits_in_it() -> None:
    """Four of them, a thousand each."""
    assert pausing(999, 1_000, 0, 1_500) == [1, 3]


def test_one_partition_may_have_what_is_left_of_the_room() -> None:
    """Little waits in the others, so its backlog gathers."""
    lag = {0: 9_000, 1: 100, 2: 100, 3: 0}
    assert pausing(3_700, 100, 100, 0, lag=lag) == []
    assert pausing(3_800, 0, 0, 0, lag=lag) == [0]


def test_a_full_room_pauses_whoever_has_an_even_share() -> None:
    """More came to the others since lag was measured; they still get their own."""
    lag = {0: 9_000, 1: 0, 2: 0, 3: 0}
    assert pausing(3_000, 999, 0, 0, lag=lag) == []
    assert pausing(3_000, 999, 1, 0, lag=lag) == [0]
    assert pausing(3_000, 1_000, 1, 0, lag=lag) == [0, 1]


def test_with_very_many_partitions_each_may_still_read_some() -> None:
    """A hundred records, however small the room."""
    assert pausing(*[99] * 50, room=10) == []
    assert pausing(*[100] * 50, room=10) == list(range(50))


def test_a_partition_goes_on_when_half_has_settled() -> None:
    """Not before, nor while all are held."""
    lag: dict[Partition, int] = {}
    for outstanding, resumes in ((501, False), (500, True)):
        partitions = owned(outstanding, 0, 0, 0)
        partitions[0].paused = True
        assert changes(partitions, lag, 4_000, held=False) == (
            [],
            partitions[:1] if resumes else [],
        )
    assert changes(partitions, lag, 4_000, held=True) == (partitions[1:], [])
