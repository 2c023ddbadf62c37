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

    async def seek(self, *, from_beginning: bool) -> None:
        """Take every partition, from its beginning or from its end."""
        self._client.assign(self._partitions)
        ask = self._client.beginning_offsets if from_beginning else self._client.end_offsets
        for partition, offset in (await ask(self._partitions)).items():
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
