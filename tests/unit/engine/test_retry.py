"""Backoff and the gate: how long nothing is sent after a failure."""

import random

import pytest

from transformer.engine.gate import Gate
from transformer.engine.retry import backoff_seconds
from transformer.policy import Policy


@pytest.mark.parametrize(
    ("attempt", "ceiling"), [(0, 0.5), (1, 1.0), (5, 16.0), (7, 60.0), (99, 60.0)]
)
def test_backoff_doubles_up_to_its_limit_with_full_jitter(attempt: int, ceiling: float) -> None:
    """Draws fill the interval from a tenth of the ceiling to the ceiling."""
    rng = random.Random(1)
    draws = [
        backoff_seconds(attempt, base_seconds=0.5, limit_seconds=60.0, rng=rng) for _ in range(500)
    ]
    assert ceiling * 0.1 <= min(draws) < ceiling * 0.15
    assert ceiling * 0.95 < max(draws) <= ceiling


def test_the_gate_closes_for_what_the_crm_said_and_success_does_not_open_it() -> None:
    """Retry-After outranks our backoff, and a late success of another request (invariant 5)."""
    gate = Gate(Policy(), random.Random(1))
    assert gate.fail(100.0, "throttled", 30.0) == 30.0
    gate.succeed()
    assert (gate.wait_seconds(110.0), gate.wait_seconds(130.0), gate.why) == (
        20.0,
        0.0,
        "throttled",
    )


def test_a_shorter_pause_never_shortens_a_longer_one() -> None:
    """The gate opens when the last pause is over."""
    gate = Gate(Policy(), random.Random(1))
    gate.fail(0.0, "throttled", 30.0)
    gate.fail(0.0, "unreachable", 1.0)
    assert gate.wait_seconds(0.0) == 30.0


def test_after_a_failure_requests_go_one_at_a_time_until_one_succeeds() -> None:
    """Probing starts with a failure and ends with a success."""
    gate = Gate(Policy(), random.Random(1))
    assert not gate.probing
    gate.fail(0.0, "unreachable", None)
    assert gate.probing
    gate.succeed()
    assert not gate.probing


def test_our_own_backoff_grows_with_failures_in_a_row() -> None:
    """Each failure without a success between doubles the ceiling."""
    gate = Gate(Policy(backoff_seconds=1.0, backoff_limit_seconds=1000.0), random.Random(1))
    waits = [gate.fail(0.0, "unreachable", None) for _ in range(8)]
    assert max(waits[-2:]) > 25.6
    assert all(wait <= 2.0 ** (n + 1) for n, wait in enumerate(waits))
