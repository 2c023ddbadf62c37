"""`composite`, `composite/batch` and `composite/graph`: several requests in one call.

Subrequests go through the same handlers as requests of their own.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from destinations.salesforce.emulator.context import Context
from destinations.salesforce.emulator.references import (
    HALTED,
    UnresolvedReference,
    resolve,
    resolve_text,
)
from destinations.salesforce.emulator.refusals import Refusal, parser_error
from destinations.salesforce.emulator.rest.routes import (
    DataRoute,
    Params,
    Reply,
    Request,
    flag,
    objects,
)
from destinations.salesforce.emulator.store import Store

MAX_SUBREQUESTS = 25
MAX_QUERIES = 5
MAX_GRAPH_NODES = 500
MAX_GRAPHS = 75
MAX_GRAPH_ID = 40
STRICT_REFERENCE_VERSION = 52
GRAPH_VERSION = 50
BATCH_OLDEST = 34
_URL = re.compile(r"/services/data/(v\d+\.\d)/(.*)\Z", re.DOTALL)
_BATCH_URL = re.compile(r"(v\d+\.\d)/(.*)\Z", re.DOTALL)
_REFERENCE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_]*\Z")
_GRAPH_ID = re.compile(r"[A-Za-z0-9][^.]*\Z")
_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})
_FORBIDDEN_HEADERS = frozenset({"accept", "authorization", "content-type"})
_HALTED_MESSAGE = (
    "The transaction was rolled back since another operation in the same transaction failed."
)
_FAILED = 300

Send = Callable[[Request], Reply]


@dataclass(frozen=True, slots=True)
class Subrequest:
    """One subrequest of a composite, checked but not yet resolved."""

    method: str
    version: str
    url: str
    reference: str
    body: object
    has_body: bool
    headers: Mapping[str, str]

    @property
    def is_collection(self) -> bool:
        """Tell whether it writes or reads sObject collections."""
        return self.url.partition("?")[0].startswith("composite/sobjects")

    @property
    def is_limited(self) -> bool:
        """Tell whether it is one of the kinds of which a composite takes five."""
        head = self.url.partition("?")[0].split("/")[0]
        return head in {"query", "queryAll"} or self.is_collection


class CompositeResource:
    """The routes of the composite family. `send` runs a subrequest through the data routes."""

    def __init__(self, store: Store, send: Send) -> None:
        self._store = store
        self._send = send

    def routes(self) -> Iterable[DataRoute]:
        """Return the routes below a version's root."""
        return (
            ("POST", "composite", self.composite),
            ("POST", "composite/batch", self.batch),
            ("POST", "composite/graph", self.graph),
        )

    def composite(self, request: Request, _params: Params) -> Reply:
        """Run up to 25 subrequests, in order, each seeing the answers before it."""
        body = request.json_object()
        all_or_none = flag(body.get("allOrNone"), "allOrNone", default=False)
        flag(body.get("collateSubrequests"), "collateSubrequests", default=True)
        given = objects(body.get("compositeRequest"), "compositeRequest")
        subrequests = [_subrequest(one, request.context.major) for one in given]
        _refuse_shape(subrequests)
        answers = self._run(subrequests, request.context, all_or_none=all_or_none)
        return Reply(200, {"compositeResponse": answers})

    def batch(self, request: Request, _params: Params) -> Reply:
        """Run up to 25 unrelated requests; each commits by itself."""
        body = request.json_object()
        halt = flag(body.get("haltOnError"), "haltOnError", default=False)
        given = objects(body.get("batchRequests"), "batchRequests")
        _refuse_count(len(given))
        results: list[dict[str, object]] = []
        failed = False
        for one in given:
            if failed and halt:
                code, text = "BATCH_PROCESSING_HALTED", "Batch processing halted per request"
                refused = [{"errorCode": code, "message": text}]
                results.append({"statusCode": 412, "result": refused})
                continue
            reply = self._one_of_batch(one, request)
            failed = failed or reply.status >= _FAILED
            results.append({"statusCode": reply.status, "result": reply.body})
        return Reply(200, {"hasErrors": failed, "results": results})

    def graph(self, request: Request, _params: Params) -> Reply:
        """Run graphs of subrequests; each graph is applied whole or not at all."""
        if request.context.major < GRAPH_VERSION:
            raise Refusal("NOT_FOUND", "The requested resource does not exist", status=404)
        graphs = objects(request.json_object().get("graphs"), "graphs")
        if len(graphs) > MAX_GRAPHS:
            raise Refusal("LIMIT_EXCEEDED", f"Cannot have more than {MAX_GRAPHS} graphs")
        read = [(_graph_id(one), _graph_nodes(one, request.context.major)) for one in graphs]
        if len({name for name, _ in read}) < len(read):
            raise Refusal("INVALID_INPUT", "graphId must be unique")
        if sum(len(nodes) for _, nodes in read) > MAX_GRAPH_NODES:
            raise Refusal("LIMIT_EXCEEDED", f"Cannot have more than {MAX_GRAPH_NODES} nodes")
        shown: list[dict[str, object]] = []
        for name, nodes in read:
            answers = self._run(nodes, request.context, all_or_none=True)
            good = all(_status(answer) < _FAILED for answer in answers)
            response = {"compositeResponse": answers}
            shown.append({"graphId": name, "graphResponse": response, "isSuccessful": good})
        return Reply(200, {"graphs": shown})

    def _run(
        self, subrequests: Sequence[Subrequest], context: Context, *, all_or_none: bool
    ) -> list[dict[str, object]]:
        mark = self._store.mark()
        outer, context.all_or_none = context.all_or_none, all_or_none
        known: dict[str, object] = {}
        answers: list[dict[str, object]] = []
        failed: int | None = None
        for position, sub in enumerate(subrequests):
            # Of the request's own headers a part has those alone that it must not name itself.
            context.follow(sub.headers)
            reply = self._one(sub, context, known)
            answers.append(_answer(sub, reply))
            if reply.status < _FAILED:
                known[sub.reference] = reply.body
            if all_or_none and (reply.status >= _FAILED or _has_failed_row(sub, reply)):
                failed = position
                break
        context.all_or_none = outer
        if failed is None:
            return answers
        self._store.roll_back(mark)
        return [
            answers[at]
            if at == failed or (at < failed and sub.is_collection)
            else _answer(sub, _halted(_HALTED_MESSAGE))
            for at, sub in enumerate(subrequests)
        ]

    def _one(self, sub: Subrequest, context: Context, known: Mapping[str, object]) -> Reply:
        try:
            path, _, query = resolve_text(sub.url, known).partition("?")
            body = resolve(sub.body, known)
        except UnresolvedReference as refusal:
            return Reply(400, refusal.top_level())
        return self._send(_request(replace(sub, body=body), path, query, context))

    def _one_of_batch(self, given: Mapping[str, object], request: Request) -> Reply:
        match = _BATCH_URL.match(str(given.get("url", "")))
        if match is None:
            raise parser_error("url: expected vXX.X/... at [line:1, column:2]")
        major = int(match[1][1:].partition(".")[0])
        if major > request.context.major or major < BATCH_OLDEST:
            raise Refusal("INVALID_INPUT", f"version {match[1]} cannot be used in this batch")
        method, has_body = str(given.get("method", "")), "richInput" in given
        sub = Subrequest(method, match[1], match[2], "", given.get("richInput"), has_body, {})
        path, _, query = sub.url.partition("?")
        return self._send(_request(sub, path, query, request.context))


