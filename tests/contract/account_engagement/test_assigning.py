"""Account Engagement: prospects of nobody are assigned by one import; whatever fails, nobody loses.

The row of faults is what is not verified about imports: each ends in requests one by one.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace

import pytest

from destinations.account_engagement.destination import open_destination
from tests.contract.account_engagement.business_unit import (
    PROSPECTS,
    UPSERT,
    Setup,
    activity,
    connected,
    people,
    person,
    settings_for,
)
from transformer.emulator.faults import Fault
from transformer.errors import Unreachable
from transformer.outcome import Delivered, Outcome, Reason, Retry

IMPORTS = "/api/v5/imports"
JOB = f"{IMPORTS}/*"
SINGLY = f"PATCH {PROSPECTS}/{{id}}"
MANY = 25


def users(setup: Setup) -> list[object]:
    """Whose the prospects are, oldest first."""
    return [row.get("userId") for row in setup.emulator.store.rows["prospects"].values()]


def times_assigned(setup: Setup) -> list[int]:
    """How often each prospect was given a user."""
    rows = setup.emulator.store.rows["prospects"].values()
    return [sum("userId" in write.values for write in row.history) for row in rows]


def words(*outcomes: Outcome) -> list[str]:
    """What happened to each, or why not."""
    return [o.operation if isinstance(o, Delivered) else o.reason.value for o in outcomes]


def at_sleep(setup: Setup, least: float, then: Callable[[], None]) -> None:
    """Have something happen at the first sleep of at least so long."""
    sleep, waiting = setup.clock.sleep, [then]

    async def sleeping(seconds: float) -> None:
        if seconds >= least and waiting:
            waiting.pop()()
        await sleep(seconds)

    setup.clock.sleep = sleeping  # type: ignore[method-assign]


def give(setup: Setup, number: int, user: int) -> Callable[[], None]:
    """Somebody in the business unit assigns a prospect."""

    def change() -> None:
        row = setup.emulator.store.rows["prospects"][str(number)]
        setup.emulator.store.change("prospects", row, {"userId": user})

    return change


async def test_many_prospects_of_nobody_are_assigned_by_one_import() -> None:
    """Five requests and the poll that it takes, instead of one for each."""
    async with connected() as setup:
        assert words(*await setup.write(*people(MANY))) == ["created"] * MANY
        assert users(setup) == [1] * MANY
        assert setup.calls(SINGLY) == 0
        job = setup.emulator.imports.jobs["1"]
        assert (job.create, job.restore, job.values["updatedCount"]) == (False, False, MANY)
        before = setup.emulator.api_calls
        assert words(*await setup.write(*people(MANY))) == ["updated"] * MANY
        assert setup.emulator.api_calls == before + MANY


async def test_the_next_import_is_asked_for_when_it_is_likely_to_have_ended() -> None:
    """The first takes two polls, the next one."""
    async with connected() as setup:
        setup.emulator.imports.seconds = 25
        await setup.write(*people(MANY))
        assert setup.calls(f"GET {IMPORTS}/{{id}}") == 2
        await setup.write(*(person(f"q{n}@example.com") for n in range(MANY)))
        assert setup.calls(f"GET {IMPORTS}/{{id}}") == 3


async def test_few_of_nobody_are_assigned_one_by_one() -> None:
    """However many others the batch has; a look tells who has a user by now."""
    async with connected() as setup:
        setup.emulator.objects.add("users", email="seller@x.io")
        for number in range(MANY):
            setup.emulator.prospects.add(f"p{number}@example.com", userId=2)
        outcomes = await setup.write(*people(MANY + 3))
        assert words(*outcomes) == ["updated"] * MANY + ["created"] * 3
        assert users(setup) == [2] * MANY + [1] * 3
        assert (setup.calls(SINGLY), setup.calls(f"GET {PROSPECTS}")) == (3, 1)
        assert setup.emulator.imports.jobs == {}


async def test_imports_can_be_switched_off() -> None:
    """Then each has his own request, right after his upsert."""
    async with connected(settings={"assign_by_import_from": 0}) as setup:
        await setup.write(*people(MANY))
        assert users(setup) == [1] * MANY
        assert (setup.calls(SINGLY), setup.calls(f"GET {PROSPECTS}")) == (MANY, 0)


@pytest.mark.parametrize("fails", [False, True])
async def test_who_is_given_a_user_meanwhile_keeps_it(fails: bool) -> None:
    """Whether the import works or never ends: it keeps what is there, and else there is a look."""
    async with connected() as setup:
        setup.emulator.objects.add("users", email="seller@x.io")
        if fails:
            setup.emulator.script(Fault("import_stall", method="PATCH", path=JOB))
        at_sleep(setup, 5, give(setup, 3, 2))
        assert words(*await setup.write(*people(MANY))) == ["created"] * MANY
        assert users(setup) == [2 if number == 3 else 1 for number in range(1, MANY + 1)]
        assert setup.calls(SINGLY) == (MANY - 1 if fails else 0)


@pytest.mark.parametrize(
    "fault",
    [
        Fault("code", method="POST", path=IMPORTS, status=404, options={"code": 198}),
        Fault("html", method="POST", path=IMPORTS, status=404),
        Fault("code", method="POST", path=IMPORTS, status=403, options={"code": 46}),
        Fault("code", method="POST", path=IMPORTS, status=401, options={"code": 49}),
        Fault("code", method="POST", path=IMPORTS, status=429, options={"code": 164}),
        Fault("status", method="POST", path=IMPORTS, status=500),
        Fault("reset_after", method="POST", path=IMPORTS),
        Fault("status", method="POST", path=IMPORTS, status=200, text='{"status": "Open"}'),
        Fault("code", method="POST", path=JOB, status=400, options={"code": 159}),
        Fault("reset_after", method="POST", path=JOB),
        Fault("code", method="PATCH", path=JOB, status=400, options={"code": 155}),
        Fault("reset_before", method="PATCH", path=JOB),
        Fault("code", method="GET", path=JOB, status=404, options={"code": 109}),
        Fault("status", method="GET", path=JOB, status=503),
        Fault("import_stall", method="PATCH", path=JOB),
        Fault("import_status", method="PATCH", path=JOB, options={"status": "Failed"}),
        Fault("import_expire", method="PATCH", path=JOB),
        Fault("import_nothing", method="PATCH", path=JOB),
    ],
    ids=lambda fault: f"{fault.method} {fault.kind} {fault.options or fault.status}",
)
async def test_where_imports_do_not_work_everybody_is_assigned_one_by_one(
    fault: Fault, caplog: pytest.LogCaptureFixture
) -> None:
    """Exactly once, said once, and for an hour no import is tried."""
    async with connected() as setup:
        setup.emulator.script(fault)
        with caplog.at_level(logging.WARNING, "destinations.account_engagement"):
            assert words(*await setup.write(*people(MANY))) == ["created"] * MANY
            opened = setup.emulator.calls_by_route[f"POST {IMPORTS}"]
            more = [person(f"q{n}@example.com") for n in range(MANY)]
            assert words(*await setup.write(*more)) == ["created"] * MANY
        assert users(setup) == [1] * (2 * MANY)
        assert setup.emulator.calls_by_route[f"POST {IMPORTS}"] == opened
        assert times_assigned(setup) == [1] * (2 * MANY)
        [said] = caplog.messages
        assert "assign_by_import_from: 0" in said
        assert "@example" not in said


@pytest.mark.parametrize(
    ("kind", "seconds", "polls"),
    [("import_stall", 30, 2), ("import_expire", 5, 1), ("import_status", 30, 2)],
)
async def test_an_import_that_will_not_end_is_not_waited_for(
    kind: str, seconds: float, polls: int
) -> None:
    """Longer than the setting says; nor one that has expired or ended otherwise."""
    within = {"import_timeout_seconds": 140.0 if kind == "import_stall" else 900.0}
    async with connected(settings=within) as setup:
        setup.emulator.script(Fault(kind, method="PATCH", path=JOB))
        before = setup.clock.now()
        await setup.write(*people(MANY))
        assert setup.clock.now() - before == pytest.approx(seconds, abs=1)
        assert setup.calls(f"GET {IMPORTS}/{{id}}") == polls
        assert users(setup) == [1] * MANY


async def test_imports_are_tried_again_after_an_hour() -> None:
    """The ability may have been given meanwhile."""
    async with connected() as setup:
        setup.emulator.forbidden.add("imports")
        await setup.write(*people(MANY))
        setup.emulator.forbidden.clear()
        for hour in range(2):
            await setup.write(*(person(f"h{hour}p{n}@example.com") for n in range(MANY)))
            assert len(setup.emulator.imports.jobs) == hour
            setup.clock.pass_seconds(3_601)
        assert users(setup) == [1] * (3 * MANY)


async def test_an_import_that_does_not_fill_what_is_empty_is_noticed() -> None:
    """The documentation says only that a value is kept."""
    async with connected() as setup:
        setup.emulator.imports.fills_empty = False
        assert words(*await setup.write(*people(MANY))) == ["created"] * MANY
        assert users(setup) == [1] * MANY


async def test_a_prospect_that_the_import_refuses_costs_the_others_nothing() -> None:
    """It goes singly, and that answer says what is wrong with it."""
    async with connected() as setup:

        def delete() -> None:
            row = setup.emulator.store.rows["prospects"]["3"]
            setup.emulator.store.change("prospects", row, {"isDeleted": True})

        at_sleep(setup, 5, delete)
        outcomes = await setup.write(*people(MANY))
        assert sorted(words(*outcomes)) == ["created"] * (MANY - 1) + ["record_deleted"]
        assert users(setup) == [1, 1, None] + [1] * (MANY - 3)
        assert setup.calls(SINGLY) == 1


async def test_one_who_cannot_be_assigned_costs_the_others_nothing() -> None:
    """He alone is sent again, and assigned then."""
    async with connected() as setup:
        setup.emulator.forbidden.add("imports")
        setup.emulator.script(
            Fault("status", method="PATCH", path=f"{PROSPECTS}/3", status=500, count=1)
        )
        outcomes = await setup.write(*people(MANY))
        [open_one] = [o for o in outcomes if not isinstance(o, Delivered)]
        assert isinstance(open_one, Retry)
        assert open_one.reason is Reason.SERVER_ERROR
        assert await setup.write_one(people(MANY)[outcomes.index(open_one)]) == Delivered(
            "updated", "3", "Prospect"
        )
        assert times_assigned(setup) == [1] * MANY


async def test_what_was_refused_otherwise_is_refused_and_assigned_all_the_same() -> None:
    """As a prospect whose list takes no members."""
    async with connected() as setup:
        setup.emulator.objects.add("lists", name="News", isDynamic=False)
        setup.emulator.script(
            Fault("code", path="*/list-memberships", status=400, options={"code": 130}, count=1)
        )
        outcomes = await setup.write(*people(MANY), person("z@example.com", lists="News"))
        assert words(*outcomes) == ["created"] * MANY + ["refused"]
        assert users(setup) == [1] * (MANY + 1)


@pytest.mark.parametrize("asleep", [0, 5], ids=["before the import", "after its start"])
async def test_a_worker_that_dies_before_all_are_assigned_leaves_it_to_the_next(
    asleep: float,
) -> None:
    """The events are read again; who is nobody's still is assigned then, and each once."""
    async with connected() as setup:

        def die() -> None:
            raise asyncio.CancelledError

        at_sleep(setup, asleep, die)
        with pytest.raises(asyncio.CancelledError):
            await setup.write(*people(MANY))
        assert users(setup) == [None] * MANY
        given = settings_for(setup.emulator.connection_settings())
        another = open_destination(given, setup.clock)
        again = [replace(upsert, repeated=True) for upsert in people(MANY)]
        outcomes = await another.write(again)
        await another.close()
        assert words(*outcomes) == ["updated"] * MANY
        assert users(setup) == [1] * MANY
        assert times_assigned(setup) == [1] * MANY


