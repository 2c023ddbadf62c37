"""The org's objects as data: the standard tables, and the custom fields of `build`'s options."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib import resources

from destinations.salesforce.emulator import ids
from destinations.salesforce.emulator.schema import NUMBER_TYPES, Field, ObjectType, Schema

STANDARD_OBJECTS = (
    "Account",
    "Campaign",
    "CampaignMember",
    "CampaignMemberStatus",
    "Contact",
    "Event",
    "Lead",
    "Opportunity",
    "Task",
    "User",
    "AssignmentRule",
)
_SYSTEM_FIELDS = """\
Id\tid\t18\td
IsDeleted\tboolean\t\td
CreatedDate\tdatetime\t\td
CreatedById\treference\t18\td\tto=User;rel=CreatedBy
LastModifiedDate\tdatetime\t\td
LastModifiedById\treference\t18\td\tto=User;rel=LastModifiedBy
SystemModstamp\tdatetime\t\td
"""
_CUSTOM_BASE = """\
Name\tstring\t80\tcund\tidLookup
OwnerId\treference\t18\tcud\tto=Group/User;rel=Owner
"""
_SPEC = re.compile(
    r"(?P<name>[A-Za-z][A-Za-z0-9_]*):(?P<type>[a-z]+)(?:\((?P<size>[^)]*)\))?(?::(?P<flags>.+))?\Z"
)
_DEFAULT_LENGTHS = {
    "string": 255,
    "textarea": 255,
    "email": 80,
    "phone": 40,
    "url": 255,
    "picklist": 255,
    "multipicklist": 4_099,
}
_TYPES = frozenset({*_DEFAULT_LENGTHS, *NUMBER_TYPES, "boolean", "date", "datetime", "reference"})
_FLAGS = frozenset(
    {
        "externalId",
        "idLookup",
        "unique",
        "caseSensitive",
        "required",
        "restricted",
        "readOnly",
        "createOnly",
        "notFilterable",
    }
)


class UnknownSpec(ValueError):
    """A custom field's description cannot be read; the text says what was expected."""


def build_schema(
    custom_fields: Mapping[str, Sequence[str]], custom_objects: Mapping[str, Sequence[str]]
) -> Schema:
    """Return the standard objects with these fields and objects added; raises UnknownSpec."""
    objects = [
        ObjectType(name, ids.PREFIXES[name], _standard_fields(name)) for name in STANDARD_OBJECTS
    ]
    base = (*_read_table(_SYSTEM_FIELDS), *_read_table(_CUSTOM_BASE))
    for number, name in enumerate(custom_objects):
        objects.append(ObjectType(name, f"a{number:02}", base))
    schema = Schema(objects)
    for name, specs in (*custom_fields.items(), *custom_objects.items()):
        target = schema.find(name)
        if target is None:
            raise UnknownSpec(f"custom_fields: no object {name!r}")
        for spec in specs:
            target.add(read_spec(spec))
    return schema


def read_spec(spec: str) -> Field:
    """Read `Plan__c:string(255):externalId,unique`; raises UnknownSpec.

    Flags: externalId, idLookup, unique, caseSensitive, required, restricted, readOnly,
    createOnly, notFilterable. Sizes: a length, `precision,scale`, `a|b|c` for a picklist,
    `Account` for a reference.
    """
    match = _SPEC.match(spec)
    if match is None or match["type"] not in _TYPES:
        raise UnknownSpec(f"field {spec!r}: expected Name__c:type(size):flag,flag")
    name, kind, size = match["name"], match["type"], match["size"] or ""
    flags = {flag.strip() for flag in (match["flags"] or "").split(",") if flag}
    field = Field(name, kind, length=_DEFAULT_LENGTHS.get(kind, 0))
    if kind == "reference":
        custom = name.endswith("__c")
        parent = name.removesuffix("__c") + "__r" if custom else name.removesuffix("Id")
        field = replace(field, refers_to=(size,), length=18, relationship=parent)
    elif kind in {"picklist", "multipicklist"}:
        field = replace(field, values=tuple(value for value in size.split("|") if value))
    elif kind == "boolean":
        field = replace(field, nillable=False, defaulted=True)
    elif kind in NUMBER_TYPES:
        field = _sized(field, size or "18,0")
    elif size:
        field = _sized(field, size)
    return _flagged(field, flags)


def _flagged(field: Field, flags: set[str]) -> Field:
    if unknown := sorted(flags - _FLAGS):
        raise UnknownSpec(f"field {field.name}: unknown {unknown}, expected {sorted(_FLAGS)}")
    return replace(
        field,
        external_id="externalId" in flags,
        id_lookup=bool(flags & {"externalId", "idLookup"}),
        unique="unique" in flags,
        case_sensitive="caseSensitive" in flags,
        nillable=field.nillable and "required" not in flags,
        restricted="restricted" in flags,
        createable="readOnly" not in flags,
        updateable=not flags & {"readOnly", "createOnly"},
        filterable="notFilterable" not in flags,
    )


def _sized(field: Field, size: str) -> Field:
    first, _, second = size.partition(",")
    if not first.isdigit() or not (second or "0").isdigit():
        raise UnknownSpec(f"field {field.name}: size {size!r}, expected a number")
    if field.type in NUMBER_TYPES:
        return replace(field, precision=int(first), scale=int(second or 0))
    return replace(field, length=int(first))


@cache
def _standard_fields(name: str) -> tuple[Field, ...]:
    table = (resources.files(__package__) / "objects" / f"{name}.tsv").read_text("utf-8")
    own = _read_table(table)
    present = {field.name for field in own}
    return (*own, *(f for f in _read_table(_SYSTEM_FIELDS) if f.name not in present))


def _read_table(table: str) -> tuple[Field, ...]:
    return tuple(_read_line(line) for line in table.splitlines())


def _read_line(line: str) -> Field:
    name, kind, size, flags, options = (line.split("\t") + [""] * 5)[:5]
    given = dict(option.partition("=")[::2] for option in options.split(";") if option)
    values = [value for value in given.get("values", "").split("|") if value]
    default = next((value[:-1] for value in values if value.endswith("*")), None)
    first, _, second = size.partition(",")
    return Field(
        name,
        kind,
        length=int(first) if first and kind not in NUMBER_TYPES else 0,
        precision=int(first) if first and kind in NUMBER_TYPES else 0,
        scale=int(second or 0),
        createable="c" in flags,
        updateable="u" in flags,
        nillable="n" in flags,
        defaulted="d" in flags,
        filterable="notFilterable" not in given and kind != "address",
        id_lookup="idLookup" in given or kind == "id",
        unique="unique" in given,
        restricted="restricted" in given,
        values=tuple(value.removesuffix("*") for value in values),
        default=default,
        refers_to=tuple(given["to"].split("/")) if "to" in given else (),
        relationship=given.get("rel"),
        part_of=given.get("of"),
    )
