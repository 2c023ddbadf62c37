"""Who we are to HubSpot: a private app's token as it is, or an OAuth app's, refreshed in time.

No secret gets into a message. Source: HubSpot OAuth guide and OpenAPI document, read 2026-11-22.
"""

import math
from dataclasses import dataclass, field

from destinations.hubspot.paths import paths
from destinations.hubspot.settings import HubSpotSettings
from transformer.clock import Clock
from transformer.errors import Unauthorized
from transformer.http import HttpClient
from transformer.kit.oauth import (
    REFUSED_PAUSE_SECONDS,
    Refusals,
    SharedLogin,
    due_at,
    login_request,
    refresh_form,
)

DEFAULT_SECONDS = 1_800.0
ROUTE = "token"
REFUSALS = Refusals(
    "HubSpot",
    "Check client_id, client_secret and refresh_token; install the app again if it was removed.",
    route=ROUTE,
)


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token, and when (monotonic seconds) it is to be renewed."""

    text: str = field(repr=False)
    renew_at: float = math.inf


class Session(SharedLogin[Token]):
    """The token of one connection: the private app's, or one that a refresh token is good for."""

    def __init__(self, http: HttpClient, settings: HubSpotSettings, clock: Clock) -> None:
        super().__init__(clock)
        self._http = http
        self._settings = settings
        self._refresh_token = settings.refresh_token

    async def _log_in(self, refused: Token | None) -> Token:
        if self._settings.is_oauth:
            return await self._refresh()
        if refused is not None:
            raise Unauthorized(
                "token: HubSpot refused the access token. Check access_token, and that the"
                " private app still exists.",
                after_seconds=REFUSED_PAUSE_SECONDS,
            )
        return Token(self._settings.access_token)

    async def _refresh(self) -> Token:
        settings = self._settings
        form = refresh_form(self._refresh_token, settings.client_id, settings.client_secret)
        url = settings.base_url + paths(settings.api_version).token
        body = REFUSALS.bearer(await self._http.send(login_request(url, form, route=ROUTE)))
        again = body.get("refresh_token")
        if isinstance(again, str) and again:
            self._refresh_token = again
        due = due_at(body, self._clock.now(), DEFAULT_SECONDS)
        return Token(str(body["access_token"]), due)
