"""Backoff: how long to wait before the next try. Pure: it returns seconds and never sleeps."""

import random


def backoff_seconds(
    attempt: int, *, base_seconds: float, limit_seconds: float, rng: random.Random
) -> float:
    """Return a full-jitter wait before try `attempt + 1`; `attempt` counts the tries so far.

    Full jitter spreads the tries of many workers evenly over the whole interval, whose ceiling
    doubles with every attempt up to `limit_seconds`. A tenth of the ceiling is the floor, so that
    no draw turns a failing CRM into a busy loop.
    """
    ceiling = min(limit_seconds, base_seconds * 2.0 ** min(attempt, 32))
    return rng.uniform(0.1 * ceiling, ceiling)
