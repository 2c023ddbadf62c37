"""What an org says of its objects: fields with type, length and rights. Fetched once, then kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from destinations.salesforce.client import Reply, SalesforceClient
from destinations.salesforce.reasons import Action
from transformer.clock import Clock
from transformer.errors import ServerFault
from transformer.kit.remembered import Remembered

KEPT_SECONDS = 3600.0
KEPT_OBJECTS = 500


@dataclass(frozen=True, slots=True)
class Field:
    """One field, as describe gives it.

    `options` are the values in force of a restricted picklist, None for any other field; `digits`
    how many a number has before its point at most, 0 where that is not said.
    """

    name: str
    type: str
    length: int
    createable: bool
    updateable: bool
    nillable: bool
    defaulted_on_create: bool
    filterable: bool
    external_id: bool
    id_lookup: bool
    unique: bool = False
    options: tuple[str, ...] | None = None
    digits: int = 0

    @property
    def required(self) -> bool:
        """Whether a create cannot do without it."""
        return self.createable and not self.nillable and not self.defaulted_on_create

    @property
    def writable(self) -> bool:
        """Whether a client can set it at all."""
        return self.createable or self.updateable


@dataclass(frozen=True, slots=True)
class ObjectSchema:
    """One object; `fields` by case-folded name."""

    name: str
    createable: bool
    updateable: bool
    fields: Mapping[str, Field]


class Schemas:
    """The schemas of one org, each asked for once an hour at most."""

    def __init__(self, client: SalesforceClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._known: Remembered[str, ObjectSchema] = Remembered(
            capacity=KEPT_OBJECTS, seconds=KEPT_SECONDS
        )

    async def of(self, object_type: str) -> ObjectSchema | None:
        """Describe `object_type`; None when the org has no such object, or hides it.

        Raises WriteFailed when the answer does not say so: nothing is known of the object then.
        """
        key = object_type.casefold()
        schema = self._known.recall(key, self._clock.now())
        if schema is None:
            reply = await self._client.describe(object_type)
            if not reply.ok:
                if not _is_hidden(reply):
                    self._client.refuse(reply, "describe")
                return None
            schema = read_schema(reply.body)
            self._known.learn(key, schema, self._clock.now())
        return schema


def read_schema(body: object) -> ObjectSchema:
    """Read a describe answer. Raises ServerFault when it is not one."""
    fields = body.get("fields") if isinstance(body, Mapping) else None
    if not isinstance(body, Mapping) or not isinstance(fields, list):
        raise ServerFault("describe: expected an object with fields.")
    read = [_field(item) for item in fields if isinstance(item, Mapping)]
    return ObjectSchema(
        name=str(body.get("name") or ""),
        createable=body.get("createable") is True,
        updateable=body.get("updateable") is True,
        fields={field.name.casefold(): field for field in read},
    )


def names(schema: ObjectSchema) -> Sequence[str]:
    """The fields' names, for suggestions."""
    return [field.name for field in schema.fields.values()]


def _is_hidden(reply: Reply) -> bool:
    """Whether Salesforce itself refuses to describe the object, for good."""
    error = reply.errors[0]
    return error.rule.action is Action.REJECT and not error.code.startswith("HTTP_")


def _field(item: Mapping[str, object]) -> Field:
    return Field(
        name=str(item.get("name") or ""),
        type=str(item.get("type") or ""),
        length=_whole(item, "length"),
        createable=item.get("createable") is True,
        updateable=item.get("updateable") is True,
        nillable=item.get("nillable") is True,
        defaulted_on_create=item.get("defaultedOnCreate") is True,
        filterable=item.get("filterable") is not False,
        external_id=item.get("externalId") is True,
        id_lookup=item.get("idLookup") is True,
        unique=item.get("unique") is True,
        options=_options(item),
        digits=max(0, _whole(item, "precision") - _whole(item, "scale")),
    )


def _whole(item: Mapping[str, object], name: str) -> int:
    value = item.get(name)
    return value if isinstance(value, int) else 0


def _options(item: Mapping[str, object]) -> tuple[str, ...] | None:
    listed = item.get("picklistValues")
    if item.get("restrictedPicklist") is not True or not isinstance(listed, list):
        return None
    return tuple(
        str(each.get("value"))
        for each in listed
        if isinstance(each, Mapping) and each.get("active") is True
    )
