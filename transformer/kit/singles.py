"""Upserts one by one, a few at once: one failure never costs the others their outcomes.

For CRMs that take one record per request. Knows no CRM: a destination says what to do for each
upsert, and which of them must go one after the other.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from transformer.errors import QuotaSpent, Throttled, Unauthorized, Unreachable, WriteFailed
from transformer.failures import Declined, retry_of
from transformer.outcome import Delivered, Outcome, Reason, Rejected, Retry, Skipped

GIVE_UP_AFTER: Final = 3
# After one of these nothing else would get through either.
STOPPING: Final = (Throttled, QuotaSpent, Unauthorized, Unreachable)

Job = tuple[int, Callable[[], Awaitable[Outcome]]]
"""An upsert's index in its batch, and what writes it."""


@dataclass(slots=True)
class Results:
    """What is known of upserts, by index: outcomes, failures, and what was not sent for them."""

    outcomes: dict[int, Outcome] = field(default_factory=dict)
    failures: dict[int, WriteFailed] = field(default_factory=dict)
    unsent: set[int] = field(default_factory=set)

    @property
    def stopped(self) -> bool:
        """Whether to send nothing more."""
        if any(isinstance(failure, STOPPING) for failure in self.failures.values()):
            return True
        # One failed request is one failure, however many upserts it held.
        requests = {id(failure) for failure in self.failures.values()}
        return len(requests) >= GIVE_UP_AFTER and not self._heard

    def settled(self) -> Sequence[Outcome]:
        """One outcome per upsert, in order; a failure becomes a Retry of those it concerns.

        Raises a WriteFailed, when the CRM said nothing of any upsert.
        """
        worst = self._worst
        if worst is not None and not self._heard:
            raise worst
        found = dict(self.outcomes)
        for index, failure in self.failures.items():
            found[index] = retry_of(failure, sent=True)
        for index in self.unsent:
            found[index] = retry_of(worst or Unreachable("not sent."), sent=False)
        return [found[index] for index in sorted(found)]

    @property
    def _heard(self) -> bool:
        """Whether the CRM said anything of any upsert, so that it is there and works."""
        return any(map(_is_from_crm, self.outcomes.values()))

    @property
    def _worst(self) -> WriteFailed | None:
        """The failure that stands for all: the first that may have been applied, if any."""
        failures = list(self.failures.values())
        applied = (failure for failure in failures if failure.may_have_applied)
        return next(applied, failures[0] if failures else None)


async def run(chains: Iterable[Sequence[Job]], results: Results, *, at_once: int) -> None:
    """Do every job, in at most `at_once` chains at a time, and put its outcome into `results`.

    What follows one of its chain that did not settle waits for it. Nothing more is started after
    a failure that concerns all of them.
    """
    waiting = deque(chains)

    async def work() -> None:
        while waiting:
            await _run_chain(waiting.popleft(), results)

    async with asyncio.TaskGroup() as group:
        for _ in range(min(at_once, len(waiting))):
            group.create_task(work())


async def _run_chain(chain: Sequence[Job], results: Results) -> None:
    open_before = False
    for index, job in chain:
        if results.stopped:
            results.unsent.add(index)
        elif open_before:
            results.outcomes[index] = Retry(Reason.SAME_RECORD, counts=False)
        else:
            await _run_one(index, job, results)
            outcome = results.outcomes.get(index)
            open_before = outcome is None or isinstance(outcome, Retry)


async def _run_one(index: int, job: Callable[[], Awaitable[Outcome]], results: Results) -> None:
    try:
        results.outcomes[index] = await job()
    except Declined as declined:
        results.outcomes[index] = declined.outcome
    except WriteFailed as failure:
        results.failures[index] = failure


def _is_from_crm(outcome: Outcome) -> bool:
    match outcome:
        case Delivered():
            return True
        case Rejected() | Retry():
            return bool(outcome.vendor)
        case Skipped():
            return bool(outcome.record_id)
