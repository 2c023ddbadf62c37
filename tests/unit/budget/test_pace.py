"""How fast the quota is used, by everybody the CRM counts, and what follows from it."""

import random

import pytest

from transformer.budget import Budget, Rate, part

DAY = 86_400


class Crm:
    """A CRM's own count: a budget's requests, and those of others at a steady rate."""

    def __init__(self, others_per_second: float, used: int = 45_000) -> None:
        self.budget = Budget(limit=DAY)
        self.now = 0.0
        self.used = float(used)
        self.others_per_second = others_per_second

    def live(self, seconds: float, every: float) -> None:
        """Let one request go, and be answered, every so many seconds."""
        end = self.now + seconds
        while self.now < end:
            self.now += every
            self.used += self.others_per_second * every
            self.ask()

    def ask(self) -> None:
        """One request whose answer tells the count."""
        self.budget.take(self.now)
        self.used += 1
        self.budget.release()
        self.budget.observe(self.now, used=int(self.used), limit=DAY)

    @property
    def pace(self) -> float:
        """What the budget believes, to a tenth."""
        return round(self.budget.requests_per_second(self.now), 1)


def test_what_others_use_counts_in_the_pace() -> None:
    """Half a request a second of ours beside three of an integration, of a quota for one."""
    crm = Crm(others_per_second=3.0)
    crm.live(3600.0, every=2.0)
    assert crm.pace == 3.5
    left = crm.budget.seconds_left(crm.now)
    assert left is not None
    assert abs(left - (DAY - crm.budget.used) / 2.5) < 150
    assert crm.budget.stretch(crm.now) > 1.5


def test_four_workers_see_that_together_they_use_too_much() -> None:
    """Each alone would last: 0.9 a second, where one comes back; the CRM tells each of all."""
    workers, used, now = [Budget() for _ in range(4)], 60_000, 0.0
    while now < 1800.0:
        now += 1 / 0.9
        for budget in workers:
            budget.take(now)
            used += 1
            budget.release()
            budget.observe(now, used=used, limit=DAY)
    assert {round(budget.requests_per_second(now), 1) for budget in workers} == {3.6}
    assert all(budget.seconds_left(now) is not None for budget in workers)
    assert all(budget.stretch(now) > 1.5 for budget in workers)


@pytest.mark.parametrize("every", [0.1, 10.0, 100.0, 300.0, 900.0])
def test_the_pace_is_right_however_rarely_the_count_is_told(every: float) -> None:
    """Right after an answer, and still just before the next one."""
    crm = Crm(others_per_second=3.0, used=0)
    crm.live(20 * max(every, 60.0), every)
    for moment in (0.01, 0.99):
        pace = crm.budget.requests_per_second(crm.now + moment * every)
        assert abs(pace - 3.0 - 1 / every) < 0.15


def test_a_burst_of_others_is_no_lasting_pace() -> None:
    """Six hundred at once are five a second over the next minutes, whenever it is told."""
    for told_after in (0.0, 0.01, 1.0):
        crm = Crm(others_per_second=0.0)
        crm.ask()
        crm.used += 600
        crm.now += told_after
        crm.ask()
        assert crm.pace == 5.0
        crm.live(900.0, every=10.0)
        assert crm.pace == 0.1


def test_a_count_that_begins_anew_tells_nothing_of_the_pace() -> None:
    """At midnight it falls to nothing; what is used from then on is seen as before."""
    crm = Crm(others_per_second=3.0)
    crm.live(1200.0, every=2.0)
    crm.used = 0.0
    crm.ask()
    assert crm.budget.used == 1
    assert crm.pace == 3.5
    crm.others_per_second = 1.0
    crm.live(1200.0, every=2.0)
    assert crm.pace == 1.5


def test_a_count_of_thousands_is_none_of_the_pace_when_it_is_told_first() -> None:
    """A worker starts in the afternoon."""
    crm = Crm(others_per_second=0.0, used=80_000)
    crm.ask()
    crm.ask()
    assert crm.pace == 0.0


