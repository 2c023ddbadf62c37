"""A new destination's folder, made from the template in `destinations/_template`.

Plans what to write; the command writes it. Knows no CRM.
"""

import keyword
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from transformer.errors import ConfigurationError

TEMPLATE: Final = Path("destinations/_template")
REGISTRY: Final = Path("destinations/__init__.py")
CHANGELOG: Final = Path("CHANGELOG.md")
_NAME: Final = re.compile(r"[a-z](?:_?[a-z0-9]){1,29}")
_SUFFIXES: Final = (".py", ".yaml")


def planned(root: Path, name: str) -> Mapping[Path, str]:
    """The files of the new destination, below `root`. Raises ConfigurationError."""
    problems = [*_problems(root, name)]
    if problems:
        raise ConfigurationError(problems)
    files = sorted(p for p in (root / TEMPLATE).rglob("*") if p.suffix in _SUFFIXES)
    folder = TEMPLATE.with_name(name)
    return {
        folder / file.relative_to(root / TEMPLATE): _renamed(file.read_text("utf-8"), name)
        for file in files
    }


def registry_line(name: str) -> str:
    """The line that makes the destination one of the program's."""
    return f'    "{name}": "destinations.{name}.destination:KIND",'


def changelog_line(name: str) -> str:
    """The line that tells users of it."""
    return f"- The destination `{name}`: contacts, by e-mail or id."


def registered(root: Path, name: str) -> Mapping[Path, str]:
    """Registry and changelog with their line for the new destination."""
    registry = (root / REGISTRY).read_text("utf-8")
    end = registry.rindex("}")
    changelog = (root / CHANGELOG).read_text("utf-8")
    head, heading, rest = changelog.partition("### Added\n\n")
    return {
        REGISTRY: f"{registry[:end]}{registry_line(name)}\n{registry[end:]}",
        CHANGELOG: f"{head}{heading}{changelog_line(name)}\n{rest}",
    }


def _problems(root: Path, name: str) -> Iterator[str]:
    if not (root / TEMPLATE / "destination.py").is_file():
        yield (
            f"new-destination: no {TEMPLATE} here, expected the project's folder, got {root}. "
            "Run it in a checkout of the project."
        )
    if not _NAME.fullmatch(name):
        yield f'new-destination: NAME: expected a lower-case word such as acme_crm, got "{name}".'
    elif keyword.iskeyword(name):
        yield (
            f'new-destination: NAME: expected the name of a Python package, got "{name}", '
            f"a word of Python's own. Choose another, such as {name}_crm."
        )
    elif (root / TEMPLATE.with_name(name)).exists():
        yield (
            f"new-destination: destinations/{name} is there already. "
            "Choose another name, or remove the folder."
        )


def _renamed(text: str, name: str) -> str:
    """The template's text with its name in every form in which it comes."""
    return (
        text.replace("_template", name)
        .replace("template.example", f"{name.replace('_', '-')}.example")
        .replace("TEMPLATE", name.upper())
        .replace("Template", "".join(part.capitalize() for part in name.split("_")))
    )
