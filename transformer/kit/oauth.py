"""Logging in: one token that all requests of a connection share, and OAuth's grants. Knows no CRM.

No secret and no word of the CRM's gets into a message: what it says goes into `detail`.
Source: RFC 6749 (grants, 5.2 error codes) and RFC 7523 (JWT bearer), read 2026-11-22.
"""

import asyncio
import math
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar
from urllib.parse import urlencode

import jwt

from transformer.clock import Clock
from transformer.errors import Unauthorized, code_word
from transformer.http import Answer, HttpClient, Request

ASSERTION_SECONDS: Final = 180
BUSY_PAUSE_SECONDS: Final = 1.0
BUSY_TRIES: Final = 3
EARLY_SECONDS: Final = 60.0
REFUSED_PAUSE_SECONDS: Final = 60.0
DETAIL_CHARS: Final = 500
_SUCCESS: Final = 2
# RFC 6749 and 8628, and what servers add to them.
CODES: Final = frozenset(
    {
        "invalid_request", "invalid_client", "invalid_grant", "invalid_scope", "invalid_client_id",
        "invalid_token", "unauthorized_client", "unsupported_grant_type", "access_denied",
        "server_error", "temporarily_unavailable", "rate_limit_exceeded", "slow_down",
        "expired_token", "authorization_pending", "unknown_error", "inactive_user", "inactive_org",
        "invalid_app_access", "interaction_required", "login_required",
    }
)  # fmt: skip


class Login(Protocol):
    """What a login came to; `renew_at` is when (monotonic seconds) a new one is due."""

    @property
    def renew_at(self) -> float:
        """Infinity when only a refusal tells."""
        ...


T = TypeVar("T", bound=Login)


class SharedLogin(ABC, Generic[T]):
    """The login of one connection, made when first needed, when due and when refused.

    However many requests are refused at once, one login is made. After a refused login none is
    tried for a minute, so that the user is not locked out.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = asyncio.Lock()
        self._known: T | None = None
        self._refusal: Unauthorized | None = None
        self._refused_until = 0.0

    @abstractmethod
    async def _log_in(self, refused: T | None) -> T:
        """Log in anew. `refused` is the login that does not serve any more, if there was one."""

    async def token(self) -> T:
        """Return the login, made if there is none or it is due. Raises WriteFailed."""
        known = self._known
        if known is not None and self._clock.now() < known.renew_at:
            return known
        return await self.renew(known)

    async def renew(self, refused: T | None) -> T:
        """Return a login other than `refused`; logs in unless somebody else just did."""
        async with self._lock:
            if self._known is not None and self._known is not refused:
                return self._known
            self._known = None
            self._hold_back()
            try:
                self._known = await self._log_in(refused)
            except Unauthorized as refusal:
                self._refusal = refusal
                self._refused_until = self._clock.now() + REFUSED_PAUSE_SECONDS
                raise
            return self._known

    def _hold_back(self) -> None:
        """Raise the last refusal again while it is fresh."""
        left, last = self._refused_until - self._clock.now(), self._refusal
        if last is not None and left > 0.0:
            raise Unauthorized(
                str(last), after_seconds=max(1.0, left), detail=last.detail, vendor=last.vendor
            )


@dataclass(frozen=True, slots=True)
class Refusals:
    """How one vendor refuses a login: `advice` by words of its text, the first that fit.

    `codes` are the vendor's own beside OAuth's; `route` is the login's name in messages.
    """

    vendor: str
    fallback: str
    advice: Sequence[tuple[str, str]] = ()
    codes: Collection[str] = ()
    route: str = "login"

    def refusal(self, code: str, message: str) -> Unauthorized:
        """The error for a login refused so: a code and what to do; the vendor's text apart."""
        said = f"{code}: {message}"
        advice = next((advice for words, advice in self.advice if words in said), self.fallback)
        where = f"{self.route}: {self.vendor} refused the credentials"
        return Unauthorized(
            f"{where}: {code_word(code, {*CODES, *self.codes})}. {advice}",
            after_seconds=REFUSED_PAUSE_SECONDS,
            detail=f"{where}: {said[:DETAIL_CHARS]}. {advice}",
            vendor={"error": code, "message": message},
        )

    def bearer(self, answer: Answer) -> Mapping[str, object]:
        """The body of a login's answer, which has an access token; else raises Unauthorized."""
        body = answer.body
        token = body.get("access_token") if isinstance(body, Mapping) else None
        if (
            answer.status // 100 == _SUCCESS
            and isinstance(body, Mapping)
            and isinstance(token, str)
            and token
        ):
            return body
        raise self.refusal(*_said(answer))


