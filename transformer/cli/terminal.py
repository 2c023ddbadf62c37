"""Output: data on stdout, as tables for people or JSON lines; colour only on a terminal.

The text of records is untrusted: control characters are shown, never sent to the terminal.
"""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import click
import orjson
from rich.console import Console
from rich.table import Table
from rich.text import Text

_PLAIN_WIDTH: Final = 160
# What turns the direction of a line, or ends it unseen, could show one value as another.
_TURNING: Final = (0x061C, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A))
_CONTROL: Final = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))} | {
    code: f"\\u{code:04x}" for code in _TURNING
}


def console(*, stderr: bool = False) -> Console:
    """A console that is as wide as the terminal, or wide enough for what is piped."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(
        file=stream,
        width=None if stream.isatty() else _PLAIN_WIDTH,
        highlight=False,
        soft_wrap=not stream.isatty(),
    )


def safe(text: object) -> str:
    """`text` with control characters made visible."""
    return str(text).translate(_CONTROL)


def table(
    title: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    right: Sequence[str] = (),
) -> Table:
    """A table; columns named in `right` hold numbers."""
    made = Table(title=title or None, title_justify="left", title_style="bold", show_edge=False)
    for column in columns:
        made.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        made.add_row(*(cell if isinstance(cell, Text) else Text(safe(cell)) for cell in row))
    return made


def lines(texts: Iterable[object]) -> Text:
    """A cell of several lines."""
    return Text("\n".join(safe(text) for text in texts))


def json_text(value: object) -> str:
    """`value` as JSON; numbers and texts that orjson cannot hold are written all the same."""
    try:
        return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:
        return json.dumps(value, default=str)


def value(of: object) -> str:
    """A value for people: JSON, so that absent, null and "" differ; plain text without quotes."""
    if isinstance(of, str) and of and of.strip() == of:
        return of
    return json_text(of)


def json_line(value: Mapping[str, object]) -> None:
    """Write one JSON line to stdout."""
    click.echo(json_text(value))


def note(text: str) -> None:
    """A remark to people, on stderr."""
    click.echo(text, err=True)
