"""The transactor's contract: memory and Apache Kafka produce all of a call, or nothing."""

import asyncio
import gc
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.contract.broker.brokers import Harness, harness, read_on, unique
from tests.waiting import PATIENCE_SECONDS
from transformer.broker import Broker, TopicSpec
from transformer.clock import SystemClock
from transformer.errors import ProduceFailed
from transformer.kafka import KafkaBroker
from transformer.memory.broker import MemoryBroker
from transformer.record import Message, Partition, Record


@pytest.fixture(params=["memory", pytest.param("kafka", marks=pytest.mark.kafka)])
async def it(request: pytest.FixtureRequest) -> AsyncIterator[Harness]:
    """The brokers that have transactions.

    The embedded one ends a transaction with a record whose checksum is wrong, which no client reads
    past: it is for demonstrations, not for replays.
    """
    async with harness(request.param, request) as one:
        yield one


QUIET_SECONDS = 1.0


async def read_all(broker: Broker, count: int, *topics: str) -> list[Record]:
    """Everything that can be read: `count` records, and what comes beyond them, to the end.

    A transaction ends a moment after its commit is answered: what is expected is waited for.
    """
    reader = await broker.reader(topics, from_beginning=True)
    records: list[Record] = []
    await read_on(reader, records, count)
    await asyncio.sleep(QUIET_SECONDS)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while any(at < end for at, end in (await reader.positions()).values()):
            records += await reader.read(timeout_seconds=0.5)
    await reader.close()
    return records


async def test_messages_go_to_the_partition_named_in_order_and_unchanged(it: Harness) -> None:
    """Whatever their key; binary, empty and null values, keys and headers (invariant 7)."""
    first, second = await it.topic(), await it.topic()
    sent = [
        (Partition(first, 2), Message(b"1", b"k", [("h", b"\x00\xff"), ("h", None)])),
        (Partition(second, 1), Message(None, b"mark", [("m", b"")])),
        (Partition(first, 2), Message(b"2", b"k")),
        (Partition(first, 0), Message(b"", b"k")),
        (Partition(first, 2), Message(b"3")),
        (Partition(first, 2), Message(None, None)),
    ]
    transactor = await it.broker.transactor(it.group)
    await transactor.produce(sent[:3])
    await transactor.produce(sent[3:])
    records = await read_all(it.broker, len(sent), first, second)
    for place in {partition for partition, _ in sent}:
        assert [
            (r.value, r.key, list(r.headers)) for r in records if (r.topic, r.partition) == place
        ] == [(m.value, m.key, list(m.headers)) for p, m in sent if p == place]
    assert len(records) == len(sent)


async def test_more_than_a_batch_holds_goes_in_one_call(it: Harness) -> None:
    """Three thousand messages of a kilobyte, in their order."""
    topic = await it.topic()
    values = [b"%06d" % n + b"x" * 1000 for n in range(3000)]
    transactor = await it.broker.transactor(it.group)
    await transactor.produce([(Partition(topic, 1), Message(value, b"k")) for value in values])
    records = await read_all(it.broker, len(values), topic)
    assert [record.value for record in records] == values


async def test_a_call_that_fails_leaves_nothing_to_be_read(it: Harness) -> None:
    """Neither what came before the message that is refused, nor what came after; then it goes on.

    A reader gets past what was undone, to the end.
    """
    topic, small = await it.topic(), await it.topic(max_record_bytes=1_000)
    transactor = await it.broker.transactor(it.group)
    good, other = (Partition(topic, 0), Message(b"1", b"k")), (Partition(topic, 1), Message(b"2"))
    await transactor.produce([good])
    refused = (Partition(small, 0), Message(b"x" * 2_000))
    with pytest.raises(ProduceFailed, match=small):
        await transactor.produce([other, refused, other])
    assert [r.value for r in await read_all(it.broker, 1, topic, small)] == [b"1"]
    await transactor.produce([other])
    assert sorted(r.value or b"" for r in await read_all(it.broker, 2, topic)) == [b"1", b"2"]


