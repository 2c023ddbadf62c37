"""The Salesforce destination against its emulator: refusals, faults, limits and the check."""

import asyncio
from dataclasses import replace

import pytest

from tests.contract.salesforce.org import (
    connected,
    identify,
    new,
    record_of,
    summary,
)
from transformer.destination import FieldUse
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
from transformer.outcome import Delivered, Retry, Skipped

COMPOSITE = "*/composite"
COLLECTION = "*/composite/sobjects*"


# When something goes wrong on the way.


async def test_an_expired_session_is_renewed_in_the_middle() -> None:
    """Once, for both requests that find it expired; nobody notices."""
    async with connected() as to:
        await to.write(identify())
        to.org.expire_sessions()
        outcomes = await asyncio.gather(
            to.write(*(identify(f"a{n}@x.io") for n in range(5))),
            to.write(*(identify(f"b{n}@x.io") for n in range(5))),
        )
        assert {summary(outcome) for batch in outcomes for outcome in batch} == {"created"}
        assert to.org.calls_by_route["POST /services/oauth2/token"] == 2


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault("status", path=COLLECTION, status=503), Unreachable),
        (Fault("status", path=COLLECTION, status=503, retry_after=9), Throttled),
        (Fault("status", path=COLLECTION, status=429, retry_after=9), Throttled),
        (Fault("status", path=COLLECTION, status=502), AnswerLost),
        (Fault("status", path=COLLECTION, status=500), ServerFault),
        (Fault("html", path=COLLECTION, status=500), ServerFault),
        (Fault("reset_before", path=COLLECTION), AnswerLost),
        (Fault("reset_after", path=COLLECTION), AnswerLost),
        (Fault("truncate", path=COLLECTION), AnswerLost),
        (Fault("half_applied", path=COLLECTION, options={"rows": 2}), AnswerLost),
    ],
)
async def test_a_request_that_fails_is_said_so_and_can_be_sent_again(
    fault: Fault, expected: type[WriteFailed]
) -> None:
    """Afterwards every person is there exactly once (invariants 6 and 8)."""
    async with connected() as to:
        batch = [identify(f"p{number}@x.io") for number in range(5)]
        to.org.script(replace(fault, count=1))
        with pytest.raises(expected):
            await to.write(*batch)
        to.clock.pass_seconds(60.0)
        again = [replace(upsert, repeated=True) for upsert in batch]
        outcomes = await to.write(*again)
        assert all(isinstance(outcome, Delivered) for outcome in outcomes)
        assert len(to.org.records("Lead")) == 5


async def test_a_create_whose_answer_was_lost_is_found_again() -> None:
    """Nothing but its content names it (invariant 6); a new one with other content is created."""
    async with connected() as to:
        to.org.script(Fault("reset_after", path=COLLECTION, count=1))
        visit = new("Visit__c", Page__c="/pricing", Notes__c="long text")
        with pytest.raises(AnswerLost):
            await to.write(visit)
        other = new("Visit__c", Page__c="/other")
        before = to.org.api_calls
        outcomes = await to.write(replace(visit, repeated=True), replace(other, repeated=True))
        assert to.org.api_calls - before == 3  # describe, look for both, create one
        assert [summary(outcome) for outcome in outcomes] == ["created", "created"]
        pages = [row.values["Page__c"] for row in to.org.records("Visit__c")]
        assert pages == ["/pricing", "/other"]


async def test_two_equal_creates_of_which_one_was_applied_become_two_records() -> None:
    """One record answers for one create."""
    async with connected() as to:
        to.org.add("Visit__c", {"Page__c": "/pricing"})
        visit = replace(new("Visit__c", Page__c="/pricing"), repeated=True)
        outcomes = await to.write(visit, visit)
        assert len({record_of(outcome) for outcome in outcomes}) == 2
        assert len(to.org.records("Visit__c")) == 2


async def test_a_repeated_create_that_cannot_be_looked_for_is_left_to_a_person() -> None:
    """Long text cannot be filtered by; a second record would be worse."""
    async with connected() as to:
        visit = replace(new("Visit__c", Notes__c="only long text"), repeated=True)
        assert [summary(outcome) for outcome in await to.write(visit)] == ["answer_lost"]


async def test_a_failure_after_the_first_request_concerns_only_what_was_not_written() -> None:
    """Text with a reference goes by itself, in a second request, which fails."""
    async with connected() as to:
        to.org.script(Fault("status", path="*/composite/sobjects", status=503, skip=1, count=1))
        batch = [identify("a@x.io"), identify("b@x.io", Title="@{x}")]
        outcomes = await to.write(*batch)
        assert [summary(outcome) for outcome in outcomes] == ["created", "unreachable"]
        assert isinstance(outcomes[1], Retry)
        assert not outcomes[1].may_have_applied


async def test_locked_rows_are_sent_again_and_the_others_are_not() -> None:
    """What has settled is never sent again (invariant 6)."""
    async with connected() as to:
        fault = Fault("row_lock", path=COLLECTION, count=1, options={"rows": [1]})
        to.org.script(fault)
        outcomes = await to.write(identify("a@x.io"), identify("b@x.io"), identify("c@x.io"))
        assert [summary(outcome) for outcome in outcomes] == ["created", "row_locked", "created"]
        assert summary((await to.write(identify("b@x.io")))[0]) == "created"


async def test_a_failed_lookup_writes_nothing() -> None:
    """Or somebody would be created twice."""
    async with connected() as to:
        to.org.script(Fault("status", path=COMPOSITE, status=503, count=1))
        with pytest.raises(Unreachable):
            await to.write(identify())
        assert to.org.records("Lead") == []


# The org's API requests (row S8).


