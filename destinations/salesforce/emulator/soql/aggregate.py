"""Aggregates of a statement: COUNT, MIN, MAX, SUM and AVG, with or without GROUP BY."""

from collections.abc import Sequence

from destinations.salesforce.emulator.schema import NUMBER_TYPES
from destinations.salesforce.emulator.soql.parse import Selected, Statement
from destinations.salesforce.emulator.soql.paths import Names
from destinations.salesforce.emulator.store import Row, Store, Value

_NUMERIC = frozenset({"SUM", "AVG"})


def aggregate(
    names: Names, statement: Statement, store: Store, rows: Sequence[Row]
) -> list[dict[str, object]]:
    """Return one `AggregateResult` per group; without GROUP BY, one for all rows."""
    group = [names.resolve(token) for token in statement.group]
    grouped = {(path.references, path.field.name) for path in group}
    for item in statement.selected:
        if item.function or item.field is None:
            continue
        path = names.resolve(item.field)
        if (path.references, path.field.name) not in grouped:
            text = f"Field must be grouped or aggregated: {path.field.name}"
            raise names.refuse(item.field, text, "MALFORMED_QUERY")
    groups: dict[tuple[Value, ...], list[Row]] = {} if group else {(): []}
    for row in rows:
        key = tuple(path.read(store, row) for path in group)
        groups.setdefault(key, []).append(row)
    return [_one(names, statement, store, members) for members in groups.values()]


def _one(
    names: Names, statement: Statement, store: Store, rows: Sequence[Row]
) -> dict[str, object]:
    shown: dict[str, object] = {"attributes": {"type": "AggregateResult"}}
    unnamed = 0
    for item in statement.selected:
        if not item.function and item.field is not None:
            path = names.resolve(item.field)
            shown[path.field.name] = path.read(store, rows[0])
            continue
        name = item.alias
        if name is None:
            name, unnamed = f"expr{unnamed}", unnamed + 1
        shown[name] = _value(names, item, store, rows)
    return shown


def _value(names: Names, item: Selected, store: Store, rows: Sequence[Row]) -> Value:
    if item.field is None:
        return len(rows)
    path = names.resolve(item.field)
    if item.function in _NUMERIC and path.field.type not in NUMBER_TYPES:
        text = f"field {path.field.name} does not support aggregate operator {item.function}"
        raise names.refuse(item.field, text, "MALFORMED_QUERY")
    values = [value for row in rows if (value := path.read(store, row)) is not None]
    if item.function == "COUNT":
        return len(values)
    if item.function == "COUNT_DISTINCT":
        return len({path.field.key(value) for value in values})
    if not values:
        return None
    numbers = [value for value in values if isinstance(value, (int, float))]
    if item.function in _NUMERIC:
        total = sum(numbers)
        return total / len(numbers) if item.function == "AVG" else total
    ordered = sorted(values, key=lambda value: (isinstance(value, str), value))
    return ordered[0] if item.function == "MIN" else ordered[-1]
