"""The records of the emulated account, whose API answers every value as text."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from transformer.clock import Clock
from transformer.emulator import store
from transformer.emulator.store import text

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


@dataclass(slots=True)
class Row(store.Row):
    """One record. Values are what was set; answers turn them into text."""

    def get(self, name: str) -> str:
        """A value as text; of what was never set, the empty text."""
        return text(self.values.get(name))


class Store(store.Store[Row]):
    """The account's rows."""

    kinds = KINDS

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock, Row)

    def where(self, kind: str, **values: object) -> Iterator[Row]:
        """Yield the rows whose values equal these, as text."""
        return super().where(kind, **{name: text(value) for name, value in values.items()})

    def utc(self) -> str:
        """The present moment as `*_utc_timestamp` fields write it."""
        return datetime.fromtimestamp(self.clock.wall(), UTC).strftime("%Y-%m-%d %H:%M:%S")
