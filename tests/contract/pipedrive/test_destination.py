"""The Pipedrive destination against its emulator, over HTTP: what ends up in the company."""

import asyncio
from dataclasses import replace

import orjson
import pytest

from tests.contract.pipedrive.company import (
    by_id,
    connected,
    identify,
    new,
    record_of,
    summary,
)
from transformer.emulator.faults import Fault
from transformer.outcome import Delivered, Reason, Rejected, Retry, Skipped
from transformer.upsert import Operation

# How many requests it takes.


async def test_two_hundred_new_people_cost_two_requests_each() -> None:
    """A search and a create each, one list of recent records at the start: 2,001 for a thousand."""
    async with connected() as to:
        people = [identify(f"p{number}@x.io", phone=f"+4930{number}") for number in range(200)]
        for start in range(0, 200, 25):
            outcomes = await to.write(*people[start : start + 25])
            assert {summary(outcome) for outcome in outcomes} == {"created"}
        assert to.company.api_calls == 2 * 200 + 1
        assert to.company.limits.spent_total == to.destination.budget.used == 25 * 200 + 10
        assert to.company.limits.refused == 0


async def test_known_people_cost_one_request_each() -> None:
    """Ids, e-mails and phones of people written before are remembered."""
    async with connected() as to:
        people = [identify(f"p{number}@x.io", phone=f"+4930{number}") for number in range(50)]
        for start in range(0, 50, 25):
            await to.write(*people[start : start + 25])
        before = to.company.api_calls
        for start in range(0, 50, 25):
            changed = [identify(f"P{n}@X.io", name="Bea") for n in range(start, start + 25)]
            assert {summary(o) for o in await to.write(*changed)} == {"updated"}
        assert to.company.api_calls - before == 50
        assert {person["name"] for person in to.records("persons")} == {"Bea"}


async def test_people_named_by_their_id_cost_one_request_each() -> None:
    """An update by id needs no search, and no read when it brings no e-mail or phone."""
    async with connected() as to:
        made = [record_of(o) for o in await to.write(*(identify(f"p{n}@x.io") for n in range(5)))]
        before = to.company.api_calls
        await to.write(*(by_id("persons", each, name="Bea") for each in made))
        assert to.company.api_calls - before == 5


# Persons.


async def test_a_new_person_has_what_the_event_says() -> None:
    """The first e-mail and phone are the primary ones."""
    async with connected() as to:
        outcome = await to.one(
            identify(
                "Ann@X.io", name="Ann Doe", phone="+49 30 1", mobile_phone="0171", owner_id="2"
            )
        )
        assert outcome == Delivered("created", "1", "persons")
        person = to.only("persons")
        assert person["name"] == "Ann Doe"
        assert person["owner_id"] == 2
        assert person["emails"] == [{"value": "Ann@X.io", "primary": True, "label": "work"}]
        assert person["phones"] == [
            {"value": "+49 30 1", "primary": True, "label": "work"},
            {"value": "0171", "primary": False, "label": "mobile"},
        ]


async def test_a_found_person_is_updated_whatever_the_case_of_the_e_mail() -> None:
    """Search is exact but not case sensitive; e-mails that are there are left alone."""
    async with connected() as to:
        await to.one(identify("ann@x.io"))
        other = replace(identify("ANN@x.io", name="Ann Doe"))
        to.clock.pass_seconds(7200.0)
        assert await to.one(other) == Delivered("updated", "1", "persons")
        assert to.only("persons")["emails"] == [
            {"value": "ann@x.io", "primary": True, "label": "work"}
        ]


async def test_an_update_erases_no_other_e_mail_and_no_other_phone() -> None:
    """Pipedrive replaces the lists whole: they are read, merged and written."""
    async with connected() as to:
        await to.one(identify("ann@x.io", phone="1"))
        await to.one(by_id("persons", 1, emails=["ANN@x.io", "ann@home.io"], phone="2"))
        person = to.only("persons")
        assert person["emails"] == [
            {"value": "ann@x.io", "primary": True, "label": "work"},
            {"value": "ann@home.io", "primary": False, "label": "work"},
        ]
        assert person["phones"] == [
            {"value": "1", "primary": True, "label": "work"},
            {"value": "2", "primary": False, "label": "work"},
        ]


