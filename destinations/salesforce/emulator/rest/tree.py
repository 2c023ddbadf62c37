"""`composite/tree/X`: parents and their children created together, or not at all."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from destinations.salesforce.emulator.describe import child_relationship
from destinations.salesforce.emulator.refusals import Refusal, parser_error
from destinations.salesforce.emulator.rest.routes import (
    DataRoute,
    Params,
    Reply,
    Request,
    object_named,
    objects,
)
from destinations.salesforce.emulator.schema import Field, ObjectType, Schema
from destinations.salesforce.emulator.store import Store
from destinations.salesforce.emulator.writes import Writer

MAX_RECORDS = 200
MAX_TYPES = 5
MAX_DEPTH = 5


@dataclass(slots=True)
class _Walk:
    """What one tree has come to so far."""

    created: list[dict[str, object]] = field(default_factory=list)
    failed: list[dict[str, object]] = field(default_factory=list)
    references: set[str] = field(default_factory=set)
    types: set[str] = field(default_factory=set)


class TreeResource:
    """The route of sObject trees."""

    def __init__(self, schema: Schema, store: Store, writer: Writer) -> None:
        self._schema = schema
        self._store = store
        self._writer = writer

    def routes(self) -> Iterable[DataRoute]:
        """Return the routes below a version's root."""
        return (("POST", "composite/tree/{object}", self.create),)

    def create(self, request: Request, params: Params) -> Reply:
        """Create every record of the tree: 201; with one refused record none is kept: 400."""
        kind = object_named(self._schema, params["object"])
        mark = self._store.mark()
        walk = _Walk()
        records = objects(request.json_object().get("records"), "records")
        self._level(request, kind, records, None, walk, depth=1)
        if walk.failed:
            self._store.roll_back(mark)
            return Reply(400, {"hasErrors": True, "results": walk.failed})
        return Reply(201, {"hasErrors": False, "results": walk.created})

    def _level(
        self,
        request: Request,
        kind: ObjectType,
        records: Iterable[Mapping[str, object]],
        parent: tuple[Field, str] | None,
        walk: _Walk,
        *,
        depth: int,
    ) -> None:
        walk.types.add(kind.name)
        if depth > MAX_DEPTH or len(walk.types) > MAX_TYPES:
            raise Refusal("LIMIT_EXCEEDED", "the tree has too many levels or object types")
        for record in records:
            reference = self._reference(kind, record, walk)
            own = {name: value for name, value in record.items() if not _is_nested(value)}
            if parent is not None:
                own[parent[0].name] = parent[1]
            try:
                record_id = self._writer.create(kind, own, request.context)
            except Refusal as refusal:
                walk.failed.append({"referenceId": reference, "errors": [refusal.in_row()]})
                continue
            walk.created.append({"referenceId": reference, "id": record_id})
            for name, value in record.items():
                if isinstance(value, dict) and _is_nested(value):
                    child, by = self._child(kind, name)
                    inner = objects(value.get("records"), name)
                    self._level(request, child, inner, (by, record_id), walk, depth=depth + 1)

    def _reference(self, kind: ObjectType, record: Mapping[str, object], walk: _Walk) -> str:
        attributes = record.get("attributes")
        given = attributes if isinstance(attributes, dict) else {}
        reference = given.get("referenceId")
        named = self._schema.find(str(given.get("type", "")))
        if not isinstance(reference, str) or named is not kind:
            raise parser_error("attributes: expected the type and a referenceId of each record")
        if reference in walk.references:
            raise Refusal("INVALID_INPUT", f"Duplicate ReferenceId provided: {reference}")
        walk.references.add(reference)
        if len(walk.references) > MAX_RECORDS:
            raise Refusal("EXCEEDED_ID_LIMIT", f"a tree takes {MAX_RECORDS} records at most")
        return reference

    def _child(self, kind: ObjectType, name: str) -> tuple[ObjectType, Field]:
        for child, by in self._schema.children(kind):
            if (child_relationship(child, by) or "").lower() == name.lower():
                return child, by
        raise Refusal("INVALID_FIELD", f"No such relation '{name}' on {kind.name}")


def _is_nested(value: object) -> bool:
    return isinstance(value, dict) and "records" in value
