"""The records of the emulated business unit: rows by collection and id, and their write history.

Knows nothing of HTTP or of what is allowed.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from transformer.clock import Clock

COLLECTIONS = (
    "prospects", "users", "lists", "list-memberships", "custom-fields", "tags", "tagged-objects",
    "campaigns", "opportunities", "prospect-accounts", "visitor-activities", "external-activities",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Write:
    """One write as a test sees it: by which request, when, and the values it set."""

    request: int
    time: float
    action: str
    values: Mapping[str, object]


@dataclass(slots=True)
class Row:
    """One record. Values keep the types that they were sent with."""

    id: int
    values: dict[str, object]
    history: list[Write] = field(default_factory=list)

    def get(self, name: str) -> object:
        """A value; of what was never set, None."""
        return self.id if name == "id" else self.values.get(name)

    @property
    def deleted(self) -> bool:
        """Whether it is in the recycle bin."""
        return self.values.get("isDeleted") is True

    def as_of(self, moment: float) -> "Row | None":
        """The record as it was then; None when it was not there yet."""
        past = [write for write in self.history if write.time <= moment]
        if not past:
            return None
        values: dict[str, object] = {}
        for write in past:
            values.update(write.values)
        return Row(self.id, values, past)


class Store:
    """Rows by collection. `request` is the number of the request being applied."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.request = 0
        self.rows: dict[str, dict[int, Row]] = {}
        self._emails: dict[str, dict[int, Row]] = {}
        self._numbers: Counter[str] = Counter()
        self.clear()

    def clear(self) -> None:
        """Forget every record; ids start again."""
        self.rows = {name: {} for name in COLLECTIONS}
        self._emails = {}
        self._numbers.clear()

    def insert(self, collection: str, values: Mapping[str, object], action: str = "create") -> Row:
        """Add a row under the next id."""
        self._numbers[collection] += 1
        row = Row(self._numbers[collection], {})
        self.rows[collection][row.id] = row
        now = self.now()
        self._set(collection, row, {"createdAt": now, "updatedAt": now, **values}, action)
        return row

    def change(
        self, collection: str, row: Row, values: Mapping[str, object], action: str = "update"
    ) -> None:
        """Set some of a row's values."""
        self._set(collection, row, {**values, "updatedAt": self.now()}, action)

    def remove(self, collection: str, row_id: object) -> None:
        """Delete a row for good, as the recycle bin does when it is emptied."""
        row = self.get(collection, row_id)
        if row is not None:
            del self.rows[collection][row.id]
            self._emails.get(str(row.get("email")), {}).pop(row.id, None)

    def get(self, collection: str, row_id: object) -> Row | None:
        """The row of this id, given as text or as a number."""
        text = str(row_id)
        return self.rows[collection].get(int(text)) if text.isdecimal() else None

    def where(self, collection: str, **values: object) -> Iterator[Row]:
        """Yield the rows, deleted ones too, that have these values."""
        for row in self.rows[collection].values():
            if all(row.get(name) == value for name, value in values.items()):
                yield row

    def with_email(self, email: str) -> list[Row]:
        """The prospects with exactly this address, deleted ones too; case matters."""
        return list(self._emails.get(email, {}).values())

    def now(self) -> str:
        """The present moment as the API writes it."""
        moment = datetime.fromtimestamp(self.clock.wall(), UTC)
        return moment.isoformat(timespec="milliseconds")

    def to_json(self, collection: str) -> list[dict[str, object]]:
        """Describe every row of a collection, with its history."""
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
            for row in self.rows[collection].values()
        ]

    def _set(self, collection: str, row: Row, values: Mapping[str, object], action: str) -> None:
        if collection == "prospects" and "email" in values:
            self._emails.get(str(row.get("email")), {}).pop(row.id, None)
            self._emails.setdefault(str(values["email"]), {})[row.id] = row
        row.values.update(values)
        row.history.append(Write(self.request, self.clock.wall(), action, dict(values)))
