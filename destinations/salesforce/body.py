"""A row's values: which of an upsert's are sent, and with what defaults. Pure.

Field names count without case; an event spells them as it likes. One that is spelled as it is asked
for is found at once, any other costs a pass over all names.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from transformer.upsert import Note

_RESERVED = frozenset({"id", "attributes"})


@lru_cache(maxsize=1024)
def reserved_names(names: tuple[str, ...]) -> tuple[str, ...]:
    """Those of `names` that would change which record is meant; many events share their names."""
    return tuple(name for name in names if name.casefold() in _RESERVED)


@lru_cache(maxsize=1024)
def spellings(names: tuple[str, ...]) -> tuple[tuple[str, ...], Mapping[str, str] | None]:
    """Those that are reserved, and how each is spelled, by its case-folded form.

    None for that where two of them are one.
    """
    spelled = {name.casefold(): name for name in names}
    return reserved_names(names), spelled if len(spelled) == len(names) else None


def without(values: Mapping[str, object], names: Sequence[str]) -> Mapping[str, object]:
    """`values` without `names`; the very same where there are none."""
    if not names:
        return values
    return {name: value for name, value in values.items() if name not in names}


def with_defaults(
    values: Mapping[str, object], defaults: Mapping[str, object]
) -> Mapping[str, object]:
    """`values`, and of `defaults` those for which there is none, or a blank one."""
    if not defaults:
        return values
    given = {
        name: value for name, value in values.items() if name not in defaults or not blank(value)
    }
    return {**defaults, **given}


def filled(
    values: Mapping[str, object], fill: frozenset[str], known: Mapping[str, object]
) -> tuple[Mapping[str, object], tuple[Note, ...]]:
    """`values`, of `fill` only those that the record lacks; and a note for each it was not read of.

    `known` are the record's own values, by case-folded name.
    """
    if not fill:
        return values, ()
    kept = {
        name: value
        for name, value in values.items()
        if name not in fill or blank(known.get(name.casefold(), "unread"))
    }
    unread = tuple(
        Note("dropped", name, "its value in Salesforce could not be read, so it was left alone")
        for name in sorted(fill.intersection(values))
        if name.casefold() not in known
    )
    return kept, unread


def missing(values: Mapping[str, object], required: Iterable[str]) -> Sequence[str]:
    """Those of `required` for which there is no value, or only a blank one, in order."""
    absent = [name for name in required if blank(values.get(name))]
    return sorted([name for name in absent if _lacks(values, name)]) if absent else []


def has(values: Mapping[str, object], name: str) -> bool:
    """Whether there is a value of that name, however it is spelled."""
    return name in values or name.casefold() in map(str.casefold, values)


def blank(value: object) -> bool:
    """Whether Salesforce would take it for no value at all."""
    return value is None or (isinstance(value, str) and (not value or value.isspace()))


def _lacks(values: Mapping[str, object], name: str) -> bool:
    folded = name.casefold()
    return all(blank(value) for each, value in values.items() if each.casefold() == folded)
