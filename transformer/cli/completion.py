"""`transformer completion`: the completion script of a shell."""

import click
from click.shell_completion import get_completion_class

from transformer.cli import cli


@click.command(
    epilog="Example:\n\n  transformer completion bash >> ~/.bashrc",
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print the completion script of SHELL, to be read by its start file."""
    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f'no completion for "{shell}".')
    click.echo(kind(cli, {}, "transformer", "_TRANSFORMER_COMPLETE").source())
