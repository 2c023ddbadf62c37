"""HTTP for destinations: the only import of the HTTP library. Knows no CRM.

Owns connections, timeouts, the request budget's door and the translation of every transport
failure into `errors`. No token, body, URL or id gets into a message, a log or an observation.
"""

import asyncio
import gzip
import math
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from functools import cache
from ipaddress import ip_address
from types import MappingProxyType
from typing import Protocol, runtime_checkable
from urllib.parse import urljoin, urlsplit

import httpx
import orjson

from transformer.budget import Budget
from transformer.clock import Clock
from transformer.errors import (
    AnswerLost,
    ConfigurationError,
    Fenced,
    QuotaSpent,
    ServerFault,
    Throttled,
    Unreachable,
    WriteFailed,
)
from transformer.fence import pass_fence

PATIENCE_SECONDS = 2.0
GZIP_OVER_BYTES = 32 * 1024
DETAIL_CHARS = 500
MAX_REDIRECTS = 3
LONGEST_PAUSE_SECONDS = 86_400.0

WHOLE_ANSWER = 5  # times the read timeout: bytes that trickle in would never end

# What the library raises -> (in words, whether the request may have arrived). First match wins.
_FAILURES: tuple[tuple[type[httpx.HTTPError | TimeoutError], str, bool], ...] = (
    (httpx.ConnectTimeout, "no connection within the timeout", False),
    (httpx.PoolTimeout, "no free connection within the timeout", False),
    (httpx.ConnectError, "no connection", False),
    (httpx.ProxyError, "the proxy refused", False),
    (httpx.UnsupportedProtocol, "not an http address", False),
    (httpx.ReadTimeout, "no answer within the timeout", True),
    (httpx.WriteTimeout, "the request could not be sent within the timeout", True),
    (httpx.RemoteProtocolError, "the connection broke before the answer was complete", True),
    (httpx.NetworkError, "the connection broke", True),
    (httpx.DecodingError, "the answer could not be decoded", True),
    (TimeoutError, "the answer trickled in for too long", True),
    (httpx.HTTPError, "the exchange failed", True),
)


@dataclass(frozen=True, slots=True)
class Request:
    """One request.

    `route` is its bounded name, for messages and metrics (`composite`, never a URL). `writes` says
    that it changes something in the CRM. `metered` requests go through the budget; a `probe` may
    go although the quota is spent, to ask whether it still is. `text` expects an answer that is
    not JSON; with `faults` a 500 is an answer to read (SOAP), not a failure. Large contents are
    compressed unless `compress` is off.
    """

    method: str
    url: str
    route: str
    writes: bool
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    content: bytes | None = field(default=None, repr=False)
    metered: bool = True
    probe: bool = False
    text: bool = False
    faults: bool = False
    compress: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: status, headers by lower-case name, and the body as JSON, else as text."""

    status: int
    headers: Mapping[str, str]
    body: object = field(repr=False)


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and what came of it, for metrics. `status` is 0 when there was no answer."""

    method: str
    route: str
    status: int
    seconds: float


ExchangeHook = Callable[[Exchange], None]


@runtime_checkable
class Observed(Protocol):
    """A destination whose requests can be observed: the app gives it a hook, before `open`."""

    def observe_requests(self, hook: ExchangeHook) -> None:
        """Call `hook` after every request from now on."""
        ...


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds to connect, and seconds without a byte of the answer; five times that for all."""

    connect_seconds: float = 10.0
    read_seconds: float = 120.0


def is_loopback(url: str) -> bool:
    """Whether `url` names this machine: an emulator or a proxy on it."""
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def url_problem(url: str) -> str | None:
    """Say what is wrong with `url` as the base of requests, or None.

    TLS is required everywhere but on loopback, so that no token travels in the clear.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "expected an address like https://host"
    if parts.scheme not in {"http", "https"} or not host:
        return "expected an address like https://host"
    if parts.username or parts.password or parts.query or parts.fragment:
        return "expected scheme, host and path only"
    if parts.scheme == "http" and not is_loopback(url):
        return "plain http is allowed for this machine only, expected https://"
    return None


def retry_after_seconds(value: str | None, wall: float) -> float | None:
    """Read a Retry-After header, seconds or a date; None when absent or unreadable.

    Never more than a day: a header gone wrong must not stop a connection for good.
    """
    if value is None:
        return None
    seconds = _seconds(value)
    if seconds is None:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - wall
        except ValueError:
            return None
    return min(max(0.0, seconds), LONGEST_PAUSE_SECONDS)


