"""What only a real Apache Kafka shows: security, outages, limits, and clear faults."""

import asyncio
import dataclasses
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from tests.contract.broker.brokers import OPTIONS, Worker, unique, until
from tests.kafka_server import PASSWORD, USERNAME, KafkaServer
from tests.waiting import PATIENCE_SECONDS
from transformer.broker import TopicSpec
from transformer.errors import ConfigurationError, EnvironmentFault, PartitionLost, ProduceFailed
from transformer.kafka import KafkaBroker, Options
from transformer.record import Message, Partition
from transformer.security import Mechanism, Security

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(900)]


@asynccontextmanager
async def opened(
    servers: Sequence[str], security: Security | None = None, options: Options = OPTIONS
) -> AsyncIterator[KafkaBroker]:
    """A broker, opened and closed."""
    broker = KafkaBroker(servers, security=security, options=options)
    try:
        await broker.open()
        yield broker
    finally:
        await broker.close()


def scram(
    server: KafkaServer, *, mechanism: Mechanism = "SCRAM-SHA-512", password: str = PASSWORD
) -> Security:
    """What the SASL listener wants, unless something is changed."""
    return Security("SASL_SSL", mechanism, USERNAME, password, str(server.certificates.ca))


async def round_trip(broker: KafkaBroker) -> None:
    """Create a topic, produce, join a group, read, commit: all through this listener."""
    topic = unique("secured")
    await broker.ensure_topics([TopicSpec(topic, 1)])
    producer = await broker.producer()
    await producer.produce(topic, [Message(b"v", b"k")])
    worker = await Worker(lambda told: broker.consumer(unique("group"), [topic], told)).join()
    await worker.read_until(lambda: len(worker.records) == 1)
    await worker.consumer.commit({Partition(topic, 0): 1})
    assert worker.records[0].value == b"v"


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-512", "PLAIN"])
async def test_sasl_over_tls_reaches_the_topics(
    kafka_server: KafkaServer, mechanism: Mechanism
) -> None:
    """User name and password over a connection that is checked against the authority (K9)."""
    security = scram(kafka_server, mechanism=mechanism)
    async with opened(kafka_server.sasl_servers, security) as broker:
        await round_trip(broker)


async def test_mutual_tls_reaches_the_topics(kafka_server: KafkaServer) -> None:
    """A client certificate with an encrypted key (K9)."""
    async with opened(kafka_server.mtls_servers, mutual(kafka_server)) as broker:
        await round_trip(broker)


def mutual(server: KafkaServer) -> Security:
    """What the mutual-TLS listener wants."""
    files = server.certificates
    return Security(
        "SSL",
        ca_file=str(files.ca),
        certificate_file=str(files.client_certificate),
        key_file=str(files.client_key),
        key_password=files.client_key_password,
    )


async def refusal(servers: Sequence[str], security: Security) -> str:
    """The text of the fault that opening ends with, in bounded time."""
    started = time.monotonic()
    with pytest.raises(EnvironmentFault) as caught:
        async with opened(servers, security):
            pass
    assert time.monotonic() - started < OPTIONS.connect_timeout_seconds * 2
    return str(caught.value)


async def test_a_wrong_password_is_named_and_never_shown(kafka_server: KafkaServer) -> None:
    """The fault speaks of credentials, with neither the wrong password nor the right one in it."""
    wrong = scram(kafka_server, password="hunter2-hunter2")
    text = await refusal(kafka_server.sasl_servers, wrong)
    assert text == (
        f"kafka.bootstrap_servers: {kafka_server.sasl_servers[0]}: the broker refused our "
        "credentials. Check kafka.security: mechanism, username, password."
    )
    assert "hunter2" not in repr(wrong)


async def test_a_mechanism_the_broker_lacks_is_named(kafka_server: KafkaServer) -> None:
    """SCRAM-SHA-256 is not offered here."""
    text = await refusal(kafka_server.sasl_servers, scram(kafka_server, mechanism="SCRAM-SHA-256"))
    assert "does not offer this SASL mechanism" in text


