"""The worker's own HTTP endpoint: metrics, health and readiness. Knows no CRM and no Kafka."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final

import orjson
from aiohttp import web

from transformer.errors import EnvironmentFault
from transformer.observer import Status

Statuses = Callable[[], Sequence[Status]]
Handler = Callable[[web.Request], Awaitable[web.Response]]
_READY: Final = frozenset(("running", "waiting", "paused"))


@asynccontextmanager
async def serve(
    *,
    host: str,
    port: int,
    metrics: Callable[[], bytes],
    content_type: str,
    statuses: Statuses,
) -> AsyncIterator[int]:
    """Serve until the block ends; gives the port. Raises EnvironmentFault if it cannot listen.

    `/healthz` is 503 when a connection has failed, `/readyz` also until all have joined.
    """
    application = web.Application()
    application.add_routes(
        [
            web.get("/metrics", _metrics(metrics, content_type)),
            web.get("/healthz", _health(statuses, _is_healthy)),
            web.get("/readyz", _health(statuses, _is_ready)),
        ]
    )
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as fault:
            raise EnvironmentFault(
                f"http: cannot listen on {host}:{port}, expected a free port of this machine, "
                f"got: {_why(fault)}. Stop what uses it, or set http.port "
                "(0 takes a free one)."
            ) from fault
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


def _why(fault: OSError) -> str:
    """The system's own short words; the library's repeat the address."""
    return os.strerror(fault.errno) if fault.errno and fault.errno > 0 else str(fault)


def _metrics(metrics: Callable[[], bytes], content_type: str) -> Handler:
    async def handle(_request: web.Request) -> web.Response:
        return web.Response(body=metrics(), headers={"Content-Type": content_type})

    return handle


def _health(statuses: Statuses, judge: Callable[[Status], bool]) -> Handler:
    async def handle(_request: web.Request) -> web.Response:
        now = statuses()
        good = all(judge(status) for status in now)
        return web.Response(
            status=200 if good else 503,
            body=orjson.dumps(
                {"status": "ok" if good else "unavailable", "connections": [_shown(s) for s in now]}
            ),
            content_type="application/json",
        )

    return handle


def _is_healthy(status: Status) -> bool:
    return status.state != "failed"


def _is_ready(status: Status) -> bool:
    return status.state in _READY


def _shown(status: Status) -> dict[str, object]:
    return {
        "connection": status.connection,
        "state": status.state,
        "waiting_for": status.waiting_for,
        "linger_seconds": round(status.linger_seconds, 3),
        "quota": {
            "used": status.quota_used,
            "allowed": status.quota_allowed,
            "limit": status.quota_limit,
            "seconds_left": status.quota_seconds_left,
            "per_second": round(status.quota_per_second, 3),
        },
        "in_flight_records": status.in_flight_records,
        "oldest_undelivered_seconds": round(status.oldest_undelivered_seconds, 3),
    }
