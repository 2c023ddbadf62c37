"""Track events as HubSpot's custom events: definitions read, or made, then completions sent.

`uuid` is the event's message id, so that a repeat counts once. HubSpot answers before it works:
it never says that a contact was not there.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from destinations.hubspot.answers import failed
from destinations.hubspot.client import Call, HubSpotClient
from destinations.hubspot.plan import Write
from destinations.hubspot.reasons import outcome
from destinations.hubspot.schema import Property, spellings
from destinations.hubspot.shape import blank
from destinations.hubspot.values import NotScalar, Unusable, text_of, wire
from transformer.clock import Clock
from transformer.errors import RequestRefused, Unauthorized, WriteFailed
from transformer.kit.json_api import segment
from transformer.kit.remembered import Remembered
from transformer.outcome import Delivered, Outcome, Reason, Rejected, Skipped
from transformer.upsert import Note, Operation, Upsert

CUSTOM_EVENT = "custom_event"
MAX_EVENTS = 500
KEPT_SECONDS = 3_600.0
RETRY_SECONDS = 300.0
SETUP_PAUSE_SECONDS = 60.0
_WHO = {"email": "email", "object_id": "objectId", "utk": "utk"}
_OWN = frozenset({"event_name", "occurred_at", "uuid", *_WHO})


@dataclass(frozen=True, slots=True)
class Definition:
    """One kind of custom event of the account."""

    full_name: str
    properties: Mapping[str, Property]


@dataclass(frozen=True, slots=True)
class Completion:
    """One event to send, for the upsert at `index`."""

    index: int
    body: Mapping[str, object]
    uuid: str
    notes: tuple[Note, ...] = ()


@dataclass(slots=True)
class _Known:
    definitions: dict[str, Definition] = field(default_factory=dict)
    read_at: float | None = None


class Events:
    """The custom events of one account. `mode` is off, defined or create."""

    def __init__(self, client: HubSpotClient, clock: Clock, mode: str) -> None:
        self._client = client
        self._clock = clock
        self._mode = mode
        self._known = _Known()
        self._absent: Remembered[str, bool] = Remembered(capacity=10_000, seconds=RETRY_SECONDS)

    async def send(self, upserts: Mapping[int, Upsert]) -> Mapping[int, Outcome]:
        """Send events, by the index of their upsert; one outcome for each."""
        if self._mode == "off":
            skipped = Skipped(Reason.EVENT_TYPE_NOT_MAPPED, "track_events is off.")
            return dict.fromkeys(upserts, skipped)
        outcomes: dict[int, Outcome] = {}
        try:
            completions = []
            for index, upsert in upserts.items():
                made = await self._completion(index, upsert)
                if isinstance(made, Completion):
                    completions.append(made)
                else:
                    outcomes[index] = made
            for first in range(0, len(completions), MAX_EVENTS):
                outcomes.update(await self._deliver(completions[first : first + MAX_EVENTS]))
        except WriteFailed as failure:
            for index, upsert in upserts.items():
                write = Write(index, "create", upsert, {})
                outcomes.setdefault(index, failed(write, failure, sent=True))
        return outcomes

    async def definitions(self) -> Mapping[str, Definition]:
        """The account's definitions, by every name they go by. Raises Unauthorized."""
        now, known = self._clock.now(), self._known
        if known.read_at is not None and now - known.read_at < KEPT_SECONDS:
            return known.definitions
        found: dict[str, Definition] = {}
        after = ""
        while True:
            path = f"{self._client.paths.definitions}?limit=100&includeProperties=true"
            path += f"&after={segment(after)}" if after else ""
            reply = await self._client.send(Call("GET", path, "event_definitions", writes=False))
            if not reply.ok:
                raise Unauthorized(
                    f"event_definitions: HubSpot answered {reply.error.word}. Custom events"
                    " need an Enterprise account and the scope"
                    " behavioral_events.event_definitions.read_write; or turn track_events off.",
                    after_seconds=SETUP_PAUSE_SECONDS,
                    vendor=reply.error.vendor,
                )
            for item in reply.results:
                found.update(read_definition(item))
            after = reply.after
            if not after:
                break
        self._known = _Known(found, now)
        return found

    async def _completion(self, index: int, upsert: Upsert) -> Completion | Outcome:
        given = {name: value for name, value in upsert.properties.items() if not blank(value)}
        name = given.get("event_name")
        who = {key: str(given[n]) for n, key in _WHO.items() if n in given}
        if not isinstance(name, str):
            return Rejected(Reason.MATCH_KEY_MISSING, f"{CUSTOM_EVENT}: expected an event's name.")
        if not who:
            return Rejected(
                Reason.MATCH_KEY_MISSING,
                f"{CUSTOM_EVENT}: expected an e-mail address, a contact's id or a utk, got none.",
            )
        own = {name: value for name, value in given.items() if name not in _OWN}
        definition = await self._definition(name, own)
        if definition is None:
            return Rejected(
                Reason.UNKNOWN_OBJECT,
                f'{CUSTOM_EVENT}: the account has no definition of "{name}". Define it, set'
                " track_events to create, or leave the event out of the mapping.",
            )
        values, notes = event_values(own, definition)
        if isinstance(values, Rejected):
            return values
        uuid = text_of(_scalar(given.get("uuid")))
        body: dict[str, object] = {
            "eventName": definition.full_name, "properties": values, **who,
        }  # fmt: skip
        if uuid:
            body["uuid"] = uuid
        if isinstance(given.get("occurred_at"), str):
            body["occurredAt"] = wire(Property("occurred_at", "datetime"), given["occurred_at"])
        return Completion(index, body, uuid, (*upsert.notes, *notes))

    async def _definition(self, name: str, own: Mapping[str, object]) -> Definition | None:
        found = _named(await self.definitions(), name)
        if found is None and self._absent.recall(name, self._clock.now()) is None:
            self._known.read_at = None
            found = _named(await self.definitions(), name)
            if found is None and self._mode == "defined":
                self._absent.learn(name, value=True, now=self._clock.now())
        if self._mode != "create":
            return found
        if found is None:
            return await self._define(name, own)
        missing = {n: v for n, v in own.items() if _property(found, n) is None and _is_scalar(v)}
        for prop, value in missing.items():
            found = await self._add(found, prop, value)
        return found

    async def _define(self, name: str, own: Mapping[str, object]) -> Definition:
        body = {
            "label": name,
            "name": slug(name),
            "primaryObject": "CONTACT",
            "includeDefaultProperties": True,
            "propertyDefinitions": [_made(n, v) for n, v in own.items() if _is_scalar(v)],
        }
        reply = await self._client.send(
            Call("POST", self._client.paths.definitions, "define_event", writes=True, body=body)
        )
        if not reply.ok and reply.error.category != "CONFLICT":
            raise RequestRefused(
                f"define_event: HubSpot refused the definition: {reply.error.word}.",
                detail=f"define_event: {reply.error.message}",
                vendor=reply.error.vendor,
            )
        self._known.read_at = None
        made = _named(await self.definitions(), name)
        if made is None:
            raise RequestRefused("define_event: the definition that was made is not there.")
        return made

    async def _add(self, definition: Definition, name: str, value: object) -> Definition:
        path = f"{self._client.paths.definitions}/{definition.full_name}/property"
        made = _made(name, value)
        await self._client.send(Call("POST", path, "define_property", writes=True, body=made))
        prop = Property(str(made["name"]), str(made["type"]))
        grown = Definition(definition.full_name, {**definition.properties, prop.name: prop})
        for key, known in list(self._known.definitions.items()):
            if known.full_name == grown.full_name:
                self._known.definitions[key] = grown
        return grown

    async def _deliver(self, completions: Sequence[Completion]) -> Mapping[int, Outcome]:
        """Send one batch; a refused one is split until the event is found."""
        if not completions:
            return {}
        reply = await self._client.send(
            Call(
                "POST",
                f"{self._client.paths.send}/batch",
                "send_events",
                writes=True,
                body={"inputs": [each.body for each in completions]},
            )
        )
        if reply.ok:
            return {
                each.index: Delivered("created", each.uuid, CUSTOM_EVENT, each.notes)
                for each in completions
            }
        if reply.forbidden:
            raise Unauthorized(
                f"send_events: HubSpot answered {reply.error.word}. Grant the app the scope"
                " analytics.behavioral_events.send.",
                after_seconds=SETUP_PAUSE_SECONDS,
                vendor=reply.error.vendor,
            )
        if len(completions) == 1:
            return {completions[0].index: outcome(reply.error, f"send {CUSTOM_EVENT}")}
        middle = len(completions) // 2
        first = await self._deliver(completions[:middle])
        return {**first, **await self._deliver(completions[middle:])}


