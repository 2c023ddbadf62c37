"""Options that several commands share, and how they load the configuration."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from transformer.clock import SystemClock

_AGO: Final = re.compile(r"(\d+)([smhd])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_F = TypeVar("_F", bound=Callable[..., Any])


class Moment(click.ParamType):
    """A time, or how long ago it was; epoch seconds."""

    name = "time"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Read `2026-11-22T10:00Z` (UTC unless it says otherwise) or `90m`."""
        if isinstance(value, float):
            return value
        text = str(value)
        if ago := _AGO.fullmatch(text):
            length = timedelta(**{_UNITS[ago[2]]: int(ago[1])})
            return SystemClock().wall() - length.total_seconds()
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            self.fail(
                f"{text!r} is not a time, expected ISO 8601 as in 2026-11-22T10:00Z, "
                "or how long ago as in 30s, 90m, 24h or 7d.",
                param,
                ctx,
            )
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


config_file: Final[Callable[[_F], _F]] = click.option(
    "--config",
    "config_file",
    required=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The configuration file.",
)
connection: Final[Callable[[_F], _F]] = click.option(
    "--connection", "connection_name", metavar="NAME", help="Only this connection."
)
as_json: Final[Callable[[_F], _F]] = click.option(
    "--json", "as_json", is_flag=True, help="JSON lines in place of tables."
)
