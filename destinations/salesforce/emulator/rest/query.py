"""`query` and `queryAll` with their pages, and `parameterizedSearch` with its index lag."""

import re
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from destinations.salesforce.emulator import ids, times
from destinations.salesforce.emulator.refusals import Refusal
from destinations.salesforce.emulator.rest.routes import DataRoute, Params, Reply, Request
from destinations.salesforce.emulator.schema import Schema
from destinations.salesforce.emulator.soql.run import Result, run
from destinations.salesforce.emulator.store import Row, Store

MAX_PAGE = 2_000
MIN_PAGE = 200
MAX_CURSORS = 100
CURSOR_SECONDS = 2 * 24 * 3_600
_BATCH = re.compile(r"batchSize\s*=\s*(\d+)")
_LOCATOR = re.compile(r"(01g[0-9A-Za-z]{15})-(\d+)\Z")


@dataclass(frozen=True, slots=True)
class Cursor:
    """A result that is read page by page."""

    result: Result
    created: float


class QueryResource:
    """The routes of SOQL."""

    def __init__(self, schema: Schema, store: Store, *, page_records: int) -> None:
        self._schema = schema
        self._store = store
        self._page_records = page_records
        self._cursors: OrderedDict[str, Cursor] = OrderedDict()
        self._made = 0

    def routes(self) -> Iterable[DataRoute]:
        """Return the routes below a version's root."""
        return (
            ("GET", "query", self.query),
            ("GET", "queryAll", self.query_all),
            ("GET", "query/{locator}", self.more),
            ("GET", "queryAll/{locator}", self.more),
        )

    def query(self, request: Request, _params: Params) -> Reply:
        """Run a statement over live records."""
        return self._run(request, deleted_too=False)

    def query_all(self, request: Request, _params: Params) -> Reply:
        """Run a statement over live, deleted and merged records."""
        return self._run(request, deleted_too=True)

    def more(self, request: Request, params: Params) -> Reply:
        """Return the page a locator stands for."""
        match = _LOCATOR.match(params["locator"])
        cursor = self._cursors.get(match[1]) if match else None
        if match is None or cursor is None:
            raise Refusal("INVALID_QUERY_LOCATOR", "invalid query locator")
        if request.context.time - cursor.created > CURSOR_SECONDS:
            raise Refusal("INVALID_QUERY_LOCATOR", "query locator has expired")
        return self._page(request, match[1], cursor.result, int(match[2]))

    def _run(self, request: Request, *, deleted_too: bool) -> Reply:
        query = request.param("q")
        if query is None:
            raise Refusal("MALFORMED_QUERY", "SOQL query is required: parameter q is missing")
        result = run(query, self._schema, self._store, request.context, deleted_too=deleted_too)
        if len(result.rows) <= self._page_size(request):
            records: Sequence[object] = result.ready or [result.show(row) for row in result.rows]
            return Reply(200, {"totalSize": result.total, "done": True, "records": records})
        self._made += 1
        locator = ids.make(ids.LOCATOR_PREFIX, self._made)
        self._cursors[locator] = Cursor(result, request.context.time)
        while len(self._cursors) > MAX_CURSORS:
            self._cursors.popitem(last=False)
        return self._page(request, locator, result, 0)

    def _page(self, request: Request, locator: str, result: Result, start: int) -> Reply:
        size = self._page_size(request)
        rows = result.rows[start : start + size]
        after = start + len(rows)
        done = after >= len(result.rows)
        body: dict[str, object] = {"totalSize": result.total, "done": done}
        if not done:
            body["nextRecordsUrl"] = request.context.path("query", f"{locator}-{after}")
        body["records"] = [result.show(row) for row in rows]
        return Reply(200, body)

    def _page_size(self, request: Request) -> int:
        wanted = _BATCH.search(request.context.headers.get("Sforce-Query-Options", ""))
        if wanted is None:
            return self._page_records
        return min(max(int(wanted[1]), MIN_PAGE), MAX_PAGE, self._page_records)


class SearchResource:
    """`parameterizedSearch`: found only once the index has caught up."""

    def __init__(self, schema: Schema, store: Store, *, lag_seconds: float) -> None:
        self._schema = schema
        self._store = store
        self._lag_seconds = lag_seconds

    def routes(self) -> Iterable[DataRoute]:
        """Return the routes below a version's root."""
        return (
            ("GET", "parameterizedSearch", self.by_params),
            ("POST", "parameterizedSearch", self.by_body),
        )

    def by_params(self, request: Request, _params: Params) -> Reply:
        """Search as the query string says."""
        given = request.params()
        limit = int(given.get("overallLimit", MAX_PAGE))
        names = [given["sobject"]] if "sobject" in given else []
        fields = [name for name in given.get("fields", "").split(",") if name]
        return self._search(request, given.get("q", ""), names, fields, limit)

    def by_body(self, request: Request, _params: Params) -> Reply:
        """Search as the JSON body says."""
        body = request.json_object()
        listed = body.get("sobjects")
        specs = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
        names = [str(spec.get("name")) for spec in specs]
        given = next((s["fields"] for s in specs if "fields" in s), body.get("fields"))
        fields = [str(name) for name in given] if isinstance(given, list) else []
        limit = body.get("overallLimit", MAX_PAGE)
        most = limit if isinstance(limit, int) else MAX_PAGE
        return self._search(request, str(body.get("q", "")), names, fields, most)

    def _search(
        self, request: Request, text: str, names: list[str], fields: list[str], limit: int
    ) -> Reply:
        if not text:
            raise Refusal("MALFORMED_SEARCH", "q: a search string is required")
        until = times.stamp(request.context.time - self._lag_seconds)
        found: list[object] = []
        for name in names or ["Account", "Contact", "Lead"]:
            kind = self._schema.find(name)
            if kind is None:
                raise Refusal("INVALID_TYPE", f"sObject type '{name}' is not supported.")
            for row in self._store.of_type(kind).values():
                if not row.deleted and str(row.get("SystemModstamp")) <= until and _has(row, text):
                    shown: dict[str, object] = {"Id": row.id}
                    for field in (kind.field(one) for one in fields):
                        if field is not None:
                            shown[field.name] = row.get(field.name)
                    url = request.context.path("sobjects", kind.name, row.id)
                    found.append({"attributes": {"type": kind.name, "url": url}, **shown})
        return Reply(200, {"searchRecords": found[: min(limit, MAX_PAGE)]})


def _has(row: Row, text: str) -> bool:
    wanted = text.lower()
    names = ("Name", "Email", "Phone", "Company", "Website")
    return any(wanted in str(row.get(name) or "").lower() for name in names)
