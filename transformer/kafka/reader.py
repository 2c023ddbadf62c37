"""Reads topics from Kafka without a group: for results, replay and the ledger's single pass."""

# mypy: allow-untyped-calls
# (aiokafka has few annotations)

import asyncio
from collections.abc import Mapping, Sequence

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from transformer.kafka.closing import stop_consumer
from transformer.kafka.faults import translate
from transformer.record import Partition, Record


class KafkaReader:
    """Reads every partition it is given, over an aiokafka consumer that is started."""

    def __init__(self, client: AIOKafkaConsumer, partitions: Sequence[TopicPartition]) -> None:
        self._client = client
        self._partitions = partitions

    async def start(self, *, from_beginning: bool) -> None:
        """Take every partition, from its beginning or from its end."""
        self._client.assign(self._partitions)
        ask = self._client.beginning_offsets if from_beginning else self._client.end_offsets
        try:
            places = await ask(self._partitions)
        except KafkaError as error:
            raise translate("kafka", error) from error
        for partition, offset in places.items():
            self._client.seek(partition, offset)

    async def seek(self, next_offsets: Mapping[Partition, int]) -> None:
        """Read these on from there, or from where they begin when that is later."""
        places = {TopicPartition(*part): offset for part, offset in next_offsets.items()}
        try:
            begins = await self._client.beginning_offsets(list(places))
        except KafkaError as error:
            raise translate("kafka", error) from error
        for partition, offset in places.items():
            self._client.seek(partition, max(offset, begins[partition]))

    async def seek_time(self, wall: float) -> None:
        """Ask the cluster where that time is, and read on from there."""
        try:
            places = await self._places(wall)
        except KafkaError as error:
            raise translate("kafka", error) from error
        for partition, offset in places.items():
            self._client.seek(partition, offset)

    async def read(self, *, timeout_seconds: float) -> Sequence[Record]:
        """Return the next records, or none when the timeout passes."""
        try:
            batches = await self._client.getmany(timeout_ms=int(timeout_seconds * 1000))
        except KafkaError as error:
            raise translate("kafka", error) from error
        return [
            Record(topic, number, r.offset, r.timestamp, r.key, r.value, r.headers)
            for (topic, number), records in batches.items()
            for r in records
        ]

    async def positions(self) -> Mapping[Partition, tuple[int, int]]:
        """Per partition, where this reader is and where the partition ends now."""
        try:
            ends = await self._client.end_offsets(self._partitions)
            at = await asyncio.gather(*(self._client.position(part) for part in self._partitions))
        except KafkaError as error:
            raise translate("kafka", error) from error
        return {
            Partition(*part): (position, ends[part])
            for part, position in zip(self._partitions, at, strict=True)
        }

    async def close(self) -> None:
        """Close it."""
        await stop_consumer(self._client)

    async def _places(self, wall: float) -> Mapping[TopicPartition, int]:
        time_ms = max(0, int(wall * 1000))
        found = await self._client.offsets_for_times(dict.fromkeys(self._partitions, time_ms))
        places = {part: place.offset for part, place in found.items() if place is not None}
        later = [part for part in found if part not in places]
        if later:
            # Nothing so late is there. A cluster that finds nothing at all since 1970 where there
            # are records does not know their times: the embedded one.
            ever = await self._client.offsets_for_times(dict.fromkeys(later, 0))
            begins = await self._client.beginning_offsets(later)
            ends = await self._client.end_offsets(later)
            places |= {part: ends[part] if ever[part] else begins[part] for part in later}
        return places
