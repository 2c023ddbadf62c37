"""Logging in to Salesforce: the five grants, and one token that all requests share.

No secret gets into a message. Source: OAuth 2.0 flows in Salesforce Help; SOAP API Developer Guide
`login()` (up to version 64.0), read 2026-11-22.
"""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from html import escape, unescape
from urllib.parse import urlencode, urlsplit

import jwt

from destinations.salesforce.reasons import read_errors
from destinations.salesforce.settings import (
    PRODUCTION_LOGIN,
    SANDBOX_LOGIN,
    Auth,
    SalesforceSettings,
    mismatch,
)
from transformer.clock import Clock
from transformer.errors import ServerFault, Unauthorized
from transformer.http import Answer, HttpClient, Request, url_problem

SOAP_VERSION = "64.0"
ASSERTION_SECONDS = 180
BUSY_PAUSE_SECONDS = 1.0
BUSY_TRIES = 3
REFUSED_PAUSE_SECONDS = 60.0

_BUSY = "token request is already being processed"
_ADVICE: tuple[tuple[str, str], ...] = (
    ("hasn't approved this consumer", "Pre-authorise the user for the app in the org."),
    ("udience", "Check sandbox and login_url: they decide the audience."),
    ("expired access/refresh token", "Authorise again and set the new refresh_token."),
    ("no client credentials user", "Set the run-as user on the app's client credentials flow."),
    ("client identifier invalid", "Check client_id and that login_url is of the same org."),
    ("invalid client credentials", "Check client_secret."),
    ("grant type not supported", "Enable the flow on the app, or choose another auth."),
    ("SECURITY_TOKEN", "Set security_token, or trust this machine's address in the org."),
    ("INVALID_LOGIN", "Check username, password and security_token, and the sandbox switch."),
    ("PASSWORD_LOCKOUT", "Unlock the user in the org."),
    ("EXPIRED_PASSWORD", "Set a new password for the user."),
    ("INVALID_OPERATION", "SOAP login is off in this org; use another auth."),
    ("authentication failure", "Check the credentials, and that the org allows this flow."),
)
_FALLBACK_ADVICE = "Check the credentials, the sandbox switch and login_url."


@dataclass(frozen=True, slots=True)
class Token:
    """A session: the bearer token, the host it is for, and the user's id where the login says."""

    access_token: str = field(repr=False)
    instance_url: str
    user_id: str = ""


class Session:
    """The token of one connection, fetched when first needed and when refused.

    However many requests are refused at once, one login is made. After a refused login none is
    tried for a minute, so that the user is not locked out.
    """

    def __init__(self, http: HttpClient, settings: SalesforceSettings, clock: Clock) -> None:
        self._http = http
        self._settings = settings
        self._clock = clock
        self._lock = asyncio.Lock()
        self._token: Token | None = None
        self._refusal: Unauthorized | None = None
        self._refused_until = 0.0

    async def token(self) -> Token:
        """Return the token, logging in if there is none. Raises Unauthorized, Unreachable."""
        return self._token or await self.renew(None)

    async def renew(self, refused: Token | None) -> Token:
        """Return a token other than `refused`; logs in unless somebody else just did."""
        async with self._lock:
            if self._token is not None and self._token is not refused:
                return self._token
            self._token = None
            if self._refusal is not None and self._clock.now() < self._refused_until:
                raise Unauthorized(str(self._refusal), after_seconds=self._pause())
            try:
                self._token = await self._login()
            except Unauthorized as refusal:
                self._refusal = refusal
                self._refused_until = self._clock.now() + REFUSED_PAUSE_SECONDS
                raise
            return self._token

    def _pause(self) -> float:
        return max(1.0, self._refused_until - self._clock.now())

    async def _login(self) -> Token:
        request = login_request(self._settings, self._clock.wall())
        for attempt in range(1, BUSY_TRIES + 1):
            answer = await self._http.send(request)
            if attempt == BUSY_TRIES or _BUSY not in str(answer.body):
                break
            await self._clock.sleep(BUSY_PAUSE_SECONDS * attempt)
        return read_token(self._settings, answer)


def login_request(settings: SalesforceSettings, wall: float) -> Request:
    """Make the request that logs in, for any grant."""
    if settings.auth is Auth.SOAP:
        return _soap_request(settings)
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


