"""Draws the dashboards' panels from a Prometheus, for the documentation: not Grafana, its queries.

`python -m deploy.grafana.draw http://127.0.0.1:9090 300 FOLDER` draws the last 300 seconds. Needs
matplotlib, which nothing else here does.
"""

import json
import re
import sys
import time
import urllib.parse
import urllib.request
from importlib import import_module
from pathlib import Path
from typing import Any

from deploy.grafana.dashboards import DASHBOARDS
from deploy.grafana.model import Dashboard, Panel, Query

_ACROSS = 3
_PANEL_INCHES = (6, 3.2)
_DPI = 70
_UNITS = {"ops": "per second", "reqps": "per second", "s": "seconds", "percentunit": "share"}


def main(url: str, seconds: float, folder: Path, connection: str = "salesforce") -> None:
    """Draw every dashboard into `folder`."""
    plot: Any = import_module("matplotlib.pyplot")
    for dashboard in DASHBOARDS:
        figure = _figure(plot, dashboard, lambda query: _series(url, query, seconds, connection))
        figure.savefig(folder / f"{dashboard.uid}.png", dpi=_DPI)
        plot.close(figure)


def pixels(dashboard: Dashboard) -> tuple[int, int]:
    """Width and height of its picture."""
    width, height = _inches(dashboard)
    return round(width * _DPI), round(height * _DPI)


def _rows(dashboard: Dashboard) -> int:
    return -(-len(dashboard.panels) // _ACROSS)


def _inches(dashboard: Dashboard) -> tuple[float, float]:
    width, height = _PANEL_INCHES
    return width * _ACROSS, height * _rows(dashboard)


def _figure(plot: Any, dashboard: Dashboard, series: Any) -> Any:
    figure, axes = plot.subplots(
        _rows(dashboard), _ACROSS, figsize=_inches(dashboard), squeeze=False, layout="constrained"
    )
    figure.suptitle(dashboard.title)
    for axis, panel in zip(axes.flat, dashboard.panels, strict=False):
        _draw(axis, panel, series)
    for axis in axes.flat[len(dashboard.panels) :]:
        axis.axis("off")
    return figure


def _draw(axis: Any, panel: Panel, series: Any) -> None:
    axis.set_title(panel.title, fontsize=10, loc="left")
    axis.set_ylabel(_UNITS.get(panel.unit, panel.unit if panel.unit != "none" else ""), fontsize=8)
    lines = [line for query in panel.queries for line in series(query)]
    for label, times, values in lines:
        axis.plot(times, values, label=label, linewidth=1.2)
    axis.set_ylim(0, axis.get_ylim()[1] * 1.05)  # a level line would hide in the upper edge
    axis.tick_params(labelsize=7)
    axis.grid(visible=True, alpha=0.3)
    if lines:
        axis.legend(fontsize=6, loc="upper left")
    else:
        axis.text(0.5, 0.5, "no data in this run", ha="center", transform=axis.transAxes)


def _series(
    url: str, query: Query, seconds: float, connection: str
) -> list[tuple[str, list[float], list[float]]]:
    """Label, seconds since the beginning, values, of each series that has any."""
    end = time.time()
    expression = query.expression.replace("$__rate_interval", "30s")
    asked = {
        "query": expression.replace("$connection", connection),
        "start": f"{end - seconds:.0f}",
        "end": f"{end:.0f}",
        "step": "2",
    }
    where = f"{url}/api/v1/query_range?{urllib.parse.urlencode(asked)}"
    with urllib.request.urlopen(where, timeout=30) as answer:  # noqa: S310 - as the caller named it
        found = json.load(answer)["data"]["result"]
    return [
        (
            _label(query, one["metric"]),
            [at - end + seconds for at, _ in one["values"]],
            [float(value) for _, value in one["values"]],
        )
        for one in found
    ]


def _label(query: Query, labels: dict[str, str]) -> str:
    text = query.legend or " ".join(value for name, value in labels.items() if name != "__name__")
    for name, value in labels.items():
        text = text.replace(f"{{{{{name}}}}}", value)
    return re.sub(r"\{\{\w+\}\}", "", text).strip()


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), Path(sys.argv[3]))
