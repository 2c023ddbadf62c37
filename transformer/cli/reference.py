"""The reference page of all commands, made of their own help."""

import click

from transformer.cli import COMMANDS, cli

_WIDTH = 100


def page() -> str:
    """Every command's help, in Markdown."""
    parts = [
        "# Commands",
        "",
        "Made from the commands' own help by `make docs`; do not edit. stdout is data, stderr is",
        "logs and remarks; `--json` gives JSON lines.",
        "",
        "| exit code | meaning |",
        "| --- | --- |",
        "| 0 | ok |",
        "| 1 | it failed while running |",
        "| 2 | the configuration, a mapping or the command line must be fixed |",
        "| 3 | a broker, CRM or port cannot be reached or used |",
        "| 130, 143 | ended at once by a second SIGINT or SIGTERM |",
        "",
    ]
    root = click.Context(cli, info_name="transformer", help_option_names=["-h", "--help"])
    for name in COMMANDS:
        command = cli.get_command(root, name)
        if command is not None:
            parts += [f"## {name}", "", "```text", help_of(command, name, root), "```", ""]
    return "\n".join(parts)


def help_of(command: click.Command, name: str, root: click.Context) -> str:
    """One command's help, always equally wide."""
    context = click.Context(
        command, info_name=name, parent=root, max_content_width=_WIDTH, terminal_width=_WIDTH
    )
    return command.get_help(context)
