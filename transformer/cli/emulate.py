"""`transformer emulate`: a local server that behaves like a CRM."""

import asyncio
import os
import re
import signal
import socket
from collections.abc import Mapping
from typing import Final

import click
import orjson

from transformer import app
from transformer.cli import terminal
from transformer.emulator.server import Emulator
from transformer.errors import ConfigurationError, EnvironmentFault

_UNKNOWN: Final = re.compile(r"unexpected keyword argument '([^']*)'")


@click.command(
    epilog="Examples:\n\n  transformer emulate salesforce --port 8025\n\n"
    "  transformer emulate salesforce --option allow_any_custom_field=true",
)
@click.argument("kind")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=0,
    help="The port to listen on; a free one when left out.",
)
@click.option(
    "--option",
    "options",
    multiple=True,
    metavar="NAME=VALUE",
    help="An option of this emulator, its value as JSON; may be given several times.",
)
def command(kind: str, host: str, port: int, options: tuple[str, ...]) -> None:
    """Run an emulator of the KIND of CRM until told to stop, and print its address.

    Its state lasts as long as it runs; `GET /_emulator/state` shows it.
    """
    emulator = _made(kind, dict(_option(text) for text in options))
    asyncio.run(_serve(emulator, kind, host, port))


def _option(text: str) -> tuple[str, object]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise ConfigurationError(
            [f'--option: wrong form, expected NAME=VALUE, got "{text}". Give it both.']
        )
    try:
        return name, orjson.loads(value)
    except orjson.JSONDecodeError:
        return name, value


def _made(kind: str, options: dict[str, object]) -> Emulator:
    try:
        return app.emulator(kind, **options)
    except (AttributeError, TypeError, ValueError) as fault:
        if not options:
            raise
        raise ConfigurationError([_unusable(kind, options, str(fault))]) from fault


def _unusable(kind: str, options: Mapping[str, object], why: str) -> str:
    unknown = _UNKNOWN.search(why)
    given = ", ".join(options)
    what = f'unknown option "{unknown[1]}"' if unknown else f"cannot be used ({given}): {why}"
    return (
        f"--option: {what}. See `build` in destinations/{kind}/emulator/__init__.py for them all."
    )


async def _serve(emulator: Emulator, kind: str, host: str, port: int) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    try:
        async with emulator.serve(host, port) as serving:
            click.echo(serving.url)
            terminal.note(_how_to_use(serving, kind))
            await stopping.wait()
    except OSError as fault:
        raise EnvironmentFault(
            f"emulate: cannot listen on {host}:{port}, expected a free port of this machine, "
            f"got: {_why(fault)}. Choose another --host or --port."
        ) from fault


def _why(fault: OSError) -> str:
    """The system's own words; a name that is not found has a number of its own."""
    if isinstance(fault, socket.gaierror):
        return str(fault.strerror)
    return os.strerror(fault.errno or 0)


def _how_to_use(serving: Emulator, kind: str) -> str:
    lines = [
        f"The {kind} emulator is running. Point a connection at it:",
        "  settings:",
        *(f"    {name}: {value}" for name, value in serving.connection_settings().items()),
        f"See what it holds: {serving.url}/_emulator/state. Stop it with Ctrl-C.",
    ]
    return "\n".join(lines)
