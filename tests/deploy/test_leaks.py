"""Canaries in secrets, e-mails and traits, through every error path: none comes out where logs go.

Logs, metrics, health pages, error texts and the ledger's pages are read; topics may hold them.
"""

import asyncio
import json
import re
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import orjson
import pytest
import yaml

from tests.cli.process import Process, running
from tests.deploy.hostile import ALL, Hostile, hostile
from tests.deploy.tools import ROOT
from tests.manual_clock import ManualClock
from tests.waiting import until
from transformer import app
from transformer.config import load
from transformer.decode import decode
from transformer.destination import Finding
from transformer.embedded import EmbeddedCluster
from transformer.errors import WriteFailed
from transformer.kafka import KafkaBroker
from transformer.outcome import Rejected
from transformer.record import Message, Record
from transformer.upsert import Upsert

CANARY: Final = "zq7canary"
EMAIL: Final = f"{CANARY}@{CANARY}.example"
URLS: Final = ("base_url", "login_url", "instance_url", "oauth_url", "event_url")
SECONDS: Final = 6.0
KINDS: Final = app.kind_names()
APP: Final = {name: f"{CANARY}-{name}" for name in ("client_id", "client_secret", "refresh_token")}
# Connections beside the smallest example's: the other ways to log in.
LOGINS: Final[dict[str, tuple[str, dict[str, str]]]] = {
    "salesforce-soap": (
        "salesforce",
        {name: f"{CANARY}-{name}" for name in ("username", "password", "security_token")},
    ),
    "salesforce-refresh": ("salesforce", APP),
    "account-engagement-refresh": (
        "account_engagement",
        APP | {"business_unit_id": "0Uv000000000002CAA"},
    ),
    "hubspot-oauth": ("hubspot", APP),
    "pipedrive-oauth": ("pipedrive", APP),
}
CONNECTIONS: Final = {kind.replace("_", "-"): kind for kind in KINDS} | {
    name: kind for name, (kind, _) in LOGINS.items()
}
ROUNDS: Final = 150


def settings(name: str, url: str) -> dict[str, Any]:
    """The settings of a connection, every secret a canary, every host ours."""
    kind, login = LOGINS.get(name, (CONNECTIONS[name], {}))
    text = (ROOT / "destinations" / kind / "examples" / "minimal.yaml").read_text()
    (connection,) = yaml.safe_load(text)["connections"]
    known = {one.name for one in app.kind(kind).settings}
    found = {
        key: f"{CANARY}-{key}" if str(value).startswith("${") else value
        for key, value in connection["settings"].items()
        if not (login and str(value).startswith("${"))
    }
    return found | login | {key: url for key in URLS if key in known}


def configuration(servers: list[str], url: str) -> str:
    """One worker with a connection of every kind, trying little and saying much."""
    delivery = {
        "linger_seconds": 0.05, "max_attempts": 3, "backoff_seconds": 0.05,
        "backoff_limit_seconds": 0.2, "drain_seconds": 2,
    }  # fmt: skip
    return yaml.safe_dump(
        {
            "kafka": {"bootstrap_servers": servers, "topics": ["events"], "create_topics": False},
            "connections": [
                {
                    "name": name, "destination": kind,
                    "opt_in": "off", "paused": False,
                    "settings": settings(name, url), "delivery": delivery,
                }
                for name, kind in CONNECTIONS.items()
            ],
            "http": {"port": 0},
            "log": {"format": "json", "level": "debug"},
        }
    )  # fmt: skip


def events() -> Iterator[Message]:
    """Good ones and bad ones, canaries wherever a customer's data may be."""
    traits = {"email": EMAIL, "firstName": CANARY, "company": {"name": CANARY}, CANARY: CANARY}
    good = {"messageId": CANARY, "userId": CANARY, "traits": traits}
    for kind in ("identify", "track", "group", CANARY):
        body = good | {"type": kind, "event": CANARY, "groupId": CANARY, "properties": traits}
        yield Message(orjson.dumps(body), CANARY.encode(), [(CANARY, CANARY.encode())])
    yield Message(f'{{"email": "{EMAIL}", '.encode())
    yield Message(b"\xff\xfe" + EMAIL.encode())
    yield Message(orjson.dumps([EMAIL]))
    yield Message(orjson.dumps({"type": "identify", "traits": EMAIL, "context": [EMAIL]}))
    yield Message(orjson.dumps({"type": "identify", "traits": {"email": f"{CANARY} at none"}}))
    yield Message(b"[" * 5_000 + EMAIL.encode())
    external = [{"type": f"Salesforce-{CANARY} x", "id": EMAIL, "identifierType": f"{CANARY}; --"}]
    context = {"externalId": external, "traits": traits}
    yield Message(orjson.dumps({"type": "identify", "context": context}))
    for n in range(40):
        body = {"type": "identify", "traits": traits | {"email": f"{n}{EMAIL}", "phone": f"+1{n}"}}
        yield Message(orjson.dumps(body))


