"""The request budget: waits, never sleeps, never exceeded (invariant 5)."""

import random

from transformer.budget import Budget, Rate


def test_a_rate_lets_its_requests_go_at_once_and_the_next_when_the_first_is_old_enough() -> None:
    """Five per second: five now, the sixth when a second has passed since the first."""
    budget = Budget(rate=Rate(5, 1.0))
    for at in (10.0, 10.1, 10.2, 10.3, 10.4):
        assert budget.wait_seconds(at) == 0.0
        budget.take(at)
    assert round(budget.wait_seconds(10.5), 6) == 0.5
    assert round(budget.wait_seconds(10.5, requests=2), 6) == 0.6
    assert budget.wait_seconds(11.0) == 0.0


def test_no_window_ever_sees_more_than_the_rate() -> None:
    """Over any second at most five go, however they come (invariant 5)."""
    rng = random.Random(3)
    budget, now, sent = Budget(rate=Rate(5, 1.0)), 0.0, []
    while now < 60.0:
        now += rng.uniform(0.0, 0.3)
        if budget.wait_seconds(now) <= 0:
            budget.take(now)
            sent.append(now)
    assert max(sum(at <= other < at + 0.999 for other in sent) for at in sent) == 5
    assert len(sent) > 200


def test_the_share_of_the_quota_is_never_exceeded() -> None:
    """At 80 of 100 everything waits until somebody looks again (row S8)."""
    budget = Budget(limit=100, share=0.8, recheck_seconds=30.0)
    budget.observe(0.0, used=79, limit=100)
    assert budget.wait_seconds(0.0) == 0.0
    assert budget.wait_seconds(0.0, requests=2) > 0.0
    budget.take(0.0)
    assert budget.exhausted
    assert budget.wait_seconds(0.0) == 30.0


def test_what_the_crm_says_replaces_our_own_count() -> None:
    """Other clients of the org count, and a window that rolled gives requests back."""
    budget = Budget(share=0.5)
    budget.observe(0.0, used=60, limit=100)
    assert (budget.allowed, budget.exhausted) == (50, True)
    budget.observe(1.0, used=10, limit=100)
    assert (budget.exhausted, budget.wait_seconds(1.0)) == (False, 0.0)


def test_a_pause_the_crm_asked_for_outranks_everything() -> None:
    """Nothing goes before Retry-After is over, whatever the bucket holds."""
    budget = Budget(rate=Rate(5, 1.0))
    budget.close_for(100.0, 7.0)
    budget.close_for(100.0, 2.0)
    assert budget.wait_seconds(104.0) == 3.0
    assert budget.wait_seconds(107.0) == 0.0


def paced(used: int, per_second: float) -> Budget:
    """A budget of 86,400 a day, one a second, with so many used and taken at this pace."""
    budget, now = Budget(limit=86_400), 0.0
    while now < 3600.0:
        budget.take(now)
        budget.release()
        now += 1 / per_second
    budget.observe(3600.0, used=used, limit=86_400)
    return budget


def test_the_pace_and_the_time_to_exhaustion_are_known() -> None:
    """Five a second where one comes back each second eats four of what is left."""
    budget = paced(used=46_400, per_second=5.0)
    assert round(budget.requests_per_second(3600.0), 1) == 5.0
    left = budget.seconds_left(3600.0)
    assert left is not None
    assert abs(left - 10_000) < 200
    assert paced(used=46_400, per_second=0.5).seconds_left(3600.0) is None
    assert Budget().seconds_left(0.0) is None


def test_writes_gather_longer_the_nearer_the_quota_is_to_its_end() -> None:
    """Nothing changes in the first half; then the linger grows to what the pace exceeds."""
    stretches = [paced(used, 5.0).stretch(3600.0) for used in (40_000, 64_800, 86_300)]
    assert stretches[0] == 1.0
    assert 2.5 < stretches[1] < 3.5
    assert 4.5 < stretches[2] < 5.2
    assert paced(80_000, 0.5).stretch(3600.0) == 1.0


def test_a_pace_is_forgotten_within_minutes() -> None:
    """After a quiet quarter of an hour nothing is stretched any more."""
    assert paced(80_000, 5.0).stretch(4500.0) == 1.0
