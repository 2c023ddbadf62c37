"""The Pipedrive destination when things go wrong: lost answers, limits, refusals, credentials."""

from dataclasses import replace

import pytest

from destinations.pipedrive import client, recent
from destinations.pipedrive.emulator import API_TOKEN, oauth
from tests.contract.pipedrive.company import (
    another,
    by_id,
    connected,
    group,
    identify,
    new,
    summary,
)
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
from transformer.upsert import Upsert

# Answers lost after the write.


async def test_an_answer_lost_for_one_says_nothing_of_the_others() -> None:
    """The half-applied batch: what is known is kept, the one in doubt is tried again."""
    async with connected() as to:
        lost = Fault("reset_after", method="POST", contains="p3@x.io", count=1)
        to.company.script(lost)
        outcomes = await to.write(*(identify(f"p{n}@x.io") for n in range(6)))
        assert [summary(o) for o in outcomes] == [
            "created", "created", "created", "answer_lost", "created", "created",
        ]  # fmt: skip
        assert isinstance(outcomes[3], Retry)
        assert outcomes[3].may_have_applied


@pytest.mark.parametrize("lag", [0.0, 60.0])
@pytest.mark.parametrize(
    "upsert",
    [
        identify(),
        group(),
        new("persons", name="Ann", email="ann@x.io"),
        new("deals", title="Big", value=5, currency="EUR"),
        new("notes", content="hi", person_id=1),
        new("leads", title="Big", person_id=1),
        new("activities", subject="Call", person_id=1),
        new("deals", title=" Big ", value="5.0", currency="eur"),
        new("notes", content="<b>hi</b> <script>x()</script> ", person_id=1),
        new("activities", subject=" Call", note="<p>a &amp; <b>b</b></p>\n", person_id=1),
    ],
    ids=lambda upsert: upsert.object_type,
)
async def test_a_create_whose_answer_was_lost_is_not_made_twice(upsert: Upsert, lag: float) -> None:
    """It is searched for; where the index lags, or there is no key, recent lists tell."""
    async with connected({"activities": True}, lag=lag) as to:
        await to.one(identify("first@x.io"))
        to.clock.pass_seconds(5.0)
        before = len(to.records(upsert.object_type))
        to.company.script(Fault("reset_after", method="POST", count=1))
        with pytest.raises(AnswerLost):
            await to.write(upsert)
        settled = await to.settle(replace(upsert, repeated=True))
        assert summary(settled[0]) in {"created", "updated"}
        assert len(to.records(upsert.object_type)) == before + 1
        to.clock.pass_seconds(90_000.0)
        assert summary(await to.one(replace(upsert, repeated=True))) in {"created", "updated"}


async def test_two_equal_repeated_creates_are_two_records() -> None:
    """One record answers for one create only."""
    async with connected() as to:
        await to.one(identify())
        note = replace(new("notes", content="hi", person_id=1), repeated=True)
        outcomes = await to.write(note, note)
        assert [summary(o) for o in outcomes] == ["created", "created"]
        assert len(to.records("notes")) == 2


