"""The recording and alerting rules: valid, each alert tested both ways, each with a runbook."""

import re
import subprocess

import pytest
import yaml

from tests.deploy.rules import RULES, TESTS, Rule, asked_for, rules, unknown
from tests.deploy.tools import DEPLOY, path_of

ALERTS = [rule for rule in rules() if rule.alert]
PARTS = ("What it means", "What the user notices", "What to look at", "What to do")


def _id(rule: Rule) -> str:
    return rule.alert or rule.record


@pytest.mark.prometheus
def test_promtool_finds_the_rules_well_formed() -> None:
    """Syntax, expressions, templates."""
    done = subprocess.run(  # noqa: S603 - our own arguments
        [path_of("promtool"), "check", "rules", RULES], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_recorded_series_are_evaluated_before_the_alerts_that_ask_for_them() -> None:
    """Else promtool takes any order, and an alert may see the evaluation before."""
    groups = [group["name"] for group in yaml.safe_load(RULES.read_text())["groups"]]
    assert yaml.safe_load(TESTS.read_text())["group_eval_order"] == groups
    assert groups[0] == "transformer.recording"


@pytest.mark.prometheus
def test_every_alert_fires_and_stays_quiet_as_its_tests_say() -> None:
    """Promtool runs rules_test.yaml."""
    done = subprocess.run(  # noqa: S603 - our own arguments
        [path_of("promtool"), "test", "rules", TESTS.name],
        cwd=TESTS.parent, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("rule", ALERTS, ids=_id)
def test_each_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not(rule: Rule) -> None:
    """In rules_test.yaml; recorded series are tested there, too."""
    cases = [
        case["exp_alerts"]
        for test in yaml.safe_load(TESTS.read_text())["tests"]
        for case in test.get("alert_rule_test", [])
        if case["alertname"] == rule.alert
    ]
    fired = [alert["exp_labels"] for alerts in cases for alert in alerts]
    assert [] in cases
    assert any(rule.labels.items() <= labels.items() for labels in fired)


@pytest.mark.parametrize("rule", [rule for rule in rules() if rule.record], ids=_id)
def test_each_recorded_series_is_tested(rule: Rule) -> None:
    """With its value."""
    tested = {
        case["expr"].partition("{")[0]
        for test in yaml.safe_load(TESTS.read_text())["tests"]
        for case in test.get("promql_expr_test", [])
    }
    assert rule.record in tested


@pytest.mark.parametrize("rule", rules(), ids=_id)
def test_rules_ask_for_metrics_that_there_are(rule: Rule) -> None:
    """From `metric_list`, or recorded here."""
    names = asked_for(rule.expression)
    assert names or 'up{job="' in rule.expression
    assert unknown(names) == set()


@pytest.mark.parametrize("rule", ALERTS, ids=_id)
def test_each_alert_says_whom_it_concerns_and_what_to_do(rule: Rule) -> None:
    """Its summary names the connection or instance; its runbook has all four parts."""
    whom = ("$labels.connection", "$labels.instance", "ledger")
    assert any(word in rule.annotations["summary"] for word in whom)
    assert rule.labels["severity"] in {"page", "ticket", "info"}
    assert rule.annotations["runbook"] == f"deploy/runbooks.md#{rule.alert.lower()}"
    text = (DEPLOY / "runbooks.md").read_text()
    (section,) = re.findall(rf"^## {rule.alert}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert re.findall(r"^\*\*(.+?)\.\*\*", section, re.MULTILINE) == list(PARTS)


def test_every_runbook_belongs_to_an_alert() -> None:
    """And none is left over."""
    sections = re.findall(r"^## (\w+)$", (DEPLOY / "runbooks.md").read_text(), re.MULTILINE)
    assert sections == list(dict.fromkeys(rule.alert for rule in ALERTS))
