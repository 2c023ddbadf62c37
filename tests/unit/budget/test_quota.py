"""The quota side of the budget: requests in flight, answers out of order, asking again."""

from transformer.budget import Budget


def test_requests_in_flight_count_as_used() -> None:
    """An answer that does not know of the other request in flight gives nothing back."""
    budget = Budget(share=1.0)
    budget.observe(0.0, used=97, limit=100)
    budget.take(0.0)
    budget.take(0.0)
    budget.release()
    budget.observe(0.1, used=98, limit=100)
    assert (budget.used, budget.in_flight) == (99, 1)


def test_an_answer_that_was_overtaken_says_nothing_new() -> None:
    """The later count arrived first; the earlier one does not undo it."""
    budget = Budget(share=1.0)
    budget.observe(0.0, used=10, limit=100)
    budget.take(0.0)
    budget.take(0.0)
    budget.release()
    budget.observe(0.1, used=12, limit=100)
    budget.release()
    budget.observe(0.2, used=11, limit=100)
    assert budget.used >= 12
    budget.take(0.3)
    budget.release()
    budget.observe(0.4, used=13, limit=100)
    assert budget.used == 13


def test_a_window_that_rolled_gives_requests_back_although_some_overlap() -> None:
    """A count that fell by more than the overlap is believed."""
    budget = Budget(share=1.0)
    budget.observe(0.0, used=90, limit=100)
    budget.take(0.0)
    budget.take(0.0)
    budget.release()
    budget.observe(0.1, used=40, limit=100)
    assert budget.used == 41


def test_a_spent_quota_is_asked_about_once_per_interval() -> None:
    """The wait ends when it is time to ask, and asking starts the next interval."""
    budget = Budget(share=0.5, recheck_seconds=60.0)
    budget.observe(0.0, used=50, limit=100)
    assert (budget.recheck_due(59.0), budget.wait_seconds(59.0)) == (False, 1.0)
    assert (budget.recheck_due(60.0), budget.wait_seconds(60.0)) == (True, 0.0)
    budget.take(60.0)
    assert (budget.recheck_due(60.0), budget.wait_seconds(60.0)) == (False, 60.0)
