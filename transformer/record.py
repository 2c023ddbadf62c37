"""A record: one message of a Kafka topic, as it was read. Owns no decoding and is never changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple


class Partition(NamedTuple):
    """One partition of a topic; `str()` gives `topic/partition`."""

    topic: str
    number: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.number}"


class Record(NamedTuple):
    """One message read: where it was, when it was produced, and its bytes (invariant 7).

    A NamedTuple because one is built per event: it costs a third of a frozen dataclass.
    """

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]] = ()

    @property
    def origin(self) -> str:
        """Where this record is, for messages: `topic/partition@offset`."""
        return f"{self.topic}/{self.partition}@{self.offset}"


@dataclass(slots=True)
class Message:
    """One message to be produced: results, dead letters and replays. Never changed.

    Messages of the same `key` keep their order; `None` goes anywhere.
    """

    value: bytes | None
    key: bytes | None = None
    headers: Sequence[tuple[str, bytes | None]] = ()
