"""Track events become HubSpot's custom events, once each."""

from destinations.hubspot.emulator.events import Definition
from tests.contract.hubspot.portal import Setup, connected, contact, create
from transformer.emulator.faults import Fault
from transformer.outcome import Delivered, Outcome, Reason, Rejected, Retry, Skipped
from transformer.upsert import Upsert


def event(name: str, uuid: str, **properties: object) -> Upsert:
    """What the default mapping makes of a track call."""
    return create(
        "custom_event",
        properties,
        event_name=name,
        uuid=uuid,
        email="ada@acme.example",
        occurred_at="2026-11-22T10:00:00Z",
    )


def define(setup: Setup, name: str, **types: str) -> None:
    """Define a custom event in the account."""
    full_name = f"pe4711_{name}"
    label = name.replace("_", " ").title()
    setup.emulator.events.definitions[full_name] = Definition(name, label, full_name, dict(types))


def reasons(outcomes: list[Outcome]) -> list[Reason | None]:
    """The reason of each outcome that has one."""
    return [getattr(outcome, "reason", None) for outcome in outcomes]


async def test_definitions_are_read_to_the_last_page_with_their_properties() -> None:
    """A page has a hundred; cursors are sent back as they came."""
    async with connected({"track_events": "defined"}) as setup:
        for n in range(250):
            define(setup, f"event_{n}", revenue="number")
        (outcome,) = await setup.write(event("Event 249", "m-1", revenue=1))
        assert isinstance(outcome, Delivered)
        assert outcome.notes == ()
        (occurred,) = setup.emulator.events.occurred
        assert occurred["properties"] == {"revenue": "1"}


async def test_events_are_skipped_unless_track_events_is_on() -> None:
    """Without a request."""
    async with connected() as setup:
        (outcome,) = await setup.write(event("Order Completed", "m-1"))
        assert isinstance(outcome, Skipped)
        assert outcome.reason is Reason.EVENT_TYPE_NOT_MAPPED
        assert setup.emulator.request_count == 0


async def test_a_defined_event_is_sent_with_its_time_and_the_message_id() -> None:
    """Under the name of the definition; values by their type, others noted."""
    async with connected({"track_events": "defined"}) as setup:
        define(setup, "order_completed", revenue="number", order_id="string", paid_at="datetime")
        (outcome,) = await setup.write(
            event("Order Completed", "m-1", revenue=12.5, orderId="007", paid_at=1_763_800_000,
                  coupon="X"),
        )  # fmt: skip
        assert isinstance(outcome, Delivered)
        assert (outcome.operation, outcome.record_id) == ("created", "m-1")
        assert [(note.code, note.field) for note in outcome.notes] == [("unknown_field", "coupon")]
        (occurred,) = setup.emulator.events.occurred
        assert occurred["eventName"] == "pe4711_order_completed"
        assert occurred["occurredAt"] == "2026-11-22T10:00:00.000Z"
        assert occurred["properties"] == {
            "revenue": "12.5", "order_id": "007", "paid_at": "2025-11-22T08:26:40.000Z",
        }  # fmt: skip


async def test_the_same_message_twice_counts_once() -> None:
    """An answer that was lost is no second event: the uuid tells."""
    async with connected({"track_events": "defined"}) as setup:
        define(setup, "signed_up")
        setup.emulator.script(Fault("reset_after", path="*/send/batch", count=1))
        (first,) = await setup.write(event("Signed Up", "m-1"))
        assert isinstance(first, Retry)
        assert first.may_have_applied
        (second,) = await setup.write(event("Signed Up", "m-1"))
        assert isinstance(second, Delivered)
        assert len(setup.emulator.events.occurred) == 1
        assert len(setup.emulator.events.dropped) == 1


