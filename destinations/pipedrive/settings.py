"""The settings of a Pipedrive connection: validated and typed. Pure; sends nothing.

Source of the limits: pipedrive.readme.io, "Rate limiting", read 2026-11-22.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from transformer.destination import Settings
from transformer.http import url_problem

BASE_URL = "https://api.pipedrive.com"
OAUTH_URL = "https://oauth.pipedrive.com"
TOKENS_PER_SEAT = 30_000
NEEDS: Mapping[str, tuple[str, ...]] = {
    "api_token": ("api_token",),
    "oauth": ("client_id", "client_secret", "refresh_token"),
}
_LAST_HOUR = 23


@dataclass(frozen=True, slots=True)
class Plan:
    """What a plan allows: a factor of the daily tokens, and requests in two seconds."""

    factor: int
    api_token_burst: int
    oauth_burst: int


PLANS: Mapping[str, Plan] = {
    "lite": Plan(1, 20, 80),
    "growth": Plan(2, 40, 160),
    "premium": Plan(5, 100, 400),
    "ultimate": Plan(7, 120, 480),
}


@dataclass(frozen=True, slots=True)
class PipedriveSettings:
    """The settings, typed. Secrets are kept out of `repr`.

    An empty `api_token` means OAuth, an empty `base_url` the vendor's own.
    """

    api_token: str = field(default="", repr=False)
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    refresh_token: str = field(default="", repr=False)
    base_url: str = ""
    oauth_url: str = OAUTH_URL
    daily_tokens: int = TOKENS_PER_SEAT
    burst: int = 20
    searches: int = 10
    api_share: float = 0.8
    reset_hour: int = 0
    concurrency: int = 5
    several_matches: str = "refuse"
    unknown_fields: str = "drop"
    link_organization: str = "off"
    create_organizations: bool = True
    domain_field: str = ""
    activities: bool = False
    new_primary: bool = False
    currency: str = ""
    remember_seconds: float = 3600.0
    recheck_seconds: float = 900.0
    connect_timeout_seconds: float = 10.0
    read_timeout_seconds: float = 30.0


def read(settings: Settings) -> PipedriveSettings:
    """Read settings that `validate` found no problem with."""
    plan = PLANS[_text(settings, "plan") or "lite"]
    by_token = _auth(settings) != "oauth"
    seats = _whole(settings, "seats", 1)
    return PipedriveSettings(
        api_token=_text(settings, "api_token") if by_token else "",
        client_id=_text(settings, "client_id"),
        client_secret=_text(settings, "client_secret"),
        refresh_token=_text(settings, "refresh_token"),
        base_url=_text(settings, "base_url").rstrip("/"),
        oauth_url=(_text(settings, "oauth_url") or OAUTH_URL).rstrip("/"),
        daily_tokens=_whole(settings, "daily_tokens", TOKENS_PER_SEAT * plan.factor * seats),
        burst=plan.api_token_burst if by_token else plan.oauth_burst,
        searches=_whole(settings, "searches", 10),
        api_share=_number(settings, "api_share", 0.8),
        reset_hour=_whole(settings, "reset_hour", 0),
        concurrency=_whole(settings, "concurrency", 5),
        several_matches=_text(settings, "several_matches") or "refuse",
        unknown_fields=_text(settings, "unknown_fields") or "drop",
        link_organization=_text(settings, "link_organization") or "off",
        create_organizations=settings.get("create_organizations") is not False,
        domain_field=_text(settings, "domain_field"),
        activities=bool(settings.get("activities")),
        new_primary=bool(settings.get("new_primary")),
        currency=_text(settings, "currency").upper(),
        remember_seconds=_number(settings, "remember_seconds", 3600.0),
        recheck_seconds=_number(settings, "recheck_seconds", 900.0),
        connect_timeout_seconds=_number(settings, "connect_timeout_seconds", 10.0),
        read_timeout_seconds=_number(settings, "read_timeout_seconds", 30.0),
    )


def validate(settings: Settings) -> Sequence[str]:
    """List every contradiction between settings, each as `key: what is wrong. What to do.`."""
    return [
        *_auth_problems(settings),
        *_address_problems(settings),
        *_value_problems(settings),
    ]


def _auth(settings: Settings) -> str | None:
    """How to sign in: as `auth` says, else by the credentials there are; None when unclear."""
    named = _text(settings, "auth")
    if named:
        return named
    given = [auth for auth, names in NEEDS.items() if any(_text(settings, n) for n in names)]
    return given[0] if len(given) == 1 else None


def _auth_problems(settings: Settings) -> list[str]:
    auth = _auth(settings)
    if auth is None:
        ways = "; ".join(f"{kind}: {', '.join(names)}" for kind, names in NEEDS.items())
        got = "both" if _text(settings, "api_token") else "none"
        return [f"auth: expected the credentials of one of {ways}, got {got}. Set auth."]
    return [
        f"{name}: missing, auth {auth} needs it. Set it."
        for name in NEEDS[auth]
        if not _text(settings, name)
    ]


def _address_problems(settings: Settings) -> list[str]:
    problems = []
    for name in ("base_url", "oauth_url"):
        url = _text(settings, name)
        wrong = url_problem(url) if url else None
        if wrong:
            problems.append(f"{name}: {wrong}.")
        elif name == "base_url" and re.search(r"/(api/)?v\d+/?$", url):
            problems.append(
                f"base_url: expected the host alone, as in {BASE_URL}, got a path with the API's"
                " version. Leave the path out."
            )
    return problems


def _value_problems(settings: Settings) -> list[str]:
    problems = []
    share = _number(settings, "api_share", 0.8)
    if not 0.0 < share <= 1.0:
        problems.append(f"api_share: expected more than 0 and at most 1, got {share:g}.")
    hour = _whole(settings, "reset_hour", 0)
    if not 0 <= hour <= _LAST_HOUR:
        problems.append(f"reset_hour: expected an hour from 0 to 23, got {hour}.")
    problems.extend(
        f"{name}: expected a number greater than 0, got {value:g}."
        for name in (
            "seats", "daily_tokens", "searches", "concurrency", "remember_seconds",
            "recheck_seconds", "connect_timeout_seconds", "read_timeout_seconds",
        )
        if (value := _number(settings, name, 1.0)) <= 0
    )  # fmt: skip
    currency = _text(settings, "currency")
    if currency and not re.fullmatch(r"[A-Za-z]{3}", currency):
        problems.append(f'currency: expected an ISO 4217 code such as EUR, got "{currency}".')
    if _text(settings, "link_organization") == "domain" and not _text(settings, "domain_field"):
        problems.append(
            "domain_field: missing, link_organization: domain needs it, because Pipedrive cannot"
            " search websites. Set it to the organization field that holds the domain."
        )
    return problems


def _text(settings: Settings, name: str) -> str:
    value = settings.get(name)
    return value.strip() if isinstance(value, str) else ""


def _number(settings: Settings, name: str, default: float) -> float:
    value = settings.get(name)
    return float(value) if isinstance(value, int | float) else default


def _whole(settings: Settings, name: str, default: int) -> int:
    value = settings.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else default