async def test_a_create_that_cannot_be_looked_for_is_not_sent_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing to compare, or too many recent records: a person has to look."""
    monkeypatch.setattr(recent, "MOST_PAGES", 1)
    monkeypatch.setattr(client, "PAGE", 2)
    async with connected({"activities": True}) as to:
        await to.one(identify())
        await to.one(new("notes", content="hi", person_id=1))
        for number in range(2):
            to.clock.pass_seconds(1.0)
            await to.one(new("notes", content=str(number), person_id=1))
        for lost in (new("notes", content="hi", person_id=1), new("activities", done=True)):
            assert summary(await to.one(replace(lost, repeated=True))) == "answer_lost"
        assert len(to.records("notes")) == 3
        assert to.records("activities") == []


async def test_a_person_made_by_an_earlier_worker_is_found_although_the_index_lags() -> None:
    """The first create of a worker looks at recent records once, then never again."""
    async with connected(lag=60.0) as to:
        await to.one(identify())
        second = another(to.company, to.clock)
        assert (await second.write([identify(name="Bea")]))[0] == Delivered(
            "updated", "1", "persons"
        )
        lists = to.route_calls("GET /api/v2/persons") - to.route_calls("search")
        await second.write([identify("new@x.io"), identify("newer@x.io")])
        assert to.route_calls("GET /api/v2/persons") - to.route_calls("search") == lists
        await second.close()


async def test_an_update_whose_answer_was_lost_is_sent_again() -> None:
    """It is idempotent."""
    async with connected() as to:
        await to.one(identify())
        to.company.script(Fault("truncate", method="PATCH", count=1))
        outcomes = await to.settle(identify(phone="1"), identify("bea@x.io"))
        assert [summary(o) for o in outcomes] == ["updated", "created"]
        assert [each["value"] for each in to.records("persons")[0]["phones"]] == ["1"]


# Limits.


@pytest.mark.parametrize("plan", ["lite", "ultimate"])
async def test_the_windows_of_the_plan_are_kept(plan: str) -> None:
    """Searches, then writes, as fast as they are let in: never a 429."""
    async with connected(plan=plan) as to:
        people = [identify(f"p{n}@x.io") for n in range(25)]
        await to.write(*people)
        for _ in range(4):
            await to.write(*people)
        assert to.company.limits.refused == 0
        assert to.company.request_count == 2 * 25 + 1 + 4 * 25


async def test_more_at_once_than_a_window_takes_is_no_harm() -> None:
    """The setting concurrency is bounded by the windows."""
    async with connected({"concurrency": 100}) as to:
        outcomes = await to.write(*(identify(f"p{n}@x.io") for n in range(25)))
        assert {summary(o) for o in outcomes} == {"created"}
        assert to.company.limits.refused == 0


async def test_the_share_of_the_daily_tokens_is_not_exceeded() -> None:
    """The rest waits for the next day, losing nothing; what is known is kept."""
    async with connected({"daily_tokens": 200, "api_share": 0.5}) as to:
        outcomes = await to.write(*(identify(f"p{n}@x.io") for n in range(5)))
        done = [o for o in outcomes if isinstance(o, Delivered)]
        assert 1 <= len(done) < 5
        assert {summary(o) for o in outcomes} == {"created", "quota_spent"}
        assert to.destination.budget.used <= 100
        with pytest.raises(QuotaSpent) as spent:
            await to.write(identify("late@x.io"))
        assert spent.value.after_seconds is not None
        to.clock.pass_seconds(86_400.0)
        assert summary(await to.one(identify("late@x.io"))) == "created"


async def test_a_429_with_retry_after_is_obeyed() -> None:
    """The vendor's word outranks our own count."""
    async with connected() as to:
        to.company.script(Fault("status", status=429, retry_after=7, count=1))
        with pytest.raises(Throttled) as pause:
            await to.write(identify())
        assert pause.value.after_seconds == 7
        sent = to.company.request_count
        with pytest.raises(Throttled):
            await to.write(identify())
        assert to.company.request_count == sent
        to.clock.pass_seconds(7.0)
        assert summary(await to.one(identify())) == "created"


async def test_429s_without_retry_after_back_off_until_the_day_is_taken_for_spent() -> None:
    """A few seconds, ten, then the recheck interval: well below what brings the block."""
    async with connected() as to:
        to.company.script(Fault("spend_tokens", count=1))
        waits = []
        for _ in range(2):
            with pytest.raises(Throttled) as pause:
                await to.write(identify())
            waits.append(pause.value.after_seconds)
            to.clock.pass_seconds(pause.value.after_seconds or 0.0)
        with pytest.raises(QuotaSpent) as spent:
            await to.write(identify())
        assert [*waits, spent.value.after_seconds] == [2.5, 10.0, 900.0]
        to.clock.pass_seconds(900.0)
        sent = to.company.request_count
        with pytest.raises(QuotaSpent):
            await to.write(*(identify(f"p{n}@x.io") for n in range(5)))
        assert to.company.request_count == sent + 1
        to.clock.pass_seconds(86_400.0)
        assert summary(await to.one(identify())) == "created"


async def test_one_429_holds_the_whole_batch_back() -> None:
    """Requests under way at once are one incident, not several."""
    async with connected() as to:
        people = [identify(f"p{n}@x.io") for n in range(10)]
        await to.write(*people)
        to.company.script(Fault("over_limit", skip=2, count=3))
        outcomes = await to.write(*people)
        assert {summary(o) for o in outcomes} == {"updated", "throttled"}
        assert {o.after_seconds for o in outcomes if isinstance(o, Retry)} == {2.5}
        assert not any(o.counts for o in outcomes if isinstance(o, Retry))
        to.clock.pass_seconds(2.5)
        assert {summary(o) for o in await to.write(*people)} == {"updated"}


async def test_the_html_block_is_waited_out() -> None:
    """403 without JSON: every request during it would make it longer."""
    async with connected() as to:
        to.company.script(Fault("block", count=1))
        with pytest.raises(Throttled) as pause:
            await to.write(identify())
        assert pause.value.after_seconds == 300.0
        sent = to.company.request_count
        with pytest.raises(Throttled):
            await to.write(identify())
        assert to.company.request_count == sent
        to.clock.pass_seconds(300.0)
        assert summary(await to.one(identify())) == "created"


# Refusals.


async def test_a_bad_row_keeps_nobody_back() -> None:
    """Each record is its own request."""
    async with connected() as to:
        outcomes = await to.write(
            identify("a@x.io"), identify("b@x.io", owner_id=99), identify("c@x.io")
        )
        assert [summary(o) for o in outcomes] == ["created", "invalid_value", "created"]
        assert isinstance(outcomes[1], Rejected)
        assert outcomes[1].vendor["code"] == "ERR_SCHEMA_VALIDATION_FAILED"


async def test_the_cap_of_open_deals_is_named() -> None:
    """feature_capping_deals_limit: the account is full."""
    async with connected() as to:
        to.company.script(Fault("deals_cap"))
        outcome = await to.one(new("deals", title="Big"))
        assert summary(outcome) == "storage_full"


