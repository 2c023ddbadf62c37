"""Lanes: order per match key, merging field by field, and who may be sent."""

from dataclasses import replace

import pytest

from transformer.engine.lanes import Lanes, Source, Write
from transformer.engine.work import OwnedPartition, Work
from transformer.record import Partition, Record
from transformer.upsert import Match, Operation, Upsert

PARTITION = OwnedPartition(Partition("events", 0), 0, 0)


def source(email: str | None, offset: int, *, at: float = 0.0, **properties: object) -> Source:
    """One event's upsert of a person, or a plain create when there is no e-mail."""
    matches = () if email is None else (Match("Email", email),)
    operation = Operation.CREATE if email is None else Operation.UPSERT
    record = Record("events", 0, offset, 0, None, b"{}")
    upsert = Upsert("Person", operation, properties, matches, event_time=at)
    return Source(Work(record, PARTITION, upserts=1), upsert)


def offsets(write: Write) -> list[int]:
    """The offsets of the events that a write carries."""
    return [s.work.record.offset for s in write.sources]


def test_later_upserts_of_a_waiting_key_merge_into_one_write() -> None:
    """Three events of one person make one write that carries all three."""
    lanes = Lanes()
    for offset in range(3):
        lanes.add(source("a@x.io", offset, at=offset, n=offset), now=0.0)
    (write,) = lanes.take(10)
    assert (offsets(write), dict(write.upsert.properties)) == ([0, 1, 2], {"n": 2})
    assert len(lanes) == 1


def test_the_later_event_time_wins_per_property_inside_a_merge() -> None:
    """An event that arrives late with older values fills gaps but overwrites nothing newer (K6)."""
    lanes = Lanes()
    lanes.add(source("a@x.io", 0, at=10.0, city="Rome", plan="pro"), now=0.0)
    lanes.add(source("a@x.io", 1, at=5.0, city="Oslo", phone="1"), now=0.0)
    lanes.add(source("a@x.io", 2, at=7.0, phone="2", plan=None), now=0.0)
    (write,) = lanes.take(10)
    assert dict(write.upsert.properties) == {"city": "Rome", "plan": "pro", "phone": "2"}
    assert write.upsert.event_time == 10.0


def test_of_equal_event_times_the_later_offset_wins() -> None:
    """Offset order decides where event time does not."""
    lanes = Lanes()
    lanes.add(source("a@x.io", 0, at=1.0, n=0), now=0.0)
    lanes.add(source("a@x.io", 1, at=1.0, n=1), now=0.0)
    assert dict(lanes.take(1)[0].upsert.properties) == {"n": 1}


def test_a_default_never_hides_a_value_of_a_merged_event() -> None:
    """A create-only default gives way to a real value, from whichever event it came."""
    first = source("a@x.io", 0, Company="Acme")
    second = source("a@x.io", 1, n=1)
    defaulted = Upsert(
        "Person", Operation.UPSERT, {"n": 1}, first.upsert.matches, {"Company": "n/a", "Last": "-"}
    )
    lanes = Lanes()
    lanes.add(first, now=0.0)
    lanes.add(Source(second.work, defaulted), now=0.0)
    upsert = lanes.take(1)[0].upsert
    assert dict(upsert.properties) == {"Company": "Acme", "n": 1}
    assert dict(upsert.on_create) == {"Last": "-"}


def test_a_merged_write_may_do_without_what_any_of_its_events_may_do_without() -> None:
    """An optional property stays optional, from whichever event it came."""
    lanes = Lanes()
    for offset, names in enumerate(({"Suffix"}, {"Division"})):
        one = source("a@x.io", offset, n=offset)
        lanes.add(Source(one.work, replace(one.upsert, optional=frozenset(names))), now=0.0)
    assert lanes.take(1)[0].upsert.optional == {"Suffix", "Division"}


def test_a_key_in_flight_is_not_sent_again_until_it_settles() -> None:
    """What comes meanwhile waits behind, merged into one write (invariant 4)."""
    lanes = Lanes()
    lanes.add(source("a@x.io", 0, n=0), now=0.0)
    (first,) = lanes.take(10)
    lanes.add(source("A@X.io ", 1, n=1), now=0.0)
    lanes.add(source("A@X.io ", 2, n=2), now=0.0)
    assert lanes.take(10) == []
    lanes.settle(first)
    (second,) = lanes.take(10)
    assert offsets(second) == [1, 2]
    lanes.settle(second)
    assert len(lanes) == 0


def test_ids_that_differ_by_case_alone_keep_order_but_never_merge() -> None:
    """Two records whose ids fold to the same text are two writes, one after the other."""
    lanes = Lanes()
    lanes.add(source("00Qa", 0, n=0), now=0.0)
    lanes.add(source("00QA", 1, n=1), now=0.0)
    assert [offsets(w) for w in lanes.take(10)] == [[0]]


def test_plain_creates_are_never_merged() -> None:
    """Without a match key every event is its own record."""
    lanes = Lanes()
    lanes.add(source(None, 0), now=0.0)
    lanes.add(source(None, 1), now=0.0)
    assert [offsets(w) for w in lanes.take(10)] == [[0], [1]]


