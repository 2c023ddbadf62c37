"""Account Engagement: what no event can do without, and may not be read, pauses them all."""

from collections.abc import Sequence

import pytest

from tests.contract.account_engagement.business_unit import connected, people, person
from transformer.emulator.faults import Fault
from transformer.errors import Unauthorized
from transformer.outcome import Delivered, Outcome


def words(outcomes: Sequence[Outcome]) -> list[str]:
    """What happened to each, or why not."""
    return [o.operation if isinstance(o, Delivered) else o.reason.value for o in outcomes]


@pytest.mark.parametrize(
    ("needed", "forbidden"),
    [({}, "users"), ({}, "custom-fields"), ({"lists": "All"}, "lists"), ({"tags": "t"}, "tags")],
    ids=["users", "custom fields", "lists of all", "tags of all"],
)
async def test_what_no_event_can_do_without_and_may_not_be_read_is_a_pause(
    needed: dict[str, str], forbidden: str
) -> None:
    """A matter of the setup: no event is blamed for it, and none is lost."""
    async with connected(settings={**needed}) as setup:
        setup.emulator.forbidden.add(forbidden)
        batch = people(3, plan__c="pro")
        with pytest.raises(Unauthorized, match="every event needs them") as caught:
            await setup.write(*batch)
        assert caught.value.after_seconds == 60
        setup.emulator.forbidden.clear()
        assert words(await setup.write(*batch)) == ["created"] * 3


@pytest.mark.parametrize("status", [403, 405])
async def test_a_listing_that_is_refused_without_a_code_is_a_pause_too(status: int) -> None:
    """The status says it; any other refusal is told of the event."""
    fields = "/api/v5/objects/custom-fields"
    async with connected() as setup:
        setup.emulator.script(Fault("status", path=fields, status=status, text="{}", count=1))
        with pytest.raises(Unauthorized, match="custom_fields"):
            await setup.write(person("a@example.com", plan__c="pro"))
        setup.emulator.script(Fault("code", path=fields, status=400, options={"code": 51}))
        outcomes = await setup.write(person("a@example.com", plan__c="pro"))
        assert words(outcomes) == ["unknown_field"]


async def test_what_some_events_alone_need_is_refused_to_them() -> None:
    """A list or tag of the event; users, where nobody is to be the connector's."""
    async with connected(settings={"connector_user": None}) as setup:
        setup.emulator.forbidden |= {"lists", "tags", "users"}
        for number in range(4):
            setup.emulator.prospects.add(f"p{number}@example.com")
        outcomes = await setup.write(
            person("p0@example.com", firstName="A"),
            person("p1@example.com", lists="News"),
            person("p2@example.com", tags="vip"),
            person("p3@example.com", assignedTo="1"),
        )
        assert words(outcomes) == ["updated"] + ["access_denied"] * 3
