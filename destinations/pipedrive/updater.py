"""Updating one record: read first only when the event adds to what is there. Then send, remember.

One call for a known person: e-mails and phones are read and merged only when one is new.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from destinations.pipedrive import contacts, names
from destinations.pipedrive.bodies import Bodies
from destinations.pipedrive.body import Body
from destinations.pipedrive.client import PipedriveClient, Reply
from destinations.pipedrive.known import Known
from destinations.pipedrive.locks import Locks
from destinations.pipedrive.lookup import Found, contacts_of, custom_code, is_id, match_key
from destinations.pipedrive.objects import PERSONS, ObjectKind
from destinations.pipedrive.reasons import outcome
from destinations.pipedrive.settings import PipedriveSettings
from transformer.clock import Clock
from transformer.kit.remembered import Change
from transformer.outcome import Delivered, Outcome, Reason, Rejected, Retry, Skipped
from transformer.upsert import Upsert

_GONE = frozenset({404, 410})
# A person keeps those that it has: another one never makes it another person's.
_ADD_UP = frozenset({"email", "phone"})
_ABSENT: Final = object()
_ANOTHER: Final = "\0"


@dataclass(slots=True)
class Updater:
    """Changes records of one company."""

    client: PipedriveClient
    bodies: Bodies
    known: Known
    locks: Locks
    clock: Clock
    settings: PipedriveSettings

    async def update(
        self, kind: ObjectKind, upsert: Upsert, found: Found, since: int | None
    ) -> Outcome:
        """Write `upsert` to the record that was found or named."""
        record = (kind.name, found.record_id)
        async with self.locks.of((kind.name, "record", found.record_id)):
            now = self.clock.now()
            if found.key is not None and self.known.ids.is_stale(found.key, record, now):
                return Retry(
                    Reason.REMATCH,
                    f"update {kind.name}: another write has changed its match key since it was"
                    " found; it is looked for again.",
                    after_seconds=0.0,
                    counts=False,
                )
            return await self._update(kind, upsert, found, since)

    async def _update(
        self, kind: ObjectKind, upsert: Upsert, found: Found, since: int | None
    ) -> Outcome:
        properties: Mapping[str, object] = {**upsert.on_update, **upsert.properties}
        current: Reply | None = None
        if upsert.fill:
            current = await self.client.get(kind, found.record_id)
            if not _readable(current):
                return self._unreadable(kind, upsert, found, current)
            properties = await self.bodies.unfilled(kind, properties, upsert.fill, current.record)
        body = await self.bodies.make(kind, properties, since, creating=False)
        if not isinstance(body, Body):
            return body
        if current is None and _adds(body, found):
            current = await self.client.get(kind, found.record_id)
            if not _readable(current):
                return self._unreadable(kind, upsert, found, current)
        there = current.record if current is not None else None
        return await self._send(kind, upsert, found, self._merged(body, there))

    async def _send(self, kind: ObjectKind, upsert: Upsert, found: Found, body: Body) -> Outcome:
        if body.blank:
            return Skipped(
                Reason.NOTHING_TO_WRITE,
                f"{kind.name}: no field is to be changed.",
                record_id=found.record_id,
            )
        reply = await self._sent(kind, found.record_id, body)
        if reply.status in _GONE:
            return self._unreadable(kind, upsert, found, reply)
        if not reply.ok:
            return self.bodies.refused(kind, reply, f"update {kind.name}")
        keys = [match_key(kind, match) for match in upsert.matches if not is_id(match)]
        contacts_now = contacts_of(reply.record) if "emails" in reply.record else None
        self.known.learn(kind.name, found.record_id, keys, contacts_now, self.clock.now())
        return Delivered("updated", found.record_id, kind.name, (*upsert.notes, *body.notes))

    async def _sent(self, kind: ObjectKind, record_id: str, body: Body) -> Reply:
        """Send the body; what it changes of what leads to the record is known by nobody else."""
        change = await self._change(kind, record_id, body)
        with self.known.ids.writing(change, self.clock.now) as sent:
            reply = await self.client.update(kind, record_id, body.json(kind))
            sent.applied = reply.ok
        return reply

    async def _change(
        self, kind: ObjectKind, record_id: str, body: Body
    ) -> Change[tuple[str, str]] | None:
        usual = () if kind is PERSONS else kind.searches
        found_by = {*usual, *self.known.ids.properties.get(kind.name, ())} - _ADD_UP
        values: dict[str, str] = {}
        for name in sorted(found_by):
            value = body.root.get(name, _ABSENT)
            if name not in kind.searches:
                code = await custom_code(self.bodies.fields, self.settings.domain_field, kind, name)
                value = body.custom.get(code, _ABSENT) if code else _unknown(body)
            if value is not _ABSENT:
                values[name] = _folded(value)
        return self.known.ids.change(kind.name, (kind.name, record_id), values)

    def _merged(self, body: Body, there: Mapping[str, object] | None) -> Body:
        """The body with the lists to send: nothing where all of it is there already."""
        root = dict(body.root)
        if body.parts:
            root["name"] = names.completed(body.parts, there or {})
        if there is not None:
            new_primary = self.settings.new_primary
            for which, wanted in contacts.by_list(body.emails, body.phones):
                listed = contacts.merged(which, there.get(which), wanted, new_primary=new_primary)
                if listed is not None:
                    root[which] = listed
        return replace(body, root=root, emails=(), phones=(), parts={})

    def _unreadable(
        self, kind: ObjectKind, upsert: Upsert, found: Found, reply: Reply
    ) -> Rejected | Retry:
        """The record cannot be had. One that was found is looked for again, if it is gone."""
        where = f"update {kind.name}"
        gone = reply.status in _GONE or reply.ok
        if gone and not any(is_id(match) for match in upsert.matches):
            keys = [match_key(kind, match) for match in upsert.matches]
            self.known.lose(kind.name, found.record_id, keys, self.clock.now())
            return Retry(
                Reason.REMATCH,
                f"{where}: {found.record_id} is gone since it was found; it is looked for again.",
                after_seconds=0.0,
            )
        if reply.ok:
            return Rejected(
                Reason.RECORD_DELETED,
                f"{where}: {found.record_id} is deleted. Restore it, or correct the id.",
                {"ids": [found.record_id]},
            )
        refused = outcome(reply.error, where)
        if isinstance(refused, Rejected):
            vendor = {**refused.vendor, "ids": [found.record_id]}
            return Rejected(refused.reason, refused.detail, vendor)
        return refused


def _unknown(body: Body) -> object:
    """What a body holds for a custom field of which nobody knows which it is."""
    return _ANOTHER if body.custom else _ABSENT


def _folded(value: object) -> str:
    """A value as match keys have it; null is none of theirs."""
    inner = value.get("value") if isinstance(value, Mapping) else value
    return _ANOTHER if inner is None else str(inner).strip().lower()


def _readable(reply: Reply) -> bool:
    return reply.ok and reply.record.get("is_deleted") is not True


def _adds(body: Body, found: Found) -> bool:
    """Whether it takes what is there to write the event: half a name, a new e-mail or phone."""
    if body.parts and len(body.parts) < len(names.PARTS):
        return True
    emails = [contacts.folded("emails", each.value) for each in body.emails]
    phones = [contacts.folded("phones", each.value) for each in body.phones]
    if not emails and not phones:
        return False
    return found.contacts is None or not found.contacts.has(emails, phones)
