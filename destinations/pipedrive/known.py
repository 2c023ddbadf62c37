"""What this worker learned and may forget: ids of records, bounded, and only for a while.

Pipedrive's search index lags, and a search costs four times a write: a known id saves it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from transformer.kit.remembered import Remembered, RememberedRecords

MatchKey: TypeAlias = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Contacts:
    """The e-mails and phones a person has, as `contacts.folded` makes them."""

    emails: frozenset[str] = frozenset()
    phones: frozenset[str] = frozenset()

    def has(self, emails: Iterable[str], phones: Iterable[str]) -> bool:
        """Whether the person has all of these."""
        return self.emails.issuperset(emails) and self.phones.issuperset(phones)


CAPACITY = 100_000
GONE_SECONDS = 600.0
# For so long at the most the search index may not know of a write.
LAG_SECONDS = 900.0


class Known:
    """Ids by match key, contacts by person, records that are gone, and creates accounted for."""

    def __init__(self, seconds: float) -> None:
        self.ids: RememberedRecords[str, tuple[str, str]] = RememberedRecords(
            capacity=CAPACITY,
            seconds=seconds,
            record_of=lambda key, record_id: (key[0], record_id),
            late_seconds=LAG_SECONDS,
        )
        self.contacts: Remembered[str, Contacts] = Remembered(capacity=CAPACITY, seconds=seconds)
        self.gone: Remembered[tuple[str, str], bool] = Remembered(
            capacity=CAPACITY, seconds=GONE_SECONDS
        )
        self.taken: Remembered[tuple[str, str], bool] = Remembered(
            capacity=CAPACITY, seconds=86_400.0
        )

    def learn(
        self,
        kind: str,
        record_id: str,
        keys: Iterable[MatchKey],
        contacts: Contacts | None,
        now: float,
    ) -> None:
        """A record was found or written: remember what leads to it."""
        for key in keys:
            self.ids.learn(key, record_id, now)
        if kind == "persons" and contacts is not None:
            self.contacts.learn(record_id, contacts, now)

    def take(self, kind: str, record_id: str, now: float) -> bool:
        """Let a record answer for one create; False when it answers for another already."""
        if self.taken.recall((kind, record_id), now) is not None:
            return False
        self.taken.learn((kind, record_id), True, now)  # noqa: FBT003 - a value, not a switch
        return True

    def lose(self, kind: str, record_id: str, keys: Iterable[MatchKey], now: float) -> None:
        """The record is gone: forget what led to it, and do not believe a lagging index."""
        self.gone.learn((kind, record_id), True, now)  # noqa: FBT003 - a value, not a switch
        for key in keys:
            self.ids.forget(key)
        if kind == "persons":
            self.contacts.forget(record_id)
