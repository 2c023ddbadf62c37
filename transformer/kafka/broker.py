"""One Kafka cluster: opens and closes every client, and says clearly when that fails."""

# mypy: allow-untyped-calls
# (aiokafka has few annotations)

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.conn import AIOKafkaConnection, collect_hosts
from aiokafka.coordinator.assignors.range import RangePartitionAssignor

from transformer.broker import Assignments, TopicSpec
from transformer.clock import Clock, SystemClock
from transformer.errors import EnvironmentFault
from transformer.kafka.closing import (
    close_abandoned,
    close_connection,
    own_connections,
    stop_admin,
    stop_consumer,
    stop_producer,
)
from transformer.kafka.consumer import KafkaConsumer
from transformer.kafka.faults import CONNECTION_ERRORS, advice, quiet_client_log, translate
from transformer.kafka.groups import committed_offsets
from transformer.kafka.options import Options, tls_context
from transformer.kafka.producer import KafkaProducer
from transformer.kafka.reader import KafkaReader
from transformer.kafka.topics import create_topics, topic_names
from transformer.kafka.transactor import KafkaTransactor
from transformer.record import Partition
from transformer.security import Security


class KafkaBroker:
    """A Kafka cluster as the engine sees it; every client it hands out is closed by `close`."""

    def __init__(
        self,
        bootstrap_servers: Sequence[str],
        *,
        security: Security | None = None,
        client_id: str = "transformer",
        options: Options | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._servers = list(bootstrap_servers)
        self._security = security or Security()
        self._client_id = client_id
        self._options = options or Options()
        self._clock = clock or SystemClock()
        self._tls = tls_context(self._security)
        self._closers: list[Callable[[], Awaitable[None]]] = []

    async def open(self) -> None:
        """Connect to the first bootstrap server that takes us, or say what each of them answered.

        Raises EnvironmentFault within the connect timeout per server.
        """
        quiet_client_log()
        refusals = []
        for host, port, _ in collect_hosts(self._servers):
            connection = AIOKafkaConnection(host, port, **self._credentials())
            try:
                async with asyncio.timeout(self._options.connect_timeout_seconds):
                    await connection.connect()
            except CONNECTION_ERRORS as error:
                refusals.append(f"kafka.bootstrap_servers: {host}:{port}: {advice(error)}")
            else:
                return
            finally:
                await close_connection(connection)
        raise EnvironmentFault("\n".join(refusals))

    async def ensure_topics(self, topics: Sequence[TopicSpec]) -> Sequence[str]:
        """Create those that are missing; return their names."""
        async with self._admin() as admin:
            return await create_topics(admin, topics, self._options.connect_timeout_seconds)

    async def topic_names(self) -> frozenset[str]:
        """The topics that are there; creates none."""
        async with self._admin() as admin:
            return await topic_names(admin, self._options.connect_timeout_seconds)

    async def committed(
        self, group: str, partitions: Iterable[Partition]
    ) -> Mapping[Partition, int]:
        """What the group has committed, asked of its coordinator."""
        async with self._admin() as admin:
            return await committed_offsets(
                admin,
                group,
                partitions,
                clock=self._clock,
                timeout_seconds=self._options.connect_timeout_seconds,
            )

    async def consumer(
        self, group: str, topics: Sequence[str], assignments: Assignments
    ) -> KafkaConsumer:
        """Join `group`; the partitions arrive in the background, through `assignments`."""
        options = self._options
        client = AIOKafkaConsumer(
            **self._common(),
            group_id=group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            # Range puts equal partition numbers of all topics on one worker: a user's events stay
            # together across topics. Exactly one: aiokafka joins once per assignor it is given.
            partition_assignment_strategy=[RangePartitionAssignor],
            session_timeout_ms=int(options.session_timeout_seconds * 1000),
            heartbeat_interval_ms=int(options.heartbeat_seconds * 1000),
            rebalance_timeout_ms=int(options.rebalance_timeout_seconds * 1000),
            # A join is answered when the slowest member has revoked.
            request_timeout_ms=int(options.rebalance_timeout_seconds * 1000) + 10_000,
            fetch_max_bytes=options.fetch_bytes,
            max_partition_fetch_bytes=options.fetch_partition_bytes,
        )
        own_connections(client._client)  # noqa: SLF001 - no public way
        self._closers.append(partial(stop_consumer, client))
        await self._start(f"group {group}", client.start)
        await self._partitions(client, topics)
        consumer = KafkaConsumer(client, group, assignments, clock=self._clock, options=options)
        consumer.subscribe(topics)
        return consumer

    async def producer(self) -> KafkaProducer:
        """A producer: acks=all, idempotent."""
        client = AIOKafkaProducer(
            **self._common(),
            acks="all",
            enable_idempotence=True,
            max_batch_size=self._options.batch_bytes,
            max_request_size=self._options.max_request_bytes,
        )
        own_connections(client.client)
        self._closers.append(partial(stop_producer, client))
        await self._start("producer", client.start)
        return KafkaProducer(client, self._options)

    async def transactor(self, name: str) -> KafkaTransactor:
        """The transactor of that name, which is its transactional id on the cluster."""
        options = self._options
        client = AIOKafkaProducer(
            **self._common(),
            acks="all",
            transactional_id=name,
            transaction_timeout_ms=int(options.transaction_timeout_seconds * 1000),
            max_batch_size=options.batch_bytes,
            max_request_size=options.max_request_bytes,
        )
        own_connections(client.client)
        self._closers.append(partial(stop_producer, client))
        await self._start(f"transactional id {name}", client.start)
        return KafkaTransactor(client, name, options)

    async def reader(self, topics: Sequence[str], *, from_beginning: bool) -> KafkaReader:
        """A group-less reader over all partitions of `topics`."""
        client = AIOKafkaConsumer(
            **self._common(),
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            fetch_max_bytes=self._options.fetch_bytes,
            max_partition_fetch_bytes=self._options.fetch_partition_bytes,
        )
        own_connections(client._client)  # noqa: SLF001 - no public way
        self._closers.append(partial(stop_consumer, client))
        await self._start("reader", client.start)
        reader = KafkaReader(client, await self._partitions(client, topics))
        await reader.start(from_beginning=from_beginning)
        return reader

    async def close(self) -> None:
        """Close everything opened here."""
        closers, self._closers = self._closers, []
        await asyncio.gather(*(close() for close in closers))

    @asynccontextmanager
    async def _admin(self) -> AsyncIterator[AIOKafkaAdminClient]:
        admin = AIOKafkaAdminClient(**self._common())
        own_connections(admin._client)  # noqa: SLF001 - no public way
        try:
            await self._start("topics", admin.start)
            yield admin
        finally:
            await stop_admin(admin)

    async def _start(self, what: str, start: Callable[[], Awaitable[None]]) -> None:
        try:
            async with asyncio.timeout(self._options.connect_timeout_seconds):
                await start()
        except BaseException as error:
            close_abandoned(error)
            if isinstance(error, CONNECTION_ERRORS):
                raise translate(f"kafka {what}", error) from error
            raise

    async def _partitions(
        self, client: AIOKafkaConsumer, topics: Sequence[str]
    ) -> Sequence[TopicPartition]:
        """Every partition of `topics`; a topic that does not exist is an EnvironmentFault."""
        found = []
        for topic in topics:
            try:
                async with asyncio.timeout(self._options.connect_timeout_seconds):
                    metadata = client._client  # noqa: SLF001 - no public way to wait for a topic
                    numbers = await metadata._wait_on_metadata(topic)  # noqa: SLF001
            except TimeoutError as error:
                raise EnvironmentFault(
                    f"kafka topic {topic}: there is no such topic, or it has no leader. "
                    "Create it, or correct kafka.topics."
                ) from error
            except CONNECTION_ERRORS as error:
                raise translate(f"kafka topic {topic}", error) from error
            found += [TopicPartition(topic, number) for number in sorted(numbers)]
        return found

    def _credentials(self) -> dict[str, Any]:
        security = self._security
        settings: dict[str, Any] = {
            "client_id": self._client_id,
            "security_protocol": security.protocol,
            "ssl_context": self._tls,
        }
        if security.authenticated:
            settings |= {
                "sasl_mechanism": security.mechanism,
                "sasl_plain_username": security.username,
                "sasl_plain_password": security.password,
            }
        return settings

    def _common(self) -> dict[str, Any]:
        return {"bootstrap_servers": self._servers, **self._credentials()}
