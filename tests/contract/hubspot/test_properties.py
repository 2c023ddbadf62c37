"""HubSpot's properties: values by their type, unknown ones by policy, read again when stale."""

from datetime import UTC, datetime

import orjson
import pytest

from tests.contract.hubspot.portal import connected, contact
from transformer.emulator.faults import Fault
from transformer.outcome import Delivered, Reason, Rejected, Retry
from transformer.upsert import Note


async def test_values_go_out_as_their_property_s_type_asks() -> None:
    """A zip code stays text, a date is a day in UTC, a label becomes its option's value."""
    extra = [
        "birth\tdate\tdate", "seen\tdatetime\tdate", "score\tnumber\tnumber", "vip\tbool",
        "colours\tenumeration\tcheckbox\t\tr=Red|g=Green|b=Blue",
        "tier\tenumeration\tselect\t\tgold=Gold Tier|none=None",
    ]  # fmt: skip
    given = {
        "zip": "00123", "firstname": 7, "phone": "+1 555", "birth": "2026-11-22T23:30:00-05:00",
        "seen": 1_763_800_000, "score": "12.50", "vip": False, "colours": ["Red", "b"],
        "tier": "gold tier", "city": "Zürich 東京 🎉", "company": 'a"b\\c\nd',
    }  # fmt: skip
    async with connected(properties={"contacts": extra}) as setup:
        await setup.write(contact("ada@acme.example", given))
        stored = setup.contact("ada@acme.example").properties
        seen = datetime.fromtimestamp(1_763_800_000, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        assert {name: stored[name] for name in given} == {
            "zip": "00123", "firstname": "7", "phone": "+1 555", "birth": "2026-11-23",
            "seen": seen, "score": "12.50", "vip": "false", "colours": "r;b",
            "tier": "gold", "city": "Zürich 東京 🎉", "company": 'a"b\\c\nd',
        }  # fmt: skip


async def test_absent_null_empty_false_and_zero_are_told_apart_as_far_as_hubspot_can() -> None:
    """Absent is not sent; null and "" clear; false and 0 are values."""
    extra = {"contacts": ["vip\tbool", "score\tnumber\tnumber"]}
    async with connected(properties=extra) as setup:
        full = {"firstname": "A", "lastname": "B", "city": "C", "vip": True, "score": 9}
        await setup.write(contact("ada@acme.example", full))
        change = {"lastname": None, "city": "", "vip": False, "score": 0}
        await setup.write(contact("ada@acme.example", change))
        body = orjson.loads(str(setup.sent("/batch/upsert")[-1]["body"]))
        assert body["inputs"][0]["properties"] == {
            "email": "ada@acme.example", "lastname": "", "city": "", "vip": "false", "score": "0",
        }  # fmt: skip
        stored = setup.contact("ada@acme.example").properties
        assert stored["firstname"] == "A"
        assert "lastname" not in stored
        assert "city" not in stored
        assert (stored["vip"], stored["score"]) == ("false", "0")


async def test_values_a_property_cannot_hold_are_rejected_by_name_and_cost_no_request() -> None:
    """By setting, else dropped with a note; the other rows are delivered either way."""
    bad = contact("bad@acme.example", hs_lead_status="nonsense", firstname="B")
    good = contact("ada@acme.example", firstname="Ada")
    async with connected({"invalid_values": "reject"}) as setup:
        rejected, delivered = await setup.write(bad, good)
        assert isinstance(rejected, Rejected)
        assert rejected.reason is Reason.INVALID_VALUE
        assert "hs_lead_status: expected one of NEW, OPEN" in rejected.detail
        assert isinstance(delivered, Delivered)
        assert len(setup.sent("/batch/upsert")) == 1
    async with connected() as setup:
        dropped, _ = await setup.write(bad, good)
        assert isinstance(dropped, Delivered)
        assert [(note.code, note.field) for note in dropped.notes] == [
            ("dropped", "hs_lead_status")
        ]


async def test_read_only_properties_and_lists_are_left_out_with_a_note() -> None:
    """Row S6's counterpart: the result names them."""
    async with connected() as setup:
        given = {"createdate": "2020-01-01", "hs_object_id": "5", "city": ["a", "b"]}
        (outcome,) = await setup.write(contact("ada@acme.example", given, firstname="A"))
        assert isinstance(outcome, Delivered)
        assert sorted((note.code, note.field) for note in outcome.notes) == [
            ("not_a_scalar", "city"), ("read_only", "createdate"), ("read_only", "hs_object_id"),
        ]  # fmt: skip


@pytest.mark.parametrize("mode", ["reject", "drop", "create"])
async def test_unknown_properties_are_rejected_dropped_or_created_by_setting(mode: str) -> None:
    """A new property gets the type of its JSON value, and text stays text."""
    given = {"favoriteColor": "blue", "points": 12, "member": True, "code": "007", "none": None}
    async with connected({"unknown_properties": mode}) as setup:
        (outcome,) = await setup.write(contact("ada@acme.example", given))
        kind = setup.emulator.portal.schema.find("contacts")
        made = {name: p.type for name in given if (p := kind.find(name.lower()))}
        if mode == "reject":
            assert isinstance(outcome, Rejected)
            assert outcome.reason is Reason.UNKNOWN_FIELD
            assert setup.records() == []
            return
        assert isinstance(outcome, Delivered)
        unknown = sorted(note.field for note in outcome.notes if note.code == "unknown_field")
        if mode == "drop":
            assert unknown == sorted(given)
            assert made == {}
            return
        assert unknown == ["none"]
        assert made == {
            "favoriteColor": "string", "points": "number", "member": "bool", "code": "string",
        }  # fmt: skip
        stored = setup.contact("ada@acme.example").properties
        found = {name: stored[name] for name in ("favoritecolor", "points", "member", "code")}
        assert found == {
            "favoritecolor": "blue", "points": "12", "member": "true", "code": "007",
        }  # fmt: skip


async def test_a_trait_finds_its_property_in_hubspot_s_spelling() -> None:
    """`favoriteColor` is `favorite_color` where that is what the account has."""
    extra = {"contacts": ["favorite_color\tstring", "shoesize\tstring"]}
    async with connected(properties=extra) as setup:
        await setup.write(contact("ada@acme.example", favoriteColor="blue", shoeSize="42"))
        stored = setup.contact("ada@acme.example").properties
        assert (stored["favorite_color"], stored["shoesize"]) == ("blue", "42")


async def test_a_property_made_later_is_found_without_a_restart() -> None:
    """Unknown names have the properties read again, but not for every event."""
    async with connected() as setup:
        await setup.write(contact("ada@acme.example", nickname="A"))
        setup.emulator.portal.schema.add_properties({"contacts": ["nickname\tstring"]})
        await setup.write(contact("ada@acme.example", nickname="A"))
        assert "nickname" not in setup.contact("ada@acme.example").properties
        setup.clock.pass_seconds(301.0)
        await setup.write(contact("ada@acme.example", nickname="A"))
        assert setup.contact("ada@acme.example").properties["nickname"] == "A"
        assert len(setup.sent("/properties/2026-03/contacts")) == 2


async def test_a_property_that_is_gone_has_the_properties_read_again() -> None:
    """HubSpot's contradiction is believed, and the same row is shaped anew."""
    extra = {"contacts": ["nickname\tstring"]}
    async with connected(properties=extra) as setup:
        await setup.write(contact("ada@acme.example", nickname="A"))
        setup.emulator.portal.schema.find("contacts").properties["nickname"].archived = True
        setup.clock.pass_seconds(301.0)
        (first,) = await setup.write(contact("ada@acme.example", nickname="B", city="Bonn"))
        assert isinstance(first, Retry)
        assert (first.reason, first.after_seconds) == (Reason.UNKNOWN_FIELD, 0.0)
        (second,) = await setup.write(contact("ada@acme.example", nickname="B", city="Bonn"))
        assert isinstance(second, Delivered)
        assert second.notes == (Note("unknown_field", "nickname"),)


async def test_properties_that_come_in_pages_are_read_to_the_last_one() -> None:
    """HubSpot documents one page; a second one would hold properties all the same."""
    async with connected() as setup:
        email = {"name": "email", "type": "string", "fieldType": "text"}
        page = {"results": [email], "paging": {"next": {"after": "a+/=", "link": None}}}
        fault = Fault(
            "status", path="*/properties/*", status=200, text=orjson.dumps(page).decode(), count=1
        )
        setup.emulator.script(fault)
        await setup.write(contact("ada@acme.example", firstname="Ada"))
        assert setup.contact("ada@acme.example").properties["firstname"] == "Ada"
        assert len(setup.sent("/crm/properties/2026-03/contacts")) == 2
