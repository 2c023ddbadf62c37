"""A worker: one process that runs the pipelines of a configuration until it is told to stop."""

import asyncio
import gc
import random
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from typing import Final

from transformer import __version__, app, metrics, server
from transformer.app import Wired
from transformer.broker import Broker
from transformer.clock import Clock
from transformer.config import Config
from transformer.destination import Destination
from transformer.http import Exchange, Observed
from transformer.log import Log
from transformer.metrics import ConnectionMetrics, Metrics
from transformer.observer import Status
from transformer.pipeline import Pipeline

_WATCH_SECONDS: Final = 0.2
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
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Drain and end `run`: what is in flight is settled first (invariant 8)."""
        _log.info("Stopping: settling what is in flight.")
        self._stopping.set()
        for pipeline in self._pipelines:
            pipeline.stop()

    def statuses(self) -> list[Status]:
        """Every connection as it is now, the paused ones too."""
        paused = [
            Status(one.connection.name, "paused") for one in self._wired if one.connection.paused
        ]
        return [*(pipeline.status() for pipeline in self._pipelines), *paused]

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
                    metrics=self._metrics.exposition,
                    content_type=metrics.CONTENT_TYPE,
                    statuses=self.statuses,
                )
            )
            _calm_collector()
            watching = asyncio.create_task(self._watch(lambda: ready(port)))
            stack.callback(watching.cancel)
            await self._supervise()

    async def _create_topics(self) -> None:
        connections = tuple(one.connection for one in self._wired)
        specs = app.topic_specs(self._kafka, connections)
        for name in await self._broker.ensure_topics(specs):
            _log.info("Topic created.", topic=name)

    def _build(self) -> None:
        for wired in self._wired:
            if wired.connection.paused:
                _log.info("Connection is paused.", connection=wired.connection.name)
                continue
            observer = self._metrics.connection(wired.connection.name, wired.objects)
            destination = wired.destination(self._clock)
            _observe_requests(destination, observer)
            pipeline = self._pipeline(wired, destination, observer)
            self._pipelines.append(pipeline)
            self._metrics.watch(
                pipeline.status,
                destination=wired.kind.name,
                mapping_version=wired.mapping.version,
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
                self.stop()
        finally:
            # Every pipeline ends, with its own drain, before the first failure is raised.
            ended = await asyncio.gather(*tasks, return_exceptions=True)
        failures = [fault for fault in ended if isinstance(fault, BaseException)]
        if failures:
            raise failures[0]

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
    gc.set_threshold(50_000, 20, 100)


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
