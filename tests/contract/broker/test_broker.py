"""The broker contract: memory, embedded and Apache Kafka keep the same promises."""

import asyncio

import pytest

from tests.contract.broker.brokers import (
    KEYED,
    PARTITIONS,
    Harness,
    Worker,
    by_partition,
    produce,
    read_all,
    until,
)
from tests.waiting import PATIENCE_SECONDS
from transformer.broker import TopicSpec
from transformer.errors import PartitionLost, ProduceFailed
from transformer.record import Message, Partition


async def test_records_of_a_key_stay_in_one_partition_and_in_order(it: Harness) -> None:
    """Every key's values come back as they were produced, over several calls."""
    topic = await it.topic()
    producer = await it.broker.producer()
    await producer.produce(topic, KEYED[:30])
    await producer.produce(topic, KEYED[30:])
    records = await read_all(it, topic, len(KEYED))
    for key in {message.key for message in KEYED}:
        mine = [record for record in records if record.key == key]
        assert [r.value for r in mine] == [m.value for m in KEYED if m.key == key]
        assert len({record.partition for record in mine}) == 1
    for part in by_partition(records).values():
        assert [record.offset for record in part] == list(range(len(part)))


async def test_order_holds_over_calls_that_overlap(it: Harness) -> None:
    """Of two calls with one key, all of the first comes before all of the second."""
    topic = await it.topic()
    producer = await it.broker.producer()
    messages = [Message(b"%06d" % n + b"x" * 1000, b"k") for n in range(2000)]
    await asyncio.gather(
        producer.produce(topic, messages[:1000]), producer.produce(topic, messages[1000:])
    )
    records = await read_all(it, topic, len(messages))
    assert [record.value for record in records] == [message.value for message in messages]


async def test_messages_without_a_key_are_spread(it: Harness) -> None:
    """Forty of them reach every partition."""
    topic = await it.topic()
    await produce(it, topic, *(Message(b"%d" % n) for n in range(40)))
    assert len(by_partition(await read_all(it, topic, 40))) == PARTITIONS


async def test_bytes_and_headers_come_back_unchanged(it: Harness) -> None:
    """Binary, empty and null values and keys, repeated and null headers (invariant 7)."""
    topic = await it.topic()
    messages = [
        Message(bytes(range(256)), b"k", [("h", b"\x00\xff"), ("h", b""), ("h", None)]),
        Message(b"", b"k", [("ünïcode", b"x")]),
        Message(None, b"k"),
        Message(b"last", b"k", ()),
    ]
    await produce(it, topic, *messages)
    records = await read_all(it, topic, len(messages))
    assert [(r.value, r.key, list(r.headers)) for r in records] == [
        (m.value, m.key, list(m.headers)) for m in messages
    ]
    assert {record.topic for record in records} == {topic}
    assert all(record.timestamp_ms > 1_600_000_000_000 for record in records)


async def test_a_null_key_and_an_empty_key_are_two_things(it: Harness) -> None:
    """Both are read as they were produced, also with a null value."""
    topic = await it.topic()
    await produce(it, topic, Message(b"1", b""), Message(b"2"), Message(None, None))
    records = await read_all(it, topic, 3)
    assert sorted(((r.key, r.value) for r in records), key=repr) == [
        (None, None),
        (None, b"2"),
        (b"", b"1"),
    ]


async def test_a_value_of_two_megabytes_passes(it: Harness) -> None:
    """A topic that takes them, and records around it in their order."""
    topic = await it.topic(max_record_bytes=3_000_000)
    large = b"x" * 2_000_000
    await produce(it, topic, Message(b"a", b"k"), Message(large, b"k"), Message(b"b", b"k"))
    assert [record.value for record in await read_all(it, topic, 3)] == [b"a", large, b"b"]


async def test_a_message_too_large_is_refused_with_advice(it: Harness) -> None:
    """ProduceFailed names the topic (K4: the worker stops rather than lose it)."""
    topic = await it.topic(max_record_bytes=1_000_000)
    producer = await it.broker.producer()
    with pytest.raises(ProduceFailed, match=topic):
        await producer.produce(topic, [Message(b"x" * 5_000_000, b"k")])


async def test_a_new_group_starts_at_the_beginning_and_is_told_the_end(full: Harness) -> None:
    """`assigned` gives every partition its start and its end at that moment."""
    topic = await full.topic()
    await produce(full, topic, *KEYED)
    worker = await full.worker(topic)
    await worker.read_until(lambda: len(worker.records) == len(KEYED))
    sizes = {n: len(records) for n, records in by_partition(worker.records).items()}
    assert worker.told == [("assigned", frozenset(worker.holds))]
    assert {part.number: (a.next_offset, a.end_offset) for part, a in worker.holds.items()} == {
        number: (0, sizes.get(number, 0)) for number in range(PARTITIONS)
    }


