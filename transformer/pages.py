"""The generated pages and schemas, made of what the program itself knows.

`python -m transformer.pages` writes them (`make docs`); a test compares them.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import orjson

from transformer import app, scorecard
from transformer.cli import reference
from transformer.config import schema
from transformer.ledger import metrics
from transformer.mapping import reference as mapping
from transformer.telemetry import metric_list

ROOT: Final = Path(__file__).parent.parent


def pages() -> Mapping[str, str]:
    """Every generated file, by its path from the root of the project."""
    return {
        "transformer/cli/REFERENCE.md": reference.page(),
        "transformer/mapping/REFERENCE.md": mapping.render(),
        "deploy/METRICS.md": metric_list.page(metrics.METRICS),
        "schemas/config.schema.json": _json(schema.schema(app.kinds())),
        **{
            f"destinations/{kind.name}/COVERAGE.md": scorecard.page(
                kind, app.subject(kind.name).facts
            )
            for kind in app.kinds()
        },
    }


def write(root: Path = ROOT) -> list[str]:
    """Write what has changed below `root` and return those paths."""
    changed = []
    for name, text in pages().items():
        file = root / name
        if not file.is_file() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")
            changed.append(name)
    return changed


def _json(value: object) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode() + "\n"


if __name__ == "__main__":
    write()
