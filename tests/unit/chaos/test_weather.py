"""The storm's weather: a spell counts as met when it has done what it says, and not before."""

import pytest

from tests.chaos.plan import ROUND
from tests.chaos.weather import SPELLS, Weather
from tests.contract.salesforce.org import connected, identify, summary
from transformer.errors import AnswerLost

PROMISED = {
    "429 with Retry-After",
    "429 without Retry-After",
    "503",
    "500",
    "timeout before the write",
    "timeout after the write",
    "reset before the write",
    "reset after the write",
    "half applied",
    "row locks",
    "duplicate rule with match ids",
    "session expired",
    "quota spent and given back",
    "truncated answer",
    "html page",
    "kill -9",
    "SIGTERM",
    "SIGSTOP past the session",
    "one worker",
    "four workers",
    "broker killed and started",
    "broker stopped and started",
}


def test_every_fault_that_is_promised_belongs_to_a_round() -> None:
    """So many deeds as a round has, and a storm has been through all of them."""
    assert set(ROUND) >= PROMISED


async def test_a_collection_of_one_row_cannot_be_half_applied() -> None:
    """It is one of two rows or more that the spell is for."""
    async with connected() as to:
        weather = Weather(to.org)
        weather.change("half applied")
        assert [summary(each) for each in await to.write(identify())] == ["created"]
        assert not weather.has_struck
        with pytest.raises(AnswerLost):
            await to.write(identify("b@x.io"), identify("c@x.io"))
        assert weather.has_struck
        assert len(to.org.records("Lead")) == 2
        weather.clear()
        assert weather.met == {"half applied": 1}


@pytest.mark.parametrize("people", [1, 200])
async def test_a_spell_about_writes_lets_lookups_through(people: int) -> None:
    """Of the requests of one write, it is the one with rows that is reset, compressed or not."""
    async with connected() as to:
        weather = Weather(to.org)
        weather.change("reset after the write")
        with pytest.raises(AnswerLost):
            await to.write(*[identify(f"p{n}@x.io", Plan__c="x" * 250) for n in range(people)])
        hit = [str(seen["path"]).rpartition("/v")[2] for seen in to.org.requests if seen["faults"]]
        assert hit == ["67.0/composite/sobjects"]
        assert (weather.has_struck, len(to.org.records("Lead"))) == (True, people)


async def test_a_row_lock_is_met_when_a_row_was_refused() -> None:
    """By chance of the seed a row may pass unharmed; the locks of an earlier spell do not count."""
    async with connected(seed=2) as to:
        weather = Weather(to.org)
        seen = []
        weather.change("row locks")
        for _ in range(3):
            seen += [(summary(each), weather.has_struck) for each in await to.write(identify())]
        assert seen == [("created", False), ("updated", False), ("row_locked", True)]
        weather.change("row locks")
        assert not weather.has_struck
        assert weather.met == {"row locks": 1}


def test_each_spell_is_of_faults_that_end() -> None:
    """None goes on for ever: the storm waits for what comes after it."""
    assert {
        name for name, faults in SPELLS.items() if any(f.count is None for f in faults)
    } == set()
