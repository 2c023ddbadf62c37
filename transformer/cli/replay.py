"""`transformer replay`: dead letters back to where their events came from, once."""

import asyncio
import sys
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click
from rich import progress as bars

from transformer import app
from transformer.cli import options, terminal
from transformer.clock import SystemClock
from transformer.config import Config, load_for_kafka
from transformer.decode import decode
from transformer.outcome import Rejected, Skipped
from transformer.replay.letters import Letter
from transformer.replay.plan import MEANINGS, Choice, Status, Wanted
from transformer.replay.replayer import Preview, Progress, Replayer, Task
from transformer.upsert import Key, Upsert

_SHOWN_LETTERS: Final = 10


@click.command(
    epilog="Examples:\n\n  transformer replay --config transformer.yaml --reason unknown_field\n\n"
    "  transformer replay --config transformer.yaml --connection salesforce --since 24h --yes",
)
@options.config_file
@options.connection
@click.option(
    "--reason",
    "reasons",
    type=options.ReasonWord(),
    multiple=True,
    metavar="WORD",
    help="Only this; repeatable.",
)
@click.option(
    "--since", type=options.Moment(), metavar="TIME", help="Rejected at or after this time."
)
@click.option("--until", type=options.Moment(), metavar="TIME", help="Rejected before this time.")
@click.option("--key", metavar="TEXT", help="Only records with this key.")
@click.option("--match", metavar="VALUE", help="Only events with this match key, as an e-mail.")
@click.option("--message-id", metavar="ID", help="Only the event of this messageId.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="At most this many.")
@click.option(
    "--include-superseded",
    is_flag=True,
    help="Also events older than what was delivered since: they overwrite it.",
)
@click.option("--yes", is_flag=True, help="Replay without asking.")
@options.as_json
def command(  # a click command has one parameter per option
    config_file: Path,
    *,
    connection_name: str | None,
    reasons: tuple[str, ...],
    since: float | None,
    until: float | None,
    key: str | None,
    match: str | None,
    message_id: str | None,
    limit: int | None,
    include_superseded: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Send dead letters back to the topics they came from, each once.

    First shows what would be replayed; then asks, or with --yes goes on. An event is taken only by
    the connection that rejected it, and arrives in the order it had among those of its key. Left
    out are letters replayed before, and those that a newer event of the same match key has
    superseded: delivered, that is; events that still wait in Kafka are not known, so replay while
    the lag is low. Interrupted or run again, it goes on where it ended.
    """
    wanted = Wanted(
        connection=connection_name,
        reasons=frozenset(reasons),
        since=since,
        until=until,
        key=None if key is None else key.encode(),
        match=match,
        message_id=message_id,
    )
    config = load_for_kafka(config_file, app.kind)
    app.choose(config, connection_name)
    task = _task(config, wanted, include_superseded=include_superseded, limit=limit)
    asyncio.run(_run(config, task, yes=yes, as_json=as_json))


async def _run(config: Config, task: Task, *, yes: bool, as_json: bool) -> None:
    broker = app.broker(config)
    await broker.open()
    try:
        with _progress() as progress:
            replayer = Replayer(broker, SystemClock(), task, progress)
            preview = await replayer.preview()
        _show(preview, as_json=as_json)
        run = uuid.uuid4().hex[:12]
        replayed = 0
        if preview.selected and (yes or _agreed(len(preview.selected), as_json=as_json)):
            with _progress() as progress:
                replayer = Replayer(broker, SystemClock(), task, progress)
                replayed = await replayer.replay(preview, run)
    finally:
        await broker.close()
    _say(preview, replayed, run, as_json=as_json)


def _task(config: Config, wanted: Wanted, *, include_superseded: bool, limit: int | None) -> Task:
    kafka = app.kafka_of(config)
    return Task(
        dead_letter_topic=kafka.dead_letter_topic,
        metrics_topic=kafka.metrics_topic,
        topics={one.name: frozenset(one.topics) for one in config.connections},
        wanted=wanted,
        keys=_keys(config),
        include_superseded=include_superseded,
        limit=limit,
    )


def _keys(config: Config) -> Callable[[Letter], frozenset[Key]]:
    """The match keys that the mapping of a letter's connection makes of its event."""
    mappings = {wired.connection.name: wired.mapping for wired in app.wire(config)}

    def keys(letter: Letter) -> frozenset[Key]:
        mapping = mappings.get(letter.connection)
        if mapping is None or isinstance(event := decode(letter.event), Rejected):
            return frozenset()
        try:
            plan = mapping.evaluate(event)
        except Exception:  # noqa: BLE001  # as in the intake: the worker will reject it once more
            return frozenset()
        if isinstance(plan, Skipped):
            return frozenset()
        made = (upsert.key for upsert in plan if isinstance(upsert, Upsert))
        return frozenset(key for key in made if key is not None)

    return keys


@contextmanager
def _progress() -> Iterator[Progress]:
    """A bar per topic read, and one for what is replayed; on a terminal only."""
    shown = bars.Progress(
        bars.TextColumn("{task.description}"),
        bars.BarColumn(),
        bars.MofNCompleteColumn(),
        bars.TimeElapsedColumn(),
        console=terminal.console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    )
    tasks: dict[str, bars.TaskID] = {}

    def tell(what: str, done: int, total: int) -> None:
        if what not in tasks:
            tasks[what] = shown.add_task(what, total=total)
        shown.update(tasks[what], completed=done, total=total)

    with shown:
        yield tell


def _agreed(count: int, *, as_json: bool) -> bool:
    if as_json or not (sys.stdin.isatty() and sys.stdout.isatty()):
        return False
    return click.confirm(f"Replay {_letters(count)}?", err=True)


def _show(preview: Preview, *, as_json: bool) -> None:
    if as_json:
        for choice in preview.choices:
            terminal.json_line(_json(choice))
        return
    console = terminal.console()
    counts = Counter((c.letter.connection, c.letter.reason, c.status) for c in preview.choices)
    rows = [(*group, count) for group, count in sorted(counts.items())]
    columns = ("connection", "reason", "status", "letters")
    console.print(terminal.table("Dead letters", columns, rows, right=("letters",)))
    if preview.selected:
        console.print()
        console.print(_first(preview.selected))
    console.print()
    for status in Status:
        if status is not Status.SELECTED and any(c.status is status for c in preview.choices):
            console.print(f"{status}: {MEANINGS[status]}.")


def _first(letters: Sequence[Letter]) -> object:
    shown = letters[:_SHOWN_LETTERS]
    title = f"The first {len(shown)} of {_letters(len(letters))} to replay"
    rows = [
        (_time(one.died_at), one.connection, one.reason, str(one.first), one.message_id)
        for one in shown
    ]
    return terminal.table(title, ("rejected", "connection", "reason", "source", "message"), rows)


def _say(preview: Preview, replayed: int, run: str, *, as_json: bool) -> None:
    """What was done: the last line of the output, or a remark."""
    if preview.unreadable:
        terminal.note(f"{preview.unreadable} records of the dead-letter topic are not dead letters")
    if as_json:
        counts = Counter(choice.status.value for choice in preview.choices)
        summary = {status.value: counts[status.value] for status in Status}
        summary |= {"unreadable": preview.unreadable, "replayed": replayed}
        terminal.json_line({"kind": "summary", **summary, "run": run if replayed else None})
    elif replayed:
        terminal.note(f"Replayed {_letters(replayed)}, in run {run}.")
    elif preview.selected:
        count = _letters(len(preview.selected))
        terminal.note(f"Nothing was produced. Add --yes to replay {count}.")
    else:
        terminal.note("Nothing to replay.")


def _json(choice: Choice) -> dict[str, object]:
    letter = choice.letter
    return {
        "kind": "letter",
        "status": choice.status.value,
        "connection": letter.connection,
        "reason": letter.reason,
        "time": _time(letter.died_at),
        "message_id": letter.message_id,
        "origin": letter.origin._asdict(),
        "replay_of": None if letter.first == letter.origin else letter.first._asdict(),
    }


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def _letters(count: int) -> str:
    return f"{count} dead letter{'' if count == 1 else 's'}"
