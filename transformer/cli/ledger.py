"""`transformer ledger`: is every record that was read accounted for?"""

import asyncio
import os
import signal
from collections.abc import Callable, Iterable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final

import click

from transformer import app
from transformer.cli import options, terminal
from transformer.clock import SystemClock
from transformer.config import Config, load_for_kafka
from transformer.ledger.judge import Proof, Scope, Verdict
from transformer.ledger.proof import Topics, prove
from transformer.telemetry import log

_GRACE_SECONDS: Final = 900.0
_COLUMNS: Final = (
    "connection",
    "partition",
    "offsets",
    "delivered",
    "skipped",
    "rejected",
    "in flight",
    "missing",
    "repeated",
    "behind",
)


@click.command(
    epilog="Examples:\n\n  transformer ledger --config transformer.yaml\n\n"
    "  transformer ledger --config transformer.yaml --once --from 2026-11-22T00:00:00Z",
)
@options.config_file
@click.option("--once", is_flag=True, help="Read what is there, judge it, and end.")
@click.option(
    "--from", "begin", type=options.Moment(), metavar="TIME", help="Judge results from then on."
)
@click.option(
    "--to", "end", type=options.Moment(), metavar="TIME", help="Judge results up to then."
)
@options.connection
@click.option(
    "--grace",
    "grace_seconds",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="How long a committed offset may lack its result: 900, or with --once 0.",
)
@click.option("--port", type=click.IntRange(0, 65_535), help="In place of http.port.")
@options.as_json
def command(  # a click command has one parameter per option
    config_file: Path,
    *,
    once: bool,
    begin: float | None,
    end: float | None,
    connection_name: str | None,
    grace_seconds: float | None,
    port: int | None,
    as_json: bool,
) -> int:
    """Keep accounts of every offset, from the metrics topic: nothing may be missing.

    Runs until told to stop, on as many machines as there are partitions, and serves /metrics and
    /ledger. With --once it reads the topics, compares them with each other, with the source and
    with what the consumer groups have committed, and exits with 1 when a committed offset has no
    result or a rejected one no dead letter. Above the commit they are in flight.
    """
    config = load_for_kafka(config_file, app.kind)
    app.choose(config, connection_name)
    if not once:
        _refuse({"--from": begin, "--to": end, "--connection": connection_name, "--json": as_json})
        log.configure(style=config.log.format, level=config.log.level)
        http = config.http if port is None else replace(config.http, port=port)
        grace = _GRACE_SECONDS if grace_seconds is None else grace_seconds
        asyncio.run(_keep(replace(config, http=http), grace))
        return 0
    scope = Scope(
        begin=float("-inf") if begin is None else begin,
        end=float("inf") if end is None else end,
        connection=connection_name,
        grace_seconds=grace_seconds or 0.0,
        now=SystemClock().wall() if grace_seconds else float("inf"),
    )
    proof = asyncio.run(_prove(config, scope))
    _show_json(proof) if as_json else _show(proof)
    return 0 if proof.is_conserved else 1


def _refuse(given: dict[str, object]) -> None:
    names = [name for name, value in given.items() if value not in (None, False)]
    if names:
        raise click.UsageError(f"{', '.join(names)}: has no effect without --once. Add --once.")


async def _keep(config: Config, grace_seconds: float) -> None:
    # Imported here: Faust takes a second to load, and --once does without.
    from transformer.ledger.stream import LedgerStream  # noqa: PLC0415

    kafka = app.kafka_of(config)
    broker = app.broker(config)
    running = LedgerStream(
        kafka,
        config.http,
        broker,
        SystemClock(),
        grace_seconds=grace_seconds,
    )
    _on_signals(running.stop)

    def ready(port: int) -> None:
        log.Log("ledger").info("Ledger is ready.", host=config.http.host, port=port)

    await running.run(ready)


def _on_signals(stop: Callable[[], None]) -> None:
    """The first signal stops, a second one ends at once: nothing unacknowledged was committed."""
    received: list[int] = []

    def told(number: int) -> None:
        received.append(number)
        if len(received) > 1:
            os._exit(128 + number)
        stop()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told, number)


async def _prove(config: Config, scope: Scope) -> Proof:
    kafka = app.kafka_of(config)
    broker = app.broker(config)
    await broker.open()
    try:
        topics = Topics(kafka.metrics_topic, kafka.dead_letter_topic, kafka.group_prefix)
        return await prove(broker, topics, scope)
    finally:
        await broker.close()


def _show_json(proof: Proof) -> None:
    for verdict in proof.verdicts:
        shown = asdict(verdict) | {
            "connection": verdict.holder.connection,
            "topic": verdict.holder.partition.topic,
            "partition": verdict.holder.partition.number,
            "conserved": verdict.is_conserved,
        }
        del shown["holder"]
        terminal.json_line(shown)


def _show(proof: Proof) -> None:
    rows = [_row(verdict) for verdict in proof.verdicts]
    terminal.console().print(terminal.table("", _COLUMNS, rows, right=_COLUMNS[3:]))
    for verdict in proof.verdicts:
        for line in _remarks(verdict):
            terminal.note(f"{verdict.holder.connection} {verdict.holder.partition}: {line}")
    if proof.unreadable:
        terminal.note(f"{proof.unreadable} records of the metrics topic are no results.")
    terminal.note(_conclusion(proof))


def _row(verdict: Verdict) -> tuple[object, ...]:
    return (
        verdict.holder.connection,
        verdict.holder.partition,
        f"{verdict.first_offset} to {verdict.last_offset}",
        verdict.count("delivered"),
        verdict.count("skipped"),
        verdict.count("rejected"),
        verdict.in_flight,
        verdict.missing,
        verdict.repeated,
        "?" if verdict.behind is None else verdict.behind,
    )


def _remarks(verdict: Verdict) -> Iterable[str]:
    if verdict.missing:
        ranges = ", ".join(f"{a}" if a == b else f"{a} to {b}" for a, b in verdict.missing_ranges)
        yield f"{verdict.missing} offsets have no result: {ranges}"
    if verdict.no_dead_letter:
        offsets = ", ".join(map(str, verdict.no_dead_letter_offsets))
        yield f"{verdict.no_dead_letter} rejected events have no dead letter: {offsets}"
    if verdict.in_flight and verdict.committed is None:
        yield "its consumer group has committed nothing, so what has no result is in flight"
    if verdict.contradicted:
        yield f"{verdict.contradicted} offsets have results that differ; the last one counts"
    if verdict.no_record:
        yield f"{verdict.no_record} offsets hold no record in the source topic"
    if verdict.behind is None:
        yield "the source topic could not be read; offsets are taken as adjoining"


def _conclusion(proof: Proof) -> str:
    if not proof.verdicts:
        return "There is nothing to judge: no result in this range."
    if proof.is_conserved:
        return "Conserved: every offset has its result, every rejected event its dead letter."
    return "Not conserved. See deploy/runbooks.md, TransformerLedgerGap."
