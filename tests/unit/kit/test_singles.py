"""Upserts one by one: what stops the rest, what waits for what, and what becomes of each."""

import asyncio
from collections.abc import Sequence

import pytest

from transformer.errors import AnswerLost, QuotaSpent, ServerFault, Throttled, WriteFailed
from transformer.failures import Declined, retry_of
from transformer.kit import singles
from transformer.kit.singles import Job, Results
from transformer.outcome import Delivered, Outcome, Reason, Rejected, Retry, Skipped

DONE = Delivered("created", "1")
REFUSED = Rejected(Reason.INVALID_VALUE, "no", {"code": 1})
UNHEARD = Rejected(Reason.UNKNOWN_OBJECT, "not sent")


class Crm:
    """Answers each index as it is told; `begun` lists what was sent, in order."""

    def __init__(self, *answers: Outcome | Exception) -> None:
        self.answers = answers
        self.begun: list[int] = []
        self.most_at_once = self._at_once = 0

    async def write(self, chains: Sequence[Sequence[int]], at_once: int = 1) -> Results:
        """Write the upserts of `chains`."""
        results = Results()
        jobs = [[self._job(index) for index in chain] for chain in chains]
        await singles.run(jobs, results, at_once=at_once)
        return results

    async def each(self) -> Results:
        """Write every upsert in a chain of its own, one at a time."""
        return await self.write([[index] for index in range(len(self.answers))])

    def _job(self, index: int) -> Job:
        async def write() -> Outcome:
            self.begun.append(index)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            await asyncio.sleep(0)
            self._at_once -= 1
            answer = self.answers[index]
            if isinstance(answer, Exception):
                raise answer
            return answer

        return index, write


async def test_outcomes_come_in_order_and_a_few_are_written_at_once() -> None:
    """Whatever the order of the chains."""
    crm = Crm(DONE, REFUSED, Declined(UNHEARD), DONE, DONE)
    results = await crm.write([[4], [3], [2, 1], [0]], at_once=2)
    assert results.settled() == [DONE, REFUSED, UNHEARD, DONE, DONE]
    assert crm.most_at_once == 2


async def test_what_follows_an_unsettled_one_of_its_chain_waits() -> None:
    """Else a newer value would be written before the older one."""
    lost = ServerFault("broke", may_have_applied=True)
    again = Retry(Reason.ROW_LOCKED)
    waits = Retry(Reason.SAME_RECORD, counts=False)
    crm = Crm(DONE, lost, DONE, again, DONE, DONE, DONE)
    results = await crm.write([[0, 1, 2], [3, 4], [5, 6]])
    assert results.settled() == [DONE, retry_of(lost, sent=True), waits, again, waits, DONE, DONE]
    assert crm.begun == [0, 1, 3, 5, 6]


@pytest.mark.parametrize("failure", [Throttled("slow down"), QuotaSpent("spent")])
async def test_after_a_failure_that_concerns_all_nothing_more_is_sent(failure: WriteFailed) -> None:
    """What was not sent loses no attempt, and cannot have been applied."""
    crm = Crm(DONE, failure, DONE)
    results = await crm.each()
    unsent = retry_of(failure, sent=False)
    assert results.settled() == [DONE, retry_of(failure, sent=True), unsent]
    assert crm.begun == [0, 1]


async def test_what_was_not_sent_cannot_have_been_applied() -> None:
    """Though what was sent before it may have been."""
    lost = AnswerLost("lost", may_have_applied=True)
    crm = Crm(DONE, lost, Throttled("slow down"), DONE)
    settled = (await crm.each()).settled()
    assert settled[3] == retry_of(lost, sent=False)


async def test_one_failure_costs_the_others_nothing() -> None:
    """As long as the CRM answers."""
    fault = ServerFault("broke")
    crm = Crm(fault, DONE, fault, ServerFault("too"), ServerFault("again"), DONE)
    settled = (await crm.each()).settled()
    assert crm.begun == [0, 1, 2, 3, 4, 5]
    assert [settled[1], settled[5]] == [DONE, DONE]


async def test_three_requests_without_a_word_are_enough() -> None:
    """The CRM is down; one failure of several upserts is one request."""
    shared = ServerFault("an import broke")
    crm = Crm(UNHEARD, shared, shared, shared, ServerFault("b"), ServerFault("c"), DONE)
    results = await crm.each()
    assert crm.begun == [0, 1, 2, 3, 4, 5]
    with pytest.raises(ServerFault, match="an import broke"):
        results.settled()


async def test_of_several_failures_that_which_may_have_been_applied_is_raised() -> None:
    """So that creates are looked for before they are sent again."""
    crm = Crm(ServerFault("first"), AnswerLost("lost", may_have_applied=True))
    with pytest.raises(AnswerLost, match="lost"):
        (await crm.each()).settled()


@pytest.mark.parametrize(
    ("outcome", "heard"),
    [
        (DONE, True),
        (REFUSED, True),
        (Retry(Reason.ROW_LOCKED, vendor={"code": 2}), True),
        (Skipped(Reason.UNCHANGED, record_id="1"), True),
        (UNHEARD, False),
        (Retry(Reason.SAME_RECORD), False),
        (Skipped(Reason.EVENT_TYPE_NOT_MAPPED), False),
    ],
)
async def test_a_failure_is_raised_only_when_the_crm_said_nothing(
    outcome: Outcome, heard: bool
) -> None:
    """An outcome of our own making is no sign of life."""
    fault = ServerFault("broke")
    results = await Crm(outcome, fault).each()
    if heard:
        assert results.settled() == [outcome, retry_of(fault, sent=True)]
    else:
        with pytest.raises(ServerFault, match="broke"):
            results.settled()
