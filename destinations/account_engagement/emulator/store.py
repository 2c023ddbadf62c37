"""The records of the emulated business unit, numbered and stamped, and as they once were."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from transformer.clock import Clock
from transformer.emulator import store

COLLECTIONS = (
    "prospects", "users", "lists", "list-memberships", "custom-fields", "tags", "tagged-objects",
    "campaigns", "opportunities", "prospect-accounts", "visitor-activities", "external-activities",
)  # fmt: skip


@dataclass(slots=True)
class Row(store.Row):
    """One record."""

    @property
    def number(self) -> int:
        """The id as the API shows it."""
        return int(self.id)

    @property
    def deleted(self) -> bool:
        """Whether it is in the recycle bin."""
        return self.values.get("isDeleted") is True

    def get(self, name: str) -> object:
        """A value; of what was never set, None."""
        return self.number if name == "id" else self.values.get(name)

    def to_json(self) -> dict[str, object]:
        """Describe it, with its history."""
        history = [write.to_json() for write in self.history]
        return {"id": self.number, **self.values, "_history": history}

    def as_of(self, moment: float) -> Self | None:
        """The record as it was then; None when it was not there yet."""
        past = [write for write in self.history if write.time <= moment]
        if not past:
            return None
        values: dict[str, object] = {}
        for write in past:
            values.update(write.values)
        return type(self)(self.id, values, past)


class Store(store.Store[Row]):
    """The business unit's rows; the indexes know the present only, `rows` may be of the past."""

    kinds = COLLECTIONS

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock, Row)

    def insert(self, kind: str, values: Mapping[str, object], action: str = "create") -> Row:
        """Add a row under the next id."""
        now = self.now()
        return super().insert(kind, {"createdAt": now, "updatedAt": now, **values}, action)

    def change(
        self, kind: str, row: Row, values: Mapping[str, object], action: str = "update"
    ) -> None:
        """Set some of a row's values."""
        super().change(kind, row, {**values, "updatedAt": self.now()}, action)

    def where(self, kind: str, **values: object) -> Iterator[Row]:
        """Yield the rows, deleted ones too, that have these values."""
        for row in self.rows[kind].values():
            if all(row.get(name) == value for name, value in values.items()):
                yield row

    def with_email(self, email: str) -> list[Row]:
        """The prospects with exactly this address, deleted ones too; case matters."""
        return list(super().where("prospects", email=email))

    def now(self) -> str:
        """The present moment as the API writes it."""
        moment = datetime.fromtimestamp(self.clock.wall(), UTC)
        return moment.isoformat(timespec="milliseconds")
