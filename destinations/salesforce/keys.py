"""Match keys: what a record is found by, which upserts must look, and with which queries. Pure."""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from destinations.salesforce.body import missing
from destinations.salesforce.settings import Fields
from destinations.salesforce.soql import Query, folded, long_id
from transformer.upsert import Match, Operation, Scalar, Upsert

# Text that a composite would replace by another part's result; such queries go by themselves.
REFERENCE = "@{"

_LEAD_COLUMNS = ("IsConverted", "ConvertedContactId", "ConvertedAccountId")

MatchKey: TypeAlias = tuple[str, str, str]


@dataclass(slots=True)
class Keyed:
    """An upsert with what all else asks of it: its match keys, and whether they are looked up.

    Built once per upsert; nobody changes one.
    """

    upsert: Upsert
    keys: tuple[MatchKey, ...]
    needs_lookup: bool


def keyed(upsert: Upsert, directly: Fields = frozenset()) -> Keyed:
    """Work out the match keys of `upsert`; `directly` is as in `is_direct`."""
    keys = tuple([match_key(upsert.object_type, match) for match in upsert.matches])
    return Keyed(upsert, keys, needs_lookup(upsert, directly))


def match_key(object_type: str, match: Match) -> MatchKey:
    """What two upserts of one record have in common."""
    kind, name = _folded_names(object_type, match.name)
    if name == "id":
        return (kind, name, long_id(str(match.value)) or str(match.value))
    return (kind, name, folded(match.value))


@lru_cache(maxsize=1024)
def _folded_names(object_type: str, name: str) -> tuple[str, str]:
    """Both case folded, and shared: they are few, the keys that are kept of them many."""
    return (sys.intern(object_type.casefold()), sys.intern(name.casefold()))


def is_id(match: Match) -> bool:
    """Whether `match` is the record's own id."""
    return match.name.casefold() == "id"


def is_direct(upsert: Upsert, directly: Fields = frozenset()) -> bool:
    """Whether the CRM itself is to find or create the record: one write, no lookup.

    By a custom field, which must be an external id then, or by one of `directly`. Email and its
    like are matched by query otherwise, so that converted leads and several matches are seen
    before anything is written. What is written must be the same whether the record is there or
    not: every default and every required field has a value already, and nothing is only filled.
    """
    if upsert.operation is not Operation.UPSERT or len(upsert.matches) != 1 or upsert.fill:
        return False
    match = upsert.matches[0]
    folded_name = match.name.casefold()
    if not folded_name.endswith("__c") and (
        not directly or (upsert.object_type.casefold(), folded_name) not in directly
    ):
        return False
    if not upsert.on_update.keys() <= upsert.properties.keys():
        return False
    return not missing(
        {**upsert.properties, match.name: match.value}, {*upsert.on_create, *upsert.required}
    )


def needs_lookup(upsert: Upsert, directly: Fields = frozenset()) -> bool:
    """Whether the record must be found before the write can be planned."""
    if not upsert.matches or is_direct(upsert, directly):
        return False
    direct = upsert.operation is Operation.UPDATE and is_id(upsert.matches[0])
    return not direct or bool(upsert.fill)


def plan_queries(asked: Iterable[Keyed]) -> Sequence[Query]:
    """Gather the match keys of `asked` into queries, one per object, field and kind of value."""
    values: dict[tuple[str, str, str, bool], dict[str, Scalar]] = {}
    fills: dict[str, dict[str, None]] = {}
    for each in asked:
        upsert = each.upsert
        fill = fills.setdefault(upsert.object_type, {})
        if upsert.fill:
            fill.update(dict.fromkeys(sorted(upsert.fill)))
        for match, (_, name, mark) in zip(upsert.matches, each.keys, strict=True):
            value = mark if name == "id" else match.value
            alone = REFERENCE in str(value)
            kind = "text" if isinstance(value, str) else "bare"
            group = values.setdefault((upsert.object_type, match.name, kind, alone), {})
            group.setdefault(mark, value)
    return [
        Query(
            object_type,
            name,
            _columns(object_type, name, fills[object_type]),
            tuple(group.values()),
        )
        for (object_type, name, _kind, _alone), group in values.items()
    ]


def _columns(object_type: str, name: str, fill: Iterable[str]) -> tuple[str, ...]:
    lead = _LEAD_COLUMNS if object_type.casefold() == "lead" else ()
    wanted = ("Id", "CreatedDate", name, *lead, *fill)
    seen: dict[str, str] = {}
    for column in wanted:
        seen.setdefault(column.casefold(), column)
    return tuple(seen.values())
