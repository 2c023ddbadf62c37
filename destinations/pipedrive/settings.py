"""The settings of a Pipedrive connection: validated and typed. Pure; sends nothing."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from destinations.pipedrive.declared import NEEDS, SETTINGS
from destinations.pipedrive.plans import PLANS, TOKENS_PER_SEAT
from transformer.budget import part
from transformer.destination import Settings
from transformer.kit.settings import Given

BASE_URL = "https://api.pipedrive.com"
_LAST_HOUR = 23


@dataclass(frozen=True, slots=True)
class PipedriveSettings:
    """The settings, typed. Secrets are kept out of `repr`.

    An empty `api_token` means OAuth, an empty `base_url` the vendor's own. `daily_tokens`, `burst`
    and `searches` are this worker's part of the company's.
    """

    api_token: str = field(repr=False)
    client_id: str
    client_secret: str = field(repr=False)
    refresh_token: str = field(repr=False)
    base_url: str
    oauth_url: str
    workers: int
    daily_tokens: int
    burst: int
    searches: int
    api_share: float
    reset_hour: int
    concurrency: int
    several_matches: str
    unknown_fields: str
    invalid_values: str
    link_organization: str
    create_organizations: bool
    domain_field: str
    activities: bool
    new_primary: bool
    currency: str
    remember_seconds: float
    recheck_seconds: float
    connect_timeout_seconds: float
    read_timeout_seconds: float


def read(settings: Settings) -> PipedriveSettings:
    """Read settings that `validate` found no problem with."""
    given = Given(settings, SETTINGS)
    plan = PLANS[given.text("plan")]
    by_token = _auth(given) != "oauth"
    tokens = given.whole("daily_tokens") or TOKENS_PER_SEAT * plan.factor * given.whole("seats")
    burst = plan.api_token_burst if by_token else plan.oauth_burst
    return given.into(
        PipedriveSettings,
        api_token=given.text("api_token") if by_token else "",
        base_url=given.text("base_url").rstrip("/"),
        oauth_url=given.text("oauth_url").rstrip("/"),
        workers=given.workers,
        daily_tokens=max(1, int(part(tokens, given.workers))),
        burst=max(1, int(part(burst, given.workers))),
        searches=max(1, int(given.part("searches"))),
        currency=given.text("currency").upper(),
    )


def validate(settings: Settings) -> Sequence[str]:
    """List every contradiction between settings, each as `key: what is wrong. What to do.`."""
    given = Given(settings, SETTINGS)
    return [*_auth_problems(given), *_address_problems(given), *_value_problems(given)]


def _auth(given: Given) -> str | None:
    """How to sign in: as `auth` says, else by the credentials there are; None when unclear."""
    named = given.text("auth")
    if named:
        return named
    some = [auth for auth, names in NEEDS.items() if any(given.text(n) for n in names)]
    return some[0] if len(some) == 1 else None


def _auth_problems(given: Given) -> Sequence[str]:
    auth = _auth(given)
    if auth is None:
        ways = "; ".join(f"{kind}: {', '.join(names)}" for kind, names in NEEDS.items())
        got = "both" if given.text("api_token") else "none"
        return [f"auth: expected the credentials of one of {ways}, got {got}. Set auth."]
    return [
        f"{name}: missing, auth {auth} needs it. Set it." for name in given.missing(NEEDS[auth])
    ]


def _address_problems(given: Given) -> Sequence[str]:
    problems = given.address_problems("base_url", "oauth_url")
    if not problems and re.search(r"/(api/)?v\d+/?$", given.text("base_url")):
        said = f"base_url: expected the host alone, as in {BASE_URL}, got a path with the API's"
        return [f"{said} version. Leave the path out."]
    return problems


def _value_problems(given: Given) -> Sequence[str]:
    problems = [
        *given.number_problems(
            "seats", "daily_tokens", "searches", "concurrency", "remember_seconds"
        )
    ]
    hour = given.whole("reset_hour")
    if not 0 <= hour <= _LAST_HOUR:
        problems.append(f"reset_hour: expected an hour from 0 to 23, got {hour}.")
    currency = given.text("currency")
    if currency and not re.fullmatch(r"[A-Za-z]{3}", currency):
        problems.append(f'currency: expected an ISO 4217 code such as EUR, got "{currency}".')
    if given.text("link_organization") == "domain" and not given.text("domain_field"):
        problems.append(
            "domain_field: missing, link_organization: domain needs it, because Pipedrive cannot"
            " search websites. Set it to the organization field that holds the domain."
        )
    return problems
