"""The command line as a whole: help, exit codes, and no traceback ever."""

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from transformer import app, cli
from transformer.cli import terminal
from transformer.errors import (
    ConfigurationError,
    EnvironmentFault,
    ProduceFailed,
    TransformerError,
)

MINIMAL = Path("destinations/salesforce/examples/minimal.yaml")


@pytest.fixture(autouse=True)
def _at_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parent.parent.parent)


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    """In the order in which one meets them."""
    assert cli.run(["--help"]) == 0
    shown = capsys.readouterr().out
    listed = shown.split("Commands:\n")[1].split("\n\n")[0].splitlines()
    assert [line.split()[0] for line in listed] == [*cli.COMMANDS]


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_has_help_with_an_example(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """And the group's one line is how that help begins."""
    assert cli.run([name, "--help"]) == 0
    shown = capsys.readouterr().out
    assert "Example" in shown
    assert f"transformer {name}" in shown.split("Example")[1]


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_option_says_what_it_does(name: str) -> None:
    """No option without help, save those whose choices say it."""
    command = cli.cli.get_command(click.Context(cli.cli), name)
    assert command is not None
    for option in command.params:
        if isinstance(option, click.Option):
            assert option.help or isinstance(option.type, click.Choice), option.name


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["wrker"], 'Did you mean "worker"?'),
        (["map"], "Missing option '--config'"),
        (["map", "--confg", "x"], "No such option"),
        (["emulate", "salesfroce"], 'Did you mean "salesforce"?'),
        (["destinations", "hubspit"], 'unknown destination "hubspit"'),
        (["check", "--config", "none.yaml"], "none.yaml:1: $: cannot read the configuration"),
        (["worker", "--config", "none.yaml"], "No such file or directory"),
        (["map", "--config", str(MINIMAL), "none.jsonl"], "none.jsonl: cannot read events"),
        (["map", "--config", str(MINIMAL), "--connection", "slesforce"], 'mean "salesforce"?'),
    ],
)
def test_a_mistake_is_one_clear_message_and_exit_code_2(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is wrong and what to do, on stderr; stdout stays empty."""
    assert cli.run(arguments) == 2
    shown = capsys.readouterr()
    assert says in shown.err
    assert "Traceback" not in shown.err
    assert shown.out == ""


@pytest.mark.parametrize(
    ("fault", "code", "says"),
    [
        (ConfigurationError(["a", "b"]), 2, "error: a\nerror: b\n"),
        (EnvironmentFault("no broker"), 3, "error: no broker\n"),
        (ProduceFailed("not acknowledged"), 1, "error: not acknowledged\n"),
        (TransformerError("else"), 1, "error: else\n"),
        (KeyboardInterrupt(), 130, "\n"),
    ],
)
def test_every_kind_of_failure_has_its_exit_code(
    fault: BaseException,
    code: int,
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The kinds of `errors.py`, by what the caller does next."""

    def fail() -> None:
        raise fault

    monkeypatch.setattr(app, "kinds", fail)
    assert cli.run(["destinations"]) == code
    assert capsys.readouterr().err == says


def test_a_defect_of_the_program_shows_no_traceback_and_no_data(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The type and the place, not the text."""

    def fail() -> None:
        raise ValueError("jane@example.com")

    monkeypatch.setattr(app, "kinds", fail)
    assert cli.run(["destinations"]) == 1
    shown = capsys.readouterr().err
    assert "ValueError at" in shown
    assert "test_commands.py" in shown
    assert "jane@example.com" not in shown
    assert "Traceback" not in shown


@pytest.mark.parametrize("arguments", [["destinations"], ["map", "--config", str(MINIMAL), "-"]])
def test_a_full_disk_is_no_defect_of_the_program(arguments: list[str]) -> None:
    """What is wrong, and exit code 1."""
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(  # noqa: S603 - our own command
            [sys.executable, "-m", "transformer", *arguments],
            stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE, check=False, timeout=180,
        )  # fmt: skip
    assert done.returncode == 1
    said = b"error: output: expected room to write to, got: No space left on device. Make room.\n"
    assert done.stderr == said


def test_a_terminal_that_knows_ascii_only_sees_everything_else_escaped() -> None:
    """No name breaks the output."""
    event = '{"type": "identify", "integrations": {"Salesforce": true}, "traits": {"email": "a@b.co", "lastName": "Šimić"}}'  # noqa: E501 - one line of input
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "transformer", "map", "--config", str(MINIMAL), "-"],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        input=event.encode(), capture_output=True, check=False, timeout=180,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"LastName = \\u0160imi\\u0107" in done.stdout


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Zoë 王", "Zoë 王"),
        ("a\r\nb\x1b[31m\x9b", "a\\x0d\\x0ab\\x1b[31m\\x9b"),
        ("moc.elpmaxe\u202e@a\u2066\u2028", "moc.elpmaxe\\u202e@a\\u2066\\u2028"),
    ],
)
def test_the_text_of_records_cannot_steer_a_terminal(text: str, shown: str) -> None:
    """Nor turn its direction, so that one address looks like another."""
    assert terminal.safe(text) == shown


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_the_script_of_a_shell(
    shell: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """To be read by the shell's start file."""
    assert cli.run(["completion", shell]) == 0
    assert "_TRANSFORMER_COMPLETE" in capsys.readouterr().out


def test_destinations_lists_settings_and_hides_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As a table and as JSON lines."""
    assert cli.run(["destinations", "salesforce"]) == 0
    shown = capsys.readouterr().out
    for setting in app.kind("salesforce").settings:
        assert setting.name in shown
    assert cli.run(["destinations", "--json"]) == 0
    assert capsys.readouterr().out.startswith('{"kind":"salesforce","title":"Salesforce"')
