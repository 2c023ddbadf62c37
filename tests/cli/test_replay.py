"""The command `replay`, as people and machines see it; what it produces is tested end to end."""

import asyncio
import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click
import orjson
import pytest

from tests.unit.replay import dead_letters
from tests.waiting import PATIENCE_SECONDS, missing
from transformer import cli
from transformer.cli.options import Moment
from transformer.clock import SystemClock
from transformer.embedded import EmbeddedCluster
from transformer.kafka import KafkaBroker
from transformer.record import Message
from transformer.replay.letters import Letter, mark, read

CONFIG = """
kafka:
  bootstrap_servers: [{servers}]
  topics: [events]
  metrics_topic: metrics
  dead_letter_topic: letters
connections:
  - name: crm
    destination: salesforce
    settings: {{client_id: a, client_secret: "${{NOT_SET_AND_NOT_NEEDED}}"}}
"""
ROOT = Path(__file__).parent.parent.parent


def identify(offset: int, email: str) -> bytes:
    """An event that maps to a lead of that e-mail."""
    traits = {"email": email, "lastName": "L", "company": "C"}
    body = {"type": "identify", "messageId": f"m{offset}", "traits": traits}
    return orjson.dumps(body | {"integrations": {"Salesforce": True}})


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A configuration of a cluster with six dead letters and two results.

    Of the letters one is superseded by its own match key, one by the key that the mapping gives it
    today, one was replayed, one is of a connection that is gone.
    """
    file = tmp_path_factory.mktemp("replay") / "transformer.yaml"
    with EmbeddedCluster() as cluster:
        servers = cluster.bootstrap_servers
        file.write_text(CONFIG.format(servers=",".join(servers)))
        asyncio.run(_fill(KafkaBroker(servers)))
        yield file


async def _fill(broker: KafkaBroker) -> None:
    make, record = dead_letters.letter, dead_letters.record
    replayed = make(record(1), email="1@x.io")
    found = read(dead_letters.stored(replayed))
    assert isinstance(found, Letter)
    letters = [
        replayed,
        mark(found, "run", 0.0)[1],
        make(record(2), email="2@x.io"),
        make(record(3, value=identify(3, "2@x.io")), email=None),
        make(record(4), connection="gone"),
        make(record(6), email="6@x.io"),
        make(record(5, value=b"not JSON"), email=None),
        Message(b"stray", b"k"),
    ]
    await broker.open()
    producer = await broker.producer()
    await producer.produce("events", [Message(b"{}", b"k")])
    await producer.produce("letters", letters)
    await producer.produce("metrics", [dead_letters.result(record(9), email="2@x.io")])
    await broker.close()


def test_a_preview_tells_all_and_produces_nothing(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Counts by connection, reason and status, the first to go, and what each status means."""
    assert cli.run(["replay", "--config", str(config)]) == 0
    shown = capsys.readouterr()
    words = [line.split() for line in shown.out.splitlines()]
    for row in (
        ["crm", "unknown_field", "already_replayed", "1"],
        ["crm", "unknown_field", "selected", "2"],
        ["crm", "unknown_field", "superseded", "2"],
        ["gone", "unknown_field", "connection_unknown", "1"],
    ):
        assert [word for word in row if word] in [[w for w in ws if w != "│"] for ws in words]
    assert "The first 2 of 2 dead letters to replay" in shown.out
    assert [ws[-1] for ws in words if "events/0@5" in ws or "events/0@6" in ws] == ["m5", "m6"]
    assert "connection_unknown: its connection is not in the configuration." in shown.out
    assert shown.err.splitlines() == [
        "1 records of the dead-letter topic are not dead letters",
        "Nothing was produced. Add --yes to replay 2 dead letters.",
    ]


def test_for_machines_it_is_a_line_per_letter_and_a_summary(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the order of the replay; filters leave lines out, the limit shows what is left."""
    arguments = ["--json", "--limit", "1", "--connection", "crm", "--since", "1970-01-01T00:16:40"]
    assert cli.run(["replay", "--config", str(config), *arguments]) == 0
    lines = [orjson.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(one["message_id"], one["status"]) for one in lines[:-1]] == [
        ("m1", "already_replayed"),
        ("m2", "superseded"),
        ("m3", "superseded"),
        ("m5", "selected"),
        ("m6", "over_limit"),
    ]
    assert lines[3] == {
        "kind": "letter",
        "status": "selected",
        "connection": "crm",
        "reason": "unknown_field",
        "time": "1970-01-01T00:16:40.000+00:00",
        "message_id": "m5",
        "origin": {"topic": "events", "partition": 0, "offset": 5, "timestamp_ms": 5000},
        "replay_of": None,
    }
    assert {key: value for key, value in lines[-1].items() if value} == {
        "kind": "summary",
        "selected": 1,
        "over_limit": 1,
        "superseded": 2,
        "already_replayed": 1,
        "unreadable": 1,
    }


def test_nothing_to_replay_is_said(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without asking for --yes."""
    assert cli.run(["replay", "--config", str(config), "--until", "1970-01-01", "--yes"]) == 0
    assert capsys.readouterr().err.splitlines()[-1] == "Nothing to replay."


def test_on_a_terminal_it_asks_first(config: Path) -> None:
    """With the progress of reading shown; a plain Enter is no."""
    shown = _on_a_terminal(["--config", str(config)], answer=b"\n")
    assert "Replay 2 dead letters? [y/N]:" in shown
    assert "results" in shown.split("Dead letters")[0]
    assert "Nothing was produced." in shown


def _on_a_terminal(arguments: list[str], *, answer: bytes) -> str:
    master, slave = pty.openpty()
    process = subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-m", "transformer", "replay", *arguments],
        stdin=slave, stdout=slave, stderr=slave, cwd=ROOT,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "120"},
    )  # fmt: skip
    os.close(slave)
    shown, answered, deadline = b"", False, time.monotonic() + PATIENCE_SECONDS
    try:
        while True:
            assert time.monotonic() < deadline, missing(
                f"its end, after {shown!r}", PATIENCE_SECONDS
            )
            if not select.select([master], [], [], 0.2)[0]:
                continue
            try:
                part = os.read(master, 65_536)
            except OSError:  # the other end is closed
                break
            shown += part
            if not answered and b"[y/N]" in shown:
                os.write(master, answer)
                answered = True
    finally:
        process.kill()
        process.wait(PATIENCE_SECONDS)
        os.close(master)
    return shown.decode(errors="replace")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01T00:01Z", 60.0),
        ("1970-01-01T00:01", 60.0),
        ("1970-01-01", 0.0),
        ("1970-01-01T01:01:00+01:00", 60.0),
    ],
)
def test_a_time_is_utc_unless_it_says_otherwise(text: str, seconds: float) -> None:
    """ISO 8601."""
    assert Moment().convert(text, None, None) == seconds


@pytest.mark.parametrize(
    ("text", "ago"), [("30s", 30), ("90m", 5400), ("24h", 86_400), ("7d", 604_800)]
)
def test_a_time_may_be_how_long_ago_it_was(text: str, ago: float) -> None:
    """Seconds, minutes, hours or days."""
    assert Moment().convert(text, None, None) == pytest.approx(SystemClock().wall() - ago, abs=5)


@pytest.mark.parametrize("text", ["yesterday", "7w", "", "-1h", "9999999999d"])
def test_what_is_no_time_is_said_with_what_is(text: str) -> None:
    """Both ways to write one."""
    with pytest.raises(click.BadParameter, match="expected ISO 8601 as in"):
        Moment().convert(text, None, None)
