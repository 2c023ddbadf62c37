"""Contacts: synced by e-mail, or found first where something depends on what is there."""

from collections.abc import Mapping, Sequence

from destinations.activecampaign import contact_plan as plans
from destinations.activecampaign.accounts import Accounts
from destinations.activecampaign.catalogue import Catalogue
from destinations.activecampaign.client import ActiveCampaignClient, Reply
from destinations.activecampaign.contact_plan import ContactPlan
from destinations.activecampaign.fields import Field, FieldBook
from destinations.activecampaign.finder import Finder
from destinations.activecampaign.reasons import DUPLICATE, refused
from destinations.activecampaign.settings import ActiveCampaignSettings
from destinations.activecampaign.subscriptions import Subscriptions
from destinations.activecampaign.values import filled_in, text_of
from transformer.failures import Declined
from transformer.kit.json_api import id_of, segment
from transformer.outcome import Delivered, Outcome, Reason, Rejected, Skipped
from transformer.upsert import Note, Operation, Upsert

_CREATED, _NOT_FOUND = 201, 404


class Contacts:
    """Writes contacts one by one, and plans them for a bulk import."""

    def __init__(
        self,
        client: ActiveCampaignClient,
        fields: FieldBook,
        catalogue: Catalogue,
        accounts: Accounts,
        settings: ActiveCampaignSettings,
    ) -> None:
        self._client = client
        self._fields = fields
        self._catalogue = catalogue
        self._accounts = accounts
        self._settings = settings
        self._finder = Finder(client, fields, settings.several_matches)
        self._subscriptions = Subscriptions(client)

    async def plan(self, properties: Mapping[str, object]) -> ContactPlan:
        """Resolve the names in `properties`. Raises Declined."""
        own = plans.own_fields(properties)
        custom, job_title, notes = await self._custom(properties)
        subscribe, unknown = await self._lists(plans.names(properties, plans.LISTS))
        unsubscribe, more = await self._lists(plans.names(properties, plans.UNSUBSCRIBE))
        account = (text_of(properties.get(plans.ACCOUNT)) or "").strip()
        if account and not self._settings.link_accounts:
            notes.append(Note("dropped", plans.ACCOUNT, "link_accounts is off"))
            account = ""
        if job_title is not None and not account:
            notes.append(Note("unknown_field", plans.JOB_TITLE, "no such field, no account"))
            job_title = None
        return ContactPlan(
            own=own,
            custom=custom,
            tags=plans.names(properties, plans.TAGS),
            lists=subscribe,
            unsubscribe=unsubscribe,
            consent=plans.consents(properties),
            account=account,
            job_title=job_title,
            notes=(*notes, *unknown, *more),
        )

    async def write(self, upsert: Upsert, plan: ContactPlan | None = None) -> Outcome:
        """Write one contact; a `plan` made before is used. Raises Declined."""
        match = upsert.match
        if match is not None and match.name == "id":
            return await self._update(upsert, str(match.value))
        new = match is None and upsert.operation is Operation.CREATE
        if new or plans.is_plain(upsert):
            properties = {**upsert.on_create, **upsert.properties}
            return await self._sync(plan or await self.plan(properties))
        found = await self._finder.find_contact(upsert)
        if found is None:
            return await self._absent(upsert)
        if upsert.operation is Operation.CREATE:
            if upsert.repeated:
                return Delivered("created", found, "contact")
            return Skipped(Reason.UPDATE_DISABLED, record_id=found)
        return await self._update(upsert, found)

    async def ensure(self, email: str) -> str:
        """The id of the contact with this address, created when it is not there."""
        reply = await self._client.post(
            "contact/sync", "contact_sync", {"contact": {"email": email}}
        )
        if not reply.ok:
            raise Declined(refused(reply.body, reply.status, "contact of the deal"))
        return id_of(reply.record("contact"), "contact_sync")

    async def _sync(self, plan: ContactPlan) -> Outcome:
        if not plan.own.get(plans.EMAIL):
            return _no_email()
        reply = await self._client.post("contact/sync", "contact_sync", plan.body)
        return await self._finish(reply, plan, "contact/sync")

    async def _absent(self, upsert: Upsert) -> Outcome:
        """Create it, unless that is off; a create that must not update is not a sync."""
        if upsert.operation is Operation.UPDATE:
            return Skipped(Reason.CREATE_DISABLED)
        properties = {**upsert.on_create, **upsert.properties}
        missing = sorted(name for name in upsert.required if not properties.get(name))
        if missing:
            detail = f"contact: required and without a value: {', '.join(missing)}"
            return Rejected(Reason.REQUIRED_FIELD_MISSING, detail)
        plan = await self.plan(properties)
        if upsert.operation is Operation.UPSERT:
            return await self._sync(plan)
        if not plan.own.get(plans.EMAIL):
            return _no_email()
        reply = await self._client.post("contacts", "contacts", plan.body)
        if reply.code == DUPLICATE:
            return Skipped(Reason.UPDATE_DISABLED)
        return await self._finish(reply, plan, "contact")

    async def _update(self, upsert: Upsert, record_id: str) -> Outcome:
        properties = {**upsert.on_update, **upsert.properties}
        fill = upsert.fill & properties.keys()
        if fill:
            filled = await self._filled(record_id, fill)
            properties = {name: value for name, value in properties.items() if name not in filled}
        plan = await self.plan(properties)
        if plan.own.get(plans.EMAIL) == "":
            return _no_email()
        path = f"contacts/{segment(record_id)}"
        reply = await self._client.put(path, "contacts", plan.body)
        if reply.status == _NOT_FOUND:
            detail = f"contact {record_id}: not there, deleted or of another account."
            return Rejected(Reason.RECORD_NOT_FOUND, detail)
        return await self._finish(reply, plan, f"contact {record_id}")

    async def _filled(self, record_id: str, names: frozenset[str]) -> frozenset[str]:
        """Those of `names` that the contact has a value for, of its own fields and custom ones."""
        reply = await self._client.get(f"contacts/{segment(record_id)}", "contacts")
        if not reply.ok:
            raise Declined(refused(reply.body, reply.status, f"contact {record_id}"))
        own = names & set(plans.OWN_FIELDS)
        values = {str(row.get("field")) for row in reply.records("fieldValues") if row.get("value")}
        return filled_in(reply.record("contact"), own) | await self._fields.named_among(
            names - own, values
        )

    async def _finish(self, reply: Reply, plan: ContactPlan, where: str) -> Outcome:
        """Do what follows a contact that was written: tags, lists, its account."""
        if not reply.ok:
            return refused(reply.body, reply.status, where)
        record = reply.record("contact")
        record_id = id_of(record, where)
        await self._tag(record_id, plan.tags)
        notes = list(plan.notes)
        if plan.lists or plan.unsubscribe:
            notes += await self._subscriptions.write(
                record_id,
                subscribe=plan.lists,
                unsubscribe=plan.unsubscribe,
                consent=plan.consent,
            )
        if plan.account:
            await self._accounts.join(record_id, plan.account, plan.job_title)
        created = reply.status == _CREATED and record.get("created_utc_timestamp") == record.get(
            "updated_utc_timestamp"
        )
        return Delivered("created" if created else "updated", record_id, "contact", tuple(notes))

    async def _tag(self, record_id: str, tags: Sequence[str]) -> None:
        for name in tags:
            tag_id = await self._catalogue.tags.id_of(name)
            body = {"contactTag": {"contact": int(record_id), "tag": int(tag_id)}}
            reply = await self._client.post("contactTags", "contactTags", body)
            if reply.status == _NOT_FOUND:
                self._catalogue.tags.forget([name])
            if not reply.ok:
                raise Declined(refused(reply.body, reply.status, f"tag contact {record_id}"))

    async def _custom(
        self, properties: Mapping[str, object]
    ) -> tuple[Sequence[tuple[Field, str]], str | None, list[Note]]:
        """Custom fields; a job title is one where the account has it, else the account link's."""
        custom = plans.custom_properties(properties)
        job_title = text_of(properties.get(plans.JOB_TITLE, {}))
        if job_title is not None and await self._fields.knows(plans.JOB_TITLE):
            custom[plans.JOB_TITLE] = properties[plans.JOB_TITLE]
            job_title = None
        values, notes = await self._fields.values(custom, "contact")
        return values, job_title, notes

    async def _lists(self, names: Sequence[str]) -> tuple[Sequence[str], Sequence[Note]]:
        ids, notes = [], []
        for name in names:
            found = await self._catalogue.lists.find(name)
            if len(found) == 1:
                ids.append(found[0].id)
                continue
            wrong = f"expected one list of the id or name {name!r}, got {len(found)}"
            if self._settings.unknown_fields == "reject":
                detail = f"contact: {wrong}. Create the list, or fix its name."
                raise Declined(Rejected(Reason.INVALID_REFERENCE, detail))
            notes.append(Note("dropped", plans.LISTS, wrong))
        return ids, notes


def _no_email() -> Rejected:
    return Rejected(
        Reason.REQUIRED_FIELD_MISSING,
        "contact: email: expected an address, got nothing. ActiveCampaign needs one.",
    )