async def test_an_upsert_that_is_read_again_assigns_whom_it_finds_as_well() -> None:
    """Also where something depends on what is there, so that it is looked for first."""
    async with connected(settings={"several_matches": "newest"}) as setup:
        setup.emulator.objects.add("users", email="seller@x.io")
        setup.emulator.prospects.add("a@example.com")
        setup.emulator.prospects.add("b@example.com", userId=2)
        for _ in range(2):
            await setup.write(person("a@example.com"), person("b@example.com"))
        assert users(setup) == [1, 2]
        assert times_assigned(setup) == [1, 1]


async def test_trouble_that_is_not_the_imports_own_has_all_of_them_sent_again() -> None:
    """And the next batch imports: nothing is held against imports."""
    async with connected() as setup:
        setup.emulator.script(Fault("status", method="POST", path=IMPORTS, status=503, count=1))
        with pytest.raises(Unreachable):
            await setup.write(*people(MANY))
        assert words(*await setup.write(*people(MANY))) == ["updated"] * MANY
        assert users(setup) == [1] * MANY
        assert setup.calls(SINGLY) == 0


@pytest.mark.parametrize(
    "fault",
    [
        Fault("concurrent_limit", path=UPSERT, skip=MANY, count=1),
        Fault("status", path=UPSERT, status=429, retry_after=30, skip=MANY, count=1),
    ],
    ids=["too many at once", "a pause"],
)
async def test_a_batch_that_is_stopped_assigns_those_it_has_written(fault: Fault) -> None:
    """Else a business unit that is often busy would never see the end of one."""
    async with connected(settings={"requests_in_flight": 1}) as setup:
        setup.emulator.script(fault)
        outcomes = await setup.write(*people(MANY + 10))
        assert words(*outcomes) == ["created"] * MANY + ["throttled"] * 10
        assert users(setup) == [1] * MANY
        assert setup.calls(SINGLY) == 0


