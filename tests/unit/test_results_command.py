"""`transformer results` over the in-memory broker: from when on results are shown."""

from collections.abc import Sequence
from pathlib import Path

import orjson
import pytest

from tests.manual_clock import ManualClock
from transformer import app
from transformer.cli import run
from transformer.memory.broker import MemoryBroker, MemoryReader
from transformer.record import Message

CONFIG = """\
kafka: {bootstrap_servers: "127.0.0.1:9", topics: events}
connections:
  - {name: crm, destination: salesforce}
"""
NOON = 1_795_348_800.0


class Timeless(MemoryBroker):
    """A cluster that knows no times, as the embedded one."""

    async def reader(self, topics: Sequence[str], *, from_beginning: bool) -> MemoryReader:
        """A reader that goes to the beginning instead."""

        class Lost(MemoryReader):
            async def seek_time(self, wall: float) -> None:
                del wall
                await self.seek(dict.fromkeys(self._next, 0))

        return Lost(self._store, self._store.partitions(topics), from_beginning=from_beginning)


@pytest.fixture(params=[MemoryBroker, Timeless])
def cluster(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the command finds in place of Kafka: six results, a minute apart."""
    clock = ManualClock(NOON)
    broker: MemoryBroker = request.param(clock, partitions=2)
    monkeypatch.setattr(app, "broker", lambda _config: broker)
    for number in range(6):
        body = {"connection": "crm", "outcome": "delivered", "message_id": f"m{number}"}
        broker.append("transformer.metrics", [Message(orjson.dumps(body), b"%d" % number)])
        clock.pass_seconds(60.0)


@pytest.fixture
def config(tmp_path: Path) -> str:
    """A configuration file."""
    file = tmp_path / "transformer.yaml"
    file.write_text(CONFIG, encoding="utf-8")
    return str(file)


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        ([], ["m0", "m1", "m2", "m3", "m4", "m5"]),
        (["--from", "2026-11-22T12:03:00Z"], ["m3", "m4", "m5"]),
        (["--from", "2026-11-22T12:03:30"], ["m4", "m5"]),
        (["--from", "2026-11-23"], []),
    ],
)
@pytest.mark.usefixtures("cluster")
def test_results_are_shown_from_a_time_on(
    config: str, arguments: list[str], shown: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Those of every partition; all of them without it."""
    assert run(["results", "--config", config, "--no-follow", "--json", *arguments]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert sorted(orjson.loads(line)["message_id"] for line in lines) == shown


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--reason", "unknown_feild"], 'Did you mean "unknown_field"?'),
        (["--connection", "crn"], 'no connection is named "crn", expected one of crm.'),
    ],
)
@pytest.mark.parametrize("command", ["results", "replay"])
def test_a_filter_that_nothing_can_pass_is_refused(
    command: str,
    config: str,
    arguments: list[str],
    says: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A misspelt word must not look as if there were nothing: exit code 2, and no heading."""
    assert run([command, "--config", config, *arguments]) == 2
    shown = capsys.readouterr()
    assert says in shown.err
    assert shown.out == ""


@pytest.mark.usefixtures("cluster")
def test_the_columns_have_a_heading(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    """For people; machines get JSON lines alone."""
    assert run(["results", "--config", config, "--no-follow"]) == 0
    heading, *lines = capsys.readouterr().out.splitlines()
    assert heading.split()[:4] == ["time", "connection", "outcome", "reason"]
    assert len(lines) == 6


def test_a_time_and_the_beginning_exclude_each_other(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2."""
    assert run(["results", "--config", config, "--from-beginning", "--from", "1h"]) == 2
    assert "--from-beginning and --from exclude each other" in capsys.readouterr().err
