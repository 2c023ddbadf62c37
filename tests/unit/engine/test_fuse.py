"""The fuse: when reading pauses because too much is rejected."""

from transformer.engine.fuse import Fuse
from transformer.policy import Policy

POLICY = Policy(fuse_share=0.5, fuse_records=100, fuse_window_seconds=60.0, fuse_pause_seconds=30.0)


def counted(fuse: Fuse, at: float, rejected: int, fine: int, reason: str = "refused") -> None:
    """So many events settle at once."""
    for _ in range(rejected):
        fuse.count(at, reason)
    for _ in range(fine):
        fuse.count(at, None)


def test_it_opens_when_half_of_enough_events_were_rejected() -> None:
    """A flood pauses reading; few events, or few rejections among many, do not."""
    few, mild, flood = Fuse(POLICY), Fuse(POLICY), Fuse(POLICY)
    counted(few, 0.0, 99, 0)
    counted(mild, 0.0, 99, 101)
    counted(flood, 0.0, 100, 100)
    assert [fuse.wait_seconds(1.0) for fuse in (few, mild, flood)] == [0.0, 0.0, 30.0]
    assert flood.trips == 1


def test_what_is_older_than_the_window_no_longer_counts() -> None:
    """Rejections of an hour ago do not add up with those of now."""
    fuse = Fuse(POLICY)
    counted(fuse, 0.0, 90, 0)
    counted(fuse, 120.0, 90, 0)
    assert fuse.wait_seconds(120.0) == 0.0


def test_the_window_moves_by_a_part_of_it() -> None:
    """What is older falls out of it while what came since still counts."""
    fuse = Fuse(POLICY)
    counted(fuse, 0.0, 50, 0)
    counted(fuse, 30.0, 50, 0)
    counted(fuse, 61.0, 49, 0)
    assert fuse.wait_seconds(61.0) == 0.0
    counted(fuse, 62.0, 1, 0)
    assert fuse.wait_seconds(62.0) == 30.0


def test_it_tries_again_with_a_few_and_doubles_its_pause_while_they_are_rejected() -> None:
    """After the pause a tenth is enough to judge by; a good one closes it for good."""
    fuse = Fuse(POLICY)
    counted(fuse, 0.0, 100, 0)
    assert (fuse.wait_seconds(0.0), fuse.wait_seconds(29.0), fuse.wait_seconds(30.0)) == (30, 1, 0)
    counted(fuse, 31.0, 10, 0)
    assert fuse.wait_seconds(31.0) == 60.0
    counted(fuse, 92.0, 1, 9)
    assert fuse.wait_seconds(92.0) == 0.0
    counted(fuse, 93.0, 60, 0)
    assert fuse.wait_seconds(93.0) == 0.0


def test_events_without_a_match_key_are_no_flood() -> None:
    """Anonymous identifies are dead letters, and no sign that anything is broken."""
    fuse = Fuse(POLICY)
    counted(fuse, 0.0, 1000, 0, "match_key_missing")
    assert fuse.wait_seconds(0.0) == 0.0
