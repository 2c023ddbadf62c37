"""The Grafana dashboards: as generated, every panel asks for metrics that there are."""

import json
import struct
import subprocess
from collections.abc import Iterator

import pytest

from deploy.grafana import dashboards, draw
from deploy.grafana.dashboards import DASHBOARDS
from deploy.grafana.model import Dashboard, Panel
from tests.deploy.rules import asked_for, unknown
from tests.deploy.tools import DEPLOY, path_of
from transformer.ledger import metrics as kept
from transformer.telemetry import metric_list as listed

# Metrics that no dashboard shows: facts, and the ledger's own finer points.
UNSHOWN = {
    listed.BUILD,
    listed.MAPPING,
    listed.READ_BYTES,
    listed.LAST_READ,
    kept.CONSUMED,
    kept.SETTLED,
    kept.CONTRADICTED,
    kept.NEXT_OFFSET,
    kept.LAST_RESULT,
    kept.LAG,
    kept.UNREADABLE,
}
PANELS = [(one, panel) for one in DASHBOARDS for panel in one.panels]


def expressions() -> Iterator[str]:
    """Every query of every dashboard."""
    for _, panel in PANELS:
        yield from (query.expression for query in panel.queries)


@pytest.mark.parametrize("name", dashboards.files())
def test_the_files_are_what_the_generator_makes(name: str) -> None:
    """If not: python -m deploy.grafana.dashboards."""
    assert (DEPLOY / "grafana" / name).read_text() == dashboards.files()[name]


def test_there_is_no_other_file() -> None:
    """None that a renamed dashboard left."""
    assert {path.name for path in (DEPLOY / "grafana").glob("*.json")} == set(dashboards.files())


@pytest.mark.parametrize(
    ("dashboard", "panel"), PANELS, ids=[f"{d.uid} {p.title}" for d, p in PANELS]
)
def test_a_panel_asks_for_metrics_that_there_are(dashboard: Dashboard, panel: Panel) -> None:
    """From `metric_list` or recorded by the rules; it says what it shows."""
    for query in panel.queries:
        names = asked_for(query.expression)
        assert names or "up{" in query.expression
        assert unknown(names) == set()
        assert ("$connection" in query.expression) == dashboard.has_connection
    assert panel.about.endswith(".")


def test_every_metric_is_shown_somewhere() -> None:
    """Or is listed here as not shown."""
    shown = {name for expression in expressions() for name in asked_for(expression)}
    stems = {name.removesuffix("_bucket").removesuffix("_sum") for name in shown}
    metrics = (*listed.METRICS, *kept.METRICS)
    missing = {metric.name for metric in metrics if metric not in UNSHOWN} - stems
    assert missing == set()


@pytest.mark.prometheus
def test_every_query_is_good_promql() -> None:
    """Prometheus itself reads them, as rules."""
    groups = {
        "groups": [
            {
                "name": "panels",
                "rules": [
                    {"record": f"panel:number:{number}", "expr": _without_variables(expression)}
                    for number, expression in enumerate(expressions())
                ],
            }
        ]
    }
    done = subprocess.run(  # noqa: S603 - our own arguments
        [path_of("promtool"), "check", "rules", "/dev/stdin"],
        input=json.dumps(groups), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_panels_do_not_overlap() -> None:
    """Each has its place on a page of 24 columns."""
    for text in dashboards.files().values():
        taken: set[tuple[int, int]] = set()
        for panel in json.loads(text)["panels"]:
            at = panel["gridPos"]
            cells = {
                (x, y)
                for x in range(at["x"], at["x"] + at["w"])
                for y in range(at["y"], at["y"] + at["h"])
            }
            assert not taken & cells
            assert at["x"] + at["w"] <= 24
            taken |= cells


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda dashboard: dashboard.uid)
def test_its_picture_has_room_for_every_panel(dashboard: Dashboard) -> None:
    """A picture with fewer rows was drawn of an older dashboard: draw it again."""
    header = (DEPLOY / "grafana" / "pictures" / f"{dashboard.uid}.png").read_bytes()[:24]
    width, height = struct.unpack(">II", header[16:])
    assert (width, height) == draw.pixels(dashboard)


def _without_variables(expression: str) -> str:
    return expression.replace("$__rate_interval", "5m").replace("$connection", "crm")
