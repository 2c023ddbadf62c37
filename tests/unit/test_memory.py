"""The in-memory broker: virtual time, scripted faults, and workers that hang or are thrown out."""

import asyncio
from collections.abc import Iterable, Mapping

import pytest

from tests.invariants.virtual import LoopClock, run
from transformer.broker import Assigned, TopicSpec
from transformer.errors import EnvironmentFault, PartitionLost, ProduceFailed
from transformer.memory.broker import MemoryBroker, MemoryConsumer
from transformer.record import Message, Partition

ALL = [Partition("events", number) for number in range(4)]


class Told:
    """Notes the calls of a consumer, in order; `name` tells members apart."""

    def __init__(self, name: str, calls: list[str], clock: LoopClock) -> None:
        self._name = name
        self._calls = calls
        self._clock = clock
        self.revoke_seconds = 0.0

    async def assigned(self, partitions: Mapping[Partition, Assigned]) -> None:
        """Note it."""
        self._note("assigned", partitions)

    async def revoked(self, partitions: Iterable[Partition]) -> None:
        """Note it, and take the time that a drain takes."""
        self._note("revoked", partitions)
        await self._clock.sleep(self.revoke_seconds)

    async def lost(self, partitions: Iterable[Partition]) -> None:
        """Note it."""
        self._note("lost", partitions)

    def _note(self, what: str, partitions: Iterable[Partition]) -> None:
        numbers = "".join(str(part.number) for part in sorted(partitions))
        self._calls.append(f"{self._clock.now():g} {self._name} {what} {numbers}")


class Scene:
    """A broker on virtual time, and members that join it by name."""

    def __init__(self) -> None:
        self.clock = LoopClock()
        self.broker = MemoryBroker(self.clock)
        self.calls: list[str] = []
        self.told: dict[str, Told] = {}

    async def join(self, name: str) -> MemoryConsumer:
        """Join as `name`, and read once so that the rebalance has run."""
        self.told[name] = Told(name, self.calls, self.clock)
        consumer = await self.broker.consumer("group", ["events"], self.told[name])
        await consumer.read(max_records=1, timeout_seconds=0.5)
        return consumer


def test_a_read_waits_for_its_timeout_on_the_clock() -> None:
    """Two virtual seconds, no real ones."""

    async def scene() -> tuple[list[object], float]:
        this = Scene()
        consumer = await this.join("a")
        started = this.clock.now()
        records = await consumer.read(max_records=9, timeout_seconds=2.0)
        return list(records), this.clock.now() - started

    assert run(scene()) == ([], 2.0)


def test_a_read_wakes_when_something_is_appended() -> None:
    """At that moment, not at its timeout."""

    async def scene() -> tuple[list[bytes | None], float]:
        this = Scene()
        consumer = await this.join("a")
        started = this.clock.now()

        async def append() -> None:
            await this.clock.sleep(1.5)
            this.broker.append("events", [Message(b"late")])

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(append())
            records = await consumer.read(max_records=9, timeout_seconds=60.0)
        return [record.value for record in records], this.clock.now() - started

    assert run(scene()) == ([b"late"], 1.5)


def test_a_refused_produce_stores_nothing() -> None:
    """And only the calls that the script names are refused."""

    async def scene() -> list[bytes | None]:
        this = Scene()
        producer = await this.broker.producer()
        this.broker.faults.refuse_produce(topic="dead")
        await producer.produce("metrics", [Message(b"m")])
        with pytest.raises(ProduceFailed, match="dead"):
            await producer.produce("dead", [Message(b"d1")])
        await producer.produce("dead", [Message(b"d2")])
        return [r.value for r in (*this.broker.records("metrics"), *this.broker.records("dead"))]

    assert run(scene()) == [b"m", b"d2"]


def test_a_produce_whose_acknowledgement_is_lost_is_stored() -> None:
    """`applied`: refused to the caller, there for the reader."""

    async def scene() -> list[bytes | None]:
        this = Scene()
        producer = await this.broker.producer()
        this.broker.faults.refuse_produce(applied=True)
        with pytest.raises(ProduceFailed):
            await producer.produce("metrics", [Message(b"m")])
        return [record.value for record in this.broker.records("metrics")]

    assert run(scene()) == [b"m"]


