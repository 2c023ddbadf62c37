"""Merging: values that add up, and events that must stay apart."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from transformer.engine.lanes import Lanes, Source, Write
from transformer.engine.merge import joined
from transformer.engine.work import OwnedPartition, Work
from transformer.record import Partition, Record
from transformer.upsert import Match, Operation, Upsert

PARTITION = OwnedPartition(Partition("events", 0), 0, 0)
PERSON = Upsert(
    "Person",
    Operation.UPSERT,
    {},
    (Match("Email", "a@x.io"),),
    additive={"tags": "||", "lists": "||"},
    apart=frozenset({"unsubscribe", "consent"}),
)


def source(offset: int, properties: Mapping[str, object], at: float = 0.0) -> Source:
    """One event's upsert of the same person."""
    work = Work(Record("events", 0, offset, 0, None, b"{}"), PARTITION, upserts=1)
    return Source(work, replace(PERSON, properties=properties, event_time=at))


def queued(*events: Mapping[str, object]) -> Lanes:
    """Lanes in which these events of one person wait."""
    lanes = Lanes()
    for offset, properties in enumerate(events):
        lanes.add(source(offset, properties), now=0.0)
    return lanes


def sent(lanes: Lanes) -> list[tuple[list[int], dict[str, object]]]:
    """Every write: the offsets it carries and what it says."""
    found = []
    while len(lanes):
        (write,) = lanes.take(9)
        offsets = [each.work.record.offset for each in write.sources]
        found.append((offsets, dict(write.upsert.properties)))
        lanes.settle(write)
    return found


def test_the_tags_of_every_merged_event_are_written() -> None:
    """In the order they came, each once; other properties are replaced."""
    events = ({"tags": "trial||web", "n": 1}, {"tags": "web||paid", "n": 2}, {"tags": "vip"})
    assert sent(queued(*events)) == [([0, 1, 2], {"tags": "trial||web||paid||vip", "n": 2})]


def test_tags_add_up_whatever_the_event_times() -> None:
    """An event that arrives late adds, too."""
    lanes = Lanes()
    lanes.add(source(0, {"tags": "new", "city": "Rome"}, at=9.0), now=0.0)
    lanes.add(source(1, {"tags": "old", "city": "Oslo"}, at=5.0), now=0.0)
    assert sent(lanes) == [([0, 1], {"tags": "new||old", "city": "Rome"})]


def test_an_event_without_tags_takes_none_away() -> None:
    """Absent, null and blank add nothing."""
    assert sent(queued({"tags": "a"}, {}, {"tags": None}, {"tags": ""})) == [
        ([0, 1, 2, 3], {"tags": "a"})
    ]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"lists": "News"}, {"unsubscribe": "News"}),
        ({"unsubscribe": "News"}, {"lists": "News", "consent": True}),
        ({"lists": "News", "consent": True}, {"lists": "Offers"}),
        ({"lists": "Offers"}, {"lists": "News", "consent": True}),
        ({"unsubscribe": "News"}, {"unsubscribe": "Offers"}),
        ({"consent": True}, {"consent": False}),
    ],
)
def test_events_that_differ_in_what_keeps_them_apart_are_written_in_order(
    first: dict[str, object], second: dict[str, object]
) -> None:
    """So that the last word on each list wins, and consent is for its own event's lists."""
    assert sent(queued(first, second)) == [([0], first), ([1], second)]


def test_events_that_agree_in_what_keeps_others_apart_are_one_write() -> None:
    """Consent that comes with every event costs nothing."""
    events = ({"lists": "A", "consent": True}, {"lists": "B", "consent": True})
    assert sent(queued(*events)) == [([0, 1], {"lists": "A||B", "consent": True})]


def test_a_write_that_waits_for_its_retry_stays_apart_from_what_follows() -> None:
    """What queued up behind it meanwhile is not merged into it either."""
    lanes = queued({"unsubscribe": "News"}, {"lists": "News", "consent": True}, {"n": 1})
    (first,) = lanes.take(9)
    lanes.delay(first, ready_at=1.0)
    lanes.wake(now=1.0)
    assert [offsets for offsets, _ in sent(lanes)] == [[0], [1], [2]]


def test_a_split_write_says_of_each_event_what_that_event_said() -> None:
    """The joined value is the write's alone."""
    lanes = queued({"tags": "a"}, {"tags": "b"})
    (write,) = lanes.take(9)
    assert [dict(part.upsert.properties) for part in write.split()] == [
        {"tags": "a"},
        {"tags": "b"},
    ]


def test_marks_of_one_event_hold_for_the_other_too() -> None:
    """Two tables may write one object, and only one of them have the marks."""
    plain = replace(PERSON, additive={}, apart=frozenset())
    first = source(0, {"tags": "a"})
    write = Write(first, 0.0, PERSON.key)
    for tag in ("b", "c"):
        write.merge(Source(first.work, replace(plain, properties={"tags": tag})))
    assert dict(write.upsert.properties) == {"tags": "a||b||c"}
    assert not write.takes(replace(plain, properties={"consent": True}))
    consenting = Write(source(0, {"consent": True}), 0.0, PERSON.key)
    assert not consenting.takes(replace(plain, properties={"n": 1}))


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (("a;b", "b; c"), "a;b;c"),
        ((1, True, 2.5), "1;true;2.5"),
        ((["a", None, "b;c"], "d"), "a;b;c;d"),
        ((";a", ";b"), ";a;b"),
        (("a", ";b"), "a;b"),
        ((None, "a"), "a"),
        (("", None), None),
        ((None, ""), ""),
    ],
)
def test_parts_are_joined(values: tuple[object, ...], text: object) -> None:
    """Each once; a separator in front of the first stays, as it says to add to what is there."""
    assert joined(values, ";") == text
