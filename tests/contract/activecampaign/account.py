"""An ActiveCampaign destination on its emulator, for the contract tests of this CRM."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from destinations.activecampaign.destination import (
    KIND,
    ActiveCampaignDestination,
    open_destination,
)
from destinations.activecampaign.emulator import ActiveCampaignEmulator, build
from tests.manual_clock import JumpingClock
from transformer.clock import Clock
from transformer.destination import Settings
from transformer.upsert import Match, Operation, Upsert

Value = str | bool | int | float | None


@dataclass(frozen=True, slots=True)
class Setup:
    """Both sides of one connection, and their clock."""

    emulator: ActiveCampaignEmulator
    destination: ActiveCampaignDestination
    clock: JumpingClock

    async def write(self, *upserts: Upsert) -> Sequence[object]:
        """Write one batch."""
        return await self.destination.write(upserts)

    def rows(self, kind: str) -> list[dict[str, object]]:
        """The emulator's records of a kind, without their history."""
        rows = self.emulator.store.to_json(kind)
        return [{k: v for k, v in row.items() if k != "_history"} for row in rows]

    def contact(self, email: str) -> dict[str, str]:
        """What the emulator holds of a contact: its own fields, and custom ones by title."""
        row = self.emulator.contacts.by_email(email)
        assert row is not None
        found: dict[str, str] = {
            name: row.get(name)
            for name in ("email", "firstName", "lastName", "phone")
            if name in row.values
        }
        for value in self.emulator.store.where("fieldValues", contact=row.id):
            field = self.emulator.store.get("fields", value.get("field"))
            assert field is not None
            found[field.get("title")] = value.get("value")
        return found


def settings_for(url: str, **given: Value) -> Settings:
    """The settings of a connection, every declared key present."""
    values: dict[str, Value] = {setting.name: setting.default for setting in KIND.settings}
    mine: Mapping[str, Value] = {
        "base_url": url,
        "api_token": "emulator-token",
        "event_url": url,
        "event_account_id": "1234567",
        "event_key": "emulator-event-key",
        "read_timeout_seconds": 5.0,
    }
    return {**values, **mine, **given}


@asynccontextmanager
async def connected(
    *, real_clock: Clock | None = None, limited: bool = False, **settings: Value
) -> AsyncIterator[Setup]:
    """Run an emulator and open a destination on it. Without `limited` nothing is throttled."""
    jumping = JumpingClock(1_750_001_000.0)
    clock = real_clock or jumping
    rate = 5 if limited else None
    async with build(clock=clock, requests_per_second=rate).serve() as emulator:
        destination = open_destination(settings_for(emulator.url, **settings), clock)
        try:
            yield Setup(emulator, destination, jumping)
        finally:
            await destination.close()


def person(email: str, **properties: object) -> Upsert:
    """A contact found by e-mail."""
    return Upsert(
        "contact",
        Operation.UPSERT,
        {"email": email, **properties},
        (Match("email", email),),
    )


def people(count: int, **properties: object) -> list[Upsert]:
    """So many contacts."""
    return [
        person(f"p{number}@example.com", firstName=f"P{number}", **properties)
        for number in range(count)
    ]


def record(object_type: str, record_id: str, **properties: object) -> Upsert:
    """An update by id."""
    return Upsert(object_type, Operation.UPDATE, properties, (Match("id", record_id),))


def new(object_type: str, **properties: object) -> Upsert:
    """A create without match key."""
    return Upsert(object_type, Operation.CREATE, properties)