def is_event(upsert: Upsert) -> bool:
    """Whether an upsert is a custom event, not a record."""
    return upsert.object_type == CUSTOM_EVENT and upsert.operation is Operation.CREATE


def slug(name: str) -> str:
    """The name that HubSpot gives an event: lower case, words joined by `_`."""
    return re.sub(r"[^a-z0-9]+", "_", spellings(name)[-1].lower()).strip("_") or "event"


def read_definition(item: Mapping[str, object]) -> Mapping[str, Definition]:
    """One definition under each name that an event may use for it."""
    full_name, name = str(item.get("fullyQualifiedName") or ""), str(item.get("name") or "")
    given = item.get("properties")
    properties: dict[str, Property] = {}
    for each in given if isinstance(given, list) else []:
        if isinstance(each, Mapping) and each.get("archived") is not True:
            prop = Property(str(each.get("name")), str(each.get("type") or "string"))
            properties[prop.name] = prop
    labels = item.get("labels")
    label = str(labels.get("singular") or "") if isinstance(labels, Mapping) else ""
    definition = Definition(full_name, properties)
    return {key.casefold(): definition for key in (full_name, name, label) if key}


def event_values(
    own: Mapping[str, object], definition: Definition
) -> tuple[Mapping[str, str] | Rejected, Sequence[Note]]:
    """The event's properties as text by their type; those not defined are noted and left out."""
    values: dict[str, str] = {}
    notes: list[Note] = []
    for name, value in own.items():
        prop = _property(definition, name)
        if prop is None:
            notes.append(Note("unknown_field", name))
            continue
        try:
            values[prop.name] = wire(prop, value)
        except NotScalar as error:
            notes.append(Note("not_a_scalar", name, str(error)))
        except Unusable as error:
            detail = f"{CUSTOM_EVENT}: {prop.name}: {error}. Correct the value or mapping."
            return Rejected(Reason.INVALID_VALUE, detail), notes
    return values, notes


def _named(definitions: Mapping[str, Definition], name: str) -> Definition | None:
    return definitions.get(name.casefold()) or definitions.get(slug(name))


def _property(definition: Definition, name: str) -> Property | None:
    found = (definition.properties.get(spelled) for spelled in spellings(name))
    return next((prop for prop in found if prop is not None), None)


def _made(name: str, value: object) -> Mapping[str, object]:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    spelled = slug(name)
    return {"name": spelled, "label": name, "type": "number" if number else "string", "options": []}


def _is_scalar(value: object) -> bool:
    return isinstance(value, str | int | float)


def _scalar(value: object) -> str | int | float:
    return value if isinstance(value, str | int | float) else ""
