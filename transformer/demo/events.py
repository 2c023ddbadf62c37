"""The events of the demonstration, as RudderStack's and Segment's Kafka destinations write them.

A few hundred, seeded: opted in and out, external ids, custom traits, repeats, and nasty ones.
"""

import random
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import orjson

from transformer.demo.people import Person, people
from transformer.record import Message

SEED: Final = 20261122
CONTACTS: Final = 12
LEADS: Final = 8
SUBSCRIPTIONS: Final = 6
_START: Final = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
_SALESFORCE: Final = ("Salesforce",)

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class Existing:
    """Ids of records that the CRM holds already, which external ids then name."""

    contacts: Sequence[str]
    leads: Sequence[str]
    subscriptions: Sequence[str]


class Writer:
    """Writes events in the shapes of both products, in one timeline."""

    def __init__(self, opted_in: Iterable[str]) -> None:
        self._opted_in: Json = {"All": True, **dict.fromkeys(opted_in, True)}
        self.rng = random.Random(SEED)  # noqa: S311  # the same events every time
        self._now = _START
        self.messages: list[Message] = []

    def rudderstack(
        self,
        kind: str,
        user_id: str,
        *,
        traits: Mapping[str, object] | None = None,
        integrations: Mapping[str, object] | None = None,
        external_ids: Sequence[Mapping[str, object]] = (),
        **more: object,
    ) -> None:
        """One event as RudderStack writes it: traits under `context`."""
        context: Json = {
            "app": {"name": "Shop", "version": "4.2.1"},
            "library": {"name": "RudderLabs JavaScript SDK", "version": "2.48.1"},
            "locale": "en-GB",
            "traits": dict(traits or {}),
        }
        if external_ids:
            context["externalId"] = list(external_ids)
        event: Json = {
            "channel": "web",
            "context": context,
            "integrations": self._opted_in if integrations is None else dict(integrations),
            "rudderId": self._uuid(),
            "type": kind,
            "userId": user_id,
            **more,
        }
        self._write(event, user_id)

    def segment(
        self,
        kind: str,
        user_id: str,
        *,
        traits: Mapping[str, object] | None = None,
        integrations: Mapping[str, object] | None = None,
        **more: object,
    ) -> None:
        """One event as Segment writes it: traits at the top."""
        event: Json = {
            "channel": "server",
            "context": {"library": {"name": "analytics-python", "version": "2.3.4"}},
            "integrations": self._opted_in if integrations is None else dict(integrations),
            "projectId": "kJ3demo",
            "type": kind,
            "userId": user_id,
            "version": 2,
            **more,
        }
        if traits is not None:
            event["traits"] = dict(traits)
        self._write(event, user_id)

    def raw(self, value: bytes | None, user_id: str = "") -> None:
        """Bytes that are no event, or hardly one."""
        self.messages.append(Message(value, user_id.encode() or None, (("source", b"demo"),)))

    def _write(self, event: Json, user_id: str) -> None:
        self._now += timedelta(seconds=self.rng.randint(1, 40))
        original = self._now
        event |= {
            "anonymousId": self._uuid(),
            "messageId": self._uuid(),
            "originalTimestamp": _iso(original),
            "sentAt": _iso(original + timedelta(milliseconds=700)),
            "receivedAt": _iso(original + timedelta(milliseconds=950)),
            "timestamp": _iso(original + timedelta(milliseconds=250)),
        }
        self.raw(orjson.dumps(event), user_id)

    def _uuid(self) -> str:
        return str(uuid.UUID(int=self.rng.getrandbits(128), version=4))


def events(existing: Existing, opted_in: Iterable[str] = _SALESFORCE) -> list[Message]:
    """All events, in the order in which they are produced; most opt in to the CRMs named."""
    writer = Writer(opted_in)
    crowd = people(writer.rng, 150)
    for person in crowd:
        _identify(writer, person)
        if writer.rng.random() < 0.3:  # noqa: PLR2004  # three in ten do something at once
            _track(writer, person)
    _repeats(writer, crowd[:60])
    _not_for_us(writer, crowd)
    _external_ids(writer, existing)
    _nasty(writer)
    return writer.messages


def _identify(writer: Writer, person: Person) -> None:
    write = writer.rudderstack if writer.rng.random() < 0.6 else writer.segment  # noqa: PLR2004  # six in ten
    write("identify", person.user_id, traits=person.traits)