@pytest.mark.parametrize(
    ("fault", "failure"),
    [
        (Fault("status", status=500, text="{}"), ServerFault),
        (Fault("html", status=500), ServerFault),
        (Fault("html", status=200), ServerFault),
        (Fault("status", status=200, text="[]"), ServerFault),
        (Fault("html", status=503), Unreachable),
        (Fault("reset_before"), Unreachable),
        (Fault("status", status=402, text="{}"), Unauthorized),
        (Fault("status", status=405, text="{}"), Unauthorized),
        (Fault("html", status=400), Unreachable),
        (Fault("html", status=404), Unreachable),
        (Fault("html", status=410), Unreachable),
        (Fault("status", status=200, text="{}"), ServerFault),
        (Fault("status", status=200, text='{"success":true,"data":[]}'), ServerFault),
    ],
    ids=lambda value: getattr(value, "kind", None) or value.__name__,
)
async def test_failures_of_the_whole_are_raised(fault: Fault, failure: type[Exception]) -> None:
    """Nothing is known of any upsert; the engine waits and sends again."""
    async with connected() as to:
        to.company.script(fault)
        with pytest.raises(failure):
            await to.write(identify("a@x.io"), identify("b@x.io"))
        to.company.faults.clear()
        to.clock.pass_seconds(60.0)
        assert {summary(o) for o in await to.settle(identify("a@x.io"))} == {"created"}


async def test_a_scope_that_is_missing_is_a_matter_of_the_setup() -> None:
    """Waiting loses nothing; the message says what to do."""
    async with connected() as to:
        text = '{"success": false, "error": "Scope and URL mismatch", "errorCode": 403}'
        to.company.script(Fault("status", status=403, text=text))
        with pytest.raises(Unauthorized, match="scope"):
            await to.write(identify())


# Credentials.


async def test_a_refused_api_token_is_not_tried_again_for_a_minute() -> None:
    """And its message does not tell it."""
    async with connected({"api_token": "wrong"}) as to:
        with pytest.raises(Unauthorized) as refused:
            await to.write(identify("a@x.io"), identify("b@x.io"))
        assert "wrong" not in str(refused.value)
        sent = to.company.request_count
        with pytest.raises(Unauthorized):
            await to.write(identify())
        assert to.company.request_count == sent


async def test_oauth_is_refreshed_once_for_all_requests() -> None:
    """After a 401, and before the token runs out; requests go to the company's own host."""
    async with connected() as to:
        settings = {
            "auth": "oauth",
            "client_id": oauth.CLIENT_ID,
            "client_secret": oauth.CLIENT_SECRET,
            "refresh_token": oauth.REFRESH_TOKEN,
            "oauth_url": to.company.url,
            "base_url": None,
        }
        app = another(to.company, to.clock, settings)
        batch = [identify(f"p{n}@x.io") for n in range(10)]
        assert {summary(o) for o in await app.write(batch)} == {"created"}
        assert to.company.credentials.refreshes == 1
        to.company.credentials.expire()
        assert {summary(o) for o in await app.write(batch)} == {"updated"}
        assert to.company.credentials.refreshes == 2
        to.clock.pass_seconds(3600.0)
        assert {summary(o) for o in await app.write(batch)} == {"updated"}
        assert to.company.credentials.refreshes == 3
        await app.close()


async def test_a_refused_refresh_token_is_told_without_secrets() -> None:
    """Unauthorized: fix the configuration."""
    async with connected() as to:
        settings = {"auth": "oauth", "client_id": oauth.CLIENT_ID, "client_secret": "sesame",
                    "refresh_token": "open", "oauth_url": to.company.url}  # fmt: skip
        app = another(to.company, to.clock, settings)
        with pytest.raises(Unauthorized) as refused:
            await app.write([identify()])
        assert "sesame" not in str(refused.value) + refused.value.detail
        assert API_TOKEN not in str(refused.value)
        await app.close()


async def test_a_deleted_record_that_the_index_still_has_is_not_found_for_ever() -> None:
    """A lagging index must not make an endless loop."""
    async with connected() as to:
        await to.one(identify())
        to.clock.pass_seconds(7200.0)
        gone = '{"success": false, "error": "Entity was not found"}'
        to.company.script(
            Fault("status", method="PATCH", path="*/persons/1", status=404, text=gone)
        )
        outcomes = await to.settle(identify(name="Bea"))
        assert outcomes == [Delivered("created", "2", "persons")]


async def test_a_record_named_by_id_that_is_locked_is_tried_again() -> None:
    """409 and 423 pass by themselves."""
    async with connected() as to:
        await to.one(identify())
        to.company.script(Fault("status", method="PATCH", status=423, text="{}", count=1))
        outcome = await to.one(by_id("persons", 1, name="Bea"))
        assert isinstance(outcome, Retry)
        assert outcome.reason is Reason.ROW_LOCKED
        assert summary(await to.one(by_id("persons", 1, name="Bea"))) == "updated"
