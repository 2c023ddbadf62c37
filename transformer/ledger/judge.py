"""What the offline proof says of every offset, once its topics are read. Pure.

An offset is missing when its consumer group has committed it, it has a record in the source topic
and no result; a rejected one must also have its dead letter. Above the commit it is in flight.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import orjson

from transformer.engine.results import DEAD_LETTER_HEADER
from transformer.ledger.account import Account
from transformer.ledger.codes import Codes
from transformer.ledger.coverage import Range
from transformer.ledger.entry import Entry, Holder, decode
from transformer.ledger.source import Source
from transformer.record import Partition, Record

_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class Scope:
    """Which results are judged: produced from `begin` to `end`, in epoch seconds, of whom.

    The offsets between the first and the last of them must be complete, and without an `end` those
    after the last that are committed; a result that fills one of them counts whenever it was
    produced. Results of before `begin` are not read when all is complete without them.
    """

    begin: float = float("-inf")
    end: float = float("inf")
    connection: str | None = None
    grace_seconds: float = 0.0
    now: float = float("inf")

    @property
    def is_open(self) -> bool:
        """Whether it goes on to what is there last."""
        return self.end == float("inf")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is proven of one connection and partition, over `first_offset` to `last_offset`.

    `committed` is None where the consumer group has committed nothing. `behind` is how many records
    the source holds beyond the last result, None when it could not be read; `missing_ranges` and
    `no_dead_letter_offsets` are the first of them only.
    """

    holder: Holder
    first_offset: int
    last_offset: int
    committed: int | None
    by_code: Mapping[str, int]
    in_flight: int
    missing: int
    repeated: int
    contradicted: int
    no_record: int
    no_dead_letter: int
    behind: int | None
    missing_ranges: Sequence[Range]
    no_dead_letter_offsets: Sequence[int]

    @property
    def is_conserved(self) -> bool:
        """Whether nothing is missing."""
        return not self.missing and not self.no_dead_letter

    def count(self, outcome: str) -> int:
        """How many offsets have this outcome."""
        return sum(n for code, n in self.by_code.items() if code.partition("/")[0] == outcome)


@dataclass(frozen=True, slots=True)
class Proof:
    """All verdicts; `unreadable` records of the metrics topic are no results."""

    verdicts: Sequence[Verdict]
    unreadable: int

    @property
    def is_conserved(self) -> bool:
        """Whether nothing is missing anywhere."""
        return all(verdict.is_conserved for verdict in self.verdicts)

    @property
    def is_whole(self) -> bool:
        """Whether nothing is left that a result not read could explain."""
        return self.is_conserved and not any(verdict.in_flight for verdict in self.verdicts)


@dataclass(slots=True)
class _Book:
    """One holder's account, and what of it lies in the scope."""

    account: Account = field(default_factory=lambda: Account(codes=Codes(most=None)))
    first: int | None = None
    last: int = -1
    repeated: int = 0
    contradicted: int = 0


