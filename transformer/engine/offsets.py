"""Which offset of a partition may be committed: all below it have settled and are acknowledged.

Pure. It knows nothing of events; a span is one record, or a run of records settled alike.
"""

from collections import deque


class Span:
    """The offsets `first` to `last` of one partition, all of which settle together.

    `acked` turns true when the broker has acknowledged what became of them (invariant 2).
    Mutable, because one is built per event and its state changes once.
    """

    __slots__ = ("acked", "first", "last")

    def __init__(self, offset: int) -> None:
        self.first = offset
        self.last = offset
        self.acked = False

    def __repr__(self) -> str:
        return f"<Span {self.first}-{self.last}{' acked' if self.acked else ''}>"


class OffsetTracker:
    """The spans of one partition in offset order, and the next offset that may be committed."""

    __slots__ = ("_spans", "committed", "next_offset", "position")

    def __init__(self, next_offset: int) -> None:
        self._spans: deque[Span] = deque()
        self.position = next_offset
        self.next_offset = next_offset
        self.committed = next_offset

    def track(self, span: Span) -> None:
        """Take over a span just read; spans come in offset order."""
        self._spans.append(span)
        self.position = span.last + 1

    def extend(self, span: Span, offset: int) -> bool:
        """Lengthen `span` by the record at `offset`, if it is the last one read and adjoins it."""
        if span.acked or not self._spans or self._spans[-1] is not span or span.last + 1 != offset:
            return False
        span.last = offset
        self.position = offset + 1
        return True

    def advance(self) -> int:
        """Return the next offset that may be committed: everything below it is acknowledged."""
        spans = self._spans
        while spans and spans[0].acked:
            self.next_offset = spans.popleft().last + 1
        return self.next_offset

    @property
    def outstanding(self) -> int:
        """How many offsets lie between what may be committed and what was read."""
        return self.position - self.next_offset

    @property
    def oldest(self) -> Span | None:
        """The oldest span that is not acknowledged, if any."""
        self.advance()
        return self._spans[0] if self._spans else None
