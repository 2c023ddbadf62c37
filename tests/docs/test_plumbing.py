"""The project's own commands: what they list, what they need, and what they never name."""

import os
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent.parent
MAKEFILE: Final = (ROOT / "Makefile").read_text(encoding="utf-8")


def _run(*command: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(  # noqa: S603 - the project's own commands
        command,
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_make_alone_lists_every_target() -> None:
    """With one line each."""
    done = _run("make", "--no-print-directory")
    targets = re.findall(r"^([a-z]+):.*## ", MAKEFILE, re.MULTILINE)
    assert done.returncode == 0
    assert [line.split()[1] for line in done.stdout.splitlines()] == targets
    assert {"demo", "test", "check", "bench", "docs", "help", "clean"} <= set(targets)


def test_a_missing_python_is_one_clear_line(tmp_path: Path) -> None:
    """Not a page of make's own words."""
    done = _run("make", "--no-print-directory", "demo", "PYTHON=", f"VENV={tmp_path}/none")
    assert done.returncode != 0
    assert done.stderr.splitlines()[0] == (
        "error: no Python 3.11 or newer was found. Install one, or run: "
        "make PYTHON=/path/to/python3.11"
    )


def test_continuous_integration_is_a_script_that_runs() -> None:
    """From anywhere, strict, and with CI set."""
    script = ROOT / ".ci/run"
    text = script.read_text(encoding="utf-8")
    assert os.access(script, os.X_OK)
    assert text.startswith("#!/usr/bin/env bash\n")
    assert "set -euo pipefail" in text
    assert "export CI=true" in text
    assert _run("bash", "-n", str(script)).returncode == 0


def test_every_dependency_is_pinned() -> None:
    """So that the two commands work a year from now."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [line for lines in project["optional-dependencies"].values() for line in lines]
    wanted = {_name(line) for line in [*project["dependencies"], *extras]}
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+", pin) for pin in pins)
    assert wanted - {_name(pin) for pin in pins} == {"destination-transformer"}


def _name(line: str) -> str:
    return re.split(r"[\[<>=!~; ]", line, maxsplit=1)[0].lower().replace("_", "-")


def test_no_file_names_a_package_registry() -> None:
    """Where packages come from is the machine's business."""
    listed = _run("git", "ls-files", "--cached", "--others", "--exclude-standard").stdout
    named = [
        name
        for name in listed.splitlines()
        if (ROOT / name).is_file()
        and re.search(rb"pypi\.org|pythonhosted\.org|registry\.npmjs|--index-url", _bytes(name))
    ]
    assert set(named) <= {"tests/docs/test_plumbing.py"}


def _bytes(name: str) -> bytes:
    return (ROOT / name).read_bytes()