async def test_another_member_resumes_at_the_commit(it: Harness) -> None:
    """What was committed is not read again; what was not, is."""
    topic = await it.topic()
    await produce(it, topic, *(Message(b"%d" % n, b"k") for n in range(10)))
    first = await it.worker(topic)
    await first.read_until(lambda: len(first.records) == 10)
    home = Partition(topic, first.records[0].partition)
    await first.consumer.commit({home: 4})
    await first.consumer.close()
    second = await it.worker(topic)
    await second.read_until(lambda: len(second.records) == 6)
    assert [record.offset for record in second.records] == [4, 5, 6, 7, 8, 9]
    assert second.holds[home].next_offset == 4
    assert second.holds[home].end_offset == 10


async def test_a_second_member_takes_half_after_the_first_has_committed(full: Harness) -> None:
    """The first is asked to settle all it holds, its commit counts, then both get their part."""
    topic = await full.topic()
    await produce(full, topic, *KEYED)
    first = await full.worker(topic)
    await first.read_until(lambda: len(first.records) == len(KEYED))
    every = frozenset(Partition(topic, number) for number in range(PARTITIONS))
    ends = {part: assigned.end_offset for part, assigned in first.holds.items()}
    first.commit_when_revoked = ends
    second = await full.worker(topic)
    await until(
        lambda: bool(second.holds and first.holds != {} and len(first.holds) < 4), first, second
    )
    assert first.told[:2] == [("assigned", every), ("revoked", every)]
    assert {*first.holds, *second.holds} == every
    assert not first.holds.keys() & second.holds.keys()
    starts = {part: a.next_offset for part, a in {**first.holds, **second.holds}.items()}
    assert starts == ends
    assert second.records == []


async def test_equal_partitions_of_two_topics_go_to_one_member(full: Harness) -> None:
    """A user's identify and track events, in two topics, are one worker's business (K6)."""
    topics = [await full.topic(), await full.topic()]
    first, second = await full.worker(*topics), await full.worker(*topics)
    await until(lambda: len(first.holds) == len(second.holds) == PARTITIONS, first, second)
    for worker in (first, second):
        numbers = [sorted(p.number for p in worker.holds if p.topic == t) for t in topics]
        assert numbers[0] == numbers[1]


async def test_nothing_is_read_before_assigned_has_returned(full: Harness) -> None:
    """Not by a read that was waiting when the rebalance began either."""
    topic = await full.topic()
    first = await full.worker(topic)
    await first.read_until(lambda: len(first.holds) == PARTITIONS)
    waiting = asyncio.create_task(read_once(first))
    first.may_assign.clear()
    second = await full.worker(topic)
    await until(lambda: first.is_assigning, second)
    await produce(full, topic, *KEYED)
    # The second member gets its records, and the first has as long for its own.
    await second.read_until(lambda: bool(second.records))
    await second.consumer.read(max_records=1, timeout_seconds=1.0)
    assert not waiting.done()
    first.may_assign.set()
    await until(waiting.done, second)
    assert await waiting == (True, False)


async def read_once(worker: Worker) -> tuple[bool, bool]:
    """Whether one long read gave records, and whether `assigned` was running then."""
    records = await worker.consumer.read(max_records=500, timeout_seconds=PATIENCE_SECONDS)
    return bool(records), worker.is_assigning


async def test_the_last_member_gets_everything_when_the_other_leaves(full: Harness) -> None:
    """Leaving is noticed at once, and tells the one who leaves nothing."""
    topic = await full.topic()
    first, second = await full.worker(topic), await full.worker(topic)
    await until(lambda: bool(first.holds and second.holds) and len(first.holds) == 2, first, second)
    heard = len(second.told)
    await second.consumer.close()
    await first.read_until(lambda: len(first.holds) == PARTITIONS)
    assert len(second.told) == heard


async def test_a_commit_of_a_partition_that_is_not_ours_is_refused(full: Harness) -> None:
    """All of that commit, also the part that would be ours."""
    topic, other = await full.topic(), await full.topic()
    worker = await full.worker(topic)
    await worker.read_until(lambda: len(worker.holds) == PARTITIONS)
    with pytest.raises(PartitionLost):
        await worker.consumer.commit({Partition(topic, 0): 3, Partition(other, 0): 3})
    await worker.consumer.close()
    successor = await full.worker(topic)
    await successor.read_until(lambda: len(successor.holds) == PARTITIONS)
    assert successor.holds[Partition(topic, 0)].next_offset == 0


