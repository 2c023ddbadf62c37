"""`transformer demo`: the main job on this machine, and what came of it."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Final

import click
import orjson
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from transformer.cli import terminal
from transformer.demo.conservation import Account
from transformer.demo.run import Delivery, Report, play
from transformer.engine.results import DEAD_LETTER_HEADER
from transformer.record import Record
from transformer.telemetry import log

_USUAL_CALLS: Final = 2_000
_LEADS: Final = 6
_LETTERS: Final = 12
_SHOWN_FIELDS: Final = ("Id", "FirstName", "LastName", "Email", "Company", "Title", "plan__c")


@click.command(
    epilog="Example:\n\n  transformer demo",
)
def command() -> int:
    """See the main job done on this machine, in under two minutes.

    Starts an embedded Kafka broker, an emulator of every CRM and a worker, produces a few hundred
    events, and shows what became of them. Exits with 0 when every event is accounted for.
    """
    log.configure(style="console", level="error")
    console = terminal.console()
    with _bar(terminal.console(stderr=True)) as bar:
        report = asyncio.run(play(_Show(bar)))
    _print(console, report)
    return 1 if report.problems else 0


class _Show:
    """Steps as lines on stderr, progress as a bar where there is a terminal."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._task = bar.add_task("events settled", total=None, visible=False)

    def step(self, text: str) -> None:
        self._bar.console.print(f"==> {text}")

    def progress(self, settled: int, total: int) -> None:
        self._bar.update(self._task, completed=settled, total=total, visible=True)


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("    {task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def _print(console: Console, report: Report) -> None:
    account = report.main.account
    console.print()
    console.print(_side_by_side(report.deliveries))
    console.print()
    console.print(f"In detail, {report.main.title}:")
    console.print()
    console.print(
        terminal.table(
            "Writes that the events asked for, by object and what happened",
            ("object", "operation", "outcome", "writes"),
            [(*key, count) for key, count in sorted(account.by_outcome.items())],
            right=("writes",),
        )
    )
    console.print("Events of one person that come together are merged: they share one write.")
    console.print()
    console.print(
        terminal.table(
            "Events skipped and rejected, by reason",
            ("outcome", "reason", "events"),
            [(*key, count) for key, count in sorted(account.by_reason.items(), key=_by_count)],
            right=("events",),
        )
    )
    console.print()
    console.print(_leads(report))
    console.print()
    console.print(_letters(_letters_of(report.main.connection, report.letters)))
    console.print()
    for line in _summary(account, report):
        console.print(line)


def _side_by_side(deliveries: Sequence[Delivery]) -> object:
    """The same events at every CRM."""
    rows = []
    for each in deliveries:
        account = each.account
        total = max(1, len(account.sources))
        objects = ", ".join(f"{name} {count}" for name, count in sorted(account.objects().items()))
        counts = [account.count(outcome) for outcome in ("delivered", "skipped", "rejected")]
        rows.append((each.title, *counts, objects, f"{round(each.api_calls * 1_000 / total):,}"))
    return terminal.table(
        "The same events, delivered to every CRM side by side",
        ("CRM", "delivered", "skipped", "rejected", "writes delivered, by object",
         "API calls per 1,000 events"),
        rows,
        right=("delivered", "skipped", "rejected", "API calls per 1,000 events"),
    )  # fmt: skip


def _by_count(item: tuple[tuple[str, str], int]) -> tuple[str, int, str]:
    (outcome, reason), count = item
    return (outcome, -count, reason)


def _leads(report: Report) -> object:
    rows = [[_cell(lead.get(name)) for name in _SHOWN_FIELDS] for lead in report.leads[-_LEADS:]]
    title = f"{len(rows)} of the {len(report.leads)} leads that the CRM now has"
    return terminal.table(title, _SHOWN_FIELDS, rows)


def _cell(value: object) -> str:
    return "" if value is None else str(value)


def _letters_of(connection: str, letters: Sequence[Record]) -> list[Record]:
    return [
        record
        for record in letters
        if orjson.loads(dict(record.headers)[DEAD_LETTER_HEADER] or b"{}")["connection"]
        == connection
    ]


def _letters(letters: Sequence[Record]) -> object:
    rows = []
    for record in letters:
        header = dict(record.headers).get(DEAD_LETTER_HEADER) or b"{}"
        letter = orjson.loads(header)
        rows.append((letter["reason"], letter["detail"], record.value or b"(nothing)"))
    rows = _varied(rows)[:_LETTERS]
    return terminal.table(
        f"{len(rows)} of the {len(letters)} dead letters",
        ("reason", "detail", "first bytes of the record"),
        [(reason, _short(detail, 90), _short(_text(value), 40)) for reason, detail, value in rows],
    )


def _varied(rows: list[tuple[str, str, bytes]]) -> list[tuple[str, str, bytes]]:
    """One of each reason first."""
    first = {reason: row for row in reversed(rows) for reason in [row[0]]}
    return [*first.values(), *(row for row in rows if row not in first.values())]


def _text(value: bytes) -> str:
    return value.decode("utf-8", "backslashreplace")


def _short(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _summary(account: Account, report: Report) -> Iterable[str]:
    total = len(account.sources)
    calls = report.main.api_calls
    yield (
        f"{total} events in {report.seconds:.1f} s, {calls} API calls: "
        f"{round(calls * 1_000 / max(1, total))} per 1,000 events; looking up and writing each by "
        f"itself takes {_USUAL_CALLS:,}."
    )
    counts = ", ".join(
        f"{account.count(outcome)} {outcome}" for outcome in ("delivered", "skipped", "rejected")
    )
    if report.problems:
        yield f"NOT accounted for: {'; '.join(report.problems)}."
    else:
        yield f"Every event is accounted for, once: {total} read = {counts}."
        yield f"No address has two leads: {len(report.leads)} leads."
        yield f"Every rejected one is a dead letter with its own bytes: {len(account.letters)}."
        yield f"The same holds of every other CRM: {len(report.deliveries)} connections in all."
