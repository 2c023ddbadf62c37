"""Generated pages and schemas are what the program says now."""

from pathlib import Path

import pytest

from transformer import pages

MADE = pages.pages()


@pytest.mark.parametrize("name", MADE)
def test_a_generated_file_is_up_to_date(name: str) -> None:
    """`make docs` makes it again."""
    assert (pages.ROOT / name).read_text(encoding="utf-8") == MADE[name]


def test_only_what_has_changed_is_written(tmp_path: Path) -> None:
    """And it is said."""
    for name in MADE:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    assert pages.write(tmp_path) == list(MADE)
    assert pages.write(tmp_path) == []
    stale = tmp_path / next(iter(MADE))
    stale.write_text("old", encoding="utf-8")
    assert pages.write(tmp_path) == [next(iter(MADE))]