class Judge:
    """Every account, unbounded in what it remembers of outcomes: it is read once."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._books: dict[Holder, _Book] = defaultdict(_Book)
        self._letters: set[tuple[str, Partition, int]] = set()
        self.committed: Mapping[Holder, int] = {}
        self.unreadable = 0

    def holders(self) -> Iterable[Holder]:
        """Everybody who has an account."""
        return self._books.keys()

    def take(self, record: Record) -> None:
        """Take in one record of the metrics topic."""
        entry = decode(record.value)
        if entry is None:
            self.unreadable += 1
        elif self._scope.connection in (None, entry.holder.connection):
            self._post(self._books[entry.holder], entry, record.offset)

    def take_letter(self, record: Record) -> None:
        """Take in one dead letter."""
        for name, header in reversed(record.headers):
            if name == DEAD_LETTER_HEADER and header is not None:
                letter = orjson.loads(header)
                origin = letter["origin"]
                partition = Partition(origin["topic"], origin["partition"])
                self._letters.add((letter["connection"], partition, origin["offset"]))
                return

    def expect(self) -> None:
        """Where the scope has no end, what is committed beyond the last result belongs to it."""
        if not self._scope.is_open:
            return
        for holder, book in self._books.items():
            if book.account.expect(self.committed.get(holder, 0), book.account.updated):
                book.last = book.account.coverage.next_offset - 1

    def gaps(self) -> Mapping[Partition, list[Range]]:
        """The offsets without a result that are judged, of all partitions that have accounts."""
        found: dict[Partition, list[Range]] = {}
        for holder, book in self._books.items():
            ranges = found.setdefault(holder.partition, [])
            if book.first is not None:
                ranges += [(begin, end) for begin, end, _ in _gaps(book, book.first)]
        return found

    def verdicts(self, sources: Mapping[Partition, Source]) -> Iterable[Verdict]:
        """One verdict per holder that has a result in the scope."""
        for holder, book in sorted(self._books.items()):
            if book.first is not None:
                yield self._verdict(holder, book, book.first, sources.get(holder.partition))

    def _post(self, book: _Book, entry: Entry, position: int) -> None:
        account = book.account
        before = account.repeated, account.contradicted
        account.take(entry, position, entry.time)
        if self._scope.begin <= entry.time <= self._scope.end:
            book.first = entry.first if book.first is None else min(book.first, entry.first)
            book.last = max(book.last, entry.last)
            book.repeated += account.repeated - before[0]
            book.contradicted += account.contradicted - before[1]

    def _verdict(self, holder: Holder, book: _Book, first: int, source: Source | None) -> Verdict:
        counts: Counter[str] = Counter()
        unlettered: list[int] = []
        for segment in book.account.codes.overlapping(first, book.last):
            counts[segment.code] += segment.count
            if segment.code.startswith("rejected"):
                unlettered += self._unlettered(holder, (segment.first, segment.last))
        committed = self.committed.get(holder)
        flying, missing, absent = self._open(book, first, source, committed or 0)
        return Verdict(
            holder=holder,
            first_offset=first,
            last_offset=book.last,
            committed=committed,
            by_code=dict(sorted(counts.items())),
            in_flight=_size(flying),
            missing=_size(missing),
            repeated=book.repeated,
            contradicted=book.contradicted,
            no_record=absent,
            no_dead_letter=len(unlettered),
            behind=None
            if source is None
            else max(0, source.end - max(book.account.coverage.next_offset, committed or 0)),
            missing_ranges=missing[:_SHOWN],
            no_dead_letter_offsets=unlettered[:_SHOWN],
        )

    def _open(
        self, book: _Book, first: int, source: Source | None, committed: int
    ) -> tuple[list[Range], list[Range], int]:
        """What has no result: ranges in flight, ranges missing, and how many hold no record."""
        flying: list[Range] = []
        missing: list[Range] = []
        absent = 0
        for begin, end, since in _gaps(book, first):
            held = [(begin, end)] if source is None else [*source.held(begin, end)]
            absent += end - begin + 1 - _size(held)
            is_old = self._scope.now - since >= self._scope.grace_seconds
            due = committed if is_old else 0
            missing += [(a, min(b, due - 1)) for a, b in held if a < due]
            flying += [(max(a, due), b) for a, b in held if b >= due]
        return flying, missing, absent

    def _unlettered(self, holder: Holder, offsets: Range) -> Iterable[int]:
        for offset in range(offsets[0], offsets[1] + 1):
            if (holder.connection, holder.partition, offset) not in self._letters:
                yield offset


def _gaps(book: _Book, first: int) -> Iterable[tuple[int, int, float]]:
    """What of a book's gaps lies in the scope, and since when."""
    for gap in book.account.coverage.gaps:
        if gap.first <= book.last and gap.last >= first:
            yield max(gap.first, first), min(gap.last, book.last), gap.since


def _size(ranges: Iterable[Range]) -> int:
    return sum(last - first + 1 for first, last in ranges)
