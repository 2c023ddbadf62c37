"""HubSpot as a destination: shapes, looks up, plans, writes, and answers one outcome per upsert."""

from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

from destinations.hubspot import check, declared, settings
from destinations.hubspot.auth import Session
from destinations.hubspot.client import WINDOW_SECONDS, HubSpotClient, rate_within
from destinations.hubspot.companies import STORED_ID, Companies, Contact, target_of
from destinations.hubspot.events import Events, is_event
from destinations.hubspot.lookup import Finder, Key, match_key, questions
from destinations.hubspot.plan import Decision, Policy, Write, decide, needs_lookup, one_per_record
from destinations.hubspot.rekeyed import Known, Rekeyed, is_stale
from destinations.hubspot.repeats import Repeats, Waits
from destinations.hubspot.schema import ObjectSchema, Schemas
from destinations.hubspot.settings import HubSpotSettings
from destinations.hubspot.shaping import Shaper
from destinations.hubspot.writer import Writer
from transformer.budget import Budget
from transformer.clock import Clock
from transformer.destination import FieldUse, Finding, Kind, Limits, Settings
from transformer.errors import QuotaSpent
from transformer.http import HttpClient, Timeouts
from transformer.kit.http_destination import HttpDestination
from transformer.kit.remembered import RememberedRecords
from transformer.outcome import Delivered, Outcome, Reason, Retry
from transformer.upsert import Note, Upsert

# Ten requests of 100 rows: rows of several objects and operations then still fill their requests.
LIMITS = Limits(batch_records=1000, requests_in_flight=4, batch_bytes=8 * 1024 * 1024)
REMEMBERED_RECORDS = 100_000
REMEMBERED_SECONDS = 600.0
# For so long at least a search is not believed that contradicts a write of ours.
LATE_SECONDS = 60.0


