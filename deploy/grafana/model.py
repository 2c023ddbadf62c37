"""A dashboard as values, and as the JSON that Grafana reads. Knows no metric but one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from transformer.telemetry import metric_list as m

_COLUMNS: Final = 24
_HEIGHT: Final = 8
_SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}


@dataclass(frozen=True, slots=True)
class Query:
    """One PromQL expression and how its series are called."""

    expression: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel; `unit` is Grafana's name of it, `width` in 24ths of the page."""

    title: str
    about: str
    unit: str
    queries: Sequence[Query]
    kind: Literal["timeseries", "stat", "table", "bargauge"] = "timeseries"
    width: int = 8
    stacked: bool = False


@dataclass(frozen=True, slots=True)
class Dashboard:
    """One dashboard; `variables` are chosen at its top."""

    uid: str
    title: str
    panels: Sequence[Panel]
    has_connection: bool = False


def model(dashboard: Dashboard) -> dict[str, object]:
    """The JSON of one dashboard; panels flow from left to right, in order."""
    panels = []
    x = y = 0
    for number, panel in enumerate(dashboard.panels, 1):
        if x + panel.width > _COLUMNS:
            x, y = 0, y + _HEIGHT
        panels.append(_panel(panel, number, x, y))
        x += panel.width
    return {
        "uid": dashboard.uid,
        "title": dashboard.title,
        "tags": ["transformer"],
        "schemaVersion": 39,
        "editable": False,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "utc",
        "links": [{"type": "dashboards", "tags": ["transformer"], "title": "Transformer"}],
        "templating": {"list": _variables(dashboard)},
        "panels": panels,
    }


def _variables(dashboard: Dashboard) -> list[dict[str, object]]:
    source: dict[str, object] = {
        "name": "datasource",
        "label": "Data source",
        "type": "datasource",
        "query": "prometheus",
    }
    query = f"label_values({m.STATE.name}, connection)"
    connection: dict[str, object] = {
        "name": "connection",
        "label": "Connection",
        "type": "query",
        "datasource": _SOURCE,
        "query": {"query": query, "refId": "A"},
        "refresh": 2,
    }
    return [source, connection] if dashboard.has_connection else [source]


def _panel(panel: Panel, number: int, x: int, y: int) -> dict[str, object]:
    is_table = panel.kind == "table"
    stacking = {"mode": "normal" if panel.stacked else "none"}
    custom = {"stacking": stacking, "fillOpacity": 20 if panel.stacked else 0}
    return {
        "id": number,
        "title": panel.title,
        "description": panel.about,
        "type": panel.kind,
        "datasource": _SOURCE,
        "gridPos": {"x": x, "y": y, "w": panel.width, "h": _HEIGHT},
        "fieldConfig": {
            "defaults": {
                "unit": panel.unit,
                "min": 0,
                **({"custom": custom} if panel.kind == "timeseries" else {}),
            },
            "overrides": [],
        },
        "options": {},
        "targets": [
            {
                "refId": chr(ord("A") + index),
                "datasource": _SOURCE,
                "expr": query.expression,
                "legendFormat": query.legend,
                **({"format": "table", "instant": True} if is_table else {}),
            }
            for index, query in enumerate(panel.queries)
        ],
    }
