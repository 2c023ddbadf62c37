"""ActiveCampaign as a destination: imports many contacts, writes the rest one by one."""

import asyncio
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from functools import partial
from pathlib import Path

from destinations.activecampaign import check, declared, fields, settings
from destinations.activecampaign.accounts import Accounts
from destinations.activecampaign.catalogue import Catalogue
from destinations.activecampaign.chains import chains
from destinations.activecampaign.client import ActiveCampaignClient
from destinations.activecampaign.contact_plan import ContactPlan, fits_import, is_plain
from destinations.activecampaign.contacts import Contacts
from destinations.activecampaign.deals import Deals
from destinations.activecampaign.fields import FieldBook
from destinations.activecampaign.imports import Importer, Row
from destinations.activecampaign.outstanding import HELD_SECONDS, Outstanding
from destinations.activecampaign.settings import ActiveCampaignSettings
from destinations.activecampaign.tracking import Tracking
from transformer.budget import Budget, Rate
from transformer.clock import Clock
from transformer.destination import FieldUse, Finding, Kind, Limits, Settings
from transformer.failures import Declined
from transformer.http import PATIENCE_SECONDS, HttpClient, Timeouts
from transformer.kit import singles
from transformer.kit.http_destination import HttpDestination
from transformer.kit.singles import Results
from transformer.outcome import Outcome, Reason, Rejected, Retry
from transformer.upsert import Upsert

# 1,000 contacts are four imports; the wait for one of them must not keep the next back.
LIMITS = Limits(batch_records=1000, requests_in_flight=3)
AT_ONCE = 4
OBJECTS = ("contact", "account", "deal", "event")
# Requests are spaced evenly, a little wider than the limit: six never reach the vendor within the
# second in which it allows five.
SPACING = 1.04


class ActiveCampaignDestination(HttpDestination):
    """One ActiveCampaign account. Implements `transformer.destination.Destination`."""

    def __init__(self, options: ActiveCampaignSettings, clock: Clock, http: HttpClient) -> None:
        super().__init__(http)
        self._options = options
        self._limits = replace(LIMITS, backlog_records=options.bulk_threshold or None)
        self._client = ActiveCampaignClient(http, options, clock)
        unknown = options.unknown_fields
        self._books = {
            "contact": FieldBook(self._client, clock, fields.CONTACT, unknown),
            "account": FieldBook(self._client, clock, fields.ACCOUNT, unknown),
            "deal": FieldBook(self._client, clock, fields.DEAL, unknown),
        }
        catalogue = Catalogue(self._client, clock)
        self._accounts = Accounts(self._client, self._books["account"], clock, options)
        self._contacts = Contacts(
            self._client, self._books["contact"], catalogue, self._accounts, options
        )
        self._deals = Deals(
            self._client,
            fields=self._books["deal"],
            catalogue=catalogue,
            accounts=self._accounts,
            contacts=self._contacts,
            settings=options,
            clock=clock,
        )
        self._tracking = Tracking(self._client, options)
        self._outstanding = Outstanding(self._client, options, clock)
        self._importer = Importer(self._client, options, clock, self._outstanding)

    @property
    def limits(self) -> Limits:
        """How much one `write` takes."""
        return self._limits

    async def write(self, batch: Sequence[Upsert]) -> Sequence[Outcome]:
        """Write `batch`: contacts by bulk import from `bulk_threshold` on, the rest singly.

        Raises WriteFailed when the CRM said nothing of any upsert; else a failure becomes a Retry
        of the upserts it concerns.
        """
        results = Results()
        held = await self._outstanding.held(batch)
        for chain in chains(batch):
            results.outcomes.update(_held(chain, held))
        rows = {row.index: row for row in await self._importable(batch, results)}
        people = [[i for i in chain if i not in results.outcomes] for chain in chains(batch)]
        now = [chain for chain in people if not rows.keys() & set(chain)]
        later = [chain for chain in people if rows.keys() & set(chain)]
        plans = {index: row.plan for index, row in rows.items()}
        async with asyncio.TaskGroup() as group:
            importing = group.create_task(self._importer.run(list(rows.values()), results))
            group.create_task(self._singly(batch, now, plans, results))
        singly = {row.index for row in importing.result()}
        after = [_left(chain, rows.keys() - singly, results) for chain in later]
        await self._singly(batch, after, plans, results)
        return results.settled()

    async def _singly(
        self,
        batch: Sequence[Upsert],
        chains_of: Sequence[Sequence[int]],
        plans: Mapping[int, ContactPlan],
        results: Results,
    ) -> None:
        jobs = [
            [(index, partial(self._single, batch[index], plans.get(index))) for index in chain]
            for chain in chains_of
        ]
        await singles.run(jobs, results, at_once=AT_ONCE)

    async def check(self, uses: Sequence[FieldUse]) -> Sequence[Finding]:
        """Compare the key, objects and fields with the account."""
        return await check.run(self._client, self._options, self._books, uses)

    async def _importable(self, batch: Sequence[Upsert], results: Results) -> Sequence[Row]:
        """The contacts to import: those that an import can do, if they are enough of them.

        Raises WriteFailed when the account's fields cannot be read: nothing was sent yet.
        """
        threshold = self._options.bulk_threshold
        plain = [
            i
            for i, each in enumerate(batch)
            if each.object_type == "contact" and i not in results.outcomes and is_plain(each)
        ]
        if not threshold or len(plain) < threshold:
            return ()
        rows = []
        for index in plain:
            try:
                plan = await self._contacts.plan(batch[index].properties)
            except Declined as declined:
                results.outcomes[index] = declined.outcome
                continue
            if fits_import(plan):
                rows.append(Row(index, plan))
        return rows if len(rows) >= threshold else ()

    async def _single(self, upsert: Upsert, plan: ContactPlan | None = None) -> Outcome:
        match upsert.object_type:
            case "contact":
                return await self._contacts.write(upsert, plan)
            case "account":
                return await self._accounts.write(upsert)
            case "deal":
                return await self._deals.write(upsert)
            case "event":
                return await self._tracking.write(upsert)
            case other:
                detail = f"{other}: unknown object, expected one of {', '.join(OBJECTS)}."
                return Rejected(Reason.UNKNOWN_OBJECT, detail)


