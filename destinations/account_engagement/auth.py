"""Logging in to the Salesforce org of a business unit: three grants, one token for all requests.

No secret gets into a message. Source: OAuth 2.0 flows in Salesforce Help, read 2026-11-22.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from destinations.account_engagement.settings import HOSTS, AccountEngagementSettings, Auth
from transformer.clock import Clock
from transformer.http import Answer, HttpClient, Request
from transformer.kit import oauth
from transformer.kit.oauth import Refusals, SharedLogin

_BUSY = "token request is already being processed"
REFUSALS = Refusals(
    "Salesforce",
    "Check the credentials, environment and login_url.",
    (
        ("hasn't approved this consumer", "Pre-authorise the user for the app in the org."),
        ("udience", "Check environment: it decides the audience."),
        ("expired access/refresh token", "Authorise again and set the new refresh_token."),
        ("no client credentials user", "Set the run-as user on the app's client credentials flow."),
        ("client identifier invalid", "Check client_id and that login_url is of the same org."),
        ("invalid client credentials", "Check client_secret."),
        ("grant type not supported", "Enable the flow on the app, or choose another auth."),
    ),
)


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token; only a refusal tells that it has ended."""

    text: str = field(repr=False)
    renew_at: float = math.inf


class Session(SharedLogin[Token]):
    """The token of one connection."""

    def __init__(self, http: HttpClient, settings: AccountEngagementSettings, clock: Clock) -> None:
        super().__init__(clock)
        self._http = http
        self._settings = settings

    async def _log_in(self, refused: Token | None) -> Token:  # noqa: ARG002 - any is replaced alike
        request = login_request(self._settings, self._clock.wall())
        return read_token(await oauth.answer_to(self._http, self._clock, request, _BUSY))


def login_request(settings: AccountEngagementSettings, wall: float) -> Request:
    """Make the request that logs in."""
    return oauth.login_request(f"{settings.login_url}/services/oauth2/token", _form(settings, wall))


def read_token(answer: Answer) -> Token:
    """Read the token from a login's answer; Unauthorized says why there is none."""
    return Token(str(REFUSALS.bearer(answer)["access_token"]))


def _form(settings: AccountEngagementSettings, wall: float) -> Mapping[str, str]:
    app = (settings.client_id, settings.client_secret)
    match settings.auth:
        case Auth.CLIENT_CREDENTIALS:
            return oauth.app_form(*app)
        case Auth.REFRESH_TOKEN:
            return oauth.refresh_form(settings.refresh_token, *app)
        case Auth.JWT_BEARER:
            return oauth.assertion_form(
                issuer=settings.client_id,
                subject=settings.username,
                audience=HOSTS[settings.environment].login,
                private_key=settings.private_key,
                wall=wall,
            )