async def test_an_event_without_a_definition_is_rejected_and_asked_about_once_in_a_while() -> None:
    """A definition made later is found."""
    async with connected({"track_events": "defined"}) as setup:
        for _ in range(3):
            (outcome,) = await setup.write(event("Signed Up", "m-1"))
            assert isinstance(outcome, Rejected)
            assert outcome.reason is Reason.UNKNOWN_OBJECT
        assert setup.emulator.api_calls == 2
        define(setup, "signed_up")
        setup.clock.pass_seconds(301.0)
        (outcome,) = await setup.write(event("Signed Up", "m-1"))
        assert isinstance(outcome, Delivered)


async def test_definitions_and_properties_are_made_where_that_is_wanted() -> None:
    """Numbers as numbers, everything else as text."""
    async with connected({"track_events": "create"}) as setup:
        await setup.write(event("Order Completed", "m-1", revenue=5, plan_name="Pro"))
        await setup.write(event("Order Completed", "m-2", revenue=6, coupon="X"))
        (definition,) = setup.emulator.events.definitions.values()
        own = {name: kind for name, kind in definition.properties.items() if name[:3] != "hs_"}
        assert own == {"revenue": "number", "plan_name": "string", "coupon": "string"}
        assert [each["properties"] for each in setup.emulator.events.occurred] == [
            {"revenue": "5", "plan_name": "Pro"}, {"revenue": "6", "coupon": "X"},
        ]  # fmt: skip


async def test_an_event_of_nobody_is_rejected_and_a_bad_value_too() -> None:
    """The others of the batch are sent."""
    async with connected({"track_events": "defined"}) as setup:
        define(setup, "signed_up", score="number")
        nobody = create("custom_event", event_name="Signed Up", uuid="m-1")
        nameless = create("custom_event", email="ada@acme.example", uuid="m-2")
        outcomes = await setup.write(
            nobody, nameless, event("Signed Up", "m-3", score="high"), event("Signed Up", "m-4")
        )
        assert reasons(outcomes) == [
            Reason.MATCH_KEY_MISSING, Reason.MATCH_KEY_MISSING, Reason.INVALID_VALUE, None,
        ]  # fmt: skip
        assert [each["uuid"] for each in setup.emulator.events.occurred] == ["m-4"]


async def test_a_refused_batch_of_events_is_split_until_the_event_is_found() -> None:
    """A definition that was deleted since it was read."""
    async with connected({"track_events": "defined"}) as setup:
        define(setup, "signed_up")
        define(setup, "gone")
        await setup.write(event("Signed Up", "m-0"), event("Gone", "m-1"))
        del setup.emulator.events.definitions["pe4711_gone"]
        events = [event("Gone" if n == 5 else "Signed Up", f"n-{n}") for n in range(8)]
        outcomes = await setup.write(*events)
        assert [n for n, each in enumerate(outcomes) if isinstance(each, Rejected)] == [5]
        assert len(setup.emulator.events.occurred) == 2 + 7


async def test_a_thousand_events_take_two_requests_beside_the_definitions() -> None:
    """Five hundred in each, next to the contacts of the same batch."""
    async with connected({"track_events": "defined"}) as setup:
        define(setup, "signed_up")
        events = [event("Signed Up", f"m-{n}") for n in range(999)]
        outcomes = await setup.write(contact("ada@acme.example"), *events)
        assert {type(outcome) for outcome in outcomes} == {Delivered}
        assert len(setup.sent("/send/batch")) == 2
        assert setup.emulator.api_calls == 5


async def test_an_account_without_custom_events_waits_and_contacts_go_on() -> None:
    """Missing scopes are a setup that somebody must change, not the event's fault."""
    scopes = frozenset({"crm.objects.contacts.read", "crm.objects.contacts.write"})
    async with connected({"track_events": "defined"}, scopes=scopes) as setup:
        outcomes = await setup.write(event("Signed Up", "m-1"), contact("ada@acme.example"))
        assert isinstance(outcomes[0], Retry)
        assert (outcomes[0].reason, outcomes[0].counts) == (Reason.UNAUTHORIZED, False)
        assert isinstance(outcomes[1], Delivered)
