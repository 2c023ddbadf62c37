"""Accounts: found by the host of their URL or by their unique name, and joined to contacts."""

import asyncio
from collections.abc import Mapping, Sequence

from destinations.activecampaign.client import ActiveCampaignClient, Reply
from destinations.activecampaign.domains import AccountDomains
from destinations.activecampaign.fields import Field, FieldBook
from destinations.activecampaign.finder import choose
from destinations.activecampaign.reasons import DUPLICATE, FIELD_INVALID, refused
from destinations.activecampaign.settings import ActiveCampaignSettings
from destinations.activecampaign.values import cents_of, filled_in, is_number, text_of
from transformer.clock import Clock
from transformer.errors import WriteFailed
from transformer.failures import Declined
from transformer.kit.json_api import id_of, segment
from transformer.kit.remembered import RememberedRecords, must_wait
from transformer.outcome import Delivered, Outcome, Reason, Rejected, Skipped
from transformer.upsert import Key, Match, Note, Operation, Upsert

OBJECT = "account"
REMEMBERED_ACCOUNTS = 50_000
REMEMBERED_SECONDS = 600.0
# A search's answer may come so much later than that of a write made after it.
LATE_SECONDS = 300.0
HELD_SECONDS = 1.0
NAME, URL = "name", "accountUrl"
OWN_FIELDS = (NAME, URL, "owner")
_NOT_FOUND = 404


