"""Everything below `/services/data/`: versions, sessions, quota, then the route of the request.

One request is one unit: what it wrote is kept or taken back before the next one starts.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

import orjson

from destinations.salesforce.emulator import row_faults
from destinations.salesforce.emulator.auth import Sessions
from destinations.salesforce.emulator.context import Context
from destinations.salesforce.emulator.quota import Quota
from destinations.salesforce.emulator.refusals import Refusal, not_found
from destinations.salesforce.emulator.rest.composite import subrequest_count
from destinations.salesforce.emulator.rest.meta import OLDEST_VERSION, RETIRED_FROM, version_list
from destinations.salesforce.emulator.rest.routes import DataHandler, Reply, Request
from destinations.salesforce.emulator.store import Store
from transformer.emulator.routes import NoMatch, RouteTable
from transformer.emulator.server import Answer, Call, json_answer, query_pairs

ROOT = "/services/data"
MAX_URI_BYTES = 16_384
_VERSION = re.compile(r"v(\d+)\.0\Z")
_OVERRIDES = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"})
_JSON = "application/json;charset=UTF-8"


@dataclass(slots=True)
class DataApi:
    """The REST API of one org. `unknown` records a route nobody knows."""

    store: Store
    sessions: Sessions
    quota: Quota
    table: RouteTable[DataHandler]
    latest: int
    wall: Callable[[], float]
    count: Callable[[str, int], None]
    unknown: Callable[[Call], None]

    def answer(self, call: Call) -> Answer:
        """Answer one request; every answer but the version list carries `Sforce-Limit-Info`."""
        if call.path.rstrip("/") == ROOT:
            return json_answer(version_list(self.latest))
        try:
            reply = self._admitted(call)
        except Refusal as refusal:
            self.store.roll_back(0)
            reply = Reply(refusal.status, refusal.top_level())
        finally:
            self.store.commit()
        return self._wire(call, reply)

    def send(self, request: Request) -> Reply:
        """Run a request, or a subrequest, through the routes; a refusal becomes its reply."""
        try:
            return self._run(request)
        except Refusal as refusal:
            return Reply(refusal.status, refusal.top_level())

    def _admitted(self, call: Call) -> Reply:
        _refuse_long(call)
        now = self.wall()
        version, _, path = call.path.removeprefix(f"{ROOT}/").partition("/")
        self._scripted(call, now)
        user_id = self._user(call, now)
        self._refuse_version(version)
        if self.quota.spent(now):
            raise limit_exceeded("TotalRequests")
        method, query = _overridden(call)
        context = _context(call, version, user_id, now)
        content_type = call.headers.get("Content-Type", "")
        request = Request(method, path, query, context, call.body, content_type)
        calls = self._weight(request)
        self.quota.count(calls, now)
        found = self.table.find(method, path)
        if isinstance(found, NoMatch):
            self.unknown(call)
        pattern = "unknown" if isinstance(found, NoMatch) else found.pattern
        self.count(f"{method} {pattern}", calls)
        return self._run(request)

    def _run(self, request: Request) -> Reply:
        found = self.table.find(request.method, request.path)
        if isinstance(found, NoMatch):
            if not found.allowed:
                raise not_found()
            text = (
                f"HTTP Method '{request.method}' not allowed. "
                f"Allowed are {','.join(sorted(found.allowed))}"
            )
            raise Refusal("METHOD_NOT_ALLOWED", text, status=405)
        return found.handler(request, found.params)

    def _scripted(self, call: Call, now: float) -> None:
        for fault in call.faults:
            if fault.kind == row_faults.EXPIRE_SESSION:
                self.sessions.expire_all()
            elif fault.kind == row_faults.SPEND_QUOTA:
                self.quota.set_used(self.quota.limit, now)
            elif fault.kind == row_faults.CONCURRENT_LIMIT:
                raise limit_exceeded("ConcurrentPerOrgLongTxn")

    def _user(self, call: Call, now: float) -> str:
        header = call.headers.get("Authorization")
        if header is None:
            raise _no_session()
        kind, _, token = header.partition(" ")
        if kind.lower() not in {"bearer", "oauth"} or not token:
            raise Refusal("INVALID_AUTH_HEADER", "INVALID_HEADER_TYPE", status=401)
        user_id = self.sessions.user_of(token, now)
        if user_id is None:
            raise _no_session()
        return user_id

    def _refuse_version(self, version: str) -> None:
        match = _VERSION.match(version)
        number = int(match[1]) if match else 0
        if RETIRED_FROM <= number < OLDEST_VERSION:
            text = f"This API version ({version}) has been retired."
            raise Refusal("GONE", text, status=410)
        if not OLDEST_VERSION <= number <= self.latest:
            raise not_found()

    def _weight(self, request: Request) -> int:
        if request.path != "composite/batch" or request.method != "POST":
            return 1
        try:
            return subrequest_count(request.json())
        except Refusal:
            return 1

    def _wire(self, call: Call, reply: Reply) -> Answer:
        headers = {"Sforce-Limit-Info": self.quota.header(self.wall()), **reply.headers}
        if reply.raw is not None:
            return Answer(reply.status, reply.raw, headers)
        if reply.body is None:
            return Answer(reply.status, b"", headers)
        pretty = orjson.OPT_INDENT_2 if call.headers.get("X-PrettyPrint") == "1" else 0
        headers.setdefault("Content-Type", _JSON)
        return Answer(reply.status, orjson.dumps(reply.body, option=pretty), headers)


def limit_exceeded(which: str) -> Refusal:
    """Return the refusal of a call over a limit."""
    text = f"{which} Limit exceeded."
    return Refusal("REQUEST_LIMIT_EXCEEDED", text, status=403)


def _no_session() -> Refusal:
    return Refusal("INVALID_SESSION_ID", "Session expired or invalid", status=401)


def _refuse_long(call: Call) -> None:
    uri = len(call.path) + len(call.query) + 1
    if uri > MAX_URI_BYTES:
        raise Refusal("URI_TOO_LONG", "The URI exceeds 16,384 bytes", status=414)
    headers = sum(len(name) + len(value) for name, value in call.headers.items())
    if uri + headers > MAX_URI_BYTES:
        text = "The URI and headers exceed 16,384 bytes"
        raise Refusal("REQUEST_HEADER_FIELDS_TOO_LARGE", text, status=431)


def _overridden(call: Call) -> tuple[str, str]:
    """Return the method, which a POST may override by `_HttpMethod`, and the rest of the query."""
    if call.method != "POST" or "_HttpMethod=" not in call.query:
        return call.method, call.query
    given = dict(query_pairs(call.query)).get("_HttpMethod", "").upper()
    rest = [part for part in call.query.split("&") if not part.startswith("_HttpMethod=")]
    return (given if given in _OVERRIDES else call.method), "&".join(rest)


def _context(call: Call, version: str, user_id: str, now: float) -> Context:
    context = Context(call.number, now, version, user_id, call.headers, call.faults)
    context.follow(call.headers)
    return context
