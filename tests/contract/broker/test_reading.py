"""The broker contract, for those who join no group: readers, and what others have committed."""

import asyncio

from tests.contract.broker.brokers import (
    KEYED,
    PARTITIONS,
    Harness,
    by_partition,
    produce,
    read_all,
    read_on,
)
from tests.waiting import PATIENCE_SECONDS
from transformer.clock import SystemClock
from transformer.record import Message, Partition, Record


async def test_a_reader_reads_all_from_the_beginning(it: Harness) -> None:
    """Every partition of every topic, and its positions meet the ends."""
    topics = [await it.topic(), await it.topic()]
    for topic in topics:
        await produce(it, topic, *KEYED)
    reader = await it.broker.reader(topics, from_beginning=True)
    records: list[Record] = []
    await read_on(reader, records, 2 * len(KEYED))
    positions = await reader.positions()
    await reader.close()
    assert len(positions) == 2 * PARTITIONS
    assert all(position == end for position, end in positions.values())
    assert sum(end for _, end in positions.values()) == 2 * len(KEYED)


async def test_a_reader_from_the_end_reads_only_what_is_new(it: Harness) -> None:
    """What was there before stays unread."""
    topic = await it.topic()
    await produce(it, topic, *KEYED)
    reader = await it.broker.reader([topic], from_beginning=False)
    assert list(await reader.read(timeout_seconds=0.1)) == []
    await produce(it, topic, Message(b"new", b"k"))
    assert [record.value for record in await reader.read(timeout_seconds=PATIENCE_SECONDS)] == [
        b"new"
    ]


async def test_what_a_group_has_committed_is_told_without_joining_it(it: Harness) -> None:
    """Partitions without a commit are left out, and so is what there is not."""
    topic = await it.topic()
    await produce(it, topic, *(Message(b"%d" % n, b"k") for n in range(10)))
    worker = await it.worker(topic)
    await worker.read_until(lambda: len(worker.records) == 10)
    home = Partition(topic, worker.records[0].partition)
    every = [Partition(topic, number) for number in range(PARTITIONS)]
    assert await it.broker.committed(it.group, every) == {}
    await worker.consumer.commit({home: 4})
    asked = [*every, Partition(topic, 99), Partition("never-made", 0)]
    assert await it.broker.committed(it.group, asked) == {home: 4}
    await worker.consumer.close()
    assert await it.broker.committed(it.group, every) == {home: 4}
    assert await it.broker.committed("no-such-group", every) == {}
    assert await it.broker.committed(it.group, []) == {}


async def test_a_reader_reads_on_from_where_it_is_sent(it: Harness) -> None:
    """Each partition by itself; those not named stay where they are."""
    topic = await it.topic()
    await produce(it, topic, *KEYED)
    sizes = {
        number: len(records)
        for number, records in by_partition(await read_all(it, topic, len(KEYED))).items()
    }
    home = max(sizes, key=lambda number: sizes[number])
    reader = await it.broker.reader([topic], from_beginning=False)
    await reader.seek({Partition(topic, home): sizes[home] - 3})
    records: list[Record] = []
    await read_on(reader, records, 3)
    assert [(r.partition, r.offset) for r in records] == [
        (home, offset) for offset in range(sizes[home] - 3, sizes[home])
    ]
    assert list(await reader.read(timeout_seconds=0.1)) == []
    assert all(at == end for at, end in (await reader.positions()).values())


async def test_a_reader_goes_to_the_first_record_of_a_time(full: Harness) -> None:
    """In every partition; to the end where nothing is so young."""
    topic = await full.topic()
    old = [Message(b"old", b"%d" % n) for n in range(40)]
    await produce(full, topic, *old)
    assert len(by_partition(await read_all(full, topic, len(old)))) == PARTITIONS
    await asyncio.sleep(0.05)
    between = SystemClock().wall()
    await asyncio.sleep(0.05)
    await produce(full, topic, Message(b"young", b"a"))
    reader = await full.broker.reader([topic], from_beginning=True)
    await reader.seek_time(between)
    young = await reader.read(timeout_seconds=PATIENCE_SECONDS)
    assert [record.value for record in young] == [b"young"]
    assert all(at == end for at, end in (await reader.positions()).values())
    await reader.seek_time(0.0)
    records: list[Record] = []
    await read_on(reader, records, 41)
    assert sorted(r.value or b"" for r in records) == [b"old"] * 40 + [b"young"]


async def test_where_times_are_not_known_a_reader_begins_at_the_beginning(it: Harness) -> None:
    """The embedded broker knows none: rather too much than too little."""
    topic = await it.topic()
    await produce(it, topic, Message(b"1", b"a"), Message(b"2", b"a"))
    reader = await it.broker.reader([topic], from_beginning=False)
    await reader.seek_time(SystemClock().wall() - 60)
    records: list[Record] = []
    await read_on(reader, records, 2)
    assert [record.value for record in records] == [b"1", b"2"]
