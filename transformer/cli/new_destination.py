"""`transformer new-destination`: the folder of one more CRM, working from the start."""

from collections.abc import Mapping
from pathlib import Path

import click

from transformer import scaffold
from transformer.cli import terminal
from transformer.errors import EnvironmentFault


@click.command(
    epilog="Example:\n\n  transformer new-destination acme --register",
)
@click.argument("name")
@click.option(
    "--register", is_flag=True, help="Add the lines to the registry and the changelog, too."
)
def command(name: str, register: bool) -> None:  # noqa: FBT001  # click passes flags so
    """Write destinations/NAME: a tiny CRM that passes the contract suite against its own emulator.

    Run it in a checkout of the project, then change the emulator, the client and the mapping into
    the vendor's, as destinations/README.md says. Prints the files that were written.
    """
    root = Path.cwd()
    files = dict(scaffold.planned(root, name))
    if register:
        files |= scaffold.registered(root, name)
    try:
        _write(root, files)
    except OSError as fault:
        raise EnvironmentFault(
            f"new-destination: {fault.filename}: cannot be written, got: {fault.strerror}. "
            "Correct its rights, remove what was written of it, and run this again."
        ) from fault
    for path in files:
        click.echo(path)
    terminal.note("\n".join(_next_steps(name, register=register)))


def _write(root: Path, files: Mapping[Path, str]) -> None:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")


def _next_steps(name: str, *, register: bool) -> list[str]:
    lines = [
        f"Add to KINDS in {scaffold.REGISTRY}:",
        scaffold.registry_line(name),
        f"Add to {scaffold.CHANGELOG} under Added:",
        f"    {scaffold.changelog_line(name)}",
    ]
    return [
        *([] if register else lines),
        f"Next: make fix docs, then pytest tests/contract/test_destination.py -k {name}",
    ]