def test_a_delayed_write_keeps_its_lane_and_takes_in_what_queued_behind_it() -> None:
    """A retry carries the newer values along, and nothing overtakes it."""
    lanes = Lanes()
    lanes.add(source("a@x.io", 0, at=0.0, n=0), now=0.0)
    (write,) = lanes.take(10)
    lanes.add(source("a@x.io", 1, at=1.0, n=1), now=0.0)
    lanes.delay(write, ready_at=5.0)
    lanes.add(source("a@x.io", 2, at=2.0, n=2), now=0.0)
    lanes.wake(4.9)
    assert lanes.take(10) == []
    lanes.wake(5.0)
    (again,) = lanes.take(10)
    assert (offsets(again), dict(again.upsert.properties)) == ([0, 1, 2], {"n": 2})
    assert len(lanes) == 1


def test_a_split_write_is_sent_part_by_part_in_order() -> None:
    """After a refusal each event goes alone, the older one first, then what had come behind."""
    lanes = Lanes()
    lanes.add(source("a@x.io", 0, n=0), now=0.0)
    lanes.add(source("a@x.io", 1, n=1), now=0.0)
    (write,) = lanes.take(10)
    lanes.add(source("a@x.io", 2, n=2), now=0.0)
    lanes.replace(write, write.split())
    sent = []
    while batch := lanes.take(10):
        (part,) = batch
        sent.append((offsets(part), dict(part.upsert.properties)))
        lanes.settle(part)
    assert sent == [([0], {"n": 0}), ([1], {"n": 1}), ([2], {"n": 2})]
    assert len(lanes) == 0


def test_discarding_a_partition_keeps_the_other_events_of_a_merged_write() -> None:
    """Values of events that are not ours any more leave the merge; the rest is merged anew."""
    lanes = Lanes()
    lanes.add(source("a@x.io", 0, at=0.0, n=0), now=0.0)
    lanes.add(source("a@x.io", 1, at=1.0, n=1), now=0.0)
    lanes.add(source("b@x.io", 2, n=2), now=0.0)
    lanes.add(source(None, 3), now=0.0)
    gone = lanes.discard(lambda work: work.record.offset in {1, 2, 3})
    assert sorted(work.record.offset for work in gone) == [1, 2, 3]
    assert [(offsets(w), dict(w.upsert.properties)) for w in lanes.take(10)] == [([0], {"n": 0})]
    assert len(lanes) == 1


def test_discarding_leaves_writes_in_flight_alone() -> None:
    """A request that is out will be answered; only what waits can be forgotten."""
    lanes = Lanes()
    lanes.add(source("a@x.io", 0, n=0), now=0.0)
    (write,) = lanes.take(1)
    lanes.add(source("a@x.io", 1, n=1), now=0.0)
    lanes.discard(lambda work: True)
    lanes.settle(write)
    assert (len(lanes), lanes.take(10)) == (0, [])


def test_suspects_of_a_failed_request_go_last_and_in_small_company() -> None:
    """A write that keeps failing shares its request with few, and with suspects alone."""
    lanes = Lanes()
    for offset in range(5):
        lanes.add(source(f"p{offset}@x.io", offset), now=0.0)
    writes = lanes.take(5)
    for write in writes:
        write.batch_limit = None if write is writes[4] else 3
        lanes.delay(write, 0.0)
    lanes.wake(0.0)
    sent = [[offsets(w) for w in lanes.take(10)] for _ in range(4)]
    assert sent == [[[4]], [[0], [1], [2]], [[3]], []]


def test_a_batch_is_bounded_by_the_bytes_behind_it() -> None:
    """Records are two bytes here: two fit into five bytes, and one write always goes."""
    lanes = Lanes()
    for offset in range(4):
        lanes.add(source(f"p{offset}@x.io", offset), now=0.0)
    sizes = [len(lanes.take(10, limit_bytes=5)), len(lanes.take(10, limit_bytes=1))]
    assert sizes == [2, 1]


@pytest.mark.parametrize("coalesce", [True, False])
def test_without_coalescing_every_event_is_its_own_write(coalesce: bool) -> None:
    """The setting turns merging off and leaves the order as it is."""
    lanes = Lanes(coalesce=coalesce)
    lanes.add(source("a@x.io", 0, n=0), now=0.0)
    lanes.add(source("a@x.io", 1, n=1), now=0.0)
    assert len(lanes) == (1 if coalesce else 2)
    assert [offsets(w) for w in lanes.take(10)] == ([[0, 1]] if coalesce else [[0]])


def test_letters_that_only_fold_alike_are_two_people() -> None:
    """`straße@` and `strasse@` may be two mailboxes: they share neither lane nor write."""
    keys = {Match("Email", each).folded for each in ("STRASSE@X.IO", "strasse@x.io", "straße@x.io")}
    assert keys == {"strasse@x.io", "straße@x.io"}
