"""ActiveCampaign when things go wrong: throttling, lost answers, wrong keys, broken servers."""

import asyncio
from dataclasses import replace

import pytest

from tests.contract.activecampaign.account import connected, new, people, person
from transformer.clock import SystemClock
from transformer.destination import FieldUse
from transformer.emulator.faults import Fault
from transformer.errors import AnswerLost, ServerFault, Throttled, Unauthorized, Unreachable
from transformer.outcome import Delivered, Reason, Rejected, Retry
from transformer.upsert import Upsert

SYNC = "/api/3/contact/sync"
DEAL = new("deal", title="D", contact="d@x.io", value=1, group="Sales", stage="In Contact", size=7)


async def test_requests_never_exceed_five_a_second() -> None:
    """In real time, against an emulator that throttles the sixth, from two writes at once."""
    async with connected(real_clock=SystemClock(), limited=True) as setup:
        batch = people(14)
        await asyncio.gather(setup.write(*batch[:7]), setup.write(*batch[7:]))
        assert (setup.emulator.api_calls, setup.emulator.throttled_count) == (14, 0)
        assert len(setup.rows("contacts")) == 14


async def test_a_slow_rate_is_waited_for() -> None:
    """However little of the account's rate is left to this connection."""
    async with connected(requests_per_second=0.25) as setup:
        outcomes = await setup.write(*people(4))
        assert all(isinstance(outcome, Delivered) for outcome in outcomes)
        assert setup.clock.now() - 1_000 >= 3 * 4


async def test_a_429_with_retry_after_closes_the_budget_for_that_long() -> None:
    """Nothing was written; nothing more is sent."""
    async with connected() as setup:
        setup.emulator.script(Fault("status", status=429, retry_after=30, count=1))
        with pytest.raises(Throttled) as caught:
            await setup.write(person("a@x.io"))
        assert caught.value.after_seconds == 30
        assert setup.destination.budget.wait_seconds(setup.clock.now()) > 25


async def test_a_429_without_retry_after_leaves_the_wait_to_the_engine() -> None:
    """And tells nothing of a time."""
    async with connected() as setup:
        setup.emulator.script(Fault("status", status=429, count=1))
        with pytest.raises(Throttled) as caught:
            await setup.write(person("a@x.io"))
        assert caught.value.after_seconds is None


async def test_a_429_in_the_middle_keeps_what_is_known_and_stops() -> None:
    """Those not sent wait without losing an attempt."""
    async with connected() as setup:
        setup.emulator.script(Fault("status", status=429, retry_after=30, skip=5))
        outcomes = await setup.write(*people(40))
        delivered = [o for o in outcomes if isinstance(o, Delivered)]
        waiting = [o for o in outcomes if isinstance(o, Retry)]
        assert (len(delivered), len(waiting)) == (5, 35)
        assert {(o.reason, o.counts, o.may_have_applied) for o in waiting} == {
            (Reason.THROTTLED, False, False)
        }
        assert setup.emulator.request_count < 12


async def test_a_lost_answer_costs_one_contact_and_makes_no_second_one() -> None:
    """The known outcomes of the others are kept."""
    async with connected() as setup:
        setup.emulator.script(Fault("reset_after", path=SYNC, count=1, contains="p3@"))
        batch = people(8)
        outcomes = await setup.write(*batch)
        lost = outcomes[3]
        assert isinstance(lost, Retry)
        assert (lost.reason, lost.may_have_applied, lost.counts) == (
            Reason.ANSWER_LOST,
            True,
            True,
        )
        assert sum(isinstance(outcome, Delivered) for outcome in outcomes) == 7
        assert isinstance((await setup.write(batch[3]))[0], Delivered)
        assert len(setup.rows("contacts")) == 8


async def test_a_lost_answer_with_nothing_known_is_raised() -> None:
    """The engine decides what a failure of everything means."""
    async with connected() as setup:
        setup.emulator.script(Fault("reset_after", path=SYNC))
        with pytest.raises(AnswerLost):
            await setup.write(person("a@x.io"))


async def test_a_server_that_fails_everything_is_left_after_a_few_tries() -> None:
    """Raised, so that no contact is blamed for it."""
    async with connected() as setup:
        setup.emulator.script(Fault("html", status=500))
        with pytest.raises(ServerFault):
            await setup.write(*people(50))
        assert setup.emulator.request_count < 10


async def test_a_server_error_for_one_contact_is_its_own() -> None:
    """It counts; an HTML page is no answer either."""
    async with connected() as setup:
        setup.emulator.script(
            Fault("status", path=SYNC, status=500, count=1, contains="p1@"),
            Fault("html", path=SYNC, status=200, count=1, contains="p2@"),
        )
        outcomes = await setup.write(*people(4))
        for index in (1, 2):
            outcome = outcomes[index]
            assert isinstance(outcome, Retry)
            assert (outcome.reason, outcome.counts) == (Reason.SERVER_ERROR, True)
        assert isinstance(outcomes[3], Delivered)


async def test_a_wrong_key_is_unauthorized_and_nobodys_fault() -> None:
    """Asked once at users/me, so that a missing permission is told apart."""
    async with connected(api_token="wrong") as setup:
        with pytest.raises(Unauthorized) as caught:
            await setup.write(*people(20))
        assert "wrong" not in str(caught.value)
        assert setup.emulator.request_count < 15


