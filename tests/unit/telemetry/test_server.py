"""The worker's endpoint: metrics, health, readiness, and a port that is taken."""

import socket

import aiohttp
import pytest

from transformer.errors import EnvironmentFault
from transformer.observer import Status
from transformer.telemetry import server


async def _get(port: int, path: str) -> tuple[int, str, str]:
    async with aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{port}{path}"
        async with session.get(url) as answer:
            return answer.status, answer.headers["Content-Type"], await answer.text()


async def _ask(path: str, *statuses: Status) -> tuple[int, str, str]:
    async with server.serve(
        host="127.0.0.1",
        port=0,
        metrics=lambda: b"up 1\n",
        content_type="text/plain; version=1.0.0; charset=utf-8",
        statuses=lambda: list(statuses),
    ) as port:
        return await _get(port, path)


async def test_metrics_are_served_with_their_content_type() -> None:
    """As the library writes them."""
    assert await _ask("/metrics") == (200, "text/plain; version=1.0.0; charset=utf-8", "up 1\n")


@pytest.mark.parametrize(
    ("state", "health", "ready"),
    [
        ("starting", 200, 503),
        ("running", 200, 200),
        ("waiting", 200, 200),
        ("paused", 200, 200),
        ("draining", 200, 503),
        ("stopped", 200, 503),
        ("failed", 503, 503),
    ],
)
async def test_health_and_readiness_follow_the_states(state: str, health: int, ready: int) -> None:
    """A connection that waits for its CRM is healthy; one that has failed is not."""
    good = Status("other", "running")
    status = Status("crm", state)  # type: ignore[arg-type]  # the states are the test's inputs
    assert (await _ask("/healthz", good, status))[0] == health
    assert (await _ask("/readyz", good, status))[0] == ready


async def test_health_names_the_connections() -> None:
    """So that one sees which, and what it waits for."""
    waiting = Status(
        "crm",
        "waiting",
        waiting_for="quota_spent",
        in_flight_records=3,
        linger_seconds=2.0,
        quota_used=80,
        quota_allowed=80,
        quota_limit=100,
        quota_seconds_left=0.0,
        quota_per_second=1.23456,
    )
    assert await _ask("/readyz", waiting) == (
        200,
        "application/json",
        (
            '{"status":"ok","connections":[{"connection":"crm","state":"waiting",'
            '"waiting_for":"quota_spent","linger_seconds":2.0,'
            '"quota":{"used":80,"allowed":80,"limit":100,"seconds_left":0.0,"per_second":1.235},'
            '"in_flight_records":3,"oldest_undelivered_seconds":0.0}]}'
        ),
    )


async def test_other_paths_are_not_found() -> None:
    """Nothing else is served."""
    assert (await _ask("/"))[0] == 404


async def test_a_port_that_is_taken_is_an_environment_fault() -> None:
    """With the port and what to do."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        serving = server.serve(
            host="127.0.0.1", port=port, metrics=bytes, content_type="", statuses=list
        )
        with pytest.raises(EnvironmentFault, match=rf"cannot listen on 127\.0\.0\.1:{port}"):
            await serving.__aenter__()
