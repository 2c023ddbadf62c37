"""`transformer map`: what the mapping makes of events, without asking anybody."""

import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import BinaryIO, Final

import click
import orjson

from transformer import app
from transformer.app import Wired
from transformer.cli import explained, options, terminal
from transformer.clock import SystemClock
from transformer.config import load_for_mapping
from transformer.decode import decode
from transformer.errors import ConfigurationError
from transformer.outcome import Rejected, Skipped
from transformer.record import Record
from transformer.upsert import Match, Upsert

_COLUMNS: Final = ("line", "event", "object", "operation", "match key", "properties", "outcome")


@click.command(
    epilog="Examples:\n\n  transformer map --config transformer.yaml events.jsonl\n\n"
    "  tail -1 events.jsonl | transformer map --config transformer.yaml --explain -",
)
@options.config_file
@options.connection
@click.option("--explain", is_flag=True, help="Say where every property comes from, and why.")
@options.as_json
@click.argument("events", default="-", metavar="[EVENTS.jsonl|-]")
def command(
    config_file: Path, *, connection_name: str | None, explain: bool, as_json: bool, events: str
) -> None:
    """Show what the mapping makes of events, one JSON event per line, offline.

    Needs neither Kafka nor credentials. With several connections, name one.
    """
    wired = _wired(config_file, connection_name)
    results = (_mapped(wired, record, explain=explain) for record in _records(events))
    if as_json:
        for result in results:
            terminal.json_line(result)
        return
    _print(results, explain=explain)


def _wired(file: Path, name: str | None) -> Wired:
    config = app.choose(load_for_mapping(file, app.kind), name)
    if len(config.connections) > 1:
        names = ", ".join(one.name for one in config.connections)
        raise ConfigurationError(
            [f"{file}: several connections, expected one. Add --connection with one of {names}."]
        )
    return app.wire(config)[0]


def _records(events: str) -> Iterator[Record]:
    now_ms = int(SystemClock().wall() * 1000)
    with _opened(events) as lines:
        for number, line in enumerate(lines, start=1):
            yield Record(events, 0, number, now_ms, None, line.rstrip(b"\r\n"))


def _opened(events: str) -> AbstractContextManager[BinaryIO]:
    if events == "-":
        if sys.stdin.isatty():
            terminal.note("Reading events from the terminal, one per line; end with Ctrl-D.")
        return nullcontext(sys.stdin.buffer)
    try:
        return Path(events).open("rb")
    except OSError as fault:
        raise ConfigurationError(
            [f"{events}: cannot read events, expected a file, got: {fault.strerror}."]
        ) from fault


def _mapped(wired: Wired, record: Record, *, explain: bool) -> dict[str, object]:
    """One line of output, the same whether it is shown or printed as JSON."""
    result: dict[str, object] = {
        "line": record.offset,
        "messageId": None,
        "upserts": [],
        "skipped": None,
        "rejected": None,
    }
    event = decode(record)
    if isinstance(event, Rejected):
        result |= {"messageId": _message_id(record), "rejected": _rejected(event)}
        return result | ({"explained": []} if explain else {})
    result["messageId"] = event.message_id or None
    plan = wired.mapping.evaluate(event)
    if isinstance(plan, Skipped):
        result["skipped"] = {"reason": plan.reason.value}
    else:
        refused = [item for item in plan if isinstance(item, Rejected)]
        result["upserts"] = [_upsert(item) for item in plan if isinstance(item, Upsert)]
        result["rejected"] = _rejected(refused[0]) if refused else None
    if explain:
        result["explained"] = explained.entries(wired.mapping.explain(event))
    return result


def _message_id(record: Record) -> str | None:
    """The id of what is no event, where it can be read all the same."""
    try:
        root: object = orjson.loads(record.value or b"")
    except orjson.JSONDecodeError:
        return None
    found = root.get("messageId") if isinstance(root, dict) else None
    known = isinstance(found, str | int) and not isinstance(found, bool)
    return (str(found).strip() or None) if known else None


def _upsert(upsert: Upsert) -> dict[str, object]:
    shown: dict[str, object] = {
        "object": upsert.object_type,
        "operation": upsert.operation.value,
        "match": _match(upsert.match),
        "properties": dict(upsert.properties),
    }
    for name, values in (("on_create", upsert.on_create), ("on_update", upsert.on_update)):
        if values:
            shown[name] = dict(values)
    if len(upsert.matches) > 1:
        shown["also_matched_by"] = [_match(match) for match in upsert.matches[1:]]
    if upsert.fill:
        shown["fill"] = sorted(upsert.fill)
    shown["notes"] = [
        {"code": note.code, "field": note.field, "detail": note.detail} for note in upsert.notes
    ]
    return shown


def _match(match: Match | None) -> dict[str, object] | None:
    return None if match is None else {"property": match.name, "value": match.value}


def _rejected(rejected: Rejected) -> dict[str, str]:
    return {"reason": rejected.reason.value, "detail": rejected.detail}


def _print(results: Iterable[Mapping[str, object]], *, explain: bool) -> None:
    console = terminal.console()
    shown = list(results)
    rows = [row for result in shown for row in _rows(result)]
    console.print(terminal.table("", _COLUMNS, rows, right=("line",)))
    for result in shown if explain else ():
        for made in explained.tables(result["line"], result.get("explained")):
            console.print()
            console.print(made)


def _rows(result: Mapping[str, object]) -> Iterator[tuple[object, ...]]:
    line, event = result["line"], result["messageId"] or ""
    upserts = result["upserts"]
    for upsert in upserts if isinstance(upserts, list) else []:
        match = upsert["match"]
        key = f"{match['property']} = {terminal.value(match['value'])}" if match else ""
        written = terminal.lines(_properties(upsert))
        yield (line, event, upsert["object"], upsert["operation"], key, written, _noted(upsert))
    for outcome in ("skipped", "rejected"):
        what = result[outcome]
        if isinstance(what, dict):
            words = [f"{outcome}: {what['reason']}", what.get("detail", "")]
            yield (line, event, "", "", "", "", terminal.lines(word for word in words if word))


def _properties(upsert: Mapping[str, object]) -> Iterator[str]:
    for part, suffix in (
        ("properties", ""),
        ("on_create", " (on create)"),
        ("on_update", " (on update)"),
    ):
        values = upsert.get(part)
        for name, value in values.items() if isinstance(values, Mapping) else ():
            yield f"{name} = {terminal.value(value)}{suffix}"


def _noted(upsert: Mapping[str, object]) -> object:
    notes = upsert["notes"]
    return terminal.lines(
        f"{note['code']}: {note['field']}" for note in (notes if isinstance(notes, list) else [])
    )
