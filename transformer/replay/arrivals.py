"""Arrivals: what the metrics topic says about the events of some match keys. Pure.

It keeps what it was asked for only: the topic may hold millions of results.
"""

import math
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Final, TypeAlias

import orjson

from transformer.outcome import Reason
from transformer.record import Partition, Record
from transformer.replay.letters import LetterId, epoch_seconds, key_of
from transformer.replay.origin import Origin, parse_origin
from transformer.replay.plan import Arrived, Keyed, Newest

_CLOCKS_MS: Final = 1000
_Place: TypeAlias = tuple[str, str, int, int]


class Arrivals:
    """Reads results for the letters and match keys of one replay.

    `begins` says where reading starts in each partition: beyond zero, older results are deleted.
    """

    def __init__(
        self,
        *,
        keyed: AbstractSet[Keyed],
        letters: Iterable[LetterId],
        begins: Mapping[Partition, int],
    ) -> None:
        self._keyed = keyed
        self._letters = {_place(letter): letter for letter in letters}
        self._settled: dict[LetterId, bool] = {}
        self._newest = Newest()
        self._shortened = {partition for partition, begin in begins.items() if begin > 0}
        self._oldest_ms: list[int] = []

    def take(self, record: Record) -> None:
        """Take over one record of the metrics topic."""
        partition = Partition(record.topic, record.partition)
        if partition in self._shortened:
            self._shortened.remove(partition)
            self._oldest_ms.append(record.timestamp_ms)
        result = _result(record.value)
        if result is None:
            return
        connection, own = str(result.get("connection")), _own(result)
        if own is None:
            return
        self._note_letter(connection, own, result)
        first = parse_origin(result.get("replay_of")) or own
        writes = result.get("writes")
        for write in writes if isinstance(writes, list) else ():
            key = key_of(write) if isinstance(write, dict) and _has_arrived(write) else None
            if key is not None and (connection, key) in self._keyed:
                self._newest.add((connection, key), first)

    def arrived(self) -> Arrived:
        """What was read so far. Of partitions emptied by retention, the others tell how long ago.

        Where no partition tells, nothing can be said of any time.
        """
        since_ms: float = max(self._oldest_ms, default=0)
        if self._shortened and not self._oldest_ms:
            since_ms = math.inf
        settled = {letter for letter, got_through in self._settled.items() if got_through}
        return Arrived(self._newest, settled, since_ms)

    def _note_letter(self, connection: str, own: Origin, result: Mapping[str, object]) -> None:
        """A worker that was killed may have settled the event once more, and better: last counts.

        Unless that was another event, of a topic that was made anew since.
        """
        letter = self._letters.get((connection, *own[:3]))
        if letter is None:
            return
        apart = abs(own.timestamp_ms - letter.origin.timestamp_ms)
        if apart <= _CLOCKS_MS or result.get("latency_seconds") == 0:
            self._settled[letter] = result.get("outcome") != "rejected"


def _result(value: bytes | None) -> Mapping[str, object] | None:
    try:
        found = orjson.loads(value or b"null")
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) and "last_offset" not in found else None


def _own(result: Mapping[str, object]) -> Origin | None:
    """The source record of a result; when it was produced is told by the latency."""
    time, latency = epoch_seconds(result.get("time")), result.get("latency_seconds")
    if time is None or not isinstance(latency, int | float):
        return None
    return parse_origin({**result, "timestamp_ms": round((time - latency) * 1000)})


def _has_arrived(write: Mapping[str, object]) -> bool:
    """Whether the CRM has these values: written, or there already."""
    return write.get("outcome") == "delivered" or write.get("reason") == Reason.UNCHANGED


def _place(letter: LetterId) -> _Place:
    origin = letter.origin
    return letter.connection, origin.topic, origin.partition, origin.offset