def test_requests_that_overtake_each_other_are_nobody_elses() -> None:
    """Three in flight, counted on arrival and answered in any order: the pace is our own."""
    rng = random.Random(7)
    budget, used, now = Budget(limit=DAY), 50_000, 0.0
    waiting: list[int] = []
    while now < 3600.0:
        now += 0.25
        if len(waiting) < 3 and rng.random() < 0.6:
            budget.take(now)
            used += 1
            waiting.append(used)
        elif waiting:
            told = waiting.pop(rng.randrange(len(waiting)))
            budget.release()
            budget.observe(now, used=told, limit=DAY)
    ours = budget.spent_total / now
    assert abs(budget.requests_per_second(now) - ours) < 0.25 * ours


def test_answers_in_another_order_than_their_counts_change_nothing_in_the_pace() -> None:
    """Those that count requests still under way, and one that others overtook."""
    budget = Budget(limit=DAY)
    budget.observe(0.0, used=50_000, limit=DAY)
    for _ in range(3):
        budget.take(1.0)
    ours = budget.requests_per_second(1.0)
    for told in (50_003, 50_001, 50_002):
        budget.release()
        budget.observe(1.0, used=told, limit=DAY)
        assert budget.requests_per_second(1.0) == ours


def test_what_was_told_of_others_is_forgotten_after_half_an_hour() -> None:
    """Nobody has asked since."""
    crm = Crm(others_per_second=3.0)
    crm.live(1200.0, every=2.0)
    assert round(crm.budget.requests_per_second(crm.now + 1799.0), 1) == 3.0
    assert round(crm.budget.requests_per_second(crm.now + 1801.0), 1) == 0.0


def test_where_no_count_is_told_the_pace_is_our_own() -> None:
    """As for a CRM without a quota, or one that keeps its count to itself."""
    budget, now = Budget(limit=DAY), 0.0
    while now < 1800.0:
        now += 0.5
        budget.take(now)
        budget.release()
    assert round(budget.requests_per_second(now), 1) == 2.0


def test_no_time_is_left_while_the_quota_is_spent() -> None:
    """Zero, not nothing: nothing would mean that it lasts."""
    budget = Budget(share=0.8)
    budget.observe(0.0, used=80, limit=100)
    assert budget.seconds_left(0.0) == 0.0
    assert budget.seconds_left(3600.0) == 0.0
    budget.observe(3600.0, used=1, limit=100)
    assert budget.seconds_left(3600.0) is None


def test_a_refusal_for_the_quota_spends_it_and_tells_no_pace() -> None:
    """Whatever was counted until then; the next count that is told is believed."""
    crm = Crm(others_per_second=0.0, used=10_000)
    crm.live(600.0, every=10.0)
    crm.now += 30.0
    crm.budget.spend(crm.now)
    assert (crm.budget.used, crm.budget.seconds_left(crm.now)) == (DAY, 0.0)
    assert crm.budget.wait_seconds(crm.now) == 60.0
    crm.now += 60.0
    crm.ask()
    assert (crm.budget.used, crm.pace) == (10_061, 0.1)
    unknown = Budget()
    unknown.spend(0.0)
    assert unknown.exhausted


def test_parts_of_a_limit_never_add_up_to_more_than_it() -> None:
    """Whole ones where there are enough; where not, a fraction of one for each."""
    assert [part(5, workers) for workers in (1, 2, 3, 5, 6)] == [5, 2, 1, 1, 5 / 6]
    assert part(2.5, 1) == 2.5
    for limit in (1, 4, 5, 10, 190):
        for workers in range(1, 20):
            assert part(limit, workers) * workers <= limit + 1e-9


def test_workers_that_share_a_rate_keep_it_together() -> None:
    """Seven of them send as soon as each may: no window sees more than one alone would send."""
    rate = Rate(20, 10.0)
    assert rate.part(1) == rate
    assert Rate(2, 10.0).part(4) == Rate(1, 20.0)
    budgets = [Budget(rate=rate.part(7)) for _ in range(7)]
    sent: list[float] = []
    for tick in range(600):
        now = tick / 10
        for budget in budgets:
            if budget.wait_seconds(now) <= 0:
                budget.take(now)
                budget.release()
                sent.append(now)
    assert max(sum(at <= other < at + 9.95 for other in sent) for at in sent) == 14
