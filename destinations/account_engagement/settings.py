"""The settings of an Account Engagement connection: validated and typed. Pure; sends nothing."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from destinations.account_engagement.declared import SETTINGS
from transformer.destination import Settings
from transformer.kit.settings import Given

AT_ONCE = 5
_UNIT = re.compile(r"0Uv[A-Za-z0-9]{15}")


class Auth(StrEnum):
    """How to log in."""

    CLIENT_CREDENTIALS = "client_credentials"
    JWT_BEARER = "jwt_bearer"
    REFRESH_TOKEN = "refresh_token"  # noqa: S105 - the name of a grant, not a secret


@dataclass(frozen=True, slots=True)
class Hosts:
    """Where an environment logs in, and where its API is."""

    login: str
    api: str


HOSTS: Mapping[str, Hosts] = {
    "production": Hosts("https://login.salesforce.com", "https://pi.pardot.com"),
    "developer": Hosts("https://login.salesforce.com", "https://pi.demo.pardot.com"),
    "sandbox": Hosts("https://test.salesforce.com", "https://pi.demo.pardot.com"),
}
_GENERIC = frozenset(hosts.login for hosts in HOSTS.values())
# When `auth` is not set, the first of these whose settings are all there.
_NEEDS: Mapping[Auth, tuple[str, ...]] = {
    Auth.JWT_BEARER: ("client_id", "private_key", "username"),
    Auth.REFRESH_TOKEN: ("client_id", "refresh_token"),
    Auth.CLIENT_CREDENTIALS: ("client_id", "client_secret"),
}


@dataclass(frozen=True, slots=True)
class AccountEngagementSettings:
    """The settings, typed. Secrets are kept out of `repr`.

    `requests_in_flight` are this worker's part.
    """

    business_unit_id: str
    auth: Auth
    environment: str
    login_url: str
    base_url: str
    client_id: str
    client_secret: str = field(repr=False)
    private_key: str = field(repr=False)
    refresh_token: str = field(repr=False)
    username: str
    connector_user: str
    connector_user_assigns: str
    assign_by_import_from: int
    import_timeout_seconds: float
    assignment_field: str
    several_matches: str
    restore_deleted: bool
    unknown_fields: str
    opportunities: str
    lists: str
    tags: str
    external_activities: bool
    activity_extension: str
    requests_in_flight: int
    api_share: float
    time_zone: str
    recheck_seconds: float
    connect_timeout_seconds: float
    read_timeout_seconds: float


def read(settings: Settings) -> AccountEngagementSettings:
    """Type the settings of a connection that `validate` found nothing wrong with."""
    given = Given(settings, SETTINGS)
    hosts = HOSTS.get(given.text("environment"), HOSTS["production"])
    return given.into(
        AccountEngagementSettings,
        auth=_auth(given) or Auth.CLIENT_CREDENTIALS,
        login_url=(given.text("login_url") or hosts.login).rstrip("/"),
        base_url=(given.text("base_url") or hosts.api).rstrip("/"),
        requests_in_flight=max(1, int(given.part("requests_in_flight"))),
    )


def validate(settings: Settings) -> Sequence[str]:
    """One problem per setting that is missing or cannot be."""
    given = Given(settings, SETTINGS)
    unit = given.text("business_unit_id")
    problems = []
    if not _UNIT.fullmatch(unit):
        problems.append(
            f'business_unit_id: expected 18 characters from 0Uv on, got "{unit}".'
            " Setup > Business Unit Setup shows it."
        )
    problems.extend(_auth_problems(given))
    problems.extend(given.address_problems("login_url", "base_url") or _host_problems(given))
    at_once = given.number("requests_in_flight")
    if not 1 <= at_once <= AT_ONCE:
        problems.append(
            f"requests_in_flight: expected 1 to {AT_ONCE}, the business unit's limit, got"
            f" {at_once:g}."
        )
    if given.number("assign_by_import_from") < 0:
        problems.append("assign_by_import_from: expected 0 (never) or more. Set it to 20 or so.")
    problems.extend(given.number_problems("import_timeout_seconds"))
    if given.is_on("external_activities") and not given.text("activity_extension"):
        problems.append(
            "activity_extension: missing, external_activities needs it."
            " Set it, or external_activities: false."
        )
    zone = given.text("time_zone")
    if zone and not _is_zone(zone):
        problems.append(f'time_zone: expected a name such as Europe/Berlin, got "{zone}".')
    return problems


def _auth(given: Given) -> Auth | None:
    named = given.text("auth")
    if named in tuple(Auth):
        return Auth(named)
    return next((auth for auth, needs in _NEEDS.items() if not given.missing(needs)), None)


def _auth_problems(given: Given) -> Sequence[str]:
    auth = _auth(given)
    if auth is None:
        sets = "; ".join(f"{kind}: {', '.join(needs)}" for kind, needs in _NEEDS.items())
        return [f"auth: no complete set of credentials, expected one of {sets}."]
    problems = [
        f"{name}: missing, auth {auth} needs it. Set it." for name in given.missing(_NEEDS[auth])
    ]
    key = given.text("private_key")
    if auth is Auth.JWT_BEARER and key and "PRIVATE KEY-----" not in key:
        problems.append(
            "private_key: expected a PEM private key (-----BEGIN PRIVATE KEY-----)."
            " Give the key itself or file:/path/to/key.pem."
        )
    login = given.text("login_url").rstrip("/")
    if auth is Auth.CLIENT_CREDENTIALS and (not login or login in _GENERIC):
        problems.append(
            "login_url: auth client_credentials works on the org's My Domain only, expected"
            " https://<MyDomain>.my.salesforce.com. Set it to the org's own address."
        )
    return problems


def _host_problems(given: Given) -> Sequence[str]:
    """Addresses that the environment has not."""
    problems = []
    environment = given.text("environment")
    hosts = HOSTS.get(environment)
    host = urlsplit(given.text("base_url")).hostname or ""
    if hosts and host.endswith("pardot.com") and f"https://{host}" != hosts.api:
        problems.append(
            f"base_url: {host} is not the API host of environment {environment}, expected"
            f" {hosts.api}. Leave base_url out, or set the environment."
        )
    login = urlsplit(given.text("login_url")).hostname or ""
    if hosts and login and _is_sandbox(login) not in (None, environment == "sandbox"):
        problems.append(
            f"login_url: {login} does not fit environment {environment}."
            " Set the other environment, or the other org's address."
        )
    return problems


def _is_sandbox(host: str) -> bool | None:
    """Whether a login host is a sandbox's; None when its name does not say."""
    if host in {"login.salesforce.com", "test.salesforce.com"}:
        return host.startswith("test.")
    if not host.endswith(".my.salesforce.com"):
        return None
    return host.endswith(".sandbox.my.salesforce.com") or "--" in host.partition(".")[0]


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True
