"""Who we are to HubSpot: a private app's token as it is, or an OAuth app's, refreshed in time.

No secret gets into a message. Source: HubSpot OAuth guide and OpenAPI document, read 2026-11-22.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from destinations.hubspot.paths import paths
from destinations.hubspot.settings import HubSpotSettings
from transformer.clock import Clock
from transformer.errors import ServerFault, Unauthorized
from transformer.http import Answer, HttpClient, Request

EARLY_SECONDS = 60.0
DEFAULT_SECONDS = 1_800.0
REFUSED_PAUSE_SECONDS = 60.0
_OK = 200


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token, and when (monotonic seconds) it is to be renewed; None for never."""

    text: str = field(repr=False)
    renew_at: float | None = None


class Session:
    """The token of one connection, refreshed when it is due and when it was refused.

    However many requests are refused at once, one refresh is made; after a refused one none is
    tried for a minute.
    """

    def __init__(self, http: HttpClient, settings: HubSpotSettings, clock: Clock) -> None:
        self._http = http
        self._settings = settings
        self._clock = clock
        self._lock = asyncio.Lock()
        self._refresh_token = settings.refresh_token
        self._token = None if settings.is_oauth else Token(settings.access_token)
        self._refusal: Unauthorized | None = None
        self._refused_until = 0.0

    async def token(self) -> Token:
        """Return the token, refreshed if it is due. Raises Unauthorized, Unreachable."""
        token = self._token
        if token is None or (token.renew_at is not None and token.renew_at <= self._clock.now()):
            return await self.renew(token)
        return token

    async def renew(self, refused: Token | None) -> Token:
        """Return a token other than `refused`; refreshes unless somebody else just did."""
        if not self._settings.is_oauth:
            raise Unauthorized(
                "token: HubSpot refused the access token. Check access_token, and that the"
                " private app still exists.",
                after_seconds=REFUSED_PAUSE_SECONDS,
            )
        async with self._lock:
            if self._token is not None and self._token is not refused:
                return self._token
            if self._refusal is not None and self._clock.now() < self._refused_until:
                left = max(1.0, self._refused_until - self._clock.now())
                raise Unauthorized(str(self._refusal), after_seconds=left)
            try:
                self._token = await self._refresh()
            except Unauthorized as refusal:
                self._refusal = refusal
                self._refused_until = self._clock.now() + REFUSED_PAUSE_SECONDS
                raise
            return self._token

    async def _refresh(self) -> Token:
        settings = self._settings
        form = {
            "grant_type": "refresh_token",
            "client_id": settings.client_id,
            "client_secret": settings.client_secret,
            "refresh_token": self._refresh_token,
        }
        answer = await self._http.send(
            Request(
                "POST",
                settings.base_url + paths(settings.api_version).token,
                "token",
                writes=False,
                headers={
                    "Content-Type": "application/x-www-form-urlencoded",
                    "Accept": "application/json",
                },
                content=urlencode(form).encode(),
                metered=False,
            )
        )
        return self._read(answer)

    def _read(self, answer: Answer) -> Token:
        body = answer.body if isinstance(answer.body, Mapping) else {}
        text = body.get("access_token")
        if answer.status == _OK and isinstance(text, str) and text:
            again = body.get("refresh_token")
            if isinstance(again, str) and again:
                self._refresh_token = again
            life = body.get("expires_in")
            seconds = float(life) if isinstance(life, int | float) else DEFAULT_SECONDS
            return Token(text, self._clock.now() + max(1.0, seconds - EARLY_SECONDS))
        if answer.status == _OK:
            raise ServerFault("token: HubSpot answered without a token.")
        said = f"{body.get('status') or answer.status}: {body.get('message') or ''}".strip()
        raise Unauthorized(
            f"token: HubSpot refused to refresh the token: {said}. Check client_id, client_secret"
            " and refresh_token; install the app again if it was removed.",
            after_seconds=REFUSED_PAUSE_SECONDS,
        )
