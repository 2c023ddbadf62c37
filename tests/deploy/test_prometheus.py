"""A real Prometheus scrapes a running worker and ledger, and evaluates every rule on them."""

import asyncio
import json
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from destinations.salesforce import emulator
from tests.cli.process import running
from tests.deploy.rules import RULES, asked_for, rules
from tests.deploy.tools import path_of
from tests.e2e.workers import identify
from tests.kafka_server import free_ports
from tests.waiting import until
from transformer.embedded import EmbeddedCluster
from transformer.kafka import KafkaBroker
from transformer.record import Message
from transformer.telemetry import metric_list as listed

CONFIG = """\
kafka: {{bootstrap_servers: "{servers}", topics: events, group_prefix: "{name}-",
        create_topics: false}}
connections:
  - name: crm
    destination: salesforce
    settings: {{login_url: "{url}", client_id: consumer-key, client_secret: consumer-secret}}
    delivery: {{linger_seconds: 0.05}}
    credential_expires: "2099-01-31"
  - name: held
    destination: salesforce
    paused: true
    settings: {{login_url: "{url}", client_id: consumer-key, client_secret: consumer-secret}}
http: {{port: 0}}
"""
SCRAPES = """\
global: {{scrape_interval: 2s, scrape_timeout: 2s, evaluation_interval: 1s}}
rule_files: ["{rules}"]
scrape_configs:
  - job_name: transformer
    static_configs: [{{targets: ["127.0.0.1:{worker}"]}}]
  - job_name: transformer-ledger
    static_configs: [{{targets: ["127.0.0.1:{ledger}"]}}]
"""
UNSAID: Final = {
    # Said only when it happens; the rules are tested on made series by promtool.
    listed.RETRIED.name,
    listed.QUOTA_LIMIT.name,
}

pytestmark = [pytest.mark.prometheus, pytest.mark.timeout(1_800)]


class Prometheus:
    """A running Prometheus, asked through its API."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}"

    def get(self, path: str, **query: str) -> dict[str, list[dict[str, object]]]:
        """The `data` of an answer."""
        url = f"{self._url}{path}?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310 - our own address
            body = json.load(answer)
        assert body["status"] == "success"
        data: dict[str, list[dict[str, object]]] = body["data"]
        return data

    def values(self, expression: str) -> list[float]:
        """What an expression gives now."""
        result = self.get("/api/v1/query", query=expression)["result"]
        return [float(one["value"][1]) for one in result]  # type: ignore[index]  # [time, value]

    def is_up(self) -> bool:
        """Whether it serves."""
        try:
            self.get("/api/v1/targets")
        except OSError:
            return False
        return True


@contextmanager
def prometheus(folder: Path, worker: str, ledger: str) -> Iterator[Prometheus]:
    """A Prometheus with our rules, scraping both every second."""
    config = folder / "prometheus.yaml"
    config.write_text(SCRAPES.format(rules=RULES, worker=worker, ledger=ledger))
    (port,) = free_ports(1)
    with (folder / "prometheus.log").open("w") as log:
        process = subprocess.Popen(  # noqa: S603 - our own arguments
            [
                path_of("prometheus"),
                f"--config.file={config}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=log, stderr=log,
        )  # fmt: skip
    try:
        made = Prometheus(port)
        until("Prometheus serves", made.is_up, state=(folder / "prometheus.log").read_text)
        yield made
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


async def feed(servers: list[str], count: int, start: int) -> None:
    """Produce so many events, and one that is rejected."""
    broker = KafkaBroker(servers)
    await broker.open()
    producer = await broker.producer()
    events = [identify(n, n) for n in range(start, start + count)]
    await producer.produce("events", [*events, Message(b"no json")])
    await broker.close()


async def test_every_rule_is_evaluated_on_what_a_worker_and_a_ledger_say(tmp_path: Path) -> None:
    """All rules are healthy, the recorded series have values, nothing fires that should not."""
    with EmbeddedCluster() as cluster:
        servers = list(cluster.bootstrap_servers)
        await feed(servers, 5, 0)
        async with emulator.build(custom_fields={"Lead": ["n__c:double(18,0)"]}).serve() as org:
            config = tmp_path / "transformer.yaml"
            config.write_text(
                CONFIG.format(servers=",".join(servers), url=org.url, name=tmp_path.name)
            )
            await _watch(tmp_path, config, servers)


async def _watch(folder: Path, config: Path, servers: list[str]) -> None:

    with (
        running("worker", "--config", str(config)) as worker,
        running("ledger", "--config", str(config)) as ledger,
    ):
        ports = [
            (await asyncio.to_thread(process.wait_for, "is ready")).rpartition("=")[2]
            for process in (worker, ledger)
        ]
        with prometheus(folder, *ports) as watcher:
            await _shows(watcher, "sum(up)", [2])
            await feed(servers, 20, 5)
            await _shows(
                watcher, 'sum(transformer_settled_events_total{outcome="delivered"})', [25]
            )
            await _shows(watcher, "sum(transformer_ledger_settled_records)", [27])
            await asyncio.to_thread(
                until,
                "every recorded series has values",
                lambda: not _unrecorded(watcher),
                state=lambda: f"Without: {_unrecorded(watcher)}",
            )
            # The connection that is paused has its series, too.
            await _shows(watcher, 'transformer_connection_state{state="paused"} == 1', [1])
            held = 'count(connection:transformer_lag_records:sum{connection="held"})'
            await _shows(watcher, held, [1])
            await _shows(watcher, 'transformer_read_records_total{connection="held"}', [0])
            await asyncio.to_thread(_judge, watcher)


async def _shows(watcher: Prometheus, expression: str, values: list[float]) -> None:
    """Wait until an expression gives these; a scrape that came too late leaves a hole."""
    await asyncio.to_thread(
        until,
        f"{expression} gives {values}",
        lambda: watcher.values(expression) == values,
        state=lambda: f"It gives {watcher.values(expression)}",
    )


def _unrecorded(watcher: Prometheus) -> list[str]:
    """The recorded series that have a reason to be there, and no values."""
    return [
        rule.record
        for rule in rules()
        if rule.record
        and not asked_for(rule.expression) & UNSAID
        and not watcher.values(rule.record)
    ]


def _judge(watcher: Prometheus) -> None:
    groups = watcher.get("/api/v1/rules")["groups"]
    evaluated = [rule for group in groups for rule in group["rules"]]  # type: ignore[attr-defined]  # a list
    assert len(evaluated) == len(rules())
    assert {(rule["name"], rule["health"]) for rule in evaluated} == {
        (rule.alert or rule.record, "ok") for rule in rules()
    }
    assert [rule["name"] for rule in evaluated if rule.get("state") == "firing"] == []
    for rule in rules():
        watcher.get("/api/v1/query", query=rule.expression)
    said = {str(one["metric"]) for one in watcher.get("/api/v1/targets/metadata")}  # type: ignore[index]  # a mapping
    wanted = {name for rule in rules() for name in asked_for(rule.expression) if ":" not in name}
    assert {name.removesuffix("_bucket") for name in wanted} <= said
