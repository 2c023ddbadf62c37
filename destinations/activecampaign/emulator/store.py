"""The records of the emulated account: rows by kind and id, and their write history.

Knows nothing of HTTP or of what is allowed.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from transformer.clock import Clock

KINDS = (
    "contacts",
    "fields",
    "fieldOptions",
    "fieldRels",
    "fieldValues",
    "lists",
    "contactLists",
    "tags",
    "contactTags",
    "accounts",
    "accountContacts",
    "accountCustomFieldMeta",
    "accountCustomFieldData",
    "dealCustomFieldMeta",
    "dealCustomFieldData",
    "dealGroups",
    "dealStages",
    "deals",
    "contactDeals",
    "dealTasks",
    "notes",
    "eventTrackingEvents",
    "trackedEvents",
)
NEVER = "0000-00-00 00:00:00"


@dataclass(frozen=True, slots=True)
class Write:
    """One write as a test sees it: by which request, when, and the values it set."""

    request: int
    time: float
    action: str
    values: Mapping[str, object]


@dataclass(slots=True)
class Row:
    """One record. Values are what was set; answers turn them into text."""

    id: str
    values: dict[str, object]
    history: list[Write] = field(default_factory=list)

    def get(self, name: str) -> str:
        """Return a value as text; of what was never set, the empty text."""
        return text(self.values.get(name))


class Store:
    """Rows by kind. `request` is the number of the request being applied."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.request = 0
        self.rows: dict[str, dict[str, Row]] = {}
        self._numbers: dict[str, int] = {}
        self._indexes: dict[tuple[str, str], dict[str, dict[str, Row]]] = {}
        self.clear()

    def clear(self) -> None:
        """Forget every record; ids start again."""
        self.rows = {kind: {} for kind in KINDS}
        self._numbers = {}
        self._indexes = {}

    def insert(self, kind: str, values: Mapping[str, object], action: str = "create") -> Row:
        """Add a row under the next id."""
        number = self._numbers[kind] = self._numbers.get(kind, 0) + 1
        row = Row(str(number), dict(values))
        self.rows[kind][row.id] = row
        self._file(kind, row, row.values)
        row.history.append(self._write(action, values))
        return row

    def change(
        self, kind: str, row: Row, values: Mapping[str, object], action: str = "update"
    ) -> None:
        """Set some of a row's values."""
        self._unfile(kind, row, values)
        row.values.update(values)
        self._file(kind, row, values)
        row.history.append(self._write(action, values))

    def remove(self, kind: str, row_id: str) -> None:
        """Delete a row."""
        row = self.rows[kind].pop(row_id)
        self._unfile(kind, row, row.values)

    def get(self, kind: str, row_id: object) -> Row | None:
        """Return the row of this id, given as text or as a number."""
        return self.rows[kind].get(text(row_id))

    def where(self, kind: str, **values: object) -> Iterator[Row]:
        """Yield the rows whose values equal these, as text."""
        wanted = {name: text(value) for name, value in values.items()}
        for row in self._candidates(kind, wanted):
            if all(row.get(name) == value for name, value in wanted.items()):
                yield row

    def folded(self, kind: str, name: str, value: str) -> Row | None:
        """The first row with this value; upper and lower case are the same."""
        return next(iter(self._index(kind, name).get(value.casefold(), {}).values()), None)

    def _candidates(self, kind: str, wanted: Mapping[str, str]) -> list[Row]:
        """The rows that the smallest index bucket leaves to be looked at."""
        buckets = [
            self._index(kind, name).get(value.casefold(), {}) for name, value in wanted.items()
        ]
        return list(min(buckets, key=len, default=self.rows[kind]).values())

    def _index(self, kind: str, name: str) -> dict[str, dict[str, Row]]:
        index = self._indexes.get((kind, name))
        if index is None:
            index = self._indexes[kind, name] = {}
            for row in self.rows[kind].values():
                index.setdefault(row.get(name).casefold(), {})[row.id] = row
        return index

    def _file(self, kind: str, row: Row, names: Iterable[str]) -> None:
        for name in names:
            index = self._indexes.get((kind, name))
            if index is not None:
                index.setdefault(row.get(name).casefold(), {})[row.id] = row

    def _unfile(self, kind: str, row: Row, names: Iterable[str]) -> None:
        for name in names:
            index = self._indexes.get((kind, name))
            if index is not None:
                index.get(row.get(name).casefold(), {}).pop(row.id, None)

    def now(self) -> str:
        """Return the present moment as the API writes it."""
        moment = datetime.fromtimestamp(self.clock.wall(), UTC)
        return moment.isoformat(timespec="seconds")

    def utc(self) -> str:
        """Return the present moment as `*_utc_timestamp` fields write it."""
        return datetime.fromtimestamp(self.clock.wall(), UTC).strftime("%Y-%m-%d %H:%M:%S")

    def to_json(self, kind: str) -> list[dict[str, object]]:
        """Describe every row of a kind, with its history."""
        return [
            {
                "id": row.id,
                **row.values,
                "_history": [
                    {
                        "request": write.request,
                        "time": write.time,
                        "action": write.action,
                        "values": dict(write.values),
                    }
                    for write in row.history
                ],
            }
            for row in self.rows[kind].values()
        ]

    def _write(self, action: str, values: Mapping[str, object]) -> Write:
        return Write(self.request, self.clock.wall(), action, dict(values))


def text(value: object) -> str:
    """Return a scalar as the API answers it: text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    return str(value)
