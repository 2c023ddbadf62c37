"""The README: its commands run, its configuration loads, its links lead somewhere."""

import re
import shlex
from pathlib import Path
from typing import Final

import pytest

from transformer import cli
from transformer.app import kinds
from transformer.config import schema

ROOT: Final = Path(__file__).parent.parent.parent
README: Final = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES: Final = sorted(
    path
    for path in (*ROOT.glob("*.md"), *(ROOT / "transformer").rglob("*.md"),
                 *(ROOT / "destinations").rglob("*.md"), *(ROOT / "deploy").rglob("*.md"))
)  # fmt: skip
EVENT: Final = (
    '{"type": "identify", "messageId": "r1", "integrations": {"Salesforce": true}, '
    '"traits": {"email": "reader@example.com", "plan": "business"}}\n'
)


def _blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def _commands() -> list[list[str]]:
    lines = "".join(_blocks("console")).splitlines()
    return [shlex.split(line.removeprefix("$ "), comments=True) for line in lines if line]


def test_it_is_one_screen() -> None:
    """What it is, the two commands, the story, a configuration, where to go next."""
    assert len(README.splitlines()) <= 90


def test_its_make_targets_exist() -> None:
    """With a line of help each."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = [words[1] for words in _commands() if words[0] == "make"]
    assert targets == ["demo", "test"]
    for target in targets:
        assert re.search(rf"^{target}:.*## ", makefile, re.MULTILINE)


def test_its_offline_commands_run_with_its_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`map` as written; `check` without asking anybody."""
    (tmp_path / "transformer.yaml").write_text(_blocks("yaml")[0], encoding="utf-8")
    (tmp_path / "events.jsonl").write_text(EVENT, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SALESFORCE_CLIENT_ID", "id")
    monkeypatch.setenv("SALESFORCE_CLIENT_SECRET", "secret")
    commands = {words[1]: words[1:] for words in _commands() if words[0] == "transformer"}
    assert list(commands) == ["map", "check", "worker", "results"]
    assert cli.run(commands["map"]) == 0
    assert "plan__c = business" in capsys.readouterr().out
    assert cli.run([word for word in commands["check"] if word != "--online"]) == 0


@pytest.mark.parametrize("words", [w for w in _commands() if w[0] == "transformer"], ids=" ".join)
def test_its_commands_and_options_exist(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Also of those that need Kafka."""
    assert cli.run([words[1], "--help"]) == 0
    shown = capsys.readouterr().out
    for word in words:
        if word.startswith("--"):
            assert word in shown


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    """To files that are there."""
    links = re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8"))
    dead = [
        link for link in links if not link.startswith("http") and not (page.parent / link).exists()
    ]
    assert dead == []


def test_every_reason_the_schema_gives_is_read_by_kinds() -> None:
    """The schema knows the settings of every kind of CRM."""
    made = str(schema.schema(kinds()))
    for kind in kinds():
        for setting in kind.settings:
            assert f"'{setting.name}'" in made
