"""One result as the ledger reads it: which offsets, of what, with which outcome. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

import orjson

from transformer.outcome import Reason
from transformer.record import Partition

OUTCOMES: Final = frozenset(("delivered", "skipped", "rejected"))
OTHER: Final = "other"
_REASONS: Final = frozenset(reason.value for reason in Reason)


class Holder(NamedTuple):
    """What has an account: a connection and one partition that it reads."""

    connection: str
    partition: Partition

    @property
    def key(self) -> bytes:
        """The key of its results in the metrics topic."""
        return f"{self.connection}/{self.partition}".encode()


def by_connection(holders: Iterable[Holder]) -> Mapping[str, list[Partition]]:
    """The partitions of each connection: what one consumer group is asked about."""
    partitions: dict[str, list[Partition]] = defaultdict(list)
    for connection, partition in holders:
        partitions[connection].append(partition)
    return partitions


@dataclass(frozen=True, slots=True)
class Entry:
    """The offsets `first` to `last` settled alike; `time` is in epoch seconds.

    `code` is the outcome, and the reason after a slash where there is one: `other` for what is no
    reason of ours, because everything that is counted by it is kept for each, labels among them.
    """

    holder: Holder
    first: int
    last: int
    code: str
    time: float

    @property
    def count(self) -> int:
        """How many offsets."""
        return self.last - self.first + 1


def decode(value: bytes | None) -> Entry | None:
    """The result in a record of the metrics topic, or None when it is no result."""
    try:
        result = orjson.loads(value or b"")
    except orjson.JSONDecodeError:
        return None
    return _entry(result) if isinstance(result, dict) else None


def _entry(result: dict[str, object]) -> Entry | None:
    connection, topic, outcome = (
        result.get("connection"),
        result.get("topic"),
        result.get("outcome"),
    )
    number, first, reason = result.get("partition"), result.get("offset"), result.get("reason")
    last = result.get("last_offset", first)
    time = _time(result.get("time"))
    if not (isinstance(connection, str) and isinstance(topic, str) and outcome in OUTCOMES):
        return None
    if not (_is_offset(number) and _is_offset(first) and _is_offset(last)) or time is None:
        return None
    assert isinstance(number, int) and isinstance(first, int) and isinstance(last, int)  # noqa: S101, PT018  # seen above, for the type checker
    if last < first:
        return None
    code = f"{outcome}/{_bounded(reason)}" if isinstance(reason, str) and reason else str(outcome)
    return Entry(Holder(connection, Partition(topic, number)), first, last, code, time)


def _bounded(reason: str) -> str:
    """The topic is open to other producers, and to later ones: their words are not counted."""
    return reason if reason in _REASONS else OTHER


def _is_offset(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _time(value: object) -> float | None:
    try:
        return datetime.fromisoformat(value).timestamp() if isinstance(value, str) else None
    except ValueError:
        return None
