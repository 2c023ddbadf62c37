"""Deals: by id, by title, or new; money in whole cents. There is no upsert and no own key.

A create that may have been sent before is looked for first: a deal of the last day with the same
title, amount, currency and person that this worker has not made itself (invariant 6).
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from destinations.activecampaign.accounts import Accounts, field_entry
from destinations.activecampaign.catalogue import Catalogue
from destinations.activecampaign.client import ActiveCampaignClient
from destinations.activecampaign.contacts import Contacts
from destinations.activecampaign.fields import FieldBook
from destinations.activecampaign.finder import choose
from destinations.activecampaign.reasons import refused
from destinations.activecampaign.settings import ActiveCampaignSettings
from destinations.activecampaign.values import cents_of, filled_in, is_number, text_of
from transformer.clock import Clock
from transformer.failures import Declined
from transformer.kit.json_api import id_of, segment
from transformer.kit.remembered import Remembered
from transformer.outcome import Delivered, Outcome, Reason, Rejected, Skipped
from transformer.upsert import Note, Operation, Upsert

WINDOW = timedelta(days=1)
REMEMBERED_DEALS = 50_000
STATUSES: Mapping[str, int] = {"open": 0, "won": 1, "lost": 2, "0": 0, "1": 1, "2": 2}
TEXTS = ("title", "description")
NUMBERS = ("owner", "percent")
OWN = frozenset(
    {*TEXTS, *NUMBERS, "id", "value", "currency", "group", "stage", "status", "contact", "account"}
)
COMPARED = ("title", "value", "currency", "contact", "account")


class Deals:
    """The deals of the CRM."""

    def __init__(
        self,
        client: ActiveCampaignClient,
        *,
        fields: FieldBook,
        catalogue: Catalogue,
        accounts: Accounts,
        contacts: Contacts,
        settings: ActiveCampaignSettings,
        clock: Clock,
    ) -> None:
        self._client = client
        self._fields = fields
        self._catalogue = catalogue
        self._accounts = accounts
        self._contacts = contacts
        self._settings = settings
        self._clock = clock
        self._made: Remembered[str, bool] = Remembered(
            capacity=REMEMBERED_DEALS, seconds=WINDOW.total_seconds()
        )

    async def write(self, upsert: Upsert) -> Outcome:
        """Write one deal. There are three cases: by id, by title, or new. Raises Declined."""
        match = upsert.match
        if match is None:
            return await self._create(upsert)
        if match.name == "id":
            return await self._update(upsert, str(match.value))
        if match.name != "title":
            detail = f"deal: expected the match key id or title, got {match.name}."
            return Rejected(Reason.MATCH_KEY_INVALID, detail)
        return await self._by_title(upsert, str(match.value))

    async def _by_title(self, upsert: Upsert, title: str) -> Outcome:
        found = [str(row["id"]) for row in await self._titled(title)]
        if not found and upsert.operation is Operation.UPDATE:
            return Skipped(Reason.CREATE_DISABLED)
        if not found:
            return await self._create(upsert)
        record_id = choose(found, self._settings.several_matches, "deal: title")
        if upsert.operation is Operation.CREATE and not upsert.repeated:
            return Skipped(Reason.UPDATE_DISABLED, record_id=record_id)
        return await self._update(upsert, record_id)

    async def _create(self, upsert: Upsert) -> Outcome:
        body, notes = await self._body({**upsert.on_create, **upsert.properties}, new=True)
        earlier = await self._earlier(body) if upsert.repeated else None
        if earlier is not None:
            return self._created(earlier, notes)
        reply = await self._client.post("deals", "deals", {"deal": body})
        if not reply.ok:
            return refused(reply.body, reply.status, "deal")
        return self._created(id_of(reply.record("deal"), "deals"), notes)

    def _created(self, record_id: str, notes: Sequence[Note]) -> Delivered:
        self._made.learn(record_id, value=True, now=self._clock.now())
        return Delivered("created", record_id, "deal", tuple(notes))

    async def _update(self, upsert: Upsert, record_id: str) -> Outcome:
        properties = {**upsert.on_update, **upsert.properties}
        path = f"deals/{segment(record_id)}"
        fill = upsert.fill & properties.keys()
        if fill:
            reply = await self._client.get(path, "deals")
            if not reply.ok:
                return refused(reply.body, reply.status, f"deal {record_id}")
            filled = filled_in(reply.record("deal"), fill & OWN)
            filled |= await self._fields.filled(fill - OWN, record_id)
            properties = {name: value for name, value in properties.items() if name not in filled}
        body, notes = await self._body(properties, new=False)
        reply = await self._client.put(path, "deals", {"deal": body})
        if not reply.ok:
            return refused(reply.body, reply.status, f"deal {record_id}")
        return Delivered("updated", record_id, "deal", tuple(notes))

    async def _earlier(self, body: Mapping[str, object]) -> str | None:
        """The deal that an earlier attempt made, if there is one."""
        since = datetime.fromtimestamp(self._clock.wall(), UTC) - WINDOW
        rows = await self._titled(str(body["title"]), since.date().isoformat())
        for row in rows:
            if _is_same(row, body) and self._made.recall(str(row["id"]), self._clock.now()) is None:
                return str(row["id"])
        return None

    async def _titled(
        self, title: str, created_after: str | None = None
    ) -> Sequence[Mapping[str, object]]:
        since = {} if created_after is None else {"filters_created_after": created_after}
        rows = await self._client.list_all("deals", "deals", filters_title=title, **since)
        wanted = title.strip().lower()
        return [row for row in rows if str(row.get("title", "")).strip().lower() == wanted]

    async def _body(
        self, properties: Mapping[str, object], *, new: bool
    ) -> tuple[dict[str, object], Sequence[Note]]:
        properties, blank = _without_blanks(properties)
        body = _own(properties)
        if "value" in body or new:
            currency = text_of(properties.get("currency")) or self._settings.currency
            body["currency"] = currency.strip().lower()
        await self._place(properties, body)
        await self._relate(properties, body)
        if new:
            _require(body)
        custom = {name: value for name, value in properties.items() if name not in OWN}
        values, notes = await self._fields.values(custom, "deal")
        if values:
            currency = str(body.get("currency", self._settings.currency))
            body["fields"] = [field_entry(f, text, currency) for f, text in values]
        return body, [*notes, *blank]

    async def _place(self, properties: Mapping[str, object], body: dict[str, object]) -> None:
        """Pipeline and stage, each by id or title."""
        pipeline = (text_of(properties.get("group")) or "").strip()
        stage = (text_of(properties.get("stage")) or "").strip()
        if pipeline:
            pipeline = await self._catalogue.pipeline(pipeline)
            body["group"] = pipeline
        if stage:
            body["stage"] = await self._catalogue.stage(stage, pipeline)

    async def _relate(self, properties: Mapping[str, object], body: dict[str, object]) -> None:
        """Contact by id or address, account by id or name."""
        contact = (text_of(properties.get("contact")) or "").strip()
        account = (text_of(properties.get("account")) or "").strip()
        if contact:
            is_id = is_number(contact)
            body["contact"] = contact if is_id else await self._contacts.ensure(contact)
        if account:
            is_id = is_number(account)
            body["account"] = account if is_id else await self._accounts.ensure(account)


def _without_blanks(
    properties: Mapping[str, object],
) -> tuple[Mapping[str, object], Sequence[Note]]:
    """Leave out what a deal cannot be without: null and "" clear texts and custom fields alone."""
    blank = [
        name
        for name, value in properties.items()
        if name in OWN and name not in TEXTS and value in (None, "")
    ]
    kept = {name: value for name, value in properties.items() if name not in blank}
    return kept, [Note("dropped", name, "a deal's cannot be cleared") for name in blank]


def _own(properties: Mapping[str, object]) -> dict[str, object]:
    """What needs no request to know: texts, numbers, money and status. Raises Declined."""
    body: dict[str, object] = {}
    for name in TEXTS:
        if name in properties:
            body[name] = _checked(text_of(properties[name]), name, "text")
    for name in NUMBERS:
        if name in properties:
            text = text_of(properties[name]) or ""
            whole = _checked(text if is_number(text) else None, name, "a whole number")
            body[name] = whole if name == "owner" else int(whole)
    if "value" in properties:
        try:
            body["value"] = cents_of(properties["value"])
        except ValueError as error:
            raise Declined(Rejected(Reason.INVALID_VALUE, f"deal: value: {error}.")) from error
    if "status" in properties:
        word = (text_of(properties["status"]) or "").strip().casefold()
        if word not in STATUSES:
            _checked(None, "status", "open, won or lost")
        body["status"] = STATUSES[word]
    return body


def _checked(text: str | None, name: str, expected: str) -> str:
    if text is None:
        detail = f"deal: {name}: expected {expected}. Correct the value or the mapping."
        raise Declined(Rejected(Reason.INVALID_VALUE, detail))
    return text


def _require(body: Mapping[str, object]) -> None:
    missing = [name for name in ("title", "value") if body.get(name) in (None, "")]
    pairs = (("contact", "account"), ("group", "stage"))
    missing += [" or ".join(pair) for pair in pairs if not any(name in body for name in pair)]
    if missing:
        detail = f"deal: required and without a value: {', '.join(missing)}"
        raise Declined(Rejected(Reason.REQUIRED_FIELD_MISSING, detail))


def _is_same(row: Mapping[str, object], body: Mapping[str, object]) -> bool:
    """Whether a deal is what `body` makes; older answers do not tell its account."""
    there = {**row, "account": row.get("account") or row.get("customerAccount")}
    compared = [name for name in COMPARED if name in body]
    if there["account"] is None and "contact" in body:
        compared = [name for name in compared if name != "account"]
    return all(_plain(there.get(name)) == _plain(body[name]) for name in compared)


def _plain(value: object) -> str:
    return (text_of(value) or "").strip().casefold()
