"""Associations: type ids, inline ones of a create, and reading and writing links."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from destinations.hubspot.emulator.portal import Portal
from destinations.hubspot.emulator.refusals import invalid, not_found
from destinations.hubspot.emulator.schema import ObjectType
from destinations.hubspot.emulator.store import Record

DEFINED = "HUBSPOT_DEFINED"
USER = "USER_DEFINED"
CATEGORIES = frozenset({DEFINED, USER, "INTEGRATOR_DEFINED", "WORK"})

# from, to: the unlabelled type there and back.
_UNLABELED: Mapping[tuple[str, str], tuple[int, int]] = {
    ("contacts", "companies"): (279, 280),
    ("contacts", "deals"): (4, 3),
    ("contacts", "tickets"): (15, 16),
    ("companies", "deals"): (342, 341),
    ("companies", "tickets"): (340, 339),
    ("deals", "tickets"): (27, 28),
    ("contacts", "contacts"): (449, 449),
    ("companies", "companies"): (450, 450),
    ("deals", "deals"): (451, 451),
    ("tickets", "tickets"): (452, 452),
    ("notes", "contacts"): (202, 201),
    ("notes", "companies"): (190, 189),
    ("notes", "deals"): (214, 213),
    ("notes", "tickets"): (228, 227),
    ("tasks", "contacts"): (204, 203),
    ("tasks", "companies"): (192, 191),
    ("tasks", "deals"): (216, 215),
    ("tasks", "tickets"): (230, 229),
    ("calls", "contacts"): (194, 193),
    ("calls", "companies"): (182, 181),
    ("calls", "deals"): (206, 205),
    ("calls", "tickets"): (220, 219),
    ("meetings", "contacts"): (200, 199),
    ("meetings", "companies"): (188, 187),
    ("meetings", "deals"): (212, 211),
    ("meetings", "tickets"): (226, 225),
}
# A primary or parent type: its unlabelled companion, and the pair of it and its reverse.
_LABELED: Mapping[tuple[str, str], Mapping[int, int]] = {
    ("contacts", "companies"): {1: 2},
    ("companies", "deals"): {6: 5},
    ("companies", "tickets"): {25: 26},
    ("companies", "companies"): {13: 14, 14: 13},
}
CUSTOM_TYPE = 36
LABELS = {1: "Primary", 2: "Primary", 5: "Primary", 6: "Primary", 25: "Primary", 26: "Primary"}

Types = Sequence[tuple[int, str]]


@dataclass(frozen=True, slots=True)
class Link:
    """One link to make: the other record, and the types there and back."""

    other: Record
    there: Types
    back: Types


def default_types(one: ObjectType, other: ObjectType) -> tuple[Types, Types]:
    """The unlabelled types between two objects, there and back."""
    there, back = _pair(one.name, other.name)
    return [(there, DEFINED)], [(back, DEFINED)]


def typed(one: ObjectType, other: ObjectType, given: object) -> tuple[Types, Types]:
    """The types that a request names; a primary one brings the unlabelled one with it."""
    if not isinstance(given, list) or not given:
        raise invalid("types must be a non-empty array")
    there: list[tuple[int, str]] = []
    back: list[tuple[int, str]] = []
    for each in given:
        type_id, category = _type_of(each)
        if category != DEFINED:
            there.append((type_id, category))
            back.append((type_id, category))
            continue
        there_too, back_too = default_types(one, other)
        reverse = _labeled(one.name, other.name).get(type_id)
        if reverse is None and type_id != there_too[0][0]:
            raise invalid(
                f"Association type {type_id} is not valid between {one.name} and {other.name}"
            )
        there += there_too if reverse is None else [(type_id, DEFINED), *there_too]
        back += back_too if reverse is None else [(reverse, DEFINED), *back_too]
    return there, back


def inline(portal: Portal, kind: ObjectType, given: object) -> Sequence[Link]:
    """The links that a create asks for, checked."""
    if given is None:
        return ()
    if not isinstance(given, list):
        raise invalid("associations must be an array")
    return [_inline(portal, kind, each) for each in given]


def apply(portal: Portal, record: Record, planned: Sequence[Link]) -> None:
    """Make the links of a record."""
    for link in planned:
        portal.store.associate(record, link.other, link.there)
        portal.store.associate(link.other, record, link.back)


def listed(portal: Portal, record: Record, to: str) -> list[dict[str, object]]:
    """The links of a record to one object, as a record's own answer shows them."""
    kind = portal.schema.find(to)
    singular = f"{record.kind.label.lower()}_to_{kind.label.lower()}"
    return [{"id": other_id, "type": singular} for other_id, _ in linked(portal, record, kind)]


def linked(portal: Portal, record: Record, to: ObjectType) -> list[tuple[str, dict[int, str]]]:
    """The records of one object that a record is linked to, with the types."""
    found = portal.store.associations.get((record.kind.type_id, record.id), {})
    return [
        (other_id, types)
        for (type_id, other_id), types in found.items()
        if type_id == to.type_id and portal.store.get(to, other_id) is not None
    ]


def type_json(types: Mapping[int, str]) -> list[dict[str, object]]:
    """The types of a link as v4 shows them."""
    return [
        {
            "category": category,
            "typeId": type_id,
            **({"label": LABELS[type_id]} if type_id in LABELS else {}),
        }
        for type_id, category in sorted(types.items())
    ]


def _inline(portal: Portal, kind: ObjectType, given: object) -> Link:
    to = given.get("to") if isinstance(given, Mapping) else None
    types = given.get("types") if isinstance(given, Mapping) else None
    if not isinstance(to, Mapping) or not isinstance(types, list) or not types:
        raise invalid("associations: expected to and types")
    type_id, _ = _type_of(types[0])
    for other_kind in portal.schema.types.values():
        if type_id in {
            *_safe_pair(kind.name, other_kind.name),
            *_labeled(kind.name, other_kind.name),
        }:
            other = portal.store.get(other_kind, str(to.get("id")))
            if other is not None:
                return Link(other, *typed(kind, other_kind, types))
    raise not_found(f"No association target {to.get('id')} for type {type_id}")


def _safe_pair(one: str, other: str) -> tuple[int, ...]:
    found = _UNLABELED.get((one, other))
    if found is not None:
        return found[:1]
    turned = _UNLABELED.get((other, one))
    return () if turned is None else turned[1:]


def _pair(one: str, other: str) -> tuple[int, int]:
    found = _UNLABELED.get((one, other))
    if found is not None:
        return found
    turned = _UNLABELED.get((other, one))
    return (CUSTOM_TYPE, CUSTOM_TYPE + 1) if turned is None else (turned[1], turned[0])


def _labeled(one: str, other: str) -> Mapping[int, int]:
    found = _LABELED.get((one, other))
    if found is not None:
        return found
    return {back: there for there, back in _LABELED.get((other, one), {}).items()}


def _type_of(given: object) -> tuple[int, str]:
    type_id = given.get("associationTypeId") if isinstance(given, Mapping) else None
    category = given.get("associationCategory") if isinstance(given, Mapping) else None
    if not isinstance(type_id, int) or category not in CATEGORIES:
        raise invalid("types: expected associationCategory and associationTypeId")
    return type_id, str(category)
