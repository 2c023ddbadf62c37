"""An Account Engagement destination on its emulator, for the contract tests of this CRM."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from destinations.account_engagement.destination import (
    KIND,
    AccountEngagementDestination,
    open_destination,
)
from destinations.account_engagement.emulator import AccountEngagementEmulator, build
from tests.manual_clock import JumpingClock
from transformer.clock import Clock
from transformer.destination import Settings
from transformer.outcome import Outcome
from transformer.upsert import Match, Operation, Upsert

Value = str | bool | int | float | None
PROSPECTS = "/api/v5/objects/prospects"
UPSERT = f"{PROSPECTS}/do/upsertLatestByEmail"
NOON = 20_000 * 86_400 + 43_200.0


@dataclass(frozen=True, slots=True)
class Setup:
    """Both sides of one connection, and their clock."""

    emulator: AccountEngagementEmulator
    destination: AccountEngagementDestination
    clock: JumpingClock

    async def write(self, *upserts: Upsert) -> Sequence[Outcome]:
        """Write one batch."""
        return await self.destination.write(upserts)

    async def write_one(self, upsert: Upsert) -> Outcome:
        """Write a batch of one."""
        [outcome] = await self.destination.write([upsert])
        return outcome

    def prospect(self, number: int, *names: str) -> dict[str, object]:
        """Some values of a prospect as the emulator holds them; absent ones are left out."""
        row = self.emulator.store.rows["prospects"][str(number)]
        return {name: row.values[name] for name in names if name in row.values}

    def add_fields(self, **types: str) -> None:
        """Create custom fields, name and type."""
        for name, kind in types.items():
            self.emulator.objects.add("custom-fields", name=name, fieldId=name, type=kind)

    @property
    def count(self) -> int:
        """How many prospects there are, deleted ones too."""
        return len(self.emulator.store.rows["prospects"])

    def calls(self, route: str) -> int:
        """How often a route was called."""
        return self.emulator.calls_by_route[route]


def settings_for(given: Mapping[str, Value], **more: Value) -> Settings:
    """The settings of a connection, every declared key present."""
    values: dict[str, Value] = {setting.name: setting.default for setting in KIND.settings}
    return {**values, "read_timeout_seconds": 5.0, **given, **more}


@asynccontextmanager
async def connected(
    *,
    real_clock: Clock | None = None,
    several_per_email: bool = False,
    daily_calls: int = 50_000,
    limit_status: int = 429,
    reports_usage: bool = True,
    time_zone: str = "UTC",
    settings: Mapping[str, Value] | None = None,
) -> AsyncIterator[Setup]:
    """Run an emulator and open a destination on it."""
    jumping = JumpingClock(NOON)
    clock = real_clock or jumping
    served = build(
        clock=clock,
        several_per_email=several_per_email,
        daily_calls=daily_calls,
        limit_status=limit_status,
        reports_usage=reports_usage,
        time_zone=time_zone,
    )
    async with served.serve() as emulator:
        values = settings_for({**emulator.connection_settings(), **(settings or {})})
        assert KIND.validate(values) == []
        destination = open_destination(values, clock)
        try:
            yield Setup(emulator, destination, jumping)
        finally:
            await destination.close()


def person(email: str, **properties: object) -> Upsert:
    """A prospect found by e-mail."""
    return Upsert(
        "Prospect", Operation.UPSERT, {"email": email, **properties}, (Match("email", email),)
    )


def people(count: int, **properties: object) -> list[Upsert]:
    """So many prospects."""
    return [person(f"p{n}@example.com", firstName=f"P{n}", **properties) for n in range(count)]


def by_crm_id(crm_id: str, **properties: object) -> Upsert:
    """A prospect found by its lead or contact."""
    return Upsert("Prospect", Operation.UPSERT, properties, (Match("salesforceId", crm_id),))


def by_id(prospect_id: int, **properties: object) -> Upsert:
    """An update by id."""
    return Upsert("Prospect", Operation.UPDATE, properties, (Match("id", str(prospect_id)),))


def activity(event: str, email: str, **properties: object) -> Upsert:
    """An external activity."""
    given = {"type": event, "email": email, **properties}
    return Upsert("ExternalActivity", Operation.CREATE, given, event_time=NOON - 60)
