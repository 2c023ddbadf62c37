"""The observer port: what the engine tells about itself. It counts, it never decides."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

from transformer.record import Partition

Stage: TypeAlias = Literal["read", "map", "write", "produce", "commit"]


@dataclass(frozen=True, slots=True)
class Status:
    """One connection as it is now, for gauges, `/healthz` and `/readyz`.

    `state` is one word; `waiting_for` says why nothing is being written, or is empty.
    `oldest_undelivered_seconds` is the age of the oldest record read and not settled.
    """

    connection: str
    state: Literal["starting", "running", "waiting", "paused", "draining", "stopped", "failed"]
    waiting_for: str = ""
    waiting_until: float | None = None
    in_flight_records: int = 0
    pending_writes: int = 0
    requests_in_flight: int = 0
    oldest_undelivered_seconds: float = 0.0
    lag_records: Mapping[Partition, int] = field(default_factory=dict)
    partitions: int = 0
    paused_partitions: int = 0
    quota_used: int = 0
    quota_limit: int | None = None
    quota_allowed: int | None = None
    requests_total: int = 0
    quota_seconds_left: float | None = None
    quota_per_second: float = 0.0
    linger_seconds: float = 0.0
    fuse_trips: int = 0
    last_read_seconds_ago: float | None = None


class Observer(Protocol):
    """Told of every stage of the story, by count. Implementations must not raise."""

    def read(self, records: int, size_bytes: int) -> None:
        """Records were read."""
        ...

    def stage(self, stage: Stage, seconds: float) -> None:
        """A stage took so long, for one call of it."""
        ...

    def settled(
        self, outcome: str, reason: str, object_type: str, operation: str, count: int = 1
    ) -> None:
        """Events settled: `delivered`, `skipped` or `rejected`; empty words where none applies."""
        ...

    def latencies(self, seconds: Sequence[float]) -> None:
        """Delivered events took so long from their records' timestamps to their results."""
        ...

    def batch(self, upserts: int, merged_events: int) -> None:
        """A batch was written, holding so many upserts made of so many events."""
        ...

    def retried(self, reason: str, count: int) -> None:
        """Upserts are to be sent again."""
        ...

    def produced(self, topic: Literal["metrics", "dead_letter"], messages: int) -> None:
        """Results or dead letters were acknowledged."""
        ...

    def produce_failed(self, topic: Literal["metrics", "dead_letter"]) -> None:
        """Results or dead letters were not: the connection stops (invariant 3)."""
        ...

    def rebalanced(self, change: Literal["assigned", "revoked", "lost"], partitions: int) -> None:
        """Partitions came or went."""
        ...


class Silent:
    """An observer that does not listen."""

    def read(self, records: int, size_bytes: int) -> None:
        """Ignore it."""

    def stage(self, stage: Stage, seconds: float) -> None:
        """Ignore it."""

    def settled(
        self, outcome: str, reason: str, object_type: str, operation: str, count: int = 1
    ) -> None:
        """Ignore it."""

    def latencies(self, seconds: Sequence[float]) -> None:
        """Ignore it."""

    def batch(self, upserts: int, merged_events: int) -> None:
        """Ignore it."""

    def retried(self, reason: str, count: int) -> None:
        """Ignore it."""

    def produced(self, topic: Literal["metrics", "dead_letter"], messages: int) -> None:
        """Ignore it."""

    def produce_failed(self, topic: Literal["metrics", "dead_letter"]) -> None:
        """Ignore it."""

    def rebalanced(self, change: Literal["assigned", "revoked", "lost"], partitions: int) -> None:
        """Ignore it."""
