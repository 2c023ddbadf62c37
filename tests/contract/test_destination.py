"""The contract of every destination: the same hostile behaviours, each on its own emulator.

The registry says which destinations there are, each one's subject what its vendor calls things;
what does not apply to a vendor is in its scorecard, with the reason.
"""

import asyncio
from contextlib import suppress
from dataclasses import replace

import pytest

from tests.contract.judging import (
    DONE,
    FIVE,
    HOUR,
    JUDGED,
    deliver_five,
    faulted,
    judge_rekeyed,
    judges,
    quiet_after_the_fault,
    record_of,
    statuses,
    times,
    tried,
    writing,
)
from tests.contract.socket_time import run
from tests.contract.trial import Trial, on_trial, words
from transformer import app
from transformer.emulator.faults import Fault
from transformer.emulator.subject import FLAG, NUMBER, OPTIONAL, TEXT, Behaviour, identify
from transformer.errors import Fenced, WriteFailed
from transformer.fence import raise_fence
from transformer.outcome import Delivered, Outcome, Reason, Rejected, Retry


def test_every_behaviour_is_judged_and_only_optional_ones_can_be_absent() -> None:
    """With a reason in words."""
    assert set(Behaviour) == JUDGED
    for name in app.kind_names():
        absent = app.subject(name).facts.absent
        assert set(absent) <= OPTIONAL
        assert all(len(why) > 20 for why in absent.values())


@tried(Behaviour.OPENS_SILENTLY)
async def test_opening_makes_no_request(trial: Trial) -> None:
    """A CRM that is down must not stop the worker."""
    assert trial.subject.emulator.request_count == 0


@judges(Behaviour.CHECKS)
def test_the_check_answers_and_writes_nothing(name: str) -> None:
    """Of a good connection no errors, of a wrong key one."""

    async def main() -> None:
        async with on_trial(name) as trial:
            findings = await trial.destination.check(trial.mapping.fields())
            assert [f for f in findings if f.level == "error"] == []
            assert findings
            assert trial.subject.people() == []
        async with on_trial(name, app.subject(name).facts.refused) as trial:
            levels = {finding.level for finding in await trial.destination.check([])}
            assert "error" in levels

    run(main())


@tried(Behaviour.SUCCESSES)
async def test_each_documented_success_is_understood(trial: Trial) -> None:
    """One after the other, as the subject lists them."""
    for case in trial.subject.successes():
        (outcome,) = await trial.deliver(case.event)
        assert (case.name, words([outcome])) == (case.name, [case.expected])
        if case.record_id:
            assert isinstance(outcome, Delivered)
            assert (case.name, outcome.record_id) == (case.name, case.record_id)


@tried(Behaviour.ORDER)
async def test_outcomes_are_one_per_upsert_in_order(trial: Trial) -> None:
    """Asked of the destination itself, with people known and new by turns and a bad one."""
    await trial.deliver(*FIVE[::2])
    batch = [trial.upsert(event) for event in FIVE]
    batch.append(trial.upsert(trial.subject.bad()))
    outcomes = await trial.destination.write(batch)
    assert len(outcomes) == len(batch)
    by_email = {person.email: person.id for person in trial.subject.people()}
    for number, outcome in enumerate(outcomes[:-1]):
        assert isinstance(outcome, Delivered)
        assert outcome.record_id == by_email[f"p{number}@example.com"]
    assert isinstance(outcomes[-1], Rejected)


@tried(Behaviour.NO_DUPLICATES)
async def test_two_events_of_a_new_person_make_one_record(trial: Trial) -> None:
    """However late the CRM's search knows the first."""
    await trial.deliver(identify("ann@example.com", "Ann"))
    again = await trial.deliver(identify("ANN@example.com", "Anna"))
    assert words(again) == ["updated"]
    assert [person.name for person in trial.subject.people()] == ["Anna"]


@tried(Behaviour.REREAD)
async def test_a_worker_that_reads_a_batch_again_makes_no_second_record(trial: Trial) -> None:
    """The first was killed after its write; the next one knows only that it may have happened."""
    await trial.deliver(*FIVE)
    second = replace(trial, destination=trial.another())
    outcomes = await second.deliver(*FIVE, repeated=True)
    await second.destination.close()
    assert set(words(outcomes)) <= DONE
    assert len(trial.subject.people()) == len(FIVE)


