"""Options that several commands share, and how they load the configuration."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from transformer.clock import SystemClock
from transformer.config import suggestion
from transformer.outcome import Reason

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
        try:
            if ago := _AGO.fullmatch(text):
                length = timedelta(**{_UNITS[ago[2]]: int(ago[1])})
                return SystemClock().wall() - length.total_seconds()
            moment = datetime.fromisoformat(text)
        except (ValueError, OverflowError):
            self.fail(
                f"{text!r} is not a time, expected ISO 8601 as in 2026-11-22T10:00Z, "
                "or how long ago as in 30s, 90m, 24h or 7d.",
                param,
                ctx,
            )
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


class ReasonWord(click.ParamType):
    """One of the reasons that results and dead letters give."""

    name = "reason"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        """Take a word of the closed list; of any other nothing would ever be found."""
        text = str(value)
        known = [reason.value for reason in Reason]
        if text not in known:
            self.fail(
                f'unknown reason "{text}", expected one of {", ".join(known)}.'
                f"{suggestion(text, known)}",
                param,
                ctx,
            )
        return text


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
