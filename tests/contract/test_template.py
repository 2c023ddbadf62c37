"""The template's own code, where the contract suite does not go: lookups, and half a write."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from destinations._template.destination import KIND, TemplateDestination, open_destination
from destinations._template.emulator import TemplateEmulator, build
from tests.manual_clock import ManualClock
from transformer.budget import Rate
from transformer.destination import WORKERS, Settings
from transformer.emulator.faults import Fault
from transformer.errors import AnswerLost
from transformer.outcome import Delivered, Outcome, Reason, Rejected, Retry, Skipped
from transformer.upsert import Match, Operation, Upsert


@dataclass(frozen=True, slots=True)
class Setup:
    """Both sides of one connection."""

    emulator: TemplateEmulator
    destination: TemplateDestination

    async def one(self, upsert: Upsert) -> Outcome:
        """Write one upsert."""
        (outcome,) = await self.destination.write([upsert])
        return outcome

    def values(self, record_id: str) -> dict[str, object]:
        """What the account holds of a contact."""
        return self.emulator.contacts.find(record_id).values


@asynccontextmanager
async def connected() -> AsyncIterator[Setup]:
    """An account with one contact, Ann."""
    clock = ManualClock()
    async with build(clock=clock, fields={"plan": "text"}).serve() as emulator:
        emulator.contacts.create({"email": "ann@example.com", "first_name": "Ann", "plan": ""})
        settings = emulator.connection_settings()
        assert KIND.validate(settings) == []
        destination = open_destination(settings, clock)
        try:
            yield Setup(emulator, destination)
        finally:
            await destination.close()
        assert list(emulator.unknown_routes) == []


def person(
    email: str,
    operation: Operation = Operation.UPSERT,
    *,
    on_create: dict[str, object] | None = None,
    fill: frozenset[str] = frozenset(),
    **properties: object,
) -> Upsert:
    """A contact by e-mail."""
    return Upsert(
        "contact",
        operation,
        {"email": email, **properties},
        (Match("email", email),),
        on_create=on_create or {},
        fill=fill,
    )


async def test_each_of_several_workers_has_its_part_of_the_accounts_rate() -> None:
    """Three of them: six requests in ten seconds, of twenty."""
    account = {"base_url": "https://api.template.example", "api_token": "key"}
    settings: Settings = {**account, WORKERS: 3}
    destination = open_destination(settings, ManualClock())
    assert destination.budget.rate == Rate(6, 10.0)
    await destination.close()


async def test_defaults_are_for_new_contacts_only() -> None:
    """Looked up, because the vendor's own upsert would write them over what is there."""
    async with connected() as setup:
        defaults: dict[str, object] = {"first_name": "Friend"}
        known = await setup.one(person("ANN@example.com", on_create=defaults, plan="pro"))
        new = await setup.one(person("bea@example.com", on_create=defaults))
        assert (known, new) == (
            Delivered("updated", "1", "contact"),
            Delivered("created", "2", "contact"),
        )
        assert (setup.values("1")["first_name"], setup.values("1")["plan"]) == ("Ann", "pro")
        assert setup.values("2")["first_name"] == "Friend"


async def test_fill_writes_only_where_there_is_nothing() -> None:
    """Ann has a name, and no plan."""
    async with connected() as setup:
        fill = frozenset({"first_name", "plan"})
        await setup.one(person("ann@example.com", fill=fill, first_name="Anna", plan="pro"))
        assert (setup.values("1")["first_name"], setup.values("1")["plan"]) == ("Ann", "pro")


async def test_with_create_or_update_off_the_other_is_skipped() -> None:
    """Nothing is written."""
    async with connected() as setup:
        assert await setup.one(person("ann@example.com", Operation.CREATE)) == Skipped(
            Reason.UPDATE_DISABLED, record_id="1"
        )
        assert await setup.one(person("bea@example.com", Operation.UPDATE)) == Skipped(
            Reason.CREATE_DISABLED
        )
        assert len(setup.emulator.contacts.rows["contact"]) == 1


@pytest.mark.parametrize(
    ("upsert", "reason"),
    [
        (Upsert("deal", Operation.CREATE, {}), Reason.UNKNOWN_OBJECT),
        (
            Upsert("contact", Operation.UPSERT, {}, (Match("phone", "1"),)),
            Reason.MATCH_KEY_INVALID,
        ),
    ],
)
async def test_what_there_is_not_is_refused_without_asking(upsert: Upsert, reason: Reason) -> None:
    """No request is made."""
    async with connected() as setup:
        outcome = await setup.one(upsert)
        assert isinstance(outcome, Rejected)
        assert outcome.reason is reason
        assert setup.emulator.request_count == 0


async def test_a_failure_after_the_first_request_keeps_what_is_known() -> None:
    """What was sent may have been applied; what was not has lost nothing."""
    async with connected() as setup:
        setup.emulator.script(Fault("reset_after", method="POST", path="/v1/contacts", count=1))
        new = [
            Upsert("contact", Operation.CREATE, {"email": f"{name}@example.com"})
            for name in ("cat", "dan")
        ]
        first, lost, unsent = await setup.destination.write([person("bea@example.com"), *new])
        assert first == Delivered("created", "2", "contact")
        assert isinstance(lost, Retry)
        assert isinstance(unsent, Retry)
        assert [(r.reason, r.may_have_applied, r.counts) for r in (lost, unsent)] == [
            (Reason.ANSWER_LOST, True, True),
            (Reason.ANSWER_LOST, False, False),
        ]


async def test_a_failure_of_the_first_request_is_raised() -> None:
    """Nothing is known of anybody."""
    async with connected() as setup:
        setup.emulator.script(Fault("reset_after", count=1))
        with pytest.raises(AnswerLost):
            await setup.one(person("bea@example.com"))
