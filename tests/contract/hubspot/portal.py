"""A HubSpot destination on its emulator, for the contract tests of this CRM."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Unpack

from destinations.hubspot.destination import KIND, HubSpotDestination, open_destination
from destinations.hubspot.emulator import BuildOptions, HubSpotEmulator, build, links
from destinations.hubspot.emulator.portal import Row
from destinations.hubspot.emulator.store import Record
from tests.manual_clock import JumpingClock
from transformer.destination import Settings
from transformer.emulator.server import Call
from transformer.outcome import Outcome
from transformer.upsert import Match, Operation, Upsert

Value = str | bool | int | float | None
TOKEN = "pat-na1-contract"


@dataclass(frozen=True, slots=True)
class Setup:
    """Both sides of one connection, and their clock."""

    emulator: HubSpotEmulator
    destination: HubSpotDestination
    clock: JumpingClock

    async def write(self, *upserts: Upsert) -> list[Outcome]:
        """Write one batch."""
        return list(await self.destination.write(upserts))

    def records(self, object_type: str = "contacts") -> list[Record]:
        """The emulator's live records of an object, oldest first."""
        kind = self.emulator.portal.schema.find(object_type)
        return [each for each in self.emulator.portal.store.all(kind) if not each.archived]

    def contact(self, email: str) -> Record:
        """The emulator's contact with this address."""
        kind = self.emulator.portal.schema.find("contacts")
        record = self.emulator.portal.store.holder(kind, "email", email)
        assert record is not None
        return record

    def add(self, object_type: str, **properties: str) -> Record:
        """Put a record into the account, as its own users do."""
        portal = self.emulator.portal
        call = Call(0, "POST", "", "", {}, b"")
        kind = portal.schema.find(object_type)
        return portal.create(kind, Row(properties), call, self.clock.wall())

    def linked(self, contact: Record) -> list[tuple[str, dict[int, str]]]:
        """The companies a contact is linked to, with the types."""
        companies = self.emulator.portal.schema.find("companies")
        return links.linked(self.emulator.portal, contact, companies)

    def sent(self, ending: str) -> list[dict[str, object]]:
        """The requests whose path ends so, from the emulator's log."""
        return [each for each in self.emulator.requests if str(each["path"]).endswith(ending)]


def settings_for(url: str, **given: Value) -> Settings:
    """The settings of a connection, every declared key present."""
    values: dict[str, Value] = {setting.name: setting.default for setting in KIND.settings}
    mine: dict[str, Value] = {"access_token": TOKEN, "base_url": url, "api_share": 1.0}
    mine |= {"burst_requests": 190}
    if "refresh_token" in given:
        mine["access_token"] = ""
    return values | mine | given


@asynccontextmanager
async def connected(
    settings: Mapping[str, Value] | None = None, **options: Unpack[BuildOptions]
) -> AsyncIterator[Setup]:
    """A destination connected to a fresh emulator; searches lag only if asked to."""
    clock = JumpingClock(1_763_801_000.0)
    options.setdefault("search_lag_seconds", 0.0)
    emulator = build(clock=clock, **options)
    async with emulator.serve():
        values = settings_for(emulator.url, **(settings or {}))
        assert KIND.validate(values) == []
        destination = open_destination(values, clock)
        try:
            yield Setup(emulator, destination, clock)
        finally:
            await destination.close()


def contact(
    email: str,
    given: Mapping[str, object] | None = None,
    /,
    *,
    repeated: bool = False,
    **properties: object,
) -> Upsert:
    """What the default mapping makes of an identify."""
    return Upsert(
        "contacts",
        Operation.UPSERT,
        {"email": email, **(given or {}), **properties},
        (Match("email", email),),
        repeated=repeated,
    )


def company(domain: str, *, repeated: bool = False, **properties: object) -> Upsert:
    """What the default mapping makes of a group call."""
    return Upsert(
        "companies",
        Operation.UPSERT,
        {"domain": domain, **properties},
        (Match("domain", domain),),
        repeated=repeated,
    )


def by_id(object_type: str, record_id: str, **properties: object) -> Upsert:
    """What an external id with an id asks for."""
    match = Match("hs_object_id", record_id)
    return Upsert(object_type, Operation.UPDATE, properties, (match,))


def create(
    object_type: str,
    given: Mapping[str, object] | None = None,
    /,
    *,
    repeated: bool = False,
    **properties: object,
) -> Upsert:
    """What an external id without an id asks for."""
    given = {**(given or {}), **properties}
    return Upsert(object_type, Operation.CREATE, given, repeated=repeated)


def ids(outcomes: Sequence[Outcome]) -> list[str]:
    """The record ids of outcomes that have one."""
    return [str(getattr(outcome, "record_id", "")) for outcome in outcomes]
