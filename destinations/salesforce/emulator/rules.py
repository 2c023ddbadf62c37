"""What a write must obey before it is applied, in the order Salesforce checks it.

Unknown field, not writable, type, restricted picklist, length, e-mail, reference, required.
Duplicate rules and unique fields come after, in `duplicates`.
"""

import re
from collections.abc import Mapping

from destinations.salesforce.emulator import values as single
from destinations.salesforce.emulator.refusals import Refusal
from destinations.salesforce.emulator.schema import Field, ObjectType, Schema
from destinations.salesforce.emulator.store import Row, Store, Value
from destinations.salesforce.emulator.tables import read_spec

_CUSTOM_NAME = re.compile(r"[A-Za-z](?:_?[A-Za-z0-9])*__c\Z")
_FOLLOWED_BY_ROWS = frozenset({"attributes"})


class Rules:
    """Turns a request's JSON into the values to store, or refuses it."""

    def __init__(self, schema: Schema, store: Store, *, allow_any_custom_field: bool) -> None:
        self._schema = schema
        self._store = store
        self._allow_any = allow_any_custom_field

    def values(
        self, kind: ObjectType, body: Mapping[str, object], *, existing: Row | None
    ) -> dict[str, Value]:
        """Return the values `body` sets on `existing`, or on a new record when it is None."""
        named = self._named(kind, body)
        self._refuse_read_only(named, creating=existing is None)
        read = {field.name: self._read(kind, field, value) for field, value in named}
        checked: dict[str, Value] = {}
        for name, value in read.items():
            checked[name] = single.check(kind, kind.fields[name], value)
        for name, value in checked.items():
            if kind.fields[name].type == "reference" and isinstance(value, str):
                checked[name] = self._reference(kind, kind.fields[name], value)
        self._refuse_missing(kind, checked, existing)
        return checked

    def _named(self, kind: ObjectType, body: Mapping[str, object]) -> list[tuple[Field, object]]:
        """Pair every key with its field; a relationship becomes its reference field."""
        named: list[tuple[Field, object]] = []
        for name, value in body.items():
            if name in _FOLLOWED_BY_ROWS:
                continue
            field = kind.field(name)
            if field is None and (parent := kind.relationship(name)):
                named.append((parent, self._by_external_id(kind, parent, value)))
                continue
            if field is None:
                field = self._new_custom_field(kind, name, value)
            named.append((field, value))
        return named

    def _new_custom_field(self, kind: ObjectType, name: str, value: object) -> Field:
        if not (self._allow_any and _CUSTOM_NAME.match(name)):
            raise no_such_column(kind, name)
        if isinstance(value, bool):
            spec = f"{name}:boolean"
        elif isinstance(value, (int, float)):
            spec = f"{name}:double(18,4)"
        else:
            spec = f"{name}:textarea(32000)"
        field = read_spec(spec)
        kind.add(field)
        return field

    def _refuse_read_only(self, named: list[tuple[Field, object]], *, creating: bool) -> None:
        refused = [
            field.name
            for field, _ in named
            if not (field.createable if creating else field.updateable)
        ]
        if refused:
            raise Refusal(
                "INVALID_FIELD_FOR_INSERT_UPDATE",
                f"Unable to create/update fields: {', '.join(refused)}. Please check the security "
                "settings of this field and verify that it is read/write for your profile or "
                "permission set.",
                fields=refused,
            )

    def _read(self, kind: ObjectType, field: Field, value: object) -> Value:
        read = single.coerce(field, value)
        if field.type == "boolean" and value is None:
            text = f"{field.name}: value not of required type: null"
            raise Refusal("INVALID_TYPE_ON_FIELD_IN_RECORD", text, fields=[field.name])
        if field.type == "reference" and isinstance(read, str):
            return single.reference_id(kind, field, read)
        return read

    def _reference(self, kind: ObjectType, field: Field, record_id: str) -> str:
        """Check that a reference names a live record of an allowed object."""
        target = self._schema.by_id(record_id)
        allowed = field.refers_to
        if target is None and record_id.startswith("012"):
            text = f"Record Type ID: this ID value isn't valid for the user: {record_id}"
            raise Refusal("INVALID_CROSS_REFERENCE_KEY", text, fields=[field.name])
        if target is not None and target.name not in allowed and "*" not in allowed:
            raise single.wrong_id_type(kind, field, record_id)
        row = self._store.rows.get(record_id)
        if row is None:
            raise Refusal("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", fields=[])
        if row.deleted:
            raise Refusal("ENTITY_IS_DELETED", "entity is deleted", fields=[])
        if field.name == "OwnerId" and row.get("IsActive") is False:
            text = f"operation performed with inactive user [{record_id}] as owner of {kind.name}"
            raise Refusal("INACTIVE_OWNER_OR_USER", text, fields=[])
        if field.name in {"WhoId", "LeadId"} and row.get("IsConverted") is True:
            raise converted_lead()
        return record_id

    def _by_external_id(self, kind: ObjectType, parent: Field, value: object) -> object:
        """Resolve `"Account": {"Ext__c": "A1"}` to the id of that record."""
        if value is None:
            return None
        given = value if isinstance(value, dict) else {}
        keys = [name for name in given if name != "attributes"]
        if len(keys) != 1:
            text = f"Unexpected value for relationship {parent.relationship} on {kind.name}"
            raise Refusal("INVALID_FIELD", text, fields=[])
        for target_name in parent.refers_to:
            target = self._schema.find(target_name)
            by = target.field(keys[0]) if target else None
            if target and by and by.upsertable:
                return self._one(target, by, given[keys[0]])
        text = (
            f"The external foreign key reference does not reference a valid entity: "
            f"{parent.relationship}"
        )
        raise Refusal("INVALID_FIELD", text, fields=[])

    def _one(self, target: ObjectType, by: Field, value: object) -> str:
        found = [row.id for row in self._store.find(target, by, single.coerce(by, value))]
        if len(found) == 1:
            return found[0]
        if found:
            text = f"{by.name}: more than one record found for external id field: {found}"
            raise Refusal("DUPLICATE_EXTERNAL_ID", text, fields=[])
        text = (
            f"Foreign key external ID: {value} not found for field {by.name} "
            f"in entity {target.name}"
        )
        raise Refusal("INVALID_FIELD", text, fields=[])

    def _refuse_missing(
        self, kind: ObjectType, values: Mapping[str, Value], existing: Row | None
    ) -> None:
        if existing is None:
            missing = [
                field.name for field in kind.required if single.is_blank(values.get(field.name))
            ]
        else:
            missing = [
                name
                for name, value in values.items()
                if single.is_blank(value) and not kind.fields[name].nillable
            ]
        if missing:
            raise missing_fields(missing)


def missing_fields(names: list[str]) -> Refusal:
    """Return the refusal of a record without a required value."""
    text = f"Required fields are missing: [{', '.join(names)}]"
    return Refusal("REQUIRED_FIELD_MISSING", text, fields=names)


def no_such_column(kind: ObjectType, name: str) -> Refusal:
    """Return the refusal of a field the object does not have."""
    return Refusal("INVALID_FIELD", f"No such column '{name}' on sobject of type {kind.name}")


def converted_lead() -> Refusal:
    """Return the refusal of a write to, or a link to, a converted lead."""
    text = "cannot reference converted lead"
    return Refusal("CANNOT_UPDATE_CONVERTED_LEAD", text, fields=[])
