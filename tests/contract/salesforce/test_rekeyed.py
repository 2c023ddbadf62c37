"""Writes that change what a remembered id was found by: the old value never leads to it again."""

import asyncio

import pytest

from tests.contract.salesforce.org import (
    Connected,
    by_id,
    connected,
    contact,
    identify,
    only_lead,
    record_of,
    summary,
)
from transformer.emulator.faults import Fault
from transformer.errors import AnswerLost
from transformer.outcome import Outcome, Retry
from transformer.upsert import Match, Operation, Upsert


async def one(to: Connected, made: Upsert) -> Outcome:
    """The outcome of one write of one upsert."""
    return (await to.write(made))[0]


async def ann(to: Connected) -> str:
    """A lead that is remembered by its e-mail."""
    return record_of(await one(to, identify()))


async def lookups(to: Connected, made: Upsert) -> int:
    """The calls that one more write takes beside the write itself."""
    before = to.org.api_calls
    await to.write(made)
    return to.org.api_calls - before - 1


def by_email(email: str, **properties: object) -> Upsert:
    """A contact by e-mail."""
    return Upsert(
        "Contact",
        Operation.UPSERT,
        {"LastName": "A", "Email": email, **properties},
        (Match("Email", email),),
    )


@pytest.mark.parametrize("field", ["Email", "EMAIL"])
async def test_a_value_that_stays_what_it_is_forgets_nothing(field: str) -> None:
    """Written by id, in whatever letters."""
    async with connected() as to:
        lead = await ann(to)
        assert summary(await one(to, by_id("Lead", lead, **{field: "Ann@X.io"}))) == "updated"
        assert summary(await one(to, by_id("Lead", lead, Title="T"))) == "updated"
        assert await lookups(to, identify()) == 0


@pytest.mark.parametrize("field", ["Email", "email"])
@pytest.mark.parametrize("value", ["bob@x.io", None])
async def test_another_value_is_another_person(field: str, value: str | None) -> None:
    """However the field is spelled; also none at all."""
    async with connected() as to:
        lead = await ann(to)
        await to.write(by_id("lead", lead, **{field: value}))
        assert record_of(await one(to, identify())) != lead


async def test_a_short_id_names_the_same_record() -> None:
    """Of 15 characters."""
    async with connected() as to:
        lead = await ann(to)
        await to.write(by_id("Lead", lead[:15], Email="bob@x.io"))
        assert record_of(await one(to, identify())) != lead


async def test_a_second_lead_of_the_address_is_seen() -> None:
    """As a lookup would see it."""
    async with connected() as to:
        await ann(to)
        other = record_of(await one(to, identify("b@x.io")))
        await to.write(by_id("Lead", other, Email="ann@x.io"))
        assert summary(await one(to, identify())) == "several_matches"


async def test_a_refused_change_changes_nobody() -> None:
    """A lookup tells."""
    async with connected() as to:
        lead = await ann(to)
        assert summary(await one(to, by_id("Lead", lead, Email="no address"))) == "invalid_value"
        assert await to.settle(identify(Title="T"))
        assert (only_lead(to)["Id"], only_lead(to)["Title"]) == (lead, "T")


async def test_another_way_to_match_can_change_it_too() -> None:
    """Found by phone, given another e-mail."""
    async with connected() as to:
        made = Upsert(
            "Lead",
            Operation.UPSERT,
            {"Email": "ann@x.io", "Phone": "1", "LastName": "A", "Company": "B"},
            (Match("Email", "ann@x.io"), Match("Phone", "1")),
        )
        lead = record_of(await one(to, made))
        moved = Upsert("Lead", Operation.UPSERT, {"Email": "bob@x.io"}, (Match("Phone", "1"),))
        assert record_of(await one(to, moved)) == lead
        assert record_of(await one(to, identify())) != lead


