"""Who we are to Pipedrive: an API token, or an OAuth session that all requests share.

No secret gets into a message. Source: pipedrive.readme.io, "Authentication", read 2026-11-22.
"""

import asyncio
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from destinations.pipedrive.reasons import read_error
from destinations.pipedrive.settings import BASE_URL, PipedriveSettings
from transformer.clock import Clock
from transformer.errors import ServerFault, Unauthorized
from transformer.http import Answer, HttpClient, Request, url_problem

REFUSED_PAUSE_SECONDS = 60.0
EARLY_SECONDS = 60.0
_OK = 200


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a request carries, and the host it goes to."""

    base_url: str
    headers: Mapping[str, str] = field(repr=False)
    expires_at: float = float("inf")


class Session:
    """The credentials of one connection.

    However many requests are refused at once, one refresh is made. After a refused one none is
    tried for a minute.
    """

    def __init__(self, http: HttpClient, settings: PipedriveSettings, clock: Clock) -> None:
        self._http = http
        self._settings = settings
        self._clock = clock
        self._lock = asyncio.Lock()
        self._refresh_token = settings.refresh_token
        self._credentials: Credentials | None = None
        self._refusal: Unauthorized | None = None
        self._refused_until = 0.0

    async def credentials(self) -> Credentials:
        """Return what requests carry. Raises Unauthorized, Unreachable, Throttled."""
        now = self._clock.now()
        if self._refusal is not None and now < self._refused_until:
            raise Unauthorized(
                str(self._refusal), after_seconds=max(1.0, self._refused_until - now)
            )
        known = self._credentials
        if known is not None and now < known.expires_at:
            return known
        return await self.renew(known)

    async def renew(self, refused: Credentials | None) -> Credentials:
        """Return credentials other than `refused`, unless somebody else just got some."""
        async with self._lock:
            known = self._credentials
            if known is not None and known is not refused:
                return known
            try:
                self._credentials = await self._made(refused)
            except Unauthorized as refusal:
                self._refuse(refusal)
                raise
            return self._credentials

    def _refuse(self, refusal: Unauthorized) -> None:
        self._credentials = None
        self._refusal = refusal
        self._refused_until = self._clock.now() + REFUSED_PAUSE_SECONDS

    async def _made(self, refused: Credentials | None) -> Credentials:
        if not self._settings.api_token:
            return await self._refreshed()
        if refused is not None:
            raise Unauthorized(
                "credentials: Pipedrive refused the API token. Check api_token, and that its user"
                " is active.",
                after_seconds=REFUSED_PAUSE_SECONDS,
            )
        base = self._settings.base_url or BASE_URL
        return Credentials(base, {"x-api-token": self._settings.api_token})

    async def _refreshed(self) -> Credentials:
        answer = await self._http.send(refresh_request(self._settings, self._refresh_token))
        body = answer.body
        if answer.status != _OK or not isinstance(body, Mapping):
            raise _refused(answer)
        token, domain = body.get("access_token"), body.get("api_domain")
        base = self._settings.base_url or (domain if isinstance(domain, str) else BASE_URL)
        if not isinstance(token, str) or not token or url_problem(base):
            raise ServerFault("login: expected an access_token and an api_domain, got neither.")
        fresh, lifetime = body.get("refresh_token"), body.get("expires_in")
        if isinstance(fresh, str) and fresh:
            self._refresh_token = fresh
        seconds = float(lifetime) if isinstance(lifetime, int | float) else EARLY_SECONDS * 2
        return Credentials(
            base.rstrip("/"),
            {"Authorization": f"Bearer {token}"},
            self._clock.now() + max(1.0, seconds - EARLY_SECONDS),
        )


def refresh_request(settings: PipedriveSettings, refresh_token: str) -> Request:
    """Make the request that trades the refresh token for an access token."""
    pair = b64encode(f"{settings.client_id}:{settings.client_secret}".encode()).decode()
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
    return Request(
        "POST",
        f"{settings.oauth_url}/oauth/token",
        "login",
        writes=False,
        headers={
            "Authorization": f"Basic {pair}",
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept": "application/json",
        },
        content=urlencode(form).encode(),
        metered=False,
    )


def _refused(answer: Answer) -> Unauthorized:
    error = read_error(answer.body, answer.status)
    return Unauthorized(
        f"login: Pipedrive refused the refresh token ({answer.status}). Check client_id,"
        " client_secret and refresh_token; install the app again if the token is old.",
        after_seconds=REFUSED_PAUSE_SECONDS,
        vendor=error.vendor,
    )
