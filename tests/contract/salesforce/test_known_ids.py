"""Remembered record ids against the emulator: what they save, and that they never lead astray."""

from dataclasses import replace

import pytest

from tests.contract.salesforce.org import (
    Connected,
    by_id,
    connected,
    identify,
    only_lead,
    record_of,
    summary,
)
from transformer.emulator.faults import Fault
from transformer.outcome import Delivered, Outcome, Redirect, Rejected, Retry, Skipped
from transformer.upsert import Match, Operation, Upsert

PERSON = {"LastName": "A", "Company": "B", "Email": "ann@x.io"}


async def calls(to: Connected, *batch: Upsert) -> tuple[list[str], int]:
    """What came of a batch, tried until settled, and the API calls it took."""
    before = to.org.api_calls
    outcomes = await to.settle(*batch)
    return [summary(outcome) for outcome in outcomes], to.org.api_calls - before


async def one(to: Connected, made: Upsert) -> Outcome:
    """The outcome of one write of one upsert."""
    return (await to.write(made))[0]


async def test_a_thousand_known_people_cost_one_request() -> None:
    """Found once, then written without a lookup, for as long as ids are kept."""
    async with connected() as to:
        batch = [
            identify(f"person.number{number}@example.com", Title="1") for number in range(1000)
        ]
        for made in batch:
            to.org.add("Lead", {"LastName": "A", "Company": "B", **made.properties})
        assert await calls(to, *batch) == (["updated"] * 1000, 2)
        assert await calls(to, *batch) == (["updated"] * 1000, 1)
        assert await calls(to, *batch) == (["updated"] * 1000, 1)
        to.clock.pass_seconds(600.0)
        assert await calls(to, *batch) == (["updated"] * 1000, 2)


async def test_new_people_are_known_from_their_creation_on() -> None:
    """However the e-mail is spelled."""
    async with connected() as to:
        assert await calls(to, identify()) == (["created"], 2)
        assert await calls(to, identify(" Ann@X.io", Email="ann@x.io")) == (["updated"], 1)
        assert only_lead(to)["Email"] == "ann@x.io"


async def test_known_and_unknown_people_share_a_batch() -> None:
    """Only the unknown are looked up."""
    async with connected() as to:
        await to.write(identify())
        assert await calls(to, identify(), identify("b@x.io")) == (["updated", "created"], 2)
        lookup = str(to.org.requests[-2]["body"])
        assert ("b%40x.io" in lookup, "ann%40x.io" in lookup) == (True, False)


async def test_nothing_is_remembered_where_that_is_off() -> None:
    """Everybody is looked up every time."""
    async with connected({"remember_ids": 0}) as to:
        assert await calls(to, identify()) == (["created"], 2)
        assert await calls(to, identify()) == (["updated"], 2)


async def test_the_oldest_id_makes_room() -> None:
    """The number is bounded."""
    async with connected({"remember_ids": 2}) as to:
        batch = [identify(f"{name}@x.io") for name in "abc"]
        await to.write(*batch)
        assert [(await calls(to, made))[1] for made in batch[::-1]] == [1, 1, 2]


# Behind our back.


async def test_a_known_lead_that_was_deleted_is_looked_for_and_made_anew() -> None:
    """The other rows of the request go through; nothing is rejected, no attempt is used up."""
    async with connected() as to:
        lead = record_of(await one(to, identify()))
        await to.write(identify("b@x.io"))
        to.org.delete(lead)
        outcomes = await to.write(identify(Title="T"), identify("b@x.io", Title="T"))
        assert [summary(outcome) for outcome in outcomes] == ["rematch", "updated"]
        assert isinstance(outcomes[0], Retry)
        assert (outcomes[0].counts, outcomes[0].redirect) == (False, None)
        assert await calls(to, identify(Title="T")) == (["created"], 2)
        assert [row.values["Title"] for row in to.org.records("Lead")] == ["T", "T"]


async def test_a_known_lead_that_was_merged_is_found_in_the_one_it_became() -> None:
    """The loser is deleted, the winner has its e-mail."""
    async with connected() as to:
        loser = record_of(await one(to, identify()))
        winner = to.org.add("Lead", {**PERSON, "Email": "other@x.io"})
        to.org.merge(winner, loser)
        to.org.edit(winner, {"Email": "ann@x.io"})
        assert await calls(to, identify(Title="T")) == (["updated"], 3)
        assert only_lead(to)["Title"] == "T"


async def test_a_known_lead_that_was_converted_leads_to_its_contact_and_that_is_known_then() -> (
    None
):
    """The first time it is found out, from then on no lead is asked."""
    async with connected({"use_contact_id": True}) as to:
        lead = record_of(await one(to, identify()))
        made = to.org.convert_lead(lead)
        assert summary(await one(to, identify())) == "rematch"
        for expected in (1, 0):
            before = to.org.api_calls
            outcome = await one(to, identify())
            assert isinstance(outcome, Retry)
            assert outcome.redirect == Redirect("Contact", made["Contact"])
            assert to.org.api_calls - before == expected