class Accounts:
    """The accounts of the CRM."""

    def __init__(
        self,
        client: ActiveCampaignClient,
        fields: FieldBook,
        clock: Clock,
        settings: ActiveCampaignSettings,
    ) -> None:
        self._client = client
        self._fields = fields
        self._clock = clock
        self._currency = settings.currency
        self._several = settings.several_matches
        self._by_domain = settings.match_account_domains
        self._domains = AccountDomains(client, clock)
        self._creating = asyncio.Lock()
        self._ids: RememberedRecords[str, str] = RememberedRecords(
            capacity=REMEMBERED_ACCOUNTS,
            seconds=REMEMBERED_SECONDS,
            record_of=lambda _, record_id: record_id,
            late_seconds=LATE_SECONDS,
        )

    async def write(self, upsert: Upsert) -> Outcome:
        """Write one account: by id, by URL or name, or new without a match key."""
        keys = {match.name for match in upsert.matches}
        if "id" in keys:
            return await self._update(upsert, str(upsert.matches[0].value), upsert.properties)
        if strange := keys - {NAME, URL}:
            detail = f"account: expected the match key id, {URL} or {NAME}, got {min(strange)}."
            return Rejected(Reason.MATCH_KEY_INVALID, detail)
        named = next((str(m.value) for m in upsert.matches if m.name == NAME), _name(upsert))
        name = named.strip()
        if not (keys or upsert.repeated):
            return await self._create(upsert, name)
        matches = upsert.matches or ((Match(NAME, name),) if name else ())
        return await self._by_matches(upsert, matches, name)

    async def _by_matches(
        self, upsert: Upsert, matches: Sequence[Match], name: str, *, again: bool = True
    ) -> Outcome:
        async with self._creating:
            found = await self._found(matches)
            if found is None:
                return await self._absent(upsert, name)
        if upsert.operation is Operation.CREATE and upsert.matches and not upsert.repeated:
            return Skipped(Reason.UPDATE_DISABLED, record_id=found)
        outcome = await self._update(upsert, found, _for_update(upsert))
        gone = isinstance(outcome, Rejected) and outcome.reason is Reason.RECORD_NOT_FOUND
        if gone and again:
            # It was remembered and its account is gone.
            self._ids.forget(_key(name))
            self._domains.forget(found)
            return await self._by_matches(upsert, matches, name, again=False)
        return outcome

    async def _found(self, matches: Sequence[Match]) -> str | None:
        """The account that the first match key with a hit finds. Raises Declined."""
        for match in matches:
            if match.name == NAME:
                found = await self.find(str(match.value))
            else:
                ids = await self._domains.find(str(match.value)) if self._by_domain else ()
                found = choose(ids, self._several, f"account: {URL}") if ids else None
            if found is not None:
                return found
        return None

    async def find(self, name: str) -> str | None:
        """The id of the account of this name. Raises Declined."""
        key, now = _key(name), self._clock.now()
        known = self._ids.recall(key, now)
        if known is not None:
            return known
        for row in await self._client.list_all("accounts", "accounts", search=name):
            if _key(str(row.get("name", ""))) == key:
                record_id = str(row["id"])
                if self._ids.is_changing(key, record_id):
                    raise Declined(must_wait("account", HELD_SECONDS))
                self._ids.learn(key, record_id, now)
                return record_id
        return None

    async def ensure(self, name: str) -> str:
        """The id of the account of this name, created when it is not there. Raises Declined."""
        async with self._creating:
            found = await self.find(name)
            if found is not None:
                return found
            reply = await self._client.post("accounts", "accounts", {"account": {"name": name}})
            if reply.ok:
                return self._learn(name, reply)
            if reply.code == DUPLICATE:
                found = await self.find(name)
        if found is None:
            raise Declined(refused(reply.body, reply.status, "create an account"))
        return found

    async def join(self, contact_id: str, name: str, job_title: str | None) -> None:
        """Make the contact one of this account's, and of no other's. Raises Declined."""
        account_id = await self.ensure(name)
        reply = await self._join(contact_id, account_id, job_title)
        if reply.code != FIELD_INVALID:
            _accept(reply, "join a contact to an account")
            return
        links = await self._client.list_all(
            "accountContacts", "accountContacts", filters_contact=contact_id
        )
        # Whatever was listed, nobody else is taken from an account.
        for link in (each for each in links if str(each.get("contact")) == contact_id):
            path = f"accountContacts/{segment(str(link.get('id', '')))}"
            if str(link.get("account")) != account_id:
                gone = await self._client.delete(path, "accountContacts")
                if gone.status != _NOT_FOUND:
                    _accept(gone, "leave an account")
                reply = await self._join(contact_id, account_id, job_title)
            elif job_title is None or str(link.get("jobTitle")) == job_title:
                return
            else:
                body = {"accountContact": {"jobTitle": job_title}}
                reply = await self._client.put(path, "accountContacts", body)
        if not reply.ok:
            self._ids.forget(_key(name))
        _accept(reply, "join a contact to an account")

    async def _join(self, contact_id: str, account_id: str, job_title: str | None) -> Reply:
        link: dict[str, object] = {"account": int(account_id), "contact": int(contact_id)}
        if job_title is not None:
            link["jobTitle"] = job_title
        return await self._client.post(
            "accountContacts", "accountContacts", {"accountContact": link}
        )

    async def _absent(self, upsert: Upsert, name: str) -> Outcome:
        if upsert.operation is Operation.UPDATE:
            return Skipped(Reason.CREATE_DISABLED)
        return await self._create(upsert, name)

    async def _create(self, upsert: Upsert, name: str) -> Outcome:
        if not name:
            detail = "account: name: expected the account's name, got nothing."
            return Rejected(Reason.REQUIRED_FIELD_MISSING, detail)
        properties = {**upsert.on_create, **upsert.properties, "name": name}
        body, notes = await self._body(properties)
        reply = await self._client.post("accounts", "accounts", {"account": body})
        if reply.ok:
            record_id = self._learn(name, reply)
            self._domains.learn(record_id, body.get(URL))
            return Delivered("created", record_id, "account", tuple(notes))
        if reply.code == DUPLICATE:
            found = await self.find(name)
            if found is not None:
                return await self._update(upsert, found, _for_update(upsert))
        return refused(reply.body, reply.status, "account")

    async def _update(
        self, upsert: Upsert, record_id: str, properties: Mapping[str, object]
    ) -> Outcome:
        if upsert.fill & properties.keys():
            properties = await self._unfilled(upsert.fill, record_id, properties)
        body, notes = await self._body(properties)
        reply = await self._put(record_id, body)
        if reply.code == DUPLICATE and NAME in body:
            # It was found by something else, and another account has the name.
            notes.append(Note("dropped", NAME, "another account has this name"))
            body = {key: value for key, value in body.items() if key != NAME}
            reply = await self._put(record_id, body)
        if not reply.ok:
            return refused(reply.body, reply.status, f"account {record_id}")
        self._domains.learn(record_id, body.get(URL))
        return Delivered("updated", record_id, "account", tuple(notes))

    async def _put(self, record_id: str, body: Mapping[str, object]) -> Reply:
        """Send a change; what led to the account by another name or URL does so no more."""
        values = {NAME: _key(str(body[NAME]))[2]} if NAME in body else {}
        change = self._ids.change(OBJECT, record_id, values)
        with self._ids.writing(change, self._clock.now) as sent:
            try:
                reply = await self._client.put(
                    f"accounts/{segment(record_id)}", "accounts", {"account": body}
                )
            except WriteFailed as failure:
                if URL in body and failure.may_have_applied:
                    self._domains.doubt()
                raise
            sent.applied = reply.ok
        return reply

    async def _unfilled(
        self, fill: frozenset[str], record_id: str, properties: Mapping[str, object]
    ) -> dict[str, object]:
        """Leave out what may only be filled and is not empty."""
        reply = await self._client.get(f"accounts/{segment(record_id)}", "accounts")
        if not reply.ok:
            raise Declined(refused(reply.body, reply.status, f"account {record_id}"))
        filled = filled_in(reply.record("account"), fill & set(OWN_FIELDS))
        custom = fill & (properties.keys() - set(OWN_FIELDS))
        filled |= await self._fields.filled(custom, record_id)
        return {name: value for name, value in properties.items() if name not in filled}

    async def _body(self, properties: Mapping[str, object]) -> tuple[dict[str, object], list[Note]]:
        body: dict[str, object] = {}
        cleared = properties.get("owner", 0) in (None, "")
        if cleared:
            properties = {k: v for k, v in properties.items() if k != "owner"}
        for name in OWN_FIELDS:
            if name in properties:
                text = text_of(properties[name])
                if text is None or (name == "owner" and not is_number(text)):
                    detail = f"account: {name}: expected {_EXPECTED[name]}."
                    raise Declined(Rejected(Reason.INVALID_VALUE, detail))
                body[name] = int(text) if name == "owner" else text
        custom = {k: v for k, v in properties.items() if k not in OWN_FIELDS and k != "id"}
        values, notes = await self._fields.values(custom, "account")
        if values:
            body["fields"] = [field_entry(f, text, self._currency) for f, text in values]
        if cleared:
            notes.append(Note("dropped", "owner", "an account's cannot be cleared"))
        return body, notes

    def _learn(self, name: str, reply: Reply) -> str:
        record_id = id_of(reply.record("account"), "accounts")
        self._ids.learn(_key(name), record_id, self._clock.now())
        return record_id


_EXPECTED = {"name": "text", "accountUrl": "text", "owner": "the number of a user"}


def field_entry(field: Field, text: str, currency: str) -> dict[str, object]:
    """A custom field's value of an account or a deal; money in cents. Raises Declined."""
    entry: dict[str, object] = {"customFieldId": int(field.id), "fieldValue": text}
    if field.type == "currency" and text:
        try:
            entry["fieldValue"] = str(cents_of(text))
        except ValueError as error:
            detail = f"{field.title}: {error}."
            raise Declined(Rejected(Reason.INVALID_VALUE, detail)) from error
        entry["fieldCurrency"] = currency.upper()
    return entry


def _key(name: str) -> Key:
    return (OBJECT, NAME, name.strip().lower())


def _accept(reply: Reply, where: str) -> None:
    if not reply.ok:
        raise Declined(refused(reply.body, reply.status, where))


def _name(upsert: Upsert) -> str:
    return (text_of(upsert.properties.get("name")) or "").strip()


def _for_update(upsert: Upsert) -> dict[str, object]:
    return {**upsert.on_update, **upsert.properties}
