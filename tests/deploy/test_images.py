"""The Dockerfile and the compose file: their rules, and each command line run as a plain process.

There is no Docker engine here: what the containers run is run, the images are not built.
"""

import asyncio
import json
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import jsonschema
import pytest
import yaml

from tests.cli.process import running
from tests.deploy.tools import DEPLOY, ROOT, path_of
from transformer import app
from transformer.config import load
from transformer.embedded import EmbeddedCluster
from transformer.kafka import KafkaBroker
from transformer.record import Message

DOCKERFILE: Final = (DEPLOY / "Dockerfile").read_text()
COMPOSE: Final[dict[str, Any]] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
OURS: Final = {name: service for name, service in COMPOSE["services"].items() if "build" in service}
# The schema of the compose specification, as published with compose-go (Apache-2.0).
SCHEMA: Final = Path(__file__).parent / "compose-spec.json"


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile, one (name, rest) per instruction."""
    text = re.sub(r"\\\n\s*", "", re.sub(r"^\s*#.*\n", "", DOCKERFILE, flags=re.MULTILINE))
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return [(line.split(None, 1)[0], line.split(None, 1)[1]) for line in lines]


def last(name: str) -> str:
    """The last instruction of a name: the one that counts."""
    return [rest for found, rest in instructions() if found == name][-1]


def image_command(command: list[str] | None) -> list[str]:
    """What a container runs: the entry point and its command."""
    given = json.loads(last("CMD")) if command is None else command
    return [*json.loads(last("ENTRYPOINT")), *given]


def test_the_dockerfile_is_pinned_small_and_unprivileged() -> None:
    """What a linter would ask for, and what the row asks for."""
    names = [name for name, _ in instructions()]
    images = [rest.split()[0] for name, rest in instructions() if name == "FROM"]
    building, running = images  # the one that builds has a C compiler, and is thrown away
    assert re.fullmatch(r"python:\d+\.\d+\.\d+-slim-\w+", running)
    assert building == running.replace("-slim", "")
    assert "HATCH_BUILD_HOOK_ENABLE_MYPYC=true" in DOCKERFILE.split(running)[0]
    assert last("USER") == "65532:65532"
    assert names.index("USER") > max(i for i, name in enumerate(names) if name == "COPY")
    assert not {"ADD", "MAINTAINER", "ONBUILD", "SHELL"} & set(names)
    assert last("STOPSIGNAL") == "SIGTERM"
    runs = [rest for name, rest in instructions() if name == "RUN"]
    assert not any("apt-get" in run or "curl" in run or "latest" in run for run in runs)
    assert all("-c constraints.txt" in run for run in runs if "pip install" in run)
    for name in ("ENTRYPOINT", "CMD"):
        assert json.loads(last(name)), "the exec form: signals reach the program"


def test_what_is_copied_into_the_image_is_there_and_is_not_ignored() -> None:
    """The build context is the root of the project."""
    ignored = {line.strip("*/") for line in (ROOT / ".dockerignore").read_text().splitlines()}
    for name, rest in instructions():
        if name == "COPY" and not rest.startswith("--from"):
            for source in rest.split()[:-1]:
                assert (ROOT / source).exists()
                assert Path(source).name not in ignored


def test_the_compose_file_follows_its_schema() -> None:
    """As published with the specification."""
    jsonschema.validate(COMPOSE, json.loads(SCHEMA.read_text()))


def test_every_image_is_pinned_and_every_port_is_on_loopback() -> None:
    """Nothing of the stack is reachable from another machine."""
    for service in COMPOSE["services"].values():
        assert re.fullmatch(r"[\w/-]+:(v?\d+\.\d+\.\d+|local)", service["image"])
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


def test_every_mounted_file_is_there() -> None:
    """Named volumes aside."""
    for service in COMPOSE["services"].values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert source in COMPOSE["volumes"] or (DEPLOY / source).exists(), volume


@pytest.mark.parametrize("name", OURS)
def test_our_containers_write_nowhere_and_may_do_nothing(name: str) -> None:
    """Read-only root, no capabilities, time to drain."""
    service = OURS[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert int(service["stop_grace_period"].removesuffix("s")) > 30


@pytest.mark.prometheus
def test_prometheus_takes_its_configuration(tmp_path: Path) -> None:
    """With the rules where the container has them."""
    text = (DEPLOY / "compose" / "prometheus.yaml").read_text()
    file = tmp_path / "prometheus.yaml"
    file.write_text(
        text.replace("/etc/prometheus/rules.yaml", str(DEPLOY / "prometheus/rules.yaml"))
    )
    done = subprocess.run(  # noqa: S603 - our own arguments
        [path_of("promtool"), "check", "config", file], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_provisioning_of_grafana_names_what_is_mounted() -> None:
    """The folder of the dashboards, and Prometheus by its service name."""
    (provider,) = yaml.safe_load((DEPLOY / "compose/dashboards.yaml").read_text())["providers"]
    mounts = [volume.split(":")[1] for volume in COMPOSE["services"]["grafana"]["volumes"]]
    assert provider["options"]["path"] in mounts
    (source,) = yaml.safe_load((DEPLOY / "compose/datasource.yaml").read_text())["datasources"]
    assert source["url"] == "http://prometheus:9090"


def test_the_configuration_is_taken_as_the_containers_have_it() -> None:
    """With no variable set: the emulator is on the worker's own loopback, by its port."""
    config = load(DEPLOY / "compose" / "transformer.yaml", app.kind, {})
    (connection,) = config.connections
    port = OURS["salesforce"]["command"][-1]
    assert connection.settings["login_url"] == f"http://127.0.0.1:{port}"
    assert OURS["worker"]["network_mode"] == "service:salesforce"
    assert "--host" not in OURS["salesforce"]["command"]


