"""Makes bodies: with the company's fields fetched, missing ones made, and links resolved."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from destinations.pipedrive.body import (
    Body,
    Rules,
    assemble,
    code_of,
    needs_schema,
    unknown,
    wants_currency,
)
from destinations.pipedrive.client import PipedriveClient, Reply
from destinations.pipedrive.fields import Fields, Schema
from destinations.pipedrive.links import Links, host
from destinations.pipedrive.objects import ORGANIZATIONS, ObjectKind
from destinations.pipedrive.reasons import outcome
from destinations.pipedrive.settings import PipedriveSettings
from transformer.outcome import Reason, Rejected, Retry

NO_SCHEMA = Schema((), 0.0)
_BAD_REQUEST = 400


@dataclass(slots=True)
class Bodies:
    """Makes the bodies of one company's records."""

    client: PipedriveClient
    fields: Fields
    links: Links
    settings: PipedriveSettings
    _currency: str = field(default="", init=False)

    async def make(
        self,
        kind: ObjectKind,
        properties: Mapping[str, object],
        since: int | None,
        *,
        creating: bool,
    ) -> Body | Rejected | Retry:
        """The body of `properties`, or why there is none."""
        if kind is ORGANIZATIONS and "domain" in properties:
            properties = self._with_domain_field(properties)
        schema = await self._schema(kind, properties)
        if isinstance(schema, Rejected):
            return schema
        currency = self.settings.currency
        if not currency and wants_currency(kind, properties, schema):
            currency = await self._own_currency()
        rules = Rules(
            reject_unknown=self.settings.unknown_fields == "reject",
            reject_invalid=self.settings.invalid_values == "reject",
            currency=currency,
        )
        body = assemble(kind, properties, schema, rules, creating=creating)
        return body if isinstance(body, Rejected) else await self.links.resolve(kind, body, since)

    async def unfilled(
        self,
        kind: ObjectKind,
        properties: Mapping[str, object],
        fill: frozenset[str],
        record: Mapping[str, object],
    ) -> Mapping[str, object]:
        """Without the properties that are only to fill and have a value already."""
        schema = await self.fields.of(kind)
        return {
            name: value
            for name, value in properties.items()
            if name not in fill or _blank(_value(kind, name, schema, record))
        }

    def refused(self, kind: ObjectKind, reply: Reply, where: str) -> Rejected | Retry:
        """What becomes of an upsert whose body was refused.

        The company may have changed its fields since they were fetched: then once more.
        """
        if reply.status == _BAD_REQUEST and self.fields.doubt(kind):
            return Retry(
                Reason.UNKNOWN_FIELD,
                f"{where}: refused; the company's fields are fetched anew.",
                after_seconds=0.0,
                vendor=reply.error.vendor,
            )
        return outcome(reply.error, where)

    async def _schema(
        self, kind: ObjectKind, properties: Mapping[str, object]
    ) -> Schema | Rejected:
        if not needs_schema(kind, properties):
            return NO_SCHEMA
        schema = await self.fields.of(kind)
        if self.settings.unknown_fields != "create" or not kind.fields_path:
            return schema
        for name in unknown(kind, properties, schema):
            value = properties[name]
            if isinstance(value, str | int | float):
                rejected = await self.fields.ensure(kind, name, value)
                if rejected is not None:
                    return rejected
        return await self.fields.of(kind)

    def _with_domain_field(self, properties: Mapping[str, object]) -> Mapping[str, object]:
        """The domain under the name of the company's own field for it, if there is one."""
        rest = {name: value for name, value in properties.items() if name != "domain"}
        domain = host(str(properties["domain"]))
        if self.settings.domain_field and domain:
            rest[self.settings.domain_field] = domain
        return rest

    async def _own_currency(self) -> str:
        if not self._currency:
            reply = await self.client.me()
            self._currency = str(reply.record.get("default_currency") or "")
        return self._currency


def _value(kind: ObjectKind, name: str, schema: Schema, record: Mapping[str, object]) -> object:
    found = code_of(kind, name, schema)
    code, custom = found if found is not None else (name, False)
    if custom and kind.custom == "nested":
        fields = record.get("custom_fields")
        return fields.get(code) if isinstance(fields, Mapping) else None
    return record.get({"email": "emails", "phone": "phones"}.get(code, code))


def _blank(value: object) -> bool:
    return value is None or value in ("", [], {}) or (isinstance(value, str) and not value.strip())
