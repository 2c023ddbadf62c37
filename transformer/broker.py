"""The broker port: what the engine needs of Kafka, and nothing of any client library."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from transformer.record import Message, Partition, Record


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """A topic to be there: partitions, retention in seconds (None: forever), largest record."""

    name: str
    partitions: int
    replication: int = 1
    retention_seconds: float | None = None
    max_record_bytes: int = 1_048_576
    compact: bool = False


@dataclass(frozen=True, slots=True)
class Assigned:
    """Where reading starts in a partition just given to this consumer, and where it ended then.

    Records from `next_offset` up to `end_offset` may have been in another worker's hands.
    """

    next_offset: int
    end_offset: int


class Assignments(Protocol):
    """Told by a consumer about partitions gained and lost, one call at a time.

    The calls come from the consumer's background task; `read` returns nothing while one runs.
    """

    async def assigned(self, partitions: Mapping[Partition, Assigned]) -> None:
        """These partitions are ours from now on; none, when there are more workers than partitions.

        Return soon: no heartbeat is sent meanwhile.
        """
        ...

    async def revoked(self, partitions: Iterable[Partition]) -> None:
        """These are about to go: settle and commit what is in flight, then return.

        Commits are still accepted while this runs.
        """
        ...

    async def lost(self, partitions: Iterable[Partition]) -> None:
        """These are gone already: forget them; commits would be refused."""
        ...


class Consumer(Protocol):
    """A member of one consumer group. Offsets are committed by hand only."""

    async def read(self, *, max_records: int, timeout_seconds: float) -> Sequence[Record]:
        """Return what is there, in offset order per partition, waiting at most the timeout.

        Await it directly, not in a task of its own: then nothing runs between the records being
        taken and the caller having them, and `revoked` never misses a record already read.
        Raises EnvironmentFault when the broker refuses us for good (authorization, no topic), and
        whatever an `Assignments` callback raised.
        """
        ...

    def pause(self, partitions: Iterable[Partition]) -> None:
        """Stop reading these; the group membership stays alive.

        Partitions that are not ours are ignored; newly assigned ones are never paused.
        """
        ...

    def resume(self, partitions: Iterable[Partition]) -> None:
        """Read these again, from where reading stopped."""
        ...

    async def commit(self, next_offsets: Mapping[Partition, int]) -> None:
        """Commit `next_offset` per partition. Raises PartitionLost when one is not ours.

        Raises EnvironmentFault when the broker did not answer in time: commit again later.
        """
        ...

    def membership_age_seconds(self) -> float:
        """Seconds since the group last confirmed our membership (heartbeat, commit, join).

        Beyond the session timeout another worker may own our partitions: whoever was suspended
        that long must not write to a CRM before a commit or heartbeat has succeeded again.
        """
        ...

    async def end_offsets(self, partitions: Iterable[Partition]) -> Mapping[Partition, int]:
        """The `next_offset` a new record would get, per partition: for lag."""
        ...

    async def close(self) -> None:
        """Leave the group. Commits nothing by itself."""
        ...


class Producer(Protocol):
    """Produces with acks=all; every call is a batch."""

    async def produce(self, topic: str, messages: Sequence[Message]) -> None:
        """Return when the broker has acknowledged all; order holds per message key.

        Raises ProduceFailed when any was not acknowledged after the client's own retries.
        """
        ...

    async def close(self) -> None:
        """Flush and close."""
        ...


class Transactor(Protocol):
    """Produces to several partitions as one: a consumer or reader sees all of a call, or nothing.

    Partitions are named, not left to the key: a replay goes back where its event was.
    """

    async def produce(self, messages: Sequence[tuple[Partition, Message]]) -> None:
        """Return when all are there to be read, in the order given within each partition.

        Raises ProduceFailed when they are not, or when that is not known; and always when another
        transactor of the same name was opened since.
        """
        ...

    async def close(self) -> None:
        """Close it."""
        ...


class Reader(Protocol):
    """Reads a topic without a group, for `results`, `replay` and `ledger --once`."""

    async def seek(self, next_offsets: Mapping[Partition, int]) -> None:
        """Read these partitions from there on; what is gone by then is passed over."""
        ...

    async def seek_time(self, wall: float) -> None:
        """Go to the first record of every partition that was produced at or after `wall`.

        Where there is none, to the end; on a cluster that knows no times, to the beginning.
        """
        ...

    async def read(self, *, timeout_seconds: float) -> Sequence[Record]:
        """Return the next records, or none when the timeout passes."""
        ...

    async def positions(self) -> Mapping[Partition, tuple[int, int]]:
        """Per partition, the `next_offset` of this reader and the end of the partition."""
        ...

    async def close(self) -> None:
        """Close it."""
        ...


class Broker(Protocol):
    """One Kafka cluster. Raises EnvironmentFault, with what to do, when it cannot be reached."""

    async def open(self) -> None:
        """Connect, within the configured timeout."""
        ...

    async def ensure_topics(self, topics: Sequence[TopicSpec]) -> Sequence[str]:
        """Create those that are missing; return their names. Existing ones are left as they are."""
        ...

    async def topic_names(self) -> frozenset[str]:
        """The topics that are there; creates none."""
        ...

    async def consumer(
        self, group: str, topics: Sequence[str], assignments: Assignments
    ) -> Consumer:
        """Join `group` on `topics`; with no commit yet, reading starts at the beginning."""
        ...

    async def producer(self) -> Producer:
        """A producer."""
        ...

    async def transactor(self, name: str) -> Transactor:
        """The transactor of that name; one opened before is shut out, its open call undone."""
        ...

    async def reader(self, topics: Sequence[str], *, from_beginning: bool) -> Reader:
        """A group-less reader over all partitions of `topics`."""
        ...

    async def committed(
        self, group: str, partitions: Iterable[Partition]
    ) -> Mapping[Partition, int]:
        """The `next_offset` that `group` has committed per partition, left out where it has not.

        Asked of the cluster, without joining. Raises EnvironmentFault when it is not told.
        """
        ...

    async def close(self) -> None:
        """Close everything opened here."""
        ...
