"""What an account says of its objects: properties with type, options and rights. Kept for an hour.

Asked for again when an event names a property that is not known, but not more often than every
few minutes: an unknown trait must not cost a request per event.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from destinations.hubspot.client import Call, HubSpotClient, Reply
from destinations.hubspot.reasons import VendorError
from transformer.clock import Clock
from transformer.errors import RequestRefused, ServerFault, Unauthorized
from transformer.kit.remembered import Remembered

KEPT_SECONDS = 3600.0
KEPT_OBJECTS = 500
MOST_PAGES = 50
REFRESH_SECONDS = 300.0
SETUP_PAUSE_SECONDS = 60.0
_NOT_FOUND, _CONFLICT, _BAD_REQUEST = 404, 409, 400


@dataclass(frozen=True, slots=True)
class Property:
    """One property. `options` are its values by value and by folded label; None for open ones."""

    name: str
    type: str
    field_type: str = ""
    read_only: bool = False
    unique: bool = False
    options: Mapping[str, str] | None = None

    @property
    def several(self) -> bool:
        """Whether it takes several options, joined by `;`."""
        return self.type == "enumeration" and self.field_type == "checkbox"


@dataclass(frozen=True, slots=True)
class ObjectSchema:
    """One object's properties by name; `read_at` is when they were asked for."""

    name: str
    properties: Mapping[str, Property]
    read_at: float = 0.0

    def find(self, name: str) -> Property | None:
        """The property a trait means: of that name, or spelled as HubSpot spells names."""
        for spelled in spellings(name):
            found = self.properties.get(spelled)
            if found is not None:
                return found
        return None

    def is_unique(self, name: str) -> bool:
        """Whether records can be found by it without a search."""
        found = self.properties.get(name)
        email = self.name == "contacts" and name == "email"
        return email or (found is not None and found.unique)


