"""The last outcome of offsets, run-length: adjoining offsets with one outcome are one segment.

Pure. Bounded: the lowest segments are forgotten first, and what is forgotten stays counted.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Segment:
    """Adjoining offsets whose last result says the same `code`."""

    first: int
    last: int
    code: str

    @property
    def count(self) -> int:
        """How many offsets."""
        return self.last - self.first + 1


class Codes:
    """Segments in offset order; below `known_from` nothing is remembered."""

    __slots__ = ("_most", "known_from", "segments")

    def __init__(
        self, segments: Sequence[Segment] = (), *, known_from: int = 0, most: int | None = 500
    ) -> None:
        self.segments = list(segments)
        self.known_from = known_from
        self._most = most

    def overlapping(self, first: int, last: int) -> list[Segment]:
        """What is remembered of `first` to `last`, cut to fit."""
        return [
            Segment(max(first, s.first), min(last, s.last), s.code)
            for s in self._between(first, last)
        ]

    def paint(self, first: int, last: int, code: str) -> None:
        """From now on the offsets `first` to `last` say `code`."""
        first = max(first, self.known_from)
        if first > last:
            return
        begin = self._index(first)
        end = begin
        while end < len(self.segments) and self.segments[end].first <= last:
            end += 1
        cut = [s for s in self.segments[begin:end] if s.last >= first]
        made = [Segment(first, last, code)]
        if cut and cut[0].first < first:
            made.insert(0, Segment(cut[0].first, first - 1, cut[0].code))
        if cut and cut[-1].last > last:
            made.append(Segment(last + 1, cut[-1].last, cut[-1].code))
        kept = [s for s in self.segments[begin:end] if s.last < first]
        self._replace(begin, end, [*kept, *made])
        self._forget()

    def _between(self, first: int, last: int) -> Iterator[Segment]:
        for index in range(self._index(first), len(self.segments)):
            segment = self.segments[index]
            if segment.first > last:
                return
            if segment.last >= first:
                yield segment

    def _index(self, offset: int) -> int:
        """The segment that holds `offset`, or the one before where it would be."""
        return max(0, bisect_right(self.segments, offset, key=_first) - 1)

    def _replace(self, begin: int, end: int, made: list[Segment]) -> None:
        """Put `made` in place, joined with its neighbours and with each other where they agree."""
        begin, end = max(0, begin - 1), min(len(self.segments), end + 1)
        near = [*self.segments[begin:end]]
        around = [s for s in near if s.last < made[0].first]
        after = [s for s in near if s.first > made[-1].last]
        joined: list[Segment] = []
        for segment in (*around, *made, *after):
            last = joined[-1] if joined else None
            if last and last.code == segment.code and last.last + 1 == segment.first:
                joined[-1] = Segment(last.first, segment.last, segment.code)
            else:
                joined.append(segment)
        self.segments[begin:end] = joined

    def _forget(self) -> None:
        if self._most is not None and len(self.segments) > self._most:
            extra = len(self.segments) - self._most
            self.known_from = self.segments[extra - 1].last + 1
            del self.segments[:extra]


def _first(segment: Segment) -> int:
    return segment.first