async def test_a_partition_that_is_not_there_is_refused(it: Harness) -> None:
    """It is named."""
    topic = await it.topic()
    transactor = await it.broker.transactor(it.group)
    with pytest.raises(ProduceFailed, match=f"{topic}/99: there is no such partition"):
        await transactor.produce([(Partition(topic, 99), Message(b"x"))])


async def test_opening_a_transactor_shuts_out_the_one_before(it: Harness) -> None:
    """Of two replays at once, the later alone produces; another name does not matter."""
    topic = await it.topic()
    place = Partition(topic, 0)
    first = await it.broker.transactor(it.group)
    await first.produce([(place, Message(b"1"))])
    other = await it.broker.transactor(f"{it.group}-other")
    second = await it.broker.transactor(it.group)
    with pytest.raises(ProduceFailed, match="another"):
        await first.produce([(place, Message(b"lost"))])
    await second.produce([(place, Message(b"2"))])
    await other.produce([(place, Message(b"3"))])
    assert [r.value for r in await read_all(it.broker, 3, topic)] == [b"1", b"2", b"3"]


@pytest.mark.kafka
async def test_a_transactor_that_was_shut_out_says_so_each_time_and_logs_nothing_else(
    kafka_bootstrap_servers: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Also for what it had still to send; no failure is left for asyncio to log as not heard."""
    broker = KafkaBroker(kafka_bootstrap_servers)
    await broker.open()
    try:
        name, topic = unique("group"), unique("topic")
        await broker.ensure_topics([TopicSpec(topic, 2)])
        first = await broker.transactor(name)
        await first.produce([(Partition(topic, 0), Message(b"1"))])
        await broker.transactor(name)
        several = [(Partition(topic, n % 2), Message(b"x" * 100_000)) for n in range(30)]
        for _ in range(2):
            with pytest.raises(ProduceFailed, match="another process took over"):
                await first.produce(several)
    finally:
        await broker.close()
    del first
    gc.collect()
    assert [record.getMessage() for record in caplog.records if record.name == "asyncio"] == []


@pytest.mark.kafka
async def test_what_a_dead_process_left_open_is_undone_at_the_next_opening(
    kafka_bootstrap_servers: list[str],
) -> None:
    """Its messages are never read, and those behind them are not held up."""
    broker = KafkaBroker(kafka_bootstrap_servers)
    await broker.open()
    try:
        name, place = unique("group"), Partition(unique("topic"), 0)
        await broker.ensure_topics([TopicSpec(place.topic, 1)])
        dead = await broker.transactor(name)
        client: Any = dead._client
        await client.begin_transaction()
        await dead._send(place, [Message(b"half")])
        reader = await broker.reader([place.topic], from_beginning=True)
        assert list(await reader.read(timeout_seconds=0.5)) == []
        alive = await broker.transactor(name)
        await alive.produce([(place, Message(b"whole"))])
        assert [r.value for r in await read_all(broker, 1, place.topic)] == [b"whole"]
    finally:
        await broker.close()


async def test_a_transactor_closes_twice(it: Harness) -> None:
    """Once by hand, once with the broker."""
    transactor = await it.broker.transactor(it.group)
    await transactor.close()
    await transactor.close()


async def test_memory_can_refuse_and_lose_an_acknowledgement() -> None:
    """Scripted faults count for transactors, too."""
    broker = MemoryBroker(SystemClock())
    transactor = await broker.transactor("t")
    place = Partition("a", 0)
    broker.faults.refuse_produce(topic="a")
    with pytest.raises(ProduceFailed):
        await transactor.produce([(place, Message(b"1")), (Partition("b", 0), Message(b"1"))])
    assert list(broker.records("a")) == list(broker.records("b")) == []
    broker.faults.refuse_produce(topic="a", applied=True)
    with pytest.raises(ProduceFailed):
        await transactor.produce([(place, Message(b"2"))])
    assert [record.value for record in broker.records("a")] == [b"2"]
