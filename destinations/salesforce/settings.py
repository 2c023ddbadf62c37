"""The settings of a Salesforce connection: validated and typed. Pure; sends nothing."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import urlsplit

from transformer.destination import Settings
from transformer.http import url_problem

API_VERSION = "67.0"
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
_SECONDS = (
    "remember_seconds",
    "bulk_wait_seconds",
    "recheck_seconds",
    "connect_timeout_seconds",
    "read_timeout_seconds",
)


@dataclass(frozen=True, slots=True)
class SalesforceSettings:
    """The settings, typed. Secrets are kept out of `repr`."""

    auth: Auth
    login_url: str
    sandbox: bool
    api_version: str
    username: str = ""
    password: str = field(default="", repr=False)
    security_token: str = field(default="", repr=False)
    instance_url: str = ""
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    private_key: str = field(default="", repr=False)
    refresh_token: str = field(default="", repr=False)
    use_contact_id: bool = False
    several_matches: str = "refuse"
    duplicates: str = "refuse"
    drop_unknown_fields: bool = False
    assignment_rules: bool = True
    remember_ids: int = 50_000
    remember_seconds: float = 600.0
    skip_unchanged: bool = False
    bulk_threshold: int = 0
    bulk_wait_seconds: float = 600.0
    api_share: float = 0.8
    recheck_seconds: float = 60.0
    connect_timeout_seconds: float = 10.0
    read_timeout_seconds: float = 120.0


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
    sandbox = bool(settings.get("sandbox"))
    default_login = SANDBOX_LOGIN if sandbox else PRODUCTION_LOGIN
    return SalesforceSettings(
        auth=_auth(settings) or Auth.SOAP,
        login_url=(_text(settings, "login_url") or default_login).rstrip("/"),
        sandbox=sandbox,
        api_version=_text(settings, "api_version").removeprefix("v") or API_VERSION,
        username=_text(settings, "username"),
        password=_text(settings, "password"),
        security_token=_text(settings, "security_token"),
        instance_url=_text(settings, "instance_url").rstrip("/"),
        client_id=_text(settings, "client_id"),
        client_secret=_text(settings, "client_secret"),
        private_key=_text(settings, "private_key"),
        refresh_token=_text(settings, "refresh_token"),
        use_contact_id=bool(settings.get("use_contact_id")),
        several_matches=_text(settings, "several_matches") or "refuse",
        duplicates=_text(settings, "duplicates") or "refuse",
        drop_unknown_fields=settings.get("unknown_fields") == "drop",
        assignment_rules=settings.get("assignment_rules") is not False,
        remember_ids=int(_number(settings, "remember_ids", 50_000)),
        remember_seconds=_number(settings, "remember_seconds", 600.0),
        skip_unchanged=settings.get("skip_unchanged") is True,
        bulk_threshold=int(_number(settings, "bulk_threshold", 0)),
        bulk_wait_seconds=_number(settings, "bulk_wait_seconds", 600.0),
        api_share=_number(settings, "api_share", 0.8),
        recheck_seconds=_number(settings, "recheck_seconds", 60.0),
        connect_timeout_seconds=_number(settings, "connect_timeout_seconds", 10.0),
        read_timeout_seconds=_number(settings, "read_timeout_seconds", 120.0),
    )


def validate(settings: Settings) -> Sequence[str]:
    """List every contradiction between settings, each as `key: what is wrong. What to do.`."""
    return [
        *_auth_problems(settings),
        *_address_problems(settings),
        *_value_problems(settings),
        *_bulk_problems(settings),
    ]


def _auth(settings: Settings) -> Auth | None:
    named = settings.get("auth")
    if named in tuple(Auth):
        return Auth(str(named))
    for auth in _INFERRED:
        if all(settings.get(name) for name in _NEEDS[auth]):
            return auth
    return None


def _auth_problems(settings: Settings) -> list[str]:
    auth = _auth(settings)
    if auth is None:
        return [
            "auth: no complete set of credentials, expected one of "
            + "; ".join(f"{kind}: {', '.join(needs)}" for kind, needs in _NEEDS.items())
            + "."
        ]
    problems = [
        f"{name}: missing, auth {auth} needs it. Set it."
        for name in _NEEDS[auth]
        if not settings.get(name)
    ]
    key = settings.get("private_key")
    if auth is Auth.JWT_BEARER and key and "PRIVATE KEY-----" not in str(key):
        problems.append(
            "private_key: expected a PEM private key (-----BEGIN PRIVATE KEY-----)."
            " Give the key itself or file:/path/to/key.pem."
        )
    login = _text(settings, "login_url").rstrip("/") or PRODUCTION_LOGIN
    if auth is Auth.CLIENT_CREDENTIALS and login in {PRODUCTION_LOGIN, SANDBOX_LOGIN}:
        problems.append(
            "login_url: auth client_credentials works on the org's My Domain only, expected"
            " https://<MyDomain>.my.salesforce.com. Set it to the org's own address."
        )
    return problems


def _address_problems(settings: Settings) -> list[str]:
    problems = []
    for name in ("login_url", "instance_url"):
        url = _text(settings, name)
        wrong = url_problem(url) if url else None
        if wrong:
            problems.append(f"{name}: {wrong}.")
        elif url:
            other = mismatch(url, sandbox=bool(settings.get("sandbox")), where=name)
            problems.extend([other] if other else [])
    return problems


def _value_problems(settings: Settings) -> list[str]:
    problems = []
    version = _text(settings, "api_version")
    if version and _VERSION.fullmatch(version) is None:
        problems.append(
            f'api_version: expected 31.0 or later, as in "{API_VERSION}", got "{version}".'
        )
    share = _number(settings, "api_share", 0.8)
    if not 0.0 < share <= 1.0:
        problems.append(f"api_share: expected more than 0 and at most 1, got {share:g}.")
    problems.extend(
        f"{name}: expected seconds greater than 0, got {value:g}."
        for name in _SECONDS
        if (value := _number(settings, name, 1.0)) <= 0
    )
    return problems


def _bulk_problems(settings: Settings) -> list[str]:
    problems = [
        f"{name}: expected 0 or more, got {value:g}."
        for name in ("remember_ids", "bulk_threshold")
        if (value := _number(settings, name, 0)) < 0
    ]
    if _number(settings, "bulk_threshold", 0) <= 0:
        return problems
    if settings.get("duplicates") == "allow":
        problems.append(
            "bulk_threshold: a bulk job cannot pass duplicate rules, expected 0 with duplicates"
            " allow. Set it to 0, or duplicates to refuse or update."
        )
    version = _text(settings, "api_version").removeprefix("v") or API_VERSION
    if _VERSION.fullmatch(version) and float(version) < BULK_SINCE_VERSION:
        problems.append(
            f"bulk_threshold: needs API version {BULK_SINCE_VERSION} or later, got {version}."
            " Raise api_version, or set it to 0."
        )
    return problems


def _text(settings: Settings, name: str) -> str:
    value = settings.get(name)
    return value.strip() if isinstance(value, str) else ""


def _number(settings: Settings, name: str, default: float) -> float:
    value = settings.get(name)
    return float(value) if isinstance(value, int | float) else default
