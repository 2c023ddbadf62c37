"""Duplicate rules and unique fields: what refuses a second record of the same thing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from destinations.salesforce.emulator.context import Context
from destinations.salesforce.emulator.refusals import Refusal
from destinations.salesforce.emulator.schema import ObjectType
from destinations.salesforce.emulator.store import Row, Store, Value

USE_ONE = "Use one of these records?"


@dataclass(frozen=True, slots=True)
class DuplicateRule:
    """Records of `object_type` that agree in all `fields` are duplicates.

    An `alert` rule can be passed with `allowSave=true`, a `block` rule never.
    """

    object_type: str
    fields: tuple[str, ...]
    action: Literal["alert", "block"] = "block"
    name: str = "Standard_Rule"


def refuse_duplicates(
    store: Store,
    rules: Iterable[DuplicateRule],
    kind: ObjectType,
    values: Mapping[str, Value],
    *,
    existing: Row | None,
    context: Context,
) -> None:
    """Raise DUPLICATES_DETECTED when a rule finds another record like the one being written."""
    for rule in rules:
        if rule.object_type != kind.name or not any(name in values for name in rule.fields):
            continue
        if rule.action == "alert" and context.allow_save:
            continue
        whole = {**(existing.values if existing else {}), **values}
        found = _like(store, rule, kind, whole, existing)
        if found:
            raise duplicates_detected(rule, found, context)


def _like(
    store: Store,
    rule: DuplicateRule,
    kind: ObjectType,
    whole: Mapping[str, Value],
    existing: Row | None,
) -> list[Row]:
    fields = [kind.fields[name] for name in rule.fields]
    wanted = {field.name: whole.get(field.name) for field in fields}
    if any(value is None for value in wanted.values()):
        return []
    return [
        row
        for row in store.find(kind, fields[0], wanted[fields[0].name])
        if row is not existing
        and all(
            field.key(row.get(field.name)) == field.key(wanted[field.name]) for field in fields[1:]
        )
    ]


def duplicates_detected(rule: DuplicateRule, found: Sequence[Row], context: Context) -> Refusal:
    """Return the refusal of a duplicate rule with the records it found."""
    matches = [
        {
            "additionalInformation": [],
            "fieldDiffs": [],
            "matchConfidence": 100.0,
            "record": {
                "attributes": {
                    "type": row.type.name,
                    "url": context.path("sobjects", row.type.name, row.id),
                },
                **(row.values if context.include_details else {"Id": row.id}),
            },
        }
        for row in found
    ]
    result: dict[str, object] = {
        "allowSave": rule.action == "alert",
        "duplicateRule": rule.name,
        "duplicateRuleEntityType": rule.object_type,
        "errorMessage": USE_ONE,
        "matchResults": [
            {
                "entityType": rule.object_type,
                "errors": [],
                "matchEngine": "FuzzyMatchEngine",
                "matchRecords": matches,
                "rule": f"{rule.name}_Match",
                "size": len(matches),
                "success": True,
            }
        ],
    }
    return Refusal("DUPLICATES_DETECTED", USE_ONE, extra={"duplicateResult": result})


def refuse_taken(
    store: Store, kind: ObjectType, values: Mapping[str, Value], existing: Row | None
) -> None:
    """Raise DUPLICATE_VALUE when a unique field's value belongs to another live record."""
    for name, value in values.items():
        field = kind.fields[name]
        if not field.unique or value is None:
            continue
        for row in store.find(kind, field, value):
            if row is not existing:
                text = f"duplicate value found: {name} duplicates value on record with id: {row.id}"
                raise Refusal("DUPLICATE_VALUE", text, fields=[])
