"""`transformer emulate` as a process: an address on stdout, how to use it, and its end."""

import json
import signal
import socket
import urllib.request

import pytest

from tests.cli.process import running
from transformer import cli


def _state(url: str) -> dict[str, object]:
    with urllib.request.urlopen(f"{url}/_emulator/state", timeout=60) as answer:  # noqa: S310 - ours
        state: dict[str, object] = json.load(answer)
    return state


def test_it_prints_its_address_and_how_to_use_it_and_stops_cleanly() -> None:
    """On SIGTERM, with exit code 0."""
    with running("emulate", "salesforce") as emulator:
        url = emulator.wait_for("http://127.0.0.1:")
        emulator.wait_for(f"login_url: {url}")
        emulator.wait_for("client_secret: ")
        assert _state(url)["api_calls"] == 0
        assert emulator.send(signal.SIGTERM).exit_code() == 0


def test_a_port_that_is_taken_is_exit_code_3() -> None:
    """With the port and what to do."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with running("emulate", "salesforce", "--port", str(port)) as emulator:
            assert emulator.exit_code() == 3
    assert emulator.seen == [
        (
            f"error: emulate: cannot listen on 127.0.0.1:{port}, expected a free port of this "
            "machine, got: Address already in use. Choose another --host or --port."
        )
    ]


def test_a_host_that_is_not_there_is_exit_code_3() -> None:
    """In the system's words for it."""
    with running("emulate", "salesforce", "--host", "no.such.host.invalid") as emulator:
        assert emulator.exit_code() == 3
    (line,) = emulator.seen
    assert line.startswith("error: emulate: cannot listen on no.such.host.invalid:0")
    assert "Unknown error" not in line


@pytest.mark.parametrize(
    ("option", "says"),
    [
        ("allow_anything=true", 'unknown option "allow_anything". '),
        ("allow_any_custom_field", "wrong form, expected NAME=VALUE"),
        ("=1", 'wrong form, expected NAME=VALUE, got "=1"'),
        ("custom_fields=7", "cannot be used (custom_fields): "),
    ],
)
def test_a_wrong_option_of_the_emulator_is_exit_code_2(
    option: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before it listens, and with what is wrong in the words of the command line."""
    assert cli.run(["emulate", "salesforce", "--option", option]) == 2
    shown = capsys.readouterr().err
    assert shown.startswith(f"error: --option: {says}")
    assert "__init__()" not in shown


def test_options_of_the_emulator_are_taken_as_json() -> None:
    """As `build` takes them."""
    with running("emulate", "salesforce", "--option", "daily_limit=7") as emulator:
        url = emulator.wait_for("http://127.0.0.1:")
        assert _state(url)["api_usage"] == {"used": 0, "limit": 7}