@tried(Behaviour.HALF_APPLIED)
async def test_a_half_applied_batch_is_completed(trial: Trial) -> None:
    """And nobody is made twice."""
    await deliver_five(trial, trial.subject.facts.half_applied)


@tried(Behaviour.ANSWER_LOST)
async def test_a_lost_answer_makes_no_duplicate(trial: Trial) -> None:
    """The write was applied; the next try finds it (invariant 6)."""
    await deliver_five(trial, writing(trial, "reset_after"))


@tried(Behaviour.TRUNCATED)
async def test_half_an_answer_makes_no_duplicate(trial: Trial) -> None:
    """What it says is not known."""
    await deliver_five(trial, writing(trial, "truncate"))


@tried(Behaviour.TOO_LATE)
async def test_an_answer_after_the_timeout_makes_no_duplicate(trial: Trial) -> None:
    """It comes to nobody."""
    await deliver_five(trial, writing(trial, "delay_after", seconds=900.0))


@tried(Behaviour.RESET)
async def test_a_request_that_did_not_arrive_is_sent_again(trial: Trial) -> None:
    """Whichever request of the exchange it was."""
    await deliver_five(trial, Fault("reset_before", count=1), writing(trial, "reset_before"))


@tried(Behaviour.THROTTLED_TOLD)
async def test_retry_after_is_obeyed_to_the_second(trial: Trial) -> None:
    """No request at all, of whatever kind, before it is over (invariant 5)."""
    await deliver_five(trial, writing(trial, "status", status=429, retry_after=37))
    quiet_after_the_fault(trial, 37.0)


@tried(Behaviour.THROTTLED_UNTOLD)
async def test_a_429_without_retry_after_backs_off(trial: Trial) -> None:
    """Three in a row: each wait is one of ours, and they are waits."""
    await deliver_five(trial, writing(trial, "status", status=429, count=3))
    quiet_after_the_fault(trial, 0.09)


@judges(Behaviour.VENDOR_LIMITS)
def test_the_vendors_own_limits_are_waited_out(name: str) -> None:
    """Nothing is lost, and hardly anything is asked in the meantime."""

    async def judge_one(limit: Fault) -> None:
        async with on_trial(name) as trial:
            trial.script(limit)
            worker = trial.worker(*FIVE)
            worker.deliverer.drain()
            running = asyncio.create_task(worker.deliverer.run())
            await asyncio.sleep(HOUR)
            waiting = [each for each in times(trial) if each > faulted(trial)]
            assert len(waiting) <= HOUR / 20 or running.done()
            trial.subject.give_back()
            await running
            assert set(words(list(worker.settled.values()))) <= DONE
            assert len(trial.subject.people()) == len(FIVE)

    for limit in app.subject(name).facts.limits.values():
        run(judge_one(limit))


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@tried(Behaviour.SERVER_ERROR)
async def test_server_errors_lose_nothing(trial: Trial, status: int) -> None:
    """First whatever is asked first, a login or a lookup; then the write, three times."""
    first = Fault("status", status=status, count=2, text="{}")
    await deliver_five(trial, first, writing(trial, "status", status=status, count=3, text="{}"))


@pytest.mark.parametrize("status", [200, 503])
@tried(Behaviour.HTML_PAGE)
async def test_an_html_page_is_no_answer(trial: Trial, status: int) -> None:
    """A success that is not JSON says nothing, neither of a lookup nor of a write."""
    first = Fault("html", status=status, count=2)
    await deliver_five(trial, first, writing(trial, "html", status=status, count=2))


@judges(Behaviour.CREDENTIALS_REFUSED)
def test_refused_credentials_reject_nobody(name: str) -> None:
    """Events wait, and the login is not hammered."""

    async def main() -> None:
        async with on_trial(name, app.subject(name).facts.refused) as trial:
            worker = trial.worker(*FIVE)
            worker.deliverer.drain()
            running = asyncio.create_task(worker.deliverer.run())
            await asyncio.sleep(HOUR)
            worker.deliverer.abandon()
            await running
            assert worker.settled == {}
            assert trial.subject.people() == []
            assert trial.subject.emulator.request_count <= HOUR / 4

    run(main())


