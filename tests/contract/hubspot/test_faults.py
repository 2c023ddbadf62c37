"""The HubSpot destination when things go wrong: nothing is lost, nothing is made twice."""

import pytest

from tests.contract.hubspot.portal import Setup, by_id, company, connected, contact, create
from transformer.emulator.faults import Fault
from transformer.errors import (
    AnswerLost,
    QuotaSpent,
    ServerFault,
    Throttled,
    Unauthorized,
    Unreachable,
    WriteFailed,
)
from transformer.outcome import Delivered, Outcome, Reason, Rejected, Retry
from transformer.upsert import Upsert

OAUTH = {
    "client_id": "11111111-2222-3333-4444-555555555555",
    "client_secret": "emulator-secret",
    "refresh_token": "emulator-refresh-token",
}


def people(count: int) -> list[Upsert]:
    """So many different people."""
    return [contact(f"p{n}@acme.example", firstname=f"P{n}") for n in range(count)]


def bad_row(first_name: str, **options: object) -> Fault:
    """HubSpot refuses rows with this first name."""
    return Fault("row_error", options={"where": {"firstname": first_name}, **options})


async def one_failure(setup: Setup, fault: Fault, *upserts: Upsert) -> WriteFailed:
    """The failure of a write, scripted."""
    setup.emulator.script(fault)
    with pytest.raises(WriteFailed) as caught:
        await setup.write(*(upserts or [contact("ada@acme.example")]))
    return caught.value


def by_type(outcomes: list[Outcome], kind: type[Outcome]) -> list[int]:
    """The positions of the outcomes of one kind."""
    return [n for n, outcome in enumerate(outcomes) if isinstance(outcome, kind)]


async def test_one_bad_row_of_a_hundred_is_found_and_the_others_are_delivered() -> None:
    """HubSpot refuses the whole batch and does not say which row: halves find it."""
    async with connected() as setup:
        await setup.write(contact("warm@acme.example"))
        before = setup.emulator.api_calls
        setup.emulator.script(bad_row("P42"))
        outcomes = await setup.write(*people(100))
        assert by_type(outcomes, Rejected) == [42]
        rejected = outcomes[42]
        assert isinstance(rejected, Rejected)
        assert rejected.reason is Reason.VALIDATION_RULE
        assert len(by_type(outcomes, Delivered)) == 99
        assert setup.emulator.api_calls - before <= 15


async def test_rows_that_share_the_value_hubspot_names_are_set_apart_at_once() -> None:
    """An option that the account dropped since: three requests, not fourteen."""
    async with connected() as setup:
        await setup.write(contact("warm@acme.example"))
        prop = setup.emulator.portal.schema.find("contacts").properties["hs_lead_status"]
        prop.options = tuple(each for each in prop.options if each[0] != "BAD_TIMING")
        before = setup.emulator.api_calls
        bad = contact("bad@acme.example", hs_lead_status="BAD_TIMING")
        outcomes = await setup.write(*people(50), bad)
        assert by_type(outcomes, Rejected) == [50]
        assert len(by_type(outcomes, Delivered)) == 50
        assert setup.emulator.api_calls - before == 3


async def test_a_207_is_read_row_by_row() -> None:
    """Each error belongs to the row whose trace id it names."""
    async with connected(multi_status=True) as setup:
        setup.emulator.script(bad_row("P3"), bad_row("P5", category="INTERNAL_ERROR"))
        outcomes = await setup.write(*people(8))
        assert by_type(outcomes, Rejected) == [3]
        assert by_type(outcomes, Retry) == [5]
        assert by_type(outcomes, Delivered) == [0, 1, 2, 4, 6, 7]
        assert len(setup.sent("/batch/upsert")) == 1


async def test_rows_refused_by_an_error_that_names_none_are_sent_alone() -> None:
    """Then the answers tell which of them it is about."""
    async with connected() as setup:
        known = [setup.add("contacts", email=f"p{n}@acme.example").id for n in range(2)]
        text = '{"results": [], "errors": [{"category": "OBJECT_NOT_FOUND", "context": {}}]}'
        fault = Fault("status", path="*/batch/update", status=207, text=text, count=1)
        setup.emulator.script(fault)
        ids = [known[0], "999999", known[1]]
        outcomes = await setup.write(*(by_id("contacts", each, city="B") for each in ids))
        assert by_type(outcomes, Delivered) == [0, 2]
        assert by_type(outcomes, Rejected) == [1]
        assert len(setup.sent("/batch/update")) == 4


