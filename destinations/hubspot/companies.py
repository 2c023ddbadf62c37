"""Linking contacts to their companies: finds, or creates, the company, then associates the two.

Order of row C4: stored id, website's domain, domain of the address (mail providers' excluded),
name, else create. Companies have no unique property of their own, so they are searched for; what
was found or made is remembered, because the search index lags.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from destinations.hubspot.answers import failed
from destinations.hubspot.client import HubSpotClient
from destinations.hubspot.links import Links, Pair
from destinations.hubspot.lookup import Finder, Findings, Key, Question, match_key
from destinations.hubspot.paths import is_record_id
from destinations.hubspot.plan import Write
from destinations.hubspot.rekeyed import Known, is_stale
from destinations.hubspot.repeats import Waits
from destinations.hubspot.settings import HubSpotSettings
from destinations.hubspot.shape import values_of
from destinations.hubspot.writer import Writer
from transformer.clock import Clock
from transformer.errors import WriteFailed
from transformer.hosts import company_host_of
from transformer.outcome import Delivered, Outcome, Reason, Rejected, Retry
from transformer.upsert import Match, Note, Operation, Upsert

STORED_ID = "associatedcompanyid"
COMPANIES = "companies"
MAX_NAMES_PER_SEARCH = 20


@dataclass(frozen=True, slots=True)
class Target:
    """The company that a contact belongs to: by its id, else by one match, else made so."""

    company_id: str = ""
    match: Match | None = None
    properties: tuple[tuple[str, str], ...] = ()

    @property
    def key(self) -> Key:
        """What the company is remembered under."""
        return match_key(COMPANIES, self.match or Match("id", self.company_id))


@dataclass(frozen=True, slots=True)
class Contact:
    """A contact that was written and is to be linked."""

    write: Write
    contact_id: str
    target: Target


Linked = Note | Outcome | None


def target_of(upsert: Upsert, mode: str) -> Target | None:
    """Where a contact belongs, from what was mapped for it; None when nothing says."""
    given = values_of(upsert, (STORED_ID, "website", "email", "company"))
    company = given.get("company", "")
    if mode == "company" and is_record_id(given.get(STORED_ID, "")):
        return Target(given[STORED_ID])
    sources = ("website", "email") if mode == "company" else ("email",)
    domain = next((d for s in sources if (d := company_host_of(given.get(s, "")))), None)
    if domain is not None:
        named = (("domain", domain), ("name", company or domain))
        return Target(match=Match("domain", domain), properties=named)
    if mode == "company" and company:
        return Target(match=Match("name", company), properties=(("name", company),))
    return None


class Companies:
    """The companies of one account; `lock` is held while looking for and creating them."""

    def __init__(
        self,
        client: HubSpotClient,
        options: HubSpotSettings,
        clock: Clock,
        *,
        known: Known,
        waits: Waits,
        forget: Callable[[str], bool],
    ) -> None:
        self._client = client
        self._options = options
        self._clock = clock
        self._known = known
        self._waits = waits
        self._forget = forget
        self._links = Links(client, clock)
        self.lock = asyncio.Lock()

    async def link(self, contacts: Sequence[Contact]) -> Mapping[int, Linked]:
        """Link every contact; per contact's index a note, a Retry of it, or None when it is done.

        The contact itself is written already, so no failure here is more than a Retry.
        """
        try:
            async with self.lock:
                resolved = await self._resolve(contacts)
            return await self._associate(contacts, resolved)
        except WriteFailed as failure:
            return {c.write.index: failed(c.write, failure, sent=True) for c in contacts}

    async def _resolve(self, contacts: Sequence[Contact]) -> Mapping[Key, str | Linked]:
        """The company's id for every target, or why there is none."""
        now = self._clock.now()
        resolved: dict[Key, str | Linked] = {}
        missing: dict[Key, Contact] = {}
        for contact in contacts:
            key = contact.target.key
            known = contact.target.company_id or self._known.recall(key, now)
            if known:
                resolved[key] = known
            elif key not in missing or contact.write.upsert.repeated:
                missing[key] = contact
        if not missing:
            return resolved
        finder = Finder(self._client, partial(is_stale, self._known, self._clock))
        findings = await finder.find(_questions(missing.values()))
        new: dict[Key, Contact] = {}
        for key, contact in missing.items():
            found = self._found(contact, findings)
            if found is None:
                new[key] = contact
            else:
                resolved[key] = found
        return {**resolved, **await self._create(new)}

    def _found(self, contact: Contact, findings: Findings) -> str | Linked:
        """The company that the search found; None when it is to be created."""
        match = contact.target.match
        if match is None:
            return contact.target.company_id
        failure = findings.failure(COMPANIES, match)
        if failure is not None:
            return _as_note(failure)
        found = findings.of(COMPANIES, match)
        if len(found) > 1 and self._options.several_matches == "refuse":
            ids = ", ".join(each.record_id for each in found)
            return Note("dropped", "company", f"several companies match, not linked: {ids}")
        if not found:
            return self._absent(contact)
        chosen = found[-1] if self._options.several_matches == "newest" else found[0]
        self._known.learn(contact.target.key, chosen.record_id, self._clock.now())
        return chosen.record_id

    def _absent(self, contact: Contact) -> Linked:
        if not self._options.create_companies:
            return Note("dropped", "company", "no company matches, and creating them is off")
        if not contact.write.upsert.repeated:
            return None
        left = self._waits.left(contact.target.key, self._clock.now())
        if left <= 0.0:
            self._waits.end(contact.target.key)
            return None
        return Retry(
            Reason.ANSWER_LOST,
            "companies: an earlier attempt may have created the contact's company; searches know"
            " it only after a while.",
            after_seconds=left,
            counts=False,
            may_have_applied=True,
        )

    async def _create(self, new: Mapping[Key, Contact]) -> Mapping[Key, str | Linked]:
        if not new:
            return {}
        writes = [
            Write(
                index,
                "create",
                Upsert(COMPANIES, Operation.CREATE, dict(contact.target.properties)),
                dict(contact.target.properties),
            )
            for index, contact in enumerate(new.values())
        ]
        outcomes = await Writer(self._client, self._forget).write(writes)
        resolved: dict[Key, str | Linked] = {}
        for index, key in enumerate(new):
            made = outcomes[index]
            if isinstance(made, Delivered) and made.record_id:
                self._known.learn(key, made.record_id, self._clock.now())
                resolved[key] = made.record_id
            elif isinstance(made, Delivered):
                resolved[key] = Note("dropped", "company", "made, but the answer named no company")
            else:
                resolved[key] = _as_note(made)
        return resolved

    async def _associate(
        self, contacts: Sequence[Contact], resolved: Mapping[Key, str | Linked]
    ) -> Mapping[int, Linked]:
        done: dict[int, Linked] = {}
        pairs: dict[int, Pair] = {}
        for contact in contacts:
            company, index = resolved.get(contact.target.key), contact.write.index
            if not isinstance(company, str):
                done[index] = company
            elif not contact.contact_id:
                done[index] = Note("dropped", "company", "not linked: the answer named no contact")
            else:
                named = bool(contact.target.company_id)
                pairs[index] = Pair(contact.contact_id, company, named)
                done[index] = None
        refused = await self._links.make(pairs)
        for contact in contacts:
            if contact.write.index in refused:
                self._known.forget(contact.target.key)
        return {**done, **refused}


def _questions(contacts: Iterable[Contact]) -> Sequence[Question]:
    """The searches for companies, by domain and by name."""
    by_name: dict[str, dict[str, None]] = {}
    for contact in contacts:
        if contact.target.match is not None:
            match = contact.target.match
            by_name.setdefault(match.name, {})[str(match.value).strip().lower()] = None
    found: list[Question] = []
    for name, values in by_name.items():
        size = MAX_NAMES_PER_SEARCH if name == "name" else 60
        listed = list(values)
        found.extend(
            Question(
                COMPANIES, name, tuple(listed[i : i + size]), ("createdate", name), search=True
            )
            for i in range(0, len(listed), size)
        )
    return found


def _as_note(outcome: Outcome) -> Linked:
    if isinstance(outcome, Rejected):
        return Note("dropped", "company", f"not linked: {outcome.detail}")
    return outcome
