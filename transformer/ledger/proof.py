"""The offline proof: reads the topics once, through the broker port, and judges every offset.

An offset is missing when it lies between results, has a record in the source topic and has no
result; a rejected one must also have its dead letter.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import orjson

from transformer.broker import Broker
from transformer.ledger.account import Account
from transformer.ledger.codes import Codes
from transformer.ledger.coverage import Range
from transformer.ledger.entry import Entry, Holder, decode
from transformer.ledger.source import Source, read_all, read_sources
from transformer.record import Partition, Record
from transformer.results import DEAD_LETTER_HEADER

_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class Scope:
    """Which results are judged: produced from `begin` to `end`, in epoch seconds, of whom.

    The offsets between the first and the last of them must be complete; a result that fills one
    of them counts whenever it was produced.
    """

    begin: float = float("-inf")
    end: float = float("inf")
    connection: str | None = None
    grace_seconds: float = 0.0
    now: float = float("inf")


@dataclass(frozen=True, slots=True)
class Topics:
    """Where to read."""

    metrics: str
    dead_letters: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is proven of one connection and partition, over `first_offset` to `last_offset`.

    `behind` is how many records the source holds beyond the last result, None when it could not
    be read; `missing_ranges` and `no_dead_letter_offsets` are the first of them only.
    """

    holder: Holder
    first_offset: int
    last_offset: int
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


@dataclass(slots=True)
class _Book:
    """One holder's account, and what of it lies in the scope."""

    account: Account = field(default_factory=lambda: Account(codes=Codes(most=None)))
    first: int | None = None
    last: int = -1
    repeated: int = 0
    contradicted: int = 0


async def prove(broker: Broker, topics: Topics, scope: Scope) -> Proof:
    """Read what is in the topics now and judge it. Raises EnvironmentFault."""
    ledger = _Ledger(scope)
    await read_all(broker, [topics.metrics], ledger.take)
    if topics.dead_letters in await broker.topic_names():
        await read_all(broker, [topics.dead_letters], ledger.take_letter)
    sources = await read_sources(broker, ledger.gaps())
    return Proof([*ledger.verdicts(sources)], ledger.unreadable)


class _Ledger:
    """Every account, unbounded in what it remembers of outcomes: it is read once."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._books: dict[Holder, _Book] = defaultdict(_Book)
        self._letters: set[tuple[str, Partition, int]] = set()
        self.unreadable = 0

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

    def gaps(self) -> Mapping[Partition, list[Range]]:
        """The offsets without a result, of all partitions that have accounts."""
        found: dict[Partition, list[Range]] = {}
        for holder, book in self._books.items():
            gaps = [(gap.first, gap.last) for gap in book.account.coverage.gaps]
            found.setdefault(holder.partition, []).extend(gaps)
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
        young, old, absent = self._open(book, first, source)
        return Verdict(
            holder=holder,
            first_offset=first,
            last_offset=book.last,
            by_code=dict(sorted(counts.items())),
            in_flight=_size(young),
            missing=_size(old),
            repeated=book.repeated,
            contradicted=book.contradicted,
            no_record=absent,
            no_dead_letter=len(unlettered),
            behind=None
            if source is None
            else max(0, source.end - book.account.coverage.next_offset),
            missing_ranges=old[:_SHOWN],
            no_dead_letter_offsets=unlettered[:_SHOWN],
        )

    def _open(
        self, book: _Book, first: int, source: Source | None
    ) -> tuple[list[Range], list[Range], int]:
        """What has no result: ranges within the grace time, older ones, and absent records."""
        young: list[Range] = []
        old: list[Range] = []
        absent = 0
        for gap in book.account.coverage.gaps:
            begin, end = max(gap.first, first), min(gap.last, book.last)
            if begin > end:
                continue
            ranges = [(begin, end)] if source is None else [*source.held(begin, end)]
            absent += end - begin + 1 - _size(ranges)
            is_old = self._scope.now - gap.since >= self._scope.grace_seconds
            (old if is_old else young).extend(ranges)
        return young, old, absent

    def _unlettered(self, holder: Holder, offsets: Range) -> Iterable[int]:
        for offset in range(offsets[0], offsets[1] + 1):
            if (holder.connection, holder.partition, offset) not in self._letters:
                yield offset


def _size(ranges: Iterable[Range]) -> int:
    return sum(last - first + 1 for first, last in ranges)
