"""The page of promises names tests that exist."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def test_every_test_that_the_promises_name_is_there() -> None:
    """A renamed test takes its promise along."""
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", (ROOT / "tests/PROMISES.md").read_text())
    assert len(named) >= 12
    missing = [f"{file}::{name}" for file, name in named
               if f"def {name}(" not in (ROOT / file).read_text()]  # fmt: skip
    assert missing == []
