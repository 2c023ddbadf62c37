"""`transformer ledger --once` over the in-memory broker: what is printed, and the exit code."""

import json
from pathlib import Path

import orjson
import pytest

from tests.manual_clock import ManualClock
from transformer import app
from transformer.broker import TopicSpec
from transformer.cli import run
from transformer.memory.broker import MemoryBroker
from transformer.record import Message, Partition

CONFIG = """\
kafka: {bootstrap_servers: "127.0.0.1:9", topics: events}
connections:
  - {name: crm, destination: salesforce}
"""


@pytest.fixture
async def broker(monkeypatch: pytest.MonkeyPatch) -> MemoryBroker:
    """What the command finds in place of Kafka."""
    made = MemoryBroker(ManualClock())
    names = ("events", "transformer.metrics", "transformer.dead-letters")
    await made.ensure_topics([TopicSpec(name, 1) for name in names])
    made.append("events", [Message(b"{}") for _ in range(4)])
    monkeypatch.setattr(app, "broker", lambda _config: made)
    return made


@pytest.fixture
def config(tmp_path: Path) -> str:
    """A configuration file."""
    file = tmp_path / "transformer.yaml"
    file.write_text(CONFIG, encoding="utf-8")
    return str(file)


def settle(broker: MemoryBroker, *offsets: int) -> None:
    """Deliver these offsets."""
    for offset in offsets:
        body = {
            "connection": "crm", "topic": "events", "partition": 0, "offset": offset,
            "outcome": "delivered", "reason": None, "time": f"2026-11-22T12:0{offset}:00+00:00",
        }  # fmt: skip
        broker.append("transformer.metrics", [Message(orjson.dumps(body), b"crm/events/0")])
    broker.set_committed("transformer-crm", {Partition("events", 0): max(offsets) + 1})


def test_conservation_is_proven_and_shown(
    broker: MemoryBroker, config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 0, a table on stdout, the conclusion on stderr."""
    settle(broker, 0, 1, 2)
    assert run(["ledger", "--config", config, "--once"]) == 0
    out, err = capsys.readouterr()
    assert "crm        │ events/0  │ 0 to 2  │         3 │" in out
    assert "Conserved: every offset has its result" in err


def test_a_gap_fails(broker: MemoryBroker, config: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1; the JSON lines say where."""
    settle(broker, 0, 0, 3)
    assert run(["ledger", "--config", config, "--once", "--json"]) == 1
    (line,) = capsys.readouterr().out.splitlines()
    verdict = json.loads(line)
    assert verdict["missing_ranges"] == [[1, 2]]
    assert (verdict["connection"], verdict["topic"], verdict["partition"]) == ("crm", "events", 0)
    assert (verdict["missing"], verdict["repeated"], verdict["conserved"]) == (2, 1, False)


def test_a_gap_is_named_to_people(
    broker: MemoryBroker, config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Which offsets, and where to read on."""
    settle(broker, 0, 3)
    assert run(["ledger", "--config", config, "--once"]) == 1
    err = capsys.readouterr().err
    assert "crm events/0: 2 offsets have no result: 1 to 2" in err
    assert "Not conserved. See deploy/runbooks.md, TransformerLedgerGap." in err


def test_a_range_of_times_is_judged(
    broker: MemoryBroker, config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Times without a zone are UTC."""
    settle(broker, 0, 2, 3)
    arguments = ["ledger", "--config", config, "--once"]
    assert run([*arguments, "--from", "2026-11-22T12:02:00"]) == 0
    assert run([*arguments, "--to", "2026-11-22T12:02:00Z"]) == 1
    assert run([*arguments, "--to", "2026-11-22T12:00:30+00:00", "--connection", "crm"]) == 0
    assert run([*arguments, "--from", "2026-11-23"]) == 0
    assert "There is nothing to judge" in capsys.readouterr().err


def test_a_connection_that_is_not_configured_is_no_proof(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A slip of the pen must not look as if everything were accounted for: exit code 2."""
    assert run(["ledger", "--config", config, "--once", "--connection", "crn"]) == 2
    assert 'no connection is named "crn", expected one of crm.' in capsys.readouterr().err


def test_wrong_options_are_answered_with_what_to_write(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2."""
    assert run(["ledger", "--config", config, "--json"]) == 2
    assert run(["ledger", "--config", config, "--once", "--from", "noon"]) == 2
    err = capsys.readouterr().err
    assert "--json: has no effect without --once. Add --once." in err
    assert "'noon' is not a time, expected ISO 8601 as in 2026-11-22T10:00Z" in err
