"""Account Engagement when things go wrong: limits, lost answers, tokens, broken servers."""

import asyncio
from collections.abc import Mapping

import pytest

from destinations.account_engagement.emulator import build
from tests.contract.account_engagement.business_unit import (
    PROSPECTS,
    UPSERT,
    Value,
    by_crm_id,
    by_id,
    connected,
    people,
    person,
)
from transformer.clock import SystemClock
from transformer.destination import FieldUse
from transformer.emulator.faults import Fault
from transformer.errors import (
    AnswerLost,
    QuotaSpent,
    ServerFault,
    Throttled,
    Unauthorized,
    Unreachable,
)
from transformer.outcome import Delivered, Reason, Rejected, Retry


async def test_there_are_never_more_requests_at_once_than_the_setting_says() -> None:
    """In real time; the business unit refuses the sixth."""
    async with connected(real_clock=SystemClock(), settings={"requests_in_flight": 4}) as setup:
        setup.emulator.script(Fault("delay", path=UPSERT, seconds=0.02))
        batch = people(16)
        await asyncio.gather(setup.write(*batch[:8]), setup.write(*batch[8:]))
        assert (setup.emulator.peak, setup.emulator.refused_at_once) == (4, 0)
        assert setup.count == 16


@pytest.mark.parametrize("status", [400, 429, 403])
async def test_too_many_at_once_is_a_pause_whatever_the_status(status: int) -> None:
    """Code 66: others use the places too; nothing is lost and no attempt is used up."""
    one_request = {"connector_user_assigns": "always"}
    async with connected(limit_status=status, settings=one_request) as setup:
        setup.emulator.script(Fault("concurrent_limit", path=UPSERT, skip=2, count=1))
        outcomes = await setup.write(*people(12))
        waiting = [o for o in outcomes if isinstance(o, Retry)]
        assert waiting
        assert {(o.reason, o.counts, o.may_have_applied) for o in waiting} == {
            (Reason.THROTTLED, False, False)
        }
        assert 0 < setup.destination.budget.wait_seconds(setup.clock.now()) <= 1


@pytest.mark.parametrize("status", [400, 429])
async def test_the_days_limit_closes_until_the_accounts_day_ends(status: int) -> None:
    """Code 122, in the account's time zone; then one question opens again."""
    zone = "America/New_York"
    async with connected(
        daily_calls=10, limit_status=status, time_zone=zone, settings={"time_zone": zone}
    ) as setup:
        setup.emulator.used = 3
        await setup.write(person("a@x.io"))
        setup.emulator.script(Fault("spend_day", count=1))
        with pytest.raises(QuotaSpent) as caught:
            await setup.write(person("b@x.io"))
        # Noon in UTC of a day in October is eight in New York.
        assert caught.value.after_seconds == pytest.approx(16 * 3600, abs=30)
        assert setup.destination.budget.used == 10
        setup.clock.pass_seconds(16 * 3600 + 60)
        assert isinstance(await setup.write_one(person("b@x.io")), Delivered)


async def test_without_a_time_zone_the_quota_is_asked_for_now_and_then() -> None:
    """Every recheck_seconds, one request."""
    async with connected(daily_calls=20, settings={"recheck_seconds": 600.0}) as setup:
        setup.emulator.used = 20
        with pytest.raises(QuotaSpent) as caught:
            await setup.write(person("a@x.io"))
        assert caught.value.after_seconds == 600
        with pytest.raises(QuotaSpent):
            await setup.write(person("a@x.io"))
        before = setup.emulator.request_count
        setup.clock.pass_seconds(601)
        with pytest.raises(QuotaSpent):
            await setup.write(person("a@x.io"))
        assert setup.emulator.request_count == before + 1
        setup.emulator.used = 0
        setup.clock.pass_seconds(601)
        assert isinstance(await setup.write_one(person("a@x.io")), Delivered)


async def test_a_token_that_ended_meanwhile_costs_no_second_wait_for_the_quota() -> None:
    """The question that met the 401 is asked again with the new token."""
    async with connected(daily_calls=20, settings={"recheck_seconds": 600.0}) as setup:
        setup.emulator.used = 20
        with pytest.raises(QuotaSpent):
            await setup.write(person("a@x.io"))
        setup.emulator.used = 0
        setup.clock.pass_seconds(601)
        setup.emulator.oauth.expire_all()
        assert isinstance(await setup.write_one(person("a@x.io")), Delivered)