def _seconds(value: str) -> float | None:
    try:
        seconds = float(value)
    except ValueError:
        return None
    return None if math.isnan(seconds) else seconds


class HttpClient:
    """A pool of kept-alive connections behind one budget.

    `send` returns any answer below 500 but 429, and raises the rest translated; what a 401 or a
    400 means is the vendor client's to say.
    """

    def __init__(
        self,
        *,
        budget: Budget,
        clock: Clock,
        timeouts: Timeouts | None = None,
        patience_seconds: float = PATIENCE_SECONDS,
        gzip_over_bytes: int | None = GZIP_OVER_BYTES,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.budget = budget
        self.on_request: ExchangeHook | None = None
        self._clock = clock
        self._timeouts = timeouts or Timeouts()
        self._patience_seconds = patience_seconds
        self._gzip_over_bytes = gzip_over_bytes
        self._transport = transport
        self._client: httpx.AsyncClient | None = None

    async def send(self, request: Request) -> Answer:
        """Send `request` when the budget allows and return its answer.

        Waits of a couple of seconds are slept here. Raises QuotaSpent or Throttled for longer ones
        and for 429; Unreachable when nothing can have been applied; AnswerLost (writes only) and
        ServerFault when something may have been; ConfigurationError for an address without TLS.
        """
        problem = url_problem(request.url.partition("?")[0])
        if problem:
            raise ConfigurationError([f"{request.route}: {problem}."])
        for _ in range(MAX_REDIRECTS):
            answer = await self._exchange(request)
            target = _redirect(request, answer)
            if target is None:
                return answer
            request = target
        raise Unreachable(f"{request.route}: redirected {MAX_REDIRECTS} times, gave up.")

    async def close(self) -> None:
        """Close all connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def _exchange(self, request: Request) -> Answer:
        if request.metered:
            await self._admit(request)
        if request.writes:
            self._pass_fence(request)
        started = self._clock.now()
        status = 0
        try:
            async with asyncio.timeout(WHOLE_ANSWER * self._timeouts.read_seconds):
                response = await self._connection().send(self._build(request))
            status = response.status_code
        except (httpx.HTTPError, TimeoutError) as error:
            raise _translated(request, error) from None
        finally:
            if request.metered:
                self.budget.release()
            self._observe(request, status, self._clock.now() - started)
        return self._judge(request, response)

    def _pass_fence(self, request: Request) -> None:
        try:
            pass_fence(request.route)
        except Fenced:
            if request.metered:
                self.budget.release()
            raise

    async def _admit(self, request: Request) -> None:
        """Wait for the budget (invariant 5)."""
        while True:
            now = self._clock.now()
            wait = self.budget.wait_seconds(now)
            if self.budget.exhausted and not request.probe:
                raise QuotaSpent(
                    f"{request.route}: {self.budget.used} of {self.budget.allowed} allowed"
                    " requests are used. Waiting for the quota to come back.",
                    after_seconds=wait or self.budget.recheck_seconds,
                )
            if wait <= 0.0:
                self.budget.take(now)
                return
            if wait > self._patience_seconds:
                raise Throttled(
                    f"{request.route}: the next request may go in {wait:.0f} s.",
                    after_seconds=wait,
                )
            await self._clock.sleep(wait)

    def _connection(self) -> httpx.AsyncClient:
        if self._client is None:
            # An emulator on this machine is never reached through the environment's proxy.
            direct: dict[str, httpx.AsyncBaseTransport | None] = {
                "all://127.0.0.1": self._transport,
                "all://localhost": self._transport,
            }
            self._client = httpx.AsyncClient(
                transport=self._transport,
                mounts=direct,
                verify=_tls(),
                follow_redirects=False,
                timeout=httpx.Timeout(
                    self._timeouts.read_seconds, connect=self._timeouts.connect_seconds
                ),
                limits=httpx.Limits(max_keepalive_connections=10, keepalive_expiry=30.0),
            )
        return self._client

    def _build(self, request: Request) -> httpx.Request:
        headers, content = dict(request.headers), request.content
        threshold = self._gzip_over_bytes if request.compress else None
        if content is not None and threshold is not None and len(content) > threshold:
            content = gzip.compress(content, compresslevel=1)
            headers["Content-Encoding"] = "gzip"
        return self._connection().build_request(
            request.method, request.url, headers=headers, content=content
        )

    def _observe(self, request: Request, status: int, seconds: float) -> None:
        if self.on_request is not None:
            self.on_request(Exchange(request.method, request.route, status, seconds))

    def _judge(self, request: Request, response: httpx.Response) -> Answer:
        status = response.status_code
        fault = status >= httpx.codes.INTERNAL_SERVER_ERROR
        if request.faults and status == httpx.codes.INTERNAL_SERVER_ERROR:
            fault = False
        if fault or status == httpx.codes.TOO_MANY_REQUESTS:
            failure = _failure(request, response, self._clock.wall())
            if isinstance(failure, Throttled) and failure.after_seconds is not None:
                self.budget.close_for(self._clock.now(), failure.after_seconds)
            raise failure
        return _answer(request, response)


@cache
def _tls() -> ssl.SSLContext:
    """Certificates and host names are always verified; reading the authorities takes a while."""
    return httpx.create_ssl_context()


def _translated(request: Request, error: httpx.HTTPError | TimeoutError) -> WriteFailed:
    words, arrived = next(
        (words, arrived) for kind, words, arrived in _FAILURES if isinstance(error, kind)
    )
    if arrived and request.writes:
        return AnswerLost(
            f"{request.route}: {words}. It may have been applied.", may_have_applied=True
        )
    return Unreachable(f"{request.route}: {words}.")


def _failure(request: Request, response: httpx.Response, wall: float) -> WriteFailed:
    """Classify a 429 or 5xx.

    There are four cases: told to wait (429, 503 with Retry-After); not let in (503, reads); the
    answer got lost behind a gateway (502 and 504 of a write); it failed inside (the rest).
    """
    status = response.status_code
    said = f"{request.route}: the CRM answered {status}"
    detail = f"{said}: {response.text[:DETAIL_CHARS]}"
    after = retry_after_seconds(response.headers.get("Retry-After"), wall)
    unavailable = status == httpx.codes.SERVICE_UNAVAILABLE
    gateway = status in {httpx.codes.BAD_GATEWAY, httpx.codes.GATEWAY_TIMEOUT}
    if status == httpx.codes.TOO_MANY_REQUESTS or (unavailable and after is not None):
        return Throttled(f"{said}.", after_seconds=after, detail=detail)
    if unavailable or (gateway and not request.writes):
        return Unreachable(f"{said}.", detail=detail)
    if gateway:
        return AnswerLost(
            f"{said}. It may have been applied.", detail=detail, may_have_applied=True
        )
    return ServerFault(f"{said}.", detail=detail, may_have_applied=request.writes)


def _redirect(request: Request, answer: Answer) -> Request | None:
    """Where to read instead, on the same host only: a token is never carried to another one."""
    location = answer.headers.get("location")
    if answer.status not in {301, 302, 303, 307, 308} or location is None:
        return None
    url = _joined(request.url, location)
    if request.writes or url is None:
        raise Unreachable(
            f"{request.route}: the CRM answered {answer.status}, a redirect that is not followed."
            " Check the configured address."
        )
    return replace(request, url=url, writes=False, content=None)


def _joined(url: str, location: str) -> str | None:
    """The address a redirect of `url` names; None when it is none, or on another host."""
    try:
        joined = urljoin(url, location)
        httpx.URL(joined)
        return joined if urlsplit(joined)[:2] == urlsplit(url)[:2] else None
    except (ValueError, httpx.InvalidURL):
        return None


def _answer(request: Request, response: httpx.Response) -> Answer:
    headers = MappingProxyType({name.lower(): value for name, value in response.headers.items()})
    if request.text or not response.content:
        return Answer(response.status_code, headers, response.text)
    try:
        return Answer(response.status_code, headers, orjson.loads(response.content))
    except orjson.JSONDecodeError:
        pass
    if response.is_success:
        raise ServerFault(
            f"{request.route}: the CRM answered {response.status_code} without JSON.",
            detail=f"{request.route}: not JSON: {response.text[:DETAIL_CHARS]}",
            may_have_applied=request.writes,
        )
    return Answer(response.status_code, headers, response.text)
