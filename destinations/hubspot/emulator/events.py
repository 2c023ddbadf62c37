"""Handlers of custom events: definitions, and completions that take effect later.

A completion is answered 204 whatever becomes of it; `dropped` says what HubSpot would not tell.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from destinations.hubspot.emulator.portal import Portal, Row
from destinations.hubspot.emulator.reading import (
    body_of,
    inputs_of,
    number,
    optional_text,
    properties_of,
    text,
)
from destinations.hubspot.emulator.refusals import Refusal, invalid, not_found
from destinations.hubspot.emulator.values import stamp, text_of
from transformer.clock import Clock
from transformer.emulator.server import Answer, Call, Handler, json_answer, query_of

MAX_EVENTS = 500
MAX_PAGE = 100
# Cursors are opaque, and not always fit for a URL as they are.
CURSOR = "a+/="
_NAME = re.compile(r"[a-z][a-z0-9_]{0,99}")
_TYPES = frozenset({"string", "number", "datetime", "enumeration"})
# What a definition has from the start when includeDefaultProperties is true.
_DEFAULTS = (
    "hs_browser", "hs_campaign_id", "hs_city", "hs_country", "hs_device_name", "hs_page_id",
    "hs_page_title", "hs_page_url", "hs_referrer", "hs_region", "hs_user_agent",
)  # fmt: skip
Params = Mapping[str, str]


@dataclass(slots=True)
class Definition:
    """One kind of custom event."""

    name: str
    label: str
    full_name: str
    properties: dict[str, str] = field(default_factory=dict)

    def to_json(self, *, with_properties: bool = True) -> dict[str, object]:
        """Return what the definitions API shows; a list has properties only if asked for them."""
        shown = self.properties if with_properties else {}
        return {
            "id": self.full_name,
            "objectTypeId": "6-1",
            "associations": [],
            "name": self.name,
            "labels": {"singular": self.label, "plural": self.label},
            "fullyQualifiedName": self.full_name,
            "primaryObject": "CONTACT",
            "archived": False,
            "properties": [_property_json(name, kind) for name, kind in shown.items()],
        }


class Events:
    """Custom events of a portal."""

    def __init__(self, portal: Portal, clock: Clock) -> None:
        self._portal = portal
        self._clock = clock
        self.definitions: dict[str, Definition] = {}
        self.occurred: list[dict[str, object]] = []
        self.dropped: list[dict[str, object]] = []
        self._uuids: set[tuple[str, str]] = set()

    def clear(self) -> None:
        """Forget everything."""
        self.definitions.clear()
        self.occurred.clear()
        self.dropped.clear()
        self._uuids.clear()

    def send_routes(self) -> Iterable[tuple[str, str, Handler]]:
        """Method, path below the send root, handler."""
        return (("POST", "", self._send), ("POST", "/batch", self._send_batch))

    def definition_routes(self) -> Iterable[tuple[str, str, Handler]]:
        """Method, path below the definitions' root, handler."""
        return (
            ("GET", "", self._list),
            ("POST", "", self._define),
            ("GET", "/{event}", self._read),
            ("DELETE", "/{event}", self._delete),
            ("POST", "/{event}/property", self._add_property),
        )

    def _send(self, call: Call, _params: Params) -> Answer:
        completion = self._checked(body_of(call))
        self._take(completion, call)
        return Answer(204)

    def _send_batch(self, call: Call, _params: Params) -> Answer:
        for completion in [self._checked(value) for value in inputs_of(call, MAX_EVENTS)]:
            self._take(completion, call)
        return Answer(204)

    def _checked(self, value: Mapping[str, object]) -> Mapping[str, object]:
        name = text(value, "eventName")
        if name not in self.definitions:
            raise invalid(f"Event type {name} does not exist")
        properties = {key: text_of(key, each) for key, each in properties_of(value).items()}
        who = {key: optional_text(value, key) for key in ("email", "objectId", "utk")}
        if not any(who.values()):
            raise invalid("One of email, objectId, utk is required")
        rest = {key: optional_text(value, key) for key in ("occurredAt", "uuid")}
        return {"eventName": name, "properties": properties, **who, **rest}

    def _take(self, completion: Mapping[str, object], call: Call) -> None:
        """Apply one completion, as HubSpot does after its answer."""
        definition = self.definitions[str(completion["eventName"])]
        uuid = completion["uuid"]
        if uuid is not None and (definition.name, str(uuid)) in self._uuids:
            self.dropped.append({**completion, "why": "the uuid was seen before"})
            return
        self._uuids.add((definition.name, str(uuid)))
        given = completion["properties"]
        known = {
            name: value
            for name, value in (given.items() if isinstance(given, Mapping) else ())
            if name in definition.properties
        }
        self._touch_contact(completion, call)
        now = stamp(self._clock.wall())
        self.occurred.append({**completion, "properties": known, "receivedAt": now})

    def _touch_contact(self, completion: Mapping[str, object], call: Call) -> None:
        """An e-mail nobody has makes a contact."""
        email = completion["email"]
        kind = self._portal.schema.find("contacts")
        if isinstance(email, str) and self._portal.store.holder(kind, "email", email) is None:
            row = Row({"email": email.lower()})
            self._portal.create(kind, row, call, self._clock.wall())

    def _list(self, call: Call, _params: Params) -> Answer:
        query = query_of(call)
        full = query.get("includeProperties") == "true"
        limit, after = number(query, "limit", MAX_PAGE), _position(query.get("after", ""))
        listed = [each.to_json(with_properties=full) for each in self.definitions.values()]
        body: dict[str, object] = {
            "total": len(listed), "results": listed[after : after + limit],
        }  # fmt: skip
        if after + limit < len(listed):
            body["paging"] = {"next": {"after": f"{CURSOR}{after + limit}"}}
        return json_answer(body)

    def _define(self, call: Call, _params: Params) -> Answer:
        body = body_of(call)
        label = text(body, "label")
        name = text(body, "name", re.sub(r"\W+", "_", label.lower()))
        if _NAME.fullmatch(name) is None:
            raise invalid(f"Event name {name} is not valid")
        full_name = f"pe{self._portal.id}_{name}"
        if full_name in self.definitions:
            raise Refusal(409, "CONFLICT", f"Event {full_name} already exists")
        properties = (
            dict.fromkeys(_DEFAULTS, "string") if body.get("includeDefaultProperties") else {}
        )
        given = body.get("propertyDefinitions", [])
        for each in given if isinstance(given, list) else []:
            properties[_property_name(each)] = text(each, "type")
        self.definitions[full_name] = Definition(name, label, full_name, properties)
        return json_answer(self.definitions[full_name].to_json(), 201)

    def _read(self, _call: Call, params: Params) -> Answer:
        return json_answer(self._definition(params).to_json())

    def _delete(self, _call: Call, params: Params) -> Answer:
        del self.definitions[self._definition(params).full_name]
        return Answer(204)

    def _add_property(self, call: Call, params: Params) -> Answer:
        definition, body = self._definition(params), body_of(call)
        name = _property_name(body)
        if name in definition.properties:
            raise Refusal(409, "CONFLICT", f"Property {name} already exists")
        definition.properties[name] = text(body, "type")
        return json_answer(_property_json(name, text(body, "type")), 201)

    def _definition(self, params: Params) -> Definition:
        definition = self.definitions.get(params["event"])
        if definition is None:
            raise not_found(f"Event {params['event']} does not exist")
        return definition


def _property_json(name: str, kind: str) -> dict[str, object]:
    """Return a property of a definition as the API shows it."""
    return {
        "name": name,
        "label": name,
        "type": kind,
        "fieldType": "number" if kind == "number" else "text",
        "description": "",
        "groupName": "behavioral_event_information",
        "options": [],
        "archived": False,
    }


def _position(after: str) -> int:
    """Where a page begins; a cursor that came back changed is refused."""
    digits = after.removeprefix(CURSOR)
    if not after:
        return 0
    if digits == after or not digits.isdecimal():
        raise invalid("Invalid after")
    return int(digits)


def _property_name(value: object) -> str:
    if not isinstance(value, Mapping):
        raise invalid("propertyDefinitions must be objects")
    name = text(value, "name")
    text(value, "label")
    if _NAME.fullmatch(name) is None or text(value, "type") not in _TYPES:
        raise invalid(f"Property {name} is not valid")
    return name
