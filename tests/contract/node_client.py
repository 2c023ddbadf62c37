"""A client of the vendor's for Node.js, installed beside its script from the lock file."""

import subprocess
from pathlib import Path

_NODE = Path(__file__).parents[1] / "node"


def installed(package: str, *, where: str = "") -> Path:
    """Install `package` where it is missing; returns the folder of its script."""
    folder = _NODE / where
    if not (folder / "node_modules" / package).is_dir():
        command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)  # noqa: S603
    return folder