class HubSpotDestination(HttpDestination):
    """One HubSpot account. Implements `transformer.destination.Destination`."""

    limits = LIMITS

    def __init__(self, options: HubSpotSettings, clock: Clock, http: HttpClient) -> None:
        super().__init__(http)
        self._options = options
        self._clock = clock
        self._policy = Policy(
            several_matches=options.several_matches,
            read_contacts_first=options.contact_upserts == "read_first",
            contact_key=options.contact_key,
        )
        self._session = Session(http, options, clock)
        self._client = HubSpotClient(http, self._session, options, clock)
        self._schemas = Schemas(self._client, clock)
        self._shaper = Shaper(self._schemas, options)
        self._known: Known = RememberedRecords(
            capacity=REMEMBERED_RECORDS,
            seconds=REMEMBERED_SECONDS,
            record_of=lambda key, record_id: (key[0], record_id),
            late_seconds=max(LATE_SECONDS, options.search_lag_seconds),
        )
        waits = Waits(options.search_lag_seconds)
        self._repeats = Repeats(self._client, waits, clock)
        self._companies = Companies(
            self._client,
            options,
            clock,
            known=self._known,
            waits=waits,
            forget=self._schemas.forget,
        )
        self._events = Events(self._client, clock, options.track_events)

    async def write(self, batch: Sequence[Upsert]) -> Sequence[Outcome]:
        """Write `batch`: one request per 100 rows of one object and operation.

        Raises WriteFailed when nothing is known of any upsert; after that, a failure becomes a
        Retry of the upserts it concerns.
        """
        await self._ask_for_quota()
        records = {index: upsert for index, upsert in enumerate(batch) if not is_event(upsert)}
        events = {index: upsert for index, upsert in enumerate(batch) if is_event(upsert)}
        outcomes = dict(await self._write_records(records))
        if events:
            outcomes.update(await self._events.send(events))
        return [outcomes[index] for index in range(len(batch))]

    async def check(self, fields: Sequence[FieldUse]) -> Sequence[Finding]:
        """Compare token, scopes, objects, properties and the budget with the account."""
        return await check.run(
            self._options,
            http=self._http,
            session=self._session,
            client=self._client,
            schemas=self._schemas,
            events=self._events,
            fields=fields,
        )

    async def _ask_for_quota(self) -> None:
        """Ask once per recheck interval whether spent requests are back."""
        if not self.budget.recheck_due(self._clock.now()):
            return
        await self._client.probe()
        if self.budget.exhausted:
            raise QuotaSpent(
                f"probe: {self.budget.used} of {self.budget.allowed} allowed requests are used."
                " Waiting for the day to end.",
                after_seconds=self.budget.recheck_seconds,
            )

    async def _write_records(self, records: Mapping[int, Upsert]) -> Mapping[int, Outcome]:
        prepared = {index: self._prepared(upsert) for index, upsert in records.items()}
        shaped = await self._shaper.shape(prepared)
        ready = {i: row for i, row in shaped.items() if isinstance(row, tuple)}
        outcomes: dict[int, Outcome] = {
            i: row for i, row in shaped.items() if not isinstance(row, tuple)
        }
        rekeyed = Rekeyed(self._known, self._clock)
        try:
            rekeyed.named(ready)
            writes = await self._write_ready(ready, rekeyed, outcomes)
        finally:
            rekeyed.end(outcomes)
        return {**outcomes, **await self._link(writes, records, outcomes)}

    async def _write_ready(
        self,
        ready: Mapping[int, tuple[Upsert, ObjectSchema]],
        rekeyed: Rekeyed,
        outcomes: dict[int, Outcome],
    ) -> Sequence[Write]:
        """Look up, plan and write; returns what was sent."""
        async with AsyncExitStack() as held:
            asked = questions(row for row in ready.values() if needs_lookup(*row, self._policy))
            if any(question.search for question in asked):
                # Nobody else may create between our search and our write.
                await held.enter_async_context(self._companies.lock)
            finder = Finder(self._client, partial(is_stale, self._known, self._clock))
            findings = await finder.find(asked)
            decisions: Sequence[Decision] = one_per_record(
                [
                    decide(index, row, findings, self._policy, self._recall)
                    for index, row in ready.items()
                ]
            )
            decisions = [rekeyed.held(decision) for decision in decisions]
            decisions = await self._look_for_repeats(decisions, ready)
            writes = [each for each in decisions if isinstance(each, Write)]
            outcomes |= {
                index: decision
                for index, decision in zip(ready, decisions, strict=True)
                if not isinstance(decision, Write)
            }
            rekeyed.begin(writes)
            if writes:
                written = await Writer(self._client, self._schemas.forget).write(writes)
                outcomes.update(written)
            for write in writes:
                self._learn(write, outcomes[write.index])
        return writes

    def _prepared(self, upsert: Upsert) -> Upsert:
        """Without the stored company's id, which is a link and no property, when links are made."""
        if self._options.company_association == "off" or STORED_ID not in upsert.properties:
            return upsert
        kept = {name: value for name, value in upsert.properties.items() if name != STORED_ID}
        return replace(upsert, properties=kept)

    async def _look_for_repeats(
        self, decisions: Sequence[Decision], ready: Mapping[int, tuple[Upsert, ObjectSchema]]
    ) -> Sequence[Decision]:
        looked: list[Decision] = []
        for decision in decisions:
            if isinstance(decision, Write) and _is_repeat(decision):
                schema = ready[decision.index][1]
                looked.append(await self._repeats.find(decision, schema) or decision)
            else:
                looked.append(decision)
        return looked

    async def _link(
        self,
        writes: Sequence[Write],
        records: Mapping[int, Upsert],
        outcomes: Mapping[int, Outcome],
    ) -> Mapping[int, Outcome]:
        """Link the contacts that were written to their companies, if that is wanted."""
        mode = self._options.company_association
        contacts = []
        for write in writes if mode != "off" else ():
            outcome = outcomes[write.index]
            if write.object_type == "contacts" and isinstance(outcome, Delivered):
                target = target_of(records[write.index], mode)
                if target is not None:
                    contacts.append(Contact(write, outcome.record_id, target))
        if not contacts:
            return {}
        changed: dict[int, Outcome] = {}
        for index, linked in (await self._companies.link(contacts)).items():
            outcome = outcomes[index]
            if isinstance(linked, Note) and isinstance(outcome, Delivered):
                changed[index] = replace(outcome, notes=(*outcome.notes, linked))
            elif linked is not None and not isinstance(linked, Note):
                changed[index] = linked
        return changed

    def _recall(self, key: Key) -> str | None:
        return self._known.recall(key, self._clock.now())

    def _learn(self, write: Write, outcome: Outcome) -> None:
        """Remember what was created, as searches do not know it yet; forget what is gone."""
        keys = [match_key(write.object_type, match) for match in write.upsert.matches]
        if isinstance(outcome, Delivered) and write.kind == "create" and outcome.record_id:
            for key in keys:
                self._known.learn(key, outcome.record_id, self._clock.now())
        elif isinstance(outcome, Retry) and outcome.reason is Reason.REMATCH:
            for key in keys:
                self._known.forget(key)


def _is_repeat(write: Write) -> bool:
    return write.kind == "create" and write.upsert.repeated


def open_destination(values: Settings, clock: Clock) -> HubSpotDestination:
    """Build the destination of one connection."""
    options = settings.read(values)
    budget = Budget(
        rate=rate_within(options.burst_requests, WINDOW_SECONDS),
        share=options.api_share,
        recheck_seconds=options.recheck_seconds,
    )
    timeouts = Timeouts(options.connect_timeout_seconds, options.read_timeout_seconds)
    # HubSpot does not document that it takes compressed requests.
    http = HttpClient(budget=budget, clock=clock, timeouts=timeouts, gzip_over_bytes=None)
    return HubSpotDestination(options, clock, http)


KIND = Kind(
    name="hubspot",
    title="HubSpot",
    integrations=("HubSpot", "Hubspot", "HUBSPOT", "HS", "hubspot"),
    settings=declared.SETTINGS,
    mapping_file=Path(__file__).with_name("mapping.yaml"),
    validate=settings.validate,
    open=open_destination,
)