@judges(Behaviour.CREDENTIALS_RENEWED)
def test_credentials_that_run_out_are_renewed(name: str) -> None:
    """Nobody notices."""

    async def main() -> None:
        expired = app.subject(name).facts.expired
        assert expired is not None
        async with on_trial(name) as trial:
            another = trial.another(trial.subject.renewable())
            renewing = replace(trial, destination=another)
            await renewing.deliver(identify("warm@example.com", "Warm"))
            trial.script(expired)
            assert set(words(await renewing.deliver(*FIVE))) <= DONE
            assert len(trial.subject.people()) == len(FIVE) + 1
            await renewing.destination.close()

    run(main())


@tried(Behaviour.BAD_ROW)
async def test_one_bad_row_keeps_nobody_back(trial: Trial) -> None:
    """It is rejected with the vendor's own error; the others are delivered."""
    outcomes = await trial.deliver(*FIVE[:3], trial.subject.bad(), *FIVE[3:])
    rejected = outcomes.pop(3)
    assert isinstance(rejected, Rejected)
    assert rejected.vendor
    assert rejected.detail
    assert set(words(outcomes)) == {"created"}
    assert len(trial.subject.people()) == len(FIVE)


@tried(Behaviour.ALREADY_THERE)
async def test_what_exists_already_is_updated(trial: Trial) -> None:
    """The record that the vendor's refusal names, and no other."""
    case = trial.subject.already_there()
    assert case is not None
    before = len(trial.subject.people())
    outcomes = await trial.deliver(case.event)
    assert words(outcomes) == [case.expected]
    (delivered,) = outcomes
    assert isinstance(delivered, Delivered)
    assert delivered.record_id == case.record_id
    assert len(trial.subject.people()) == before


@tried(Behaviour.DELETED)
async def test_a_deleted_record_is_refused_by_id_and_created_anew_by_address(trial: Trial) -> None:
    """Or brought back, where the vendor does; also when this worker remembers it."""
    await trial.deliver(identify("ann@example.com", "Ann"))
    (ann,) = trial.subject.people()
    trial.subject.delete(ann.id)
    named = {"externalId": [{"type": trial.subject.facts.person, "id": ann.id}]}
    traits = {"firstName": "Anna", "lastName": "A"}
    gone = await trial.deliver({"type": "identify", "traits": traits, "context": named})
    assert set(words(gone)) <= {"record_deleted", "record_not_found"}
    await asyncio.sleep(HOUR)
    (outcome,) = await trial.deliver(identify("ann@example.com", "Ann"))
    (again,) = trial.subject.people()
    assert isinstance(outcome, Delivered)
    assert (again.id, again.name) == (outcome.record_id, "Ann")
    assert outcome.operation == ("updated" if again.id == ann.id else "created")


@tried(Behaviour.SEVERAL_MATCHES)
async def test_several_matches_follow_the_default_policy(trial: Trial) -> None:
    """Refused with all their ids in the dead letter, or the one that the vendor takes."""
    case = trial.subject.several()
    assert case is not None
    await asyncio.sleep(HOUR)
    (outcome,) = await trial.deliver(case.event)
    assert words([outcome]) == [case.expected]
    if isinstance(outcome, Delivered):
        assert outcome.record_id == case.record_id
        return
    assert isinstance(outcome, Rejected)
    assert outcome.reason is Reason.SEVERAL_MATCHES
    ids = outcome.vendor["ids"]
    assert isinstance(ids, list | tuple)
    assert len(set(ids)) > 1


@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize("age_seconds", [0.0, HOUR])
@tried(Behaviour.REKEYED)
async def test_a_record_that_was_given_another_match_key_is_not_found_by_the_old_one(
    trial: Trial, age_seconds: float, together: bool
) -> None:
    """Right after it, or read together; whatever is remembered, however late a search is."""
    for case in trial.subject.rekeyed():
        first = await record_of(trial, case.old)
        await asyncio.sleep(age_seconds)
        change = [case.change(first)]
        if not together:
            assert await record_of(trial, change.pop()) == first
        await judge_rekeyed(trial, case, first, await record_of(trial, *change, case.old))