async def test_a_zombie_cannot_commit_and_is_told_that_it_lost(full: Harness) -> None:
    """Thrown out of its group it gets PartitionLost, then `lost`, then starts anew (K7)."""
    topic = await full.topic()
    await produce(full, topic, *KEYED)
    worker = await full.worker(topic)
    await worker.read_until(lambda: len(worker.records) == len(KEYED))
    held = frozenset(worker.holds)
    await full.evict(worker.consumer)
    for _ in range(2):  # the second finds an empty group, where Kafka takes anybody's commit
        with pytest.raises(PartitionLost):
            await worker.consumer.commit(dict.fromkeys(held, 1))
    worker.records.clear()
    await worker.read_until(lambda: len(worker.records) == len(KEYED))
    assert worker.told == [("assigned", held), ("lost", held), ("assigned", held)]
    assert {assigned.next_offset for assigned in worker.holds.values()} == {0}


async def test_a_paused_partition_waits_and_resumes_where_it_stopped(full: Harness) -> None:
    """Others go on; nothing is skipped or repeated (K8)."""
    topic = await full.topic()
    worker = await full.worker(topic)
    await worker.read_until(lambda: len(worker.holds) == PARTITIONS)
    await produce(full, topic, *KEYED)
    await worker.read_until(lambda: len(by_partition(worker.records)) > 1)
    busiest = Partition(topic, worker.records[0].partition)
    worker.consumer.pause([busiest, Partition("not-ours", 0)])
    before = [r for r in worker.records if r.partition == busiest.number]
    await produce(full, topic, *KEYED)
    ends = await worker.consumer.end_offsets(list(worker.holds))
    others = sum(end for part, end in ends.items() if part != busiest)
    await worker.read_until(lambda: len(worker.records) == others + len(before))
    assert [r for r in worker.records if r.partition == busiest.number] == before
    worker.consumer.resume([busiest])
    await worker.read_until(lambda: len(worker.records) == 2 * len(KEYED))
    offsets = [r.offset for r in worker.records if r.partition == busiest.number]
    assert offsets == list(range(ends[busiest]))


async def test_read_returns_at_most_what_was_asked_for(full: Harness) -> None:
    """And the rest the next time, each once."""
    topic = await full.topic()
    await produce(full, topic, *KEYED)
    worker = await full.worker(topic)
    sizes = []
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(worker.records) < len(KEYED):
            got = await worker.consumer.read(max_records=8, timeout_seconds=0.2)
            sizes.append(len(got))
            worker.records += got
    assert max(sizes) == 8
    assert len({(r.partition, r.offset) for r in worker.records}) == len(KEYED)


async def test_end_offsets_give_the_lag(full: Harness) -> None:
    """They count what was produced since, whether read or not (K9)."""
    topic = await full.topic()
    worker = await full.worker(topic)
    await worker.read_until(lambda: len(worker.holds) == PARTITIONS)
    assert set((await worker.consumer.end_offsets(list(worker.holds))).values()) == {0}
    await produce(full, topic, *KEYED)
    assert sum((await worker.consumer.end_offsets(list(worker.holds))).values()) == len(KEYED)


async def test_a_live_member_is_freshly_confirmed(full: Harness) -> None:
    """Heartbeats go on while nothing is read, and make the membership young again and again."""
    topic = await full.topic()
    worker = await full.worker(topic)
    await worker.read_until(lambda: len(worker.holds) == PARTITIONS)
    for _ in range(3):
        await asyncio.sleep(1.0)
        await worker.read_until(lambda: worker.consumer.membership_age_seconds() < 1.0)


async def test_what_a_callback_raises_is_raised_by_read(full: Harness) -> None:
    """A failure in `assigned` is not swallowed by the client."""
    topic = await full.topic()
    worker = full.newcomer(topic)
    worker.fail_when_assigned = ProduceFailed("the dead letter was refused")
    await worker.join()
    with pytest.raises(ProduceFailed, match="dead letter"):
        await worker.read_until(lambda: False)


async def test_topics_are_created_once(it: Harness) -> None:
    """Only the missing ones are named, and are there at once."""
    topic = await it.topic()
    await produce(it, topic, *KEYED)
    fresh = TopicSpec(f"{topic}-fresh", PARTITIONS)
    assert await it.broker.ensure_topics([TopicSpec(topic, PARTITIONS), fresh]) == [fresh.name]
    assert await it.broker.ensure_topics([TopicSpec(topic, PARTITIONS), fresh]) == []
    reader = await it.broker.reader([topic], from_beginning=True)
    assert sum(end for _, end in (await reader.positions()).values()) == len(KEYED)


async def test_the_topics_that_are_there_are_named(it: Harness) -> None:
    """Asking creates none."""
    topic = await it.topic()
    assert topic in await it.broker.topic_names()
    assert "never-made" not in await it.broker.topic_names()


async def test_closing_twice_is_once(it: Harness) -> None:
    """Each client on its own, and the broker with all of them."""
    topic = await it.topic()
    producer = await it.broker.producer()
    reader = await it.broker.reader([topic], from_beginning=True)
    worker = await it.worker(topic)
    for client in (producer, reader, worker.consumer):
        await client.close()
        await client.close()
    await it.broker.close()
