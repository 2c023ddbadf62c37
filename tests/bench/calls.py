"""API calls per 1,000 identifies of every destination, counted by its own emulator.

Events go through the default mapping and the engine's delivery, in virtual time.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

from tests.contract.salesforce.worker import running
from tests.contract.socket_time import run
from tests.contract.trial import Trial, on_trial
from tests.invariants import virtual
from transformer import app
from transformer.emulator.subject import Cost, identify
from transformer.outcome import Delivered
from transformer.policy import Policy

PEOPLE = 1_000
GATHERED_AT_MOST = 15


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
    yield gathered()


def gathered() -> Calls:
    """What a pipeline takes for a hundred new people a second that gather for two seconds."""
    return virtual.run(_gathered())


async def _gathered() -> Calls:
    async with running(Policy(linger_seconds=2.0)) as scene:
        for person in range(4 * PEOPLE):
            scene.produce(person)
            await asyncio.sleep(0.01)
        await scene.all_settled()
        calls = -(-scene.org.api_calls // 4)
    return Calls("salesforce", "100 a second, linger 2 s", PEOPLE, calls, GATHERED_AT_MOST)


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