@pytest.mark.parametrize("status", [400, 403, 404])
async def test_a_page_that_is_not_hubspot_s_blames_no_row(status: int) -> None:
    """A firewall's refusal waits; nothing is rejected for it, neither rows nor objects."""
    for path in ("*/batch/upsert", "*/properties/*"):
        async with connected() as setup:
            fault = Fault("html", status=status, path=path, count=1)
            failure = await one_failure(setup, fault, *people(3))
            assert isinstance(failure, Unreachable)
            assert "base_url" in str(failure)
            assert by_type(await setup.write(*people(3)), Delivered) == [0, 1, 2]


async def test_ids_that_are_not_there_reject_their_own_rows_only() -> None:
    """A 207 names them by id."""
    async with connected() as setup:
        known = setup.add("contacts", email="ada@acme.example")
        outcomes = await setup.write(
            by_id("contacts", "999999", city="B"), by_id("contacts", known.id, city="B")
        )
        assert isinstance(outcomes[0], Rejected)
        assert outcomes[0].reason is Reason.RECORD_NOT_FOUND
        assert outcomes[1] == Delivered("updated", known.id, "contacts")


async def test_a_half_applied_batch_is_sent_again_without_a_second_record() -> None:
    """The answer is lost after 3 of 10 rows; e-mail addresses make the repeat harmless."""
    async with connected() as setup:
        fault = Fault("half_applied", path="*/batch/upsert", count=1, options={"rows": 3})
        failure = await one_failure(setup, fault, *people(10))
        assert isinstance(failure, AnswerLost)
        assert failure.may_have_applied
        assert len(setup.records()) == 3
        outcomes = await setup.write(*people(10))
        assert len(by_type(outcomes, Delivered)) == 10
        assert len(setup.records()) == 10


async def test_a_company_whose_create_lost_its_answer_is_not_created_again() -> None:
    """It has no unique value: the repeat waits until searches must know it, then looks."""
    async with connected({"search_lag_seconds": 10.0}, search_lag_seconds=8.0) as setup:
        lost = Fault("reset_after", path="*/companies/batch/create", count=1)
        failure = await one_failure(setup, lost, company("acme.example", name="Acme"))
        assert isinstance(failure, AnswerLost)
        again = company("acme.example", name="Acme", repeated=True)
        (first,) = await setup.write(again)
        assert isinstance(first, Retry)
        assert (first.reason, first.after_seconds, first.counts, first.may_have_applied) == (
            Reason.ANSWER_LOST, 10.0, False, True,
        )  # fmt: skip
        setup.clock.pass_seconds(10.0)
        (second,) = await setup.write(again)
        (record,) = setup.records("companies")
        assert second == Delivered("updated", record.id, "companies")


async def test_a_repeated_company_that_was_never_created_is_created_after_the_wait() -> None:
    """A worker that died before the request leaves nothing to find."""
    async with connected({"search_lag_seconds": 10.0}) as setup:
        again = company("acme.example", name="Acme", repeated=True)
        (first,) = await setup.write(again)
        assert isinstance(first, Retry)
        setup.clock.pass_seconds(10.0)
        (second,) = await setup.write(again)
        assert isinstance(second, Delivered)
        assert len(setup.records("companies")) == 1


async def test_a_plain_create_that_lost_its_answer_is_looked_for_by_its_values() -> None:
    """One record answers for one create; another equal one is made."""
    async with connected({"search_lag_seconds": 5.0}, search_lag_seconds=4.0) as setup:
        deal = {"dealname": "Big", "dealstage": "closedwon", "amount": "10"}
        lost = Fault("reset_after", path="*/deals/batch/create", count=1)
        await one_failure(setup, lost, create("deals", deal))
        again = create("deals", deal, repeated=True)
        await setup.write(again)
        setup.clock.pass_seconds(5.0)
        outcomes = await setup.write(again, again)
        made = [record.id for record in setup.records("deals")]
        assert outcomes == [Delivered("created", each, "deals") for each in made]
        assert len(made) == 2


