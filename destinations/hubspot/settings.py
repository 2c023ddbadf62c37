"""The settings of a HubSpot connection: validated and typed. Pure; sends nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from transformer.destination import Settings
from transformer.http import url_problem

BASE_URL = "https://api.hubapi.com"
API_VERSION = "2026-03"
API_VERSIONS = ("2026-03", "2026-09", "v3")
BURST_REQUESTS = 100
_OAUTH = ("client_id", "client_secret", "refresh_token")


@dataclass(frozen=True, slots=True)
class HubSpotSettings:
    """The settings, typed. Secrets are kept out of `repr`."""

    base_url: str = BASE_URL
    api_version: str = API_VERSION
    access_token: str = field(default="", repr=False)
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    refresh_token: str = field(default="", repr=False)
    contact_upserts: str = "direct"
    contact_key: str = "email"
    several_matches: str = "refuse"
    unknown_properties: str = "drop"
    invalid_values: str = "reject"
    property_group: str = ""
    company_association: str = "off"
    create_companies: bool = True
    track_events: str = "off"
    search_lag_seconds: float = 10.0
    burst_requests: int = BURST_REQUESTS
    api_share: float = 0.8
    recheck_seconds: float = 300.0
    connect_timeout_seconds: float = 10.0
    read_timeout_seconds: float = 60.0

    @property
    def is_oauth(self) -> bool:
        """Whether the connection logs in as an OAuth app; else it has a private app's token."""
        return not self.access_token


def read(settings: Settings) -> HubSpotSettings:
    """Read settings that `validate` found no problem with."""
    made = HubSpotSettings()
    return HubSpotSettings(
        base_url=(_text(settings, "base_url") or made.base_url).rstrip("/"),
        api_version=_text(settings, "api_version") or made.api_version,
        access_token=_text(settings, "access_token"),
        client_id=_text(settings, "client_id"),
        client_secret=_text(settings, "client_secret"),
        refresh_token=_text(settings, "refresh_token"),
        contact_upserts=_text(settings, "contact_upserts") or made.contact_upserts,
        contact_key=_text(settings, "contact_key") or made.contact_key,
        several_matches=_text(settings, "several_matches") or made.several_matches,
        unknown_properties=_text(settings, "unknown_properties") or made.unknown_properties,
        invalid_values=_text(settings, "invalid_values") or made.invalid_values,
        property_group=_text(settings, "property_group"),
        company_association=_text(settings, "company_association") or made.company_association,
        create_companies=settings.get("create_companies") is not False,
        track_events=_text(settings, "track_events") or made.track_events,
        search_lag_seconds=_number(settings, "search_lag_seconds", made.search_lag_seconds),
        burst_requests=int(_number(settings, "burst_requests", made.burst_requests)),
        api_share=_number(settings, "api_share", made.api_share),
        recheck_seconds=_number(settings, "recheck_seconds", made.recheck_seconds),
        connect_timeout_seconds=_number(
            settings, "connect_timeout_seconds", made.connect_timeout_seconds
        ),
        read_timeout_seconds=_number(settings, "read_timeout_seconds", made.read_timeout_seconds),
    )


def validate(settings: Settings) -> Sequence[str]:
    """List every contradiction between settings, each as `key: what is wrong. What to do.`."""
    return [*_auth_problems(settings), *_address_problems(settings), *_number_problems(settings)]


def _auth_problems(settings: Settings) -> list[str]:
    token = _text(settings, "access_token")
    missing = [name for name in _OAUTH if not _text(settings, name)]
    if token and len(missing) < len(_OAUTH):
        return [
            (
                "access_token: expected a private app's token or an OAuth app's client_id,"
                " client_secret and refresh_token, got both. Remove one of them."
            )
        ]
    if not token and len(missing) == len(_OAUTH):
        return [
            (
                "access_token: no credentials, expected a private app's token, or client_id,"
                " client_secret and refresh_token of an OAuth app. Set them."
            )
        ]
    if not token:
        return [f"{name}: missing, an OAuth app needs it. Set it." for name in missing]
    if not token.isprintable() or " " in token:
        return ["access_token: expected a token such as pat-na1-…, got white space in it."]
    return []


def _address_problems(settings: Settings) -> list[str]:
    url = _text(settings, "base_url")
    wrong = url_problem(url) if url else None
    return [f"base_url: {wrong}."] if wrong else []


def _number_problems(settings: Settings) -> list[str]:
    problems = []
    share = _number(settings, "api_share", 0.8)
    if not 0.0 < share <= 1.0:
        problems.append(f"api_share: expected more than 0 and at most 1, got {share:g}.")
    burst = _number(settings, "burst_requests", BURST_REQUESTS)
    if burst < 1:
        problems.append(f"burst_requests: expected 1 or more, got {burst:g}.")
    lag = _number(settings, "search_lag_seconds", 0.0)
    if lag < 0:
        problems.append(f"search_lag_seconds: expected 0 or more, got {lag:g}.")
    problems.extend(
        f"{name}: expected seconds greater than 0, got {value:g}."
        for name in ("recheck_seconds", "connect_timeout_seconds", "read_timeout_seconds")
        if (value := _number(settings, name, 1.0)) <= 0
    )
    return problems


def _text(settings: Settings, name: str) -> str:
    value = settings.get(name)
    return value.strip() if isinstance(value, str) else ""


def _number(settings: Settings, name: str, default: float) -> float:
    value = settings.get(name)
    return float(value) if isinstance(value, int | float) else default
