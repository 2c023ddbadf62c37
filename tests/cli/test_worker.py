"""`transformer worker` as a process: ready, endpoint, signals, and what stops it."""

import asyncio
import json
import re
import signal
import socket
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.cli.process import ROOT, running
from tests.kafka_server import free_ports
from tests.waiting import PATIENCE_SECONDS, deaf_port, until
from transformer.embedded import EmbeddedCluster
from transformer.kafka import KafkaBroker
from transformer.record import Message

CONFIG = """\
kafka: {{bootstrap_servers: "{servers}", topics: events, connect_timeout_seconds: 20,
        group_prefix: "{group}-"}}
connections:
  - name: crm
    destination: salesforce
    settings: {{login_url: "{url}", client_id: consumer-key, client_secret: consumer-secret}}
    delivery: {{linger_seconds: 0.05, drain_seconds: {drain}}}
http: {{port: {port}}}
log: {{format: json}}
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[EmbeddedCluster]:
    """One embedded broker for this module."""
    with EmbeddedCluster() as made:
        yield made


def _config(
    folder: Path,
    servers: str,
    *,
    url: str = "http://127.0.0.1:9",
    drain: float = 10,
    port: int | None = None,
) -> tuple[str, int]:
    port = port or free_ports(1)[0]
    file = folder / "worker.yaml"
    text = CONFIG.format(
        servers=servers, url=url, drain=drain, port=port, group=f"{folder.name}-{port}"
    )
    file.write_text(text, encoding="utf-8")
    return str(file), port


def _servers(cluster: EmbeddedCluster) -> str:
    return ",".join(cluster.bootstrap_servers)


def _get(port: int, path: str) -> str:
    with urllib.request.urlopen(
        f"http://127.0.0.1:{port}{path}", timeout=PATIENCE_SECONDS
    ) as answer:
        return str(answer.read().decode())


def _produce(servers: list[str], topic: str, *values: Mapping[str, object]) -> None:
    async def produce() -> None:
        broker = KafkaBroker(servers)
        await broker.open()
        producer = await broker.producer()
        await producer.produce(topic, [Message(json.dumps(value).encode()) for value in values])
        await broker.close()

    asyncio.run(produce())


def test_a_worker_delivers_reports_and_drains_on_sigterm(
    cluster: EmbeddedCluster, tmp_path: Path
) -> None:
    """Events in, a lead out, metrics and health served, exit code 0."""
    with running("emulate", "salesforce") as crm:
        file, port = _config(tmp_path, _servers(cluster), url=crm.wait_for("http://"))
        event = {
            "type": "identify",
            "messageId": "w1",
            "integrations": {"Salesforce": True},
            "traits": {"email": "worker@example.com"},
        }
        _produce(cluster.bootstrap_servers, "events", event)
        with running("worker", "--config", file) as worker:
            worker.wait_for("Worker is ready.")
            with running("results", "--config", file, "--from-beginning", "--json") as results:
                result = json.loads(results.wait_for('"w1"'))
                assert (result["outcome"], result["writes"][0]["operation"]) == (
                    "delivered",
                    "created",
                )
                results.send(signal.SIGINT)
                assert results.exit_code() == 130
            assert json.loads(_get(port, "/readyz"))["status"] == "ok"
            assert json.loads(_get(port, "/healthz"))["status"] == "ok"
            settled = 'transformer_settled_events_total{connection="crm",object="Lead"'
            until("the event is counted", lambda: settled in _get(port, "/metrics"))
            assert worker.send(signal.SIGTERM).exit_code() == 0
        with running("results", "--config", file, "--no-follow") as results:
            assert results.exit_code() == 0
            assert any("w1" in line and "Lead created" in line for line in results.seen)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_second_signal_ends_the_worker_at_once(
    cluster: EmbeddedCluster, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    """With a CRM that is down the drain would take its whole time."""
    event = {
        "type": "identify",
        "messageId": "w2",
        "integrations": {"Salesforce": True},
        "traits": {"email": "second@example.com"},
    }
    _produce(cluster.bootstrap_servers, "events", event)
    file, port = _config(tmp_path, _servers(cluster), drain=170)
    with running("worker", "--config", file) as worker:
        worker.wait_for("Worker is ready.")
        in_flight = r'^transformer_in_flight_records\{connection="crm"\} [1-9]'
        until(
            "an event is in flight",
            lambda: bool(re.search(in_flight, _get(port, "/metrics"), re.MULTILINE)),
        )
        worker.send(number).wait_for("Stopping")
        # Far sooner than the drain would end.
        assert worker.send(number).exit_code(60) == code


def test_a_broker_that_is_not_there_is_exit_code_3(tmp_path: Path) -> None:
    """With its address and what to do, and no traceback."""
    with deaf_port() as nobody:
        file, _ = _config(tmp_path, f"127.0.0.1:{nobody}")
        for command in (["worker"], ["results", "--no-follow"], ["check", "--online"]):
            with running(*command, "--config", file) as process:
                assert process.exit_code() == 3
            shown = "\n".join(process.seen)
            assert "kafka.bootstrap_servers" in shown
            assert "Traceback" not in shown


@pytest.mark.parametrize("command", ["worker", "ledger"])
def test_a_port_that_is_taken_is_exit_code_3(
    cluster: EmbeddedCluster, tmp_path: Path, command: str
) -> None:
    """Before anything is read: without its pages nobody would know what it does."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = int(taken.getsockname()[1])
        file, _ = _config(tmp_path, _servers(cluster), port=port)
        with running(command, "--config", file) as process:
            assert process.exit_code() == 3
    assert f"error: http: cannot listen on 127.0.0.1:{port}" in process.seen[-1]
    assert not list(ROOT.glob("*-data")), "the current folder may be read-only, as in a container"


def test_a_paused_connection_reads_nothing_and_is_ready(
    cluster: EmbeddedCluster, tmp_path: Path
) -> None:
    """The worker runs, and says that it is paused."""
    file, port = _config(tmp_path, _servers(cluster))
    text = Path(file).read_text(encoding="utf-8")
    paused = text.replace("    delivery:", "    paused: true\n    delivery:")
    Path(file).write_text(paused, encoding="utf-8")
    with running("worker", "--config", file) as worker:
        worker.wait_for("Worker is ready.")
        (shown,) = json.loads(_get(port, "/readyz"))["connections"]
        assert shown["state"] == "paused"
        assert worker.send(signal.SIGTERM).exit_code() == 0