@pytest.mark.parametrize("reports", [True, False])
async def test_the_share_of_the_day_is_never_exceeded(reports: bool) -> None:
    """Whether answers tell what is used or not."""
    async with connected(
        daily_calls=40, reports_usage=reports, settings={"api_share": 0.5}
    ) as setup:
        outcomes = await setup.write(*people(60))
        waiting = [o for o in outcomes if isinstance(o, Retry)]
        assert {o.reason for o in waiting} == {Reason.QUOTA_SPENT}
        assert setup.emulator.used == 20
        assert setup.destination.budget.exhausted


async def test_usage_by_others_is_learned() -> None:
    """From every answer."""
    async with connected() as setup:
        await setup.write(person("a@x.io"))
        setup.emulator.used = 30_000
        await setup.write(person("a@x.io"))
        assert (setup.destination.budget.used, setup.destination.budget.limit) == (30_001, 50_000)


async def test_an_expired_token_is_renewed_once_for_all() -> None:
    """Code 184 with 401: four requests meet it, one login follows."""
    async with connected() as setup:
        await setup.write(person("a@x.io"))
        setup.emulator.oauth.expire_all()
        outcomes = await setup.write(*people(8))
        assert all(isinstance(outcome, Delivered) for outcome in outcomes)
        assert setup.emulator.oauth.logins == 2


async def test_a_token_that_is_refused_twice_is_a_matter_of_the_setup() -> None:
    """The worker waits; nobody's event is blamed."""
    async with connected() as setup:
        setup.emulator.script(Fault("expire_tokens"))
        with pytest.raises(Unauthorized, match="pardot_api"):
            await setup.write(*people(3))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"business_unit_id": "0Uv00000000000XCAA"}, "business_unit_id"),
        ({"client_secret": "wrong-secret"}, "client_secret"),
        ({"client_id": "wrong-id"}, "client_id"),
        ({"auth": "refresh_token", "refresh_token": "gone"}, "refresh_token"),
    ],
)
async def test_wrong_credentials_say_what_to_correct(
    given: Mapping[str, Value], words: str
) -> None:
    """Without showing a secret; no second login follows at once."""
    async with connected(settings=given) as setup:
        for _ in range(2):
            with pytest.raises(Unauthorized, match=words) as caught:
                await setup.write(person("a@x.io"))
            assert "wrong-secret" not in str(caught.value)
        assert setup.emulator.oauth.logins == 1


async def test_a_refresh_token_logs_in_too() -> None:
    """The grant of a connection that a person authorised."""
    given = {"auth": "refresh_token", "refresh_token": "refresh-token", "client_secret": None}
    async with connected(settings=given) as setup:
        assert isinstance(await setup.write_one(person("a@x.io")), Delivered)


async def test_an_ability_that_is_missing_rejects_what_needs_it_alone() -> None:
    """Code 46 is not a wrong token."""
    async with connected() as setup:
        setup.emulator.forbidden.add("lists")
        outcomes = await setup.write(person("a@x.io"), person("b@x.io", lists="News"))
        assert isinstance(outcomes[0], Delivered)
        refused = outcomes[1]
        assert isinstance(refused, Rejected)
        assert refused.reason is Reason.ACCESS_DENIED


async def test_a_429_with_retry_after_is_obeyed() -> None:
    """Nothing was written; nothing more is sent."""
    async with connected() as setup:
        setup.emulator.script(Fault("status", status=429, retry_after=30, path=UPSERT))
        with pytest.raises(Throttled) as caught:
            await setup.write(person("a@x.io"))
        assert caught.value.after_seconds == 30
        assert setup.destination.budget.wait_seconds(setup.clock.now()) > 25


async def test_a_429_without_retry_after_leaves_the_wait_to_the_engine() -> None:
    """But for a second in which nothing is sent."""
    async with connected() as setup:
        setup.emulator.script(Fault("status", status=429, path=UPSERT))
        with pytest.raises(Throttled) as caught:
            await setup.write(person("a@x.io"))
        assert caught.value.after_seconds is None


async def test_a_lost_answer_costs_one_prospect_and_makes_no_second_one() -> None:
    """Even where an address may be several prospects'."""
    async with connected(several_per_email=True) as setup:
        setup.emulator.script(Fault("reset_after", path=UPSERT, count=1, contains="p3@"))
        batch = people(8)
        outcomes = await setup.write(*batch)
        lost = outcomes[3]
        assert isinstance(lost, Retry)
        assert (lost.reason, lost.may_have_applied) == (Reason.ANSWER_LOST, True)
        assert sum(isinstance(outcome, Delivered) for outcome in outcomes) == 7
        assert isinstance(await setup.write_one(batch[3]), Delivered)
        assert setup.count == 8


async def test_a_lost_answer_with_nothing_known_is_raised() -> None:
    """The engine decides what a failure of everything means."""
    async with connected() as setup:
        setup.emulator.script(Fault("reset_after", path=UPSERT))
        with pytest.raises(AnswerLost):
            await setup.write(person("a@x.io"))