async def test_an_e_mail_added_by_a_colleague_survives() -> None:
    """What is merged into is read just before the write, never remembered."""
    async with connected() as to:
        await to.one(identify("ann@x.io"))
        row = to.company.store.find("persons", 1)
        assert row is not None
        row.values["emails"] = [
            {"value": "ann@x.io", "primary": False, "label": "work"},
            {"value": "boss@x.io", "primary": True, "label": "home"},
        ]
        await to.one(by_id("persons", 1, email="new@x.io"))
        assert [each["value"] for each in to.only("persons")["emails"]] == [
            "ann@x.io",
            "boss@x.io",
            "new@x.io",
        ]
        assert [each["primary"] for each in to.only("persons")["emails"]] == [False, True, False]


async def test_new_primary_makes_what_is_new_the_primary_one() -> None:
    """The setting new_primary; the others are kept all the same."""
    async with connected({"new_primary": True}) as to:
        await to.one(identify("ann@x.io", phone="1"))
        await to.one(identify("ann@x.io", phone="2"))
        assert [(p["value"], p["primary"]) for p in to.only("persons")["phones"]] == [
            ("1", False),
            ("2", True),
        ]


async def test_a_person_without_a_name_is_called_by_the_match_key() -> None:
    """Pipedrive needs a name; on update the one there is kept."""
    async with connected() as to:
        nameless = replace(identify("ann@x.io"), properties={"email": "ann@x.io"})
        assert summary(await to.one(nameless)) == "created"
        assert to.only("persons")["name"] == "ann@x.io"


async def test_half_a_name_keeps_the_other_half() -> None:
    """first_name and last_name make one name; the missing part is read."""
    async with connected() as to:
        parts = {"email": "ann@x.io", "first_name": "Ann", "last_name": "Doe"}
        await to.one(replace(identify(), properties=parts))
        assert to.only("persons")["name"] == "Ann Doe"
        half = {"email": "ann@x.io", "last_name": "Roe"}
        await to.one(replace(identify(), properties=half))
        assert to.only("persons")["name"] == "Ann Roe"


async def test_unicode_and_long_texts_arrive_as_they_are() -> None:
    """Search terms and bodies are encoded."""
    async with connected() as to:
        name = 'Zoë 🚀 "O\'Neil" <b>&amp;\r\n漢字'
        await to.one(identify("zoë+a&b=c@bücher.example", name=name))
        to.clock.pass_seconds(7200.0)
        assert summary(await to.one(identify("ZOË+a&b=c@bücher.example", name=name))) == "updated"
        assert to.only("persons")["name"] == name


async def test_an_update_disabled_person_is_looked_for_and_skipped() -> None:
    """Operation create with a match key: only new ones are written."""
    async with connected() as to:
        await to.one(identify())
        outcome = await to.one(replace(identify(), operation=Operation.CREATE))
        assert isinstance(outcome, Skipped)
        assert (outcome.reason, outcome.record_id) == (Reason.UPDATE_DISABLED, "1")


async def test_a_create_disabled_person_is_not_created() -> None:
    """Operation update with an e-mail that nobody has."""
    async with connected() as to:
        outcome = await to.one(replace(identify(), operation=Operation.UPDATE))
        assert summary(outcome) == "create_disabled"
        assert to.records("persons") == []


async def test_fill_writes_only_where_nothing_is() -> None:
    """Write mode fill: the record is read first."""
    async with connected() as to:
        await to.one(identify(job_title="CTO"))
        upsert = identify(job_title="CEO", birthday="1990-01-02", phone="1")
        await to.one(replace(upsert, fill=frozenset({"job_title", "birthday", "phone"})))
        person = to.only("persons")
        assert (person["job_title"], person["birthday"]) == ("CTO", "1990-01-02")
        assert [each["value"] for each in person["phones"]] == ["1"]


