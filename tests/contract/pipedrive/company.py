"""An emulated Pipedrive company and a destination connected to it, for the contract tests."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from destinations.pipedrive import emulator
from destinations.pipedrive.destination import KIND, PipedriveDestination
from destinations.pipedrive.emulator import API_TOKEN, PipedriveEmulator
from tests.manual_clock import ManualClock
from transformer.destination import Settings
from transformer.outcome import Delivered, Outcome, Retry
from transformer.upsert import Match, Operation, Upsert

TRIES = 8


@dataclass(slots=True)
class Connected:
    """A company, a destination on it, and the clock that both go by."""

    company: PipedriveEmulator
    destination: PipedriveDestination
    clock: ManualClock

    async def write(self, *batch: Upsert) -> Sequence[Outcome]:
        """One write."""
        return await self.destination.write(batch)

    async def one(self, upsert: Upsert) -> Outcome:
        """One write of one upsert."""
        return (await self.destination.write([upsert]))[0]

    async def settle(self, *batch: Upsert) -> Sequence[Outcome]:
        """Write until nothing is left to retry, as the engine would."""
        outcomes = dict(enumerate(await self.destination.write(batch)))
        for _ in range(TRIES):
            again = {i: o for i, o in outcomes.items() if isinstance(o, Retry)}
            if not again:
                break
            self.clock.pass_seconds(max(o.after_seconds or 0.0 for o in again.values()))
            resent = [
                replace(batch[i], repeated=True) if o.may_have_applied else batch[i]
                for i, o in again.items()
            ]
            outcomes.update(zip(again, await self.destination.write(resent), strict=True))
        return [outcomes[index] for index in range(len(batch))]

    def records(self, kind: str) -> Sequence[Mapping[str, Any]]:
        """The records of an object that are not deleted."""
        return [row.values for row in self.company.store.all(kind)]

    def only(self, kind: str) -> Mapping[str, Any]:
        """The one record of an object."""
        (record,) = self.records(kind)
        return record

    def route_calls(self, part: str) -> int:
        """How many requests went to routes that contain `part`."""
        return sum(n for route, n in self.company.calls_by_route.items() if part in route)


@asynccontextmanager
async def connected(
    settings: Settings | None = None, *, lag: float = 0.0, plan: str = "ultimate", **options: Any
) -> AsyncIterator[Connected]:
    """Serve a company and connect to it; the client asked for nothing unknown when it ends."""
    clock = ManualClock()
    company = emulator.build(clock=clock, plan=plan, search_lag_seconds=lag, **options)
    async with company.serve():
        destination = another(company, clock, settings, plan=plan)
        try:
            yield Connected(company, destination, clock)
        finally:
            await destination.close()
        assert list(company.unknown_routes) == []


def another(
    company: PipedriveEmulator,
    clock: ManualClock,
    settings: Settings | None = None,
    *,
    plan: str = "ultimate",
) -> PipedriveDestination:
    """One more destination on a company, as another worker has it."""
    given: Settings = {"api_token": API_TOKEN, "base_url": company.url, "plan": plan, "seats": 10}
    destination = KIND.open({**given, **(settings or {})}, clock)
    assert isinstance(destination, PipedriveDestination)
    return destination


def identify(email: str = "ann@x.io", /, **properties: object) -> Upsert:
    """A person by e-mail, as the default mapping makes it."""
    return Upsert(
        "persons",
        Operation.UPSERT,
        {"email": email, "name": "Ann", **properties},
        (Match("email", email),),
    )


def group(name: str = "Acme", /, **properties: object) -> Upsert:
    """An organization by name."""
    return Upsert(
        "organizations", Operation.UPSERT, {"name": name, **properties}, (Match("name", name),)
    )


def new(kind: str, /, **properties: object) -> Upsert:
    """A plain create."""
    return Upsert(kind, Operation.CREATE, properties)


def by_id(kind: str, record_id: object, /, **properties: object) -> Upsert:
    """An update of the record that an external id names."""
    return Upsert(kind, Operation.UPDATE, properties, (Match("id", str(record_id)),))


def summary(outcome: Outcome) -> str:
    """What happened, in one word."""
    return outcome.operation if isinstance(outcome, Delivered) else str(outcome.reason)


def record_of(outcome: Outcome) -> str:
    """The id of a delivered record."""
    assert isinstance(outcome, Delivered), outcome
    return outcome.record_id


def notes_of(outcome: Outcome) -> set[tuple[str, str]]:
    """The codes and fields of a delivered upsert's notes."""
    assert isinstance(outcome, Delivered), outcome
    return {(note.code, note.field) for note in outcome.notes}
