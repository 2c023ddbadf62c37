"""API calls per 1,000 identifies of every destination, counted by its own emulator.

Events go through the default mapping and the engine's delivery, in virtual time.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from tests.contract.socket_time import run
from tests.contract.trial import Trial, on_trial
from transformer import app
from transformer.emulator.subject import Cost, identify
from transformer.outcome import Delivered

PEOPLE = 1_000


@dataclass(frozen=True, slots=True)
class Calls:
    """What so many people took in API calls."""

    kind: str
    how: str
    people: int
    calls: int
    at_most: int


def measure(people: int = PEOPLE) -> Iterator[Calls]:
    """Measure every way of every destination."""
    for name in app.kind_names():
        for cost in app.subject(name).facts.costs:
            yield measured(name, cost, people)


def measured(name: str, cost: Cost, people: int) -> Calls:
    """Deliver so many people; raises AssertionError when one is not delivered."""
    return run(_measured(name, cost, people))


async def _measured(name: str, cost: Cost, people: int) -> Calls:
    async with on_trial(name, cost.settings) as trial:
        if cost.known:
            await delivered(trial, people)
        calls = await delivered(trial, people)
    return Calls(name, cost.how, people, calls, cost.at_most(people))


async def delivered(trial: Trial, people: int) -> int:
    """Deliver so many people, who must be all there are; the API calls that it took."""
    events = [identify(f"p{n}@example.com", f"P{n}", lastName="L") for n in range(people)]
    before = trial.subject.emulator.api_calls
    outcomes = await trial.deliver(*events)
    assert all(isinstance(outcome, Delivered) for outcome in outcomes)
    assert len(trial.subject.people()) == people
    return trial.subject.emulator.api_calls - before
