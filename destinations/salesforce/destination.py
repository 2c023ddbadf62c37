"""Salesforce as a destination: looks up, plans, writes, and answers one outcome per upsert."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from destinations.salesforce import check, declared, settings
from destinations.salesforce.auth import Session
from destinations.salesforce.client import SalesforceClient
from destinations.salesforce.lookup import (
    Finder,
    MatchKey,
    is_id,
    match_key,
    needs_lookup,
    plan_queries,
)
from destinations.salesforce.pack import Row, encode, one_per_record
from destinations.salesforce.plan import Decision, Policy, Write, decide
from destinations.salesforce.refused import RefusedFields
from destinations.salesforce.repeats import Repeats
from destinations.salesforce.schema import Schemas
from destinations.salesforce.settings import SalesforceSettings
from destinations.salesforce.validity import problem
from destinations.salesforce.writer import Writer
from transformer.budget import Budget
from transformer.clock import Clock
from transformer.destination import Finding, Kind, Limits, Settings
from transformer.errors import QuotaSpent
from transformer.http import ExchangeHook, HttpClient, Timeouts
from transformer.outcome import Delivered, Outcome, Reason, Retry
from transformer.remembered import Remembered
from transformer.upsert import FieldUse, Upsert

# 1,000 rows are one lookup and one write: five collections of 200 in one composite.
LIMITS = Limits(batch_records=1000, requests_in_flight=2, batch_bytes=6 * 1024 * 1024)
REMEMBERED_RECORDS = 100_000
REMEMBERED_SECONDS = 600.0


class SalesforceDestination:
    """One Salesforce org. Implements `transformer.destination.Destination`."""

    def __init__(self, options: SalesforceSettings, clock: Clock, http: HttpClient) -> None:
        self._clock = clock
        self._http = http
        self._options = options
        self._policy = Policy(
            use_contact_id=options.use_contact_id,
            several_matches=options.several_matches,
            duplicates=options.duplicates,
            drop_unknown_fields=options.drop_unknown_fields,
        )
        self._headers = write_headers(options)
        self._session = Session(http, options, clock)
        self._client = SalesforceClient(http, self._session, options, clock)
        self._schemas = Schemas(self._client, clock)
        self._repeats = Repeats(self._client, self._schemas, clock)
        self._created: Remembered[MatchKey, str] = Remembered(
            capacity=REMEMBERED_RECORDS, seconds=REMEMBERED_SECONDS
        )
        self._refused = RefusedFields(self._policy, clock)

    @property
    def limits(self) -> Limits:
        """How much one `write` takes."""
        return LIMITS

    @property
    def budget(self) -> Budget:
        """The org's API requests, as every answer tells them."""
        return self._http.budget

    def observe_requests(self, hook: ExchangeHook) -> None:
        """Call `hook` after every request from now on."""
        self._http.on_request = hook

    async def open(self) -> None:
        """Prepare to write; the first request logs in."""

    async def close(self) -> None:
        """Close connections."""
        await self._http.close()

    async def write(self, batch: Sequence[Upsert]) -> Sequence[Outcome]:
        """Write `batch`: one lookup request, one write request for up to 1,000 upserts.

        Raises WriteFailed when nothing is known of any upsert; after that, a failure becomes a
        Retry of the upserts it concerns.
        """
        await self._ask_for_quota()
        decisions = await self._decide(batch)
        outcomes = {
            index: decision
            for index, decision in enumerate(decisions)
            if not isinstance(decision, Write)
        }
        rows = []
        for decision in decisions:
            if isinstance(decision, Write):
                row = encode(self._refused.left_out(decision))
                if isinstance(row, Row):
                    rows.append(row)
                else:
                    outcomes[decision.index] = row
        writer = Writer(self._client, self._policy, self._headers, self._refused)
        outcomes.update(await writer.write(rows) if rows else {})
        for index, upsert in enumerate(batch):
            self._learn(upsert, outcomes[index])
        return [outcomes[index] for index in range(len(batch))]

    async def check(self, fields: Sequence[FieldUse]) -> Sequence[Finding]:
        """Compare credentials, objects, fields and the budget with the org."""
        return await check.run(
            self._options,
            session=self._session,
            client=self._client,
            schemas=self._schemas,
            budget=self.budget,
            fields=fields,
        )

    async def _ask_for_quota(self) -> None:
        """Ask once per recheck interval whether spent requests are back (row S8)."""
        if not self.budget.recheck_due(self._clock.now()):
            return
        await self._client.limits()
        if self.budget.exhausted:
            raise QuotaSpent(
                f"limits: {self.budget.used} of {self.budget.allowed} allowed requests are used."
                " Waiting for the quota to come back.",
                after_seconds=self.budget.recheck_seconds,
            )

    async def _decide(self, batch: Sequence[Upsert]) -> Sequence[Decision]:
        problems = [problem(upsert) for upsert in batch]
        wanted = [
            upsert
            for upsert, wrong in zip(batch, problems, strict=True)
            if wrong is None and needs_lookup(upsert)
        ]
        findings = await Finder(self._client).find(plan_queries(wanted))
        decisions: Sequence[Decision] = [
            wrong or decide(index, upsert, findings, self._policy, self._recall)
            for index, (upsert, wrong) in enumerate(zip(batch, problems, strict=True))
        ]
        return await self._look_for_repeats(one_per_record(decisions))

    async def _look_for_repeats(self, decisions: Sequence[Decision]) -> Sequence[Decision]:
        """Replace creates that an earlier attempt did already by what became of them."""
        found = await self._repeats.find(
            [
                decision
                for decision in decisions
                if isinstance(decision, Write) and decision.is_repeat
            ]
        )
        return [found.get(index, decision) for index, decision in enumerate(decisions)]

    def _recall(self, key: MatchKey) -> str | None:
        return self._created.recall(key, self._clock.now())

    def _learn(self, upsert: Upsert, outcome: Outcome) -> None:
        """Remember what was created, and forget what turned out to be gone or converted."""
        now = self._clock.now()
        keys = [
            match_key(upsert.object_type, match) for match in upsert.matches if not is_id(match)
        ]
        if isinstance(outcome, Delivered):
            for key in keys if outcome.operation == "created" else ():
                self._created.learn(key, outcome.record_id, now)
        elif isinstance(outcome, Retry) and outcome.reason is Reason.REMATCH:
            for key in keys:
                self._created.forget(key)


def write_headers(options: SalesforceSettings) -> Mapping[str, str]:
    """The headers of requests that write; also set on each part of a composite."""
    headers = {"Sforce-Mru": "updateMru=false"}
    if not options.assignment_rules:
        headers["Sforce-Auto-Assign"] = "FALSE"
    if options.duplicates == "allow":
        headers["Sforce-Duplicate-Rule-Header"] = "allowSave=true"
    return headers


def open_destination(values: Settings, clock: Clock) -> SalesforceDestination:
    """Build the destination of one connection."""
    options = settings.read(values)
    budget = Budget(share=options.api_share, recheck_seconds=options.recheck_seconds)
    timeouts = Timeouts(options.connect_timeout_seconds, options.read_timeout_seconds)
    return SalesforceDestination(
        options, clock, HttpClient(budget=budget, clock=clock, timeouts=timeouts)
    )


KIND = Kind(
    name="salesforce",
    title="Salesforce",
    integrations=("Salesforce", "SalesForce", "salesforce"),
    settings=declared.SETTINGS,
    mapping_file=Path(__file__).with_name("mapping.yaml"),
    validate=settings.validate,
    open=open_destination,
)
