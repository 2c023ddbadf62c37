"""The compiled build: what the image runs does what the source does.

The tests themselves run against the source, which is never compiled in place.
"""

import ast
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Final

import pytest

from tests.deploy.tools import ROOT

HOOK: Final = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"][
    "targets"
]["wheel"]["hooks"]["mypyc"]
COMPILED: Final[list[str]] = HOOK["include"]
# What says most about the hot path; and workers killed with it, on a real Kafka.
SLICE: Final = ("tests/unit", "tests/cases", "tests/invariants", "tests/e2e/test_kill.py")


def run(*command: str, where: Path, seconds: float) -> str:
    """Run a command, which must succeed; what it printed."""
    done = subprocess.run(  # noqa: S603 - our own arguments
        command,
        cwd=where,
        env={**os.environ, "CI": ""},
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-6000:]}\n{done.stderr[-2000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with its hot path compiled."""
    directory = tmp_path_factory.mktemp("compiled") / "project"
    run("deploy/compiled.sh", sys.executable, str(directory), where=ROOT, seconds=400)
    return directory


@pytest.mark.parametrize("name", COMPILED)
def test_what_is_compiled_never_awaits(name: str) -> None:
    """A compiled coroutine mixes up exceptions of tasks that run beside it."""
    tree = ast.parse((ROOT / name).read_text())
    waiting = (ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith)
    assert not [node for node in ast.walk(tree) if isinstance(node, waiting)]


@pytest.mark.compiler
@pytest.mark.timeout(500)
def test_all_that_is_to_be_compiled_is_and_the_source_is_not(compiled: Path) -> None:
    """Each module of the list has its library, and only in the copy."""
    modules = {str(path.relative_to(compiled)) for path in compiled.rglob("*.so")}
    named = {name.split(".cpython")[0] + ".py" for name in modules if "/" in name}
    assert named == set(COMPILED)
    assert not [path for name in COMPILED for path in (ROOT / name).parent.glob("*.so")]


@pytest.mark.compiler
@pytest.mark.kafka
@pytest.mark.timeout(900)
def test_the_compiled_build_passes_the_tests_of_the_hot_path(compiled: Path) -> None:
    """Mappings, engine, invariants, and workers that are killed."""
    where = "import transformer.engine.lanes as lanes; print(lanes.__file__)"
    assert run(sys.executable, "-c", where, where=compiled, seconds=60).strip().endswith(".so")
    said = run(
        sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *SLICE,
        where=compiled, seconds=600,
    )  # fmt: skip
    assert " passed" in said
    assert " left out" not in said
