"""Reading for the ledger: a topic, or the part of it that matters, through the broker port.

Which offsets of a source topic hold a record at all: compaction and transactions leave some empty.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from transformer.broker import Broker, Reader
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

    def absent(self, first: int, last: int) -> Iterable[Range]:
        """Which of these offsets hold none."""
        for begin, end in self.held(first, last):
            if first < begin:
                yield (first, begin - 1)
            first = end + 1
        if first <= last:
            yield (first, last)


async def read_sources(
    broker: Broker, asked: Mapping[Partition, Sequence[Range]]
) -> Mapping[Partition, Source]:
    """What the source topics hold of the offsets `asked`; topics that cannot be read are left out.

    A partition is read from the first offset asked for to the last, and only measured without any.
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


async def read_on(
    reader: Reader, take: Callable[[Record], None], stops: Mapping[Partition, int] | None = None
) -> None:
    """Give `take` every record from where `reader` is to `stops`, else to where the topic ends now.

    Raises EnvironmentFault.
    """
    positions = await reader.positions()
    if stops is None:
        stops = {part: end for part, (_, end) in positions.items()}
    while any(positions[part][0] < stop for part, stop in stops.items()):
        for record in await reader.read(timeout_seconds=_READ_SECONDS):
            if record.offset < stops.get(Partition(record.topic, record.partition), 0):
                take(record)
        positions = await reader.positions()


async def stops_at(broker: Broker, topic: str, wall: float) -> Mapping[Partition, int]:
    """Per partition, the first offset that was produced at or after `wall`, or the end."""
    reader = await broker.reader([topic], from_beginning=True)
    try:
        begins = {part: begin for part, (begin, _) in (await reader.positions()).items()}
        await reader.seek_time(wall)
        # At the beginning is also where a cluster leaves us that knows no times.
        return {
            part: end if at == begins[part] else at
            for part, (at, end) in (await reader.positions()).items()
        }
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
        spans = {part: wanted[part] for part in sources if part in wanted}

        def take(record: Record) -> None:
            partition = Partition(record.topic, record.partition)
            if _is_within(spans[partition], record.offset):
                sources[partition].present.cover(record.offset, record.offset, 0.0)

        if spans:
            others = {part: one.end for part, one in sources.items() if part not in spans}
            await reader.seek(others | {part: ranges[0][0] for part, ranges in spans.items()})
            stops = {part: min(r[-1][1] + 1, sources[part].end) for part, r in spans.items()}
            await read_on(reader, take, stops)
    finally:
        await reader.close()
    return sources


def _is_within(ranges: Sequence[Range], offset: int) -> bool:
    """Whether one of the sorted `ranges` holds `offset`."""
    index = bisect_right(ranges, offset, key=_first)
    return index > 0 and ranges[index - 1][1] >= offset


def _first(span: Range) -> int:
    return span[0]
