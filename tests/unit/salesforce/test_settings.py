"""Settings: how to log in is found, sandbox and production never mix (row S1)."""

import pytest

from destinations.salesforce import declared
from destinations.salesforce.settings import (
    Auth,
    mismatch,
    org_is_sandbox,
    read,
    validate,
)
from transformer.destination import Settings

PASSWORD: Settings = {"username": "u@x.io", "password": "p", "security_token": "t"}
APP: Settings = {"client_id": "id", "client_secret": "s"}
OWN = "https://acme.my.salesforce.com"
PEM = "-----BEGIN PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("settings", "auth"),
    [
        (PASSWORD, Auth.SOAP),
        ({**PASSWORD, **APP}, Auth.PASSWORD),
        ({**APP, "login_url": OWN}, Auth.CLIENT_CREDENTIALS),
        ({**APP, "refresh_token": "r"}, Auth.REFRESH_TOKEN),
        ({"client_id": "id", "username": "u", "private_key": PEM}, Auth.JWT_BEARER),
        ({**PASSWORD, **APP, "auth": "soap"}, Auth.SOAP),
    ],
)
def test_how_to_log_in_is_found_from_the_settings_that_are_there(
    settings: Settings, auth: Auth
) -> None:
    """Unless `auth` says it."""
    assert validate(settings) == []
    assert read(settings).auth is auth


@pytest.mark.parametrize(
    ("settings", "problems"),
    [
        ({}, ["auth: no complete set of credentials"]),
        ({**PASSWORD, "auth": "jwt_bearer"}, ["client_id: missing", "private_key: missing"]),
        (APP, ["login_url: auth client_credentials works on the org's My Domain only"]),
        (
            {"client_id": "i", "username": "u", "private_key": "/etc/key.pem"},
            ["private_key: expected a PEM private key"],
        ),
        (
            {**PASSWORD, "sandbox": True, "login_url": "https://login.salesforce.com"},
            ["login_url: login.salesforce.com is production, expected a sandbox"],
        ),
        (
            {**PASSWORD, "sandbox": True, "login_url": OWN},
            ["login_url: acme.my.salesforce.com is production, expected a sandbox"],
        ),
        (
            {**PASSWORD, "instance_url": "https://acme--uat.sandbox.my.salesforce.com"},
            ["instance_url: acme--uat.sandbox.my.salesforce.com is a sandbox, expected production"],
        ),
        ({**PASSWORD, "login_url": "http://acme.example"}, ["login_url: plain http is allowed"]),
        ({**PASSWORD, "api_version": "20.0"}, ["api_version: expected 31.0 or later"]),
        ({**PASSWORD, "api_share": 1.5}, ["api_share: expected more than 0 and at most 1"]),
        ({**PASSWORD, "recheck_seconds": 0}, ["recheck_seconds: expected seconds greater than 0"]),
        ({**PASSWORD, "remember_ids": -1}, ["remember_ids: expected 0 or more, got -1"]),
        ({**PASSWORD, "remember_seconds": 0}, ["remember_seconds: expected seconds greater"]),
        ({**PASSWORD, "bulk_threshold": -1}, ["bulk_threshold: expected 0 or more"]),
        (
            {**PASSWORD, "upsert_directly": "Email, Lead.Email, a.b.c, Lead.E-mail"},
            [
                f'upsert_directly: expected Object.Field as in Lead.Email, got "{text}"'
                for text in ("Email", "a.b.c", "Lead.E-mail")
            ],
        ),
        (
            {**PASSWORD, "upsert_directly": "Lead.Email", "use_contact_id": True},
            ["upsert_directly: use_contact_id true needs a lookup, expected one of the two"],
        ),
        (
            {
                **PASSWORD,
                "upsert_directly": "Contact.Email",
                "several_matches": "newest",
                "duplicates": "update",
                "use_contact_id": True,
            },
            ["upsert_directly: several_matches newest, duplicates update needs a lookup"],
        ),
        ({**PASSWORD, "upsert_directly": " , ", "several_matches": "first"}, []),
        (
            {**PASSWORD, "bulk_threshold": 1, "duplicates": "allow", "api_version": "48.0"},
            ["bulk_threshold: a bulk job cannot pass", "bulk_threshold: needs API version 49.0"],
        ),
    ],
)
def test_contradictions_are_all_listed(settings: Settings, problems: list[str]) -> None:
    """Each names its key first; no secret is in any."""
    found = validate(settings)
    assert len(found) == len(problems)
    for said, expected in zip(found, problems, strict=True):
        assert said.startswith(expected)
        assert said.endswith(".")


@pytest.mark.parametrize(
    ("url", "sandbox"),
    [
        ("https://login.salesforce.com", False),
        ("https://test.salesforce.com", True),
        ("https://acme.my.salesforce.com", False),
        ("https://acme--uat.sandbox.my.salesforce.com", True),
        ("https://acme--uat.my.salesforce.com", True),
        ("https://x.scratch.my.salesforce.com", True),
        ("https://acme-dev-ed.develop.my.salesforce.com", False),
        ("https://cs42.salesforce.com", True),
        ("https://na139.salesforce.com", False),
        ("https://crm-proxy.acme.example", None),
        ("https://test.salesforce.com.evil.example", None),
    ],
)
def test_the_kind_of_org_is_read_from_its_host(url: str, sandbox: bool | None) -> None:
    """Where the name says it."""
    assert org_is_sandbox(url) is sandbox


def test_an_emulator_on_this_machine_is_neither() -> None:
    """Loopback addresses fit both settings of the switch."""
    for sandbox in (True, False):
        assert mismatch("http://127.0.0.1:1", sandbox=sandbox, where="login_url") is None


def test_the_generic_login_host_follows_the_switch() -> None:
    """Without `login_url`."""
    assert read(PASSWORD).login_url == "https://login.salesforce.com"
    assert read({**PASSWORD, "sandbox": True}).login_url == "https://test.salesforce.com"


def test_secrets_are_not_in_the_repr() -> None:
    """Of settings that were read."""
    shown = repr(read({**PASSWORD, **APP, "refresh_token": "rr", "private_key": "kk"}))
    assert not any(f"'{secret}'" in shown for secret in ("p", "t", "s", "rr", "kk"))


def test_every_secret_is_declared_as_one() -> None:
    """So that nothing prints it."""
    secret = {setting.name for setting in declared.SETTINGS if setting.secret}
    assert secret == {
        "password",
        "security_token",
        "client_secret",
        "private_key",
        "refresh_token",
    }


def test_every_way_to_log_in_can_be_named() -> None:
    """And no other."""
    (auth,) = (setting for setting in declared.SETTINGS if setting.name == "auth")
    assert auth.choices == tuple(Auth)
