"""Logging in to the Salesforce org of a business unit: three grants, one token for all requests.

No secret gets into a message. Source: OAuth 2.0 flows in Salesforce Help, read 2026-11-22.
"""

import asyncio
from collections.abc import Mapping
from urllib.parse import urlencode

import jwt

from destinations.account_engagement.settings import HOSTS, AccountEngagementSettings, Auth
from transformer.clock import Clock
from transformer.errors import Unauthorized
from transformer.http import Answer, HttpClient, Request

ASSERTION_SECONDS = 180
BUSY_PAUSE_SECONDS = 1.0
BUSY_TRIES = 3
REFUSED_PAUSE_SECONDS = 60.0

_BUSY = "token request is already being processed"
_ADVICE: tuple[tuple[str, str], ...] = (
    ("hasn't approved this consumer", "Pre-authorise the user for the app in the org."),
    ("udience", "Check environment: it decides the audience."),
    ("expired access/refresh token", "Authorise again and set the new refresh_token."),
    ("no client credentials user", "Set the run-as user on the app's client credentials flow."),
    ("client identifier invalid", "Check client_id and that login_url is of the same org."),
    ("invalid client credentials", "Check client_secret."),
    ("grant type not supported", "Enable the flow on the app, or choose another auth."),
)
_FALLBACK_ADVICE = "Check the credentials, environment and login_url."


class Session:
    """The token of one connection, fetched when first needed and when refused.

    However many requests are refused at once, one login is made. After a refused login none is
    tried for a minute, so that the user is not locked out.
    """

    def __init__(self, http: HttpClient, settings: AccountEngagementSettings, clock: Clock) -> None:
        self._http = http
        self._settings = settings
        self._clock = clock
        self._lock = asyncio.Lock()
        self._token = ""
        self._refusal: Unauthorized | None = None
        self._refused_until = 0.0

    async def token(self) -> str:
        """The token, logging in if there is none. Raises Unauthorized, Unreachable."""
        return self._token or await self.renew("")

    async def renew(self, refused: str) -> str:
        """A token other than `refused`; logs in unless somebody else just did."""
        async with self._lock:
            if self._token and self._token != refused:
                return self._token
            self._token = ""
            now = self._clock.now()
            if self._refusal is not None and now < self._refused_until:
                pause = max(1.0, self._refused_until - now)
                raise Unauthorized(str(self._refusal), after_seconds=pause)
            try:
                self._token = await self._login()
            except Unauthorized as refusal:
                self._refusal = refusal
                self._refused_until = self._clock.now() + REFUSED_PAUSE_SECONDS
                raise
            return self._token

    async def _login(self) -> str:
        request = login_request(self._settings, self._clock.wall())
        for attempt in range(1, BUSY_TRIES + 1):
            answer = await self._http.send(request)
            if attempt == BUSY_TRIES or _BUSY not in str(answer.body):
                break
            await self._clock.sleep(BUSY_PAUSE_SECONDS * attempt)
        return read_token(answer)


def login_request(settings: AccountEngagementSettings, wall: float) -> Request:
    """Make the request that logs in."""
    return Request(
        "POST",
        f"{settings.login_url}/services/oauth2/token",
        "login",
        writes=False,
        headers={
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept": "application/json",
        },
        content=urlencode(_form(settings, wall)).encode(),
        metered=False,
    )


def read_token(answer: Answer) -> str:
    """Read the token from a login's answer; Unauthorized says why there is none."""
    body = answer.body if isinstance(answer.body, Mapping) else {}
    token = body.get("access_token")
    if isinstance(token, str) and token:
        return token
    code = str(body.get("error") or answer.status)
    said = f"{code}: {body.get('error_description') or 'no reason given'}"
    advice = next((advice for words, advice in _ADVICE if words in said), _FALLBACK_ADVICE)
    raise Unauthorized(
        f"login: Salesforce refused the credentials: {said}. {advice}",
        after_seconds=REFUSED_PAUSE_SECONDS,
        vendor={"error": code},
    )


def _form(settings: AccountEngagementSettings, wall: float) -> Mapping[str, str]:
    app = {"client_id": settings.client_id, "client_secret": settings.client_secret}
    match settings.auth:
        case Auth.CLIENT_CREDENTIALS:
            return {"grant_type": "client_credentials", **app}
        case Auth.REFRESH_TOKEN:
            known = {name: value for name, value in app.items() if value}
            token = settings.refresh_token
            return {"grant_type": "refresh_token", "refresh_token": token, **known}
        case Auth.JWT_BEARER:
            grant = "urn:ietf:params:oauth:grant-type:jwt-bearer"
            return {"grant_type": grant, "assertion": _assertion(settings, wall)}


def _assertion(settings: AccountEngagementSettings, wall: float) -> str:
    claims: dict[str, object] = {
        "iss": settings.client_id,
        "sub": settings.username,
        "aud": HOSTS[settings.environment].login,
        "exp": int(wall) + ASSERTION_SECONDS,
    }
    try:
        return jwt.encode(claims, settings.private_key, algorithm="RS256")
    except (ValueError, TypeError, jwt.PyJWTError):
        raise Unauthorized(
            "private_key: not a readable RSA key in PEM form, without a passphrase."
            " Set the key whose certificate the app has.",
            after_seconds=REFUSED_PAUSE_SECONDS,
        ) from None