def subrequest_count(body: object) -> int:
    """Return how many calls a batch counts as: one per subrequest."""
    given = body.get("batchRequests") if isinstance(body, dict) else None
    return max(1, len(given)) if isinstance(given, list) else 1


def _request(sub: Subrequest, path: str, query: str, context: Context) -> Request:
    if context.version != sub.version:
        context = replace(context, version=sub.version)
    request = Request(sub.method, path, query, context, content_type="application/json")
    if sub.has_body:
        request.parsed = sub.body
    return request


def _subrequest(given: Mapping[str, object], major: int) -> Subrequest:
    method, url, reference = (str(given.get(name, "")) for name in ("method", "url", "referenceId"))
    if method not in _METHODS:
        raise parser_error(f"method: unknown '{method}' at [line:1, column:2]")
    match = _URL.match(url)
    if match is None:
        raise parser_error(f"url: expected /services/data/vXX.X/..., got '{url[:80]}'")
    legal = _REFERENCE_ID.match(reference) is not None
    if not reference or (major >= STRICT_REFERENCE_VERSION and not legal):
        raise Refusal("INVALID_INPUT", f"Provided referenceId ('{reference[:80]}') is invalid")
    headers = given.get("httpHeaders")
    named = {str(k): str(v) for k, v in headers.items()} if isinstance(headers, dict) else {}
    if refused := sorted({name.lower() for name in named} & _FORBIDDEN_HEADERS):
        raise Refusal("INVALID_INPUT", f"Headers not allowed in a subrequest: {refused}")
    has_body = "body" in given
    return Subrequest(method, match[1], match[2], reference, given.get("body"), has_body, named)


def _refuse_shape(subrequests: Sequence[Subrequest]) -> None:
    _refuse_count(len(subrequests))
    if sum(one.is_limited for one in subrequests) > MAX_QUERIES:
        text = f"Cannot have more than {MAX_QUERIES} query or collection subrequests"
        raise Refusal("LIMIT_EXCEEDED", text)
    names = [one.reference for one in subrequests]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise Refusal("INVALID_INPUT", f"Duplicate referenceId '{twice}'")


def _refuse_count(count: int) -> None:
    if count == 0:
        raise Refusal("INVALID_INPUT", "At least one subrequest is required")
    if count > MAX_SUBREQUESTS:
        text = f"Cannot have more than {MAX_SUBREQUESTS} subrequests"
        raise Refusal("LIMIT_EXCEEDED", text)


def _graph_id(given: Mapping[str, object]) -> str:
    name = given.get("graphId")
    if not isinstance(name, str) or len(name) >= MAX_GRAPH_ID or not _GRAPH_ID.match(name):
        raise Refusal("INVALID_INPUT", f"graphId '{name}' is invalid")
    return name


def _graph_nodes(given: Mapping[str, object], major: int) -> list[Subrequest]:
    listed = objects(given.get("compositeRequest"), "compositeRequest")
    nodes = [_subrequest(one, major) for one in listed]
    for node in nodes:
        if not node.url.startswith("sobjects/"):
            raise Refusal("INVALID_INPUT", f"url not allowed in a graph: {node.url[:80]}")
    return nodes


def _answer(sub: Subrequest, reply: Reply) -> dict[str, object]:
    return {
        "body": reply.body,
        "httpHeaders": dict(reply.headers),
        "httpStatusCode": reply.status,
        "referenceId": sub.reference,
    }


def _halted(message: str) -> Reply:
    return Reply(400, [{"errorCode": HALTED, "message": message}])


def _has_failed_row(sub: Subrequest, reply: Reply) -> bool:
    rows = reply.body if sub.is_collection and isinstance(reply.body, list) else []
    return any(isinstance(row, dict) and row.get("success") is False for row in rows)


def _status(answer: Mapping[str, object]) -> int:
    status = answer["httpStatusCode"]
    return status if isinstance(status, int) else _FAILED
