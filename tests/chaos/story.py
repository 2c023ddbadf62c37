"""The story: what was sent, what was planned and what was done. Knows no broker and no CRM."""

import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import orjson

from transformer.record import Message

HEADERS: Final = (
    ("trace", b"\x00\xff\xfe"),
    ("trace", None),
    ("Überschrift", "naïve ✓".encode()),
    ("empty", b""),
)
NOTES: Final = (
    "plain",
    "naïve Ünïcode ✓",
    "quote ' \" and \\ backslash",
    "line\nbreak\ttab",
    "日本語",
    "<b>&amp;",
    "@{lead.id} ${x} %s",
    " e\N{COMBINING ACUTE ACCENT} 👩‍👩‍👧 ",
    "عربى\N{RIGHT-TO-LEFT MARK}",
)


class Kind(StrEnum):
    """What an event is, which says what is to become of it."""

    LEAD = "lead"
    VISIT = "visit"  # creates a record that nothing can find
    REFUSED = "refused"  # the org refuses one of its values
    BROKEN = "broken"  # not JSON
    SKIPPED = "skipped"  # not opted in


OUTCOMES: Final[Mapping[Kind, str]] = {
    Kind.LEAD: "delivered",
    Kind.VISIT: "delivered",
    Kind.REFUSED: "rejected",
    Kind.BROKEN: "rejected",
    Kind.SKIPPED: "skipped",
}
_SHARES: Final[Mapping[Kind, float]] = {
    Kind.LEAD: 0.79,
    Kind.VISIT: 0.08,
    Kind.REFUSED: 0.04,
    Kind.BROKEN: 0.01,
    Kind.SKIPPED: 0.08,
}


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody events are about. With a `twin`, the org has the record but not the address."""

    name: str
    twin: str | None = None

    @property
    def email(self) -> str:
        """The address: the match key."""
        return f"{self.name}@example.com"


@dataclass(frozen=True, slots=True)
class Sent:
    """One event; `fields` is what it writes to the record of `email`, or to a record of its own."""

    mark: str
    kind: Kind
    email: str
    message: Message
    fields: Mapping[str, object]


@dataclass
class Story:
    """What was sent by its bytes, what was planned, and how often each deed had its effect.

    `twins` are the ids of the records that the org had, by the address they are to have.
    """

    plan: Sequence[str] = ()
    sent: dict[bytes, Sent] = field(default_factory=dict)
    twins: dict[str, str] = field(default_factory=dict)
    done: Counter[str] = field(default_factory=Counter)
    exits: Counter[int] = field(default_factory=Counter)

    def take(self, events: Iterable[Sent]) -> None:
        """Remember what is about to be produced."""
        self.sent |= {sent.message.value or b"": sent for sent in events}


def any_kind(rng: random.Random) -> Kind:
    """A kind of event, most of them leads."""
    return rng.choices(list(_SHARES), list(_SHARES.values()))[0]


def make_event(n: int, person: Person, kind: Kind, rng: random.Random) -> Sent:
    """The nth event: its bytes, and what they are to come to."""
    mark, note = f"mark-{n}", rng.choice(NOTES)
    traits, fields = _visit(mark, note) if kind is Kind.VISIT else _lead(n, person, mark, note, rng)
    body: dict[str, object] = {"type": "identify", "messageId": mark, "userId": person.name}
    if kind is Kind.VISIT:
        body["context"] = {"externalId": [{"type": "Salesforce-Visit__c"}]}
    if kind is Kind.REFUSED:
        traits["title"] = "x" * 400
    if kind is not Kind.SKIPPED:
        body["integrations"] = {"Salesforce": True}
    value = orjson.dumps({**body, "traits": traits})
    if kind is Kind.BROKEN:
        value = value[:-1] + b"\xff"
    headers = HEADERS[: rng.randrange(len(HEADERS) + 1)]
    return Sent(mark, kind, person.email, Message(value, person.name.encode(), headers), fields)


def _visit(mark: str, note: str) -> tuple[dict[str, object], Mapping[str, object]]:
    fields = {"mark__c": mark, "note__c": note}
    return dict(fields), fields


def _lead(
    n: int, person: Person, mark: str, note: str, rng: random.Random
) -> tuple[dict[str, object], Mapping[str, object]]:
    """Traits and fields; `sometimes` is in half of them: it stays until another one has it."""
    name = f"{person.name} {note}"
    traits: dict[str, object] = {
        "email": person.email, "lastName": name, "company": f"{note} & Co",
        "n": n, "mark": mark, "note": note,
    }  # fmt: skip
    fields: dict[str, object] = {
        "Email": person.email, "LastName": name, "Company": f"{note} & Co",
        "n__c": n, "mark__c": mark, "note__c": note,
    }  # fmt: skip
    if rng.random() < 0.5:
        traits["sometimes"] = fields["sometimes__c"] = f"sometimes {mark}"
    if person.twin:
        traits["twin"] = fields["twin__c"] = person.twin
    return traits, fields
