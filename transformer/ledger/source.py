"""Which offsets of the source topics hold a record: compaction and transactions leave some empty.

Reads through the broker port, from the beginning of a topic to where it ends now.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from transformer.broker import Broker
from transformer.errors import EnvironmentFault
from transformer.ledger.coverage import Coverage, Range
from transformer.record import Partition, Record

_READ_SECONDS: Final = 0.5


@dataclass(slots=True)
class Source:
    """What a source partition holds: where it begins and ends, its records among those asked."""

    begin: int
    end: int
    present: Coverage = field(default_factory=lambda: Coverage(most_gaps=2**62))

    def held(self, first: int, last: int) -> Iterable[Range]:
        """Which of these offsets hold a record; what retention took away is taken to have."""
        if first < self.begin:
            yield (first, min(last, self.begin - 1))
        at = max(first, self.begin, self.present.start)
        end = min(last, self.present.next_offset - 1)
        for gap in self.present.gaps:
            if at > end or gap.first > end:
                break
            if gap.last < at:
                continue
            if gap.first > at:
                yield (at, gap.first - 1)
            at = gap.last + 1
        if at <= end:
            yield (at, end)


async def read_sources(
    broker: Broker, asked: Mapping[Partition, Sequence[Range]]
) -> Mapping[Partition, Source]:
    """What the source topics hold of the offsets `asked`; topics that cannot be read are left out.

    A topic none of whose partitions has offsets asked for is not read, only measured.
    """
    found: dict[Partition, Source] = {}
    topics = {partition.topic for partition in asked} & await broker.topic_names()
    for topic in sorted(topics):
        wanted = {part: joined(ranges) for part, ranges in asked.items() if part.topic == topic}
        try:
            found |= await _source(broker, topic, {p: r for p, r in wanted.items() if r})
        except EnvironmentFault:
            continue
    return found


async def read_all(broker: Broker, topics: Sequence[str], take: Callable[[Record], None]) -> None:
    """Give `take` every record that is there now. Raises EnvironmentFault."""
    reader = await broker.reader(topics, from_beginning=True)
    try:
        ends = {part: end for part, (_, end) in (await reader.positions()).items()}
        while True:
            for record in await reader.read(timeout_seconds=_READ_SECONDS):
                if record.offset < ends[Partition(record.topic, record.partition)]:
                    take(record)
            now = await reader.positions()
            if all(now[part][0] >= end for part, end in ends.items()):
                return
    finally:
        await reader.close()


def joined(ranges: Iterable[Range]) -> list[Range]:
    """The same offsets as ranges that do not overlap, sorted."""
    made: list[Range] = []
    for first, last in sorted(ranges):
        if made and first <= made[-1][1] + 1:
            made[-1] = (made[-1][0], max(last, made[-1][1]))
        else:
            made.append((first, last))
    return made


async def _source(
    broker: Broker, topic: str, wanted: Mapping[Partition, Sequence[Range]]
) -> dict[Partition, Source]:
    reader = await broker.reader([topic], from_beginning=True)
    try:
        sources = {part: Source(*ends) for part, ends in (await reader.positions()).items()}
    finally:
        await reader.close()

    def take(record: Record) -> None:
        partition = Partition(record.topic, record.partition)
        if _is_within(wanted.get(partition, ()), record.offset):
            sources[partition].present.cover(record.offset, record.offset, 0.0)

    if wanted:
        await read_all(broker, [topic], take)
    return sources


def _is_within(ranges: Sequence[Range], offset: int) -> bool:
    """Whether one of the sorted `ranges` holds `offset`."""
    index = bisect_right(ranges, offset, key=_first)
    return index > 0 and ranges[index - 1][1] >= offset


def _first(span: Range) -> int:
    return span[0]