@pytest.mark.parametrize("age_seconds", [0.0, HOUR])
@tried(Behaviour.REKEYED)
async def test_a_key_that_may_have_changed_finds_nobody(trial: Trial, age_seconds: float) -> None:
    """The answer to the change was lost; it was applied."""
    for case in trial.subject.rekeyed():
        first = await record_of(trial, case.old)
        await asyncio.sleep(age_seconds)
        trial.script(Fault("reset_after", method="P*", count=1))
        with suppress(WriteFailed):
            await trial.destination.write([trial.upsert(case.change(first))])
        await judge_rekeyed(trial, case, first, await record_of(trial, case.old))


@pytest.mark.parametrize(
    "text", ["Zoë 王 🦄", "O'Brien \\\" OR Name != ''", "<b>&amp;</b>", "a%20b?c#d/../e", "נועה"]
)
@tried(Behaviour.UNICODE)
async def test_text_arrives_as_it_is(trial: Trial, text: str) -> None:
    """In a value and in the match key, never as a piece of a query or path."""
    await trial.deliver(identify("o'brien+a@example.com", text))
    await trial.deliver(identify("o'brien+a@example.com", text, **{TEXT: text[:20]}))
    (held,) = trial.subject.people()
    assert (held.email, held.name) == ("o'brien+a@example.com", text)
    assert held.values[TEXT] == text[:20]


@tried(Behaviour.NOTHINGS)
async def test_the_five_kinds_of_nothing_stay_apart(trial: Trial) -> None:
    """As far as the vendor can tell them apart; absent never changes anything."""
    stored = trial.subject.facts.stored
    full = {TEXT: "pro", FLAG: True, NUMBER: 7}
    written: list[tuple[str, object, object]] = [
        (TEXT, None, stored.null),
        (TEXT, "", stored.empty),
        (FLAG, False, stored.false),
        (NUMBER, 0, stored.zero),
    ]
    for trait, value, expected in written:
        await trial.deliver(identify("ann@example.com", "Ann", **full))
        (before,) = trial.subject.people()
        await trial.deliver(identify("ann@example.com", "Ann"))
        assert trial.subject.people()[0].values == before.values
        await trial.deliver(identify("ann@example.com", "Ann", **{trait: value}))
        (after,) = trial.subject.people()
        assert after.values == {**before.values, trait: expected}
        assert before.values[trait] != expected


@tried(Behaviour.OVERSIZE)
async def test_no_request_is_larger_than_the_vendor_allows(trial: Trial) -> None:
    """One and a half batches: the emulator refuses a row too many."""
    count = trial.destination.limits.batch_records * 3 // 2 + 1
    people = [identify(f"p{n}@example.com", f"P{n}", **{TEXT: "x" * 40}) for n in range(count)]
    outcomes = await trial.deliver(*people)
    assert set(words(outcomes)) <= DONE
    assert len(trial.subject.people()) == count
    assert statuses(trial) <= {200, 201, 202, 204}


@tried(Behaviour.RATE)
async def test_the_rate_limit_is_never_met(trial: Trial) -> None:
    """Forty people one by one and then at once, as fast as it goes: not one 429."""
    people = [identify(f"p{n}@example.com", f"P{n}") for n in range(40)]
    for person in people:
        await trial.deliver(person)
    await trial.deliver(*people)
    assert not {403, 429} & statuses(trial)


@tried(Behaviour.FENCED)
async def test_a_fenced_worker_writes_nothing(trial: Trial) -> None:
    """Asked at the door of every writing request; later it goes on."""
    await trial.deliver(identify("warm@example.com", "Warm"))
    batch = [trial.upsert(event) for event in FIVE]

    async def fenced() -> set[Reason]:
        raise_fence(lambda: False)
        try:
            outcomes: list[Outcome] = list(await trial.destination.write(batch))
        except Fenced:
            return {Reason.FENCED}
        return {one.reason for one in outcomes if isinstance(one, Retry)}

    assert await asyncio.create_task(fenced()) <= {Reason.FENCED, Reason.UNREACHABLE}
    assert len(trial.subject.people()) == 1
    assert set(words(await trial.deliver(*FIVE))) == {"created"}
