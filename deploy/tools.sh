#!/usr/bin/env bash
# Finds prometheus, promtool and helm, or installs them: `deploy/tools.sh` does both, with `--path`
# it prints the directories of what was installed by this script. Debian's prometheus package and
# Go's module proxy; nothing else is asked.
set -euo pipefail
cache="$(cd "$(dirname "$0")/.." && pwd)/.cache/tools"
helm_version=v3.22.0

have() { command -v "$1" >/dev/null 2>&1 || [ -x "$cache/$1" ]; }
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }

if [ "${1:-}" = --path ]; then
	echo "$cache"
	exit 0
fi
mkdir -p "$cache"
if ! have promtool || ! have prometheus; then
	command -v apt-get >/dev/null || { echo "error: prometheus and promtool are not here. Install Prometheus 2.40 or newer." >&2; exit 1; }
	echo "==> installing prometheus"
	as_root apt-get update -qq
	as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends prometheus >/dev/null
fi
if ! have helm; then
	command -v go >/dev/null || { echo "error: helm is not here, nor go to build it. Install Helm 3." >&2; exit 1; }
	echo "==> building helm $helm_version"
	GOBIN="$cache" go install "helm.sh/helm/v3/cmd/helm@$helm_version"
fi
