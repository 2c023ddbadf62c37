"""Settings of a HubSpot connection: contradictions are found, secrets stay out of sight."""

from pathlib import Path

import pytest
import yaml

from destinations.hubspot import settings
from destinations.hubspot.client import rate_within
from destinations.hubspot.destination import KIND
from transformer.budget import Budget, Rate

Value = str | bool | int | float | None
EXAMPLES = Path(settings.__file__).with_name("examples")


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({}, "access_token: no credentials"),
        ({"access_token": "pat-1", "client_id": "x"}, "access_token: expected a private app's"),
        ({"client_id": "x", "client_secret": "y"}, "refresh_token: missing"),
        ({"access_token": "pat 1"}, "access_token: expected a token such as"),
        ({"access_token": "p", "base_url": "http://example.com"}, "base_url: plain http"),
        ({"access_token": "p", "base_url": "nonsense"}, "base_url: expected an address"),
        ({"access_token": "p", "api_share": 0}, "api_share: expected more than 0"),
        ({"access_token": "p", "burst_requests": 0}, "burst_requests: expected 1 or more"),
        ({"access_token": "p", "search_lag_seconds": -1}, "search_lag_seconds: expected 0"),
        ({"access_token": "p", "recheck_seconds": 0}, "recheck_seconds: expected seconds"),
    ],
)
def test_a_contradiction_is_one_clear_problem(given: dict[str, Value], problem: str) -> None:
    """Named by its key."""
    (found,) = settings.validate(given)
    assert found.startswith(problem)


def test_defaults_are_those_that_are_declared() -> None:
    """The reader and the declaration say the same."""
    declared = {each.name: each.default for each in KIND.settings}
    read = settings.read({})
    for name, default in declared.items():
        if default is not None:
            assert getattr(read, name) == default


def test_secrets_are_not_shown() -> None:
    """Nor is a token."""
    shown = repr(
        settings.read({"access_token": "t0ken", "client_secret": "s3cret", "refresh_token": "r3f"})
    )
    assert not any(secret in shown for secret in ("t0ken", "s3cret", "r3f"))


def test_the_full_example_sets_every_setting_and_the_minimal_one_is_enough() -> None:
    """Adding a setting without showing it fails here."""
    full = yaml.safe_load((EXAMPLES / "full.yaml").read_text(encoding="utf-8"))
    minimal = yaml.safe_load((EXAMPLES / "minimal.yaml").read_text(encoding="utf-8"))
    assert set(full["connections"][0]["settings"]) == {each.name for each in KIND.settings}
    assert settings.validate(full["connections"][0]["settings"]) == []
    assert settings.validate(minimal["connections"][0]["settings"]) == []


@pytest.mark.parametrize(
    ("requests", "seconds"),
    [(100, 10.0), (190, 10.0), (31, 10.0), (20, 10.0), (4, 1.0), (2, 1.0), (1, 1.0)],
)
def test_the_bucket_never_lets_more_through_in_a_window_than_hubspot_allows(
    requests: int, seconds: float
) -> None:
    """Also when it starts full."""
    budget, now = Budget(rate=rate_within(requests, seconds)), 0.0
    sent: list[float] = []
    while now < 4 * seconds:
        wait = budget.wait_seconds(now)
        if wait > 0:
            now += wait + 1e-9
            continue
        budget.take(now)
        budget.release()
        sent.append(now)
    most = max(sum(start <= at < start + seconds for at in sent) for start in sent)
    assert most <= requests
    assert len(sent) >= (0.7 if requests > 2 else 0.5) * 4 * requests
    assert rate_within(0.5, seconds) == Rate(1, 2 * seconds)
