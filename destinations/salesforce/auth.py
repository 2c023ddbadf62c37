"""Logging in to Salesforce: the five grants, and one token that all requests share.

No secret gets into a message. Source: OAuth 2.0 flows in Salesforce Help; SOAP API Developer Guide
`login()` (up to version 64.0), read 2026-11-22.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from html import escape, unescape
from urllib.parse import urlsplit

from destinations.salesforce.settings import (
    PRODUCTION_LOGIN,
    SANDBOX_LOGIN,
    Auth,
    SalesforceSettings,
    mismatch,
    org_is_sandbox,
)
from transformer.clock import Clock
from transformer.errors import ServerFault, Unauthorized
from transformer.http import Answer, HttpClient, Request, url_problem
from transformer.kit import oauth
from transformer.kit.oauth import REFUSED_PAUSE_SECONDS, Refusals, SharedLogin

SOAP_VERSION = "64.0"
ROUTE = "login"

_BUSY = "token request is already being processed"
REFUSALS = Refusals(
    "Salesforce",
    "Check the credentials, the sandbox switch and login_url.",
    (
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
    ),
)


@dataclass(frozen=True, slots=True)
class Token:
    """A session: the bearer token, the host it is for, and the user's id where the login says.

    Only a refusal tells that it has ended.
    """

    access_token: str = field(repr=False)
    instance_url: str
    user_id: str = ""
    renew_at: float = math.inf


class Session(SharedLogin[Token]):
    """The session of one connection."""

    def __init__(self, http: HttpClient, settings: SalesforceSettings, clock: Clock) -> None:
        super().__init__(clock)
        self._http = http
        self._settings = settings

    async def _log_in(self, refused: Token | None) -> Token:  # noqa: ARG002 - any is replaced alike
        request = login_request(self._settings, self._clock.wall())
        answer = await oauth.answer_to(self._http, self._clock, request, _BUSY)
        return read_token(self._settings, answer)


def login_request(settings: SalesforceSettings, wall: float) -> Request:
    """Make the request that logs in, for any grant."""
    if settings.auth is Auth.SOAP:
        return _soap_request(settings)
    return oauth.login_request(f"{settings.login_url}/services/oauth2/token", _form(settings, wall))


def read_token(settings: SalesforceSettings, answer: Answer) -> Token:
    """Read the session from a login's answer; Unauthorized says why there is none (row S1)."""
    token = _soap_token(answer) if settings.auth is Auth.SOAP else _oauth_token(answer)
    chosen = settings.instance_url or token.instance_url
    wrong = url_problem(chosen)
    if wrong:
        raise Unauthorized(
            f"{ROUTE}: Salesforce answered a wrong address: {wrong}.",
            after_seconds=REFUSED_PAUSE_SECONDS,
        )
    where = f"{ROUTE}: the org of these credentials"
    other = mismatch(token.instance_url, sandbox=settings.sandbox, where=where)
    if other:
        # The host is the answer's word: it is told apart.
        kinds = ("a sandbox", "production")
        got, expected = kinds if org_is_sandbox(token.instance_url) else kinds[::-1]
        raise Unauthorized(
            f"{where} is {got}, expected {expected} because sandbox is"
            f" {str(settings.sandbox).lower()}. Change it, or use the other org's credentials.",
            after_seconds=REFUSED_PAUSE_SECONDS,
            detail=other,
        )
    return replace(token, instance_url=chosen.rstrip("/"))


def _form(settings: SalesforceSettings, wall: float) -> Mapping[str, str]:
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
                audience=SANDBOX_LOGIN if settings.sandbox else PRODUCTION_LOGIN,
                private_key=settings.private_key,
                wall=wall,
            )
        case _:
            return {
                **oauth.app_form(*app),
                "grant_type": "password",
                "username": settings.username,
                "password": settings.password + settings.security_token,
            }


def _oauth_token(answer: Answer) -> Token:
    body = REFUSALS.bearer(answer)
    identity = str(body.get("id") or "")
    return Token(
        str(body["access_token"]),
        str(body.get("instance_url") or ""),
        user_id=identity.rpartition("/")[2],
    )


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
        ROUTE,
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
        return Token(session, _host(server), _element(text, "userId"))
    code = _element(text, "exceptionCode")
    if not code:
        raise ServerFault(f"{ROUTE}: the CRM answered {answer.status} without a session.")
    raise REFUSALS.refusal(code, _element(text, "exceptionMessage"))


def _element(text: str, name: str) -> str:
    found = re.search(rf"<(?:\w+:)?{name}>([^<]*)</", text)
    return unescape(found.group(1)).strip() if found else ""


def _host(url: str) -> str:
    """The scheme and host of an address; empty when it is none."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc}"
