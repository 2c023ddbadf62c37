"""`transformer results`: the metrics and dead-letter topics, readable."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click
import orjson

from transformer import app
from transformer.broker import Broker, Reader
from transformer.cli import options, terminal
from transformer.config import Config, load_for_kafka
from transformer.engine.results import DEAD_LETTER_HEADER
from transformer.record import Record
from transformer.replay.letters import is_mark

_READ_SECONDS: Final = 0.5
_COLOURS: Final = {"delivered": "green", "skipped": "yellow", "rejected": "red"}
_WIDTHS: Final = (24, 16, 9, 22, 34, 18, 24, 36)
_TITLES: Final = (
    "time",
    "connection",
    "outcome",
    "reason",
    "write",
    "record id",
    "source",
    "message",
)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which results are shown; an empty part lets everything through."""

    connection: str | None = None
    outcome: str | None = None
    reason: str | None = None
    message_id: str | None = None

    def lets(self, entry: Mapping[str, object]) -> bool:
        """Whether `entry` is shown."""
        return all(
            wanted is None or entry.get(name) == wanted
            for name, wanted in (
                ("connection", self.connection),
                ("outcome", self.outcome),
                ("reason", self.reason),
                ("message_id", self.message_id),
            )
        )


@click.command(
    epilog="Examples:\n\n  transformer results --config transformer.yaml --no-follow "
    "--outcome rejected\n\n  transformer results --config transformer.yaml --from 90m",
)
@options.config_file
@click.option("--from-beginning", is_flag=True, help="Show what is there already, too.")
@click.option(
    "--from",
    "since",
    type=options.Moment(),
    metavar="TIME",
    help="Show what was produced since then, too; as 2026-11-22T10:00Z, or 90m ago.",
)
@click.option(
    "--follow/--no-follow",
    default=True,
    show_default=True,
    help="Wait for more; without, show what is there, all or since --from, and end.",
)
@options.connection
@click.option("--outcome", type=click.Choice(["delivered", "skipped", "rejected"]))
@click.option(
    "--reason",
    type=options.ReasonWord(),
    metavar="WORD",
    help="Only this reason, as in not_opted_in.",
)
@click.option("--message-id", metavar="ID", help="Only the event of this messageId.")
@options.as_json
def command(  # a click command has one parameter per option
    config_file: Path,
    *,
    from_beginning: bool,
    since: float | None,
    follow: bool,
    connection_name: str | None,
    outcome: str | None,
    reason: str | None,
    message_id: str | None,
    as_json: bool,
) -> None:
    """Show what became of events: results, and dead letters with what is wrong.

    A rejected event shows twice: its result, and its dead letter with the detail.
    """
    if from_beginning and since is not None:
        raise click.UsageError("--from-beginning and --from exclude each other. Give one of them.")
    config = app.choose(load_for_kafka(config_file, app.kind), connection_name)
    chosen = Filter(connection_name, outcome, reason, message_id)
    show = _show_json if as_json else _show_line
    begin = 0.0 if since is None and (from_beginning or not follow) else since
    asyncio.run(_tail(config, chosen, show, begin=begin, follow=follow))


async def _tail(
    config: Config,
    chosen: Filter,
    show: Callable[[Mapping[str, object]], None],
    *,
    begin: float | None,
    follow: bool,
) -> None:
    """Show results from `begin` on, 0 is from the beginning, None from now on."""
    broker = app.broker(config)
    await broker.open()
    try:
        reader = await _reader(config, broker, begin)
        if show is _show_line:
            click.secho(_columns(_TITLES), bold=True)
        while True:
            records = await reader.read(timeout_seconds=_READ_SECONDS)
            for record in records:
                if is_mark(record) or record.timestamp_ms < (begin or 0.0) * 1000:
                    continue
                entry = _entry(record)
                if chosen.lets(entry):
                    show(entry)
            if not follow and await _is_at_end(reader):
                return
    finally:
        await broker.close()


async def _reader(config: Config, broker: Broker, begin: float | None) -> Reader:
    kafka = app.kafka_of(config)
    topics = (kafka.metrics_topic, kafka.dead_letter_topic)
    reader = await broker.reader(topics, from_beginning=begin == 0.0)
    if begin:
        await reader.seek_time(begin)
    return reader


async def _is_at_end(reader: Reader) -> bool:
    positions = await reader.positions()
    return all(next_offset >= end for next_offset, end in positions.values())


def _entry(record: Record) -> dict[str, object]:
    """A result, or a dead letter as `rejected` with its value as text."""
    for name, header in reversed(record.headers):
        if name == DEAD_LETTER_HEADER and header is not None:
            entry = _object(header)
            value = None if record.value is None else record.value.decode("utf-8", "replace")
            return {"kind": "dead_letter", "outcome": "rejected", **entry, "value": value}
    return {"kind": "result", **_object(record.value or b"")}


def _object(text: bytes) -> dict[str, object]:
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {"detail": "this record is not one of ours"}
    return found if isinstance(found, dict) else {"detail": "this record is not one of ours"}


def _show_json(entry: Mapping[str, object]) -> None:
    terminal.json_line(entry)


def _show_line(entry: Mapping[str, object]) -> None:
    cells = [terminal.safe(cell) for cell in _cells(entry)]
    outcome = cells[2].ljust(_WIDTHS[2])
    line = _columns(cells)
    coloured = click.style(outcome, fg=_COLOURS.get(cells[2]))
    click.echo(line.replace(outcome, coloured, 1) if cells[2] else line)
    if entry.get("kind") == "dead_letter":
        click.echo(f"    dead letter: {terminal.safe(entry.get('detail', ''))}")


def _cells(entry: Mapping[str, object]) -> tuple[str, ...]:
    writes = entry.get("writes")
    first = writes[0] if isinstance(writes, list) and writes else {}
    more = f" +{len(writes) - 1}" if isinstance(writes, list) and len(writes) > 1 else ""
    write = f"{first.get('object', '')} {first.get('operation', '')}".strip()
    return (
        str(entry.get("time", ""))[:23],
        str(entry.get("connection", "")),
        str(entry.get("outcome", "")),
        str(entry.get("reason") or ""),
        f"{write}{more}",
        str(first.get("record_id") or ""),
        _source(entry),
        str(entry.get("message_id") or ""),
    )


def _source(entry: Mapping[str, object]) -> str:
    origin = entry.get("origin")
    where = origin if isinstance(origin, dict) else entry
    last = entry.get("last_offset", where.get("offset"))
    run = f"..{last}" if last != where.get("offset") else ""
    return f"{where.get('topic')}/{where.get('partition')}@{where.get('offset')}{run}"


def _columns(cells: Sequence[str]) -> str:
    padded = (cell.ljust(width) for cell, width in zip(cells, _WIDTHS, strict=True))
    return " ".join(padded).rstrip()
