"""The settings of a HubSpot connection: validated and typed. Pure; sends nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from destinations.hubspot.declared import SETTINGS
from transformer.budget import part
from transformer.destination import Settings
from transformer.kit.settings import Given

SEARCHES_PER_SECOND = 4
_OAUTH = ("client_id", "client_secret", "refresh_token")


@dataclass(frozen=True, slots=True)
class HubSpotSettings:
    """The settings, typed. Secrets are kept out of `repr`.

    `burst_requests` and `searches_per_second` are this worker's part.
    """

    base_url: str
    api_version: str
    access_token: str = field(repr=False)
    client_id: str
    client_secret: str = field(repr=False)
    refresh_token: str = field(repr=False)
    contact_upserts: str
    contact_key: str
    several_matches: str
    unknown_properties: str
    invalid_values: str
    property_group: str
    company_association: str
    create_companies: bool
    track_events: str
    search_lag_seconds: float
    burst_requests: float
    searches_per_second: float
    api_share: float
    recheck_seconds: float
    connect_timeout_seconds: float
    read_timeout_seconds: float

    @property
    def is_oauth(self) -> bool:
        """Whether the connection logs in as an OAuth app; else it has a private app's token."""
        return not self.access_token


def read(settings: Settings) -> HubSpotSettings:
    """Read settings that `validate` found no problem with."""
    given = Given(settings, SETTINGS)
    return given.into(
        HubSpotSettings,
        base_url=given.text("base_url").rstrip("/"),
        burst_requests=given.part("burst_requests"),
        searches_per_second=part(SEARCHES_PER_SECOND, given.workers),
    )


def validate(settings: Settings) -> Sequence[str]:
    """List every contradiction between settings, each as `key: what is wrong. What to do.`."""
    given = Given(settings, SETTINGS)
    return [*_auth_problems(given), *given.address_problems("base_url"), *_number_problems(given)]


def _auth_problems(given: Given) -> Sequence[str]:
    token = given.text("access_token")
    missing = given.missing(_OAUTH)
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


def _number_problems(given: Given) -> Sequence[str]:
    problems = []
    burst = given.number("burst_requests")
    if burst < 1:
        problems.append(f"burst_requests: expected 1 or more, got {burst:g}.")
    lag = given.number("search_lag_seconds")
    if lag < 0:
        problems.append(f"search_lag_seconds: expected 0 or more, got {lag:g}.")
    return [*problems, *given.number_problems()]