async def test_a_spent_share_stops_before_the_limit_and_resumes_by_itself() -> None:
    """80 of 100 is the end, until the org gives some back."""
    async with connected({"recheck_seconds": 60.0}, daily_limit=100) as to:
        to.org.set_quota_used(77)
        await to.write(identify("a@x.io"))
        with pytest.raises(QuotaSpent):
            await to.write(identify("b@x.io"))
        with pytest.raises(QuotaSpent) as caught:
            await to.write(identify("b@x.io"))
        assert caught.value.after_seconds == 60.0
        assert to.destination.budget.used == 80
        to.clock.pass_seconds(61.0)
        with pytest.raises(QuotaSpent):
            await to.write(identify("b@x.io"))
        to.org.set_quota_used(10)
        to.clock.pass_seconds(61.0)
        assert summary((await to.write(identify("b@x.io")))[0]) == "created"


async def test_a_token_that_ended_meanwhile_costs_no_second_wait_for_the_quota() -> None:
    """The probe that met the 401 is sent again with the new token, and what it tells counts."""
    async with connected({"recheck_seconds": 60.0}, daily_limit=100) as to:
        to.org.set_quota_used(80)
        with pytest.raises(QuotaSpent):
            await to.write(identify("a@x.io"))
        to.org.set_quota_used(10)
        to.clock.pass_seconds(61.0)
        to.org.expire_sessions()
        assert summary((await to.write(identify("a@x.io")))[0]) == "created"


async def test_a_quota_that_others_spent_is_waited_for() -> None:
    """The org itself refuses; nothing is lost and nothing is tried meanwhile."""
    async with connected(daily_limit=100) as to:
        await to.write(identify("a@x.io"))
        to.org.script(Fault("spend_quota", path=COMPOSITE, count=1))
        with pytest.raises(QuotaSpent):
            await to.write(identify("b@x.io"))
        before = to.org.request_count
        with pytest.raises((QuotaSpent, Throttled)):
            await to.write(identify("b@x.io"))
        assert to.org.request_count == before


async def test_too_many_requests_at_once_is_a_short_wait() -> None:
    """The other limit with the same code."""
    async with connected() as to:
        to.org.script(Fault("concurrent_limit", path=COMPOSITE, count=1))
        with pytest.raises(Throttled) as caught:
            await to.write(identify())
        assert caught.value.after_seconds == 5.0


# Logging in, and the check.


@pytest.mark.parametrize(
    "settings",
    [
        {"auth": "client_credentials"},
        {"auth": "refresh_token", "refresh_token": "refresh-token"},
        {
            "auth": "password",
            "username": "integration@example.com",
            "password": "secret",
            "security_token": "TOKEN",
        },
        {
            "auth": "soap",
            "username": "integration@example.com",
            "password": "secret",
            "security_token": "TOKEN",
        },
    ],
)
async def test_every_way_to_log_in_works(settings: dict[str, str]) -> None:
    """Against the emulator's own login endpoints."""
    async with connected(settings) as to:
        assert summary((await to.write(identify()))[0]) == "created"


async def test_wrong_credentials_are_said_once_in_salesforces_words() -> None:
    """And not tried again at once."""
    async with connected({"client_secret": "wrong"}) as to:
        for _ in range(3):
            with pytest.raises(Unauthorized, match="refused the credentials"):
                await to.write(identify())
        assert to.org.calls_by_route["POST /services/oauth2/token"] == 1


async def test_a_wrong_api_version_is_a_setup_error_and_rejects_nothing() -> None:
    """The events wait until it is put right."""
    async with connected({"api_version": "99.0"}) as to:
        with pytest.raises(Unauthorized, match="api_version"):
            await to.write(identify())
        to.org.unknown_routes.clear()


async def test_the_check_finds_nothing_wrong_with_a_good_setup() -> None:
    """One line for each thing checked; nothing is written."""
    async with connected() as to:
        names = ("Email", "LastName", "Company", "Plan__c")
        findings = await to.destination.check([FieldUse("Lead", name, "m:1") for name in names])
        problems = [finding for finding in findings if finding.level == "error"]
        assert problems == []
        assert {finding.where for finding in findings} >= {"credentials", "api_version", "m:1"}
        assert to.org.records("Lead") == []


async def test_the_check_names_every_field_that_cannot_be_written() -> None:
    """With the nearest name, read-only ones, and what creating needs."""
    async with connected() as to:
        findings = await to.destination.check(
            [
                FieldUse("Lead", "Emial", "m:1"),
                FieldUse("Lead", "CreatedDate", "m:2"),
                FieldUse("Lead", "LastName", "m:3"),
                FieldUse("Leed", "Email", "m:4"),
            ]
        )
        errors = [f"{f.where} {f.message}" for f in findings if f.level == "error"]
        assert any(text.startswith("m:1 ") and '"Email"' in text for text in errors)
        assert any(text.startswith("m:2 ") and "read only" in text for text in errors)
        assert any("creating needs Company" in text for text in errors)
        assert any(
            text.startswith("m:4 ") and '"Leed" is not in this org' in text for text in errors
        )


async def test_the_check_reports_refused_credentials_and_stops() -> None:
    """Nothing else can be known."""
    async with connected({"client_secret": "wrong"}) as to:
        findings = await to.destination.check([])
        assert [(f.level, f.where) for f in findings] == [("error", "credentials")]


async def test_an_update_with_nothing_to_write_is_skipped() -> None:
    """It costs its lookup only."""
    async with connected() as to:
        to.org.add("Lead", {"LastName": "A", "Company": "B", "Email": "ann@x.io"})
        made = replace(identify(), fill=frozenset({"Email"}))
        outcome = (await to.write(made))[0]
        assert isinstance(outcome, Skipped)
        assert to.org.api_calls == 1