def read_token(settings: SalesforceSettings, answer: Answer) -> Token:
    """Read the session from a login's answer; Unauthorized says why there is none (row S1)."""
    token = _soap_token(answer) if settings.auth is Auth.SOAP else _oauth_token(answer)
    chosen = settings.instance_url or token.instance_url
    wrong = url_problem(chosen)
    problem = f"the login answered a wrong address: {wrong}." if wrong else None
    problem = problem or mismatch(
        token.instance_url, sandbox=settings.sandbox, where="the org of these credentials"
    )
    if problem:
        raise Unauthorized(problem, after_seconds=REFUSED_PAUSE_SECONDS)
    return replace(token, instance_url=chosen.rstrip("/"))


def _form(settings: SalesforceSettings, wall: float) -> Mapping[str, str]:
    app = {"client_id": settings.client_id, "client_secret": settings.client_secret}
    match settings.auth:
        case Auth.CLIENT_CREDENTIALS:
            return {"grant_type": "client_credentials", **app}
        case Auth.REFRESH_TOKEN:
            known = {name: value for name, value in app.items() if value}
            return {
                "grant_type": "refresh_token",
                "refresh_token": settings.refresh_token,
                **known,
            }
        case Auth.JWT_BEARER:
            return {
                "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
                "assertion": _assertion(settings, wall),
            }
        case _:
            return {
                "grant_type": "password",
                **app,
                "username": settings.username,
                "password": settings.password + settings.security_token,
            }


def _assertion(settings: SalesforceSettings, wall: float) -> str:
    claims: dict[str, object] = {
        "iss": settings.client_id,
        "sub": settings.username,
        "aud": SANDBOX_LOGIN if settings.sandbox else PRODUCTION_LOGIN,
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


def _oauth_token(answer: Answer) -> Token:
    body = answer.body
    if isinstance(body, Mapping) and isinstance(body.get("access_token"), str):
        identity = str(body.get("id") or "")
        return Token(
            str(body["access_token"]),
            str(body.get("instance_url") or ""),
            user_id=identity.rpartition("/")[2],
        )
    error = read_errors(body, answer.status)[0]
    raise _refusal(error.code, error.message)


def _soap_request(settings: SalesforceSettings) -> Request:
    password = settings.password + settings.security_token
    envelope = (
        '<?xml version="1.0" encoding="utf-8"?>'
        '<env:Envelope xmlns:env="http://schemas.xmlsoap.org/soap/envelope/"'
        ' xmlns:n1="urn:partner.soap.sforce.com"><env:Body><n1:login>'
        f"<n1:username>{escape(settings.username)}</n1:username>"
        f"<n1:password>{escape(password)}</n1:password>"
        "</n1:login></env:Body></env:Envelope>"
    )
    return Request(
        "POST",
        f"{settings.login_url}/services/Soap/u/{SOAP_VERSION}",
        "login",
        writes=False,
        headers={"Content-Type": "text/xml; charset=UTF-8", "SOAPAction": "login"},
        content=envelope.encode(),
        metered=False,
        text=True,
        faults=True,
    )


def _soap_token(answer: Answer) -> Token:
    text = str(answer.body)
    session, server = _element(text, "sessionId"), _element(text, "serverUrl")
    if session and server:
        parts = urlsplit(server)
        return Token(session, f"{parts.scheme}://{parts.netloc}", _element(text, "userId"))
    code = _element(text, "exceptionCode")
    if not code:
        raise ServerFault(f"login: the CRM answered {answer.status} without a session.")
    raise _refusal(code, _element(text, "exceptionMessage"))


def _element(text: str, name: str) -> str:
    found = re.search(rf"<(?:\w+:)?{name}>([^<]*)</", text)
    return unescape(found.group(1)).strip() if found else ""


def _refusal(code: str, message: str) -> Unauthorized:
    said = f"{code}: {message}"
    advice = next((advice for words, advice in _ADVICE if words in said), _FALLBACK_ADVICE)
    return Unauthorized(
        f"login: Salesforce refused the credentials: {said}. {advice}",
        after_seconds=REFUSED_PAUSE_SECONDS,
        vendor={"errorCode": code, "message": message},
    )
