"""The `transformer` command: which commands there are, and what each kind of failure exits with.

Commands are imported when they are run, so that each starts as fast as its own imports.
"""

import errno
import importlib
import io
import os
import sys
from collections.abc import Sequence
from typing import Final, NoReturn

import click

from transformer import __version__
from transformer.errors import ConfigurationError, EnvironmentFault, TransformerError
from transformer.telemetry import log

OK: Final = 0
RUNTIME: Final = 1
CONFIGURATION: Final = 2
ENVIRONMENT: Final = 3
INTERRUPTED: Final = 130
_NO_ROOM: Final = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG))

COMMANDS: Final = {
    "demo": "See the main job done here, in under two minutes.",
    "worker": "Deliver events from Kafka until told to stop.",
    "map": "Show what the mapping makes of events, offline.",
    "check": "Check a configuration and its mappings.",
    "results": "Read the metrics and dead-letter topics.",
    "replay": "Deliver dead letters again.",
    "ledger": "Keep accounts: is every record accounted for?",
    "emulate": "Run a local server that behaves like a CRM.",
    "destinations": "List the kinds of CRM and their settings.",
    "new-destination": "Begin one more kind of CRM, working from the start.",
    "completion": "Print the completion script of a shell.",
}


class LazyGroup(click.Group):
    """A group whose commands live in `transformer.cli.<name>` as `command`."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        """The commands, in the order in which one meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  # click's signature
        """Import one command."""
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(f"{__name__}.{cmd_name.replace('-', '_')}").command
        return command if isinstance(command, click.Command) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; an unknown one is answered with the closest there is."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from transformer.config import suggestion  # noqa: PLC0415  # only needed for a typing slip

            raise click.UsageError(
                f'unknown command "{args[0]}", expected one of {", ".join(COMMANDS)}.'
                f"{suggestion(args[0], COMMANDS)}",
                ctx,
            )
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  # click's signature
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 ok, 1 runtime, 2 configuration or mapping, 3 environment, "
    "130 or 143 on a second signal.",
)
@click.version_option(__version__, prog_name="transformer")
def cli() -> None:
    """Stream Kafka events into CRMs, and account for every one of them.

    Start with `transformer demo`.
    """


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit. Never shows a traceback."""
    # Until a command sets its own: without one, what libraries log comes with tracebacks and texts.
    log.configure(style="console", level="warning")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal may know ASCII only
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    try:
        code = cli.main(
            None if arguments is None else list(arguments),
            prog_name="transformer",
            standalone_mode=False,
        )
        sys.stdout.flush()
    except click.ClickException as fault:
        fault.show()
        return CONFIGURATION
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except OSError as fault:
        return _unwritten(fault)
    except Exception as fault:  # noqa: BLE001  # the last resort: a line in place of a traceback
        return _failed(fault)
    return code if isinstance(code, int) else OK


def _unwritten(fault: OSError) -> int:
    """What to say and return when stdout takes no more; of anything else, as of every failure."""
    if not isinstance(fault, BrokenPipeError) and fault.errno not in _NO_ROOM:
        return _failed(fault)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # also for what Python flushes at its end
    if isinstance(fault, BrokenPipeError):
        return OK  # whoever read our output has had enough
    why = os.strerror(fault.errno or 0)
    click.echo(f"error: output: expected room to write to, got: {why}. Make room.", err=True)
    return RUNTIME


def _failed(fault: Exception) -> int:
    """Say what is wrong, on stderr, and return the exit code of that kind of failure."""
    message = str(fault) if isinstance(fault, TransformerError) else _internal(fault)
    for line in message.splitlines():
        click.echo(f"error: {line}", err=True)
    match fault:
        case ConfigurationError():
            return CONFIGURATION
        case EnvironmentFault():
            return ENVIRONMENT
        case _:
            return RUNTIME


def _internal(fault: Exception) -> str:
    """Where an unforeseen exception came from; not its text, which may hold a customer's data."""
    trace = fault.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "unknown place"
    return (
        f"internal fault, {type(fault).__name__} at {where}. "
        "This is a defect of the program; nothing unsettled was committed. Please report it."
    )
