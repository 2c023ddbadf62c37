"""How the contract suite judges: which destinations a behaviour is for, and what must hold after.

Every judgement runs in virtual time, on an emulator of its own.
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Concatenate, ParamSpec

import pytest

from tests.contract.socket_time import run
from tests.contract.trial import Trial, on_trial, words
from transformer import app
from transformer.emulator.faults import Fault
from transformer.emulator.subject import Behaviour, Json, Rekeying, identify
from transformer.outcome import Delivered, Settled

P = ParamSpec("P")

FIVE = [identify(f"p{n}@example.com", f"P{n}") for n in range(5)]
DONE = {"created", "updated"}
HOUR = 3600.0
JUDGED: set[Behaviour] = set()


def judges(behaviour: Behaviour) -> pytest.MarkDecorator:
    """Every destination to which the behaviour applies, by `name`."""
    JUDGED.add(behaviour)
    applies = [name for name in app.kind_names() if behaviour not in app.subject(name).facts.absent]
    return pytest.mark.parametrize("name", applies)


def tried(
    behaviour: Behaviour,
) -> Callable[[Callable[Concatenate[Trial, P], Awaitable[None]]], Callable[..., None]]:
    """A judgement of one destination on trial, for all to which the behaviour applies."""

    def decorate(judge: Callable[Concatenate[Trial, P], Awaitable[None]]) -> Callable[..., None]:
        async def judged(name: str, *args: P.args, **given: P.kwargs) -> None:
            async with on_trial(name) as trial:
                await judge(trial, *args, **given)

        def test(name: str, *args: P.args, **given: P.kwargs) -> None:
            run(judged(name, *args, **given))

        own = inspect.signature(judge).parameters
        name = inspect.Parameter("name", inspect.Parameter.POSITIONAL_OR_KEYWORD)
        parameters = [name, *list(own.values())[1:]]
        test.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        test.__name__, test.__doc__ = judge.__name__, judge.__doc__
        marked: Callable[..., None] = judges(behaviour)(test)
        return marked

    return decorate


def writing(trial: Trial, kind: str, **options: object) -> Fault:
    """A fault of the request that writes people; once, unless told otherwise."""
    method, path = trial.subject.facts.writes
    return replace(Fault(kind, method=method, path=path, count=1), **options)  # type: ignore[arg-type]


async def deliver_five(trial: Trial, *faults: Fault) -> Sequence[Settled]:
    """Five people are delivered whatever happens, each is there once, and as the event said."""
    trial.script(*faults)
    outcomes = await trial.deliver(*FIVE)
    assert set(words(outcomes)) <= DONE
    held = sorted((person.email, person.name) for person in trial.subject.people())
    assert held == [(f"p{n}@example.com", f"P{n}") for n in range(5)]
    by_id = {person.id: person.email for person in trial.subject.people()}
    written = [one.record_id for one in outcomes if isinstance(one, Delivered)]
    assert [by_id[each] for each in written] == [f"p{n}@example.com" for n in range(5)]
    return outcomes


async def record_of(trial: Trial, *events: Json) -> str:
    """The record that the last of these events was delivered to."""
    outcome = (await trial.deliver(*events))[-1]
    assert isinstance(outcome, Delivered), outcome
    return outcome.record_id


async def judge_rekeyed(trial: Trial, case: Rekeying, first: str, again: str) -> None:
    """By the old key there is another record now; the first has the new key, and keeps it."""
    assert again != first
    await asyncio.sleep(HOUR)
    assert await record_of(trial, case.new) == first
    assert await record_of(trial, case.old) == again


def times(trial: Trial) -> Sequence[float]:
    """When each request came."""
    return [float(str(each["time"])) for each in trial.subject.emulator.requests]


def faulted(trial: Trial) -> float:
    """When the first fault struck."""
    log = trial.subject.emulator.requests
    return next(float(str(each["time"])) for each in log if each["faults"])


def statuses(trial: Trial) -> set[object]:
    """Every status that the emulator answered with."""
    return {each["status"] for each in trial.subject.emulator.requests}


def quiet_after_the_fault(trial: Trial, seconds: float) -> None:
    """Nothing was sent for so long; what was on its way at the same moment does not count."""
    began = faulted(trial)
    assert min(each for each in times(trial) if each > began) - began >= seconds
