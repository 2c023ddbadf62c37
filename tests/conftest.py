"""What all tests share: a real Apache Kafka, and the rule for tests that this machine cannot run.

They are left out with one line that says why; with CI=true that is a failure of the session.
"""

import gc
import os
import shutil
import warnings
from collections.abc import Generator, Iterator, Sequence

import pytest

from tests.deploy.tools import TOOLS, tool
from tests.kafka_server import KafkaServer, missing_tools

_LEFT_OUT = pytest.StashKey[list[str]]()
_REMOTE = "KAFKA_BOOTSTRAP_SERVERS"
_BROKEN_OFF = r"unclosed (transport|<socket|<StreamWriter)|loop is closed"


@pytest.fixture(scope="session")
def kafka_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaServer]:
    """A Kafka of our own, started once; a test that stops it starts it again."""
    server = KafkaServer(tmp_path_factory.mktemp("kafka"))
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(server.directory, ignore_errors=True)


@pytest.fixture(scope="session")
def kafka_bootstrap_servers(request: pytest.FixtureRequest) -> list[str]:
    """The cluster that KAFKA_BOOTSTRAP_SERVERS names, or our own."""
    if named := os.environ.get(_REMOTE):
        return named.split(",")
    server: KafkaServer = request.getfixturevalue("kafka_server")
    return server.bootstrap_servers


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None]:
    """Clear away what a test on Apache Kafka leaves, before the next one would be blamed for it.

    A connection that a killed broker breaks off while the client opens it belongs to nobody.
    """
    try:
        yield
    finally:
        if item.get_closest_marker("kafka"):
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", _BROKEN_OFF, ResourceWarning)
                gc.collect()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what cannot run here."""
    reasons = {item: reason for item in items if (reason := _cannot_run(item))}
    config.stash[_LEFT_OUT] = list(reasons.values())
    if reasons:
        config.hook.pytest_deselected(items=list(reasons))
        items[:] = [item for item in items if item not in reasons]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """With CI=true, what was left out is a failure."""
    if session.config.stash.get(_LEFT_OUT, []) and os.environ.get("CI") == "true":
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say in one line what was left out and why, and what follows from it."""
    reasons = config.stash.get(_LEFT_OUT, [])
    if reasons:
        counted = "; ".join(
            f"{(n := reasons.count(why))} test{'s' * (n > 1)}: {why}"
            for why in sorted(set(reasons))
        )
        failing = os.environ.get("CI") == "true"
        told = ". With CI=true that fails the session" if failing else ""
        terminalreporter.write_line(f"left out: {counted}{told}", yellow=not failing, red=failing)


def _cannot_run(item: pytest.Item) -> str | None:
    """Why this machine cannot run a test, or None when it can."""
    if item.get_closest_marker("node") and shutil.which("node") is None:
        return "Node.js is not here"
    if item.get_closest_marker("compiler") and shutil.which("cc") is None:
        return "a C compiler (cc) is not here"
    for marker, needed in TOOLS.items():
        if item.get_closest_marker(marker) and (missing := [t for t in needed if not tool(t)]):
            return f"{_not_here(missing)} (deploy/tools.sh installs what is missing)"
    if item.get_closest_marker("kafka") is None or not missing_tools():
        return None
    own_server = "kafka_server" in getattr(item, "fixturenames", ())
    if own_server or not os.environ.get(_REMOTE):
        return f"{_not_here(missing_tools())} to start Apache Kafka"
    return None


def _not_here(tools: Sequence[str]) -> str:
    return f"{' and '.join(tools)} {'is' if len(tools) == 1 else 'are'} not here"
