"""`sobjects/X` and below: create, read, update, upsert and delete of single records."""

from collections.abc import Iterable

from destinations.salesforce.emulator import ids
from destinations.salesforce.emulator.context import CREATED_FLAG_VERSION
from destinations.salesforce.emulator.describe import child_relationship
from destinations.salesforce.emulator.refusals import Refusal, deleted, not_found
from destinations.salesforce.emulator.rest.routes import (
    DataRoute,
    Params,
    Reply,
    Request,
    object_named,
)
from destinations.salesforce.emulator.rules import no_such_column
from destinations.salesforce.emulator.schema import Field, ObjectType, Schema
from destinations.salesforce.emulator.soql.paths import Path
from destinations.salesforce.emulator.soql.run import show
from destinations.salesforce.emulator.store import Row, Store
from destinations.salesforce.emulator.values import coerce
from destinations.salesforce.emulator.writes import Writer, several


class RowResource:
    """The routes of single records."""

    def __init__(self, schema: Schema, store: Store, writer: Writer) -> None:
        self._schema = schema
        self._store = store
        self._writer = writer

    def routes(self) -> Iterable[DataRoute]:
        """Return the routes below a version's root."""
        return (
            ("POST", "sobjects/{object}", self.create),
            ("POST", "sobjects/{object}/Id", self.create_by_id),
            ("GET", "sobjects/{object}/{id}", self.read),
            ("PATCH", "sobjects/{object}/{id}", self.update),
            ("DELETE", "sobjects/{object}/{id}", self.delete),
            ("GET", "sobjects/{object}/{field}/{value}", self.read_by_field),
            ("PATCH", "sobjects/{object}/{field}/{value}", self.upsert),
            ("DELETE", "sobjects/{object}/{field}/{value}", self.delete_by_field),
        )

    def create(self, request: Request, params: Params) -> Reply:
        """Create a record: 201 with its id."""
        kind = object_named(self._schema, params["object"])
        record_id = self._writer.create(kind, request.json_object(), request.context)
        return _created(request, kind, record_id)

    def create_by_id(self, request: Request, params: Params) -> Reply:
        """Create with `Id` as the external id (API 37 and later)."""
        kind = object_named(self._schema, params["object"])
        record_id = self._writer.create(kind, request.json_object(), request.context)
        return _created(request, kind, record_id, created=True)

    def read(self, request: Request, params: Params) -> Reply:
        """Return a record with all its fields, or those of `?fields=`."""
        kind = object_named(self._schema, params["object"])
        row = self._row(kind, params["id"])
        return self._shown(request, row)

    def update(self, request: Request, params: Params) -> Reply:
        """Update a record: 204."""
        kind = object_named(self._schema, params["object"])
        body = request.json_object()
        self._refuse_no_id(params["id"])
        self._writer.update(kind, params["id"], body, request.context)
        return Reply(204)

    def delete(self, request: Request, params: Params) -> Reply:
        """Put a record into the recycle bin: 204."""
        kind = object_named(self._schema, params["object"])
        self._refuse_no_id(params["id"])
        self._writer.delete(kind, params["id"], request.context)
        return Reply(204)

    def read_by_field(self, request: Request, params: Params) -> Reply:
        """Return the record with this external id, or what an id's relationship leads to."""
        kind = object_named(self._schema, params["object"])
        if kind.field(params["field"]) is None and ids.normalise(params["field"]):
            row = self._row(kind, params["field"])
            return self._related(request, row, params["value"])
        by = self._by(kind, params["field"])
        return self._shown(request, self._found(request, kind, by, params["value"]))

    def upsert(self, request: Request, params: Params) -> Reply:
        """Update or create by external id: 200 (204 before API 46), 201 or 300."""
        kind = object_named(self._schema, params["object"])
        by = self._by(kind, params["field"])
        body = request.json_object()
        if any(name.lower() == by.name.lower() for name in body):
            text = f"The {by.name} field should not be specified in the sobject data."
            raise Refusal("INVALID_FIELD", text)
        done = self._writer.upsert(
            kind,
            by,
            _path_value(params["value"]),
            body,
            request.context,
            update_only=(request.param("updateOnly") or "").lower() == "true",
        )
        flagged = request.context.major >= CREATED_FLAG_VERSION
        if done.created:
            return _created(request, kind, done.id, created=True if flagged else None)
        if not flagged:
            return Reply(204)
        return Reply(200, {"id": done.id, "success": True, "errors": [], "created": False})

    def delete_by_field(self, request: Request, params: Params) -> Reply:
        """Delete the record with this external id: 204."""
        kind = object_named(self._schema, params["object"])
        by = self._by(kind, params["field"])
        row = self._found(request, kind, by, params["value"])
        self._writer.delete(kind, row.id, request.context)
        return Reply(204)

    def _by(self, kind: ObjectType, name: str) -> Field:
        field = kind.field(name)
        if field is None or not field.upsertable:
            raise _no_external_id(name)
        return field

    def _found(self, request: Request, kind: ObjectType, by: Field, text: str) -> Row:
        if by.type == "id":
            return self._row(kind, text)
        found = list(self._store.find(kind, by, coerce(by, _path_value(text))))
        if len(found) > 1:
            raise several(kind, found, request.context)
        if not found:
            raise not_found()
        return found[0]

    def _refuse_no_id(self, text: str) -> None:
        if len(text) not in {15, 18} or not text.isalnum():
            raise _no_external_id(text)

    def _row(self, kind: ObjectType, text: str) -> Row:
        self._refuse_no_id(text)
        long = ids.normalise(text)
        if long is None:
            raise Refusal("MALFORMED_ID", f"malformed id {text}", fields=[])
        row = self._store.rows.get(long)
        if row is None or row.type is not kind:
            raise not_found()
        if row.deleted:
            raise deleted()
        return row

    def _shown(self, request: Request, row: Row) -> Reply:
        named = request.param("fields")
        fields = list(row.type.fields.values())
        if named is not None:
            fields = [_field(row.type, name.strip()) for name in named.split(",")]
        paths = [Path((), field) for field in fields]
        return Reply(200, show(self._store, row, paths, request.context))

    def _related(self, request: Request, row: Row, name: str) -> Reply:
        reference = row.type.relationship(name)
        if reference is not None:
            parent = self._store.rows.get(str(row.get(reference.name)))
            if parent is None:
                raise not_found()
            return self._shown(request, parent)
        for child, field in self._schema.children(row.type):
            if (child_relationship(child, field) or "").lower() == name.lower():
                rows = list(self._store.find(child, field, row.id))
                paths = [Path((), each) for each in child.fields.values()]
                shown = [show(self._store, each, paths, request.context) for each in rows]
                return Reply(200, {"done": True, "totalSize": len(shown), "records": shown})
        raise not_found()


def _created(
    request: Request, kind: ObjectType, record_id: str, *, created: bool | None = None
) -> Reply:
    body: dict[str, object] = {"id": record_id, "success": True, "errors": []}
    if created is not None:
        body["created"] = created
    location = request.context.path("sobjects", kind.name, record_id)
    return Reply(201, body, {"Location": location})


def _path_value(text: str) -> str:
    """Return an external id as the path carries it: a known suffix names a format."""
    if text.endswith(".inc"):
        raise not_found()
    return text.removesuffix(".json")


def _field(kind: ObjectType, name: str) -> Field:
    field = kind.field(name)
    if field is None:
        raise no_such_column(kind, name)
    return field


def _no_external_id(name: str) -> Refusal:
    return not_found(f"Provided external ID field does not exist or is not accessible: {name}")
