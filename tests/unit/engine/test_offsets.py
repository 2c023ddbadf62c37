"""Offsets: what may be committed, and what may not yet."""

from transformer.engine.offsets import OffsetTracker, Span


def spans(tracker: OffsetTracker, *offsets: int) -> list[Span]:
    """Track one span per offset."""
    made = [Span(offset) for offset in offsets]
    for span in made:
        tracker.track(span)
    return made


def test_nothing_is_committed_over_an_offset_that_is_not_acknowledged() -> None:
    """The lowest unacknowledged offset holds back all above it (invariant 2)."""
    tracker = OffsetTracker(5)
    first, second, third = spans(tracker, 5, 6, 7)
    second.acked = third.acked = True
    assert tracker.advance() == 5
    first.acked = True
    assert tracker.advance() == 8


def test_gaps_in_a_partition_are_committed_over() -> None:
    """Offsets that no record has (transactions, compaction) do not stop the commit."""
    tracker = OffsetTracker(0)
    for span in spans(tracker, 0, 3, 9):
        span.acked = True
    assert tracker.advance() == 10


def test_a_run_grows_only_over_adjoining_offsets_at_the_end() -> None:
    """A run is one span: it may not leap over a gap or over a later span, nor grow once acked."""
    tracker = OffsetTracker(0)
    (run,) = spans(tracker, 0)
    assert tracker.extend(run, 1)
    assert not tracker.extend(run, 3)
    spans(tracker, 2)
    assert not tracker.extend(run, 3)
    late = OffsetTracker(0)
    (acked,) = spans(late, 0)
    acked.acked = True
    assert not late.extend(acked, 1)
    assert (run.first, run.last, tracker.position) == (0, 1, 3)


def test_outstanding_and_oldest_tell_what_is_in_flight() -> None:
    """They count offsets read and not acknowledged, and name the first of them."""
    tracker = OffsetTracker(10)
    first, second = spans(tracker, 10, 11)
    assert (tracker.outstanding, tracker.oldest) == (2, first)
    first.acked = True
    assert tracker.oldest is second
    assert tracker.outstanding == 1
    second.acked = True
    assert tracker.oldest is None
    assert tracker.outstanding == 0
