"""Produces batches to Kafka and waits for every acknowledgement. Never drops, never gives up early.

Idempotent (aiokafka repeats without duplicates) and acks=all; failures become ProduceFailed.
"""

# mypy: allow-untyped-calls
# (aiokafka has few annotations)

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.partitioner import murmur2
from aiokafka.producer.message_accumulator import BatchBuilder

from transformer.errors import ProduceFailed
from transformer.kafka.closing import stop_producer
from transformer.kafka.faults import advice
from transformer.kafka.options import Options
from transformer.record import Message

_RECORD_OVERHEAD_BYTES = 100


class KafkaProducer:
    """Produces over one aiokafka producer that is started."""

    def __init__(self, client: AIOKafkaProducer, options: Options) -> None:
        self._client = client
        self._options = options
        self._turn = 0

    async def produce(self, topic: str, messages: Sequence[Message]) -> None:
        """Return when all are acknowledged; batches of one partition go one after another."""
        check_sizes(topic, messages, self._options.max_request_bytes)
        timeout_seconds = self._options.produce_timeout_seconds
        try:
            async with asyncio.timeout(timeout_seconds):
                count = len(await self._client.partitions_for(topic))
                shares = self._share(messages, count)
                await asyncio.gather(*(self._send(topic, *share) for share in shares))
        except TimeoutError as error:
            raise ProduceFailed(
                f"kafka topic {topic}: not acknowledged in {timeout_seconds:g} s. "
                "Check the brokers, then start again."
            ) from error
        except KafkaError as error:
            raise ProduceFailed(f"kafka topic {topic}: {advice(error)}") from error

    async def close(self) -> None:
        """Flush and close; within seconds also when the broker is gone."""
        await stop_producer(self._client)

    def _share(
        self, messages: Iterable[Message], count: int
    ) -> Iterable[tuple[int, Sequence[Message]]]:
        shares: dict[int, list[Message]] = defaultdict(list)
        for message in messages:
            if message.key is None:
                self._turn = (self._turn + 1) % count
                shares[self._turn].append(message)
            else:
                shares[partition_of(message.key, count)].append(message)
        return shares.items()

    async def _send(self, topic: str, partition: int, messages: Sequence[Message]) -> None:
        # The client takes the batches of a partition in the order it is asked, over several calls.
        acknowledgements = []
        for batch in batches(self._client, messages):
            sent = await self._client.send_batch(batch, topic, partition=partition)
            sent.add_done_callback(heard)
            acknowledgements.append(sent)
        await asyncio.gather(*acknowledgements)


def heard(future: "asyncio.Future[Any]") -> None:
    """Let nobody say that it was never retrieved: what failed here failed the call, too."""
    _ = future.cancelled() or future.exception()


def batches(client: AIOKafkaProducer, messages: Iterable[Message]) -> Iterable[BatchBuilder]:
    """The messages of one partition, in their order, in batches as large as the client takes."""
    batch = client.create_batch()
    for message in messages:
        if not _append(batch, message):
            yield batch
            batch = client.create_batch()
            _append(batch, message)  # the first of a batch always fits
    yield batch


def check_sizes(topic: str, messages: Iterable[Message], limit: int) -> None:
    """Raise ProduceFailed for a message that no request could hold."""
    for message in messages:
        size = len(message.value or b"")
        if size + _RECORD_OVERHEAD_BYTES > limit:
            raise ProduceFailed(
                f"kafka topic {topic}: a record of {size} bytes, expected at most {limit}. "
                "Raise kafka.max_record_bytes, and the topic's max.message.bytes with it."
            )


def _append(batch: BatchBuilder, message: Message) -> bool:
    return (
        batch.append(
            timestamp=None, key=message.key, value=message.value, headers=list(message.headers)
        )
        is not None
    )


@lru_cache(maxsize=65_536)
def partition_of(key: bytes, count: int) -> int:
    """Where every Kafka client's default puts this key."""
    return (int(murmur2(key)) & 0x7FFFFFFF) % count
