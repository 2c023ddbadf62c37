"""Upserts one by one: a few at once, so that one failure never costs the others' outcomes."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from destinations.activecampaign.reasons import Declined
from transformer.errors import QuotaSpent, Throttled, Unauthorized, Unreachable, WriteFailed
from transformer.failures import retry_of
from transformer.outcome import Delivered, Outcome, Rejected, Retry, Skipped

AT_ONCE = 4
GIVE_UP_AFTER = 3
# After one of these nothing else would get through either.
STOPPING = (Throttled, QuotaSpent, Unauthorized, Unreachable)

Job = tuple[int, Callable[[], Awaitable[Outcome]]]


@dataclass(slots=True)
class Results:
    """What is known of upserts, by index: outcomes, failures, and what was not sent for them."""

    outcomes: dict[int, Outcome] = field(default_factory=dict)
    failures: dict[int, WriteFailed] = field(default_factory=dict)
    unsent: set[int] = field(default_factory=set)

    @property
    def heard(self) -> bool:
        """Whether the CRM said anything of any upsert, so that it is there and works."""
        return any(map(_is_from_crm, self.outcomes.values()))

    @property
    def stopped(self) -> bool:
        """Whether to send nothing more."""
        if any(isinstance(failure, STOPPING) for failure in self.failures.values()):
            return True
        # One failed import is one failure, however many contacts it held.
        requests = {id(failure) for failure in self.failures.values()}
        return len(requests) >= GIVE_UP_AFTER and not self.heard

    @property
    def worst(self) -> WriteFailed | None:
        """The failure to raise when nothing is known: one that may have been applied, if any."""
        chosen = None
        for failure in self.failures.values():
            if chosen is None or (failure.may_have_applied and not chosen.may_have_applied):
                chosen = failure
        return chosen

    def settled(self) -> Mapping[int, Outcome]:
        """An outcome for every index; failures become a Retry of the upserts they concern."""
        found = dict(self.outcomes)
        for index, failure in self.failures.items():
            found[index] = retry_of(failure, sent=True)
        for index in self.unsent:
            worst = self.worst or Unreachable("not sent.")
            found[index] = retry_of(worst, sent=False)
        return found


async def run(jobs: Sequence[Job], results: Results) -> None:
    """Do every job, at most four at once, and put what came of it into `results`.

    Nothing more is started after a failure that concerns all of them.
    """
    waiting = deque(jobs)

    async def work() -> None:
        while waiting:
            index, job = waiting.popleft()
            if results.stopped:
                results.unsent.add(index)
                continue
            try:
                results.outcomes[index] = await job()
            except Declined as declined:
                results.outcomes[index] = declined.outcome
            except WriteFailed as failure:
                results.failures[index] = failure

    async with asyncio.TaskGroup() as group:
        for _ in range(min(AT_ONCE, len(waiting))):
            group.create_task(work())


def _is_from_crm(outcome: Outcome) -> bool:
    match outcome:
        case Delivered():
            return True
        case Rejected() | Retry():
            return bool(outcome.vendor)
        case Skipped():
            return bool(outcome.record_id)