async def test_a_person_found_by_name_is_not_found_once_part_of_it_is_another() -> None:
    """Salesforce makes the name of its parts."""
    async with connected() as to:
        named = Upsert("Contact", Operation.UPSERT, {"LastName": "Lee"}, (Match("Name", "Lee"),))
        made = to.org.add("Contact", {"LastName": "Lee"})
        assert record_of(await one(to, named)) == made
        await to.write(by_id("Contact", made, lastname="Low"))
        assert await lookups(to, named) == 1


async def test_an_upsert_by_external_id_can_change_it_too() -> None:
    """Which record it was the answer says."""
    async with connected() as to:
        made = record_of(await one(to, by_email("ann@x.io", Ext__c="1")))
        assert record_of(await one(to, contact("1", Title="T"))) == made
        assert await lookups(to, by_email("ann@x.io")) == 0
        assert record_of(await one(to, contact("1", Email="bob@x.io"))) == made
        assert record_of(await one(to, by_email("ann@x.io"))) != made


async def test_an_upsert_by_external_id_whose_answer_was_lost_may_have_changed_anybodys() -> None:
    """Everybody of that object is looked up once more."""
    async with connected({"skip_unchanged": True}) as to:
        made = record_of(await one(to, by_email("ann@x.io", Ext__c="1")))
        await ann(to)
        to.org.script(Fault("reset_after", method="PATCH", count=1))
        with pytest.raises(AnswerLost):
            await to.write(contact("1", Email="bob@x.io"))
        assert record_of(await one(to, by_email("ann@x.io"))) != made
        assert await lookups(to, identify(Title="T")) == 0


async def test_what_was_last_written_is_not_known_after_an_upsert_whose_answer_was_lost() -> None:
    """It may have been anybody's record."""
    async with connected({"skip_unchanged": True}) as to:
        made = by_email("ann@x.io", Ext__c="1")
        await to.write(made)
        await to.write(made)
        assert summary(await one(to, made)) == "unchanged"
        to.org.script(Fault("reset_after", method="PATCH", count=1))
        with pytest.raises(AnswerLost):
            await to.write(contact("1", LastName="Lee"))
        assert summary(await one(to, made)) == "updated"


async def test_a_row_of_a_job_can_change_it_too() -> None:
    """A backlog goes through Bulk API 2.0."""
    settings = {"bulk_threshold": 2, "bulk_wait_seconds": 60}
    async with connected(settings, one_clock=True) as to:
        lead, other = await ann(to), record_of(await one(to, identify("b@x.io")))
        changes = [
            by_id("Lead", each, Email=f"new{number}@x.io")
            for number, each in enumerate((lead, other))
        ]
        assert {summary(outcome) for outcome in await to.settle(*changes)} == {"updated"}
        assert any("jobs/ingest" in str(each["path"]) for each in to.org.requests)
        assert record_of(await one(to, identify())) != lead


async def test_who_is_found_by_a_key_that_another_write_is_changing_waits_for_it() -> None:
    """Found by what may have been read before it."""
    async with connected() as to:
        lead = await ann(to)
        to.org.script(Fault("delay", method="PATCH", seconds=0.3, count=1))
        change = asyncio.create_task(to.destination.write([by_id("Lead", lead, Email="b@x.io")]))
        await asyncio.sleep(0)
        held = await one(to, identify(Title="T"))
        assert isinstance(held, Retry)
        assert (str(held.reason), held.after_seconds, held.counts) == ("same_record", 5.0, False)
        await change
        assert record_of(await one(to, identify(Title="T"))) != lead


async def test_a_lookup_that_was_read_before_a_change_teaches_nothing() -> None:
    """Its answer comes after that of the change."""
    async with connected({"remember_seconds": 60}) as to:
        lead = await ann(to)
        to.clock.pass_seconds(60.0)
        to.org.script(Fault("delay_after", seconds=0.3, count=1))
        titled = Upsert("Lead", Operation.UPSERT, {"Title": "T"}, (Match("Email", "ann@x.io"),))
        slow = asyncio.create_task(to.destination.write([titled]))
        await asyncio.sleep(0.1)
        await to.write(by_id("Lead", lead, Email="b@x.io"))
        assert summary((await slow)[0]) == "updated"
        assert record_of(await one(to, identify())) != lead
