"""What the in-memory broker holds: topics with their partitions, and the faults a test scripts."""

import asyncio
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from transformer.broker import TopicSpec
from transformer.clock import Clock
from transformer.record import Message, Partition, Record


@dataclass(slots=True)
class Faults:
    """What a test scripts: how slow the broker is, and what it refuses next."""

    produce_seconds: float = 0.0
    commit_seconds: float = 0.0
    _produce: list[tuple[str | None, bool]] = field(default_factory=list)
    _commits: int = 0
    _committed: int = 0

    def refuse_produce(
        self, times: int = 1, *, topic: str | None = None, applied: bool = False
    ) -> None:
        """Refuse the next `times` calls of `produce` to `topic` (None: any).

        `applied`: the messages were stored and only their acknowledgement is lost.
        """
        self._produce += [(topic, applied)] * times

    def refuse_commits(self, times: int = 1) -> None:
        """Answer the next `times` commits with nothing, as a broker that is restarting."""
        self._commits += times

    def refuse_committed(self, times: int = 1) -> None:
        """Refuse to tell the next `times` what a group has committed."""
        self._committed += times

    def take_committed(self) -> bool:
        """Whether this question is refused."""
        self._committed -= 1 if (refused := self._committed > 0) else 0
        return refused

    def take_produce(self, topic: str) -> tuple[bool, bool]:
        """Whether this call is refused, and whether it is applied all the same."""
        for index, (wanted, applied) in enumerate(self._produce):
            if wanted in (None, topic):
                del self._produce[index]
                return True, applied
        return False, True

    def take_commit(self) -> bool:
        """Whether this commit is refused."""
        self._commits -= 1 if (refused := self._commits > 0) else 0
        return refused


@dataclass(slots=True)
class _Topic:
    spec: TopicSpec
    logs: list[list[Record]]
    turn: int = 0

    def partition_for(self, key: bytes | None) -> int:
        if key is not None:
            return zlib.crc32(key) % len(self.logs)
        self.turn += 1
        return (self.turn - 1) % len(self.logs)


class Store:
    """Every topic of one cluster; a topic appears on first use."""

    def __init__(self, clock: Clock, *, partitions: int) -> None:
        self.clock = clock
        self.faults = Faults()
        self._partitions = partitions
        self._topics: dict[str, _Topic] = {}
        self._wakes: list[asyncio.Event] = []

    def create(self, spec: TopicSpec) -> bool:
        """Create a topic; False when it was there."""
        if spec.name in self._topics:
            return False
        self._topics[spec.name] = _Topic(spec, [[] for _ in range(spec.partitions)])
        return True

    def topic_names(self) -> frozenset[str]:
        """The topics that are there."""
        return frozenset(self._topics)

    def append(self, topic: str, messages: Iterable[Message]) -> Sequence[Record]:
        """Store messages at once, each in the partition its key belongs to."""
        target = self._topic(topic)
        return self.put((Partition(topic, target.partition_for(m.key)), m) for m in messages)

    def put(self, messages: Iterable[tuple[Partition, Message]]) -> Sequence[Record]:
        """Store messages at once, each in the partition named."""
        stored = []
        for (topic, number), message in messages:
            log = self._topic(topic).logs[number]
            stored.append(
                Record(
                    topic,
                    number,
                    len(log),
                    int(self.clock.wall() * 1000),
                    message.key,
                    message.value,
                    tuple(message.headers),
                )
            )
            log.append(stored[-1])
        for wake in self._wakes:
            wake.set()
        return stored

    def records(self, topic: str) -> Sequence[Record]:
        """Every record of `topic`, partition by partition."""
        return [record for log in self._topic(topic).logs for record in log]

    def partitions(self, topics: Iterable[str]) -> list[Partition]:
        """Every partition of `topics`, in order."""
        return [
            Partition(topic, number)
            for topic in sorted(set(topics))
            for number in range(len(self._topic(topic).logs))
        ]

    def log(self, partition: Partition) -> Sequence[Record]:
        """The records of one partition, offsets from zero."""
        return self._topic(partition.topic).logs[partition.number]

    def largest_record_bytes(self, topic: str) -> int:
        """How large a value may be in `topic`."""
        return self._topic(topic).spec.max_record_bytes

    def watch(self) -> asyncio.Event:
        """An event that is set whenever something is stored."""
        self._wakes.append(asyncio.Event())
        return self._wakes[-1]

    def _topic(self, name: str) -> _Topic:
        self.create(TopicSpec(name, self._partitions))
        return self._topics[name]
