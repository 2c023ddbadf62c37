"""Salesforce as a destination: looks up, plans, writes, and answers one outcome per upsert."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from destinations.salesforce import check, declared, settings
from destinations.salesforce.answers import failed
from destinations.salesforce.auth import Session
from destinations.salesforce.bulk.backlog import Bulk, BulkOptions
from destinations.salesforce.bulk.jobs import BulkJobs
from destinations.salesforce.client import SalesforceClient
from destinations.salesforce.ids import RecordIds
from destinations.salesforce.keys import Keyed, keyed, plan_queries
from destinations.salesforce.lookup import Finder
from destinations.salesforce.pack import Row, encode, one_per_record
from destinations.salesforce.plan import Decision, Policy, Write, decide
from destinations.salesforce.refused import RefusedFields
from destinations.salesforce.rekeyed import Rekeyed
from destinations.salesforce.repeats import Repeats
from destinations.salesforce.schema import Schemas
from destinations.salesforce.settings import SalesforceSettings
from destinations.salesforce.unchanged import LastWritten
from destinations.salesforce.validity import problem
from destinations.salesforce.writer import Writer
from transformer.budget import Budget
from transformer.clock import Clock
from transformer.destination import Finding, Kind, Limits, Settings
from transformer.errors import QuotaSpent, WriteFailed
from transformer.http import HttpClient, Timeouts
from transformer.kit.http_destination import HttpDestination
from transformer.outcome import Outcome
from transformer.upsert import FieldUse, Upsert

# 1,000 rows are one lookup and one write: five collections of 200 in one composite.
LIMITS = Limits(batch_records=1000, requests_in_flight=2, batch_bytes=6 * 1024 * 1024)


@dataclass(frozen=True, slots=True)
class Plan:
    """A batch's upserts with a decision each; `relied` are those made on remembered ids."""

    upserts: Sequence[Keyed]
    decisions: Sequence[Decision]
    relied: frozenset[int]


class SalesforceDestination(HttpDestination):
    """One Salesforce org. Implements `transformer.destination.Destination`."""

    def __init__(self, options: SalesforceSettings, clock: Clock, http: HttpClient) -> None:
        super().__init__(http)
        self._clock = clock
        self._options = options
        self._policy = Policy(
            use_contact_id=options.use_contact_id,
            several_matches=options.several_matches,
            duplicates=options.duplicates,
            drop_unknown_fields=options.drop_unknown_fields,
        )
        self._limits = replace(LIMITS, backlog_records=options.bulk_threshold or None)
        self._headers = write_headers(options)
        self._session = Session(http, options, clock)
        self._client = SalesforceClient(http, self._session, options, clock)
        self._schemas = Schemas(self._client, clock)
        self._repeats = Repeats(self._client, self._schemas, clock)
        self._ids = RecordIds(
            capacity=options.remember_ids,
            seconds=options.remember_seconds,
            clock=clock,
            follow_contacts=options.use_contact_id,
        )
        self._last_written = LastWritten(
            capacity=options.remember_ids if options.skip_unchanged else 0,
            seconds=options.remember_seconds,
            clock=clock,
        )
        self._bulk = Bulk(
            self._client,
            BulkJobs(self._client, self._session),
            schemas=self._schemas,
            clock=clock,
            policy=self._policy,
            options=BulkOptions(
                options.bulk_threshold, options.bulk_wait_seconds, options.assignment_rules
            ),
        )
        self._refused = RefusedFields(self._policy, clock)

    @property
    def limits(self) -> Limits:
        """How much one `write` takes."""
        return self._limits

    async def write(self, batch: Sequence[Upsert]) -> Sequence[Outcome]:
        """Write `batch`: one lookup request, one write request for up to 1,000 upserts.

        Raises WriteFailed when nothing is known of any upsert; after that, a failure becomes a
        Retry of the upserts it concerns.
        """
        await self._ask_for_quota()
        outcomes: dict[int, Outcome] = {}
        rekeyed = Rekeyed(self._ids.known, self._clock)
        try:
            plan = await self._plan(batch, rekeyed)
            rows = self._rows(plan.decisions, outcomes)
            rekeyed.begin(rows)
            outcomes.update(await self._send(rows, backlog=self._bulk.takes(len(batch))))
        finally:
            rekeyed.end(outcomes)
        return [
            self._ids.settle(each, decision, outcomes[index], relied=index in plan.relied)
            for index, (each, decision) in enumerate(zip(plan.upserts, plan.decisions, strict=True))
        ]

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

    def _rows(self, decisions: Sequence[Decision], outcomes: dict[int, Outcome]) -> Sequence[Row]:
        """The rows to send; the outcomes of all others."""
        rows: list[Row] = []
        for index, decision in enumerate(decisions):
            ready = self._ready(decision) if isinstance(decision, Write) else decision
            if isinstance(ready, Row):
                rows.append(ready)
            else:
                outcomes[index] = ready
        return rows

    def _ready(self, write: Write) -> Row | Outcome:
        """The row to send, or why there is none."""
        write = self._refused.left_out(write)
        return self._last_written.unchanged(write) or encode(write)

    async def _send(self, rows: Sequence[Row], *, backlog: bool) -> Mapping[int, Outcome]:
        """Send `rows`, a backlog by jobs as far as it goes; raises only if nothing is known."""
        outcomes: dict[int, Outcome] = {}
        self._last_written.begin(rows)
        try:
            if backlog:
                progress = await self._bulk.write(rows)
                outcomes, rest = progress.outcomes, progress.left
            else:
                rest = list(rows)
            outcomes.update(await self._send_rest(rest, alone=not outcomes))
        finally:
            self._last_written.end(rows, outcomes)
        return outcomes

    async def _send_rest(self, rows: Sequence[Row], *, alone: bool) -> Mapping[int, Outcome]:
        writer = Writer(self._client, self._policy, self._headers, self._refused)
        try:
            return await writer.write(rows)
        except WriteFailed as failure:
            if alone:
                raise
            return {row.write.index: failed(row.write, failure, sent=True) for row in rows}

    async def _plan(self, batch: Sequence[Upsert], rekeyed: Rekeyed) -> Plan:
        """Look up what is not known, and decide what becomes of every upsert."""
        held = await self._bulk.held(batch)
        settled: dict[int, Decision] = {}
        upserts: list[Keyed] = []
        for index, upsert in enumerate(batch):
            why = held.get(index) or problem(upsert)
            if why is None:
                upserts.append(keyed(upsert, self._options.upsert_directly))
            else:
                settled[index] = why
                upserts.append(Keyed(upsert, (), needs_lookup=False))
        rekeyed.named(upserts)
        asked, known = self._ids.split([each for each in upserts if each.needs_lookup])
        findings = await Finder(self._client).find(plan_queries(asked))
        self._ids.learn(asked, findings)
        findings.records.update(known)
        decisions: Sequence[Decision] = [
            settled.get(index) or decide(index, each, findings, self._policy, self._ids.created)
            for index, each in enumerate(upserts)
        ]
        relied = frozenset(
            index for index, each in enumerate(upserts) if each.keys and each.keys[0] in known
        )
        decisions = rekeyed.held(one_per_record(decisions), upserts)
        return Plan(upserts, await self._look_for_repeats(decisions), relied)

    async def _look_for_repeats(self, decisions: Sequence[Decision]) -> Sequence[Decision]:
        """Replace creates that an earlier attempt did already by what became of them."""
        repeats = [each for each in decisions if isinstance(each, Write) and each.is_repeat]
        if not repeats:
            return decisions
        found = await self._repeats.find(repeats)
        return [found.get(index, decision) for index, decision in enumerate(decisions)]


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
