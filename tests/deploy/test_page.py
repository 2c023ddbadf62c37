"""The page "Run it in production": its links lead somewhere, its commands are the program's."""

import re
from pathlib import Path
from typing import Final

import pytest

from tests.deploy.tools import DEPLOY
from transformer.cli import COMMANDS

PAGES: Final = (DEPLOY / "README.md", DEPLOY / "runbooks.md")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.name))
def test_links_lead_somewhere(page: Path) -> None:
    """Files are there, and so are the sections."""
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text()):
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        assert file.exists(), target
        if anchor:
            titles = re.findall(r"^#+ (.+)$", file.read_text(), re.MULTILINE)
            assert anchor in {title.lower().replace(" ", "-") for title in titles}, target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.name))
def test_commands_are_those_of_the_program(page: Path) -> None:
    """Every `transformer <word>` that is named."""
    named = set(re.findall(r"(?:`|\$ |    )transformer ([a-z-]+)", page.read_text()))
    assert named
    assert named <= set(COMMANDS)
