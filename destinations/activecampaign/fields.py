"""Custom fields of one kind of record: found by title or personalisation tag, cached, created.

The list is read once, again when it is old, and sooner when a name is not in it.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from destinations.activecampaign.client import SETUP_PAUSE_SECONDS, ActiveCampaignClient
from destinations.activecampaign.reasons import DUPLICATE, refused
from destinations.activecampaign.values import date_text_of, several_text_of, text_of
from transformer.clock import Clock
from transformer.errors import Unauthorized
from transformer.failures import Declined
from transformer.kit.json_api import id_of
from transformer.outcome import Reason, Rejected
from transformer.upsert import Note

FRESH_SECONDS = 3600.0
RELOAD_SECONDS = 300.0
_SEVERAL = frozenset({"listbox", "checkbox", "multiselect"})


@dataclass(frozen=True, slots=True)
class Field:
    """One custom field."""

    id: str
    title: str
    tag: str
    type: str

    def text(self, value: object) -> str | None:
        """The value as this field takes it; None when it cannot."""
        if self.type == "date":
            return date_text_of(value)
        return several_text_of(value) if self.type in _SEVERAL else text_of(value)


@dataclass(frozen=True, slots=True)
class Naming:
    """How the API lists and creates the fields of one kind of record.

    `data` is where it lists the values of one record, by the filter `of`; rows name it `owner`.
    Without the list of an `essential` kind hardly an event can be written.
    """

    path: str
    envelope: str
    one: str
    title: str
    type: str
    tag: str
    relate: bool = False
    data: str = ""
    of: str = ""
    owner: str = ""
    essential: bool = False


CONTACT = Naming(
    "fields", "fields", "field", "title", "type", "perstag", relate=True, essential=True
)
ACCOUNT = Naming(
    "accountCustomFieldMeta", "accountCustomFieldMeta", "accountCustomFieldMetum",
    "fieldLabel", "fieldType", "personalization",
    data="accountCustomFieldData", of="filters_customerAccountId", owner="accountId",
)  # fmt: skip
DEAL = Naming(
    "dealCustomFieldMeta", "dealCustomFieldMeta", "dealCustomFieldMetum",
    "fieldLabel", "fieldType", "personalization",
    data="dealCustomFieldData", of="filters_dealId", owner="dealId",
)  # fmt: skip


class FieldBook:
    """The custom fields of contacts, accounts or deals. `unknown` is the policy's word."""

    def __init__(
        self, client: ActiveCampaignClient, clock: Clock, naming: Naming, unknown: str
    ) -> None:
        self._client = client
        self._clock = clock
        self._naming = naming
        self._unknown = unknown
        self._lock = asyncio.Lock()
        self._loaded_at: float | None = None
        self._by_name: dict[str, Field | None] = {}

    async def find(self, names: Iterable[str]) -> Mapping[str, Field]:
        """The fields of those names that the account has; creates the others if that is wanted.

        Raises Declined; Unauthorized where the list that nearly every event needs may not be read.
        """
        wanted = tuple(names)
        if not wanted:
            return {}
        async with self._lock:
            await self._load(FRESH_SECONDS)
            if any(self._named(name) is None for name in wanted):
                await self._load(RELOAD_SECONDS)
            if self._unknown == "create":
                for name in wanted:
                    if self._named(name) is None:
                        await self._create(name)
        found = {name: self._named(name) for name in wanted}
        return {name: field for name, field in found.items() if field is not None}

    async def values(
        self, properties: Mapping[str, object], where: str
    ) -> tuple[list[tuple[Field, str]], list[Note]]:
        """The values of custom fields as text, and a note for each that is left out.

        Raises Declined for a field that the account lacks, where that is the policy.
        """
        found = await self.find(properties)
        values: list[tuple[Field, str]] = []
        notes: list[Note] = []
        missing = [name for name in properties if name not in found]
        if missing and self._unknown == "reject":
            detail = (
                f"{where}: the account has no custom field {', '.join(sorted(missing))}."
                " Create the field, fix its name, or set unknown_fields to drop or create."
            )
            raise Declined(Rejected(Reason.UNKNOWN_FIELD, detail))
        notes.extend(Note("unknown_field", name) for name in missing)
        for name, field in found.items():
            text = field.text(properties[name])
            if text is None:
                notes.append(Note("not_a_scalar", name, f"the field is of type {field.type}"))
            else:
                values.append((field, text))
        return values, notes

    async def knows(self, name: str) -> bool:
        """Whether the account has a field of this name; creates none."""
        return await self.known(name) is not None

    async def known(self, name: str) -> Field | None:
        """The field of this name, or None; creates none."""
        async with self._lock:
            await self._load(FRESH_SECONDS)
            return self._named(name)

    async def named_among(self, names: Iterable[str], ids: Iterable[str]) -> frozenset[str]:
        """Those of `names` that find one of the fields with these ids."""
        wanted = frozenset(ids)
        found = {name: await self.known(name) for name in names}
        return frozenset(name for name, field in found.items() if field and field.id in wanted)

    async def filled(self, names: Iterable[str], record_id: str) -> frozenset[str]:
        """Those of `names` whose field has a value in the account or deal. Raises Declined."""
        asked, naming = tuple(names), self._naming
        if not asked:
            return frozenset()
        rows = await self._client.list_all(naming.data, naming.data, **{naming.of: record_id})
        ids = {
            str(row.get("customFieldId"))
            for row in rows
            if str(row.get(naming.owner, record_id)) == record_id
            and row.get("fieldValue") not in (None, "", [])
        }
        return await self.named_among(asked, ids)

    def _named(self, name: str) -> Field | None:
        exact = self._by_name.get(_exact(name))
        return exact if exact is not None else self._by_name.get(_loose(name))

    async def _load(self, age_seconds: float) -> None:
        now = self._clock.now()
        if self._loaded_at is not None and now - self._loaded_at < age_seconds:
            return
        rows = await self._rows()
        self._by_name.clear()
        for row in rows:
            self._add(_field(row, self._naming))
        self._loaded_at = now

    async def _rows(self) -> Sequence[Mapping[str, object]]:
        """The whole list. What an essential one is refused for is no event's fault."""
        path = self._naming.path
        try:
            return await self._client.list_all(path, self._naming.envelope)
        except Declined as declined:
            outcome = declined.outcome
            if not (self._naming.essential and isinstance(outcome, Rejected)):
                raise
            if outcome.reason is not Reason.ACCESS_DENIED:
                raise
            raise Unauthorized(
                f"{path}: ActiveCampaign does not show its custom fields to the user of the API"
                " key. Give the user's group the permission, or use the key of another user.",
                after_seconds=SETUP_PAUSE_SECONDS,
                vendor=outcome.vendor,
            ) from declined

    def _add(self, field: Field) -> None:
        """File it under tag and title; also loosely, unless two fields are alike that way."""
        for name in (field.tag, field.title):
            if name:
                self._by_name[_exact(name)] = field
        for name in {_loose(field.tag), _loose(field.title)}:
            known = self._by_name.get(name, field)
            self._by_name[name] = field if known is not None and known.id == field.id else None

    async def _create(self, name: str) -> None:
        naming = self._naming
        body = {naming.one: {naming.title: name, naming.type: "text"}}
        reply = await self._client.post(naming.path, naming.envelope, body)
        if reply.code == DUPLICATE:
            self._loaded_at = None
            await self._load(FRESH_SECONDS)
            return
        if not reply.ok:
            raise Declined(refused(reply.body, reply.status, f"create the field {name}"))
        row = {naming.title: name, naming.type: "text", **reply.record(naming.one)}
        field_id = id_of(row, naming.envelope)
        if naming.relate:
            # Without a relation to all lists the vendor's pages do not show the field.
            relation = {"fieldRel": {"field": int(field_id), "relid": 0}}
            await self._client.post("fieldRels", "fieldRels", relation)
        self._add(_field(row, naming))


def _field(row: Mapping[str, object], naming: Naming) -> Field:
    return Field(
        str(row.get("id", "")),
        str(row.get(naming.title) or ""),
        str(row.get(naming.tag) or ""),
        str(row.get(naming.type) or "").casefold(),
    )


def _exact(name: str) -> str:
    """As people write it: `%PLAN%`, `plan` and `Plan` are one."""
    return "=" + name.strip().strip("%").casefold()


def _loose(name: str) -> str:
    """Letters and digits alone: `lastSeen`, `Last seen` and `LAST_SEEN` are one."""
    return "".join(each for each in name.casefold() if each.isalnum())
