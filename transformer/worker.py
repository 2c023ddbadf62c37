"""A worker: one process that runs the pipelines of a configuration until it is told to stop."""

import asyncio
import gc
import random
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from typing import Final

from transformer import __version__, app
from transformer.app import Wired
from transformer.broker import Broker
from transformer.clock import Clock, woken
from transformer.config import Config
from transformer.destination import Destination
from transformer.engine.paused import Paused
from transformer.engine.pipeline import Pipeline
from transformer.errors import EnvironmentFault
from transformer.http import Exchange, Observed
from transformer.observer import Status
from transformer.telemetry import metrics, server
from transformer.telemetry.log import Log
from transformer.telemetry.metrics import ConnectionMetrics, Metrics

_WATCH_SECONDS: Final = 0.2
_LAST_SCRAPE_SECONDS: Final = 30.0
_JOINED: Final = frozenset(("running", "waiting"))
_log: Final = Log("worker")


class Worker:
    """The pipelines of one configuration, with their metrics endpoint.

    Raises EnvironmentFault when the broker or the port is not there at start, ProduceFailed when a
    result could not be produced (invariant 3): then the other pipelines are drained first.
    """

    def __init__(
        self, config: Config, wired: Sequence[Wired], broker: Broker, clock: Clock
    ) -> None:
        self._config = config
        self._kafka = app.kafka_of(config)
        self._wired = wired
        self._broker = broker
        self._clock = clock
        self._metrics = Metrics(__version__)
        self._pipelines: list[Pipeline] = []
        self._paused: list[Paused] = []
        self._stopping = asyncio.Event()
        self._seen = asyncio.Event()

    def stop(self) -> None:
        """Drain and end `run`: what is in flight is settled first (invariant 8)."""
        self._stopping.set()
        self._seen.set()
        self._drain()

    def statuses(self) -> list[Status]:
        """Every connection as it is now, the paused ones too."""
        return [*(one.status() for one in self._pipelines), *(one.status() for one in self._paused)]

    async def run(self, ready: Callable[[int], None]) -> None:
        """Run until stopped and drained; `ready` is called once with the port of the endpoint."""
        async with AsyncExitStack() as stack:
            await self._broker.open()
            stack.push_async_callback(self._broker.close)
            if self._kafka.create_topics:
                await self._create_topics()
            self._build()
            port = await stack.enter_async_context(
                server.serve(
                    host=self._config.http.host,
                    port=self._config.http.port,
                    metrics=self._exposition,
                    content_type=metrics.CONTENT_TYPE,
                    statuses=self.statuses,
                )
            )
            _calm_collector()
            for background in (self._watch(lambda: ready(port)), *(p.run() for p in self._paused)):
                stack.callback(asyncio.create_task(background).cancel)
            await self._supervise()

    async def _create_topics(self) -> None:
        connections = tuple(one.connection for one in self._wired)
        specs = app.topic_specs(self._kafka, connections)
        for name in await self._broker.ensure_topics(specs):
            _log.info("Topic created.", topic=name)

    def _build(self) -> None:
        for wired in self._wired:
            # Paused or not, a connection has all its series: alerts tell 0 from nothing.
            observer = self._metrics.connection(wired.connection.name, wired.objects)
            made: Pipeline | Paused
            if wired.connection.paused:
                _log.info("Connection is paused.", connection=wired.connection.name)
                made = self._pause(wired)
                self._paused.append(made)
            else:
                destination = wired.destination(self._clock)
                _observe_requests(destination, observer)
                made = self._pipeline(wired, destination, observer)
                self._pipelines.append(made)
            self._metrics.watch(
                made.status,
                destination=wired.kind.name,
                mapping_version=wired.mapping.version,
                credential_expires=wired.connection.credential_expires,
            )

    def _pause(self, wired: Wired) -> Paused:
        connection = wired.connection
        return Paused(
            connection=connection.name,
            broker=self._broker,
            group=self._config.group(connection),
            topics=connection.topics,
            clock=self._clock,
        )

    def _pipeline(
        self, wired: Wired, destination: Destination, observer: ConnectionMetrics
    ) -> Pipeline:
        connection = wired.connection
        return Pipeline(
            connection=connection.name,
            broker=self._broker,
            group=self._config.group(connection),
            topics=connection.topics,
            metrics_topic=self._kafka.metrics_topic,
            dead_letter_topic=self._kafka.dead_letter_topic,
            mapping=wired.mapping,
            destination=destination,
            policy=connection.delivery,
            clock=self._clock,
            observer=observer,
            rng=random.Random(),  # noqa: S311  # jitter, not a secret
        )

    async def _supervise(self) -> None:
        if self._stopping.is_set():
            return
        tasks = [asyncio.create_task(pipeline.run()) for pipeline in self._pipelines]
        if not tasks:
            await self._stopping.wait()
            return
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
            if not all(task.done() for task in tasks):
                self._drain()
        finally:
            # Every pipeline ends, with its own drain, before the first failure is raised.
            ended = await asyncio.gather(*tasks, return_exceptions=True)
        failures = [fault for fault in ended if isinstance(fault, BaseException)]
        if failures:
            if not isinstance(failures[0], EnvironmentFault):
                await self._last_scrape()
            raise failures[0]

    async def _last_scrape(self) -> None:
        """Stay until somebody has seen how it ended: what is counted ends with this process.

        The partitions are given back by now, so nothing waits for us.
        """
        if not self._stopping.is_set():
            self._seen.clear()
            await woken(self._seen, _LAST_SCRAPE_SECONDS)

    def _exposition(self) -> bytes:
        self._seen.set()
        return self._metrics.exposition()

    def _drain(self) -> None:
        _log.info("Stopping: settling what is in flight.")
        for pipeline in self._pipelines:
            pipeline.stop()

    async def _watch(self, ready: Callable[[], None]) -> None:
        """Log changes of state; call `ready` when all connections have joined their groups."""
        seen: dict[str, tuple[str, str]] = {}
        is_ready = False
        while True:
            statuses = self.statuses()
            for status in statuses:
                now = (status.state, status.waiting_for)
                if seen.get(status.connection) != now:
                    _say(status)
                seen[status.connection] = now
            if not is_ready and all(s.state in {*_JOINED, "paused"} for s in statuses):
                is_ready = True
                ready()
            await self._clock.sleep(_WATCH_SECONDS)


def _calm_collector() -> None:
    """Look for cyclic garbage rarely: events make none, and looking cost a fifth of each.

    What was loaded at start is left out of it for good.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(200_000, 20, 100)


def _observe_requests(destination: Destination, observer: ConnectionMetrics) -> None:
    def count(exchange: Exchange) -> None:
        observer.request(exchange.status, exchange.seconds)

    if isinstance(destination, Observed):
        destination.observe_requests(count)


def _say(status: Status) -> None:
    name = status.connection
    if status.state == "failed":
        _log.error("Connection has failed.", connection=name)
    elif status.waiting_for:
        _log.warning(
            "Connection is waiting, nothing is lost.", connection=name, reason=status.waiting_for
        )
    else:
        _log.info("Connection changed state.", connection=name, state=status.state)
