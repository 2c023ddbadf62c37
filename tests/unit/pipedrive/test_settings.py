"""The settings of a Pipedrive connection: what is refused, and what plans come to."""

import pytest

from destinations.pipedrive.destination import KIND
from destinations.pipedrive.settings import read, validate

TOKEN = {"api_token": "t"}


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({}, "auth: expected the credentials"),
        ({**TOKEN, "client_id": "c"}, "auth: expected the credentials"),
        ({"client_id": "c"}, "client_secret: missing"),
        ({"auth": "oauth", **TOKEN}, "refresh_token: missing"),
        ({**TOKEN, "base_url": "http://x.example"}, "base_url: plain http"),
        ({**TOKEN, "base_url": "https://api.pipedrive.com/api/v2"}, "base_url: expected the host"),
        ({**TOKEN, "oauth_url": "ftp://x"}, "oauth_url: expected an address"),
        ({**TOKEN, "api_share": 1.5}, "api_share: expected more than 0"),
        ({**TOKEN, "reset_hour": 24}, "reset_hour: expected an hour"),
        ({**TOKEN, "searches": 0}, "searches: expected a number greater than 0"),
        ({**TOKEN, "currency": "Euro"}, "currency: expected an ISO 4217 code"),
        ({**TOKEN, "link_organization": "domain"}, "domain_field: missing"),
    ],
)
def test_a_contradiction_is_named_with_its_key(
    settings: dict[str, str | int | float], problem: str
) -> None:
    """One line for a person each."""
    assert any(line.startswith(problem) for line in validate(settings))


def test_the_plan_decides_tokens_and_burst() -> None:
    """30,000 tokens a seat, times the plan's factor; OAuth apps may send more at once."""
    by_token = read({**TOKEN, "plan": "premium", "seats": 3})
    assert (by_token.daily_tokens, by_token.burst, by_token.searches) == (450_000, 100, 10)
    oauth = {"client_id": "c", "client_secret": "s", "refresh_token": "r", "plan": "lite"}
    assert validate(oauth) == []
    assert (read(oauth).burst, read(oauth).api_token) == (80, "")
    assert read({**TOKEN, "daily_tokens": 5}).daily_tokens == 5


def test_both_credentials_are_fine_where_auth_says_which() -> None:
    """The others are left aside."""
    both = {**TOKEN, "auth": "oauth", "client_id": "c", "client_secret": "s", "refresh_token": "r"}
    assert validate(both) == []
    assert read(both).api_token == ""


def test_secrets_are_not_shown() -> None:
    """Not even when a settings object is printed."""
    oauth = {"client_id": "c", "client_secret": "open", "refresh_token": "shut"}
    shown = repr((read({"api_token": "sesame"}), read(oauth)))
    assert not any(secret in shown for secret in ("sesame", "open", "shut"))


def test_every_declared_default_is_what_is_read() -> None:
    """The declaration and the reader say the same."""
    declared = {setting.name: setting.default for setting in KIND.settings}
    assert read({**declared, **TOKEN}) == read(TOKEN)