async def test_an_unknown_authority_is_named(kafka_server: KafkaServer) -> None:
    """With the system's authorities the test broker is a stranger."""
    security = dataclasses.replace(scram(kafka_server), ca_file=None)
    assert "not trusted. Set kafka.security.ca_file" in await refusal(
        kafka_server.sasl_servers, security
    )


async def test_a_missing_client_certificate_is_named(kafka_server: KafkaServer) -> None:
    """The listener wants one."""
    security = Security("SSL", ca_file=str(kafka_server.certificates.ca))
    assert "client certificate" in await refusal(kafka_server.mtls_servers, security)


async def test_plain_text_to_a_tls_listener_is_named(kafka_server: KafkaServer) -> None:
    """The advice speaks of the protocol."""
    assert "kafka.security.protocol" in await refusal(kafka_server.sasl_servers, Security())


async def test_tls_to_a_plain_listener_is_named(kafka_server: KafkaServer) -> None:
    """The advice speaks of the protocol."""
    security = Security("SSL", ca_file=str(kafka_server.certificates.ca))
    assert "kafka.security.protocol" in await refusal(kafka_server.bootstrap_servers, security)


async def test_a_wrong_key_password_is_a_configuration_error(kafka_server: KafkaServer) -> None:
    """It is found before anything is connected, and not shown."""
    security = dataclasses.replace(mutual(kafka_server), key_password="hunter2")
    with pytest.raises(ConfigurationError, match="key_password") as caught:
        KafkaBroker(kafka_server.mtls_servers, security=security)
    assert "hunter2" not in str(caught.value)


async def test_created_topics_have_the_settings_asked_for(
    kafka_bootstrap_servers: list[str],
) -> None:
    """Retention, largest record and cleanup policy reach the cluster (K9)."""
    topic = unique("settings")
    async with opened(kafka_bootstrap_servers) as broker:
        spec = TopicSpec(topic, 3, retention_seconds=3600, max_record_bytes=70_000, compact=True)
        await broker.ensure_topics([spec])
        assert await settings(kafka_bootstrap_servers, topic) == {
            "retention.ms": "3600000",
            "max.message.bytes": "70000",
            "cleanup.policy": "compact",
        }
        reader = await broker.reader([topic], from_beginning=True)
        assert len(await reader.positions()) == 3


async def settings(servers: list[str], topic: str) -> dict[str, str]:
    """The settings of a topic, as the cluster has them."""
    admin: Any = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    try:
        kind: Any = ConfigResource
        (answer,) = await admin.describe_configs([kind(ConfigResourceType.TOPIC, topic)])
    finally:
        await admin.close()
    found = {entry[0]: entry[1] for entry in answer.resources[0][4]}
    return {name: found[name] for name in ("retention.ms", "max.message.bytes", "cleanup.policy")}


async def test_too_many_copies_are_an_environment_fault(kafka_bootstrap_servers: list[str]) -> None:
    """It says which setting to lower."""
    async with opened(kafka_bootstrap_servers) as broker:
        with pytest.raises(EnvironmentFault, match=r"Lower kafka\.replication"):
            await broker.ensure_topics([TopicSpec(unique("copies"), 1, replication=100)])


async def test_a_missing_source_topic_is_an_environment_fault(
    kafka_bootstrap_servers: list[str],
) -> None:
    """It names the topic; a group is never joined for nothing."""
    options = dataclasses.replace(OPTIONS, connect_timeout_seconds=5.0)
    async with opened(kafka_bootstrap_servers, options=options) as broker:
        worker = Worker(lambda told: broker.consumer("group", ["no-such-topic"], told))
        with pytest.raises(EnvironmentFault, match="no-such-topic: there is no such topic"):
            await worker.join()


async def test_a_session_timeout_the_broker_refuses_is_named(
    kafka_bootstrap_servers: list[str],
) -> None:
    """A join that is refused for good surfaces in `read`, also before the first assignment."""
    options = dataclasses.replace(OPTIONS, session_timeout_seconds=36_000.0)
    async with opened(kafka_bootstrap_servers, options=options) as broker:
        topic = unique("session")
        await broker.ensure_topics([TopicSpec(topic, 1)])
        worker = await Worker(lambda told: broker.consumer(unique("g"), [topic], told)).join()
        with pytest.raises(EnvironmentFault, match=r"group\.max\.session\.timeout\.ms"):
            await worker.read_until(lambda: False)


