"""`transformer worker`: deliver until told to stop."""

import asyncio
import os
import signal
from pathlib import Path

import click

from transformer import app, worker
from transformer.cli import options
from transformer.clock import SystemClock
from transformer.config import Config, load
from transformer.telemetry import log


@click.command(
    epilog="Example:\n\n  transformer worker --config transformer.yaml",
)
@options.config_file
@options.connection
def command(config_file: Path, connection_name: str | None) -> None:
    """Deliver events from Kafka to the configured CRMs until told to stop.

    The first SIGTERM or SIGINT settles what is in flight and ends; a second one ends at once, and
    what was in flight is delivered again by the next worker.
    """
    config = app.choose(load(config_file, app.kind), connection_name)
    log.configure(style=config.log.format, level=config.log.level)
    asyncio.run(_run(config))


async def _run(config: Config) -> None:
    wired = app.wire(config)
    running = worker.Worker(config, wired, app.broker(config), SystemClock())
    _on_signals(running)

    def ready(port: int) -> None:
        log.Log("worker").info("Worker is ready.", host=config.http.host, port=port)

    await running.run(ready)


def _on_signals(running: worker.Worker) -> None:
    received: list[int] = []

    def stop(number: int) -> None:
        received.append(number)
        if len(received) > 1:
            os._exit(128 + number)
        running.stop()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop, number)
