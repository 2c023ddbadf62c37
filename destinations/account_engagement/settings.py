"""The settings of an Account Engagement connection: validated and typed. Pure; sends nothing."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from destinations.account_engagement.declared import SETTINGS
from transformer.destination import Settings
from transformer.http import url_problem

AT_ONCE = 5
_DEFAULTS = {setting.name: setting.default for setting in SETTINGS}
_CHOICES = {setting.name: setting.choices for setting in SETTINGS if setting.choices}
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
    """The settings, typed. Secrets are kept out of `repr`."""

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

    def text(name: str) -> str:
        return _text(settings, name)

    environment = text("environment")
    hosts = HOSTS.get(environment, HOSTS["production"])
    return AccountEngagementSettings(
        business_unit_id=text("business_unit_id"),
        auth=_auth(settings) or Auth.CLIENT_CREDENTIALS,
        environment=environment,
        login_url=(text("login_url") or hosts.login).rstrip("/"),
        base_url=(text("base_url") or hosts.api).rstrip("/"),
        client_id=text("client_id"),
        client_secret=text("client_secret"),
        private_key=text("private_key"),
        refresh_token=text("refresh_token"),
        username=text("username"),
        connector_user=text("connector_user"),
        connector_user_assigns=text("connector_user_assigns"),
        assignment_field=text("assignment_field"),
        several_matches=text("several_matches"),
        restore_deleted=_is_on(settings, "restore_deleted"),
        unknown_fields=text("unknown_fields"),
        opportunities=text("opportunities"),
        lists=text("lists"),
        tags=text("tags"),
        external_activities=_is_on(settings, "external_activities"),
        activity_extension=text("activity_extension"),
        requests_in_flight=int(_number(settings, "requests_in_flight")),
        api_share=_number(settings, "api_share"),
        time_zone=text("time_zone"),
        recheck_seconds=_number(settings, "recheck_seconds"),
        connect_timeout_seconds=_number(settings, "connect_timeout_seconds"),
        read_timeout_seconds=_number(settings, "read_timeout_seconds"),
    )


def validate(settings: Settings) -> Sequence[str]:
    """One problem per setting that is missing or cannot be."""
    unit = _text(settings, "business_unit_id")
    problems = []
    if not _UNIT.fullmatch(unit):
        problems.append(
            f'business_unit_id: expected 18 characters from 0Uv on, got "{unit}".'
            " Setup > Business Unit Setup shows it."
        )
    problems.extend(_auth_problems(settings))
    problems.extend(_address_problems(settings))
    problems.extend(_choice_problems(settings))
    problems.extend(_number_problems(settings))
    if _is_on(settings, "external_activities") and not _text(settings, "activity_extension"):
        problems.append(
            "activity_extension: missing, external_activities needs it."
            " Set it, or external_activities: false."
        )
    zone = _text(settings, "time_zone")
    if zone and not _is_zone(zone):
        problems.append(f'time_zone: expected a name such as Europe/Berlin, got "{zone}".')
    return problems


def _auth(settings: Settings) -> Auth | None:
    named = _text(settings, "auth")
    if named in tuple(Auth):
        return Auth(named)
    complete = (a for a, needs in _NEEDS.items() if all(_text(settings, n) for n in needs))
    return next(complete, None)


def _auth_problems(settings: Settings) -> list[str]:
    auth = _auth(settings)
    if auth is None:
        sets = "; ".join(f"{kind}: {', '.join(needs)}" for kind, needs in _NEEDS.items())
        return [f"auth: no complete set of credentials, expected one of {sets}."]
    problems = [
        f"{name}: missing, auth {auth} needs it. Set it."
        for name in _NEEDS[auth]
        if not _text(settings, name)
    ]
    key = _text(settings, "private_key")
    if auth is Auth.JWT_BEARER and key and "PRIVATE KEY-----" not in key:
        problems.append(
            "private_key: expected a PEM private key (-----BEGIN PRIVATE KEY-----)."
            " Give the key itself or file:/path/to/key.pem."
        )
    login = _text(settings, "login_url").rstrip("/")
    if auth is Auth.CLIENT_CREDENTIALS and (not login or login in _GENERIC):
        problems.append(
            "login_url: auth client_credentials works on the org's My Domain only, expected"
            " https://<MyDomain>.my.salesforce.com. Set it to the org's own address."
        )
    return problems


def _address_problems(settings: Settings) -> list[str]:
    problems = []
    for name in ("login_url", "base_url"):
        url = _text(settings, name)
        wrong = url_problem(url) if url else None
        if wrong:
            problems.append(f"{name}: {wrong}.")
    if problems:
        return problems
    environment = _text(settings, "environment")
    hosts = HOSTS.get(environment)
    host = urlsplit(_text(settings, "base_url")).hostname or ""
    if hosts and host.endswith("pardot.com") and f"https://{host}" != hosts.api:
        problems.append(
            f"base_url: {host} is not the API host of environment {environment}, expected"
            f" {hosts.api}. Leave base_url out, or set the environment."
        )
    login = urlsplit(_text(settings, "login_url")).hostname or ""
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


def _choice_problems(settings: Settings) -> list[str]:
    return [
        f'{name}: expected one of {", ".join(choices)}, got "{given}".'
        for name, choices in _CHOICES.items()
        if (given := _text(settings, name)) and given not in choices
    ]


def _number_problems(settings: Settings) -> list[str]:
    problems = []
    at_once = _number(settings, "requests_in_flight")
    if not 1 <= at_once <= AT_ONCE:
        problems.append(
            f"requests_in_flight: expected 1 to {AT_ONCE}, the business unit's limit, got"
            f" {at_once:g}."
        )
    share = _number(settings, "api_share")
    if not 0.0 < share <= 1.0:
        problems.append(f"api_share: expected more than 0 and at most 1, got {share:g}.")
    problems.extend(
        f"{name}: expected seconds greater than 0, got {value:g}."
        for name in ("recheck_seconds", "connect_timeout_seconds", "read_timeout_seconds")
        if (value := _number(settings, name)) <= 0
    )
    return problems


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


def _text(settings: Settings, name: str) -> str:
    value = settings.get(name)
    chosen = _DEFAULTS[name] if value is None else value
    return chosen.strip() if isinstance(chosen, str) else ""


def _is_on(settings: Settings, name: str) -> bool:
    value = settings.get(name)
    return (_DEFAULTS[name] if value is None else value) is True


def _number(settings: Settings, name: str) -> float:
    value = settings.get(name)
    chosen = _DEFAULTS[name] if value is None else value
    return float(chosen) if isinstance(chosen, int | float) else 0.0