@pytest.mark.parametrize("job", ["transformer", "transformer-ledger"])
def test_prometheus_scrapes_names_and_ports_that_are_there(job: str) -> None:
    """By a service's name, or an alias where a service is in another's network."""
    scraped = yaml.safe_load((DEPLOY / "compose" / "prometheus.yaml").read_text())
    (entry,) = [one for one in scraped["scrape_configs"] if one["job_name"] == job]
    (target,) = entry["static_configs"][0]["targets"]
    names = {n for n, service in COMPOSE["services"].items() if "network_mode" not in service}
    for service in COMPOSE["services"].values():
        names |= set(service.get("networks", {}).get("default", {}).get("aliases", []))
    host, port = target.split(":")
    assert host in names
    assert int(port) == load(DEPLOY / "compose/transformer.yaml", app.kind, {}).http.port


def test_the_containers_run_as_plain_processes(tmp_path: Path) -> None:
    """Emulator, worker and ledger by their own command lines: healthy, at work, SIGTERM-clean."""
    with EmbeddedCluster() as cluster:
        servers = ",".join(cluster.bootstrap_servers)
        asyncio.run(_produce(list(cluster.bootstrap_servers)))
        commands = {n: image_command(service.get("command")) for n, service in OURS.items()}
        assert {command[0] for command in commands.values()} == {"transformer"}
        crm_line = [*commands["salesforce"][1:]]
        crm_line[crm_line.index("--port") + 1] = "0"
        with running(*crm_line) as crm:
            environment = {
                "KAFKA": servers, "CRM_URL": crm.wait_for("http://"), "HTTP_HOST": "127.0.0.1",
            }  # fmt: skip
            with running(*_local(commands["worker"], tmp_path), **environment) as worker:
                port = _port(worker.wait_for("Worker is ready"))
                assert _health(port) == 0
                with running(*_local(commands["ledger"], tmp_path), **environment) as ledger:
                    assert _health(_port(ledger.wait_for("Ledger is ready"))) == 0
                    assert ledger.send(signal.SIGTERM).exit_code() == 0
                assert worker.send(signal.SIGTERM).exit_code() == 0
            assert _health(port) != 0
            config = str(_config(tmp_path))
            with running(
                "results", "--config", config, "--no-follow", "--json", **environment
            ) as shown:
                assert shown.exit_code() == 0
            results = [json.loads(line) for line in shown.seen if line.startswith("{")]
            outcomes = [one["outcome"] for one in results if one["kind"] == "result"]
            assert sorted(outcomes) == ["delivered"] * 2 + ["rejected"] * 2 + ["skipped"]


def test_the_topics_script_creates_what_the_program_needs(tmp_path: Path) -> None:
    """With retention, sizes, and a compacted changelog; security settings go along."""
    tool = tmp_path / "kafka-topics.sh"
    tool.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\n')
    tool.chmod(0o755)
    subprocess.run(  # noqa: S603 - our own script
        ["/bin/sh", DEPLOY / "topics.sh"],
        env={
            "PATH": "/usr/bin:/bin", "BOOTSTRAP_SERVERS": "kafka:9092", "KAFKA_TOPICS": str(tool),
            "SOURCE_TOPICS": "events more", "COMMAND_CONFIG": "/etc/client.properties",
            "REPLICATION": "3",
        },
        check=True,
    )  # fmt: skip
    calls = [shlex.split(line) for line in (tmp_path / "calls").read_text().splitlines()]
    topics = {call[call.index("--topic") + 1]: call for call in calls}
    assert list(topics) == [
        "events", "more", "transformer.metrics", "transformer.dead-letters",
        "transformer-ledger-accounts-changelog",
    ]  # fmt: skip
    assert all("--if-not-exists" in call and "/etc/client.properties" in call for call in calls)
    assert "retention.ms=2592000000" in topics["transformer.dead-letters"]
    assert "max.message.bytes=9437184" in topics["transformer.dead-letters"]
    assert "cleanup.policy=compact" in topics["transformer-ledger-accounts-changelog"]


async def _produce(servers: list[str]) -> None:
    broker = KafkaBroker(servers)
    await broker.open()
    producer = await broker.producer()
    lines = (DEPLOY / "compose" / "events.jsonl").read_bytes().splitlines()
    await producer.produce("events", [Message(line) for line in lines])
    await broker.close()


def _config(folder: Path) -> Path:
    """The configuration of the compose file, on a free port."""
    file = folder / "transformer.yaml"
    text = (DEPLOY / "compose" / "transformer.yaml").read_text()
    file.write_text(text.replace("port: 9400", "port: 0"))
    return file


def _local(command: list[str], folder: Path) -> list[str]:
    """A container's arguments with the local path of what is mounted into it."""
    mounted = "/etc/transformer/transformer.yaml"
    assert mounted in command
    return [str(_config(folder)) if part == mounted else part for part in command[1:]]


def _port(line: str) -> int:
    return int(json.loads(line)["port"])


def _health(port: int) -> int:
    """The exit code of the image's health check, asked of `port`."""
    command = json.loads(last("HEALTHCHECK").partition("CMD ")[2])
    assert command[0] == "python"
    arguments = [part.replace("9400", str(port)) for part in command[1:]]
    return subprocess.run([sys.executable, *arguments], capture_output=True, check=False).returncode  # noqa: S603 - the image's own
