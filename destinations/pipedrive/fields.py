"""The fields of one company: names to hashes, labels to option ids. Fetched once, then kept."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from destinations.pipedrive.client import PipedriveClient
from destinations.pipedrive.objects import ObjectKind
from destinations.pipedrive.reasons import outcome
from destinations.pipedrive.values import folded
from transformer.clock import Clock
from transformer.errors import RequestRefused, ServerFault
from transformer.outcome import Rejected

KEPT_SECONDS = 3600.0
STALE_SECONDS = 60.0
MOST_PAGES = 20


@dataclass(frozen=True, slots=True)
class Field:
    """One field as the fields API tells it; `options` are ids by folded label."""

    code: str
    name: str
    type: str
    custom: bool
    options: Mapping[str, int] = field(default_factory=dict)


class Schema:
    """The fields of one object, found by hash, by standard code, or by name.

    A name is compared without case, spaces, dashes and underscores; where two fields then have the
    same one, only the exact name will do.
    """

    def __init__(self, fields: Sequence[Field], fetched_at: float) -> None:
        self.fields = fields
        self.fetched_at = fetched_at
        self._by_code = {one.code.casefold(): one for one in fields}
        self._by_name = {one.name: one for one in fields if one.custom}
        self._loosely: dict[str, Field | None] = {}
        for one in fields:
            if one.custom:
                key = folded(one.name)
                self._loosely[key] = None if key in self._loosely else one

    def find(self, name: str) -> Field | None:
        """The field that `name` means, or None."""
        return (
            self._by_code.get(name.casefold())
            or self._by_name.get(name)
            or self._loosely.get(folded(name))
        )


class Fields:
    """The schemas of one company, each asked for once an hour at most."""

    def __init__(self, client: PipedriveClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._known: dict[str, Schema] = {}
        self._lock = asyncio.Lock()

    async def of(self, kind: ObjectKind) -> Schema:
        """Return the fields of `kind`; none for objects that have no custom ones."""
        if not kind.fields_path:
            return Schema((), 0.0)
        async with self._lock:
            known = self._known.get(kind.fields_path)
            if known is None or self._clock.now() - known.fetched_at >= KEPT_SECONDS:
                known = self._known[kind.fields_path] = await self._fetched(kind)
            return known

    async def ensure(self, kind: ObjectKind, name: str, value: object) -> Rejected | None:
        """Make a custom field for `name` unless there is one by now; say why it is refused.

        Numbers get a numeric field, everything else text: a type is never guessed from a text.
        """
        async with self._lock:
            schema = self._known[kind.fields_path] = await self._fetched(kind)
            if schema.find(name) is not None:
                return None
            numeric = isinstance(value, int | float) and not isinstance(value, bool)
            reply = await self._client.add_field(kind, name, "double" if numeric else "text")
            if not reply.ok:
                refused = outcome(reply.error, f"create the field of {kind.name}")
                if isinstance(refused, Rejected):
                    return refused
                raise RequestRefused(
                    f"add_field: Pipedrive answered {reply.status} to a field of {kind.name}.",
                    detail=refused.detail,
                    vendor=refused.vendor,
                )
            made = _field(reply.record)
            fields = [*schema.fields, *([made] if made else [])]
            self._known[kind.fields_path] = Schema(fields, schema.fetched_at)
            return None

    def doubt(self, kind: ObjectKind) -> bool:
        """Fetch the fields anew next time, if they are not fresh; whether they will be."""
        known = self._known.get(kind.fields_path)
        if known is None or self._clock.now() - known.fetched_at < STALE_SECONDS:
            return False
        del self._known[kind.fields_path]
        return True

    async def _fetched(self, kind: ObjectKind) -> Schema:
        fields: list[Field] = []
        page: tuple[str, str] | None = None
        for _ in range(MOST_PAGES):
            reply = await self._client.fields(kind, page)
            if not reply.ok:
                raise RequestRefused(
                    f"fields: Pipedrive refused to list the fields of {kind.name}.",
                    vendor=reply.error.vendor,
                )
            if not isinstance(reply.data, list):
                raise ServerFault(f"fields: expected a list of the fields of {kind.name}.")
            fields.extend(one for each in reply.records if (one := _field(each)) is not None)
            page = reply.next_page
            if page is None:
                break
        return Schema(fields, self._clock.now())


def _field(item: Mapping[str, object]) -> Field | None:
    code, name = item.get("field_code"), item.get("field_name")
    if not isinstance(code, str) or not isinstance(name, str):
        return None
    listed = item.get("options")
    options: dict[str, int] = {}
    for each in listed if isinstance(listed, list) else ():
        # Ids are numbers or texts; those of custom fields' options are numbers either way.
        key = str(each.get("id")) if isinstance(each, Mapping) else ""
        if isinstance(each, Mapping) and key.isdecimal():
            options.setdefault(folded(str(each.get("label"))), int(key))
    custom = item.get("is_custom_field") is True
    return Field(code, name, str(item.get("field_type") or ""), custom, options)
