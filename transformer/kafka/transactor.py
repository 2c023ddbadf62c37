"""Produces to several partitions of Kafka in one transaction: all of it can be read, or nothing."""

# mypy: allow-untyped-calls
# (aiokafka has few annotations)

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, ProducerFenced

from transformer.errors import ProduceFailed
from transformer.kafka.closing import stop_producer
from transformer.kafka.faults import advice
from transformer.kafka.options import Options
from transformer.kafka.producer import batches, check_sizes, heard
from transformer.record import Message, Partition

_ABORT_SECONDS = 5.0


class KafkaTransactor:
    """Over one aiokafka producer that is started with a transactional id."""

    def __init__(self, client: AIOKafkaProducer, name: str, options: Options) -> None:
        self._client = client
        self._name = name
        self._options = options

    async def produce(self, messages: Sequence[tuple[Partition, Message]]) -> None:
        """Begin, produce, commit; aborted when any of it fails."""
        shares: dict[Partition, list[Message]] = defaultdict(list)
        for partition, message in messages:
            shares[partition].append(message)
        for partition, share in shares.items():
            check_sizes(partition.topic, share, self._options.max_request_bytes)
        await self._check_partitions(shares)
        committed = False
        try:
            async with asyncio.timeout(self._options.transaction_timeout_seconds):
                await self._begin()
                for partition, share in shares.items():
                    await self._send(partition, share)
                await self._client.commit_transaction()
            committed = True
        except TimeoutError as error:
            raise ProduceFailed(
                f"kafka transaction {self._name}: not finished in "
                f"{self._options.transaction_timeout_seconds:g} s. Check the brokers, then run "
                "it again: what is done already is not done twice."
            ) from error
        except KafkaError as error:
            raise ProduceFailed(f"kafka transaction {self._name}: {advice(error)}") from error
        finally:
            if not committed:
                await self._abort()
                self._hear()

    async def close(self) -> None:
        """Close it; within seconds also when the broker is gone."""
        await stop_producer(self._client)

    async def _check_partitions(self, shares: Mapping[Partition, object]) -> None:
        for partition in shares:
            try:
                async with asyncio.timeout(self._options.connect_timeout_seconds):
                    there = await self._client.partitions_for(partition.topic)
            except (TimeoutError, KafkaError) as error:
                raise ProduceFailed(f"kafka topic {partition.topic}: {advice(error)}") from error
            if partition.number not in there:
                raise ProduceFailed(f"kafka {partition}: there is no such partition.")

    async def _begin(self) -> None:
        try:
            await self._client.begin_transaction()
        except AssertionError as error:  # of aiokafka's own states: the one before has no end
            raise ProduceFailed(
                f"kafka transaction {self._name}: {advice(ProducerFenced())}"
            ) from error

    async def _send(self, partition: Partition, messages: Sequence[Message]) -> None:
        topic, number = partition
        acknowledgements = []
        try:
            for batch in batches(self._client, messages):
                sent = await self._client.send_batch(batch, topic, partition=number)
                sent.add_done_callback(heard)
                acknowledgements.append(sent)
            await asyncio.gather(*acknowledgements)
        except KafkaError as error:
            raise ProduceFailed(f"kafka topic {topic}: {advice(error)}") from error

    async def _abort(self) -> None:
        """Undo what is open, soon: consumers of those partitions wait for it.

        Where that fails, the broker does it after the transaction timeout, or when the transactor
        is opened again. aiokafka asserts its own states, as after a commit that was not answered.
        """
        with suppress(KafkaError, TimeoutError, AssertionError):
            async with asyncio.timeout(_ABORT_SECONDS):
                await self._client.abort_transaction()

    def _hear(self) -> None:
        """Take note of what aiokafka also tells nobody, which asyncio would log as not heard."""
        parts: Any = self._client  # there is no public way
        ended = parts._txn_manager.wait_for_transaction_end()  # noqa: SLF001
        waiting = parts._message_accumulator._batches.values()  # noqa: SLF001
        drained = [batch._drain_waiter for batches in waiting for batch in batches]  # noqa: SLF001
        for future in (ended, *drained):
            if future is not None and future.done():
                heard(future)
