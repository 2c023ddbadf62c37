"""Which offsets of a partition have a result, as one span with gaps. Pure; keeps no offset."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

EVERY_OFFSET: Final = 2**63 - 1
"""A committed offset where nobody can tell it: then age alone makes a gap of what has no result."""

Range = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Gap:
    """Adjoining offsets without a result; `since` is when the gap last changed."""

    first: int
    last: int
    since: float

    @property
    def count(self) -> int:
        """How many offsets."""
        return self.last - self.first + 1


class Coverage:
    """The offsets from `start` to below `next_offset`, except for `gaps`; empty when both are 0.

    Offsets without a result are in flight as long as the consumer group has not committed them.
    Never more than `most_gaps`: of more, the lowest are given up and their offsets are counted in
    `lost`, missing for ever.
    """

    __slots__ = ("_most_gaps", "gaps", "lost", "next_offset", "start")

    def __init__(
        self,
        start: int = 0,
        next_offset: int = 0,
        gaps: Sequence[Gap] = (),
        *,
        lost: int = 0,
        most_gaps: int = 10_000,
    ) -> None:
        self.start = start
        self.next_offset = next_offset
        self.gaps = list(gaps)
        self.lost = lost
        self._most_gaps = most_gaps

    @property
    def span(self) -> int:
        """How many offsets there are from the first to the last with a result."""
        return self.next_offset - self.start

    def cover(self, first: int, last: int, at: float) -> list[Range]:
        """Take in the offsets `first` to `last`; return those that had no result until now."""
        if not self.span:
            self.start, self.next_offset = first, last + 1
            return [(first, last)]
        fresh = [*self._before(first, last, at), *self._fill(first, last, at)]
        if last >= self.next_offset:
            begin = max(first, self.next_offset)
            if begin > self.next_offset:
                self.gaps.append(Gap(self.next_offset, begin - 1, at))
            fresh.append((begin, last))
            self.next_offset = last + 1
        self._give_up()
        return fresh

    def expect(self, committed: int, at: float) -> bool:
        """What is committed must have results, too, where none came since; whether that is new."""
        if not self.span or committed in (0, EVERY_OFFSET) or committed <= self.next_offset:
            return False
        self.gaps.append(Gap(self.next_offset, committed - 1, at))
        self.next_offset = committed
        self._give_up()
        return True

    def due(self, now: float, grace_seconds: float, committed: int) -> list[Range]:
        """The offsets below the committed one that have had no result for the grace time."""
        return [
            (gap.first, min(gap.last, committed - 1))
            for gap in self.gaps
            if gap.first < committed and now - gap.since >= grace_seconds
        ]

    def missing(self, now: float, grace_seconds: float, committed: int) -> int:
        """How many offsets those are."""
        due = self.due(now, grace_seconds, committed)
        return self.lost + sum(last - first + 1 for first, last in due)

    def waiting(self, now: float, grace_seconds: float, committed: int) -> int:
        """How many others have no result: not committed, or not for long; they are in flight."""
        without = self.lost + sum(gap.count for gap in self.gaps)
        return without - self.missing(now, grace_seconds, committed)

    def _before(self, first: int, last: int, at: float) -> Iterator[Range]:
        if first < self.start:
            end = min(last, self.start - 1)
            if end < self.start - 1:
                self.gaps.insert(0, Gap(end + 1, self.start - 1, at))
            self.start = first
            yield (first, end)

    def _fill(self, first: int, last: int, at: float) -> Iterator[Range]:
        index = max(0, bisect_right(self.gaps, first, key=_first) - 1)
        while index < len(self.gaps) and self.gaps[index].first <= last:
            gap = self.gaps[index]
            if gap.last < first:
                index += 1
                continue
            left = Gap(gap.first, first - 1, at)
            right = Gap(last + 1, gap.last, at)
            rest = [part for part in (left, right) if part.first <= part.last]
            self.gaps[index : index + 1] = rest
            index += len(rest)
            yield (max(first, gap.first), min(last, gap.last))

    def _give_up(self) -> None:
        extra = len(self.gaps) - self._most_gaps
        if extra > 0:
            self.lost += sum(gap.count for gap in self.gaps[:extra])
            del self.gaps[:extra]


def _first(gap: Gap) -> int:
    return gap.first
