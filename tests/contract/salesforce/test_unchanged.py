"""Identical repeats against the emulator: what is left out, and what never is."""

import asyncio
from dataclasses import replace

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
from transformer.outcome import Reason, Skipped
from transformer.upsert import Upsert

SKIP = {"skip_unchanged": True}


async def words(to: Connected, *batch: Upsert) -> list[str]:
    """What came of each upsert."""
    return [summary(outcome) for outcome in await to.write(*batch)]


async def test_repeats_are_sent_unless_told_otherwise() -> None:
    """Off by default."""
    async with connected() as to:
        for expected in ("created", "updated", "updated"):
            assert await words(to, identify(Title="T")) == [expected]


async def test_a_repeat_costs_nothing_and_names_its_record() -> None:
    """After a create, and after an update."""
    async with connected(SKIP) as to:
        lead = record_of((await to.write(identify(Title="1")))[0])
        for title in ("1", "2"):
            if title == "2":
                assert await words(to, identify(Title=title)) == ["updated"]
            before = to.org.api_calls
            outcome = (await to.write(identify(Title=title)))[0]
            assert isinstance(outcome, Skipped)
            assert (outcome.reason, outcome.record_id) == (Reason.UNCHANGED, lead)
            assert to.org.api_calls == before


async def test_only_all_of_what_was_written_last_is_a_repeat() -> None:
    """One value more, fewer, other or of another type is none; nor is one from before the last."""
    async with connected(SKIP) as to:
        await to.write(identify(Title="1", Score__c=1))
        for values in (
            {"Title": "1"},
            {"Title": "1", "Score__c": 1},
            {"Title": "1", "Score__c": 2},
            {"Title": None, "Score__c": 2},
            {"Title": "", "Score__c": 2},
            {"Title": "1", "Score__c": 1},
        ):
            assert await words(to, identify(**values)) == ["updated"]
        assert await words(to, identify(Score__c=1, Title="1")) == ["unchanged"]


async def test_what_another_write_of_the_record_changed_is_written_again() -> None:
    """By id, of the same record."""
    async with connected(SKIP) as to:
        lead = record_of((await to.write(identify(Title="1")))[0])
        assert await words(to, by_id("Lead", lead, Title="2")) == ["updated"]
        assert await words(to, identify(Title="1")) == ["updated"]
        assert only_lead(to)["Title"] == "1"


async def test_after_a_failure_it_is_sent() -> None:
    """Whatever the failure: nobody knows what the record has."""
    async with connected(SKIP) as to:
        await to.write(identify(Title="1"))
        to.org.script(Fault("row_lock", method="PATCH", count=1))
        assert await words(to, identify(Title="2")) == ["row_locked"]
        assert await words(to, identify(Title="1")) == ["updated"]
        assert await words(to, replace(identify(Title="1"), repeated=True)) == ["updated"]


async def test_defaults_of_a_create_are_not_what_an_update_would_write() -> None:
    """Blank text became n/a, so the update is none of the same."""
    async with connected(SKIP) as to:
        assert await words(to, identify(LastName="", Title="1")) == ["created"]
        assert await words(to, identify(LastName="Lee", Title="1")) == ["updated"]
        assert await words(to, identify(LastName="Lee", Title="1")) == ["unchanged"]


async def test_two_writes_of_a_record_at_once_leave_nothing_known() -> None:
    """Which came last nobody can say."""
    async with connected(SKIP) as to:
        lead = record_of((await to.write(identify(Title="0")))[0])
        await asyncio.gather(
            to.write(identify(Title="1")), to.write(by_id("Lead", lead, Title="2"))
        )
        assert await words(to, by_id("Lead", lead, Title="2")) == ["updated"]
        assert await words(to, by_id("Lead", lead, Title="2")) == ["unchanged"]


async def test_what_was_written_is_remembered_for_a_while() -> None:
    """As long as ids are."""
    async with connected(SKIP) as to:
        await to.write(identify(Title="1"))
        to.clock.pass_seconds(600.0)
        assert await words(to, identify(Title="1")) == ["updated"]


async def test_fields_left_out_make_it_no_repeat() -> None:
    """The org may have them by the next time that they are tried."""
    async with connected(
        {"skip_unchanged": True, "unknown_fields": "drop", "remember_seconds": 3600}
    ) as to:
        await to.write(identify(Title="1"))
        assert await words(to, identify(Nope__c=1, Title="1")) == ["updated"]
        to.clock.pass_seconds(1800.0)
        assert await words(to, identify(Nope__c=1, Title="1")) == ["updated"]