async def test_an_answer_cut_in_half_counts_as_lost() -> None:
    """And the repeat finds the same person."""
    async with connected() as setup:
        failure = await one_failure(setup, Fault("truncate", path="*/batch/upsert", count=1))
        assert isinstance(failure, AnswerLost)
        (outcome,) = await setup.write(contact("ada@acme.example"))
        assert isinstance(outcome, Delivered)
        assert len(setup.records()) == 1


async def test_a_failure_in_a_later_request_keeps_what_the_earlier_ones_did() -> None:
    """The rows just sent may have applied; those not yet sent surely have not."""
    async with connected() as setup:
        setup.emulator.script(Fault("reset_after", path="*/batch/upsert", skip=1, count=1))
        outcomes = await setup.write(*people(250))
        assert by_type(outcomes, Delivered) == list(range(100))
        retries = [each for each in outcomes if isinstance(each, Retry)]
        assert [each.may_have_applied for each in retries] == [True] * 100 + [False] * 50
        assert [each.counts for each in retries] == [True] * 100 + [False] * 50


@pytest.mark.parametrize(
    ("fault", "kind", "after"),
    [
        (Fault("burst_limit", count=1, retry_after=7), Throttled, 7.0),
        (Fault("burst_limit", count=1), Throttled, 10.0),
        (Fault("daily_limit", count=1), QuotaSpent, 300.0),
        (Fault("daily_limit", count=1, retry_after=900), QuotaSpent, 900.0),
        (Fault("locked", count=1), Throttled, 2.0),
        (Fault("migrating", count=1, retry_after=3600), Unreachable, 3600.0),
        (Fault("status", status=500, count=1), ServerFault, None),
        (Fault("status", status=502, path="*/batch/upsert", count=1), AnswerLost, None),
        (Fault("status", status=503, count=1), Unreachable, None),
        (Fault("status", status=503, count=1, retry_after=30), Throttled, 30.0),
        (Fault("status", status=524, path="*/batch/upsert", count=1), ServerFault, None),
        (Fault("html", status=200, path="*/batch/upsert", count=1), ServerFault, None),
        (Fault("html", status=503, count=1), Unreachable, None),
        (Fault("reset_before", count=1), Unreachable, None),
    ],
)
async def test_a_request_that_fails_is_classified_and_the_next_try_delivers(
    fault: Fault, kind: type[WriteFailed], after: float | None
) -> None:
    """With the wait that HubSpot asks for, or the one its policy has."""
    async with connected() as setup:
        failure = await one_failure(setup, fault)
        assert type(failure) is kind
        assert failure.after_seconds == after
        setup.clock.pass_seconds(after or 0.0)
        (outcome,) = await setup.write(contact("ada@acme.example"))
        assert isinstance(outcome, Delivered)
        assert len(setup.records()) == 1


@pytest.mark.parametrize("retry_after", [30, None])
async def test_a_throttled_connection_sends_nothing_until_the_wait_is_over(
    retry_after: float | None,
) -> None:
    """The budget is closed for as long as HubSpot said, else for its window (invariant 5)."""
    async with connected() as setup:
        await one_failure(setup, Fault("burst_limit", count=1, retry_after=retry_after))
        count = setup.emulator.request_count
        with pytest.raises(Throttled):
            await setup.write(contact("ada@acme.example"))
        assert setup.emulator.request_count == count


async def test_the_burst_limit_is_never_exceeded() -> None:
    """Not right after a pause either: 60 requests at 20 in ten seconds, and no 429."""
    async with connected({"burst_requests": 20}, burst=20) as setup:
        for n in range(60):
            (outcome,) = await setup.write(contact(f"p{n}@acme.example"))
            assert isinstance(outcome, Delivered)
        statuses = {each["status"] for each in setup.emulator.requests}
        assert statuses == {200}
        assert 25.0 < setup.clock.now() - 1_000.0 < 45.0


