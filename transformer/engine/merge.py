"""One upsert of two that wait for the same record: whether they may be one, and what it says.

Pure. Property by property the value of the later event time wins (row K6), but for those that the
mapping calls additive: their values add up, as they would in the CRM had both been written.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from transformer.mapping.conversions import text_of
from transformer.upsert import Upsert

_MISSING: Final = object()


def may_merge(older: Upsert, newer: Upsert) -> bool:
    """Whether one write can do what both ask for, one after the other.

    Keys are compared folded, to keep order; ids may differ by case alone, so a merge asks for the
    very same value. Properties that keep events apart must be the same in both.
    """
    if newer.operation != older.operation or newer.matches != older.matches:
        return False
    one, other = older.properties.get, newer.properties.get
    return all(
        one(name, _MISSING) == other(name, _MISSING) for name in (*older.apart, *newer.apart)
    )


def names(upsert: Upsert) -> Iterator[str]:
    """The names of everything that `upsert` may write."""
    yield from upsert.properties
    yield from upsert.on_create
    yield from upsert.on_update


def merged(older: Upsert, newer: Upsert, times: dict[str, float]) -> Upsert:
    """Merge two that may; `times` holds, and is given, the event time of each value kept."""
    when = newer.event_time
    won = {name for name in names(newer) if when >= times.get(name, when)}
    times.update(dict.fromkeys(won, when))
    properties = {**older.properties, **{k: v for k, v in newer.properties.items() if k in won}}
    additive = {**older.additive, **newer.additive}
    for name in additive.keys() & older.properties.keys() & newer.properties.keys():
        both = (older.properties[name], newer.properties[name])
        properties[name] = joined(both, additive[name])
    defaults = {**newer.on_create, **older.on_create}
    return replace(
        newer,
        properties=properties,
        on_create={k: v for k, v in defaults.items() if k not in properties},
        on_update={**older.on_update, **{k: v for k, v in newer.on_update.items() if k in won}},
        required=older.required | newer.required,
        fill=older.fill | newer.fill,
        optional=older.optional | newer.optional,
        additive=additive,
        apart=older.apart | newer.apart,
        event_time=max(older.event_time, when),
        repeated=older.repeated or newer.repeated,
    )


def joined(values: Sequence[object], separator: str) -> object:
    """The parts of all values as one text, each part once, in the order in which they came.

    Null and blank add nothing; where all are so, the last stays. A separator in front stays there:
    some CRMs are told that way to add.
    """
    texts = [text for value in values for text in _texts(value) if text]
    parts = dict.fromkeys(part for text in texts for each in text.split(separator)
                          if (part := each.strip()))  # fmt: skip
    if not parts:
        return values[-1]
    lead = separator if texts[0].startswith(separator) else ""
    return lead + separator.join(parts)


def _texts(value: object) -> Sequence[str]:
    """The texts of one value; a list's items each."""
    items = value if isinstance(value, list) else [value]
    return [text_of(item).strip() for item in items if item is not None]
