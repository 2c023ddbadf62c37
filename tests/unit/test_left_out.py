"""Tests that this machine cannot run are left out in one line, never silently, never in CI."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
WHERE = "tests/contract/broker/test_broker.py"


def session(tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """A session on a machine with neither Java nor Maven."""
    kept = {k: v for k, v in os.environ.items() if k not in ("CI", "KAFKA_BOOTSTRAP_SERVERS")}
    return subprocess.run(  # noqa: S603 - our own arguments
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", WHERE),
            *("-k", "test_a_message_too_large"),
        ],
        cwd=ROOT,
        env={**kept, "PATH": str(tmp_path), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def test_one_line_says_what_was_left_out_and_why(tmp_path: Path) -> None:
    """The rest runs, and the session passes."""
    done = session(tmp_path)
    assert done.returncode == pytest.ExitCode.OK
    lines = [line for line in done.stdout.splitlines() if line.startswith("left out:")]
    assert lines == ["left out: 1 test: java and mvn are not here to start Apache Kafka"]


def test_in_ci_what_is_left_out_is_a_failure(tmp_path: Path) -> None:
    """The same session with CI=true."""
    done = session(tmp_path, CI="true")
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    lines = [line for line in done.stdout.splitlines() if line.startswith("left out:")]
    why = "java and mvn are not here to start Apache Kafka"
    assert lines == [f"left out: 1 test: {why}. With CI=true that fails the session"]


def test_one_tool_that_is_missing_is_named_alone(tmp_path: Path) -> None:
    """What is there needs no installing."""
    (tmp_path / "java").symlink_to("/bin/true")
    done = session(tmp_path)
    assert "left out: 1 test: mvn is not here to start Apache Kafka\n" in done.stdout


def test_a_named_cluster_needs_no_java(tmp_path: Path) -> None:
    """With KAFKA_BOOTSTRAP_SERVERS the test runs against it, and fails when nobody is there."""
    done = session(tmp_path, KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1")
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert "nothing listens there" in done.stdout
    assert "left out" not in done.stdout
