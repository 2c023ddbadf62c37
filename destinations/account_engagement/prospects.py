"""Prospects: by CRM id first, then by e-mail, mostly in one request each (row P1).

An upsert by e-mail does no harm when it is sent twice, so that a lost answer costs nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from destinations.account_engagement.answers import Happened, is_nobodys, what_happened
from destinations.account_engagement.assigning import Give
from destinations.account_engagement.catalogue import Joiner
from destinations.account_engagement.client import AccountEngagementClient, Reply
from destinations.account_engagement.finder import Finder
from destinations.account_engagement.prospect_plan import (
    ASSIGNED,
    CRM_ID,
    EMAIL,
    LISTS,
    TAGS,
    Assignee,
    Planner,
    ProspectPlan,
)
from destinations.account_engagement.reasons import EMAIL_TAKEN, NOT_THERE, refused
from destinations.account_engagement.settings import AccountEngagementSettings
from transformer.kit.json_api import id_of, segment
from transformer.outcome import Delivered, Outcome, Reason, Rejected, Retry, Skipped
from transformer.upsert import Note, Operation, Upsert

OBJECT = "Prospect"
_OK, _NO_CONTENT, _NOT_FOUND = 200, 204, 404
_PATH = "objects/prospects"
KEYS = frozenset({"id", CRM_ID, EMAIL})


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom an upsert is about, and how a prospect of nobody gets the connector's user."""

    crm_id: str
    email: str
    assignee: Assignee
    give: Give