# Several matches.


@pytest.mark.parametrize(("policy", "written"), [("first", "1"), ("newest", "2")])
async def test_several_matches_go_to_the_first_or_the_newest(policy: str, written: str) -> None:
    """Nothing in Pipedrive keeps an e-mail unique."""
    async with connected({"several_matches": policy}) as to:
        await to.write(new("persons", name="A", email="ann@x.io"))
        await to.write(new("persons", name="B", email="Ann@x.io"))
        assert record_of(await to.one(identify(name="C"))) == written


async def test_several_matches_are_refused_with_all_their_ids() -> None:
    """The default policy."""
    async with connected() as to:
        await to.write(new("persons", name="A", email="ann@x.io"))
        await to.write(new("persons", name="B", email="ann@x.io"))
        outcome = await to.one(identify())
        assert isinstance(outcome, Rejected)
        assert outcome.reason is Reason.SEVERAL_MATCHES
        assert outcome.vendor == {"ids": ["1", "2"]}


# Deleted records.


async def test_a_deleted_person_that_was_remembered_is_created_anew() -> None:
    """The index may still have it: it is not believed."""
    async with connected() as to:
        await to.one(identify())
        row = to.company.store.find("persons", 1)
        assert row is not None
        row.deleted = True
        first = await to.one(identify())
        assert isinstance(first, Retry)
        assert first.reason is Reason.REMATCH
        assert await to.one(identify()) == Delivered("created", "2", "persons")


async def test_a_deleted_person_named_by_its_id_is_rejected() -> None:
    """There is no other record to look for."""
    async with connected() as to:
        await to.one(identify())
        row = to.company.store.find("persons", 1)
        assert row is not None
        row.deleted = True
        outcome = await to.one(by_id("persons", 1, name="B"))
        assert isinstance(outcome, Rejected)
        assert outcome.reason is Reason.RECORD_NOT_FOUND
        assert outcome.vendor["ids"] == ["1"]


@pytest.mark.parametrize("record_id", ["0", "1 OR 1", "../2", "x", "9" * 30])
async def test_what_is_no_id_is_never_sent(record_id: str) -> None:
    """Ids go into paths."""
    async with connected() as to:
        outcome = await to.one(by_id("persons", record_id, name="B"))
        assert summary(outcome) == "invalid_record_id"
        assert to.company.request_count == 0


# One write per record at a time.


async def test_two_writes_of_a_new_person_at_once_make_one_person() -> None:
    """A guard per key: two batches may be under way at once."""
    async with connected() as to:
        both = await asyncio.gather(to.write(identify(phone="1")), to.write(identify(phone="2")))
        assert sorted(summary(outcomes[0]) for outcomes in both) == ["created", "updated"]
        assert {each["value"] for each in to.only("persons")["phones"]} == {"1", "2"}


async def test_writes_of_one_person_by_several_keys_do_not_undo_each_other() -> None:
    """Reading, merging and writing one record is one thing, whatever it was found by."""
    async with connected() as to:
        await to.one(identify("a@x.io", emails=["b@x.io", "c@x.io"]))
        await to.write(
            identify("a@x.io", phone="100"),
            identify("b@x.io", phone="200"),
            identify("c@x.io", phone="300"),
            by_id("persons", 1, phone="400"),
        )
        assert sorted(each["value"] for each in to.only("persons")["phones"]) == [
            "100", "200", "300", "400",
        ]  # fmt: skip


async def test_what_a_search_finds_is_not_believed_unseen() -> None:
    """Only records that have the value itself count."""
    async with connected() as to:
        await to.one(identify("other@x.io"))
        item = {"id": 1, "type": "person", "name": "Ann", "emails": ["other@x.io"], "phones": []}
        found = {"success": True, "data": {"items": [{"result_score": 0.4, "item": item}]}}
        text = orjson.dumps(found).decode()
        to.company.script(Fault("status", path="*/search", status=200, text=text))
        assert await to.one(identify("ann@x.io")) == Delivered("created", "2", "persons")
