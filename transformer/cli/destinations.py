"""`transformer destinations`: the kinds of CRM, from their own declarations."""

import click

from transformer import app
from transformer.cli import terminal
from transformer.destination import Kind, Setting


@click.command(
    epilog="Example:\n\n  transformer destinations salesforce",
)
@click.argument("kind", required=False)
@click.option("--json", "as_json", is_flag=True, help="JSON lines in place of tables.")
def command(kind: str | None, as_json: bool) -> None:  # noqa: FBT001  # click passes flags so
    """List the kinds of CRM, or the settings of one KIND."""
    kinds = [app.kind(kind)] if kind else app.kinds()
    if as_json:
        for one in kinds:
            terminal.json_line(_as_json(one))
        return
    console = terminal.console()
    for one in kinds:
        console.print(
            terminal.table(
                f"{one.name}: {one.title} (opted in by integrations: "
                f"{', '.join(one.integrations)})",
                ("setting", "type", "default", "meaning"),
                [_row(setting) for setting in one.settings],
            )
        )


def _row(setting: Setting) -> tuple[str, str, str, str]:
    kind = " | ".join(setting.choices) or setting.type
    default = "" if setting.default is None else str(setting.default)
    if isinstance(setting.default, bool):
        default = default.lower()
    return (setting.name, kind, default, setting.help + (" Secret." if setting.secret else ""))


def _as_json(kind: Kind) -> dict[str, object]:
    return {
        "kind": kind.name,
        "title": kind.title,
        "integrations": list(kind.integrations),
        "mapping": str(kind.mapping_file),
        "settings": [
            {
                "name": setting.name,
                "type": setting.type,
                "default": setting.default,
                "choices": list(setting.choices),
                "secret": setting.secret,
                "help": setting.help,
            }
            for setting in kind.settings
        ],
    }
