"""Upserts one by one, a few at once; what may be about one prospect goes one after the other.

One failure never costs the others their outcomes.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from destinations.account_engagement.prospect_plan import CRM_ID, EMAIL
from destinations.account_engagement.reasons import Declined, failed
from transformer.errors import QuotaSpent, Throttled, Unauthorized, Unreachable, WriteFailed
from transformer.outcome import Delivered, Outcome, Reason, Rejected, Retry, Skipped
from transformer.upsert import Upsert

GIVE_UP_AFTER = 3
# After one of these nothing else would get through either.
STOPPING = (Throttled, QuotaSpent, Unauthorized, Unreachable)

Writer = Callable[[Upsert], Awaitable[Outcome]]


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
        return len(self.failures) >= GIVE_UP_AFTER and not self.heard

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
            found[index] = failed(failure, sent=True)
        for index in self.unsent:
            found[index] = failed(self.worst or Unreachable("not sent."), sent=False)
        return found


async def run(batch: Sequence[Upsert], write: Writer, at_once: int) -> Results:
    """Write every upsert, in at most `at_once` chains at a time.

    Nothing more is started after a failure that concerns all of them.
    """
    results = Results()
    waiting = deque(chains(batch))

    async def work() -> None:
        while waiting:
            await _run_chain(waiting.popleft(), batch, write, results)

    async with asyncio.TaskGroup() as group:
        for _ in range(min(at_once, len(waiting))):
            group.create_task(work())
    return results


async def _run_chain(
    chain: Iterable[int], batch: Sequence[Upsert], write: Writer, results: Results
) -> None:
    """One after the other; what follows one that did not settle waits for it."""
    open_before = False
    for index in chain:
        if results.stopped:
            results.unsent.add(index)
        elif open_before:
            results.outcomes[index] = Retry(Reason.SAME_RECORD, counts=False)
        else:
            await _run_one(index, batch[index], write, results)
            outcome = results.outcomes.get(index)
            open_before = outcome is None or isinstance(outcome, Retry)


async def _run_one(index: int, upsert: Upsert, write: Writer, results: Results) -> None:
    try:
        results.outcomes[index] = await write(upsert)
    except Declined as declined:
        results.outcomes[index] = declined.outcome
    except WriteFailed as failure:
        results.failures[index] = failure


def chains(batch: Sequence[Upsert]) -> Sequence[Sequence[int]]:
    """The indexes of upserts that may be about one prospect, together and in order."""
    chain_of: dict[tuple[str, str], list[int]] = {}
    found: list[list[int]] = []
    for index, upsert in enumerate(batch):
        names = _names(upsert)
        known = {id(chain): chain for name in names if (chain := chain_of.get(name)) is not None}
        merged = sorted([*(each for chain in known.values() for each in chain), index])
        found = [chain for chain in found if id(chain) not in known]
        found.append(merged)
        for each in merged:
            chain_of.update(dict.fromkeys(_names(batch[each]), merged))
    return found


def _names(upsert: Upsert) -> Sequence[tuple[str, str]]:
    """By what an upsert names its prospect."""
    named = [(match.name, match.folded) for match in upsert.matches]
    for name in (EMAIL, CRM_ID):
        value = upsert.properties.get(name)
        if isinstance(value, str) and value:
            named.append((name, value.strip().casefold()))
    return named


def _is_from_crm(outcome: Outcome) -> bool:
    match outcome:
        case Delivered():
            return True
        case Rejected() | Retry():
            return bool(outcome.vendor)
        case Skipped():
            return bool(outcome.record_id)
