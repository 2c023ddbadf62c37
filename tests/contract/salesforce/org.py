"""An emulated org and a destination connected to it, for the Salesforce contract tests."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Unpack

from destinations.salesforce import emulator
from destinations.salesforce.destination import KIND, SalesforceDestination
from destinations.salesforce.emulator import BuildOptions, SalesforceEmulator
from tests.manual_clock import ManualClock
from transformer.destination import Settings
from transformer.outcome import Delivered, Outcome, Retry
from transformer.upsert import Match, Operation, Upsert

CUSTOM_FIELDS = {
    "Lead": ["Plan__c:string(255)", "Score__c:double(18,2)", "Vip__c:boolean", "Since__c:date"],
    "Contact": ["Ext__c:string(40):externalId,unique", "Plan__c:string(255)"],
}
CUSTOM_OBJECTS = {"Visit__c": ["Page__c:string(255)", "Notes__c:textarea(32000)"]}
TRIES = 6


@dataclass(slots=True)
class Connected:
    """An org, a destination on it, and the clock of the destination."""

    org: SalesforceEmulator
    destination: SalesforceDestination
    clock: ManualClock

    async def write(self, *batch: Upsert) -> Sequence[Outcome]:
        """One write."""
        return await self.destination.write(batch)

    async def settle(self, *batch: Upsert) -> Sequence[Outcome]:
        """Write until nothing is left to retry, as the engine would, without redirects."""
        outcomes = dict(enumerate(await self.destination.write(batch)))
        for _ in range(TRIES):
            again = {i: o for i, o in outcomes.items() if isinstance(o, Retry) and not o.redirect}
            if not again:
                break
            resent = [
                replace(batch[i], repeated=True) if o.may_have_applied else batch[i]
                for i, o in again.items()
            ]
            outcomes.update(zip(again, await self.destination.write(resent), strict=True))
        return [outcomes[index] for index in range(len(batch))]


@asynccontextmanager
async def connected(
    settings: Settings | None = None, *, one_clock: bool = False, **options: Unpack[BuildOptions]
) -> AsyncIterator[Connected]:
    """Serve an org and connect to it; the client asked for nothing unknown when it ends.

    With `one_clock` the org goes by the destination's clock, as signatures that expire need.
    """
    options.setdefault("custom_fields", CUSTOM_FIELDS)
    options.setdefault("custom_objects", CUSTOM_OBJECTS)
    clock = ManualClock()
    if one_clock:
        options["clock"] = clock
    async with emulator.build(**options).serve() as org:
        destination = KIND.open(
            {
                "login_url": org.url,
                "client_id": "consumer-key",
                "client_secret": "consumer-secret",
                **(settings or {}),
            },
            clock,
        )
        assert isinstance(destination, SalesforceDestination)
        try:
            yield Connected(org, destination, clock)
        finally:
            await destination.close()
        assert list(org.unknown_routes) == []


def identify(email: str = "ann@x.io", **properties: object) -> Upsert:
    """A lead by email, as the default mapping makes it."""
    return Upsert(
        "Lead",
        Operation.UPSERT,
        {"Email": email, **properties},
        (Match("Email", email),),
        on_create={"LastName": "n/a", "Company": "n/a"},
        required=frozenset({"LastName", "Company"}),
    )


def by_id(object_type: str, record_id: str, **properties: object) -> Upsert:
    """An update of one record."""
    return Upsert(object_type, Operation.UPDATE, properties, (Match("Id", record_id),))


def new(object_type: str, **properties: object) -> Upsert:
    """A create."""
    return Upsert(object_type, Operation.CREATE, properties)


def contact(ext: str, **properties: object) -> Upsert:
    """A contact by an external-id field."""
    return Upsert(
        "Contact", Operation.UPSERT, {"LastName": "n/a", **properties}, (Match("Ext__c", ext),)
    )


def summary(outcome: Outcome) -> str:
    """What happened, or why not."""
    return outcome.operation if isinstance(outcome, Delivered) else str(outcome.reason)


def only_lead(to: Connected) -> dict[str, object]:
    """The values of the one lead there is."""
    rows = to.org.records("Lead")
    assert len(rows) == 1
    return dict(rows[0].values)


def record_of(outcome: Outcome) -> str:
    """The record that was delivered to."""
    assert isinstance(outcome, Delivered)
    return outcome.record_id
