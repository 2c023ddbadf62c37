"""Running a statement: which rows, in which order, and how each is shown."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from operator import itemgetter

from destinations.salesforce.emulator.context import Context
from destinations.salesforce.emulator.refusals import Refusal
from destinations.salesforce.emulator.schema import Field, Schema
from destinations.salesforce.emulator.soql.aggregate import aggregate
from destinations.salesforce.emulator.soql.parse import Ordering, Selected, Statement, parse
from destinations.salesforce.emulator.soql.paths import Names, Path
from destinations.salesforce.emulator.soql.tokens import Token
from destinations.salesforce.emulator.soql.where import Where
from destinations.salesforce.emulator.store import Row, Store, Value

MAX_OFFSET = 2_000
MAX_ALL_FIELDS = 200
Show = Callable[[Row], dict[str, object]]


@dataclass(frozen=True, slots=True)
class Result:
    """What a statement found: how many, and how to show them (`rows` is empty for COUNT())."""

    total: int
    rows: Sequence[Row]
    show: Show
    ready: Sequence[dict[str, object]] = ()


def run(query: str, schema: Schema, store: Store, context: Context, *, deleted_too: bool) -> Result:
    """Run a statement; raises the refusal Salesforce gives for what is wrong with it."""
    statement = parse(query)
    names = Names(schema, statement)
    selected = _selected(names, statement)
    rows = _matching(names, statement, store, context.time, deleted_too=deleted_too)
    if any(item.function and item.function != "FIELDS" for item in statement.selected):
        if _is_bare_count(statement):
            shown = rows if statement.limit is None else list(rows)[: statement.limit]
            return Result(len(list(shown)), (), lambda _row: {})
        groups = aggregate(names, statement, store, list(rows))
        return Result(len(groups), (), lambda _row: {}, groups)
    if statement.group:
        raise names.refuse(statement.group[0], "GROUP BY needs an aggregate", "MALFORMED_QUERY")
    ordered = _ordered(names, statement.order, store, rows)
    if statement.offset > MAX_OFFSET:
        text = f"Maximum SOQL offset allowed is {MAX_OFFSET}"
        raise Refusal("NUMBER_OUTSIDE_VALID_RANGE", text)
    end = None if statement.limit is None else statement.offset + statement.limit
    kept = ordered[statement.offset : end]
    return Result(len(kept), kept, lambda row: show(store, row, selected, context))


def _is_bare_count(statement: Statement) -> bool:
    first = statement.selected[0]
    return len(statement.selected) == 1 and first.function == "COUNT" and first.field is None


def _matching(
    names: Names, statement: Statement, store: Store, now: float, *, deleted_too: bool
) -> list[Row]:
    where = Where(names, store, statement.text, now)
    test = where.compile(statement.where) if statement.where else None
    rows: Iterable[Row] | None = where.candidates(statement.where) if statement.where else None
    if rows is None:
        rows = store.of_type(names.kind).values()
    return [row for row in rows if (deleted_too or not row.deleted) and (test is None or test(row))]


def _selected(names: Names, statement: Statement) -> tuple[Path, ...]:
    paths: list[Path] = []
    for item in statement.selected:
        if item.function == "FIELDS":
            paths.extend(_all_fields(names, statement, item))
        elif item.field is not None and not item.function:
            paths.append(names.resolve(item.field))
        elif item.field is not None:
            names.resolve(item.field)
    seen = [(path.references, path.field.name) for path in paths]
    if len(set(seen)) < len(seen):
        twice = next(path for path in paths if seen.count((path.references, path.field.name)) > 1)
        text = f"duplicate field selected: {twice.field.name}"
        raise names.refuse(statement.object, text)
    return tuple(paths)


def _all_fields(names: Names, statement: Statement, item: Selected) -> list[Path]:
    token: Token = item.field or statement.object
    which = token.word
    if which not in {"ALL", "STANDARD", "CUSTOM"}:
        raise names.refuse(token, f"unexpected token: '{token.text}'", "MALFORMED_QUERY")
    if which != "STANDARD" and (statement.limit is None or statement.limit > MAX_ALL_FIELDS):
        text = f"The SOQL FIELDS function must have a LIMIT of at most {MAX_ALL_FIELDS}"
        raise names.refuse(token, text, "MALFORMED_QUERY")
    return [
        Path((), field)
        for field in names.kind.fields.values()
        if which == "ALL" or field.custom is (which == "CUSTOM")
    ]


def _ordered(
    names: Names, order: Sequence[Ordering], store: Store, rows: Sequence[Row]
) -> list[Row]:
    found = list(rows)
    for item in reversed(order):
        path = names.resolve(item.field)
        if not path.field.filterable:
            text = f"field '{path.field.name}' can not be sorted in a query call"
            raise names.refuse(item.field, text)
        found = _sorted(found, path, store, item)
    return found


def _sorted(rows: list[Row], path: Path, store: Store, item: Ordering) -> list[Row]:
    keyed = [(path.read(store, row), row) for row in rows]
    present = [(_sort_key(path.field, value), row) for value, row in keyed if value is not None]
    absent = [row for value, row in keyed if value is None]
    present.sort(key=itemgetter(0), reverse=item.descending)
    filled = [row for _, row in present]
    return [*filled, *absent] if item.nulls_last else [*absent, *filled]


def _sort_key(field: Field, value: Value) -> tuple[float, str]:
    if isinstance(value, str):
        return (0.0, value if field.type == "id" else value.lower())
    return (float(value or 0), "")


def show(store: Store, row: Row, paths: Sequence[Path], context: Context) -> dict[str, object]:
    """Return one record with these fields, parents nested, `attributes` first."""
    shown = attributes(row, context)
    for path in paths:
        _place(store, row, path, shown, context)
    return shown


def attributes(row: Row, context: Context) -> dict[str, object]:
    """Return the start of every record in an answer."""
    url = context.path("sobjects", row.type.name, row.id)
    return {"attributes": {"type": row.type.name, "url": url}}


def _place(store: Store, row: Row, path: Path, shown: dict[str, object], context: Context) -> None:
    current: Row = row
    for reference in path.references:
        name = reference.relationship or reference.name
        parent = store.rows.get(str(current.get(reference.name)))
        if parent is None:
            shown[name] = None
            return
        nested = shown.get(name)
        if not isinstance(nested, dict):
            nested = shown[name] = attributes(parent, context)
        shown, current = nested, parent
    shown[path.field.name] = value_of(current, path.field)


def value_of(row: Row, field: Field) -> object:
    """Return a field's value as shown; an address is put together from its parts."""
    if field.type != "address":
        return row.get(field.name)
    stem = field.name.removesuffix("Address")
    parts: dict[str, object] = {
        part[:1].lower() + part[1:]: row.get(f"{stem}{part}")
        for part in (
            "City",
            "Country",
            "GeocodeAccuracy",
            "Latitude",
            "Longitude",
            "PostalCode",
            "State",
            "Street",
        )
    }
    return parts if any(value is not None for value in parts.values()) else None