async def test_a_look_that_comes_too_early_is_repeated() -> None:
    """Reads lag by a minute: nobody is assigned twice for it."""
    async with connected() as setup:
        setup.emulator.script(Fault("stale_reads", method="GET", path=PROSPECTS, seconds=60))
        assert words(*await setup.write(*people(MANY))) == ["created"] * MANY
        assert (setup.calls(SINGLY), setup.calls(f"GET {PROSPECTS}")) == (0, 2)
        assert users(setup) == [1] * MANY


@pytest.mark.parametrize("nobodys", [3, MANY])
async def test_where_prospects_may_not_be_read_another_upsert_tells_whose_they_are(
    nobodys: int,
) -> None:
    """Nobody is assigned blindly; the next time each is assigned right after its upsert."""
    async with connected() as setup:
        for number in range(MANY - nobodys):
            setup.emulator.prospects.add(f"p{number}@example.com", userId=1)
        setup.emulator.script(
            Fault("code", method="GET", path=PROSPECTS, status=403, options={"code": 46})
        )
        outcomes = await setup.write(*people(MANY))
        assert words(*outcomes) == ["updated"] * (MANY - nobodys) + ["rematch"] * nobodys
        assert setup.calls(SINGLY) == 0
        assert words(*await setup.write(*people(MANY))) == ["updated"] * MANY
        assert users(setup) == [1] * MANY


async def test_of_two_events_about_one_prospect_the_later_ones_user_stays() -> None:
    """It is not gathered; an activity beside it is no reason not to."""
    async with connected() as setup:
        setup.emulator.objects.add("users", email="seller@x.io")
        crm_id = "00Q000000000001AAA"
        first = replace(person("two@example.com"), properties={"email": "two@example.com"})
        second = person("TWO@example.com", assignedTo="seller@x.io", salesforceId=crm_id)
        outcomes = await setup.write(
            *people(MANY), activity("Order", "p0@example.com"), first, second
        )
        assert words(*outcomes)[-2:] == ["created", "updated"]
        assert sorted(map(str, users(setup))) == ["1"] * MANY + ["2"]
        assert setup.calls(SINGLY) == 1


async def test_near_the_end_of_the_days_requests_each_is_assigned_at_once() -> None:
    """What is delivered then is delivered for good, and not written again the next day."""
    given = {"api_share": 1.0, "requests_in_flight": 1}
    async with connected(daily_calls=60, settings=given) as setup:
        setup.emulator.used = 18
        outcomes = await setup.write(*people(MANY))
        done = words(*outcomes).count("created")
        assert done == users(setup).count(1) == 20
        assert setup.emulator.imports.jobs == {}