async def test_a_known_lead_that_was_converted_gives_way_to_a_live_one() -> None:
    """As a lookup would have it: not rejected for the entry's sake."""
    async with connected() as to:
        to.org.convert_lead(record_of(await one(to, identify())))
        live = to.org.add("Lead", PERSON)
        assert await to.settle(identify(Title="T")) == [Delivered("updated", live, "Lead")]


async def test_converted_leads_are_not_remembered_where_contacts_are_not_written() -> None:
    """A rejection always comes of a lookup."""
    async with connected() as to:
        to.org.convert_lead(to.org.add("Lead", PERSON))
        assert await calls(to, identify()) == (["record_converted"], 1)
        live = to.org.add("Lead", PERSON)
        assert await to.settle(identify()) == [Delivered("updated", live, "Lead")]


async def test_a_known_contact_that_is_gone_is_asked_of_its_lead_again() -> None:
    """The lead is redirected to, by its id, and names the contact it has now."""
    async with connected({"use_contact_id": True}) as to:
        lead = to.org.add("Lead", PERSON)
        contact = to.org.convert_lead(lead)["Contact"]
        for _ in range(2):
            assert summary(await one(to, identify())) == "rematch"
        to.org.delete(contact)
        outcome = await one(to, by_id("Contact", contact, Title="T"))
        assert isinstance(outcome, Retry)
        assert (outcome.redirect, outcome.counts) == (Redirect("Lead", lead), False)
        again = await one(to, by_id("Contact", contact, Title="T"))
        assert isinstance(again, Rejected)
        assert summary(again) == "record_deleted"


# Where no id may be relied on.


async def test_several_leads_are_never_remembered() -> None:
    """The policy chooses anew each time."""
    async with connected({"several_matches": "newest"}) as to:
        to.org.add("Lead", PERSON)
        for _ in range(2):
            newest = to.org.add("Lead", PERSON)
            assert await to.settle(identify()) == [Delivered("updated", newest, "Lead")]


async def test_values_to_fill_are_read_although_the_id_is_known() -> None:
    """Whether a field is empty only the org knows."""
    async with connected() as to:
        await to.write(identify())
        made = replace(identify(Title="T"), fill=frozenset({"Title"}))
        assert await calls(to, made) == (["updated"], 2)
        assert only_lead(to)["Title"] == "T"


async def test_an_id_is_not_relied_on_where_another_upsert_of_the_batch_asks() -> None:
    """What the lookup says is newer."""
    async with connected() as to:
        await to.write(identify())
        fill = replace(identify(Title="T"), fill=frozenset({"Title"}))
        other = replace(identify(Title="U"), matches=(Match("EMAIL", "ann@x.io"),))
        outcomes = await to.write(fill, other)
        assert [summary(outcome) for outcome in outcomes] == ["updated", "same_record"]
        assert only_lead(to)["Title"] == "T"


async def test_what_may_have_been_written_is_looked_up() -> None:
    """Who knows what became of the record meanwhile."""
    async with connected() as to:
        await to.write(identify())
        assert await calls(to, replace(identify(), repeated=True)) == (["updated"], 2)


async def test_updates_that_are_off_are_asked_for_each_time() -> None:
    """A lead that is gone is made anew, not skipped for being remembered."""
    async with connected() as to:
        only_new = replace(identify(), operation=Operation.CREATE)
        lead = record_of(await one(to, only_new))
        assert isinstance(await one(to, only_new), Skipped)
        to.org.delete(lead)
        assert summary(await one(to, only_new)) == "created"


async def test_a_second_way_to_match_is_not_remembered_for_the_first() -> None:
    """Found by phone: the e-mail may be anybody's yet."""
    async with connected() as to:
        to.org.add("Lead", {**PERSON, "Email": "other@x.io", "Phone": "1"})
        made = replace(identify(), matches=(Match("Email", "ann@x.io"), Match("Phone", "1")))
        made = replace(made, properties={"Title": "T"})
        assert await calls(to, made) == (["updated"], 2)
        assert await calls(to, made) == (["updated"], 2)


@pytest.mark.parametrize("code", ["INSUFFICIENT_ACCESS_OR_READONLY", "INVALID_CROSS_REFERENCE_KEY"])
async def test_a_refusal_that_may_come_of_an_old_id_is_checked_once(code: str) -> None:
    """Then it stands."""
    async with connected() as to:
        await to.write(identify())
        to.org.script(Fault("row_error", method="PATCH", options={"statusCode": code}))
        outcomes = await to.write(identify(Title="T"))
        assert summary(outcomes[0]) == "rematch"
        assert isinstance(await one(to, identify(Title="T")), Rejected)
