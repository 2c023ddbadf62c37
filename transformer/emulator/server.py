"""The kit emulators are made of: an HTTP server with explicit routes, a log, counters and faults.

The only user of aiohttp's server for emulators. Knows no CRM: a vendor's emulator subclasses
`Emulator`, gives it routes and answers, and says how many API calls a request counts as.
Handlers are plain functions: one request is applied whole before the next one starts.
"""

import gzip
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import unquote_plus

import orjson
from aiohttp import web

from transformer.clock import Clock, SystemClock
from transformer.emulator import faults
from transformer.emulator.faults import Fault, FaultPlan, UnknownFault, fault_from_json
from transformer.emulator.routes import NoMatch, RouteTable

ADMIN = "/_emulator"
MAX_LINE_BYTES = 1_048_576
MAX_FIELD_BYTES = 1_048_576
MAX_BODY_BYTES = 256 * 1024 * 1024
HTML_PAGE = (
    "<html><head><title>Down for Maintenance</title></head>"
    "<body><h1>We are down for maintenance.</h1></body></html>"
)


@dataclass(frozen=True, slots=True)
class Call:
    """One request as a handler sees it. `path` and `query` are raw, as they came over the wire."""

    number: int
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    faults: Sequence[Fault] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: status, bytes and headers."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def json_answer(value: object, status: int = 200, **headers: str) -> Answer:
    """Return `value` as a JSON answer; header names are given with `_` for `-`."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Answer(
        status, orjson.dumps(value), {"Content-Type": "application/json;charset=UTF-8", **named}
    )


class ConnectionDropped(Exception):
    """Raised by a handler to lose the connection, keeping what it has applied so far."""


Handler = Callable[[Call, Mapping[str, str]], Answer]


class Emulator:
    """An emulator over HTTP: `async with Emulator(...).serve() as emulator: emulator.url`.

    A vendor overrides `routes`, `unknown`, `answer`, `state`, `reset` and `admin_routes`, names
    its own kinds of fault in `vendor_faults` and adds to `api_calls` itself. Under
    `/_emulator/` it lists `state`, `calls`, `requests` and `faults`, and takes `POST faults`
    and `POST reset`; nothing there is counted, logged or faulted. `unknown_routes` are the
    client's mistakes, `crashes` the emulator's own.
    """

    vendor_faults: Sequence[str] = ()
    secret_paths: Sequence[str] = ()

    def __init__(
        self,
        *,
        seed: int = 0,
        clock: Clock | None = None,
        log_requests: int = 1_000,
        log_body_bytes: int = 4_096,
        compress: bool = False,
    ) -> None:
        self.clock = clock or SystemClock()
        self.faults = FaultPlan(seed)
        self.url = ""
        self.api_calls = 0
        self.request_count = 0
        self.unknown_count = 0
        self.unknown_routes: deque[str] = deque(maxlen=log_requests)
        self.crashes: deque[str] = deque(maxlen=log_requests)
        self.requests: deque[dict[str, object]] = deque(maxlen=log_requests)
        self.calls_by_route: Counter[str] = Counter()
        self._log_body_bytes = log_body_bytes
        self._compress = compress
        self._table = RouteTable(self.routes())
        self._admin = RouteTable([*self._kit_routes(), *self.admin_routes()])

    def routes(self) -> Iterable[tuple[str, str, Handler]]:
        """Return the vendor's routes as (method, pattern, handler)."""
        return ()

    def admin_routes(self) -> Iterable[tuple[str, str, Handler]]:
        """Return more routes below `/_emulator/`."""
        return ()

    def unknown(self, call: Call, allowed: Sequence[str]) -> Answer:
        """Answer a request that no route knows, as the vendor does."""
        return json_answer({"path": call.path}, 405 if allowed else 404)

    def answer(self, call: Call) -> Answer:
        """Answer one request through the route table; a vendor wraps this in its own checks."""
        match = self._table.find(call.method, call.path)
        if isinstance(match, NoMatch):
            return self.refuse_unknown(call, match.allowed)
        self.calls_by_route[f"{call.method} {match.pattern}"] += 1
        return match.handler(call, match.params)

    def refuse_unknown(self, call: Call, allowed: Sequence[str]) -> Answer:
        """Record an unknown route as an error of the client and answer it."""
        self.unknown_count += 1
        self.unknown_routes.append(f"{call.method} {call.path}")
        return self.unknown(call, allowed)

    def connection_settings(self) -> Mapping[str, str]:
        """Return the settings by which a connection reaches this emulator, inside `serve`."""
        return {"base_url": self.url}

    def state(self, query: Mapping[str, str]) -> object:
        """Return what `GET /_emulator/state?query` shows; a vendor adds its records."""
        return {"query": dict(query), **self.calls()}

    def reset(self) -> None:
        """Forget faults, log and counters; a vendor also forgets its records."""
        self.faults.clear()
        self.requests.clear()
        self.unknown_routes.clear()
        self.crashes.clear()
        self.calls_by_route.clear()
        self.api_calls = self.request_count = self.unknown_count = 0

    def script(self, *scripted: Fault) -> None:
        """Put faults in force, from Python; raises UnknownFault for a kind nobody handles."""
        for fault in scripted:
            if fault.kind not in self._kinds():
                raise UnknownFault(f"fault: unknown kind {fault.kind!r}, expected {self._kinds()}")
        self.faults.add(*scripted)

    def _kinds(self) -> tuple[str, ...]:
        return (*faults.GENERIC_KINDS, *self.vendor_faults)

    @asynccontextmanager
    async def serve(self, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[Self]:
        """Listen until the block ends; `url` is set inside it."""
        server = web.Server(
            self._handle,
            max_line_size=MAX_LINE_BYTES,
            max_field_size=MAX_FIELD_BYTES,
            access_log=None,
        )
        runner = web.ServerRunner(server, shutdown_timeout=1.0)
        await runner.setup()
        try:
            site = web.TCPSite(runner, host, port)
            await site.start()
            bound = runner.addresses[0][1]
            self.url = f"http://{host}:{bound}"
            yield self
        finally:
            await runner.cleanup()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        path, _, query = request.raw_path.partition("?")
        request._client_max_size = MAX_BODY_BYTES  # noqa: SLF001 the low-level server takes no limit
        body = await request.read()
        if path.startswith(f"{ADMIN}/"):
            return _response(self._answer_admin(request.method, path, query, body))
        self.request_count += 1
        content = None
        if self.faults.reads_content():
            content = unquote_plus(query) + "\n" + body.decode("utf-8", "replace")
        hits = self.faults.fire(request.method, path, content)
        call = Call(self.request_count, request.method, path, query, request.headers, body, hits)
        answer = await self._answer_faulted(call)
        if answer is None:
            return _abort(request)
        if any(hit.kind == faults.TRUNCATE for hit in hits):
            return await _truncated(request, answer)
        if self._compress and "gzip" in request.headers.get("Accept-Encoding", ""):
            answer = _compressed(answer)
        return _response(answer)

    async def _answer_faulted(self, call: Call) -> Answer | None:
        """Run one call through the scripted faults; None means the connection is dropped."""
        kinds = {hit.kind for hit in call.faults}
        for hit in call.faults:
            if hit.kind == faults.DELAY:
                await self.clock.sleep(hit.seconds)
        if faults.RESET_BEFORE in kinds:
            return self._logged(call, None)
        instead = next((h for h in call.faults if h.kind in (faults.STATUS, faults.HTML)), None)
        try:
            answer = _scripted(instead) if instead else self.answer(call)
        except ConnectionDropped:
            return self._logged(call, None)
        except Exception as error:
            self.crashes.append(f"{call.method} {call.path}: {error!r}")
            raise
        for hit in call.faults:
            if hit.kind == faults.DELAY_AFTER:
                await self.clock.sleep(hit.seconds)
        return self._logged(call, None if faults.RESET_AFTER in kinds else answer)

    def _logged(self, call: Call, answer: Answer | None) -> Answer | None:
        secret = any(call.path.startswith(path) for path in self.secret_paths)
        body = b"" if secret else call.body[: self._log_body_bytes]
        self.requests.append(
            {
                "number": call.number,
                "time": self.clock.wall(),
                "method": call.method,
                "path": call.path,
                "query": call.query[: self._log_body_bytes],
                "body": body.decode("utf-8", "replace"),
                "body_bytes": len(call.body),
                "status": None if answer is None else answer.status,
                "faults": [hit.kind for hit in call.faults],
            }
        )
        return answer

    def _kit_routes(self) -> Iterable[tuple[str, str, Handler]]:
        return (
            ("GET", f"{ADMIN}/state", lambda call, _: json_answer(self.state(query_of(call)))),
            ("GET", f"{ADMIN}/calls", lambda _call, _: json_answer(self.calls())),
            ("GET", f"{ADMIN}/requests", lambda _call, _: json_answer(list(self.requests))),
            ("GET", f"{ADMIN}/faults", lambda _call, _: json_answer(self.faults.to_json())),
            ("POST", f"{ADMIN}/faults", self._post_faults),
            ("DELETE", f"{ADMIN}/faults", self._delete_faults),
            ("POST", f"{ADMIN}/reset", self._post_reset),
        )

    def calls(self) -> dict[str, object]:
        """Return the counters of `GET /_emulator/calls`."""
        return {
            "api_calls": self.api_calls,
            "requests": self.request_count,
            "unknown_routes": self.unknown_count,
            "unknown": list(self.unknown_routes),
            "crashes": list(self.crashes),
            "by_route": dict(self.calls_by_route),
        }

    def _post_faults(self, call: Call, _params: Mapping[str, str]) -> Answer:
        try:
            given = orjson.loads(call.body)
            read = [
                fault_from_json(one, self._kinds())
                for one in (given if isinstance(given, list) else [given])
            ]
        except ValueError as error:
            return json_answer({"error": str(error)}, 400)
        self.faults.add(*read)
        return json_answer(self.faults.to_json())

    def _delete_faults(self, _call: Call, _params: Mapping[str, str]) -> Answer:
        self.faults.clear()
        return json_answer([])

    def _post_reset(self, _call: Call, _params: Mapping[str, str]) -> Answer:
        self.reset()
        return json_answer({})

    def _answer_admin(self, method: str, path: str, query: str, body: bytes) -> Answer:
        match = self._admin.find(method, path)
        if isinstance(match, NoMatch):
            return json_answer({"error": f"no {method} {path} here"}, 404)
        return match.handler(Call(0, method, path, query, {}, body), match.params)


def query_of(call: Call) -> dict[str, str]:
    """Decode the query string; of a repeated key the last value wins."""
    return dict(query_pairs(call.query))


def query_pairs(query: str) -> list[tuple[str, str]]:
    """Decode a raw query string into its pairs, in order."""
    pairs = (part.partition("=") for part in query.split("&") if part)
    return [(unquote_plus(name), unquote_plus(value)) for name, _, value in pairs]


def _scripted(fault: Fault) -> Answer:
    if fault.kind == faults.HTML:
        headers = {"Content-Type": "text/html; charset=UTF-8", **fault.answer_headers()}
        return Answer(fault.status, (fault.text or HTML_PAGE).encode(), headers)
    headers = {"Content-Type": "application/json;charset=UTF-8", **fault.answer_headers()}
    return Answer(fault.status, fault.text.encode(), headers)


def _response(answer: Answer) -> web.Response:
    return web.Response(status=answer.status, body=answer.body, headers=answer.headers)


def _compressed(answer: Answer) -> Answer:
    return Answer(
        answer.status,
        gzip.compress(answer.body, compresslevel=1),
        {**answer.headers, "Content-Encoding": "gzip"},
    )


def _abort(request: web.BaseRequest) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)


async def _truncated(request: web.BaseRequest, answer: Answer) -> web.StreamResponse:
    response = web.StreamResponse(status=answer.status, headers=answer.headers)
    response.content_length = len(answer.body)
    await response.prepare(request)
    await response.write(answer.body[: len(answer.body) // 2])
    if request.transport is not None:
        request.transport.close()
    return response