async def test_a_topic_that_takes_less_than_we_do_fails_the_produce(
    kafka_bootstrap_servers: list[str],
) -> None:
    """The broker's own refusal becomes ProduceFailed, with the setting to raise (K4)."""
    async with opened(kafka_bootstrap_servers) as broker:
        topic = unique("small")
        await broker.ensure_topics([TopicSpec(topic, 1, max_record_bytes=100_000)])
        producer = await broker.producer()
        with pytest.raises(ProduceFailed, match=r"Raise its max\.message\.bytes"):
            await producer.produce(topic, [Message(b"x" * 200_000, b"k")])


async def test_a_topic_nobody_created_fails_the_produce(kafka_bootstrap_servers: list[str]) -> None:
    """In bounded time, as ProduceFailed."""
    options = dataclasses.replace(OPTIONS, produce_timeout_seconds=1.0)
    async with opened(kafka_bootstrap_servers, options=options) as broker:
        producer = await broker.producer()
        with pytest.raises(ProduceFailed, match="nobody-made-this"):
            await producer.produce("nobody-made-this", [Message(b"v")])


async def test_reading_producing_and_committing_go_on_after_a_restart(
    kafka_server: KafkaServer,
) -> None:
    """A broker killed and started again costs time only; the membership age tells (K7)."""
    options = dataclasses.replace(OPTIONS, produce_timeout_seconds=PATIENCE_SECONDS)
    async with opened(kafka_server.bootstrap_servers, options=options) as broker:
        topic = unique("restart")
        await broker.ensure_topics([TopicSpec(topic, 2)])
        producer = await broker.producer()
        worker = await Worker(lambda told: broker.consumer(unique("g"), [topic], told)).join()
        await producer.produce(topic, [Message(b"before", b"k")])
        await worker.read_until(lambda: len(worker.records) == 1)
        kafka_server.kill()
        produced = asyncio.create_task(producer.produce(topic, [Message(b"during", b"k")]))
        await worker.read_until(lambda: worker.consumer.membership_age_seconds() > 1.0)
        await asyncio.to_thread(kafka_server.start)
        await produced
        await worker.read_until(lambda: b"during" in {r.value for r in worker.records})
        home = Partition(topic, worker.records[0].partition)
        await commit_when_possible(worker, {home: 2})
        await worker.read_until(lambda: worker.consumer.membership_age_seconds() < 1.0)


async def commit_when_possible(worker: Worker, offsets: dict[Partition, int]) -> None:
    """Commit again and again, reading between, as the engine does."""

    async def attempt() -> bool:
        try:
            await worker.consumer.commit(offsets)
        except (EnvironmentFault, PartitionLost):
            return False
        return True

    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await attempt():
            await until(lambda: bool(worker.holds), worker)


async def test_everything_ends_in_bounded_time_while_the_broker_is_down(
    kafka_server: KafkaServer,
) -> None:
    """Commit and produce fail clearly, close returns, opening says what to do (K8)."""
    options = dataclasses.replace(
        OPTIONS,
        commit_timeout_seconds=1.0,
        produce_timeout_seconds=1.0,
    )
    async with opened(kafka_server.bootstrap_servers, options=options) as broker:
        topic = unique("down")
        await broker.ensure_topics([TopicSpec(topic, 2)])
        producer = await broker.producer()
        worker = await Worker(lambda told: broker.consumer(unique("g"), [topic], told)).join()
        await worker.read_until(lambda: bool(worker.holds))
        kafka_server.kill()
        try:
            with pytest.raises(EnvironmentFault, match="Nothing is lost"):
                await worker.consumer.commit({Partition(topic, 0): 0})
            with pytest.raises(ProduceFailed, match="not acknowledged"):
                await producer.produce(topic, [Message(b"v", b"k")])
            with pytest.raises(EnvironmentFault, match="nothing listens there"):
                await KafkaBroker(kafka_server.bootstrap_servers, options=options).open()
            started = time.monotonic()
            await broker.close()
            assert time.monotonic() - started < 30.0
        finally:
            await asyncio.to_thread(kafka_server.start)