async def test_what_follows_an_unsettled_upsert_of_the_same_prospect_waits() -> None:
    """Else the older one would be sent after the newer one."""
    async with connected() as setup:
        setup.emulator.prospects.add("a@x.io", salesforceId="003A")
        setup.emulator.script(Fault("status", status=500, path=f"{PROSPECTS}/1", count=1))
        outcomes = await setup.write(
            by_crm_id("003A", email="a@x.io", firstName="older"),
            person("a@x.io", firstName="newer"),
            person("b@x.io"),
        )
        assert [getattr(outcome, "reason", None) for outcome in outcomes] == [
            Reason.SERVER_ERROR,
            Reason.SAME_RECORD,
            None,
        ]


async def test_a_server_that_fails_everything_is_left_after_a_few_tries() -> None:
    """Raised, so that no prospect is blamed for it."""
    async with connected() as setup:
        setup.emulator.script(Fault("html", status=500, path=UPSERT))
        with pytest.raises(ServerFault):
            await setup.write(*people(50))
        assert setup.calls(f"POST {UPSERT}") == 0
        assert setup.emulator.request_count < 15


async def test_a_server_error_for_one_prospect_is_its_own() -> None:
    """A fault in JSON, an HTML page instead of an answer, and a passing conflict."""
    async with connected() as setup:
        setup.emulator.script(
            Fault("status", path=UPSERT, status=500, count=1, contains="p1@"),
            Fault("html", path=UPSERT, status=200, count=1, contains="p2@"),
            Fault("code", path=UPSERT, status=400, count=1, contains="p3@", options={"code": 62}),
        )
        outcomes = await setup.write(*people(5))
        assert [getattr(outcome, "reason", None) for outcome in outcomes] == [
            None,
            Reason.SERVER_ERROR,
            Reason.SERVER_ERROR,
            Reason.ROW_LOCKED,
            None,
        ]


async def test_an_address_that_is_no_api_is_a_matter_of_the_setup() -> None:
    """A page that is not found is not a prospect that is not found."""
    async with connected() as setup:
        setup.emulator.script(Fault("html", status=404, path="/api/*"))
        with pytest.raises(Unauthorized, match="base_url"):
            await setup.write(by_id(1, firstName="A"))


async def test_a_crm_that_is_down_is_unreachable() -> None:
    """Nothing may have been applied."""
    async with connected() as setup:
        setup.emulator.script(Fault("status", status=503))
        with pytest.raises(Unreachable):
            await setup.write(*people(20))


async def test_check_tells_user_fields_objects_and_budget() -> None:
    """Everything it finds, without writing."""
    async with connected(settings={"lists": "News"}) as setup:
        setup.add_fields(Plan="Text")
        uses = [FieldUse("Prospect", name, "m:1") for name in ("email", "Plan__c", "seats__c")]
        findings = await setup.destination.check([*uses, FieldUse("Opportunity", "name", "m:2")])
        assert [(f.level, f.where) for f in findings] == [
            ("ok", "credentials"),
            ("ok", "api_share"),
            ("ok", "abilities"),
            ("ok", "connector_user"),
            ("error", "lists: News"),
            ("warning", "m:1: Prospect.seats__c"),
            ("error", "m:2: Opportunity"),
        ]
        assert setup.count == 0


@pytest.mark.parametrize(
    "given", [{"business_unit_id": "0Uv00000000000XCAA"}, {"client_secret": "wrong"}]
)
async def test_check_stops_at_a_wrong_token_or_business_unit(given: Mapping[str, Value]) -> None:
    """There is nothing more to ask."""
    async with connected(settings=given) as setup:
        findings = await setup.destination.check(())
        assert [(f.level, f.where) for f in findings] == [("error", "credentials")]


async def test_check_warns_of_what_will_not_work_without_stopping() -> None:
    """No connector's user, and a user who may not see the users."""
    async with connected(settings={"connector_user": None}) as setup:
        levels = {f.where: f.level for f in await setup.destination.check(())}
        assert levels["connector_user"] == "warning"
    async with connected() as setup:
        setup.emulator.forbidden.add("users")
        findings = await setup.destination.check(())
        assert [f.level for f in findings if "users" in f.message] == ["error"]


async def test_the_emulator_can_be_reset() -> None:
    """Records and counters go; the first ones come back."""
    emulator = build()
    emulator.prospects.add("a@x.io")
    emulator.reset()
    assert emulator.store.rows["prospects"] == {}
    assert len(emulator.store.rows["users"]) == 1
