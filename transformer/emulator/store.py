"""The records of an emulated CRM: rows by kind and id, indexes over them, their write history.

For emulators to subclass. Knows no vendor, nothing of HTTP, and nothing of what is allowed.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import ClassVar, Generic, TypeVar

from transformer.clock import Clock

Index = dict[str, dict[str, None]]
"""Ids by value, upper and lower case the same."""


@dataclass(frozen=True, slots=True)
class Write:
    """One write as a test sees it: by which request, when, and the values it set."""

    request: int
    time: float
    action: str
    values: Mapping[str, object]

    def to_json(self) -> dict[str, object]:
        """Describe it for `GET /_emulator/state`."""
        return {
            "request": self.request,
            "time": self.time,
            "action": self.action,
            "values": dict(self.values),
        }


@dataclass(slots=True)
class Row:
    """One record. Values keep the types that they were set with."""

    id: str
    values: dict[str, object]
    history: list[Write] = field(default_factory=list)

    def get(self, name: str) -> object:
        """A value; of what was never set, None."""
        return self.values.get(name)

    def to_json(self) -> dict[str, object]:
        """Describe it, with its history, for `GET /_emulator/state`."""
        history = [write.to_json() for write in self.history]
        return {"id": self.id, **self.values, "_history": history}


R = TypeVar("R", bound=Row)


class Store(Generic[R]):
    """Rows by kind, oldest first. `request` is the number of the request being applied."""

    kinds: ClassVar[tuple[str, ...]]

    def __init__(self, clock: Clock, row: type[R]) -> None:
        self.clock = clock
        self.request = 0
        self.rows: dict[str, dict[str, R]] = {}
        self._row = row
        self._numbers: dict[str, int] = {}
        self._indexes: dict[str, dict[str, Index]] = {}
        self.clear()

    def clear(self) -> None:
        """Forget every record; ids start again."""
        self.rows = {kind: {} for kind in self.kinds}
        self._numbers = {}
        self._indexes = {kind: {} for kind in self.kinds}

    def insert(self, kind: str, values: Mapping[str, object], action: str = "create") -> R:
        """Add a row under the next id."""
        number = self._numbers[kind] = self._numbers.get(kind, 0) + 1
        row = self._row(str(number), dict(values))
        self.rows[kind][row.id] = row
        self._file(kind, row, self._indexes[kind])
        row.history.append(Write(self.request, self.clock.wall(), action, dict(values)))
        return row

    def change(
        self, kind: str, row: R, values: Mapping[str, object], action: str = "update"
    ) -> None:
        """Set some of a row's values."""
        self._unfile(kind, row, values)
        row.values.update(values)
        self._file(kind, row, values)
        row.history.append(Write(self.request, self.clock.wall(), action, dict(values)))

    def remove(self, kind: str, row_id: object) -> None:
        """Delete a row for good, if it is there."""
        row = self.rows[kind].pop(text(row_id), None)
        if row is not None:
            self._unfile(kind, row, self._indexes[kind])

    def get(self, kind: str, row_id: object) -> R | None:
        """The row of this id, given as text or as a number."""
        return self.rows[kind].get(text(row_id))

    def where(self, kind: str, **values: object) -> Iterator[R]:
        """Yield the rows that have these values."""
        rows = self.rows[kind]
        buckets = [self._bucket(kind, name, value) for name, value in values.items()]
        # By the smallest index, as its rows are fewest; a row may change while we yield.
        smallest: Mapping[str, object] = min(buckets, key=len) if buckets else rows
        for row_id in list(smallest):
            row = rows.get(row_id)
            if row is not None and all(row.get(name) == each for name, each in values.items()):
                yield row

    def folded(self, kind: str, name: str, value: str) -> R | None:
        """The first row with this value; upper and lower case are the same."""
        row_id = next(iter(self._bucket(kind, name, value)), None)
        return None if row_id is None else self.rows[kind][row_id]

    def now(self) -> str:
        """The present moment, in UTC, to the second."""
        return datetime.fromtimestamp(self.clock.wall(), UTC).isoformat(timespec="seconds")

    def to_json(self, kind: str) -> list[dict[str, object]]:
        """Describe every row of a kind, with its history."""
        return [row.to_json() for row in self.rows[kind].values()]

    def _bucket(self, kind: str, name: str, value: object) -> Mapping[str, object]:
        """The ids of the rows with this value, from an index built when it is first asked for."""
        if name not in self._indexes[kind]:
            self._indexes[kind][name] = {}
            for row in self.rows[kind].values():
                self._file(kind, row, (name,))
        return self._indexes[kind][name].get(text(value).lower(), {})

    def _file(self, kind: str, row: R, names: Iterable[str]) -> None:
        for name in names:
            index = self._indexes[kind].get(name)
            if index is not None:
                index.setdefault(text(row.get(name)).lower(), {})[row.id] = None

    def _unfile(self, kind: str, row: R, names: Iterable[str]) -> None:
        for name in names:
            index = self._indexes[kind].get(name)
            if index is not None:
                index.get(text(row.get(name)).lower(), {}).pop(row.id, None)


def text(value: object) -> str:
    """A scalar as text: nothing is empty, a truth 1 or 0."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    return str(value)
