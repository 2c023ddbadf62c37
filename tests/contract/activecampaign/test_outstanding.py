"""ActiveCampaign imports that go on by themselves: what they may hold waits for their end."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.contract.activecampaign.account import Setup, connected, new, people, person
from transformer.emulator.faults import Fault
from transformer.outcome import Delivered, Outcome, Reason, Retry
from transformer.upsert import Match, Operation, Upsert

IMPORT = "/api/3/import/bulk_import"
INFO = "/api/3/import/info"
TRIES = 200


def repeats(*upserts: Upsert) -> list[Upsert]:
    """As an engine sends what may have been written before."""
    return [replace(upsert, repeated=True) for upsert in upserts]


async def die_in_mid_import(setup: Setup, *upserts: Upsert) -> None:
    """A worker dies when its import was accepted and has not run."""
    before = len(setup.emulator.imports.batches)
    writing = asyncio.create_task(setup.write(*upserts))
    while len(setup.emulator.imports.batches) == before:
        await asyncio.sleep(0.001)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing


async def settle(setup: Setup, *upserts: Upsert) -> Sequence[Outcome]:
    """Write until nothing is left to retry, waiting as told."""
    waiting, done = dict(enumerate(upserts)), dict[int, Outcome]()
    for _ in range(TRIES):
        if not waiting:
            return [done[index] for index in range(len(upserts))]
        outcomes = await setup.destination.write(list(waiting.values()))
        wait = 0.0
        for (index, upsert), outcome in zip(list(waiting.items()), outcomes, strict=True):
            if isinstance(outcome, Retry):
                wait = max(wait, outcome.after_seconds or 1.0)
                if outcome.may_have_applied:
                    waiting[index] = replace(upsert, repeated=True)
            else:
                done[index] = outcome
                del waiting[index]
        setup.clock.pass_seconds(wait)
    raise AssertionError(f"{len(waiting)} are not settled")


def run_what_is_queued(setup: Setup) -> None:
    """Let every import run that still waits."""
    setup.clock.pass_seconds(86_400.0)
    setup.emulator.imports.work()


def asked(setup: Setup) -> int:
    """How often it was asked what is outstanding."""
    return setup.emulator.calls_by_route[f"GET {IMPORT}"]


async def test_the_import_of_a_dead_worker_never_overwrites_newer_values() -> None:
    """Its heir has the same events merged with a newer one: that waits until the import has run."""
    async with connected(bulk_threshold=10, bulk_poll_seconds=60.0) as setup:
        setup.emulator.imports.seconds = 120.0
        await die_in_mid_import(setup, *people(10))
        newer = repeats(person("p0@example.com", firstName="NEWER"), *people(10)[1:])
        outcomes = await setup.write(*newer)
        assert all(isinstance(each, Retry) for each in outcomes)
        first = outcomes[0]
        assert isinstance(first, Retry)
        assert (first.reason, first.counts, first.after_seconds) == (Reason.THROTTLED, False, 30.0)
        assert setup.rows("contacts") == []
        assert all(isinstance(each, Delivered) for each in await settle(setup, *newer))
        run_what_is_queued(setup)
        names = [setup.contact(f"p{n}@example.com")["firstName"] for n in range(10)]
        assert names == ["NEWER", *(f"P{n}" for n in range(1, 10))]


async def test_an_import_given_up_by_the_same_worker_never_overwrites_newer_values() -> None:
    """It took longer than it may, and still runs: what was in it waits a while more."""
    async with connected(bulk_threshold=10, bulk_timeout_seconds=300.0) as setup:
        setup.emulator.imports.seconds = 500.0
        outcomes = await setup.write(*people(10), new("account", name="Acme"))
        assert all(isinstance(each, Retry) and each.may_have_applied for each in outcomes[:10])
        setup.emulator.imports.seconds = 1.0
        newer = person("p0@example.com", firstName="NEWER")
        assert isinstance((await settle(setup, *repeats(newer)))[0], Delivered)
        run_what_is_queued(setup)
        assert setup.contact("p0@example.com")["firstName"] == "NEWER"


async def test_an_import_whose_answer_was_lost_is_waited_for() -> None:
    """It may be queued."""
    async with connected(bulk_threshold=10) as setup:
        setup.emulator.imports.seconds = 60.0
        setup.emulator.script(Fault("reset_after", method="POST", path=IMPORT, count=1))
        outcomes = await setup.write(*people(10), new("account", name="Acme"))
        assert isinstance(outcomes[0], Retry)
        (held,) = await setup.write(*repeats(person("p0@example.com", firstName="NEWER")))
        assert isinstance(held, Retry)
        assert held.reason is Reason.THROTTLED


async def test_only_what_may_have_been_sent_before_waits_or_asks() -> None:
    """New events go on beside a foreign import, and cost no request more."""
    async with connected(bulk_threshold=10, bulk_poll_seconds=60.0) as setup:
        setup.emulator.imports.seconds = 120.0
        await die_in_mid_import(setup, *people(10))
        outcomes = await setup.write(person("new@x.io"), new("account", name="Acme"))
        assert all(isinstance(each, Delivered) for each in outcomes)
        assert asked(setup) == 0
        account = replace(new("account", name="Beta"), repeated=True)
        outcomes = await setup.write(*repeats(person("old@x.io")), person("newer@x.io"), account)
        assert [isinstance(each, Retry) for each in outcomes] == [True, False, False]
        assert asked(setup) == 1


async def test_without_imports_nobody_asks_for_them() -> None:
    """It would cost a request with every repeat."""
    async with connected(bulk_threshold=0) as setup:
        await setup.write(*repeats(*people(3)))
        assert asked(setup) == 0


async def test_what_needs_the_contact_waits_with_it() -> None:
    """A deal of the same person, never sent before."""
    async with connected(bulk_threshold=10, bulk_poll_seconds=60.0) as setup:
        setup.emulator.imports.seconds = 600.0
        await die_in_mid_import(setup, *people(10))
        deal = Upsert("deal", Operation.CREATE, {"title": "D", "contact": "p0@example.com"})
        outcomes = await setup.write(*repeats(*people(1)), deal)
        assert [each.reason for each in outcomes if isinstance(each, Retry)] == [
            Reason.THROTTLED,
            Reason.SAME_RECORD,
        ]
        assert all(isinstance(each, Retry) and each.after_seconds == 30.0 for each in outcomes)


async def test_the_imports_that_this_worker_is_at_are_not_waited_for() -> None:
    """Another write's repeats find them outstanding; a foreign one more is told from them."""
    async with connected(bulk_threshold=10, bulk_timeout_seconds=1e9) as setup:
        setup.emulator.imports.seconds = 1e9
        mine = asyncio.create_task(setup.write(*people(300)))
        while not setup.emulator.calls_by_route[f"GET {INFO}"]:
            await asyncio.sleep(0.001)
        assert len(setup.emulator.imports.batches) == 2
        assert isinstance((await setup.write(*repeats(person("a@x.io"))))[0], Delivered)
        setup.emulator.imports.queue([{"email": "somebody@else.io"}])
        assert isinstance((await setup.write(*repeats(person("b@x.io"))))[0], Retry)
        mine.cancel()
        with pytest.raises(asyncio.CancelledError):
            await mine


