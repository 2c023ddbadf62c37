"""Writing one upsert: locate the record, then create or update it, and remember what came of it.

One write per match key at a time (invariant 4).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from destinations.pipedrive import contacts, names
from destinations.pipedrive.bodies import Bodies
from destinations.pipedrive.body import Body
from destinations.pipedrive.client import PipedriveClient
from destinations.pipedrive.known import Known
from destinations.pipedrive.links import host
from destinations.pipedrive.locate import Locator
from destinations.pipedrive.locks import Locks
from destinations.pipedrive.lookup import Found, contacts_of, is_id, match_key
from destinations.pipedrive.objects import ACTIVITIES, ORGANIZATIONS, PERSONS, ObjectKind, kind_of
from destinations.pipedrive.recent import Recent
from destinations.pipedrive.settings import PipedriveSettings
from destinations.pipedrive.updater import Updater
from transformer.clock import Clock
from transformer.kit.json_api import id_of
from transformer.outcome import Delivered, Outcome, Reason, Rejected, Retry, Skipped
from transformer.upsert import Match, Operation, Upsert

LONGEST_TERM = 255


@dataclass(slots=True)
class Writer:
    """Writes upserts to one company."""

    client: PipedriveClient
    bodies: Bodies
    locator: Locator
    updater: Updater
    recent: Recent
    known: Known
    locks: Locks
    clock: Clock
    settings: PipedriveSettings

    async def write(self, upsert: Upsert, number: int) -> Outcome:
        """Write `upsert`. Raises WriteFailed when its request failed as a whole.

        `number` is that of this write: a repeated create is looked for in lists not older.
        """
        kind = kind_of(upsert.object_type)
        if kind is None:
            return Rejected(
                Reason.UNKNOWN_OBJECT,
                "object: expected persons, organizations, deals, leads, notes or activities, got"
                f' "{upsert.object_type}". Correct the external id\'s type or the mapping.',
            )
        if kind is ACTIVITIES and not self.settings.activities:
            return Skipped(Reason.EVENT_TYPE_NOT_MAPPED, "activities are off, see its setting.")
        matches = tuple(
            match for each in upsert.matches if (match := _normal(kind, each)) is not None
        )
        if upsert.matches and not matches:
            return Rejected(
                Reason.MATCH_KEY_INVALID, f"{kind.name}.domain: expected a domain or a web address."
            )
        wrong = _problem(kind, matches, upsert.operation)
        if wrong is not None:
            return wrong
        async with self.locks.of_all([match_key(kind, match) for match in matches]):
            upsert = replace(upsert, matches=matches)
            return await self._write(kind, upsert, number if upsert.repeated else None)

    async def _write(self, kind: ObjectKind, upsert: Upsert, since: int | None) -> Outcome:
        """There are three cases: named by its id, without a key, or found by a match key."""
        named = next((str(match.value) for match in upsert.matches if is_id(match)), None)
        if named is not None:
            known = self.known.contacts.recall(named, self.clock.now())
            return await self.updater.update(kind, upsert, Found(named, known), since)
        if not upsert.matches:
            return await self._create(kind, upsert, since)
        found = await self.locator.locate(kind, upsert.matches, since=since)
        if isinstance(found, Rejected | Retry):
            return found
        if found is None:
            return await self._not_found(kind, upsert, since)
        if upsert.operation is Operation.CREATE:
            return Skipped(
                Reason.UPDATE_DISABLED,
                f"{kind.name}: it exists and updates are off.",
                record_id=found.record_id,
            )
        return await self.updater.update(kind, upsert, found, since)

    async def _not_found(self, kind: ObjectKind, upsert: Upsert, since: int | None) -> Outcome:
        if upsert.operation is Operation.UPDATE:
            detail = f"{kind.name}: none has the match key, creating is off."
            return Skipped(Reason.CREATE_DISABLED, detail)
        return await self._create(kind, upsert, since)

    async def _create(self, kind: ObjectKind, upsert: Upsert, since: int | None) -> Outcome:
        properties = self._complete(kind, upsert)
        missing = _missing(kind, upsert, properties)
        if missing:
            return Rejected(
                Reason.REQUIRED_FIELD_MISSING,
                f"{kind.name}: expected values for {', '.join(missing)}, got none."
                " Map a source or a default for each.",
                {"fields": missing},
            )
        body = await self.bodies.make(kind, properties, since, creating=True)
        if not isinstance(body, Body):
            return body
        body = _with_contacts(body)
        if not upsert.matches and since is not None:
            earlier = await self._earlier(kind, body)
            if earlier is not None:
                return earlier
        reply = await self.client.create(kind, body.json(kind))
        if not reply.ok:
            return self.bodies.refused(kind, reply, f"create {kind.name}")
        record_id = id_of(reply.record, "create")
        now = self.clock.now()
        keys = [match_key(kind, match) for match in upsert.matches]
        self.known.learn(kind.name, record_id, keys, contacts_of(reply.record), now)
        if not upsert.matches:
            self.known.take(kind.name, record_id, now)
        return Delivered("created", record_id, kind.name, (*upsert.notes, *body.notes))

    async def _earlier(self, kind: ObjectKind, body: Body) -> Outcome | None:
        """What an earlier try of a create without match key came to, if there is a trace of it."""
        ids = await self.recent.like(kind, body.root)
        if isinstance(ids, Rejected | Retry):
            return ids
        now = self.clock.now()
        for record_id in ids:
            if self.known.take(kind.name, record_id, now):
                return Delivered("created", record_id, kind.name, body.notes)
        return None

    def _complete(self, kind: ObjectKind, upsert: Upsert) -> Mapping[str, object]:
        """The properties of a new record: with defaults, match keys and a name."""
        defaults = upsert.on_create
        properties = {
            **defaults,
            **{
                name: value
                for name, value in upsert.properties.items()
                if name not in defaults or not _blank(value)
            },
        }
        for match in upsert.matches:
            if match.name == "domain" or _blank(properties.get(match.name)):
                properties[match.name] = match.value
        if kind is PERSONS and _blank(properties.get("name")):
            properties["name"] = names.composed(properties)
        if kind in (PERSONS, ORGANIZATIONS) and _blank(properties.get("name")):
            for match in upsert.matches[:1]:
                properties["name"] = match.value
        return properties


def _normal(kind: ObjectKind, match: Match) -> Match | None:
    """A match as Pipedrive has it: trimmed, its name as the object spells it, a domain alone.

    None when it is to be a domain and is none.
    """
    value = match.value.strip() if isinstance(match.value, str) else match.value
    name = match.name.casefold() if match.name.casefold() in {*kind.searches, "id"} else match.name
    if kind is ORGANIZATIONS and name == "domain":
        value = host(str(value))
        if not value:
            return None
    return Match(name, str(value) if name == "id" else value)


def _problem(kind: ObjectKind, matches: Sequence[Match], operation: Operation) -> Rejected | None:
    if operation is Operation.UPDATE and not matches:
        return Rejected(Reason.MATCH_KEY_MISSING, f"{kind.name}: an update needs a match key.")
    for match in matches:
        text = str(match.value)
        if is_id(match) and not kind.is_id(text):
            return Rejected(
                Reason.INVALID_RECORD_ID,
                f'{kind.name}.id: expected the id of a record, got "{text[:80]}".',
            )
        if not text:
            return Rejected(
                Reason.MATCH_KEY_MISSING, f"{kind.name}.{match.name}: the match key is empty."
            )
        if len(text) > LONGEST_TERM:
            return Rejected(
                Reason.MATCH_KEY_INVALID,
                f"{kind.name}.{match.name}: expected at most {LONGEST_TERM} characters, got"
                f" {len(text)}.",
            )
    return None


def _missing(kind: ObjectKind, upsert: Upsert, properties: Mapping[str, object]) -> Sequence[str]:
    required = upsert.required | ({kind.required} if kind.required else set())
    return sorted(name for name in required if _blank(properties.get(name)))


def _with_contacts(body: Body) -> Body:
    """The lists of a new person; the first entry of each is the primary one."""
    root = dict(body.root)
    for which, wanted in contacts.by_list(body.emails, body.phones):
        listed = contacts.merged(which, None, wanted, new_primary=True)
        if listed is not None:
            root[which] = listed
    return replace(body, root=root, emails=(), phones=(), parts={})


def _blank(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())
