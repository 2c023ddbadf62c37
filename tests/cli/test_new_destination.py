"""`transformer new-destination`, and the walk through it in destinations/README.md."""

import ast
import errno
import keyword
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from transformer import cli, scaffold
from transformer.errors import ConfigurationError

ROOT: Final = Path(__file__).parent.parent.parent
README: Final = (ROOT / "destinations/README.md").read_text(encoding="utf-8")
COPIED: Final = ("transformer", "destinations", "tests", "schemas", "deploy", "pyproject.toml",
                 "CHANGELOG.md")  # fmt: skip
LEFT_OUT: Final = shutil.ignore_patterns("__pycache__", "node_modules")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the project, to write into."""
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tmp_path / name, ignore=LEFT_OUT)
        else:
            shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def _run(checkout: Path, command: str) -> "subprocess.CompletedProcess[str]":
    """One line of the README, with the copy's own code."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(checkout),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    return subprocess.run(  # noqa: S603 - the project's own commands
        ["bash", "-c", command],  # noqa: S607 - whichever bash there is
        cwd=checkout,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


@pytest.mark.timeout(1_800)
def test_the_walk_through_works_as_it_is_written(checkout: Path) -> None:
    """The new destination passes the contract suite at once, and its page is made."""
    (block,) = re.findall(r"```console\n(.*?)```", README, re.DOTALL)
    commands = [line.removeprefix("$ ") for line in block.splitlines()]
    assert commands[0].startswith("transformer new-destination ")
    for command in commands:
        # The target of make needs the whole checkout; this is what it runs.
        done = _run(checkout, re.sub(r"^make docs$", "python -m transformer.pages", command))
        assert (command, done.returncode) == (command, 0), done.stdout + done.stderr
        if command.startswith("pytest"):
            assert re.search(r"^\d+ passed", done.stdout.splitlines()[-1])
            assert "skipped" not in done.stdout
    assert "Acme" in (checkout / "destinations/acme/COVERAGE.md").read_text(encoding="utf-8")
    done = _run(checkout, "transformer destinations acme")
    assert "api_token" in done.stdout
    assert "emplate" not in "".join(
        file.read_text(encoding="utf-8") for file in (checkout / "destinations/acme").rglob("*.py")
    )
    fixed = _run(checkout, "cd destinations/acme && ruff check -q --fix . && ruff format -q .")
    assert (fixed.returncode, fixed.stdout) == (0, "")


def test_without_register_it_says_which_lines_to_add(checkout: Path) -> None:
    """And touches nothing but the new folder."""
    before = (checkout / "destinations/__init__.py").read_bytes()
    done = _run(checkout, "transformer new-destination zeta_crm")
    assert done.returncode == 0
    written = done.stdout.splitlines()
    assert "destinations/zeta_crm/emulator/subject.py" in written
    assert all(line.startswith("destinations/zeta_crm/") for line in written)
    assert '"zeta_crm": "destinations.zeta_crm.destination:KIND",' in done.stderr
    assert "- The destination `zeta_crm`" in done.stderr
    assert (checkout / "destinations/__init__.py").read_bytes() == before
    assert "class ZetaCrmDestination" in (
        checkout / "destinations/zeta_crm/destination.py"
    ).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Acme", 'expected a lower-case word such as acme_crm, got "Acme"'),
        ("../x", 'expected a lower-case word such as acme_crm, got "../x"'),
        ("import", 'expected the name of a Python package, got "import"'),
        ("class", "a word of Python's own. Choose another, such as class_crm."),
        ("2crm", 'expected a lower-case word such as acme_crm, got "2crm"'),
        ("hubspot", "destinations/hubspot is there already"),
    ],
)
def test_a_name_that_cannot_be_is_refused(name: str, words: str) -> None:
    """Before anything is written."""
    with pytest.raises(ConfigurationError, match=re.escape(words)):
        scaffold.planned(ROOT, name)


@pytest.mark.parametrize("name", [*keyword.kwlist, *keyword.softkwlist])
def test_a_name_that_is_accepted_can_be_imported(name: str) -> None:
    """Every word of Python is refused, but those that are names all the same."""
    try:
        scaffold.planned(ROOT, name)
    except ConfigurationError:
        return
    ast.parse(f"from destinations.{name}.destination import KIND")


def test_elsewhere_it_says_where_to_run_it(tmp_path: Path) -> None:
    """There is no template there."""
    with pytest.raises(ConfigurationError, match="Run it in a checkout of the project"):
        scaffold.planned(tmp_path, "acme")


def test_a_folder_that_cannot_be_written_is_exit_code_3(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Named, with what to do; no defect of the program."""

    def refuse(path: Path, *_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.chdir(checkout)
    monkeypatch.setattr(Path, "mkdir", refuse)
    assert cli.run(["new-destination", "omega"]) == 3
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: new-destination: ")
    assert "destinations/omega: cannot be written, got: Permission denied." in line
