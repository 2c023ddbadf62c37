"""Whose prospects are: the event's user, else the connector's; nobody loses one (row P3)."""

import json

import pytest

from tests.contract.account_engagement.business_unit import (
    PROSPECTS,
    UPSERT,
    connected,
    people,
    person,
)
from transformer.emulator.faults import Fault
from transformer.errors import Unauthorized
from transformer.outcome import Delivered, Reason, Skipped
from transformer.upsert import Note, Operation, Upsert


def created(prospect_id: int, *notes: Note) -> Delivered:
    """Created, with notes."""
    return Delivered("created", str(prospect_id), "Prospect", notes)


def updated(prospect_id: int, *notes: Note) -> Delivered:
    """Updated, with notes."""
    return Delivered("updated", str(prospect_id), "Prospect", notes)


@pytest.mark.parametrize("named", ["7", "seller@x.io", "005000000000007AAA", "005000000000007"])
async def test_an_event_can_name_the_user(named: str) -> None:
    """P3: by id, e-mail or Salesforce id; the users are read once."""
    async with connected() as setup:
        for number in range(2, 8):
            email = "Seller@x.io" if number == 7 else f"u{number}@x.io"
            setup.emulator.objects.add("users", email=email, salesforceId=f"00500000000000{number}")
        setup.emulator.store.rows["users"]["7"].values["salesforceId"] = "005000000000007AAA"
        await setup.write(*people(3, assignedTo=named))
        assert setup.prospect(1, "userId") == {"userId": 7}
        assert setup.calls("GET /api/v5/objects/users") == 1


async def test_a_user_that_is_not_there_gives_way_to_the_connectors() -> None:
    """P3, and the result says so."""
    async with connected() as setup:
        outcome = await setup.write_one(person("a@x.io", assignedTo="nobody@x.io"))
        note = Note("dropped", "assignedTo", "no user nobody@x.io in the business unit")
        assert outcome == created(1, note)
        assert setup.prospect(1, "userId") == {"userId": 1}


async def test_an_unassigned_prospect_is_updated_but_never_created() -> None:
    """P3: the lookup is made only then."""
    async with connected(settings={"connector_user": None}) as setup:
        outcome = await setup.write_one(person("a@x.io", firstName="A"))
        assert isinstance(outcome, Skipped)
        assert outcome.reason is Reason.CREATE_DISABLED
        assert setup.count == 0
        setup.emulator.prospects.add("b@x.io")
        assert await setup.write_one(person("b@x.io", firstName="B")) == updated(1)
        assert setup.prospect(1, "firstName", "userId") == {"firstName": "B"}
        assert await setup.write_one(person("c@x.io", assignedTo="1")) == created(2)
        assert setup.calls(f"GET {PROSPECTS}") == 2
        plain = Upsert("Prospect", Operation.CREATE, {"email": "d@x.io"})
        assert isinstance(await setup.write_one(plain), Skipped)


async def test_nobody_is_taken_a_prospect_from_by_default() -> None:
    """Who has nobody is given the connector's user, a few by one request more each, once."""
    async with connected() as setup:
        setup.emulator.objects.add("users", email="seller@x.io")
        setup.emulator.prospects.add("a@x.io", userId=2)
        setup.emulator.prospects.add("c@x.io")
        for _ in range(2):
            await setup.write(person("a@x.io"), person("b@x.io"), person("c@x.io"))
        users = [setup.prospect(number, "userId")["userId"] for number in (1, 2, 3)]
        assert users == [2, 1, 1]
        assert setup.calls(f"PATCH {PROSPECTS}/{{id}}") == 2


async def test_an_unknown_user_of_the_event_takes_nobody_a_prospect_from_either() -> None:
    """P3: the fallback is for those who have nobody; a user that is known is the event's word."""
    async with connected() as setup:
        setup.emulator.objects.add("users", email="seller@x.io")
        setup.emulator.prospects.add("a@x.io", userId=2)
        await setup.write(person("a@x.io", assignedTo="gone@x.io"))
        assert setup.prospect(1, "userId") == {"userId": 2}
        await setup.write(person("a@x.io", assignedTo="1"))
        assert setup.prospect(1, "userId") == {"userId": 1}


async def test_an_answer_that_does_not_say_whose_a_prospect_is_leaves_its_user_alone() -> None:
    """But for a new one, which is nobody's."""
    made = "2026-01-01T00:00:00+00:00"
    async with connected() as setup:
        for status, changed, calls in ((200, "2026-02-02T00:00:00+00:00", 0), (201, made, 1)):
            setup.emulator.prospects.add(f"{status}@x.io", userId=None if calls else 2)
            answer = {"id": 2 if calls else 1, "createdAt": made, "updatedAt": changed}
            text = json.dumps(answer)
            setup.emulator.script(Fault("status", path=UPSERT, status=status, text=text, count=1))
            outcome = await setup.write_one(person(f"{status}@x.io"))
            assert isinstance(outcome, Delivered)
            assert [note.field for note in outcome.notes] == ([] if calls else ["assignedTo"])
            assert setup.calls(f"PATCH {PROSPECTS}/{{id}}") == calls
        assert setup.prospect(1, "userId") == {"userId": 2}


async def test_the_connectors_user_can_be_given_to_all() -> None:
    """Within the upsert: one request, and prospects of others are taken."""
    async with connected(settings={"connector_user_assigns": "always"}) as setup:
        setup.emulator.objects.add("users", email="seller@x.io")
        setup.emulator.prospects.add("a@x.io", userId=2)
        assert await setup.write(person("a@x.io"), person("b@x.io")) == [updated(1), created(2)]
        assert setup.prospect(1, "userId") == {"userId": 1}
        assert setup.prospect(2, "userId") == {"userId": 1}
        assert setup.calls(f"PATCH {PROSPECTS}/{{id}}") == 0


async def test_a_connectors_user_that_is_not_there_stops_everything() -> None:
    """A matter of the setup: nothing is lost and nothing is sent."""
    async with connected(settings={"connector_user": "gone@x.io"}) as setup:
        with pytest.raises(Unauthorized, match="connector_user"):
            await setup.write(person("a@x.io"))
        assert setup.count == 0
