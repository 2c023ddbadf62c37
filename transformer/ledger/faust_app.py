"""The Faust app of the running ledger as configured, and its web server with our pages."""

# mypy: allow-untyped-calls
# (Faust has few annotations)

import logging
import socket
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import faust
from faust.web.drivers.aiohttp import Web

from transformer.config import Http, Kafka
from transformer.errors import EnvironmentFault
from transformer.kafka.options import tls_context
from transformer.ledger.exposition import CONTENT_TYPE
from transformer.security import Security

_log: Final = logging.getLogger("faust")  # its own words are not ours


@dataclass(frozen=True, slots=True)
class Contents:
    """What the pages show, asked for at every request."""

    metrics: Callable[[], bytes]
    view: Callable[[], bytes]
    is_ready: Callable[[], bool]


class _Pages(Web):
    """Faust's web server with our three pages and none of its own."""

    default_blueprints = ()
    production_blueprints = ()
    debug_blueprints = ()
    optional_blueprints = ()
    logger = _log
    port = 0

    def __init__(self, app: Any, contents: Contents) -> None:
        super().__init__(app)
        router = self.web_app.router
        router.add_get(
            "/metrics",
            self._page(contents.metrics, CONTENT_TYPE),
        )
        router.add_get("/ledger", self._page(contents.view, "application/json"))
        router.add_get("/healthz", self._page(lambda: b'{"status":"ok"}', "application/json"))
        router.add_get("/readyz", self._ready(contents.is_ready))

    async def start_server(self) -> None:
        """Listen, and note the port."""
        conf = self.app.conf
        try:
            await super().start_server()
        except OSError as fault:
            raise EnvironmentFault(
                f"http: cannot listen on {conf.web_bind}:{conf.web_port}, expected a free port of "
                f"this machine, got: {fault.strerror}. Stop what uses it, or set --port."
            ) from fault
        self.port = conf.web_port

    def _page(self, content: Callable[[], bytes], kind: str) -> Callable[[Any], Any]:
        async def handle(_request: Any) -> Any:
            return self.bytes(content(), headers={"Content-Type": kind})

        return handle

    def _ready(self, is_ready: Callable[[], bool]) -> Callable[[Any], Any]:
        async def handle(_request: Any) -> Any:
            good = is_ready()
            text = b'{"status":"ok"}' if good else b'{"status":"unavailable"}'
            return self.bytes(text, content_type="application/json", status=200 if good else 503)

        return handle


class LedgerApp(faust.App):
    """A Faust app whose web server is ours."""

    contents: Contents
    logger = _log

    def _new_web(self) -> Web:
        return _Pages(self, self.contents)


def build(kafka: Kafka, http: Http, group: str, partitions: int, contents: Contents) -> LedgerApp:
    """The app of one ledger process; it declares no topics and has no leader."""
    app = LedgerApp(
        group,
        broker=[f"kafka://{server}" for server in kafka.bootstrap_servers],
        broker_credentials=_credentials(kafka.security),
        broker_client_id=f"{kafka.client_id}-ledger",
        broker_session_timeout=kafka.session_timeout_seconds,
        broker_heartbeat_interval=min(3.0, kafka.session_timeout_seconds / 4),
        store="memory://",
        # Faust makes its folder whether or not a table needs one; the current one may be read-only.
        datadir=Path(tempfile.gettempdir()) / f"{group}-data",
        autodiscover=False,
        consumer_auto_offset_reset="earliest",
        producer_acks=-1,
        producer_max_request_size=max(16_777_216, kafka.max_record_bytes),
        table_standby_replicas=0,
        topic_partitions=partitions,
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_bind=http.host,
        web_host=http.host,
        web_port=http.port or _free_port(http.host),
        web_in_thread=False,
    )
    app.contents = contents
    return app


def _free_port(host: str) -> int:
    """A port that nobody listens on: Faust does not take 0 for one."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def _credentials(security: Security) -> Any:
    tls = tls_context(security)
    if security.authenticated:
        return faust.SASLCredentials(
            username=security.username,
            password=security.password,
            mechanism=security.mechanism,
            ssl_context=tls,
        )
    return tls