def _track(writer: Writer, person: Person) -> None:
    writer.rudderstack(
        "track",
        person.user_id,
        traits={"email": person.email},
        event=writer.rng.choice(("Order Completed", "Trial Started", "Page Viewed")),
        properties={"revenue": writer.rng.randint(5, 900), "currency": "EUR"},
    )


def _repeats(writer: Writer, crowd: Sequence[Person]) -> None:
    for person in crowd:
        changed = {"email": person.email, "title": "Head of Everything", "score": 99}
        writer.segment("identify", person.user_id, traits=changed)
        if person.user_id.endswith("0"):
            cleared = {"email": person.email.upper(), "phone": None, "plan": ""}
            writer.rudderstack("identify", person.user_id, traits=cleared)


def _not_for_us(writer: Writer, crowd: Sequence[Person]) -> None:
    for person in crowd[60:90]:
        writer.segment("identify", person.user_id, traits=person.traits, integrations={})
    for person in crowd[90:100]:
        writer.rudderstack(
            "identify", person.user_id, traits=person.traits, integrations={"Salesforce": False}
        )
    for person in crowd[100:115]:
        writer.segment(
            "group",
            person.user_id,
            traits={"name": "Northwind Bicycles", "employees": 240},
            groupId="g-17",
        )


def _external_ids(writer: Writer, existing: Existing) -> None:
    for number, record_id in enumerate(existing.contacts):
        writer.rudderstack(
            "identify",
            f"contact-{number}",
            traits={"email": f"contact{number}@example.com", "title": "Board member"},
            external_ids=[{"type": "Salesforce-Contact", "id": record_id}],
        )
    for number, record_id in enumerate(existing.leads):
        writer.rudderstack(
            "identify",
            f"lead-{number}",
            traits={"email": f"lead{number}@example.com", "rating": "Hot"},
            external_ids=[{"type": "Salesforce-Lead", "id": record_id}],
        )
    for number, record_id in enumerate(existing.subscriptions):
        writer.rudderstack(
            "identify",
            f"subscriber-{number}",
            traits={"Seats__c": 10 + number, "Status__c": "active"},
            external_ids=[
                {"type": "Salesforce-Subscription__c", "id": record_id},
                {
                    "type": "Salesforce-Subscription__c",
                    "id": f"SUB-{number:04}",
                    "identifierType": "Number__c",
                },
            ],
        )


def _nasty(writer: Writer) -> None:
    for value in (
        b"{not json",
        b'{"type": "identify", "traits": {"email": "cut@exam',
        b"\xff\xfe\x00",
    ):
        writer.raw(value)
    writer.raw(None)
    writer.raw(b"[1, 2, 3]")
    writer.raw(b'{"type": "identify", "traits": ' + b'{"a":' * 2000 + b"1" + b"}" * 2000 + b"}")
    writer.raw(b'{"type": "teleport", "userId": "u"}')
    writer.segment("identify", "n1", traits={"firstName": "No", "lastName": "Address"})
    writer.segment("identify", "n2", traits={"email": "n2@example.com", "lastName": "x" * 300})
    writer.segment("identify", "n3", traits={"email": "not an address", "lastName": "Odd"})
    writer.segment("identify", "n4", traits={"email": "n4@example.com", "shoe_size": 43})
    writer.segment(
        "identify", "n5", traits={"email": "o'x\\' OR Name != ''@example.com", "lastName": "Quote"}
    )
    writer.segment(
        "identify", "n6", traits={"email": "n6@example.com", "lastName": "Line\r\nX-Header: 1"}
    )
    writer.raw(b'{"type": "identify", "userId": "n7", "traits": "none", "messageId": "n7"}', "n7")
    writer.raw(
        b'{"type": "identify", "userId": "n8", "messageId": "n8", "integrations": '
        b'{"Salesforce": true}, "traits": {"email": "n8@example.com", "lastName": "\\ud83d"}}'
    )
    for kind in ("Salesforce-Lead/../User", "Salesforce-Lead WHERE Id != null", "Salesforce-"):
        writer.rudderstack(
            "identify",
            "n9",
            traits={"email": "n9@example.com"},
            external_ids=[{"type": kind, "id": "00Q000000000001AAA"}],
        )


def _iso(when: datetime) -> str:
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")
