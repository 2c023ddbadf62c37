"""The Prometheus rules as values, and which metrics an expression asks for."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import yaml

from tests.deploy.tools import DEPLOY
from transformer.ledger import metrics as kept
from transformer.telemetry import metric_list as listed

RULES: Final = DEPLOY / "prometheus" / "rules.yaml"
TESTS: Final = DEPLOY / "prometheus" / "rules_test.yaml"
_NAME: Final = re.compile(r"\b(?:connection:)?(?:transformer|process)_[a-z0-9_]+(?::[a-z0-9_]+)?\b")
_SUFFIXES: Final = ("_bucket", "_sum", "_count")
OF_THE_LIBRARY: Final = frozenset(
    ("process_start_time_seconds", "process_cpu_seconds_total", "process_resident_memory_bytes")
)


@dataclass(frozen=True, slots=True)
class Rule:
    """One recording or alerting rule."""

    record: str
    alert: str
    expression: str
    labels: dict[str, str]
    annotations: dict[str, str]


def rules() -> list[Rule]:
    """All of them, in order."""
    return [
        Rule(
            rule.get("record", ""),
            rule.get("alert", ""),
            rule["expr"],
            rule.get("labels", {}),
            rule.get("annotations", {}),
        )
        for group in yaml.safe_load(RULES.read_text())["groups"]
        for rule in group["rules"]
    ]


def asked_for(expression: str) -> set[str]:
    """The metrics and recorded series that an expression names."""
    without_strings = re.sub(r'"[^"]*"', '""', expression)
    return set(_NAME.findall(without_strings))


def unknown(names: Iterable[str]) -> set[str]:
    """Those that nothing serves and no rule records."""
    metrics = (*listed.METRICS, *kept.METRICS)
    known = {metric.name for metric in metrics} | {rule.record for rule in rules()}
    for metric in metrics:
        if metric.type == "histogram":
            known |= {metric.name + suffix for suffix in _SUFFIXES}
    return set(names) - known - OF_THE_LIBRARY