async def test_searches_stay_below_their_own_limit() -> None:
    """Five a second for the whole account."""
    async with connected() as setup:
        for n in range(20):
            await setup.write(company(f"c{n}.example", name="C"))
        assert {each["status"] for each in setup.sent("/search")} == {200}


async def test_a_share_of_the_day_is_never_exceeded_and_work_goes_on_the_next_day() -> None:
    """The headers tell what is left; at the share everything waits, asking once in a while."""
    async with connected({"api_share": 0.5, "recheck_seconds": 60.0}, daily=20) as setup:
        for n in range(9):
            await setup.write(contact(f"p{n}@acme.example"))
        assert setup.destination.budget.exhausted
        with pytest.raises(QuotaSpent):
            await setup.write(contact("late@acme.example"))
        setup.clock.pass_seconds(61.0)
        with pytest.raises(QuotaSpent):
            await setup.write(contact("late@acme.example"))
        assert setup.emulator.limiter.used_today == 11
        setup.clock.pass_seconds(86_400.0)
        (outcome,) = await setup.write(contact("late@acme.example"))
        assert isinstance(outcome, Delivered)


async def test_a_refused_private_token_waits_and_says_what_to_check() -> None:
    """It is never sent into a dead letter, nor into the message."""
    async with connected(token="pat-other") as setup:
        with pytest.raises(Unauthorized, match="Check access_token") as caught:
            await setup.write(contact("ada@acme.example"))
        assert "pat-" not in str(caught.value)
        assert caught.value.after_seconds == 60.0


async def test_an_oauth_token_is_refreshed_before_it_ends_and_when_it_is_refused() -> None:
    """Once each time, with the refresh token that came last."""
    async with connected(OAUTH, rotate_refresh_tokens=True) as setup:
        await setup.write(contact("a@acme.example"))
        setup.clock.pass_seconds(1_750.0)
        await setup.write(contact("b@acme.example"))
        assert len(setup.sent("/oauth/2026-03/token")) == 2
        setup.emulator.script(Fault("expire_tokens", count=1))
        (outcome,) = await setup.write(contact("c@acme.example"))
        assert isinstance(outcome, Delivered)
        assert len(setup.sent("/oauth/2026-03/token")) == 3
        assert setup.destination.budget.limit is None


async def test_a_refused_refresh_is_not_tried_again_for_a_minute() -> None:
    """So that a revoked app does not hammer the token endpoint."""
    async with connected({**OAUTH, "client_secret": "wrong"}) as setup:
        for _ in range(3):
            with pytest.raises(Unauthorized, match="install the app again"):
                await setup.write(contact("a@acme.example"))
        assert len(setup.sent("/oauth/2026-03/token")) == 1
        setup.clock.pass_seconds(61.0)
        with pytest.raises(Unauthorized):
            await setup.write(contact("a@acme.example"))
        assert len(setup.sent("/oauth/2026-03/token")) == 2


async def test_a_missing_scope_holds_back_its_own_object_only() -> None:
    """Companies wait for the scope, contacts are delivered; alone, the whole write waits."""
    scopes = frozenset(
        {"crm.objects.contacts.read", "crm.objects.contacts.write", "crm.objects.companies.read"}
    )
    async with connected(scopes=scopes) as setup:
        outcomes = await setup.write(contact("a@acme.example"), company("a.example", name="A"))
        assert isinstance(outcomes[0], Delivered)
        assert isinstance(outcomes[1], Retry)
        assert (outcomes[1].reason, outcomes[1].counts) == (Reason.UNAUTHORIZED, False)
        assert "crm.objects.companies.write" in outcomes[1].detail
        with pytest.raises(Unauthorized, match=r"crm\.objects\.companies\.write"):
            await setup.write(company("a.example", name="A"))


async def test_a_failed_lookup_writes_nothing() -> None:
    """Better late than twice."""
    async with connected() as setup:
        lost = Fault("status", path="*/search", status=500, count=1)
        failure = await one_failure(setup, lost, company("acme.example", name="Acme"))
        assert isinstance(failure, ServerFault)
        assert setup.records("companies") == []
