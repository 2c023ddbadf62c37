"""`transformer emulate` as a process: an address on stdout, how to use it, and its end."""

import json
import signal
import socket
import urllib.request

from tests.cli.process import running
from transformer import cli


def _state(url: str) -> dict[str, object]:
    with urllib.request.urlopen(f"{url}/_emulator/state", timeout=5) as answer:  # noqa: S310 - ours
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
            "machine, got: Address already in use. Choose another --port."
        )
    ]


def test_an_unknown_option_of_the_emulator_is_exit_code_2() -> None:
    """Before it listens."""
    assert cli.run(["emulate", "salesforce", "--option", "allow_anything=true"]) == 2


def test_options_of_the_emulator_are_taken_as_json() -> None:
    """As `build` takes them."""
    with running("emulate", "salesforce", "--option", "daily_limit=7") as emulator:
        url = emulator.wait_for("http://127.0.0.1:")
        assert _state(url)["api_usage"] == {"used": 0, "limit": 7}
