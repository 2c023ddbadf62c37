"""Shaping: an upsert's properties become those of the account, with values as text. Pure.

What becomes of properties that the account lacks is the connection's choice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from destinations.hubspot.schema import ObjectSchema, plain_name
from destinations.hubspot.values import NotScalar, Unusable, wire
from transformer.outcome import Reason, Rejected
from transformer.upsert import Match, Note, Upsert

RECORD_ID = "hs_object_id"
_ID_NAMES = frozenset({"id", RECORD_ID})


@dataclass(slots=True)
class _Findings:
    notes: list[Note] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    problems: list[tuple[str, str]] = field(default_factory=list)


def is_id(match: Match) -> bool:
    """Whether the match names the record by its id."""
    return match.name.casefold() in _ID_NAMES


def unknown_names(upsert: Upsert, schema: ObjectSchema) -> Mapping[str, object]:
    """The properties of an upsert that the account lacks, with their values."""
    every = {**upsert.on_create, **upsert.on_update, **upsert.properties}
    return {
        name: value
        for name, value in every.items()
        if name.casefold() not in _ID_NAMES and schema.find(name) is None
    }


def new_properties(unknown: Mapping[str, object]) -> Mapping[str, str]:
    """Name and type of the properties to make; null says nothing of a type, so it makes none."""
    wanted: dict[str, str] = {}
    for name, value in unknown.items():
        spelled = plain_name(name)
        if isinstance(value, str | int | float) and _may_be_made(spelled):
            wanted[spelled] = _type_of(value)
    return wanted


def shape(
    upsert: Upsert, schema: ObjectSchema, *, reject_unknown: bool, reject_invalid: bool = True
) -> Upsert | Rejected:
    """The upsert with the account's names and values as text, or why it cannot be sent."""
    findings = _Findings()
    properties = _shaped(upsert.properties, schema, findings)
    on_create = _shaped(upsert.on_create, schema, findings)
    on_update = _shaped(upsert.on_update, schema, findings)
    if not reject_invalid:
        findings.notes.extend(Note("dropped", name, why) for name, why in findings.problems)
    elif findings.problems:
        listed = "; ".join(f"{name}: {why}" for name, why in findings.problems)
        return Rejected(
            Reason.INVALID_VALUE,
            f"{schema.name}: {listed}. Correct the value or the mapping, or set invalid_values to"
            " drop.",
        )
    if findings.unknown and reject_unknown:
        listed = ", ".join(findings.unknown)
        return Rejected(
            Reason.UNKNOWN_FIELD,
            f"{schema.name}: the account has no properties {listed}."
            " Create them, fix the names, or set unknown_properties to drop or create.",
            {"properties": list(findings.unknown)},
        )
    return replace(
        upsert,
        object_type=schema.name,
        properties=properties,
        on_create={n: v for n, v in on_create.items() if n not in properties},
        on_update={n: v for n, v in on_update.items() if n not in properties},
        matches=_matches(upsert, schema),
        fill=_names(upsert.fill, schema),
        required=_names(upsert.required, schema),
        notes=(*upsert.notes, *findings.notes),
    )


def _shaped(
    given: Mapping[str, object], schema: ObjectSchema, findings: _Findings
) -> dict[str, object]:
    shaped: dict[str, object] = {}
    # Traits spelled as the property itself come last: they win.
    for name in sorted(given, key=lambda name: name in schema.properties):
        if name.casefold() in _ID_NAMES:
            findings.notes.append(Note("read_only", name))
            continue
        prop = schema.find(name)
        if prop is None:
            findings.unknown.append(name)
            findings.notes.append(Note("unknown_field", name))
        elif prop.read_only:
            findings.notes.append(Note("read_only", prop.name))
        else:
            try:
                shaped[prop.name] = wire(prop, given[name])
            except NotScalar as error:
                findings.notes.append(Note("not_a_scalar", name, str(error)))
            except Unusable as error:
                findings.problems.append((prop.name, str(error)))
    return {name: shaped[name] for name in sorted(shaped)}


def _matches(upsert: Upsert, schema: ObjectSchema) -> tuple[Match, ...]:
    """The match keys as the account spells them; a company's name counts only without a domain.

    Different companies share a name: one that has a domain is never found by it (row C4).
    """
    spelled = tuple(_spelled(match, schema) for match in upsert.matches)
    if schema.name == "companies" and any(match.name == "domain" for match in spelled):
        return tuple(match for match in spelled if match.name != "name")
    return spelled


def _spelled(match: Match, schema: ObjectSchema) -> Match:
    prop = None if is_id(match) else schema.find(match.name)
    return match if prop is None else Match(prop.name, match.value)


def _names(names: frozenset[str], schema: ObjectSchema) -> frozenset[str]:
    return frozenset(prop.name if (prop := schema.find(name)) else name for name in names)


def _may_be_made(name: str) -> bool:
    return name.isascii() and name[:1].isalpha() and len(name) <= 100  # noqa: PLR2004 - the limit


def _type_of(value: str | float) -> str:
    if isinstance(value, bool):
        return "bool"
    return "string" if isinstance(value, str) else "number"


def blank(value: object) -> bool:
    """Whether a value says nothing: null, empty, or white space."""
    return value is None or (isinstance(value, str) and not value.strip())


def values_of(upsert: Upsert, names: Sequence[str]) -> Mapping[str, str]:
    """The texts of some properties, as they were mapped, blank ones left out."""
    return {
        name: str(upsert.properties[name]).strip()
        for name in names
        if name in upsert.properties and not blank(upsert.properties[name])
    }
