"""Which offsets of a source partition hold a record."""

import pytest

from tests.manual_clock import ManualClock
from transformer.broker import TopicSpec
from transformer.ledger.source import Source, joined, read_sources
from transformer.memory.broker import MemoryBroker
from transformer.record import Message, Partition


def source(begin: int, end: int, *present: int) -> Source:
    """A partition that holds these records among those asked for."""
    made = Source(begin, end)
    for offset in present:
        made.present.cover(offset, offset, 0.0)
    return made


@pytest.mark.parametrize(
    ("made", "asked", "held"),
    [
        (source(0, 20), (3, 5), []),
        (source(0, 20, 3, 4, 5), (3, 5), [(3, 5)]),
        (source(0, 20, 3, 5, 9), (3, 9), [(3, 3), (5, 5), (9, 9)]),
        (source(0, 20, 3, 5, 9), (4, 8), [(5, 5)]),
        (source(0, 20, 3, 5, 9), (10, 12), []),
        (source(10, 20), (3, 5), [(3, 5)]),
        (source(10, 20, 12), (3, 15), [(3, 9), (12, 12)]),
    ],
)
def test_what_retention_took_away_is_taken_to_have_held_a_record(
    made: Source, asked: tuple[int, int], held: list[tuple[int, int]]
) -> None:
    """Nobody can say otherwise; all else is looked up."""
    assert list(made.held(*asked)) == held


def test_ranges_of_several_connections_are_joined() -> None:
    """They may overlap or adjoin."""
    assert joined([(5, 9), (1, 2), (8, 12), (3, 3), (20, 21)]) == [(1, 3), (5, 12), (20, 21)]


async def test_only_topics_that_are_there_are_read() -> None:
    """And of them only what was asked for is kept."""
    broker = MemoryBroker(ManualClock())
    await broker.ensure_topics([TopicSpec("events", 2)])
    broker.append("events", [Message(b"{}", b"one key") for _ in range(6)])
    (number,) = {record.partition for record in broker.records("events")}
    here, gone = Partition("events", number), Partition("elsewhere", 0)
    found = await read_sources(broker, {here: [(4, 9), (1, 2)], gone: [(0, 1)]})
    assert set(found) == {Partition("events", 0), Partition("events", 1)}
    assert list(found[here].held(0, 9)) == [(1, 2), (4, 5)]
    assert (found[here].begin, found[here].end) == (0, 6)