async def produce(servers: list[str]) -> None:
    """Produce them all."""
    broker = KafkaBroker(servers)
    await broker.open()
    producer = await broker.producer()
    await producer.produce("events", [*events()])
    await broker.close()


def upserts(wired: app.Wired) -> list[Upsert]:
    """What the connection's mapping makes of all the events."""
    found: list[Upsert] = []
    for offset, message in enumerate(events()):
        event = decode(Record("events", 0, offset, 0, message.key, message.value, message.headers))
        plan = () if isinstance(event, Rejected) else wired.mapping.evaluate(event)
        found += (
            [each for each in plan if isinstance(each, Upsert)] if isinstance(plan, tuple) else []
        )
    return found


def told(text: str) -> list[str]:
    """The lines that hold a canary."""
    return [line[:260] for line in text.splitlines() if CANARY in line.lower()]


def page(process_line: str, path: str) -> str:
    """A page of the process whose ready line this is."""
    port = json.loads(process_line)["port"]
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as answer:
            return str(answer.read().decode())
    except urllib.error.HTTPError as answer:
        return answer.read().decode()


def output(process: Process, number: signal.Signals = signal.SIGTERM) -> str:
    """End it; all that it printed."""
    process.send(number).exit_code()
    return "\n".join(process.seen)


def unmet(crm: Hostile, metrics: str, statuses: tuple[int, ...]) -> list[str]:
    """What has not happened yet, of all that a run is for."""
    wanted = [
        f'transformer_destination_requests_total{{connection="{name}"' for name in CONNECTIONS
    ]
    rejected = r'transformer_settled_events_total\{[^}]*outcome="rejected"'
    return [
        *(f"status {status}" for status in statuses if status not in crm.requests),
        *(series for series in wanted if series not in metrics),
        *([] if re.search(rejected, metrics) else ["a rejection"]),
    ]


@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("statuses", [(400, 409, 422), (401, 403, 404, 302), (500, 200, 207), ()])
def test_no_canary_comes_out_of_a_worker_whose_crms_tell_everything(
    statuses: tuple[int, ...], tmp_path: Path
) -> None:
    """Every kind of CRM, every kind of failure, logins too; logs, metrics, health, ledger."""
    with (
        EmbeddedCluster() as cluster,
        hostile(CANARY, lets_in=bool(statuses), statuses=statuses or ALL) as crm,
    ):
        servers = list(cluster.bootstrap_servers)
        asyncio.run(produce(servers))
        config = tmp_path / "transformer.yaml"
        config.write_text(configuration(servers, crm.url))
        with running("worker", "--config", str(config)) as worker:
            ready = worker.wait_for("Worker is ready")
            until(
                "every connection has met every answer",
                lambda: not unmet(crm, page(ready, "/metrics"), statuses),
                state=lambda: f"Not met: {unmet(crm, page(ready, '/metrics'), statuses)}",
            )
            time.sleep(SECONDS)  # and whatever else comes of it
            pages = "\n".join(page(ready, path) for path in ("/metrics", "/readyz", "/healthz"))
            printed = output(worker)
        with running("ledger", "--config", str(config)) as ledger:
            ready = ledger.wait_for("Ledger is ready")
            until(
                "the ledger has read a result",
                lambda: '"rejected' in page(ready, "/ledger"),
                state=lambda: page(ready, "/ledger"),
            )
            kept = "\n".join(page(ready, path) for path in ("/metrics", "/ledger"))
            printed += output(ledger)
    assert bool(statuses) is (set(crm.logins) == {200})
    assert unmet(crm, pages, statuses) == []
    assert '"rejected' in kept
    assert told(pages) == []
    assert told(kept) == []
    assert told(printed) == []


