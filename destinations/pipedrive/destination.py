"""Pipedrive as a destination: writes a batch record by record, a bounded number at once."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from destinations.pipedrive import check, declared, settings
from destinations.pipedrive.auth import Session
from destinations.pipedrive.bodies import Bodies
from destinations.pipedrive.client import PipedriveClient
from destinations.pipedrive.failures import per_upsert
from destinations.pipedrive.fields import Fields
from destinations.pipedrive.known import Known
from destinations.pipedrive.links import Links
from destinations.pipedrive.locate import Locator
from destinations.pipedrive.locks import Locks
from destinations.pipedrive.lookup import Finder
from destinations.pipedrive.recent import Recent
from destinations.pipedrive.settings import PipedriveSettings
from destinations.pipedrive.updater import Updater
from destinations.pipedrive.writer import Writer
from transformer.budget import Budget
from transformer.clock import Clock
from transformer.destination import Finding, Kind, Limits, Settings
from transformer.http import HttpClient, Timeouts
from transformer.kit.http_destination import HttpDestination
from transformer.outcome import Outcome
from transformer.upsert import FieldUse, Upsert

# Pipedrive takes one record per request; a batch is what may be worked on before the next one.
LIMITS = Limits(batch_records=25, requests_in_flight=2)


class PipedriveDestination(HttpDestination):
    """One Pipedrive company. Implements `transformer.destination.Destination`."""

    limits = LIMITS

    def __init__(self, options: PipedriveSettings, clock: Clock, http: HttpClient) -> None:
        super().__init__(http)
        self._options = options
        self._clock = clock
        session = Session(http, options, clock)
        self._client = client = PipedriveClient(http, session, options, clock)
        self._fields = fields = Fields(client, clock)
        # Never so many at once that a window is full of requests without an answer.
        self._places = asyncio.Semaphore(min(options.concurrency, options.searches, options.burst))
        known, locks = Known(options.remember_seconds), Locks()
        self._recent = recent = Recent(client, clock)
        locator = Locator(
            finder=Finder(client, fields, options.domain_field),
            recent=recent,
            known=known,
            clock=clock,
            several=options.several_matches,
        )
        links = Links(client, fields, locator, known, locks, clock, options)
        bodies = Bodies(client, fields, links, options)
        updater = Updater(client, bodies, known, locks, clock, options)
        self._writer = Writer(
            client, bodies, locator, updater, recent, known, locks, clock, options
        )

    async def write(self, batch: Sequence[Upsert]) -> Sequence[Outcome]:
        """Write `batch`, one request or two per upsert, a bounded number of them at once.

        What fails as a whole for one upsert is that upsert's outcome, so that what is known of the
        others is not lost. Raises WriteFailed when all of them failed in the same way.
        """
        number = self._recent.begin()
        if self._client.suspects_quota:
            await self._client.me()
        tries = await asyncio.gather(
            *(self._write(upsert, number) for upsert in batch), return_exceptions=True
        )
        return per_upsert(tries)

    async def check(self, fields: Sequence[FieldUse]) -> Sequence[Finding]:
        """Compare credentials, objects, fields and settings with the company."""
        return await check.run(self._options, self._client, self._fields, fields)

    async def _write(self, upsert: Upsert, number: int) -> Outcome:
        async with self._places:
            return await self._writer.write(upsert, number)


def open_destination(values: Settings, clock: Clock) -> PipedriveDestination:
    """Build the destination of one connection."""
    options = settings.read(values)
    budget = Budget(
        limit=options.daily_tokens,
        share=options.api_share,
        recheck_seconds=options.recheck_seconds,
    )
    timeouts = Timeouts(options.connect_timeout_seconds, options.read_timeout_seconds)
    http = HttpClient(budget=budget, clock=clock, timeouts=timeouts, gzip_over_bytes=None)
    return PipedriveDestination(options, clock, http)


KIND = Kind(
    name="pipedrive",
    title="Pipedrive",
    integrations=("Pipedrive", "PipeDrive", "pipedrive"),
    settings=declared.SETTINGS,
    mapping_file=Path(__file__).with_name("mapping.yaml"),
    validate=settings.validate,
    open=open_destination,
)