def _said(answer: Answer) -> tuple[str, str]:
    """Code and text of a refusal: OAuth's, or those of the vendors' other errors."""
    body = answer.body
    first = body[0] if isinstance(body, list) and body else body
    if not isinstance(first, Mapping):
        return f"HTTP_{answer.status}", str(body)[:DETAIL_CHARS]
    codes = (first.get(name) for name in ("error", "errorCode", "status"))
    texts = (first.get(name) for name in ("error_description", "message"))
    code = next((each for each in codes if isinstance(each, str) and each), "")
    text = next((each for each in texts if isinstance(each, str) and each), "no reason given")
    return code or f"HTTP_{answer.status}", text


def due_at(body: Mapping[str, object], now: float, default_seconds: float) -> float:
    """When to renew a login: a minute before its `expires_in`, which may be missing."""
    told = body.get("expires_in")
    seconds = float(told) if isinstance(told, int | float) else default_seconds
    return now + max(1.0, seconds - EARLY_SECONDS) if math.isfinite(seconds) else math.inf


def login_request(
    url: str, form: Mapping[str, str], *, route: str = "login", authorization: str = ""
) -> Request:
    """The request for a token; outside the quota, as vendors count it nowhere."""
    return Request(
        "POST",
        url,
        route,
        writes=False,
        headers={
            **({"Authorization": authorization} if authorization else {}),
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept": "application/json",
        },
        content=urlencode(form).encode(),
        metered=False,
    )


async def answer_to(http: HttpClient, clock: Clock, request: Request, busy: str) -> Answer:
    """Send a login; when the answer has the words `busy`, again after a second or two."""
    for attempt in range(1, BUSY_TRIES):
        answer = await http.send(request)
        if busy not in str(answer.body):
            return answer
        await clock.sleep(BUSY_PAUSE_SECONDS * attempt)
    return await http.send(request)


def app_form(client_id: str, client_secret: str) -> Mapping[str, str]:
    """Grant client_credentials: the app acts as itself."""
    return {
        "grant_type": "client_credentials",
        "client_id": client_id,
        "client_secret": client_secret,
    }


def refresh_form(
    refresh_token: str, client_id: str = "", client_secret: str = ""
) -> Mapping[str, str]:
    """Grant refresh_token, with what is known of the app."""
    app = {"client_id": client_id, "client_secret": client_secret}
    known = {name: value for name, value in app.items() if value}
    return {"grant_type": "refresh_token", "refresh_token": refresh_token, **known}


def assertion_form(
    *, issuer: str, subject: str, audience: str, private_key: str, wall: float
) -> Mapping[str, str]:
    """Grant jwt-bearer: signed with RS256, good for three minutes. Raises Unauthorized."""
    claims: dict[str, object] = {
        "iss": issuer,
        "sub": subject,
        "aud": audience,
        "exp": int(wall) + ASSERTION_SECONDS,
    }
    try:
        assertion = jwt.encode(claims, private_key, algorithm="RS256")
    except (ValueError, TypeError, jwt.PyJWTError):
        raise Unauthorized(
            "private_key: not a readable RSA key in PEM form, without a passphrase."
            " Set the key whose certificate the app has.",
            after_seconds=REFUSED_PAUSE_SECONDS,
        ) from None
    return {
        "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "assertion": assertion,
    }