class Schemas:
    """The schemas of one account."""

    def __init__(self, client: HubSpotClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._known: Remembered[str, ObjectSchema] = Remembered(
            capacity=KEPT_OBJECTS, seconds=KEPT_SECONDS
        )

    async def of(self, object_type: str) -> ObjectSchema | None:
        """The properties of an object; None when the account has no such object.

        Raises Unauthorized when the app may not read them: nothing is ever sent by guess.
        """
        known = self._known.recall(object_type, self._clock.now())
        return known or await self._read(object_type)

    async def refreshed(self, schema: ObjectSchema) -> ObjectSchema:
        """The properties anew, if they were read some minutes ago; else the same."""
        if self._clock.now() - schema.read_at < REFRESH_SECONDS:
            return schema
        return await self._read(schema.name) or schema

    def forget(self, object_type: str) -> bool:
        """Forget an object that HubSpot contradicts; False when that was read just now."""
        known = self._known.recall(object_type, self._clock.now())
        if known is None or self._clock.now() - known.read_at < REFRESH_SECONDS:
            return known is None
        self._known.forget(object_type)
        return True

    async def create(
        self, schema: ObjectSchema, wanted: Mapping[str, str], group: str
    ) -> ObjectSchema:
        """Make properties (name -> type) and return the schema with them.

        One that somebody else made meanwhile is there too. Raises RequestRefused for the rest.
        """
        inputs = [definition(name, kind, group) for name, kind in sorted(wanted.items())]
        path = f"{self._client.paths.properties}/{schema.name}/batch/create"
        for first in range(0, len(inputs), 100):
            body = {"inputs": inputs[first : first + 100]}
            reply = await self._client.send(
                Call("POST", path, "create_properties", writes=True, body=body)
            )
            refused = reply.errors if reply.ok else [reply.error]
            for error in refused:
                _raise_unless_there(schema.name, error, reply)
        return await self._read(schema.name) or schema

    async def _read(self, object_type: str) -> ObjectSchema | None:
        reply = await self._client.properties(object_type)
        if reply.status in {_NOT_FOUND, _BAD_REQUEST}:
            return None
        if not reply.ok:
            raise Unauthorized(
                f"properties: HubSpot does not show the properties of {object_type}:"
                f" {reply.error.word}. Grant the app its scopes"
                f" ({', '.join(reply.error.lacking) or 'crm.schemas…read'}).",
                after_seconds=SETUP_PAUSE_SECONDS,
                vendor=reply.error.vendor,
            )
        listed = list(read_properties(reply.body))
        for _ in range(MOST_PAGES):
            if not reply.after:
                break
            reply = await self._client.properties(object_type, reply.after)
            listed += read_properties(reply.body)
        found = {prop.name: prop for prop in listed}
        schema = ObjectSchema(object_type, found, self._clock.now())
        self._known.learn(object_type, schema, self._clock.now())
        return schema


def plain_name(name: str) -> str:
    """A trait's name as HubSpot's usual tools spell it: lower case, `_` for all but letters."""
    return _plain(name).lower()


def spellings(name: str) -> Sequence[str]:
    """How HubSpot may spell a trait's name: as it is, its plain name, and snake case."""
    plain = _plain(name)
    snake = "".join(
        f"_{c}" if c.isupper() and i and plain[i - 1].islower() else c for i, c in enumerate(plain)
    )
    return tuple(dict.fromkeys((name, plain.lower(), snake.lower())))


def _plain(name: str) -> str:
    return "".join(c if c.isalnum() else "_" for c in name.strip())


def definition(name: str, kind: str, group: str) -> dict[str, object]:
    """The definition of a property to make: its type is that of the JSON value."""
    field_types = {"bool": "booleancheckbox", "number": "number"}
    options = [("true", "Yes"), ("false", "No")] if kind == "bool" else []
    return {
        "name": name,
        "label": name.replace("_", " ").strip().capitalize() or name,
        "type": kind,
        "fieldType": field_types.get(kind, "text"),
        "groupName": group,
        "options": [
            {"label": label, "value": value, "displayOrder": order, "hidden": False}
            for order, (value, label) in enumerate(options)
        ],
    }


def read_properties(body: object) -> Sequence[Property]:
    """Read a list of properties. Raises ServerFault when it is not one."""
    results = body.get("results") if isinstance(body, Mapping) else None
    if not isinstance(results, list):
        raise ServerFault("properties: expected an object with results.")
    return [_property(item) for item in results if isinstance(item, Mapping)]


def _property(item: Mapping[str, object]) -> Property:
    metadata = item.get("modificationMetadata")
    read_only = isinstance(metadata, Mapping) and metadata.get("readOnlyValue") is True
    return Property(
        name=str(item.get("name") or ""),
        type=str(item.get("type") or "string"),
        field_type=str(item.get("fieldType") or ""),
        read_only=read_only or item.get("calculated") is True,
        unique=item.get("hasUniqueValue") is True,
        options=_options(item),
    )


def _options(item: Mapping[str, object]) -> Mapping[str, str] | None:
    """Values by value and by folded label; None for what is not listed here, such as owners."""
    given = item.get("options")
    open_ended = item.get("externalOptions") is True or item.get("type") != "enumeration"
    if open_ended or not isinstance(given, list) or not given:
        return None
    options = [each for each in given if isinstance(each, Mapping) and "value" in each]
    labels = {str(o.get("label", "")).strip().casefold(): str(o["value"]) for o in options}
    folded = {str(o["value"]).casefold(): str(o["value"]) for o in options}
    return {**labels, **folded, **{str(o["value"]): str(o["value"]) for o in options}}


def _raise_unless_there(object_type: str, error: VendorError, reply: Reply) -> None:
    if error.category == "CONFLICT" or reply.status == _CONFLICT:
        return
    if reply.forbidden:
        raise Unauthorized(
            f"create_properties: the app may not make properties of {object_type}."
            " Grant it crm.schemas…write, or set unknown_properties to drop.",
            after_seconds=SETUP_PAUSE_SECONDS,
            vendor=error.vendor,
        )
    raise RequestRefused(
        f"create_properties: HubSpot refused a property of {object_type}: {error.word}.",
        detail=f"create_properties: {error.message}",
        vendor=error.vendor,
    )
