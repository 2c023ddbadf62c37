"""The records of the org: rows, indexes over them, their write history, and taking writes back.

Knows nothing of HTTP or of what is allowed; `writes` decides that.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from destinations.salesforce.emulator import ids
from destinations.salesforce.emulator.schema import Field, ObjectType

Value = str | int | float | bool | None
Index = dict[str, str | dict[str, None]]
"""Ids by value: the id itself while there is one, which is what keeps most indexes small."""


@dataclass(frozen=True, slots=True)
class Write:
    """One write as the oracle sees it: when, by which request, and the fields it set."""

    request: int
    time: float
    action: str
    values: Mapping[str, Value]


@dataclass(slots=True)
class Row:
    """One record. `values` holds canonical names, and only what was set."""

    id: str
    type: ObjectType
    values: dict[str, Value]
    deleted: bool = False
    history: list[Write] = field(default_factory=list)

    def get(self, name: str) -> Value:
        """Return a value: of what was never set, the field's implicit value (null for most)."""
        value = self.values.get(name)
        return self.type.implicit.get(name) if value is None else value


class Store:
    """Rows by id and by indexed value. Every change can be taken back to a `mark`."""

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}
        self._by_type: dict[str, dict[str, Row]] = {}
        self._indexes: dict[str, dict[str, tuple[Field, Index]]] = {}
        self._numbers: dict[str, int] = {}
        self._undo: list[Callable[[], None]] = []

    def of_type(self, kind: ObjectType) -> Mapping[str, Row]:
        """Return the rows of one object, deleted ones included, in order of creation."""
        return self._by_type.get(kind.name, {})

    def find(self, kind: ObjectType, by: Field, value: Value) -> Iterator[Row]:
        """Yield the live rows whose indexed field has this value."""
        return (row for row in self.find_all(kind, by, value) if not row.deleted)

    def find_all(self, kind: ObjectType, by: Field, value: Value) -> Iterator[Row]:
        """Yield the rows whose indexed field has this value, deleted ones included."""
        found = self._index(kind, by).get(by.key(value), ())
        listed = (found,) if isinstance(found, str) else tuple(found)
        return (self.rows[record_id] for record_id in listed)

    def insert(self, kind: ObjectType, values: dict[str, Value], write: Write) -> Row:
        """Add a row under a fresh id."""
        number = self._numbers[kind.name] = self._numbers.get(kind.name, 0) + 1
        row = Row(ids.make(kind.prefix, number), kind, values)
        values["Id"] = row.id
        row.history.append(write)
        self.rows[row.id] = row
        self._by_type.setdefault(kind.name, {})[row.id] = row
        self._reindex(row, {}, values)
        self._undo.append(lambda: self._remove(row))
        return row

    def change(self, row: Row, values: Mapping[str, Value], write: Write) -> None:
        """Set some of a row's values."""
        before = {name: row.values.get(name) for name in values}
        self._apply(row, values)
        row.history.append(write)
        self._undo.append(lambda: self._restore(row, before, deleted=row.deleted))

    def mark_deleted(self, row: Row, values: Mapping[str, Value], write: Write) -> None:
        """Put a row into the recycle bin."""
        before = {name: row.values.get(name) for name in values}
        self._apply(row, values)
        row.deleted = True
        row.history.append(write)
        self._undo.append(lambda: self._restore(row, before, deleted=False))

    def mark(self) -> int:
        """Return the point to which `roll_back` can return."""
        return len(self._undo)

    def roll_back(self, mark: int) -> None:
        """Take back every change made since `mark`."""
        while len(self._undo) > mark:
            self._undo.pop()()

    def commit(self) -> None:
        """Keep every change made so far."""
        self._undo.clear()

    def _apply(self, row: Row, values: Mapping[str, Value]) -> None:
        self._reindex(row, row.values, {**row.values, **values})
        row.values.update(values)

    def _restore(self, row: Row, before: Mapping[str, Value], *, deleted: bool) -> None:
        self._apply(row, before)
        row.deleted = deleted
        row.history.pop()

    def _remove(self, row: Row) -> None:
        self._reindex(row, row.values, {})
        del self.rows[row.id]
        del self._by_type[row.type.name][row.id]

    def _index(self, kind: ObjectType, by: Field) -> Index:
        """Return the index over a field, built when it is first asked for."""
        indexes = self._indexes.setdefault(kind.name, {})
        if by.name not in indexes:
            index: Index = {}
            for row in self.of_type(kind).values():
                _put(index, by, row.id, row.get(by.name))
            indexes[by.name] = (by, index)
        return indexes[by.name][1]

    def _reindex(self, row: Row, before: Mapping[str, Value], after: Mapping[str, Value]) -> None:
        for by, index in self._indexes.get(row.type.name, {}).values():
            old, new = before.get(by.name), after.get(by.name)
            if old != new:
                _take(index, by, row.id, old)
                _put(index, by, row.id, new)


def _put(index: Index, by: Field, record_id: str, value: Value) -> None:
    if value is None:
        return
    key = by.key(value)
    there = index.get(key)
    if there is None:
        index[key] = record_id
    elif isinstance(there, str):
        index[key] = {there: None, record_id: None}
    else:
        there[record_id] = None


def _take(index: Index, by: Field, record_id: str, value: Value) -> None:
    if value is None:
        return
    key = by.key(value)
    there = index.get(key)
    if isinstance(there, dict):
        there.pop(record_id, None)
    if not isinstance(there, dict) or not there:
        index.pop(key, None)
