"""Creating, updating, upserting and deleting single records, with every rule applied.

The only module that changes the store. Knows no HTTP; refusals travel as exceptions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from destinations.salesforce.emulator import derived, duplicates, ids, times
from destinations.salesforce.emulator.context import Context
from destinations.salesforce.emulator.duplicates import DuplicateRule
from destinations.salesforce.emulator.refusals import Refusal, bad_reference, deleted, not_found
from destinations.salesforce.emulator.row_faults import RowFaults
from destinations.salesforce.emulator.rules import Rules, converted_lead
from destinations.salesforce.emulator.schema import Field, ObjectType, Schema
from destinations.salesforce.emulator.store import Row, Store, Value, Write
from destinations.salesforce.emulator.values import coerce


@dataclass(frozen=True, slots=True)
class Upserted:
    """What an upsert did."""

    id: str
    created: bool


class Writer:
    """Applies writes to the store, one record at a time."""

    def __init__(
        self,
        schema: Schema,
        store: Store,
        rules: Rules,
        duplicate_rules: Sequence[DuplicateRule],
        faults: RowFaults,
    ) -> None:
        self._schema = schema
        self._store = store
        self._rules = rules
        self._duplicate_rules = duplicate_rules
        self._faults = faults

    def create(self, kind: ObjectType, body: Mapping[str, object], context: Context) -> str:
        """Create a record and return its id."""
        if any(name.lower() == "id" for name in body):
            text = "The Id field should not be specified in the sobject data."
            raise Refusal("INVALID_FIELD", text)
        self._faults.before_row(context, kind.name, None, body)
        values = self._rules.values(kind, body, existing=None)
        given = dict(values)
        derived.fill_defaults(kind, values, context.user_id)
        derived.apply_own_rules(self._schema, self._store, kind, values, None)
        self._refuse_second(kind, values, None, context)
        values.update(derived.fill_computed(self._schema, self._store, kind, values))
        values.update(_stamped(context, creating=True))
        row = self._store.insert(kind, values, self._write("create", given, context))
        if kind.name == "Campaign":
            self._add_member_statuses(row.id, context)
        self._faults.after_row(context)
        return row.id

    def update(
        self, kind: ObjectType, record_id: str, body: Mapping[str, object], context: Context
    ) -> str:
        """Update the record of that id."""
        if any(name.lower() == "id" for name in body):
            text = "The Id field should not be specified in the sobject data."
            raise Refusal("INVALID_FIELD", text)
        row = self.row(kind, record_id)
        self._change(row, body, context)
        return row.id

    def upsert(
        self,
        kind: ObjectType,
        by: Field,
        value: object,
        body: Mapping[str, object],
        context: Context,
        *,
        update_only: bool = False,
    ) -> Upserted:
        """Update the one record whose field has this value, or create it.

        Raises the 300 answer when several match.
        """
        if by.name == "Id":
            return Upserted(self.update(kind, str(value), body, context), created=False)
        wanted = coerce(by, value)
        if wanted is None:
            text = f"{by.name} not specified"
            raise Refusal("MISSING_ARGUMENT", text, fields=[])
        found = list(self._store.find(kind, by, wanted))
        if len(found) > 1:
            raise several(kind, found, context)
        if found:
            self._change(found[0], body, context)
            return Upserted(found[0].id, created=False)
        if update_only:
            raise not_found()
        return Upserted(self.create(kind, {**body, by.name: wanted}, context), created=True)

    def delete(self, kind: ObjectType | None, record_id: str, context: Context) -> None:
        """Put a record into the recycle bin."""
        row = self.row(kind, record_id)
        self._faults.before_row(context, row.type.name, row.id, {})
        stamped = _stamped(context, creating=False)
        values: dict[str, Value] = {**stamped, "IsDeleted": True}
        self._store.mark_deleted(row, values, self._write("delete", {"IsDeleted": True}, context))
        self._faults.after_row(context)

    def row(self, kind: ObjectType | None, record_id: str) -> Row:
        """Return the live record of that id, or raise what a write to it answers."""
        long = ids.normalise(record_id)
        if long is None:
            raise Refusal("MALFORMED_ID", f"malformed id {record_id}", fields=[])
        actual = self._schema.by_id(long)
        if kind is not None and actual is not kind:
            if actual is None:
                raise bad_reference()
            text = f"{kind.name} ID: id value of incorrect type: {long}"
            raise Refusal("MALFORMED_ID", text, fields=["Id"])
        row = self._store.rows.get(long)
        if row is None:
            raise bad_reference()
        if row.deleted:
            raise deleted()
        return row

    def force(self, row: Row, values: Mapping[str, Value], action: str, context: Context) -> None:
        """Set values past every rule: what the org's own users and triggers do."""
        write = self._write(action, values, context)
        self._store.change(row, {**values, **_stamped(context, creating=False)}, write)

    def force_deleted(self, row: Row, values: Mapping[str, Value], context: Context) -> None:
        """Delete past every rule, setting `values` too (a merge's loser names its winner)."""
        write = self._write("delete", {**values, "IsDeleted": True}, context)
        stamped = _stamped(context, creating=False)
        self._store.mark_deleted(row, {**values, **stamped, "IsDeleted": True}, write)

    def _change(self, row: Row, body: Mapping[str, object], context: Context) -> None:
        self._faults.before_row(context, row.type.name, row.id, body)
        kind = row.type
        values = self._rules.values(kind, body, existing=row)
        given = dict(values)
        if kind.name == "Lead" and row.get("IsConverted") is True:
            raise converted_lead()
        derived.apply_own_rules(self._schema, self._store, kind, values, row)
        self._refuse_second(kind, values, row, context)
        whole = {**row.values, **values}
        values.update(derived.fill_computed(self._schema, self._store, kind, whole))
        write = self._write("update", given, context)
        self._store.change(row, {**values, **_stamped(context, creating=False)}, write)
        self._faults.after_row(context)

    def _refuse_second(
        self,
        kind: ObjectType,
        values: Mapping[str, Value],
        existing: Row | None,
        context: Context,
    ) -> None:
        if self._duplicate_rules:
            duplicates.refuse_duplicates(
                self._store,
                self._duplicate_rules,
                kind,
                values,
                existing=existing,
                context=context,
            )
        duplicates.refuse_taken(self._store, kind, values, existing)

    def _add_member_statuses(self, campaign_id: str, context: Context) -> None:
        kind = self._schema.find("CampaignMemberStatus")
        if kind is None:
            return
        for order, (label, responded) in enumerate((("Sent", False), ("Responded", True)), 1):
            values: dict[str, Value] = {
                "CampaignId": campaign_id,
                "Label": label,
                "SortOrder": order,
                "IsDefault": not responded,
                "HasResponded": responded,
                **_stamped(context, creating=True),
            }
            self._store.insert(kind, values, self._write("create", dict(values), context))

    def _write(self, action: str, values: Mapping[str, Value], context: Context) -> Write:
        return Write(context.request, context.time, action, values)


def several(kind: ObjectType, found: Sequence[Row], context: Context) -> Refusal:
    """Return the 300 answer of a value that several records share."""
    urls = [context.path("sobjects", kind.name, row.id) for row in found]
    shared = f"more than one record found for external id field: {[row.id for row in found]}"
    return Refusal("DUPLICATE_EXTERNAL_ID", shared, fields=[], status=300, body=urls)


def _stamped(context: Context, *, creating: bool) -> dict[str, Value]:
    now = times.stamp(context.time)
    stamped: dict[str, Value] = {
        "LastModifiedDate": now,
        "LastModifiedById": context.user_id,
        "SystemModstamp": now,
    }
    if creating:
        stamped.update({"CreatedDate": now, "CreatedById": context.user_id})
    return stamped
