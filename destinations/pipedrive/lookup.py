"""Lookups: the records a match key means, by exact search. The index lags behind writes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from destinations.pipedrive import contacts
from destinations.pipedrive.client import PipedriveClient, Reply
from destinations.pipedrive.fields import Fields
from destinations.pipedrive.known import Contacts, MatchKey
from destinations.pipedrive.objects import ObjectKind
from destinations.pipedrive.reasons import outcome
from transformer.errors import ServerFault
from transformer.outcome import Rejected, Retry
from transformer.upsert import Match

MOST_PAGES = 10
# The types whose values Pipedrive's search knows.
SEARCHABLE = frozenset(
    {"address", "varchar", "text", "varchar_auto", "double", "monetary", "phone"}
)


@dataclass(frozen=True, slots=True)
class Found:
    """One record that a lookup found; `contacts` None says that they are not known.

    `key` is the match key that found it, None where it was named by its id.
    """

    record_id: str
    contacts: Contacts | None = None
    key: MatchKey | None = None


def match_key(kind: ObjectKind, match: Match) -> MatchKey:
    """What two upserts of one record have in common."""
    which = {"email": "emails", "phone": "phones"}.get(match.name)
    value = contacts.folded(which, str(match.value)) if which else match.folded
    return (kind.name, match.name.casefold(), value)


def is_id(match: Match) -> bool:
    """Whether `match` is the record's own id."""
    return match.name.casefold() == "id"


class Finder:
    """Searches one company."""

    def __init__(self, client: PipedriveClient, fields: Fields, domain_field: str) -> None:
        self._client = client
        self._fields = fields
        self._domain_field = domain_field

    async def can_find(self, kind: ObjectKind, match: Match) -> bool:
        """Whether Pipedrive can search by this match at all."""
        return match.name in kind.searches or await self._code(kind, match) is not None

    async def find(self, kind: ObjectKind, match: Match) -> Sequence[Found] | Rejected | Retry:
        """The records that `match` means, oldest first; or why nothing is known.

        What comes back is checked: only records that have the value itself count.
        """
        term = str(match.value).strip()
        by = kind.searches.get(match.name)
        items = await self._items(kind, term, by or "custom_fields")
        if not isinstance(items, list):
            return items
        if by is not None:
            key = match_key(kind, match)[2]
            found = [_found(item) for item in items if key in _values(item, match.name)]
        else:
            code = await self._code(kind, match) or ""
            owners = [str(item["id"]) for item in items if "id" in item]
            found = [Found(each) for each in owners if await self._has(kind, each, code, match)]
        return sorted(found, key=lambda one: (len(one.record_id), one.record_id))

    async def _items(
        self, kind: ObjectKind, term: str, fields: str
    ) -> list[Mapping[str, object]] | Rejected | Retry:
        items: list[Mapping[str, object]] = []
        page: tuple[str, str] | None = None
        for _ in range(MOST_PAGES):
            reply = await self._client.search(kind, term, fields, page)
            if not reply.ok:
                return outcome(reply.error, f"look for {kind.name}")
            items.extend(_items_of(reply))
            page = reply.next_page
            if page is None:
                break
        return items

    async def _has(self, kind: ObjectKind, record_id: str, code: str, match: Match) -> bool:
        """Whether the custom field itself has the value: a search finds it in any of them."""
        reply = await self._client.get(kind, record_id)
        custom = reply.record.get("custom_fields") if kind.custom == "nested" else reply.record
        value = custom.get(code) if isinstance(custom, Mapping) else None
        inner = value.get("value") if isinstance(value, Mapping) else value
        return inner is not None and str(inner).strip().lower() == match.folded

    async def _code(self, kind: ObjectKind, match: Match) -> str | None:
        return await custom_code(self._fields, self._domain_field, kind, match.name)


async def custom_code(fields: Fields, domain_field: str, kind: ObjectKind, name: str) -> str | None:
    """The hash of the custom field that a match names; `domain` is the setting's."""
    if name == "domain" and kind.name == "organizations":
        name = domain_field
    if not name or kind.custom == "none":
        return None
    one = (await fields.of(kind)).find(name)
    return one.code if one is not None and one.custom and one.type in SEARCHABLE else None


def _items_of(reply: Reply) -> Sequence[Mapping[str, object]]:
    """What was found; an answer without a list of items does not say that nothing was."""
    listed = reply.record.get("items")
    if not isinstance(listed, list):
        raise ServerFault("search: expected data with items.")
    items = [each.get("item") for each in listed if isinstance(each, Mapping)]
    return [item for item in items if isinstance(item, Mapping)]


def _values(item: Mapping[str, object], name: str) -> frozenset[str]:
    listed = {"email": "emails", "phone": "phones"}.get(name)
    if listed is None:
        return frozenset({str(item.get(name) or "").strip().lower()})
    texts = item.get(listed)
    values = texts if isinstance(texts, list) else []
    return frozenset(contacts.folded(listed, str(each)) for each in values)


def _found(item: Mapping[str, object]) -> Found:
    known = Contacts(_values(item, "email"), _values(item, "phone"))
    return Found(str(item.get("id")), known)


def contacts_of(record: Mapping[str, object]) -> Contacts:
    """The e-mails and phones of a person as GET, POST and PATCH answer them."""

    def of(which: str) -> frozenset[str]:
        listed = record.get(which)
        entries = listed if isinstance(listed, list) else []
        return frozenset(
            contacts.folded(which, str(each.get("value") or ""))
            for each in entries
            if isinstance(each, Mapping)
        )

    return Contacts(of("emails"), of("phones"))
