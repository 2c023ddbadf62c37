"""The plan: which misdeeds a storm is made of, and in what order. Pure: the seed decides."""

import random
from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from tests.chaos.weather import SPELLS


class Deed(StrEnum):
    """What is done to workers, to the broker and to the org, beside its weather."""

    KILL = "kill -9"
    KILL_EARLY = "kill -9 while starting"
    TERM = "SIGTERM"
    SUSPEND = "SIGSTOP past the session"
    START = "one worker more"
    FOUR = "four workers"
    ONE = "one worker"
    BROKER_KILLED = "broker killed and started"
    BROKER_STOPPED = "broker stopped and started"
    QUOTA = "quota spent and given back"
    DUPLICATE = "duplicate rule with match ids"


ROUND: Final[Sequence[str]] = (
    *SPELLS,
    *Deed,
    *(Deed.KILL, Deed.KILL, Deed.SUSPEND, Deed.DUPLICATE),
)
"""One of everything, and more of what is done most: so many deeds, and all has been done."""


def plan(seed: int, deeds: int) -> Sequence[str]:
    """So many misdeeds, round by round, each round in an order of the seed's own."""
    rng = random.Random(f"plan {seed}")
    order: list[str] = []
    while len(order) < deeds:
        order += rng.sample(ROUND, len(ROUND))
    return order[:deeds]
