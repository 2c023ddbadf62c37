"""Options that several commands share, and how they load the configuration."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

_F = TypeVar("_F", bound=Callable[..., Any])

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
