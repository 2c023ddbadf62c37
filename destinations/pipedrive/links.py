"""Links: the person an activity is about, the organization a person works for, as record ids."""

from collections.abc import Mapping
from dataclasses import dataclass

from destinations.pipedrive.body import Body
from destinations.pipedrive.client import PipedriveClient
from destinations.pipedrive.fields import Fields
from destinations.pipedrive.known import Known
from destinations.pipedrive.locate import Locator
from destinations.pipedrive.locks import Locks
from destinations.pipedrive.lookup import match_key
from destinations.pipedrive.objects import ORGANIZATIONS, PERSONS, ObjectKind
from destinations.pipedrive.reasons import outcome
from destinations.pipedrive.settings import PipedriveSettings
from transformer.clock import Clock
from transformer.hosts import company_host_of, host_of
from transformer.kit.json_api import id_of
from transformer.outcome import Reason, Rejected, Retry
from transformer.upsert import Match, Note


@dataclass(frozen=True, slots=True)
class Links:
    """Resolves what a body names by e-mail, name or domain."""

    client: PipedriveClient
    fields: Fields
    locator: Locator
    known: Known
    locks: Locks
    clock: Clock
    settings: PipedriveSettings

    async def resolve(
        self, kind: ObjectKind, body: Body, since: int | None
    ) -> Body | Rejected | Retry:
        """The body with ids in place of its links; or why a link cannot be made."""
        email = body.links.get("person_email")
        if email is not None and kind.links["person"] not in body.root:
            person = await self._person(kind, email, since)
            if isinstance(person, Rejected | Retry):
                return person
            body = body.with_root({kind.links["person"]: person})
        if "organization" in kind.links and kind.links["organization"] not in body.root:
            return await self._with_organization(kind, body, since)
        return body

    async def _person(
        self, kind: ObjectKind, email: str, since: int | None
    ) -> int | Rejected | Retry:
        found = await self.locator.locate(PERSONS, (Match("email", email),), since=since)
        if isinstance(found, Rejected | Retry):
            return found
        if found is None:
            return Rejected(
                Reason.INVALID_REFERENCE,
                f"{kind.name}.person_email: no person has this e-mail. Send an identify for it"
                " first, then replay.",
            )
        return int(found.record_id)

    async def _with_organization(
        self, kind: ObjectKind, body: Body, since: int | None
    ) -> Body | Rejected | Retry:
        wanted = self._organization_match(body)
        if wanted is None:
            return body
        match, name = wanted
        async with self.locks.of(match_key(ORGANIZATIONS, match)):
            found = await self.locator.locate(ORGANIZATIONS, (match,), since=since)
            if isinstance(found, Rejected):
                return body.with_root({}, [Note("dropped", "organization_name", found.detail)])
            if isinstance(found, Retry):
                return found
            if found is not None:
                return body.with_root({kind.links["organization"]: int(found.record_id)})
            if not self.settings.create_organizations:
                return body.with_root(
                    {}, [Note("dropped", "organization_name", "there is no such organization")]
                )
            return await self._created(kind, body, match, name)

    def _organization_match(self, body: Body) -> tuple[Match, str] | None:
        """What to find the organization by, and what to call it when it is created."""
        name = body.links.get("organization_name", "")
        if self.settings.link_organization == "name":
            return (Match("name", name), name) if name else None
        if self.settings.link_organization == "domain":
            texts = (body.links.get("organization_domain", ""), *(e.value for e in body.emails))
            domain = next((found for text in texts if (found := company_host_of(text))), None)
            return (Match("domain", domain), name or domain) if domain else None
        return None

    async def _created(
        self, kind: ObjectKind, body: Body, match: Match, name: str
    ) -> Body | Rejected | Retry:
        made: Mapping[str, object] = {"name": name}
        if match.name == "domain":
            schema = await self.fields.of(ORGANIZATIONS)
            one = schema.find(self.settings.domain_field)
            if one is not None:
                made = {**made, "custom_fields": {one.code: match.value}}
        reply = await self.client.create(ORGANIZATIONS, made)
        if not reply.ok:
            return outcome(reply.error, "create organizations")
        record_id = id_of(reply.record, "create")
        keys = [match_key(ORGANIZATIONS, match)]
        self.known.learn("organizations", record_id, keys, None, self.clock.now())
        return body.with_root({kind.links["organization"]: int(record_id)})


def host(text: str) -> str:
    """The host of a URL, an e-mail or a domain: lower case, without `www.`; empty for neither."""
    return host_of(text) or ""
