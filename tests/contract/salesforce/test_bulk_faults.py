"""Backlogs through Bulk API 2.0 when calls fail and workers die: none lost, none twice."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TypedDict, Unpack

import pytest

from destinations.salesforce.client import Call
from destinations.salesforce.destination import KIND, SalesforceDestination
from destinations.salesforce.emulator import App, User
from tests.contract.salesforce.org import Connected, connected, identify, summary
from tests.manual_clock import ManualClock
from transformer.emulator.faults import Fault
from transformer.errors import WriteFailed
from transformer.fence import raise_fence
from transformer.outcome import Outcome, Retry
from transformer.upsert import Match, Operation, Upsert

BULK = {"bulk_threshold": 10}
INGEST = "*/jobs/ingest"
JOB = "*/jobs/ingest/*"
STEPS = {
    "create": ("POST", INGEST),
    "upload": ("PUT", JOB),
    "close": ("PATCH", JOB),
    "poll": ("GET", "*/jobs/ingest/750???????????????"),
    "results": ("GET", "*/successfulResults"),
}
TRIES = 40


class How(TypedDict, total=False):
    """When and how long."""

    count: int
    skip: int
    seconds: float
    status: int
    text: str
    options: Mapping[str, object]


def fault(step: str, kind: str, **how: Unpack[How]) -> Fault:
    """A fault of one step of a job."""
    method, path = STEPS[step]
    return Fault(kind, method=method, path=path, **how)


def people(count: int = 20) -> list[Upsert]:
    """So many different people."""
    return [identify(f"person.number{number}@example.com", Title="T") for number in range(count)]


def words(outcomes: Sequence[Outcome]) -> dict[str, int]:
    """How often which outcome."""
    return dict(Counter(summary(outcome) for outcome in outcomes))


def leads(to: Connected) -> int:
    """How many leads there are, each with an e-mail of its own."""
    emails = [row.values["Email"] for row in to.org.records("Lead")]
    assert len(emails) == len(set(emails))
    return len(emails)


async def settle(to: Connected, batch: Sequence[Upsert]) -> list[str]:
    """Write until nothing is left to retry, as the engine would: waiting as told."""
    waiting, done = dict(enumerate(batch)), dict[int, str]()
    for _ in range(TRIES):
        if not waiting:
            return [done[index] for index in range(len(batch))]
        try:
            outcomes = await to.write(*waiting.values())
        except WriteFailed as failure:
            to.clock.pass_seconds(failure.after_seconds or 1.0)
            if failure.may_have_applied:
                waiting = {i: replace(made, repeated=True) for i, made in waiting.items()}
            continue
        wait = 0.0
        for (index, made), outcome in zip(list(waiting.items()), outcomes, strict=True):
            if isinstance(outcome, Retry):
                wait = max(wait, outcome.after_seconds or 1.0)
                if outcome.may_have_applied:
                    waiting[index] = replace(made, repeated=True)
            else:
                done[index] = summary(outcome)
                del waiting[index]
        to.clock.pass_seconds(wait)
    raise AssertionError(f"{len(waiting)} are not settled")


class LastMoment(ManualClock):
    """The clock of a worker that is killed the first time it waits: while its job goes on."""

    async def sleep(self, seconds: float) -> None:
        """Never return."""
        raise asyncio.CancelledError


@asynccontextmanager
async def another_worker(
    to: Connected, clock: ManualClock | None = None
) -> AsyncIterator[Connected]:
    """A second worker on the same org, that knows nothing of the first."""
    clock = clock or ManualClock()
    made = KIND.open({**to.org.connection_settings(), **BULK}, clock)
    assert isinstance(made, SalesforceDestination)
    try:
        yield Connected(to.org, made, clock)
    finally:
        await made.close()


# Calls that fail.


@pytest.mark.parametrize("kind", ["reset_before", "reset_after", "truncate", "html", "status"])
@pytest.mark.parametrize("step", STEPS)
async def test_a_call_that_fails_once_costs_nothing_but_calls(step: str, kind: str) -> None:
    """Whether it was applied or not; at each step of a job."""
    async with connected(BULK) as to:
        to.org.script(fault(step, kind, count=1))
        done = await settle(to, people())
        assert (Counter(done)["created"] + Counter(done)["updated"], leads(to)) == (20, 20)


@pytest.mark.parametrize("kind", ["reset_before", "reset_after", "status"])
@pytest.mark.parametrize("step", STEPS)
async def test_a_call_that_fails_for_long_neither_loses_nor_doubles(step: str, kind: str) -> None:
    """What a job did is found by looking up, once it has ended."""
    async with connected({**BULK, "bulk_wait_seconds": 60}) as to:
        to.org.script(fault(step, kind, count=12))
        done = await settle(to, people())
        assert (Counter(done)["created"] + Counter(done)["updated"], leads(to)) == (20, 20)


async def test_a_job_whose_closing_got_lost_is_aborted_before_its_rows_go_another_way() -> None:
    """The request that closes it may yet arrive."""
    async with connected(BULK) as to:
        to.org.script(fault("close", "reset_before", count=1))
        assert words(await to.write(*people())) == {"created": 20}
        sent = [str(request["body"]) for request in to.org.requests]
        stopped = next(n for n, body in enumerate(sent) if '"Aborted"' in body)
        written = next(n for n, body in enumerate(sent) if '"attributes"' in body)
        assert stopped < written


async def test_what_a_job_did_stands_when_the_rest_fails() -> None:
    """The rows that went the usual way are tried again by themselves."""
    async with connected(BULK) as to:
        visits = [Upsert("Visit__c", Operation.CREATE, {"Page__c": f"/{n}"}) for n in range(3)]
        to.org.script(Fault("reset_before", path="*/composite/sobjects"))
        outcomes = await to.write(*people(), *visits)
        assert words(outcomes) == {"created": 20, "answer_lost": 3}
        assert all(isinstance(o, Retry) and o.may_have_applied for o in outcomes[20:])


async def test_results_that_never_come_leave_the_rows_to_be_looked_up() -> None:
    """They may all have been written (invariant 6)."""
    async with connected(BULK) as to:
        to.org.script(fault("results", "status"))
        outcomes = await to.write(*people())
        assert words(outcomes) == {"answer_lost": 20}
        assert all(isinstance(o, Retry) and o.may_have_applied for o in outcomes)
        assert leads(to) == 20


async def test_the_quota_that_ends_while_a_job_runs_is_waited_for() -> None:
    """The job goes on, its rows are not given up."""
    async with connected(BULK, bulk_polls=5) as to:
        to.org.script(fault("poll", "spend_quota", skip=1, count=1))
        outcomes = await to.write(*people())
        assert words(outcomes) == {"answer_lost": 20}
        to.org.set_quota_used(0)
        assert words([*await to.write(*repeats())]) in ({"throttled": 20}, {"updated": 20})
        assert set(await settle(to, repeats())) <= {"created", "updated"}
        assert leads(to) == 20


def repeats() -> list[Upsert]:
    """The same people, as an engine sends them that does not know what became of them."""
    return [replace(made, repeated=True) for made in people()]


@pytest.mark.parametrize(("applied", "expected"), [(0, {"created": 20}), (8, {"answer_lost": 12})])
async def test_rows_that_a_failed_job_tells_nothing_of(
    applied: int, expected: dict[str, int]
) -> None:
    """They go the usual way only when it did nothing at all; else each may have been written."""
    async with connected(BULK) as to:
        to.org.script(fault("close", "job_failed", options={"rows": applied}))
        to.org.script(Fault("status", path="*/unprocessedrecords", status=200, text='"Email"\n'))
        outcomes = await to.write(*people())
        assert words(outcomes) == {**({"created": applied} if applied else {}), **expected}
        to.org.faults.clear()
        assert set(await settle(to, repeats())) <= {"created", "updated"}
        assert leads(to) == 20


@pytest.mark.parametrize("text", ["", "{}", '{"id": 1}', "<html></html>"])
async def test_an_answer_that_is_no_job_is_not_taken_for_one(text: str) -> None:
    """Nothing was closed: the rows go the usual way."""
    async with connected(BULK) as to:
        to.org.script(fault("create", "status", status=200, text=text))
        assert words(await to.write(*people())) == {"created": 20}
        assert leads(to) == 20


async def test_a_page_in_place_of_the_results_is_not_taken_for_them() -> None:
    """They are asked for again."""
    async with connected(BULK) as to:
        to.org.script(fault("results", "html", status=200, count=2))
        assert words(await to.write(*people())) == {"created": 20}


async def test_a_job_that_cannot_be_stopped_is_waited_for_by_looking_up() -> None:
    """Its time is over, aborting it is refused: what it does is found when it has ended."""
    async with connected({**BULK, "bulk_wait_seconds": 5}, bulk_polls=9) as to:
        to.org.script(fault("close", "status", skip=1, status=400, text="[]"))
        outcomes = await to.write(*people())
        assert words(outcomes) == {"answer_lost": 20}
        to.org.faults.clear()
        assert words(await to.write(*repeats())) == {"throttled": 20}
        assert set(await settle(to, repeats())) == {"updated"}
        assert leads(to) == 20


async def test_an_org_that_does_not_describe_itself_has_no_jobs() -> None:
    """Whether describing fails, or the object is not there."""
    async with connected(BULK) as to:
        to.org.script(Fault("status", path="*/describe"))
        assert words(await to.write(*people())) == {"created": 20}
        nobody = [
            Upsert("Nope__c", Operation.UPSERT, {"A__c": 1}, (Match("B__c", str(number)),))
            for number in range(10)
        ]
        assert "created" not in words(await to.write(*nobody))
        assert to.org.calls_by_route["POST jobs/ingest"] == 0


# Workers that die.


async def die_in_mid_job(to: Connected) -> None:
    """Start a job for `people` with another worker, which dies when it has closed the job."""
    async with another_worker(to, LastMoment()) as dying:
        with pytest.raises(asyncio.CancelledError):
            await dying.write(*people())


@pytest.mark.parametrize("polls", [1, 5, 12])
async def test_a_job_outlives_its_worker_and_its_rows_wait_for_its_end(polls: int) -> None:
    """The next worker writes what may be in it only when it has ended: no lead twice."""
    async with connected(BULK, bulk_polls=polls) as to:
        await die_in_mid_job(to)
        async with another_worker(to) as heir:
            first = await heir.write(*repeats())
            assert words(first) == ({"throttled": 20} if polls > 1 else words(first))
            for outcome in first:
                if isinstance(outcome, Retry):
                    assert (outcome.counts, outcome.after_seconds) == (False, 30.0)
            assert set(await settle(heir, repeats())) <= {"updated"}
        assert leads(to) == 20
        assert heir_never_wrote_early(to)


def heir_never_wrote_early(to: Connected) -> bool:
    """Whether each lead was created by one request, and any other only updated it."""
    return all(
        [write.action for write in row.history].count("create") == 1
        for row in to.org.records("Lead")
    )


@pytest.mark.parametrize("step", ["create", "upload"])
async def test_a_job_that_was_never_closed_is_aborted_by_the_next_worker(step: str) -> None:
    """So that nobody can close it later; nothing of it was written."""
    async with connected(BULK) as to:
        to.org.script(fault(step, "delay_after", seconds=60.0, count=1))
        dying = asyncio.create_task(to.destination.write(people()))
        while to.org.calls_by_route["POST jobs/ingest"] == 0 or (
            step == "upload" and to.org.calls_by_route["PUT jobs/ingest/{id}/batches"] == 0
        ):
            await asyncio.sleep(0.01)
        dying.cancel()
        with pytest.raises(asyncio.CancelledError):
            await dying
        async with another_worker(to) as heir:
            assert words(await heir.write(*repeats())) == {"created": 20}
        assert leads(to) == 20
        aborted = [r for r in to.org.requests if '"Aborted"' in str(r["body"])]
        assert len(aborted) == 1


async def test_others_need_not_wait_for_the_job_of_a_dead_worker() -> None:
    """Neither events that were never sent, nor other objects."""
    async with connected(BULK, bulk_polls=9) as to:
        await die_in_mid_job(to)
        async with another_worker(to) as heir:
            visit = Upsert("Visit__c", Operation.CREATE, {"Page__c": "/"}, repeated=True)
            outcomes = await heir.write(identify("new@x.io"), visit, repeats()[0])
            assert [summary(outcome) for outcome in outcomes] == ["created", "created", "throttled"]


async def test_the_job_that_this_worker_is_at_is_neither_waited_for_nor_aborted() -> None:
    """Another batch's repeats look for jobs while it is being filled."""
    async with connected(BULK) as to:
        to.org.script(fault("upload", "delay", seconds=0.3, count=1))
        job = asyncio.create_task(to.destination.write(people()))
        while to.org.calls_by_route["POST jobs/ingest"] == 0:
            await asyncio.sleep(0.01)
        assert words(await to.write(replace(identify("other@x.io"), repeated=True))) == {
            "created": 1
        }
        assert words(await job) == {"created": 20}
        assert not [r for r in to.org.requests if '"Aborted"' in str(r["body"])]


