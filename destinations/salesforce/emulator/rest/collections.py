"""`composite/sobjects`: up to 200 records per call, one result per row, in order."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from destinations.salesforce.emulator import ids
from destinations.salesforce.emulator.context import CREATED_FLAG_VERSION
from destinations.salesforce.emulator.refusals import Refusal, not_found
from destinations.salesforce.emulator.rest.routes import (
    DataRoute,
    Params,
    Reply,
    Request,
    flag,
    object_named,
    objects,
    strings,
)
from destinations.salesforce.emulator.rules import no_such_column
from destinations.salesforce.emulator.schema import Field, ObjectType, Schema
from destinations.salesforce.emulator.soql.paths import Path
from destinations.salesforce.emulator.soql.run import show
from destinations.salesforce.emulator.store import Store
from destinations.salesforce.emulator.writes import Writer

MAX_ROWS = 200
MAX_CHUNKS = 10
MAX_GET_IDS = 800
MAX_POST_IDS = 2_000
_WHOLE_REQUEST_CODES = frozenset({"JSON_PARSER_ERROR", "INVALID_FIELD", "INVALID_TYPE"})
_ROLLED_BACK = {
    "success": False,
    "errors": [
        {
            "statusCode": "ALL_OR_NONE_OPERATION_ROLLED_BACK",
            "message": "Record rolled back because not all records were valid and the request "
            "was using AllOrNone header",
            "fields": [],
        }
    ],
}
RowWrite = Callable[[dict[str, object]], dict[str, object]]


class CollectionResource:
    """The routes of sObject collections.

    `parse_errors_refuse_all`: a row whose JSON does not fit its object refuses the whole request
    instead of that row; which of the two an org does is not documented.
    """

    def __init__(
        self, schema: Schema, store: Store, writer: Writer, *, parse_errors_refuse_all: bool
    ) -> None:
        self._schema = schema
        self._store = store
        self._writer = writer
        self._parse_errors_refuse_all = parse_errors_refuse_all

    def routes(self) -> Iterable[DataRoute]:
        """Return the routes below a version's root."""
        return (
            ("POST", "composite/sobjects", self.create),
            ("PATCH", "composite/sobjects", self.update),
            ("DELETE", "composite/sobjects", self.delete),
            ("PATCH", "composite/sobjects/{object}/{field}", self.upsert),
            ("GET", "composite/sobjects/{object}", self.read),
            ("POST", "composite/sobjects/{object}", self.read_posted),
        )

    def create(self, request: Request, _params: Params) -> Reply:
        """Create records of one or more objects."""
        records, all_or_none = self._records(request)
        kinds = self._kinds(records)

        def write(record: dict[str, object]) -> dict[str, object]:
            kind = kinds[id(record)]
            done = self._writer.create(kind, record, request.context)
            return {"id": done, "success": True, "errors": []}

        return self._rows(request, records, write, all_or_none=all_or_none)

    def update(self, request: Request, _params: Params) -> Reply:
        """Update records by the `id` in each."""
        records, all_or_none = self._records(request)
        kinds = self._kinds(records)
        repeated = _repeated(_id_key(record) for record in records)

        def write(record: dict[str, object]) -> dict[str, object]:
            kind = kinds[id(record)]
            given = _pop(record, "id")
            if not isinstance(given, str) or not given:
                raise Refusal("MISSING_ARGUMENT", "Id not specified in an update call", fields=[])
            if (ids.normalise(given) or given) in repeated:
                raise Refusal("DUPLICATE_VALUE", f"duplicate id specified: {given}", fields=["Id"])
            done = self._writer.update(kind, given, record, request.context)
            return {"id": done, "success": True, "errors": []}

        return self._rows(request, records, write, all_or_none=all_or_none)

    def upsert(self, request: Request, params: Params) -> Reply:
        """Update or create records of one object by an external id inside each."""
        if request.context.major < CREATED_FLAG_VERSION:
            raise not_found()
        kind = object_named(self._schema, params["object"])
        by = kind.field(params["field"])
        if by is None or not by.upsertable:
            text = "Provided external ID field does not exist or is not accessible: "
            raise not_found(text + params["field"])
        records, all_or_none = self._records(request)
        for other in self._kinds(records).values():
            if other is not kind:
                text = f"Expected records of type {kind.name}, got {other.name}"
                raise Refusal("INVALID_TYPE", text)
        repeated = _repeated(_external_key(by, record) for record in records)

        def write(record: dict[str, object]) -> dict[str, object]:
            return self._upsert_row(request, kind, by, record, repeated)

        return self._rows(request, records, write, all_or_none=all_or_none)

    def _upsert_row(
        self,
        request: Request,
        kind: ObjectType,
        by: Field,
        record: dict[str, object],
        repeated: frozenset[str],
    ) -> dict[str, object]:
        key = _external_key(by, record)
        value = _pop(record, by.name)
        if by.type == "id" and value is None:
            done = self._writer.create(kind, record, request.context)
            return {"id": done, "success": True, "errors": [], "created": True}
        if key in repeated:
            text = f"Duplicate external id specified: {value}"
            raise Refusal("DUPLICATE_VALUE", text, fields=[by.name])
        upserted = self._writer.upsert(kind, by, value, record, request.context)
        return {"id": upserted.id, "success": True, "errors": [], "created": upserted.created}

    def delete(self, request: Request, _params: Params) -> Reply:
        """Delete the records of `?ids=`."""
        params = request.params()
        named = [one for one in params.get("ids", "").split(",") if one]
        _refuse_size(len(named), MAX_ROWS)
        all_or_none = params.get("allOrNone", "false").lower() == "true"

        def write(record: dict[str, object]) -> dict[str, object]:
            row = self._writer.row(None, str(record["id"]))
            self._writer.delete(row.type, row.id, request.context)
            return {"id": row.id, "success": True, "errors": []}

        records: list[dict[str, object]] = [{"id": one} for one in named]
        return self._rows(request, records, write, all_or_none=all_or_none)

    def read(self, request: Request, params: Params) -> Reply:
        """Return the records of `?ids=&fields=`, null where there is none."""
        given = request.params()
        named = [one for one in given.get("ids", "").split(",") if one]
        fields = [one for one in given.get("fields", "").split(",") if one]
        _refuse_size(len(named), MAX_GET_IDS)
        return self._read(request, params["object"], named, fields)

    def read_posted(self, request: Request, params: Params) -> Reply:
        """Return the records of a posted `{"ids", "fields"}`, null where there is none."""
        body = request.json_object()
        named = strings(body.get("ids"), "ids")
        _refuse_size(len(named), MAX_POST_IDS)
        return self._read(request, params["object"], named, strings(body.get("fields"), "fields"))

    def _read(
        self, request: Request, name: str, named: Sequence[str], fields: Sequence[str]
    ) -> Reply:
        kind = object_named(self._schema, name)
        paths: list[Path] = []
        for each in fields:
            field = kind.field(each.strip())
            if field is None:
                raise no_such_column(kind, each)
            paths.append(Path((), field))
        rows = [self._store.rows.get(ids.normalise(one) or "") for one in named]
        shown = [
            show(self._store, row, paths, request.context)
            if row is not None and row.type is kind and not row.deleted
            else None
            for row in rows
        ]
        return Reply(200, shown)

    def _records(self, request: Request) -> tuple[list[dict[str, object]], bool]:
        body = request.json_object()
        records = [dict(one) for one in objects(body.get("records"), "records")]
        _refuse_size(len(records), MAX_ROWS)
        return records, flag(body.get("allOrNone"), "allOrNone", default=False)

    def _kinds(self, records: Sequence[dict[str, object]]) -> dict[int, ObjectType]:
        """Return each record's object; refuses unknown objects and too many chunks."""
        kinds: dict[int, ObjectType] = {}
        chunks, last = 0, None
        for record in records:
            attributes = record.get("attributes")
            name = attributes.get("type") if isinstance(attributes, dict) else None
            kind = self._schema.find(name) if isinstance(name, str) else None
            if kind is None:
                raise Refusal("INVALID_TYPE", f"sObject type '{name or ''}' is not supported.")
            chunks, last = chunks + (kind is not last), kind
            kinds[id(record)] = kind
        if chunks > MAX_CHUNKS:
            text = f"Cannot have more than {MAX_CHUNKS} chunks in a single operation."
            raise Refusal("LIMIT_EXCEEDED", text)
        return kinds

    def _rows(
        self,
        request: Request,
        records: Sequence[dict[str, object]],
        write: RowWrite,
        *,
        all_or_none: bool,
    ) -> Reply:
        mark = self._store.mark()
        results: list[dict[str, object]] = []
        for record in records:
            try:
                results.append(write(record))
            except Refusal as refusal:
                if self._parse_errors_refuse_all and refusal.code in _WHOLE_REQUEST_CODES:
                    self._store.roll_back(mark)
                    raise
                results.append({"success": False, "errors": [refusal.in_row()]})
        if (all_or_none or request.context.all_or_none) and _any_failed(results):
            self._store.roll_back(mark)
            results = [_ROLLED_BACK if one["success"] else one for one in results]
        return Reply(200, results)


def _any_failed(results: Iterable[dict[str, object]]) -> bool:
    return any(not one["success"] for one in results)


def _refuse_size(count: int, most: int) -> None:
    if count > most:
        text = f"record limit reached. cannot submit more than {most} records into this call"
        raise Refusal("EXCEEDED_ID_LIMIT", text)


def _pop(record: dict[str, object], name: str) -> object:
    for key in list(record):
        if key.lower() == name.lower():
            return record.pop(key)
    return None


def _id_key(record: dict[str, object]) -> str | None:
    given = next((value for key, value in record.items() if key.lower() == "id"), None)
    return (ids.normalise(given) or given) if isinstance(given, str) else None


def _external_key(by: Field, record: dict[str, object]) -> str | None:
    for key, value in record.items():
        if key.lower() == by.name.lower() and value is not None:
            return by.key(value)
    return None


def _repeated(keys: Iterable[str | None]) -> frozenset[str]:
    counts = Counter(key for key in keys if key)
    return frozenset(key for key, count in counts.items() if count > 1)