class Prospects:
    """Writes prospects."""

    def __init__(
        self,
        client: AccountEngagementClient,
        settings: AccountEngagementSettings,
        *,
        planner: Planner,
        finder: Finder,
        joiner: Joiner,
    ) -> None:
        self._client = client
        self._settings = settings
        self._planner = planner
        self._finder = finder
        self._joiner = joiner

    async def write(self, upsert: Upsert, give: Give) -> Outcome:
        """Write one prospect; one of nobody goes to `give`. Raises Declined.

        There are three ways: the id is known; the CRM id finds it; else the address does, and then
        the API finds or creates by itself unless something depends on what is there.
        """
        keys = {match.name: str(match.value).strip() for match in upsert.matches}
        if strange := keys.keys() - KEYS:
            detail = (
                f"prospect: {', '.join(strange)} finds no prospect, expected id, {CRM_ID} or"
                f" {EMAIL}. Match on one of these."
            )
            return Rejected(Reason.MATCH_KEY_INVALID, detail)
        sent = upsert.properties.get(EMAIL)
        email = keys.get(EMAIL) or (sent if isinstance(sent, str) else "")
        assignee = await self._planner.assignee(upsert.properties)
        subject = Subject(keys.get(CRM_ID, ""), email.strip().lower(), assignee, give)
        if "id" in keys:
            return await self._update(upsert, keys["id"], subject)
        return await self._find_and_write(upsert, subject)

    async def _find_and_write(self, upsert: Upsert, subject: Subject) -> Outcome:
        """The CRM id first, then the address (row P1); without any match key it is new."""
        keyed = bool(upsert.matches)
        found = await self._finder.by_crm_id(subject.crm_id) if subject.crm_id else None
        if found is None and keyed and subject.email:
            if self._is_plain(upsert, subject):
                return await self._upsert(upsert, subject)
            found = await self._finder.by_email(subject.email)
        if found is None:
            return await self._create(upsert, subject)
        if upsert.operation is Operation.CREATE:
            if upsert.repeated:
                return Delivered("created", found, OBJECT)
            return Skipped(Reason.UPDATE_DISABLED, record_id=found)
        return await self._update(upsert, found, subject)

    def _is_plain(self, upsert: Upsert, subject: Subject) -> bool:
        """Whether nothing depends on what is there already."""
        return (
            upsert.operation is Operation.UPSERT
            and subject.assignee.is_somebody
            and self._settings.several_matches == "first"
            and not (upsert.fill or _defaults(upsert) or upsert.on_update)
            and not _missing(upsert, upsert.properties)
        )

    async def _create(self, upsert: Upsert, subject: Subject) -> Outcome:
        """Create it, if it may be: an upsert does, unless it must not touch another one."""
        properties = {**_defaults(upsert), **upsert.properties}
        hindrance = _hindrance(upsert, subject, properties)
        if hindrance is not None:
            return hindrance
        if upsert.operation is Operation.UPSERT or upsert.repeated:
            return await self._upsert(upsert, subject, properties)
        plan = await self._planner.plan(properties)
        body = {EMAIL: subject.email, **plan.body, **self._assignment(subject.assignee)}
        reply = await self._client.post(f"{_PATH}?fields=id", "prospects", body)
        if reply.code not in EMAIL_TAKEN:
            return await self._finish(reply, plan, subject, "created")
        if upsert.matches:
            return Skipped(Reason.UPDATE_DISABLED)
        return await self._upsert(upsert, subject, properties)

    async def _upsert(
        self, upsert: Upsert, subject: Subject, properties: Mapping[str, object] | None = None
    ) -> Outcome:
        """Let the API find it by e-mail or create it."""
        plan = await self._planner.plan(upsert.properties if properties is None else properties)
        assigned, late = self._settings.assignment_field, self._late_user(subject)
        assignment = self._assignment(subject.assignee) if late is None else {}
        body = {
            "matchEmail": subject.email,
            "prospect": {EMAIL: subject.email, **plan.body, **assignment},
            "secondaryDeletedSearch": self._settings.restore_deleted,
            "fields": ["id", "createdAt", "updatedAt", assigned],
        }
        reply = await self._client.post(f"{_PATH}/do/upsertLatestByEmail", "prospects_upsert", body)
        what = what_happened(reply)
        if reply.ok and late is not None:
            if is_nobodys(reply, assigned, what):
                await subject.give(id_of(reply.record, "prospects_upsert"), late)
            elif assigned not in reply.record:
                why = "the answer does not say whose the prospect is: its user was left alone"
                plan = replace(plan, notes=(*plan.notes, Note("dropped", ASSIGNED, why)))
        return await self._finish(reply, plan, subject, what)

    async def _update(self, upsert: Upsert, prospect_id: str, subject: Subject) -> Outcome:
        """Change the one that was found; only an event's own user changes whose it is."""
        properties = {**upsert.on_update, **upsert.properties}
        if upsert.fill & properties.keys():
            filled = await self._filled(prospect_id, upsert.fill & properties.keys())
            properties = {n: v for n, v in properties.items() if n not in filled}
        plan = await self._planner.plan(properties)
        user = subject.assignee.user
        body = {**plan.body, **({} if user is None else {self._settings.assignment_field: user})}
        if not (body or plan.lists or plan.tags):
            return Skipped(Reason.NOTHING_TO_WRITE, record_id=prospect_id)
        if not body:
            return await self._finish(Reply(_OK, {"id": prospect_id}), plan, subject, "updated")
        reply = await self._patch(upsert, prospect_id, subject, body)
        gone = reply.status == _NOT_FOUND or reply.code in NOT_THERE
        if gone and self._finder.forget(crm_id=subject.crm_id, email=subject.email):
            return Retry(Reason.REMATCH, f"prospect {prospect_id} is gone.", after_seconds=0.0)
        record = {"id": prospect_id} if reply.ok else reply.body
        # Only an address that was written is known to be the prospect's.
        subject = replace(subject, email=str(plan.body.get(EMAIL) or ""))
        return await self._finish(Reply(reply.status, record), plan, subject, "updated")

    async def _patch(
        self, upsert: Upsert, prospect_id: str, subject: Subject, body: Mapping[str, object]
    ) -> Reply:
        """Send a change; an upsert may have created it before and not have come to assign it."""
        late = self._late_user(subject) if upsert.operation is Operation.UPSERT else None
        assigned = self._settings.assignment_field
        fields = "id" if late is None else f"id,{assigned}"
        path = f"{_PATH}/{segment(prospect_id)}?fields={fields}"
        with self._finder.writing(prospect_id, body) as sent:
            reply = await self._client.patch(path, "prospects", body)
            sent.applied = reply.ok
        if reply.ok and late is not None and is_nobodys(reply, assigned, "updated"):
            await subject.give(prospect_id, late)
        return reply

    async def _filled(self, prospect_id: str, names: frozenset[str]) -> frozenset[str]:
        """Those of these fields that have a value there."""
        known = {name: await self._planner.field(name) for name in names}
        asked = {field.name for field in known.values() if field is not None}
        there = await self._finder.filled(prospect_id, asked)
        return frozenset(n for n, field in known.items() if field and field.name in there)

    async def _finish(
        self,
        reply: Reply,
        plan: ProspectPlan,
        subject: Subject,
        what: Happened,
    ) -> Outcome:
        """Do what follows a prospect that was written: lists and tags."""
        if not reply.ok:
            return refused(reply.body, reply.status, "prospect")
        notes = (*plan.notes, *subject.assignee.notes)
        if reply.status == _NO_CONTENT:
            # Who may write prospects but not see them is told no id.
            wanted = [(LISTS, plan.lists), (TAGS, plan.tags)]
            notes += tuple(Note("dropped", n, "the answer has no id") for n, ids in wanted if ids)
            return Delivered(what, "", OBJECT, notes)
        prospect_id = id_of(reply.record, "prospects")
        if subject.email:
            self._finder.wrote(subject.email, prospect_id)
        await self._joiner.join(prospect_id, plan.lists, plan.tags)
        return Delivered(what, prospect_id, OBJECT, notes)

    def _late_user(self, subject: Subject) -> int | None:
        """The connector's user, where only those of nobody get it, after they are written."""
        if self._settings.connector_user_assigns != "new" or subject.assignee.user is not None:
            return None
        return subject.assignee.connector

    def _assignment(self, assignee: Assignee) -> Mapping[str, object]:
        user = assignee.connector if assignee.user is None else assignee.user
        return {} if user is None else {self._settings.assignment_field: user}


def _hindrance(
    upsert: Upsert, subject: Subject, properties: Mapping[str, object]
) -> Outcome | None:
    """Why it is not created: it is not wanted, nobody's (row P3), or incomplete."""
    if upsert.operation is Operation.UPDATE:
        return Skipped(Reason.CREATE_DISABLED)
    if not subject.assignee.is_somebody:
        why = "it would be assigned to nobody: name a user in the event, or set connector_user"
        return Skipped(Reason.CREATE_DISABLED, why)
    missing = _missing(upsert, properties) or ([] if subject.email else [EMAIL])
    if missing:
        detail = f"prospect: required and without a value: {', '.join(missing)}"
        return Rejected(Reason.REQUIRED_FIELD_MISSING, detail)
    return None


def _defaults(upsert: Upsert) -> Mapping[str, object]:
    """What a new one gets beside the rest; the CRM id that it was looked for by is no field."""
    return {name: value for name, value in upsert.on_create.items() if name != CRM_ID}


def _missing(upsert: Upsert, properties: Mapping[str, object]) -> list[str]:
    found = {name for name, value in properties.items() if value not in (None, "")}
    return sorted(upsert.required - found)