def test_a_slow_broker_takes_the_time_it_is_given() -> None:
    """Produce and commit each, on the clock."""

    async def scene() -> float:
        this = Scene()
        consumer = await this.join("a")
        producer = await this.broker.producer()
        this.broker.faults.produce_seconds = 3.0
        this.broker.faults.commit_seconds = 4.0
        started = this.clock.now()
        await producer.produce("metrics", [Message(b"m")])
        await consumer.commit({ALL[0]: 1})
        return this.clock.now() - started

    assert run(scene()) == 7.0


def test_a_commit_that_is_not_answered_may_be_made_again() -> None:
    """EnvironmentFault first, then it counts; `commits` shows it."""

    async def scene() -> Mapping[Partition, int]:
        this = Scene()
        consumer = await this.join("a")
        this.broker.faults.refuse_commits()
        with pytest.raises(EnvironmentFault, match="again later"):
            await consumer.commit({ALL[0]: 1})
        assert this.broker.commits("group") == {}
        await consumer.commit({ALL[0]: 1})
        return this.broker.commits("group")

    assert run(scene()) == {ALL[0]: 1}


def test_a_suspended_member_ages_until_it_is_confirmed() -> None:
    """It keeps its partitions; a commit makes it young again."""

    async def scene() -> tuple[float, float]:
        this = Scene()
        consumer = await this.join("a")
        this.broker.suspend(consumer)
        await this.clock.sleep(30.0)
        aged = consumer.membership_age_seconds()
        await consumer.commit({ALL[0]: 1})
        return aged, consumer.membership_age_seconds()

    assert run(scene()) == (30.0, 0.0)


def test_an_expelled_member_learns_of_it_when_it_reads() -> None:
    """Its partitions go to the other at once; then it is told, and joins again."""

    async def scene() -> list[str]:
        this = Scene()
        first = await this.join("a")
        second = await this.join("b")
        this.calls.clear()
        this.broker.expel(first)
        await second.read(max_records=1, timeout_seconds=1.0)
        with pytest.raises(PartitionLost):
            await first.commit({ALL[0]: 1})
        await first.read(max_records=1, timeout_seconds=1.0)
        return this.calls

    assert run(scene()) == [
        "1 b revoked 23",
        "1 b assigned 0123",
        "2 b revoked 0123",
        "2 a lost 01",
        "2 b assigned 01",
        "2 a assigned 23",
    ]


def test_nobody_owns_anything_new_until_everybody_has_let_go() -> None:
    """A slow `revoked` holds the whole group, and its commits count until it returns."""

    async def scene() -> tuple[list[str], Mapping[Partition, int]]:
        this = Scene()
        first = await this.join("a")
        this.told["a"].revoke_seconds = 5.0
        second = await this.join("b")
        await first.commit({ALL[3]: 7})
        await second.read(max_records=1, timeout_seconds=10.0)
        return this.calls, this.broker.commits("group")

    calls, committed = run(scene())
    assert calls == [
        "0 a assigned 0123",
        "0.5 a revoked 0123",
        "5.5 a assigned 01",
        "5.5 b assigned 23",
    ]
    assert committed == {ALL[3]: 7}


def test_a_member_expelled_while_it_lets_go_can_join_again() -> None:
    """It has been told already, so it is not told twice."""

    async def scene() -> list[str]:
        this = Scene()
        first = await this.join("a")
        this.told["a"].revoke_seconds = 5.0
        await this.join("b")
        this.broker.expel(first)
        await this.clock.sleep(10.0)
        await first.read(max_records=1, timeout_seconds=1.0)
        return this.calls[2:]

    assert run(scene()) == [
        "5.5 b assigned 0123",
        "11 b revoked 0123",
        "11 b assigned 01",
        "11 a assigned 23",
    ]


def test_topics_groups_and_commits_outlive_a_close() -> None:
    """A worker that starts again finds its place."""

    async def scene() -> tuple[int, list[str]]:
        this = Scene()
        await this.broker.ensure_topics([TopicSpec("events", 1)])
        this.broker.append("events", [Message(b"1"), Message(b"2")])
        consumer = await this.join("a")
        await consumer.commit({ALL[0]: 1})
        await this.broker.close()
        again = await this.join("b")
        ends = await again.end_offsets(ALL[:1])
        return ends[ALL[0]], this.calls

    assert run(scene()) == (2, ["0 a assigned 0", "0 b assigned 0"])


def test_a_closed_consumer_reads_no_more() -> None:
    """It says so instead of returning nothing for ever."""

    async def scene() -> None:
        this = Scene()
        consumer = await this.join("a")
        await consumer.close()
        await consumer.read(max_records=1, timeout_seconds=1.0)

    with pytest.raises(EnvironmentFault, match="closed"):
        run(scene())
