"""Letters: what the dead-letter topic holds, read back, and what a replay makes of it. Pure.

The dead-letter topic holds dead letters and, behind each one that was replayed, a mark that says
so: in the same partition, so that the topic's retention never forgets a mark before its letter.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, NamedTuple

import orjson

from transformer.engine.results import DEAD_LETTER_HEADER
from transformer.outcome import Reason
from transformer.record import Message, Partition, Record
from transformer.replay.origin import REPLAY_HEADER, Headers, Origin, Replay, parse_origin
from transformer.upsert import Key, Match

REPLAYED_HEADER = "transformer-replayed"

# Of a write rejected for another reason it is certain that the CRM does not have it.
UNCERTAIN: Final = frozenset({Reason.RETRIES_EXHAUSTED.value, Reason.INTERNAL_ERROR.value})


class LetterId(NamedTuple):
    """What tells a dead letter from all others; a repeated one has the same."""

    connection: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter. `first` is the event's first record, `origin` the one that was rejected.

    The two differ when what was rejected is a replay. `keys` are the match keys of its writes,
    `died_at` is epoch seconds.
    """

    connection: str
    reason: str
    origin: Origin
    first: Origin
    message_id: str
    died_at: float
    keys: frozenset[Key]
    may_have_written: bool
    record: Record

    @property
    def id(self) -> LetterId:
        """What tells it from all others."""
        return LetterId(self.connection, self.origin)

    @property
    def partition(self) -> Partition:
        """The source partition: a replay goes back there, whatever its key."""
        return Partition(self.first.topic, self.first.partition)

    @property
    def headers(self) -> Headers:
        """The headers of the event's first record: what we added since is taken off the end."""
        headers = self.record.headers
        end = _last(headers, DEAD_LETTER_HEADER)
        if self.first != self.origin and headers[end - 1][0] == REPLAY_HEADER:
            end -= 1
        return tuple(headers[:end])

    @property
    def event(self) -> Record:
        """The event's first record, as it was read."""
        record, first = self.record, self.first
        return Record(*first, record.key, record.value, self.headers)


@dataclass(frozen=True, slots=True)
class Mark:
    """Says that a dead letter was replayed."""

    letter: LetterId


def read(record: Record) -> Letter | Mark | None:
    """A record of the dead-letter topic, or None when it is neither: not ours, or damaged."""
    for name, value in reversed(record.headers):
        if name == REPLAYED_HEADER:
            return _mark(_object(value))
        if name == DEAD_LETTER_HEADER:
            return _letter(_object(value), record)
    return None


def is_mark(record: Record) -> bool:
    """Whether a record of the dead-letter topic is a mark."""
    return record.value is None and any(name == REPLAYED_HEADER for name, _ in record.headers)


def replayed(letter: Letter, run: str) -> tuple[Partition, Message]:
    """The event again: its bytes and headers, to the partition where it was (invariant 7)."""
    header = Replay(letter.connection, letter.first, run, letter.may_have_written).header
    message = Message(letter.record.value, letter.record.key, (*letter.headers, header))
    return letter.partition, message


def mark(letter: Letter, run: str, wall: float) -> tuple[Partition, Message]:
    """What says that `letter` was replayed, to the partition where the letter is."""
    said = {
        "v": 1,
        "connection": letter.connection,
        "origin": letter.origin._asdict(),
        "run": run,
        "time": datetime.fromtimestamp(wall, UTC).isoformat(timespec="milliseconds"),
    }
    # A key of its own: with the letter's key, a compacted topic would delete the letter.
    key = f"replayed/{letter.connection}/{letter.origin}".encode()
    message = Message(None, key, ((REPLAYED_HEADER, orjson.dumps(said)),))
    return Partition(letter.record.topic, letter.record.partition), message


def keys_of(writes: object) -> frozenset[Key]:
    """The match keys of the writes of a result or dead letter, as the engine folds them."""
    return frozenset(key for write in _list(writes) if (key := key_of(write)) is not None)


def key_of(write: Mapping[str, object]) -> Key | None:
    """The match key of one write, or None when it is a plain create."""
    match = write.get("match")
    if not isinstance(match, dict):
        return None
    value = match.get("value")
    if not isinstance(value, str | int | float):
        return None
    name = str(match.get("property"))
    return str(write.get("object")), name, Match(name, value).folded


def epoch_seconds(text: object) -> float | None:
    """The epoch seconds of a time as results give it, or None."""
    try:
        return datetime.fromisoformat(str(text)).timestamp()
    except ValueError:
        return None


def _list(writes: object) -> Sequence[Mapping[str, object]]:
    found = writes if isinstance(writes, list) else []
    return [write for write in found if isinstance(write, dict)]


def _letter(said: Mapping[str, object], record: Record) -> Letter | None:
    origin = parse_origin(said.get("origin"))
    died_at = epoch_seconds(said.get("time"))
    connection = said.get("connection")
    if origin is None or died_at is None or not isinstance(connection, str):
        return None
    return Letter(
        connection=connection,
        reason=str(said.get("reason", "")),
        origin=origin,
        first=parse_origin(said.get("replay_of")) or origin,
        message_id=str(said.get("message_id", "")),
        died_at=died_at,
        keys=keys_of(said.get("writes")),
        may_have_written=any(_may_be_there(write) for write in _list(said.get("writes"))),
        record=record,
    )


def _may_be_there(write: Mapping[str, object]) -> bool:
    return write.get("outcome") == "delivered" or write.get("reason") in UNCERTAIN


def _mark(said: Mapping[str, object]) -> Mark | None:
    origin, connection = parse_origin(said.get("origin")), said.get("connection")
    if origin is None or not isinstance(connection, str):
        return None
    return Mark(LetterId(connection, origin))


def _last(headers: Headers, wanted: str) -> int:
    return max(index for index, (name, _) in enumerate(headers) if name == wanted)


def _object(text: bytes | None) -> Mapping[str, object]:
    try:
        found = orjson.loads(text or b"{}")
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}