@pytest.mark.parametrize("whose", ["another tool", "another user"])
async def test_jobs_of_others_are_left_alone(whose: str) -> None:
    """Told by the delimiter and the user: neither waited for nor aborted."""
    users = [User(), User(username="other@example.com")]
    apps = [App(), App(consumer_key="other", run_as="other@example.com")]
    async with connected(BULK, users=users, apps=apps) as to:
        stranger = dict(to.org.connection_settings())
        if whose == "another user":
            stranger["client_id"] = "other"
        other = KIND.open({**stranger, **BULK}, ManualClock())
        assert isinstance(other, SalesforceDestination)
        delimiter = "COMMA" if whose == "another tool" else "CARET"
        body = {"object": "Lead", "operation": "insert", "columnDelimiter": delimiter}
        call = Call("POST", "jobs/ingest", "bulk", writes=True, body=body)
        assert (await other._client.send(call)).ok  # a job made by hand
        await other.close()
        assert set(await settle(to, repeats())) == {"created"}
        assert not [r for r in to.org.requests if '"Aborted"' in str(r["body"])]


async def test_without_bulk_nobody_looks_for_jobs() -> None:
    """It would cost a call with every repeat."""
    async with connected() as to:
        assert words(await to.write(*repeats())) == {"created": 20}
        assert to.org.calls_by_route["GET jobs/ingest"] == 0


async def test_all_pages_of_the_list_are_read() -> None:
    """The job that matters may be on the last."""
    async with connected(BULK, bulk_listed=2, bulk_polls=12) as to:
        for number in range(3):
            await to.write(*(identify(f"{number}.{n}@x.io") for n in range(10)))
        await die_in_mid_job(to)
        async with another_worker(to) as heir:
            assert words(await heir.write(*repeats())) == {"throttled": 20}


async def test_a_fenced_worker_never_closes_its_job() -> None:
    """It may have been asleep since it opened it: the job is aborted, the rows stay unsent."""
    async with connected(BULK) as to:
        await to.write(identify("warm@x.io"))
        raise_fence(lambda: False)
        try:
            with pytest.raises(WriteFailed):
                await to.write(*people())
        finally:
            raise_fence(lambda: True)
        assert leads(to) == 1
        assert [r for r in to.org.requests if '"Aborted"' in str(r["body"])]
        assert to.org.calls_by_route["PATCH jobs/ingest/{id}"] == 1
