"""The account of one partition for one connection: what its results say of every offset. Pure.

A repeat that contradicts what was said before wins: the last result of an offset counts.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from transformer.ledger.codes import Codes
from transformer.ledger.coverage import Coverage, Range
from transformer.ledger.entry import Entry

WINDOW_SECONDS: Final = 60
WINDOWS: Final = 60
REPEATED: Final = "repeated"
ABSENT: Final = "absent"


@dataclass(frozen=True, slots=True)
class Balance:
    """An account as it stands at one moment.

    `consumed` is the sum of delivered, skipped, rejected, in_flight, missing and `absent`: offsets
    that hold no record in the source topic.
    """

    first_offset: int
    next_offset: int
    consumed: int
    delivered: int
    skipped: int
    rejected: int
    in_flight: int
    missing: int
    absent: int
    repeated: int
    contradicted: int
    by_code: Mapping[str, int]


@dataclass(slots=True)
class Account:
    """Mutable, because every result changes it. `as_of` is the last metrics offset taken in.

    A result at or below `as_of` has been taken in already: reading again after a crash changes
    nothing. `windows` are tumbling: results by code, per minute in which they were produced.
    """

    coverage: Coverage = field(default_factory=Coverage)
    codes: Codes = field(default_factory=Codes)
    counts: Counter[str] = field(default_factory=Counter)
    windows: dict[int, Counter[str]] = field(default_factory=dict)
    repeated: int = 0
    contradicted: int = 0
    as_of: int = -1
    updated: float = 0.0

    def take(self, entry: Entry, position: int, now: float) -> None:
        """Take in the result at `position` of the metrics topic; `now` dates what it changes."""
        if position <= self.as_of:
            return
        self.as_of = position
        self.updated = max(self.updated, entry.time)
        fresh = self.coverage.cover(entry.first, entry.last, now)
        again = entry.count - sum(last - first + 1 for first, last in fresh)
        for first, last in fresh:
            self.counts[entry.code] += last - first + 1
            self.codes.paint(first, last, entry.code)
        if again:
            self.repeated += again
            for first, last in without((entry.first, entry.last), fresh):
                self._correct(first, last, entry.code)
        self._count(entry, again)

    def strike(self, first: int, last: int) -> None:
        """Take out offsets of a gap that hold no record in the source topic: none is missing."""
        for begin, end in self.coverage.cover(first, last, self.updated):
            self.counts[ABSENT] += end - begin + 1
            self.codes.paint(begin, end, ABSENT)

    def expect(self, committed: int, now: float) -> bool:
        """Offsets below `committed` must have their result (invariant 2); whether that is news."""
        return self.coverage.expect(committed, now)

    def gaps(self, now: float, grace_seconds: float, committed: int) -> list[Range]:
        """The committed offsets that have had no result for the grace time."""
        return self.coverage.due(now, grace_seconds, committed)

    def balance(self, now: float, grace_seconds: float, committed: int) -> Balance:
        """What the account says at `now`, when the consumer group has committed so far."""
        outcomes: Counter[str] = Counter()
        for code, count in self.counts.items():
            outcomes[code.partition("/")[0]] += count
        return Balance(
            first_offset=self.coverage.start,
            next_offset=self.coverage.next_offset,
            consumed=self.coverage.span,
            delivered=outcomes["delivered"],
            skipped=outcomes["skipped"],
            rejected=outcomes["rejected"],
            in_flight=self.coverage.waiting(now, grace_seconds, committed),
            missing=self.coverage.missing(now, grace_seconds, committed),
            absent=outcomes[ABSENT],
            repeated=self.repeated,
            contradicted=self.contradicted,
            by_code={code: count for code, count in sorted(self.counts.items()) if count},
        )

    def _correct(self, first: int, last: int, code: str) -> None:
        """The last result counts, as far back as the codes reach."""
        for segment in self.codes.overlapping(first, last):
            if segment.code != code:
                self.counts[segment.code] -= segment.count
                self.counts[code] += segment.count
                self.contradicted += segment.count
                self.codes.paint(segment.first, segment.last, code)

    def _count(self, entry: Entry, again: int) -> None:
        start = int(entry.time // WINDOW_SECONDS) * WINDOW_SECONDS
        window = self.windows.setdefault(start, Counter())
        window[entry.code] += entry.count - again
        if again:
            window[REPEATED] += again
        while len(self.windows) > WINDOWS:
            del self.windows[min(self.windows)]


def without(whole: Range, parts: Iterable[Range]) -> Iterable[Range]:
    """`whole` without `parts`, which are within it and do not overlap."""
    begin, end = whole
    for first, last in sorted(parts):
        if begin < first:
            yield (begin, first - 1)
        begin = last + 1
    if begin <= end:
        yield (begin, end)
