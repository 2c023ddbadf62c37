"""Origins: where an event first came from, and the header by which a replayed record tells it.

Pure. A replay is a record like any other, with its origin's bytes and one header more; who makes
replays is not known here.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import orjson

REPLAY_HEADER = "transformer-replay"

Headers = Sequence[tuple[str, bytes | None]]


class Origin(NamedTuple):
    """A source record. Its time tells it from one of a topic that was deleted and made again."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}@{self.offset}"


class Replay(NamedTuple):
    """What a replayed record says of itself: for which connection it is, and what it repeats.

    `origin` is the first record of this event, however often it was replayed since. `run` names the
    replay it is part of. `may_have_written` says that some of its writes were made before, or may
    have been: creates are looked for first (invariant 6).
    """

    connection: str
    origin: Origin
    run: str
    may_have_written: bool

    @property
    def header(self) -> tuple[str, bytes]:
        """The header of the record."""
        said = {"v": 1, **self._asdict(), "origin": self.origin._asdict()}
        return REPLAY_HEADER, orjson.dumps(said)


def replay_of(headers: Headers) -> Replay | None:
    """What the headers say, or None when the record is no replay.

    A header of that name that we did not write is somebody else's: the record is an ordinary one.
    """
    for name, value in reversed(headers):
        if name == REPLAY_HEADER and value is not None:
            return _replay(value)
    return None


def parse_origin(value: object) -> Origin | None:
    """The origin that a JSON object names, or None when it names none."""
    if not isinstance(value, Mapping):
        return None
    topic = value.get("topic")
    numbers = [value.get(name) for name in ("partition", "offset", "timestamp_ms")]
    whole = [n for n in numbers if isinstance(n, int) and not isinstance(n, bool)]
    if not isinstance(topic, str) or len(whole) != len(numbers):
        return None
    return Origin(topic, *whole)


def _replay(header: bytes) -> Replay | None:
    try:
        said = orjson.loads(header)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(said, dict):
        return None
    connection, origin = said.get("connection"), parse_origin(said.get("origin"))
    if not isinstance(connection, str) or origin is None:
        return None
    run, may_have_written = str(said.get("run", "")), said.get("may_have_written") is not False
    return Replay(connection, origin, run, may_have_written)
