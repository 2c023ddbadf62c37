"""Who we are to Pipedrive: an API token, or an OAuth session that all requests share.

No secret gets into a message. Source: pipedrive.readme.io, "Authentication", read 2026-11-22.
"""

import math
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field

from destinations.pipedrive.settings import BASE_URL, PipedriveSettings
from transformer.clock import Clock
from transformer.errors import ServerFault, Unauthorized
from transformer.http import HttpClient, Request, url_problem
from transformer.kit.oauth import (
    REFUSED_PAUSE_SECONDS,
    Refusals,
    SharedLogin,
    due_at,
    login_request,
    refresh_form,
)

DEFAULT_SECONDS = 120.0
REFUSALS = Refusals(
    "Pipedrive",
    "Check client_id, client_secret and refresh_token; install the app again if the token is old.",
)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a request carries, the host it goes to, and when they are to be renewed."""

    base_url: str
    headers: Mapping[str, str] = field(repr=False)
    renew_at: float = math.inf


class Session(SharedLogin[Credentials]):
    """The credentials of one connection: its API token, or what a refresh token is good for."""

    def __init__(self, http: HttpClient, settings: PipedriveSettings, clock: Clock) -> None:
        super().__init__(clock)
        self._http = http
        self._settings = settings
        self._refresh_token = settings.refresh_token

    async def _log_in(self, refused: Credentials | None) -> Credentials:
        if not self._settings.api_token:
            return await self._refresh()
        if refused is not None:
            raise Unauthorized(
                "credentials: Pipedrive refused the API token. Check api_token, and that its user"
                " is active.",
                after_seconds=REFUSED_PAUSE_SECONDS,
            )
        base = self._settings.base_url or BASE_URL
        return Credentials(base, {"x-api-token": self._settings.api_token})

    async def _refresh(self) -> Credentials:
        request = refresh_request(self._settings, self._refresh_token)
        body = REFUSALS.bearer(await self._http.send(request))
        domain = body.get("api_domain")
        base = self._settings.base_url or (domain if isinstance(domain, str) else BASE_URL)
        if url_problem(base):
            raise ServerFault("login: expected an api_domain that is an address, got another text.")
        fresh = body.get("refresh_token")
        if isinstance(fresh, str) and fresh:
            self._refresh_token = fresh
        return Credentials(
            base.rstrip("/"),
            {"Authorization": f"Bearer {body['access_token']}"},
            due_at(body, self._clock.now(), DEFAULT_SECONDS),
        )


def refresh_request(settings: PipedriveSettings, refresh_token: str) -> Request:
    """Make the request that trades the refresh token for an access token."""
    pair = b64encode(f"{settings.client_id}:{settings.client_secret}".encode()).decode()
    return login_request(
        f"{settings.oauth_url}/oauth/token",
        refresh_form(refresh_token),
        authorization=f"Basic {pair}",
    )
