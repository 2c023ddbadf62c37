"""The records of one Pipedrive company: rows by object, their history, and what search may see."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

Values = dict[str, object]

UUID_OBJECTS = frozenset({"leads"})


@dataclass(frozen=True, slots=True)
class Write:
    """One write that was applied: the request's number, when, what, and the body as it came."""

    request: int
    time: float
    operation: str
    body: Mapping[str, object]


@dataclass(slots=True)
class Row:
    """One record. `versions` are its values with the time they were set, for the search index."""

    kind: str
    id: int | str
    values: Values
    deleted: bool = False
    history: list[Write] = field(default_factory=list)
    versions: list[tuple[float, Values]] = field(default_factory=list)

    def indexed(self, horizon: float) -> Values | None:
        """Return the values as they were at `horizon`, or None when it was not there yet."""
        seen = None
        for time, values in self.versions:
            if time <= horizon:
                seen = values
        return seen

    def listed(self) -> dict[str, object]:
        """Return the record for `GET /_emulator/state`."""
        return {
            **self.values,
            "deleted": self.deleted,
            "history": [
                {"request": w.request, "time": w.time, "operation": w.operation, "body": w.body}
                for w in self.history
            ],
        }


class Store:
    """All rows of one company."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[int | str, Row]] = {}
        self._numbers: dict[str, int] = {}
        self._by_email: dict[str, dict[int | str, Row]] = {}

    def insert(self, kind: str, values: Values, write: Write) -> Row:
        """Add a row under a fresh id: a number, or a UUID where Pipedrive uses them."""
        number = self._numbers[kind] = self._numbers.get(kind, 0) + 1
        record_id = (
            str(UUID(int=(number << 80) | 0x4000_8000_0000_0000_0000))
            if (kind in UUID_OBJECTS)
            else number
        )
        row = Row(kind, record_id, {"id": record_id, **values})
        self._rows.setdefault(kind, {})[record_id] = row
        self._record(row, write)
        return row

    def change(self, row: Row, values: Values, write: Write) -> None:
        """Set some of a row's values."""
        row.values.update(values)
        self._record(row, write)

    def delete(self, row: Row, write: Write) -> None:
        """Mark a row deleted; it leaves lists and searches at once."""
        row.deleted = True
        if "is_deleted" in row.values:
            row.values["is_deleted"] = True
        self._record(row, write)

    def find(self, kind: str, record_id: object) -> Row | None:
        """Return a row that is not deleted, by its id as a number or text."""
        rows = self._rows.get(kind, {})
        row = rows.get(record_id) if isinstance(record_id, int | str) else None
        if row is None and isinstance(record_id, str) and record_id.isdecimal():
            row = rows.get(int(record_id))
        return None if row is None or row.deleted else row

    def all(self, kind: str, *, deleted: bool = False) -> Iterator[Row]:
        """Yield the rows of an object in the order of their creation."""
        for row in self._rows.get(kind, {}).values():
            if deleted or not row.deleted:
                yield row

    def with_email(self, email: str) -> Iterator[Row]:
        """Yield the persons that have or had an e-mail, case-folded: what a search looks at."""
        for row in self._by_email.get(email, {}).values():
            if not row.deleted:
                yield row

    def kinds(self) -> Iterator[str]:
        """Yield the objects that have rows."""
        yield from self._rows

    def _record(self, row: Row, write: Write) -> None:
        row.history.append(write)
        row.versions.append((write.time, deepcopy(row.values)))
        emails = row.values.get("emails")
        for each in emails if isinstance(emails, list) else ():
            self._by_email.setdefault(str(each["value"]).casefold(), {})[row.id] = row


def stamp(wall: float) -> str:
    """Return a time as v2 prints it: `2021-01-01T00:00:00Z`."""
    return datetime.fromtimestamp(wall, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def plain_stamp(wall: float) -> str:
    """Return a time as v1's notes print it: `2021-01-01 00:00:00`."""
    return datetime.fromtimestamp(wall, UTC).strftime("%Y-%m-%d %H:%M:%S")


def millis_stamp(wall: float) -> str:
    """Return a time as v1's leads print it: `2020-10-14T11:30:36.551Z`."""
    return datetime.fromtimestamp(wall, UTC).isoformat(timespec="milliseconds")[:23] + "Z"
