"""The settings of an Account Engagement connection, and its example files."""

from pathlib import Path

import pytest
import yaml

from destinations.account_engagement.destination import KIND
from destinations.account_engagement.settings import Auth, read, validate
from tests.contract.account_engagement.business_unit import Value, settings_for

EXAMPLES = Path(__file__).parents[3] / "destinations/account_engagement/examples"
GOOD: dict[str, Value] = {
    "business_unit_id": "0Uv000000000001CAA",
    "login_url": "https://acme.my.salesforce.com",
    "client_id": "key",
    "client_secret": "a-secret",
}
PEM = "-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("environment", "login", "hosts"),
    [
        ("production", None, ("https://login.salesforce.com", "https://pi.pardot.com")),
        ("developer", None, ("https://login.salesforce.com", "https://pi.demo.pardot.com")),
        ("sandbox", None, ("https://test.salesforce.com", "https://pi.demo.pardot.com")),
        (
            "sandbox",
            "https://acme--uat.sandbox.my.salesforce.com/",
            ("https://acme--uat.sandbox.my.salesforce.com", "https://pi.demo.pardot.com"),
        ),
    ],
)
def test_the_environment_decides_both_hosts(
    environment: str, login: str | None, hosts: tuple[str, str]
) -> None:
    """The login's own instance_url is never the API host."""
    settings = settings_for(
        GOOD, environment=environment, login_url=login, refresh_token="r", auth="refresh_token"
    )
    assert validate(settings) == []
    options = read(settings)
    assert (options.login_url, options.base_url) == hosts


@pytest.mark.parametrize(
    ("given", "auth"),
    [
        ({}, Auth.CLIENT_CREDENTIALS),
        ({"refresh_token": "r"}, Auth.REFRESH_TOKEN),
        ({"private_key": PEM, "username": "u"}, Auth.JWT_BEARER),
        ({"refresh_token": "r", "auth": "client_credentials"}, Auth.CLIENT_CREDENTIALS),
    ],
)
def test_the_way_to_log_in_follows_from_the_credentials(
    given: dict[str, Value], auth: Auth
) -> None:
    """Unless it is named."""
    settings = settings_for(GOOD, **given)
    assert validate(settings) == []
    assert read(settings).auth is auth


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"business_unit_id": None}, "business_unit_id: expected 18 characters"),
        ({"business_unit_id": "0Uv00000000001"}, "business_unit_id: expected 18 characters"),
        ({"business_unit_id": "00D000000000001CAA"}, "business_unit_id: expected 18 characters"),
        ({"client_secret": None}, "auth: no complete set"),
        ({"auth": "jwt_bearer", "private_key": PEM}, "username: missing"),
        ({"private_key": "x", "username": "u"}, "private_key: expected a PEM"),
        ({"login_url": None}, "login_url: auth client_credentials works on"),
        ({"login_url": "https://login.salesforce.com/"}, "login_url: auth client_credentials"),
        ({"login_url": "http://acme.my.salesforce.com"}, "login_url: plain http"),
        ({"login_url": "https://a--b.sandbox.my.salesforce.com"}, "login_url: a--b.sandbox"),
        ({"environment": "sandbox"}, "login_url: acme.my.salesforce.com does not fit"),
        ({"base_url": "https://pi.demo.pardot.com"}, "base_url: pi.demo.pardot.com is not"),
        ({"external_activities": True}, "activity_extension: missing"),
        ({"requests_in_flight": 6}, "requests_in_flight: expected 1 to 5"),
        ({"requests_in_flight": 0}, "requests_in_flight: expected 1 to 5"),
        ({"api_share": 1.5}, "api_share: expected"),
        ({"recheck_seconds": 0.0}, "recheck_seconds: expected seconds"),
        ({"assign_by_import_from": -1}, "assign_by_import_from: expected 0 (never) or more"),
        ({"import_timeout_seconds": 0.0}, "import_timeout_seconds: expected seconds"),
        ({"time_zone": "Mars/Olympus"}, "time_zone: expected a name"),
        ({"time_zone": "../etc/passwd"}, "time_zone: expected a name"),
    ],
)
def test_each_contradiction_is_one_problem(given: dict[str, Value], problem: str) -> None:
    """In the words of a message, without a secret."""
    problems = validate(settings_for(GOOD, **given))
    assert len(problems) == 1
    assert problems[0].startswith(problem)
    assert "a-secret" not in problems[0]


def test_secrets_are_kept_out_of_repr() -> None:
    """No secret shows."""
    shown = repr(read(settings_for(GOOD, private_key=PEM, username="u", refresh_token="r-token")))
    assert "a-secret" not in shown
    assert "PRIVATE" not in shown
    assert "r-token" not in shown


def test_the_full_example_sets_every_setting_and_the_minimal_one_what_is_needed() -> None:
    """Both start paused (row P2)."""
    found = {}
    for name in ("full", "minimal"):
        text = (EXAMPLES / f"{name}.yaml").read_text(encoding="utf-8")
        connection = yaml.safe_load(text)["connections"][0]
        assert connection["paused"] is True
        found[name] = connection["settings"]
        assert [p for p in validate(settings_for(found[name])) if "private_key" not in p] == []
    assert found["full"].keys() == {setting.name for setting in KIND.settings}
    assert found["minimal"].keys() == {*GOOD, "connector_user"}


def test_every_way_to_log_in_can_be_named() -> None:
    """And no other."""
    (auth,) = (setting for setting in KIND.settings if setting.name == "auth")
    assert set(auth.choices) == set(Auth)
