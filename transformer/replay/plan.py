"""Which dead letters a replay takes, and in what order (row K5). Pure: no topic is read here.

An older event must never overwrite a newer one (row K6): a letter is left out when an event of one
of its match keys that came later has been delivered, or when that cannot be told any more.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, NamedTuple, TypeAlias

from transformer.record import Partition, Record
from transformer.replay.letters import Letter, LetterId, Mark, read
from transformer.replay.origin import Origin
from transformer.upsert import Key

Keyed: TypeAlias = tuple[str, Key]
"""A match key of one connection: nobody else's writes concern it."""


class Status(StrEnum):
    """What becomes of a letter."""

    SELECTED = "selected"
    OVER_LIMIT = "over_limit"
    SUPERSEDED = "superseded"
    RESULTS_GONE = "results_gone"
    ALREADY_REPLAYED = "already_replayed"
    SETTLED_SINCE = "settled_since"
    CONNECTION_UNKNOWN = "connection_unknown"
    TOPIC_NOT_READ = "topic_not_read"
    ORIGIN_GONE = "origin_gone"


MEANINGS: Final[Mapping[Status, str]] = {
    Status.SELECTED: "goes back to the topic it came from",
    Status.OVER_LIMIT: "beyond --limit: run again for the rest",
    Status.SUPERSEDED: "a newer event of the same match key was delivered or replayed since; "
    "--include-superseded replays it all the same",
    Status.RESULTS_GONE: "older than the results that the metrics topic still holds, so it cannot "
    "be told whether a newer event was delivered; --include-superseded replays it all the same",
    Status.ALREADY_REPLAYED: "was replayed before",
    Status.SETTLED_SINCE: "a worker that read the event again did not reject it any more",
    Status.CONNECTION_UNKNOWN: "its connection is not in the configuration",
    Status.TOPIC_NOT_READ: "its connection does not read that topic any more",
    Status.ORIGIN_GONE: "the topic or partition it came from is not there any more",
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which letters are asked for; an empty part lets every letter through.

    Times are epoch seconds of the death, `until` exclusive; `match` is a value of any match key.
    """

    connection: str | None = None
    reasons: frozenset[str] = frozenset()
    since: float | None = None
    until: float | None = None
    key: bytes | None = None
    match: str | None = None
    message_id: str | None = None

    def lets(self, letter: Letter) -> bool:
        """Whether `letter` is asked for."""
        folded = None if self.match is None else self.match.strip().lower()
        return (
            self.connection in (None, letter.connection)
            and (not self.reasons or letter.reason in self.reasons)
            and (self.since is None or letter.died_at >= self.since)
            and (self.until is None or letter.died_at < self.until)
            and self.key in (None, letter.record.key)
            and (folded is None or any(value == folded for _, _, value in letter.keys))
            and self.message_id in (None, letter.message_id)
        )


class Choice(NamedTuple):
    """One letter that was asked for, and what becomes of it."""

    letter: Letter
    status: Status


@dataclass(frozen=True, slots=True)
class Places:
    """What is there now: the topics each connection reads, and the partitions of them all."""

    topics: Mapping[str, AbstractSet[str]]
    partitions: AbstractSet[Partition]

    def refusal(self, letter: Letter) -> Status | None:
        """Why nobody would take a replay of `letter`, if so."""
        if letter.connection not in self.topics:
            return Status.CONNECTION_UNKNOWN
        if letter.partition not in self.partitions:
            return Status.ORIGIN_GONE
        if letter.first.topic not in self.topics[letter.connection]:
            return Status.TOPIC_NOT_READ
        return None


class Newest:
    """Per match key, the newest event that has arrived, in each source partition."""

    def __init__(self) -> None:
        self._seen: dict[Keyed, dict[Partition, tuple[int, int]]] = {}

    def add(self, keyed: Keyed, origin: Origin) -> None:
        """Take note of an event that has arrived."""
        seen = self._seen.setdefault(keyed, {})
        partition = Partition(origin.topic, origin.partition)
        offset, time_ms = seen.get(partition, (origin.offset, origin.timestamp_ms))
        seen[partition] = max(offset, origin.offset), max(time_ms, origin.timestamp_ms)

    def is_beyond(self, keyed: Keyed, origin: Origin) -> bool:
        """Whether a newer one than `origin` arrived: by offset, in other partitions by time."""
        for partition, (offset, time_ms) in self._seen.get(keyed, {}).items():
            if partition == (origin.topic, origin.partition):
                if offset > origin.offset:
                    return True
            elif time_ms > origin.timestamp_ms:
                return True
        return False


class Letters:
    """What the dead-letter topic holds; of letters that are not asked for, only where they were.

    `keys` gives the match keys that the mapping makes of an event today: a letter that was rejected
    before it had one must not overwrite a newer event either.
    """

    def __init__(self, wanted: Wanted, keys: Callable[[Letter], frozenset[Key]]) -> None:
        self.wanted: dict[LetterId, Letter] = {}
        self.marks: set[LetterId] = set()
        self.unreadable = 0
        self._filter = wanted
        self._keys = keys
        self._known: dict[LetterId, tuple[Origin, frozenset[Key]]] = {}

    def take(self, record: Record) -> None:
        """Take over one record of the dead-letter topic; of a repeated letter the last counts."""
        found = read(record)
        if isinstance(found, Mark):
            self.marks.add(found.letter)
        elif isinstance(found, Letter):
            letter = replace(found, keys=found.keys | self._keys(found))
            self._known[letter.id] = letter.first, letter.keys
            if self._filter.lets(letter):
                self.wanted[letter.id] = letter
        else:
            self.unreadable += 1

    @property
    def keyed(self) -> frozenset[Keyed]:
        """The match keys of all letters that are asked for."""
        return frozenset((one.connection, key) for one in self.wanted.values() for key in one.keys)

    def replayed(self) -> Iterable[tuple[Keyed, Origin]]:
        """The events that were replayed and did not come back: they have arrived, or will."""
        still_dead = {
            (letter.connection, first)
            for letter, (first, _) in self._known.items()
            if letter not in self.marks
        }
        for letter in self.marks & self._known.keys():
            first, keys = self._known[letter]
            if (letter.connection, first) not in still_dead:
                for key in keys:
                    yield (letter.connection, key), first


class Arrived(NamedTuple):
    """What the metrics topic says: the newest event per match key, and which letters got through.

    What happened before `since_ms` it does not say: those results are deleted.
    """

    newest: Newest
    settled: AbstractSet[LetterId]
    since_ms: float


def choose(
    letters: Letters,
    arrived: Arrived,
    places: Places,
    *,
    include_superseded: bool = False,
    limit: int | None = None,
) -> Sequence[Choice]:
    """Every letter that is asked for, in the order in which they are replayed.

    That is the order of their origins: events of one key keep theirs, and of a run that is
    interrupted the older part is done.
    """
    for keyed, origin in letters.replayed():
        arrived.newest.add(keyed, origin)
    choices: list[Choice] = []
    room = len(letters.wanted) if limit is None else limit
    for letter in sorted(letters.wanted.values(), key=_order):
        status = _status(letter, letters, arrived, places, include_superseded=include_superseded)
        if status is Status.SELECTED:
            status = Status.SELECTED if room > 0 else Status.OVER_LIMIT
            room -= 1
        choices.append(Choice(letter, status))
    return choices


def _order(letter: Letter) -> tuple[Origin, float, Origin]:
    return letter.first, letter.died_at, letter.origin


def _status(
    letter: Letter,
    letters: Letters,
    arrived: Arrived,
    places: Places,
    *,
    include_superseded: bool,
) -> Status:
    if letter.id in letters.marks:
        return Status.ALREADY_REPLAYED
    if letter.id in arrived.settled:
        return Status.SETTLED_SINCE
    refusal = places.refusal(letter)
    if refusal is not None or include_superseded:
        return refusal or Status.SELECTED
    # A whole event is replayed, so one of its writes that would go back in time is one too many.
    if any(arrived.newest.is_beyond((letter.connection, k), letter.first) for k in letter.keys):
        return Status.SUPERSEDED
    if letter.keys and letter.first.timestamp_ms < arrived.since_ms:
        return Status.RESULTS_GONE
    return Status.SELECTED
