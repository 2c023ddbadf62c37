"""The settings of an ActiveCampaign connection, and its example files."""

from pathlib import Path

import pytest
import yaml

from destinations.activecampaign.destination import KIND
from destinations.activecampaign.settings import read, validate
from tests.contract.activecampaign.account import Value, settings_for

EXAMPLES = Path(__file__).parents[3] / "destinations/activecampaign/examples"
URL = "https://acme.api-us1.com"


@pytest.mark.parametrize(
    "base", [URL, f"{URL}/", f"{URL}/api/3", f"{URL}/api/3/", "http://127.0.0.1:8025"]
)
def test_the_address_may_be_given_with_or_without_the_api_root(base: str) -> None:
    """Settings > Developer shows it without, the documentation with."""
    settings = settings_for(base)
    assert validate(settings) == []
    assert read(settings).root == f"{base.removesuffix('/').removesuffix('/api/3')}/api/3"


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"base_url": ""}, "base_url: missing"),
        ({"api_token": None}, "api_token: missing"),
        ({"base_url": "http://acme.api-us1.com"}, "base_url: plain http"),
        ({"event_url": "nonsense"}, "event_url: expected an address"),
        ({"event_tracking": True, "event_key": ""}, "event_key: missing"),
        ({"requests_per_second": 6.0}, "requests_per_second: expected more than 0"),
        ({"requests_per_second": 0.0}, "requests_per_second: expected more than 0"),
        ({"bulk_threshold": -1}, "bulk_threshold: expected 0"),
        ({"bulk_poll_seconds": 0.0}, "bulk_poll_seconds: expected seconds"),
        ({"currency": "dollars"}, "currency: expected three letters"),
    ],
)
def test_each_contradiction_is_one_problem(given: dict[str, Value], problem: str) -> None:
    """In the words of a message, without a secret."""
    problems = validate(settings_for(URL, **given))
    assert len(problems) == 1
    assert problems[0].startswith(problem)
    assert "emulator-token" not in problems[0]


def test_secrets_are_kept_out_of_repr() -> None:
    """Neither key shows."""
    shown = repr(read(settings_for(URL)))
    assert "emulator-token" not in shown
    assert "emulator-event-key" not in shown


def test_the_full_example_sets_every_setting_and_no_other() -> None:
    """And the minimal one only what has no default."""
    found = {}
    for name in ("full", "minimal"):
        text = (EXAMPLES / f"{name}.yaml").read_text(encoding="utf-8")
        found[name] = set(yaml.safe_load(text)["connections"][0]["settings"])
    assert found["full"] == {setting.name for setting in KIND.settings}
    assert found["minimal"] == {"base_url", "api_token"}
