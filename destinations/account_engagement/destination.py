"""Account Engagement as a destination: one prospect per request, a few requests at once."""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from destinations.account_engagement import (
    activities,
    check,
    declared,
    prospects,
    settings,
)
from destinations.account_engagement.activities import Activities
from destinations.account_engagement.assigning import Assigner, Gathered, Give
from destinations.account_engagement.auth import Session
from destinations.account_engagement.catalogue import Joiner, Lists, Tags
from destinations.account_engagement.chains import chains
from destinations.account_engagement.client import AccountEngagementClient
from destinations.account_engagement.fields import CustomFields
from destinations.account_engagement.finder import Finder
from destinations.account_engagement.prospect_plan import Planner
from destinations.account_engagement.prospects import Prospects
from destinations.account_engagement.settings import AccountEngagementSettings
from destinations.account_engagement.users import Users
from transformer.budget import Budget
from transformer.clock import Clock
from transformer.destination import FieldUse, Finding, Kind, Limits, Settings
from transformer.http import HttpClient, Timeouts
from transformer.kit import singles
from transformer.kit.http_destination import HttpDestination
from transformer.kit.singles import Results
from transformer.outcome import Outcome, Reason, Rejected, Skipped
from transformer.upsert import Upsert

# The requests of one write share the business unit's few places; another write would need its own.
# A batch costs up to ten requests beside those of its prospects: the import that assigns them.
LIMITS = Limits(batch_records=1000, requests_in_flight=1)
OPPORTUNITY = "Opportunity"
# What API v5 has and lets nobody write.
READ_ONLY_OBJECTS = frozenset({"Campaign", OPPORTUNITY, "ProspectAccount"})


class AccountEngagementDestination(HttpDestination):
    """One business unit. Implements `transformer.destination.Destination`."""

    limits = LIMITS

    def __init__(self, options: AccountEngagementSettings, clock: Clock, http: HttpClient) -> None:
        super().__init__(http)
        self._options = options
        self._client = client = AccountEngagementClient(
            http, Session(http, options, clock), options, clock
        )
        self._users = Users(client, clock)
        self._custom = CustomFields(client, clock)
        self._lists = Lists(client, clock)
        planner = Planner(
            options,
            custom=self._custom,
            users=self._users,
            lists=self._lists,
            tags=Tags(client, clock),
        )
        self._prospects = Prospects(
            client,
            options,
            planner=planner,
            finder=Finder(client, options.several_matches, clock),
            joiner=Joiner(client, clock),
        )
        self._assigner = Assigner(client, options, clock)
        self._activities = Activities(client, options, clock)

    async def write(self, batch: Sequence[Upsert]) -> Sequence[Outcome]:
        """Write `batch`, one prospect per request; those of nobody are assigned after all others.

        Raises WriteFailed when the CRM said nothing of any upsert; else a failure becomes a Retry
        of the upserts it concerns.
        """
        await self._client.keep_usage()
        results = Results()
        gathered = self._assigner.gather(len(batch))
        jobs = [
            [(index, partial(self._write_one, batch[index], give)) for index, give in chain]
            for chain in self._ways(batch, gathered)
        ]
        await singles.run(jobs, results, at_once=self._options.requests_in_flight)
        if gathered is not None:
            await self._assigner.finish(gathered, results)
        return results.settled()

    async def check(self, fields: Sequence[FieldUse]) -> Sequence[Finding]:
        """Compare token, business unit, abilities, fields and the budget with the account."""
        return await check.run(
            self._client,
            self._options,
            users=self._users,
            custom=self._custom,
            lists=self._lists,
            budget=self.budget,
            uses=fields,
        )

    def _ways(
        self, batch: Sequence[Upsert], gathered: Gathered | None
    ) -> Iterator[Sequence[tuple[int, Give]]]:
        """The chains of a batch, with how each upsert's prospect gets its user if it is nobody's.

        It is given at once where others of the batch may be about the same prospect, too: one of
        them may name a user.
        """
        for chain in chains(batch):
            alone = sum(batch[index].object_type == prospects.OBJECT for index in chain) == 1
            if gathered is None or not alone:
                yield [(index, self._assigner.give) for index in chain]
            else:
                yield [(index, partial(gathered.add, index)) for index in chain]

    async def _write_one(self, upsert: Upsert, give: Give) -> Outcome:
        match upsert.object_type:
            case prospects.OBJECT:
                return await self._prospects.write(upsert, give)
            case activities.OBJECT:
                return await self._activities.write(upsert)
            case other:
                return self._unwritable(other)

    def _unwritable(self, name: str) -> Outcome:
        """What is read only is refused in its own words; opportunities may be skipped (row P6)."""
        if name == OPPORTUNITY and self._options.opportunities == "skip":
            return Skipped(Reason.EVENT_TYPE_NOT_MAPPED, "opportunities are read only in API v5")
        if name in READ_ONLY_OBJECTS:
            detail = f"{name}: read only in API v5. Write it in Salesforce; the connector syncs it."
            return Rejected(Reason.ACCESS_DENIED, detail)
        known = f"{prospects.OBJECT}, {activities.OBJECT}"
        return Rejected(Reason.UNKNOWN_OBJECT, f"{name}: unknown object, expected one of {known}.")


def open_destination(values: Settings, clock: Clock) -> AccountEngagementDestination:
    """Build the destination of one connection."""
    options = settings.read(values)
    http = HttpClient(
        budget=Budget(share=options.api_share, recheck_seconds=options.recheck_seconds),
        clock=clock,
        timeouts=Timeouts(options.connect_timeout_seconds, options.read_timeout_seconds),
        # Nothing says that the API takes compressed requests.
        gzip_over_bytes=None,
    )
    return AccountEngagementDestination(options, clock, http)


KIND = Kind(
    name="account_engagement",
    title="Salesforce Account Engagement",
    integrations=(
        "Account Engagement",
        "Salesforce Account Engagement",
        "Pardot",
        "account_engagement",
    ),
    settings=declared.SETTINGS,
    mapping_file=Path(__file__).with_name("mapping.yaml"),
    validate=settings.validate,
    open=open_destination,
    starts_paused=True,
    one_per="business_unit_id",
)
