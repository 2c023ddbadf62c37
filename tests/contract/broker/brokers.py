"""The three brokers behind one harness, for the broker contract suite."""

import asyncio
import itertools
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiokafka.protocol.group import LeaveGroupRequest

from tests.waiting import PATIENCE_SECONDS, missing
from transformer.broker import Assigned, Assignments, Broker, Consumer, Reader, TopicSpec
from transformer.clock import SystemClock
from transformer.kafka import KafkaBroker, Options
from transformer.kafka.consumer import KafkaConsumer
from transformer.memory.broker import MemoryBroker, MemoryConsumer
from transformer.record import Message, Partition, Record

PARTITIONS = 4
KEYED = [Message(b"%d" % n, b"key-%d" % (n % 7)) for n in range(70)]
_names = itertools.count()

OPTIONS = Options(
    connect_timeout_seconds=30.0,
    session_timeout_seconds=15.0,
    heartbeat_seconds=0.3,
    rebalance_timeout_seconds=30.0,
    commit_timeout_seconds=30.0,
    produce_timeout_seconds=60.0,
    transaction_timeout_seconds=60.0,
    max_request_bytes=4_194_304,
)


class Worker:
    """Takes part in a group as the engine would, and notes what it is told."""

    def __init__(self, consumer_of: Callable[[Assignments], Awaitable[Consumer]]) -> None:
        self._consumer_of = consumer_of
        self.told: list[tuple[str, frozenset[Partition]]] = []
        self.holds: dict[Partition, Assigned] = {}
        self.records: list[Record] = []
        self.commit_when_revoked: dict[Partition, int] = {}
        self.fail_when_assigned: Exception | None = None
        self.may_assign = asyncio.Event()
        self.may_assign.set()
        self.is_assigning = False
        self.consumer: Consumer

    async def join(self) -> "Worker":
        """Join the group."""
        self.consumer = await self._consumer_of(self)
        return self

    async def assigned(self, partitions: Mapping[Partition, Assigned]) -> None:
        """Note what is ours."""
        self.told.append(("assigned", frozenset(partitions)))
        self.holds = dict(partitions)
        self.is_assigning = True
        await self.may_assign.wait()
        self.is_assigning = False
        if self.fail_when_assigned is not None:
            raise self.fail_when_assigned

    async def revoked(self, partitions: Iterable[Partition]) -> None:
        """Commit what the test asked for."""
        self.told.append(("revoked", frozenset(partitions)))
        if self.commit_when_revoked:
            await self.consumer.commit(self.commit_when_revoked)
        self.holds = {}

    async def lost(self, partitions: Iterable[Partition]) -> None:
        """Forget."""
        self.told.append(("lost", frozenset(partitions)))
        self.holds = {}

    async def read_until(self, done: Callable[[], bool]) -> None:
        """Read, keeping the records, until `done`."""
        await until(done, self)


async def until(done: Callable[[], bool], *workers: Worker) -> None:
    """Let every worker read until `done`; fail when that takes too long."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not done():
        assert time.monotonic() < deadline, missing(
            "what the test waits for",
            PATIENCE_SECONDS,
            lambda: [(worker.told, len(worker.records)) for worker in workers],
        )
        for worker in workers:
            worker.records += await worker.consumer.read(max_records=500, timeout_seconds=0.05)


@dataclass
class Harness:
    """One broker, and the two things a test does that the port does not offer."""

    kind: str
    broker: Broker
    open_other: Callable[[], Awaitable[Broker]]
    evict: Callable[[Consumer], Awaitable[None]]
    group: str = field(default_factory=lambda: unique("group"))

    async def topic(self, *, max_record_bytes: int = 1_048_576) -> str:
        """A new topic."""
        name = unique("topic")
        spec = TopicSpec(name, PARTITIONS, max_record_bytes=max_record_bytes)
        await self.broker.ensure_topics([spec])
        return name

    async def worker(self, *topics: str, group: str | None = None) -> Worker:
        """A member of the group."""
        return await self.newcomer(*topics, group=group).join()

    def newcomer(self, *topics: str, group: str | None = None) -> Worker:
        """A member that has not joined yet."""
        return Worker(lambda told: self.broker.consumer(group or self.group, topics, told))


def unique(prefix: str) -> str:
    """A name that no other test uses, on a shared cluster either."""
    return f"{prefix}-{os.getpid()}-{time.time_ns()}-{next(_names)}"


@asynccontextmanager
async def harness(kind: str, request: pytest.FixtureRequest) -> AsyncIterator[Harness]:
    """The harness of one kind of broker, opened, and closed in the end."""
    if kind == "memory":
        memory = MemoryBroker(SystemClock(), partitions=PARTITIONS)

        async def expel(consumer: Consumer) -> None:
            assert isinstance(consumer, MemoryConsumer)
            memory.expel(consumer)

        async def same() -> Broker:
            return memory

        yield Harness(kind, memory, same, expel)
        await memory.close()
        return
    servers = request.getfixturevalue(
        "embedded_servers" if kind == "embedded" else "kafka_bootstrap_servers"
    )
    brokers: list[KafkaBroker] = []

    async def another() -> Broker:
        brokers.append(KafkaBroker(servers, options=OPTIONS))
        await brokers[-1].open()
        return brokers[-1]

    try:
        yield Harness(kind, await another(), another, leave_behind_its_back)
    finally:
        await asyncio.gather(*(broker.close() for broker in brokers))


async def leave_behind_its_back(consumer: Consumer) -> None:
    """Take a member out of its group at the coordinator, which is all that a zombie notices."""
    assert isinstance(consumer, KafkaConsumer)
    client: Any = consumer._client
    coordinator = client._coordinator
    request = LeaveGroupRequest(coordinator.group_id, coordinator.member_id)
    await client._client.send(coordinator.coordinator_id, request)


def by_partition(records: Sequence[Record]) -> dict[int, list[Record]]:
    """The records of each partition, in the order given."""
    found: dict[int, list[Record]] = {}
    for record in records:
        found.setdefault(record.partition, []).append(record)
    return found


async def produce(it: Harness, topic: str, *messages: Message) -> None:
    """Produce with a producer of its own."""
    producer = await it.broker.producer()
    await producer.produce(topic, messages)
    await producer.close()


async def read_all(it: Harness, topic: str, count: int) -> list[Record]:
    """The first `count` records of a topic."""
    reader = await it.broker.reader([topic], from_beginning=True)
    records: list[Record] = []
    await read_on(reader, records, count)
    await reader.close()
    return records


async def read_on(reader: Reader, records: list[Record], count: int) -> None:
    """Read on until there are `count` records."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(records) < count:
        found = len(records)
        assert time.monotonic() < deadline, missing(
            f"{count} records instead of {found}", PATIENCE_SECONDS
        )
        records += await reader.read(timeout_seconds=1.0)
