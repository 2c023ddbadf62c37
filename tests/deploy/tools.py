"""The tools that deploy/ is checked with: on the path, or where deploy/tools.sh puts them."""

import shutil
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent.parent
DEPLOY: Final = ROOT / "deploy"
TOOLS: Final = {"prometheus": ("prometheus", "promtool"), "helm": ("helm",)}
"""What the tests of each marker need."""


def tool(name: str) -> str | None:
    """Where a tool is, or None."""
    return shutil.which(name) or shutil.which(name, path=str(ROOT / ".cache" / "tools"))


def path_of(name: str) -> str:
    """Where a tool is that is known to be here."""
    found = tool(name)
    assert found is not None
    return found
