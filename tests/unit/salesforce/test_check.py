"""The online check of one object: rights, types, lengths, picklists and match keys."""

from dataclasses import replace

import pytest

from destinations.salesforce.check import object_findings
from destinations.salesforce.schema import Field, ObjectSchema, read_schema
from destinations.salesforce.slots import slot_of
from transformer.kit.fit import misfits
from transformer.upsert import FieldUse, Scalar, ValueKind

PLAIN = Field(
    "Code__c", "string", 10,
    createable=True, updateable=True, nillable=True, defaulted_on_create=False,
    filterable=True, external_id=False, id_lookup=False,
)  # fmt: skip


def of_type(kind: str, **more: object) -> Field:
    """A field of a type."""
    return replace(PLAIN, type=kind, **more)  # type: ignore[arg-type]


def levels(field: Field, use: FieldUse) -> list[str]:
    """What the check finds of one use of one field."""
    schema = ObjectSchema(
        "Lead", createable=True, updateable=True, fields={field.name.casefold(): field}
    )
    return [f.level for f in object_findings(schema, [use]) if f.level != "ok"]


@pytest.mark.parametrize(
    ("kind", "taken", "doubtful"),
    [
        ("string", {"text", "date", "datetime"}, set()),
        ("phone", {"text", "date", "datetime"}, set()),
        ("email", {"text"}, set()),
        ("picklist", {"text"}, set()),
        ("multipicklist", {"text"}, set()),
        ("reference", {"text"}, set()),
        ("int", {"integer", "number"}, {"text"}),
        ("currency", {"integer", "number"}, {"text"}),
        ("boolean", {"boolean"}, {"text"}),
        ("date", {"date"}, {"text"}),
        ("datetime", {"datetime"}, {"text"}),
        ("address", {"text", "integer", "number", "boolean", "date", "datetime"}, set()),
    ],
)
def test_each_type_takes_what_salesforce_reads(
    kind: str, taken: set[ValueKind], doubtful: set[ValueKind]
) -> None:
    """Numbers, booleans and dates from text as well; text from nothing else."""
    slot = slot_of("Lead", of_type(kind))
    assert (set(slot.takes), set(slot.reads)) == (taken, doubtful)


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        (of_type("string"), "x" * 10, "x" * 11),
        (of_type("email", length=80), "ann@x.io", "n/a"),
        (of_type("int", length=0), 2**31 - 1, 2**31),
        (of_type("int", length=0), 5.0, 5.5),
        (of_type("double", length=0, digits=2), 99.9, 100),
        (of_type("double", length=0), 10**9, "x"),
        (of_type("boolean", length=0), "TRUE", "yes"),
        (of_type("date", length=0), "2026-11-22", "2026-11-22T10:00:00Z"),
        (of_type("datetime", length=0), "2026-11-22T10:00:00Z", "2026-11-22"),
        (of_type("reference", length=18), "0055g00000ABCDE", "nobody"),
        (of_type("picklist", options=("A", "B")), "A", "a"),
        (of_type("picklist"), "anything", "anything at all"),
        (of_type("multipicklist", options=("A", "B")), "A;B", "A;C"),
    ],
)
def test_a_constant_must_be_one_that_salesforce_takes(
    field: Field, good: Scalar, bad: Scalar
) -> None:
    """By its type, length, digits and options."""
    slot = slot_of("Lead", field)
    assert misfits(FieldUse("Lead", "Code__c", "m:1", constants=(good,)), slot) == []
    found = misfits(FieldUse("Lead", "Code__c", "m:1", constants=(bad,)), slot)
    assert [misfit.level for misfit in found] == ["error"]


@pytest.mark.parametrize(
    ("field", "alone", "found"),
    [
        (PLAIN, True, ["error"]),
        (PLAIN, False, ["warning"]),
        (replace(PLAIN, external_id=True), True, []),
        (replace(PLAIN, external_id=True), False, []),
        (replace(PLAIN, unique=True), True, ["error"]),
        (replace(PLAIN, unique=True), False, []),
        (replace(PLAIN, filterable=False, unique=True), False, ["error"]),
        (replace(PLAIN, name="Code"), True, ["warning"]),
        (replace(PLAIN, name="Email", id_lookup=True), True, []),
        (replace(PLAIN, name="Email", id_lookup=True, filterable=False), True, ["error"]),
    ],
)
def test_a_match_key_must_find_records_the_way_the_worker_looks(
    field: Field, *, alone: bool, found: list[str]
) -> None:
    """By external id where a custom field is the only key, else by query; unique or not."""
    use = FieldUse("Lead", field.name, "m:1", matched=True, alone=alone)
    assert levels(field, use) == found


@pytest.mark.parametrize(("written", "found"), [(True, ["error"]), (False, [])])
def test_a_field_that_is_only_matched_on_need_not_be_writable(
    *, written: bool, found: list[str]
) -> None:
    """An automatic number finds records that are never created."""
    number = replace(PLAIN, createable=False, updateable=False, external_id=True)
    use = FieldUse("Lead", "Code__c", "m:1", written=written, matched=True)
    assert levels(number, use) == found


def test_a_required_field_that_is_never_written_is_missing() -> None:
    """To match on it does not write it."""
    name = replace(PLAIN, nillable=False, external_id=True)
    assert levels(name, FieldUse("Lead", "Code__c", "m:1", matched=True, written=False)) == [
        "error"
    ]


def test_describe_tells_options_digits_and_uniqueness() -> None:
    """Of picklists that are restricted, those options that are in force."""
    values = [{"value": "A", "active": True}, {"value": "Old", "active": False}]
    schema = read_schema(
        {
            "name": "Lead",
            "fields": [
                {"name": "A", "restrictedPicklist": True, "picklistValues": values},
                {"name": "B", "restrictedPicklist": False, "picklistValues": values},
                {"name": "C", "precision": 18, "scale": 2, "unique": True, "length": 7},
            ],
        }
    )
    fields = schema.fields.values()
    assert [(f.options, f.digits, f.unique, f.length) for f in fields] == [
        (("A",), 0, False, 0),
        (None, 0, False, 0),
        (None, 16, True, 7),
    ]
