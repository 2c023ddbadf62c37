"""Several workers in one account: what it allows is theirs together, and no emulator refuses any.

As many destinations as there are workers write at the same time, each with its own events.
"""

import asyncio
from collections import Counter

import pytest

from tests.contract.socket_time import run
from tests.contract.trial import on_trial
from transformer.destination import Settings
from transformer.emulator.faults import Fault
from transformer.emulator.subject import identify
from transformer.outcome import Delivered


async def statuses(name: str, workers: int, told: int, settings: Settings) -> Counter[object]:
    """How many requests got which status while so many write, who were `told` how many they are."""
    given = {**settings, "workers": told}
    async with on_trial(name, given) as trial:
        # Requests are under way for a while, so that they meet.
        trial.script(Fault("delay", seconds=0.2))
        running, opened = [], []
        for number in range(workers):
            people = [
                identify(f"w{number}p{n}@example.com", f"P{n}", lastName="L") for n in range(20)
            ]
            trial.destination = trial.another(given)
            opened.append(trial.destination)
            running.append(trial.worker(*people))
            running[-1].deliverer.drain()
        await asyncio.gather(*(worker.deliverer.run() for worker in running))
        await asyncio.gather(*(destination.close() for destination in opened))
        outcomes = [outcome for worker in running for outcome in worker.settled.values()]
        assert len(outcomes) == 20 * workers
        assert all(isinstance(outcome, Delivered) for outcome in outcomes)
        return Counter(request.get("status") for request in trial.subject.emulator.requests)


@pytest.mark.parametrize(
    ("name", "workers", "settings"),
    [
        ("activecampaign", 3, {"bulk_threshold": 0}),
        ("activecampaign", 2, {"bulk_threshold": 0}),
        ("pipedrive", 4, {}),
        ("account_engagement", 5, {}),
    ],
)
def test_workers_that_share_an_account_are_not_refused_by_it(
    name: str, workers: int, settings: Settings
) -> None:
    """Not one 429, nor what else a CRM says to too many; there are some when nobody told them."""
    told = run(statuses(name, workers, workers, settings))
    assert {status for status in told if status not in (200, 201, 204)} == set()
    untold = run(statuses(name, workers, 1, settings))
    assert untold[429] > 0
