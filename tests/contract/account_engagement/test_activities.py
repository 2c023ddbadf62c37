"""What else goes to Account Engagement: external activities, and what cannot be written there."""

from collections.abc import Mapping
from dataclasses import replace

from tests.contract.account_engagement.business_unit import Value, activity, connected
from transformer.emulator.faults import Fault
from transformer.outcome import Delivered, Reason, Rejected, Skipped
from transformer.upsert import Operation, Upsert

ACTIVITIES: Mapping[str, Value] = {"external_activities": True, "activity_extension": "Events"}


async def test_a_track_becomes_an_external_activity() -> None:
    """Its type is the event's name as an API name; an unregistered one is refused alone."""
    async with connected(settings=ACTIVITIES) as setup:
        setup.emulator.objects.activity_types["Events"] = {"Order_Completed"}
        setup.emulator.prospects.add("a@x.io")
        outcomes = await setup.write(
            activity("Order Completed", "A@x.io", value=12.5), activity("Other", "a@x.io")
        )
        assert outcomes[0] == Delivered("created", "1", "ExternalActivity")
        assert getattr(outcomes[1], "reason", None) is Reason.UNKNOWN_FIELD
        row = setup.emulator.store.rows["external-activities"]["1"]
        assert {name: row.get(name) for name in ("extension", "type", "email", "value")} == {
            "extension": "Events",
            "type": "Order_Completed",
            "email": "a@x.io",
            "value": "12.5",
        }


async def test_activities_are_off_until_switched_on() -> None:
    """Skipped, not dead-lettered; nothing is sent."""
    async with connected() as setup:
        outcome = await setup.write_one(activity("Order Completed", "a@x.io"))
        assert isinstance(outcome, Skipped)
        assert setup.calls("POST /api/v5/external-activities") == 0


async def test_an_activity_whose_answer_was_lost_is_looked_for_before_it_is_sent_again() -> None:
    """Once reads have caught up; one that never arrived is sent."""
    async with connected(settings=ACTIVITIES) as setup:
        setup.emulator.objects.activity_types["Events"] = {"Order"}
        setup.emulator.prospects.add("a@x.io")
        setup.emulator.script(
            Fault("reset_after", path="/api/v5/external-activities", method="POST", count=1)
        )
        lost = await setup.write_one(activity("Order", "a@x.io"))
        assert (getattr(lost, "after_seconds", 0), getattr(lost, "may_have_applied", 0)) == (
            65.0,
            True,
        )
        again = replace(activity("Order", "a@x.io"), repeated=True)
        assert await setup.write_one(again) == Delivered("created", "1", "ExternalActivity")
        assert len(setup.emulator.store.rows["external-activities"]) == 1
        other = replace(activity("Order", "a@x.io", value="2"), repeated=True)
        assert await setup.write_one(other) == Delivered("created", "2", "ExternalActivity")


async def test_a_sender_whose_clock_is_ahead_gets_no_activity_twice() -> None:
    """The vendor's moment of creation may lie before the event's own."""
    async with connected(settings=ACTIVITIES) as setup:
        setup.emulator.objects.activity_types["Events"] = {"Order"}
        setup.emulator.prospects.add("a@x.io")
        ahead = replace(activity("Order", "a@x.io"), event_time=setup.clock.wall() + 600)
        assert await setup.write_one(ahead) == Delivered("created", "1", "ExternalActivity")
        setup.clock.pass_seconds(900)
        again = replace(ahead, repeated=True)
        assert await setup.write_one(again) == Delivered("created", "1", "ExternalActivity")


async def test_read_only_objects_are_skipped_or_refused_with_the_reason() -> None:
    """P6: opportunities, accounts and campaigns come from Salesforce."""
    opportunity = Upsert("Opportunity", Operation.CREATE, {"amount": 1})
    account = Upsert("ProspectAccount", Operation.CREATE, {"name": "Acme"})
    strange = Upsert("Visitor", Operation.CREATE, {})
    async with connected() as setup:
        outcomes = await setup.write(opportunity, account, strange)
        assert [getattr(o, "reason", None) for o in outcomes] == [
            Reason.EVENT_TYPE_NOT_MAPPED,
            Reason.ACCESS_DENIED,
            Reason.UNKNOWN_OBJECT,
        ]
    async with connected(settings={"opportunities": "reject"}) as setup:
        outcome = await setup.write_one(opportunity)
        assert isinstance(outcome, Rejected)
        assert "read only in API v5" in outcome.detail
