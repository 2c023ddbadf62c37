#!/usr/bin/env bash
# Makes a copy of the project in which the hot path is compiled, as it is in the image:
# deploy/compiled.sh PYTHON DIRECTORY. Whatever was in DIRECTORY is gone then; the project itself
# stays plain Python, so that what is edited is what runs.
set -euo pipefail
python="$1" directory="$2"
cd "$(dirname "$0")/.."
command -v cc >/dev/null || { echo "error: there is no C compiler (cc). Install gcc." >&2; exit 1; }
echo "==> compiling the hot path into $directory (a minute)"
rm -rf "$directory"
mkdir -p "$directory"
tar c --exclude=node_modules --exclude=__pycache__ transformer destinations tests schemas deploy \
	pyproject.toml constraints.txt README.md CHANGELOG.md LICENSE Makefile | tar x -C "$directory"
cd "$directory"
HATCH_BUILD_HOOK_ENABLE_MYPYC=true "$python" -m pip wheel --quiet --disable-pip-version-check \
	--no-build-isolation --no-deps --wheel-dir wheel .
"$python" -m zipfile -e wheel/*.whl .
rm -rf build wheel