def _held(chain: Sequence[int], held: Mapping[int, Retry]) -> Mapping[int, Retry]:
    """What waits of a person: all that is there, when the contact has to."""
    if held.keys().isdisjoint(chain):
        return {}
    waiting = Retry(Reason.SAME_RECORD, after_seconds=HELD_SECONDS, counts=False)
    return {index: held.get(index, waiting) for index in chain}


def _left(chain: Sequence[int], imported: AbstractSet[int], results: Results) -> Sequence[int]:
    """What is to be sent of a person after the import; nothing when the contact is still open."""
    left = [index for index in chain if index not in imported]
    if any(index in imported and index not in results.outcomes for index in chain):
        waiting = Retry(Reason.SAME_RECORD, counts=False)
        results.outcomes.update(dict.fromkeys(left, waiting))
        return ()
    return left


def open_destination(values: Settings, clock: Clock) -> ActiveCampaignDestination:
    """Build the destination of one connection."""
    options = settings.read(values)
    spacing = SPACING / options.requests_per_second
    budget = Budget(rate=Rate(1, spacing))
    http = HttpClient(
        budget=budget,
        clock=clock,
        timeouts=Timeouts(options.connect_timeout_seconds, options.read_timeout_seconds),
        # The next request's turn is always waited for, however slow the rate.
        patience_seconds=max(PATIENCE_SECONDS, 2 * spacing),
        # Nothing says that the API takes compressed requests.
        gzip_over_bytes=None,
    )
    return ActiveCampaignDestination(options, clock, http)


KIND = Kind(
    name="activecampaign",
    title="ActiveCampaign",
    integrations=("ActiveCampaign", "Active Campaign", "activecampaign"),
    settings=declared.SETTINGS,
    mapping_file=Path(__file__).with_name("mapping.yaml"),
    validate=settings.validate,
    open=open_destination,
)
