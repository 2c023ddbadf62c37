"""What people read when Kafka cannot be used, and what its client may log."""

import logging
import socket
import ssl
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from pathlib import Path

import pytest
from aiokafka import errors as kafka

from tests.waiting import deaf_port
from transformer.broker import Assigned
from transformer.embedded import NOTICE, EmbeddedCluster
from transformer.errors import ConfigurationError, EnvironmentFault
from transformer.kafka import KafkaBroker, Options
from transformer.kafka.faults import advice, is_passing, quiet_client_log, translate
from transformer.record import Partition
from transformer.security import Security

IMPATIENT = Options(connect_timeout_seconds=2.0)


class Deaf:
    """Listens to no assignment."""

    async def assigned(self, partitions: Mapping[Partition, Assigned]) -> None:
        """Nothing."""

    async def revoked(self, partitions: Iterable[Partition]) -> None:
        """Nothing."""

    async def lost(self, partitions: Iterable[Partition]) -> None:
        """Nothing."""


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port where nobody listens."""
    with deaf_port() as port:
        yield port


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port where somebody accepts and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield int(server.getsockname()[1])


async def test_every_unreachable_server_is_named_with_what_to_do(
    closed_port: int, silent_port: int
) -> None:
    """One line each, in bounded time (exit 3)."""
    started = time.monotonic()
    servers = [f"127.0.0.1:{closed_port}", f"127.0.0.1:{silent_port}"]
    with pytest.raises(EnvironmentFault) as caught:
        await KafkaBroker(servers, options=IMPATIENT).open()
    where = "kafka.bootstrap_servers: 127.0.0.1"
    assert set(str(caught.value).splitlines()) == {
        f"{where}:{closed_port}: {advice(ConnectionRefusedError())}",
        f"{where}:{silent_port}: {advice(TimeoutError())}",
    }
    assert time.monotonic() - started < 30.0


@pytest.mark.parametrize("client", ["consumer", "producer", "reader", "topics", "commits"])
async def test_no_client_is_left_open_when_it_cannot_start(closed_port: int, client: str) -> None:
    """A fault, and nothing that would warn at exit (warnings are errors here)."""
    broker = KafkaBroker([f"127.0.0.1:{closed_port}"], options=IMPATIENT)
    starts: dict[str, Callable[[], Awaitable[object]]] = {
        "consumer": lambda: broker.consumer("group", ["topic"], Deaf()),
        "producer": broker.producer,
        "reader": lambda: broker.reader(["topic"], from_beginning=True),
        "topics": lambda: broker.ensure_topics([]),
        "commits": lambda: broker.committed("group", []),
    }
    with pytest.raises(EnvironmentFault, match="kafka"):
        await starts[client]()
    await broker.close()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ConnectionRefusedError(), "nothing listens there. Start the broker, or correct"),
        (kafka.TopicAuthorizationFailedError("t"), "not allowed on this topic"),
        (kafka.GroupAuthorizationFailedError("g"), "not allowed to use this consumer group"),
        (kafka.ClusterAuthorizationFailedError(), "not allowed on this cluster"),
        (kafka.SaslAuthenticationFailed(), "refused our credentials"),
        (kafka.AuthenticationFailedError(), "refused our credentials"),
        (kafka.UnknownTopicOrPartitionError(), "no such topic"),
        (kafka.NotEnoughReplicasError(), "replicas"),
        (kafka.InconsistentGroupProtocolError(), "another assignment"),
        (ssl.SSLCertVerificationError(), "not trusted"),
        (ssl.SSLError(), "TLS failed"),
        (ConnectionResetError(), "closed the connection"),
        (TimeoutError(), "no answer in time"),
        (socket.gaierror(), "cannot be reached"),
        (kafka.PolicyViolationError(), "PolicyViolationError. See the broker's log."),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_every_error_says_what_to_do(error: Exception, words: str) -> None:
    """Translated once, by the table; what it does not know is named."""
    fault = translate("kafka topic t", error)
    assert str(fault) == f"kafka topic t: {advice(error)}"
    assert words in str(fault)


def test_only_a_bare_error_and_what_may_be_repeated_pass() -> None:
    """Those are mended by joining again; the others need a person."""
    assert is_passing(kafka.KafkaError("Unexpected exception in heartbeat task"))
    assert is_passing(kafka.GroupCoordinatorNotAvailableError())
    assert not is_passing(kafka.GroupAuthorizationFailedError("g"))
    assert not is_passing(kafka.InvalidSessionTimeoutError())


def test_secrets_are_not_in_the_representation() -> None:
    """Neither the password nor the key's password."""
    shown = repr(Security("SASL_SSL", "PLAIN", "me", "hunter2", key_password="hunter3"))
    assert "me" in shown
    assert "hunter" not in shown


@pytest.mark.parametrize("content", [None, "not a certificate"])
def test_an_unusable_ca_file_is_a_configuration_error(tmp_path: Path, content: str | None) -> None:
    """Missing or not PEM, it is named before anything is connected (exit 2)."""
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(
        ConfigurationError, match=r"kafka\.security\.ca_file: cannot load .*ca\.pem"
    ):
        KafkaBroker(["127.0.0.1:1"], security=Security("SSL", ca_file=str(path)))


def test_an_unusable_client_certificate_is_a_configuration_error(tmp_path: Path) -> None:
    """The files are named."""
    missing = str(tmp_path / "client.pem")
    with pytest.raises(ConfigurationError, match=r"certificate_file: cannot load .*client\.pem"):
        KafkaBroker(
            ["127.0.0.1:1"],
            security=Security("SSL", certificate_file=missing, key_file=missing),
        )


def test_the_client_library_logs_through_ours(caplog: pytest.LogCaptureFixture) -> None:
    """One line, one level milder, no traceback, no repeats."""
    quiet_client_log()
    quiet_client_log()
    client = logging.getLogger("aiokafka.consumer.test")
    with caplog.at_level(logging.INFO, logger="transformer.kafka"):
        for _ in range(3):
            client.error("lost %s", "it", exc_info=ValueError("two\nlines"))
        client.warning("rebalancing")
        client.info("not worth a line")
    ours = [record for record in caplog.records if record.name == "transformer.kafka"]
    assert [(r.levelname, r.getMessage(), r.exc_info) for r in ours] == [
        ("WARNING", "kafka client: lost it (ValueError('two\\nlines'))", None),
        ("INFO", "kafka client: rebalancing", None),
    ]


def test_the_embedded_broker_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line with the command, when the extra is missing."""
    monkeypatch.setitem(sys.modules, "confluent_kafka", None)
    with pytest.raises(EnvironmentFault) as caught:
        EmbeddedCluster()
    assert str(caught.value) == (
        "embedded broker: confluent-kafka is not installed. "
        "Run: pip install 'destination-transformer[embedded]'"
    )


async def test_the_embedded_broker_says_that_it_is_for_demos(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """At every start; and at its end nobody listens any more."""
    with EmbeddedCluster() as cluster:
        await KafkaBroker(cluster.bootstrap_servers).open()
    assert NOTICE in caplog.text
    with pytest.raises(EnvironmentFault, match="nothing listens there"):
        await KafkaBroker(cluster.bootstrap_servers).open()