async def test_contacts_wait_while_the_list_of_their_fields_may_not_be_read() -> None:
    """Nobody's values are at fault: nothing is rejected, and little is asked meanwhile."""
    async with connected() as setup:
        setup.emulator.forbidden.add("fields")
        with pytest.raises(Unauthorized, match="Give the user's group the permission") as caught:
            await setup.write(*people(20, plan="pro"))
        assert caught.value.after_seconds == 60
        assert setup.emulator.request_count < 15
        setup.emulator.forbidden.clear()
        outcomes = await setup.write(*people(20, plan="pro"))
        assert all(isinstance(outcome, Delivered) for outcome in outcomes)


async def test_of_a_batch_what_needs_no_list_is_delivered_and_the_rest_waits() -> None:
    """A wait that uses up no attempt (row K5)."""
    async with connected() as setup:
        setup.emulator.forbidden.add("fields")
        outcomes = await setup.write(person("a@x.io"), person("b@x.io", plan="pro"))
        assert isinstance(outcomes[0], Delivered)
        waiting = outcomes[1]
        assert isinstance(waiting, Retry)
        assert (waiting.reason, waiting.after_seconds, waiting.counts) == (
            Reason.UNAUTHORIZED, 60, False,
        )  # fmt: skip


async def test_an_import_waits_for_the_list_of_fields_too() -> None:
    """Before anything was sent."""
    async with connected(bulk_threshold=5) as setup:
        setup.emulator.forbidden.add("fields")
        with pytest.raises(Unauthorized):
            await setup.write(*people(8, plan="pro"))
        assert setup.rows("contacts") == []


@pytest.mark.parametrize(
    ("resource", "needs_it"),
    [
        ("accountCustomFieldMeta", new("account", name="Acme", size=7)),
        ("dealCustomFieldMeta", DEAL),
        ("tags", person("c@x.io", tags="vip")),
    ],
)
async def test_a_list_that_only_some_events_need_rejects_those(
    resource: str, needs_it: Upsert
) -> None:
    """The others need not wait for a permission that the account may never give."""
    async with connected() as setup:
        setup.emulator.forbidden.add(resource)
        outcomes = await setup.write(person("a@x.io", plan="pro"), needs_it)
        assert isinstance(outcomes[0], Delivered)
        refused = outcomes[1]
        assert isinstance(refused, Rejected)
        assert refused.reason is Reason.ACCESS_DENIED


async def test_the_check_says_which_fields_may_not_be_read() -> None:
    """Those of contacts hold everything up, those of accounts what has some."""
    async with connected() as setup:
        setup.emulator.forbidden.update({"fields", "accountCustomFieldMeta"})
        uses = [FieldUse("contact", "plan", "m:1"), FieldUse("account", "size", "m:2")]
        findings = {each.where: each for each in await setup.destination.check(uses)}
        assert findings["contact"].level == "error"
        assert "does not show its custom fields" in findings["contact"].message
        assert findings["account"].level == "warning"


async def test_an_address_that_is_no_account_is_a_matter_of_the_setup() -> None:
    """A page that is not found is not a contact that is not found."""
    async with connected() as setup:
        setup.emulator.script(Fault("html", status=404))
        with pytest.raises(Unauthorized, match="base_url"):
            await setup.write(person("a@x.io"))


async def test_a_crm_that_is_down_is_unreachable() -> None:
    """Nothing may have been applied."""
    async with connected() as setup:
        setup.emulator.script(Fault("status", status=503))
        with pytest.raises(Unreachable):
            await setup.write(*people(20))


async def test_a_deal_whose_answer_was_lost_is_found_and_not_made_twice() -> None:
    """A second equal deal that is really meant is made."""
    async with connected() as setup:
        setup.emulator.script(Fault("reset_after", path="/api/3/deals", count=1))
        deal = {"title": "Big", "value": "12.50", "contact": "a@x.io", "group": "Sales"}
        with pytest.raises(AnswerLost):
            await setup.write(new("deal", **deal))
        again = replace(new("deal", **deal), repeated=True)
        made = Delivered("created", "1", "deal")
        assert await setup.write(again) == [made]
        assert len(setup.rows("deals")) == 1
        assert await setup.write(again) == [Delivered("created", "2", "deal")]


async def test_an_account_whose_answer_was_lost_is_found_by_its_name() -> None:
    """Names are unique: it cannot be made twice."""
    async with connected() as setup:
        setup.emulator.script(Fault("reset_after", method="POST", path="/api/3/accounts", count=1))
        with pytest.raises(AnswerLost):
            await setup.write(new("account", name="Acme"))
        again = replace(new("account", name="Acme", accountUrl="a.io"), repeated=True)
        outcome = await setup.write(again)
        assert outcome == [Delivered("updated", "1", "account")]
        assert len(setup.rows("accounts")) == 1


async def test_check_tells_key_fields_objects_and_tracking() -> None:
    """Everything it finds, without writing."""
    async with connected(event_tracking=True) as setup:
        setup.emulator.catalogue.add_field("Job title")
        uses = [*_uses("contact", "email", "jobTitle", "seats"), *_uses("account", "Number")]
        findings = await setup.destination.check([*uses, *_uses("ticket", "x")])
        assert [(f.level, f.where) for f in findings] == [
            ("ok", "credentials"),
            ("warning", "m:1: contact.seats"),
            ("warning", "m:1: account.Number"),
            ("ok", "deal"),
            ("error", "m:1: ticket"),
            ("ok", "event_tracking"),
        ]
        assert not any(setup.rows(kind) for kind in ("contacts", "accounts", "deals"))


async def test_check_stops_at_a_wrong_key() -> None:
    """There is nothing more to ask."""
    async with connected(api_token="wrong") as setup:
        findings = await setup.destination.check(())
        assert [(f.level, f.where) for f in findings] == [("error", "credentials")]


def _uses(kind: str, *names: str) -> list[FieldUse]:
    return [FieldUse(kind, name, "m:1") for name in names]
