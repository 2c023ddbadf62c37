"""Account Engagement as its documentation allows it to be, where that is not the comfortable."""

from collections.abc import Mapping
from dataclasses import replace

from tests.contract.account_engagement.business_unit import (
    UPSERT,
    Value,
    activity,
    by_crm_id,
    connected,
    person,
)
from transformer.emulator.faults import Fault
from transformer.outcome import Delivered
from transformer.upsert import Note

ACTIVITIES: Mapping[str, Value] = {"external_activities": True, "activity_extension": "Events"}
PATH = "/api/v5/external-activities"


async def test_an_activity_has_a_value_a_short_one_and_a_moment_with_its_offset() -> None:
    """The event's name where there is no value; 100 characters; `Z` is no offset."""
    async with connected(settings=ACTIVITIES) as setup:
        setup.emulator.objects.activity_types["Events"] = {"Order"}
        setup.emulator.prospects.add("a@x.io")
        moment = {"activityDate": "2026-01-02T03:04:05.678Z"}
        outcomes = await setup.write(
            activity("Order", "a@x.io", **moment),
            activity("Order", "a@x.io", value="v" * 101, **moment),
        )
        cut = Note("invalid_value", "value", "cut to the 100 characters that it may have")
        assert outcomes == [
            Delivered("created", "1", "ExternalActivity"),
            Delivered("created", "2", "ExternalActivity", (cut,)),
        ]
        rows = setup.emulator.store.rows["external-activities"]
        assert [row.get("value") for row in rows.values()] == ["Order", "v" * 100]
        assert rows["1"].get("activityDate") == "2026-01-02T03:04:05.678+00:00"


async def test_an_activity_is_found_again_in_the_time_zone_of_the_account() -> None:
    """Moments come back in the account's own zone, to the second."""
    async with connected(settings=ACTIVITIES) as setup:
        setup.emulator.objects.activity_types["Events"] = {"Order"}
        setup.emulator.prospects.add("a@x.io")
        there = (
            '{"nextPageToken": null, "values": [{"id": "7", "type": "Order", "email": "A@x.io",'
            ' "value": "2", "activityDate": "2026-01-01T22:04:05-05:00"}]}'
        )
        setup.emulator.script(Fault("status", path=PATH, method="GET", status=200, text=there))
        moment = "2026-01-02T03:04:05.678Z"
        again = replace(activity("Order", "a@x.io", value=2, activityDate=moment), repeated=True)
        assert await setup.write_one(again) == Delivered("created", "7", "ExternalActivity")


async def test_who_may_write_but_not_see_is_told_no_id_and_that_is_a_delivery() -> None:
    """204 instead of 201, as documented; what needs the id is noted."""
    async with connected(settings=ACTIVITIES) as setup:
        setup.emulator.script(
            Fault("status", path=PATH, method="POST", status=204),
            Fault("status", path=UPSERT, method="POST", status=204),
        )
        assert await setup.write_one(activity("Order", "a@x.io")) == Delivered(
            "created", "", "ExternalActivity"
        )
        outcome = await setup.write_one(person("a@x.io", tags="x"))
        assert isinstance(outcome, Delivered)
        assert outcome.record_id == ""
        assert [note.field for note in outcome.notes] == ["assignedTo", "tags"]


async def test_tags_alone_send_no_empty_change() -> None:
    """An empty body is refused with code 152."""
    async with connected() as setup:
        setup.emulator.prospects.add("a@x.io", salesforceId="00Q000000000001AAA")
        outcome = await setup.write_one(by_crm_id("00Q000000000001AAA", tags="x"))
        assert outcome == Delivered("updated", "1", "Prospect")
        assert len(setup.emulator.store.rows["tagged-objects"]) == 1
        assert setup.calls("PATCH /api/v5/objects/prospects/{id}") == 0


async def test_a_tag_is_the_one_of_its_very_name() -> None:
    """Whatever else the filter finds."""
    async with connected() as setup:
        found = '{"values": [{"id": 1, "name": "beta users"}, {"id": 2, "name": "Beta"}]}'
        for name in ("beta users", "Beta"):
            setup.emulator.objects.add("tags", name=name)
        setup.emulator.script(
            Fault("status", path="/api/v5/objects/tags", method="GET", status=200, text=found)
        )
        await setup.write_one(person("a@x.io", tags="beta"))
        links = setup.emulator.store.rows["tagged-objects"].values()
        assert [link.get("tagId") for link in links] == [2]
