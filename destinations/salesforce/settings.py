"""The settings of a Salesforce connection: validated and typed. Pure; sends nothing."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias
from urllib.parse import urlsplit

from destinations.salesforce.declared import API_VERSION, SETTINGS
from destinations.salesforce.soql import is_name
from transformer.destination import Settings
from transformer.kit.settings import Given

Fields: TypeAlias = frozenset[tuple[str, str]]
"""Fields by the names of their object and their own, case folded."""

SANDBOX_LOGIN = "https://test.salesforce.com"
PRODUCTION_LOGIN = "https://login.salesforce.com"


class Auth(StrEnum):
    """How to log in."""

    CLIENT_CREDENTIALS = "client_credentials"
    JWT_BEARER = "jwt_bearer"
    REFRESH_TOKEN = "refresh_token"  # noqa: S105 - the name of a grant, not a secret
    PASSWORD = "password"  # noqa: S105 - the name of a grant, not a secret
    SOAP = "soap"


_NEEDS: dict[Auth, tuple[str, ...]] = {
    Auth.CLIENT_CREDENTIALS: ("client_id", "client_secret"),
    Auth.JWT_BEARER: ("client_id", "private_key", "username"),
    Auth.REFRESH_TOKEN: ("client_id", "refresh_token"),
    Auth.PASSWORD: ("client_id", "client_secret", "username", "password"),
    Auth.SOAP: ("username", "password"),
}
# When `auth` is not set, the first of these whose settings are all there.
_INFERRED = (
    Auth.JWT_BEARER,
    Auth.REFRESH_TOKEN,
    Auth.PASSWORD,
    Auth.CLIENT_CREDENTIALS,
    Auth.SOAP,
)
ENDING = frozenset({Auth.PASSWORD, Auth.SOAP})
BULK_SINCE_VERSION = 49.0
_VERSION = re.compile(r"v?(3[1-9]|[4-9]\d|1\d\d)\.0")


@dataclass(frozen=True, slots=True)
class SalesforceSettings:
    """The settings, typed. Secrets are kept out of `repr`."""

    auth: Auth
    login_url: str
    sandbox: bool
    api_version: str
    username: str
    password: str = field(repr=False)
    security_token: str = field(repr=False)
    instance_url: str
    client_id: str
    client_secret: str = field(repr=False)
    private_key: str = field(repr=False)
    refresh_token: str = field(repr=False)
    use_contact_id: bool
    several_matches: str
    duplicates: str
    upsert_directly: Fields
    drop_unknown_fields: bool
    assignment_rules: bool
    remember_ids: int
    remember_seconds: float
    skip_unchanged: bool
    bulk_threshold: int
    bulk_wait_seconds: float
    api_share: float
    recheck_seconds: float
    connect_timeout_seconds: float
    read_timeout_seconds: float


def org_is_sandbox(url: str) -> bool | None:
    """Whether `url` is a sandbox's by its host name.

    None when the name does not say: a proxy, an emulator on this machine.
    """
    host = urlsplit(url).hostname or ""
    if host == "test.salesforce.com":
        return True
    if host == "login.salesforce.com":
        return False
    if not host.endswith(".salesforce.com"):
        return None
    if host.endswith((".sandbox.my.salesforce.com", ".scratch.my.salesforce.com")):
        return True
    if host.endswith(".my.salesforce.com"):
        return "--" in host.partition(".")[0]
    return re.fullmatch(r"cs\d+", host.partition(".")[0]) is not None


def mismatch(url: str, *, sandbox: bool, where: str) -> str | None:
    """Say that `url` is of the other kind of org than `sandbox` says (row S1), or None."""
    actual = org_is_sandbox(url)
    if actual is None or actual == sandbox:
        return None
    host = urlsplit(url).hostname
    expected, got = ("a sandbox", "production") if sandbox else ("production", "a sandbox")
    return (
        f"{where}: {host} is {got}, expected {expected} because sandbox is"
        f" {str(sandbox).lower()}. Set sandbox: {str(actual).lower()}, or the other org's address."
    )


def read(settings: Settings) -> SalesforceSettings:
    """Read settings that `validate` found no problem with."""
    given = Given(settings, SETTINGS)
    default_login = SANDBOX_LOGIN if given.is_on("sandbox") else PRODUCTION_LOGIN
    return given.into(
        SalesforceSettings,
        auth=_auth(given) or Auth.SOAP,
        login_url=(given.text("login_url") or default_login).rstrip("/"),
        api_version=given.text("api_version").removeprefix("v"),
        instance_url=given.text("instance_url").rstrip("/"),
        upsert_directly=frozenset(map(_field, _listed(given, "upsert_directly"))),
        drop_unknown_fields=given.text("unknown_fields") == "drop",
    )


def validate(settings: Settings) -> Sequence[str]:
    """List every contradiction between settings, each as `key: what is wrong. What to do.`."""
    given = Given(settings, SETTINGS)
    return [
        *_auth_problems(given),
        *_address_problems(given),
        *_value_problems(given),
        *_bulk_problems(given),
        *_direct_problems(given),
    ]


def _auth(given: Given) -> Auth | None:
    named = given.text("auth")
    if named in tuple(Auth):
        return Auth(named)
    return next((auth for auth in _INFERRED if not given.missing(_NEEDS[auth])), None)


def _auth_problems(given: Given) -> Sequence[str]:
    auth = _auth(given)
    if auth is None:
        return [
            "auth: no complete set of credentials, expected one of "
            + "; ".join(f"{kind}: {', '.join(needs)}" for kind, needs in _NEEDS.items())
            + "."
        ]
    problems = [
        f"{name}: missing, auth {auth} needs it. Set it." for name in given.missing(_NEEDS[auth])
    ]
    key = given.text("private_key")
    if auth is Auth.JWT_BEARER and key and "PRIVATE KEY-----" not in key:
        problems.append(
            "private_key: expected a PEM private key (-----BEGIN PRIVATE KEY-----)."
            " Give the key itself or file:/path/to/key.pem."
        )
    login = given.text("login_url").rstrip("/") or PRODUCTION_LOGIN
    if auth is Auth.CLIENT_CREDENTIALS and login in {PRODUCTION_LOGIN, SANDBOX_LOGIN}:
        problems.append(
            "login_url: auth client_credentials works on the org's My Domain only, expected"
            " https://<MyDomain>.my.salesforce.com. Set it to the org's own address."
        )
    return problems


def _address_problems(given: Given) -> Sequence[str]:
    problems = given.address_problems("login_url", "instance_url")
    others = (
        mismatch(url, sandbox=given.is_on("sandbox"), where=name)
        for name in ("login_url", "instance_url")
        if (url := given.text(name))
    )
    return problems or [other for other in others if other]


def _value_problems(given: Given) -> Sequence[str]:
    problems = []
    version = given.text("api_version")
    if version and _VERSION.fullmatch(version) is None:
        problems.append(
            f'api_version: expected 31.0 or later, as in "{API_VERSION}", got "{version}".'
        )
    return [*problems, *given.number_problems("remember_seconds", "bulk_wait_seconds")]


def _bulk_problems(given: Given) -> Sequence[str]:
    problems = [
        f"{name}: expected 0 or more, got {value:g}."
        for name in ("remember_ids", "bulk_threshold")
        if (value := given.number(name)) < 0
    ]
    if given.number("bulk_threshold") <= 0:
        return problems
    if given.text("duplicates") == "allow":
        problems.append(
            "bulk_threshold: a bulk job cannot pass duplicate rules, expected 0 with duplicates"
            " allow. Set it to 0, or duplicates to refuse or update."
        )
    version = given.text("api_version").removeprefix("v")
    if _VERSION.fullmatch(version) and float(version) < BULK_SINCE_VERSION:
        problems.append(
            f"bulk_threshold: needs API version {BULK_SINCE_VERSION} or later, got {version}."
            " Raise api_version, or set it to 0."
        )
    return problems


def _direct_problems(given: Given) -> Sequence[str]:
    """What is wrong with the fields to upsert by, and what cannot be had without a lookup."""
    listed = _listed(given, "upsert_directly")
    problems = [
        f'upsert_directly: expected Object.Field as in Lead.Email, got "{text}".'
        for text in listed
        if text.count(".") != 1 or not all(map(is_name, text.split(".")))
    ]
    choices = (
        ("several_matches", "first"),
        ("several_matches", "newest"),
        ("duplicates", "update"),
    )
    needs_lookup = [f"{name} {choice}" for name, choice in choices if given.text(name) == choice]
    if given.is_on("use_contact_id") and any(
        text.casefold().startswith("lead.") for text in listed
    ):
        needs_lookup.append("use_contact_id true")
    if listed and needs_lookup:
        problems.append(
            f"upsert_directly: {', '.join(needs_lookup)} needs a lookup, expected one of the two."
            " Leave upsert_directly out, or the other at its default."
        )
    return problems


def _listed(given: Given, name: str) -> Sequence[str]:
    return [text for part in given.text(name).split(",") if (text := part.strip())]


def _field(text: str) -> tuple[str, str]:
    object_type, _, name = text.casefold().partition(".")
    return (object_type, name)