async def test_an_import_of_ours_that_has_ended_meanwhile_hides_no_foreign_one() -> None:
    """It is not outstanding any more, though nobody asked for it yet."""
    async with connected(bulk_threshold=10, bulk_poll_seconds=60.0) as setup:
        setup.emulator.imports.seconds = 0.0
        setup.destination._outstanding.begin(setup.emulator.imports.queue([{"email": "mine@x.io"}]))
        setup.emulator.imports.seconds = 600.0
        setup.emulator.imports.queue([{"email": "somebody@else.io"}])
        assert isinstance((await setup.write(*repeats(person("a@x.io"))))[0], Retry)


@pytest.mark.parametrize("why", ["it never ends", "nobody can tell"])
async def test_the_wait_ends_after_the_time_that_an_import_may_take(why: str) -> None:
    """Imports of others look the same, and may go on for ever."""
    async with connected(bulk_threshold=10, bulk_timeout_seconds=300.0) as setup:
        if why == "it never ends":
            setup.emulator.imports.seconds = 86_400.0
            setup.emulator.imports.queue([{"email": "somebody@else.io"}])
        else:
            setup.emulator.script(Fault("status", method="GET", path=IMPORT, status=400, text="{}"))
        started = setup.clock.now()
        (outcome,) = await settle(setup, *repeats(person("a@x.io")))
        assert isinstance(outcome, Delivered)
        assert 300 <= setup.clock.now() - started <= 340


async def test_each_wait_has_its_own_time() -> None:
    """Once nothing was outstanding, the next import is waited for as long as the first."""
    async with connected(bulk_threshold=10, bulk_timeout_seconds=300.0) as setup:
        setup.emulator.imports.seconds = 100.0
        for email in ("a@x.io", "b@x.io", "c@x.io", "d@x.io"):
            setup.emulator.imports.queue([{"email": email, "first_name": "old"}])
            newer = person(email, firstName="NEWER")
            assert isinstance((await settle(setup, *repeats(newer)))[0], Delivered)
            run_what_is_queued(setup)
            assert setup.contact(email)["firstName"] == "NEWER"


async def test_an_update_by_id_waits_as_well() -> None:
    """The import may be of the same contact, by its address."""
    async with connected(bulk_threshold=10, bulk_poll_seconds=60.0) as setup:
        await setup.write(person("p0@example.com"))
        setup.emulator.imports.seconds = 600.0
        await die_in_mid_import(setup, *people(10))
        update = Upsert("contact", Operation.UPDATE, {"phone": "1"}, (Match("id", "1"),))
        assert isinstance((await setup.write(*repeats(update)))[0], Retry)