@pytest.mark.parametrize("name", CONNECTIONS)
@pytest.mark.parametrize("lets_in", [True, False])
async def test_no_canary_is_in_the_text_of_a_failure(
    name: str, *, lets_in: bool, tmp_path: Path
) -> None:
    """Round after round of other answers: what a write raises is a WriteFailed, safe to log."""
    with hostile(CANARY, lets_in=lets_in) as crm:
        config = tmp_path / "transformer.yaml"
        config.write_text(configuration(["127.0.0.1:1"], crm.url))
        chosen = app.choose(load(config, app.kind, {}), name)
        (wired,) = app.wire(chosen)
        clock = ManualClock()
        destination = wired.destination(clock)
        batch = upserts(wired)
        said: list[str] = []
        for number in range(ROUNDS):
            clock.pass_seconds(90_000.0)
            try:
                await destination.write(batch[number % 3 :: 3][: 1 + number % 4])
            except WriteFailed as failure:
                said += [type(failure).__name__, str(failure)]
        await destination.close()
    assert len(set(said)) > 2
    assert told("\n".join(said)) == []


@pytest.mark.parametrize("name", CONNECTIONS)
@pytest.mark.parametrize("good", range(5))
async def test_no_canary_is_in_a_finding_of_a_check(name: str, good: int, tmp_path: Path) -> None:
    """What goes wrong at once, and after a few requests that went well."""
    found: list[Finding] = []
    with hostile(CANARY, lets_in=True, good=good) as crm:
        config = tmp_path / "transformer.yaml"
        config.write_text(configuration(["127.0.0.1:1"], crm.url))
        (wired,) = app.wire(app.choose(load(config, app.kind, {}), name))
        clock = ManualClock()
        for _ in range(24):
            clock.pass_seconds(90_000.0)
            destination = wired.destination(clock)
            try:
                found += await destination.check(wired.mapping.fields())
            except WriteFailed as failure:
                found.append(Finding("error", name, str(failure)))
            await destination.close()
    assert {one.level for one in found} >= {"error"}
    assert told("\n".join(f"{one.where}: {one.message}" for one in found)) == []


@pytest.mark.parametrize("name", CONNECTIONS)
@pytest.mark.parametrize("lets_in", [True, False])
def test_no_secret_comes_out_of_a_check_that_fails(
    name: str, *, lets_in: bool, tmp_path: Path
) -> None:
    """What the CRM says about the credentials is told, not the credentials."""
    with hostile("told", lets_in=lets_in) as crm:
        config = tmp_path / "transformer.yaml"
        config.write_text(configuration(["127.0.0.1:1"], crm.url))
        with running("check", "--config", str(config), "--online", "--connection", name) as check:
            assert check.exit_code() in {2, 3}
        assert crm.requests + crm.logins
    assert told("\n".join(check.seen)) == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("wrong", ["list", "section"])
def test_no_secret_comes_out_of_a_configuration_that_is_refused(
    kind: str, wrong: str, tmp_path: Path
) -> None:
    """A secret of the wrong type, and one under a misspelt key."""
    secrets = [one.name for one in app.kind(kind).settings if one.secret]
    assert secrets
    value: object = [CANARY] if wrong == "list" else {"inner": CANARY}
    broken = settings(kind.replace("_", "-"), "https://example.com") | dict.fromkeys(secrets, value)
    broken |= {f"{name}x": CANARY for name in secrets}
    document = {
        "kafka": {"bootstrap_servers": ["127.0.0.1:1"], "topics": ["events"]},
        "connections": [{"name": "crm", "destination": kind, "settings": broken}],
    }
    config = tmp_path / "transformer.yaml"
    config.write_text(yaml.safe_dump(document))
    with running("check", "--config", str(config)) as check:
        assert check.exit_code() == 2
    assert told("\n".join(check.seen)) == []


@pytest.mark.kafka
def test_no_password_comes_out_when_kafka_refuses_it(kafka_server: Any, tmp_path: Path) -> None:
    """Exit code 3 and what to do, of worker, results and ledger."""
    security = {
        "protocol": "SASL_SSL", "mechanism": "SCRAM-SHA-512", "username": "worker",
        "password": f"{CANARY}-password", "ca_file": str(kafka_server.certificates.ca),
    }  # fmt: skip
    document = yaml.safe_load(configuration(kafka_server.sasl_servers, "http://127.0.0.1:9"))
    document["kafka"] |= {"security": security, "connect_timeout_seconds": 30}
    config = tmp_path / "transformer.yaml"
    config.write_text(yaml.safe_dump(document))
    for command in (["worker"], ["ledger"], ["ledger", "--once"], ["results", "--no-follow"]):
        with running(*command, "--config", str(config)) as process:
            assert process.exit_code() == 3
        shown = "\n".join(process.seen)
        assert "refused our credentials" in shown
        assert told(shown) == []
