"""No destination spends more API calls than its scorecard says."""

import pytest

from tests.bench.calls import measured
from transformer import app
from transformer.emulator.subject import Cost

WAYS = [(name, cost) for name in app.kind_names() for cost in app.subject(name).facts.costs]
ISSUE = {
    "salesforce": [3, 1],
    "hubspot": [12],
    "pipedrive": [2_010, 1_010],
    "activecampaign": [10, 1_010],
    "account_engagement": [1_010, 2_010, 1_010],
}


@pytest.mark.parametrize(("name", "cost"), WAYS, ids=[f"{n}, {c.how}" for n, c in WAYS])
def test_identifies_take_no_more_calls_than_promised(name: str, cost: Cost) -> None:
    """A thousand people where they go in batches, a tenth where each costs a call."""
    people = 100 if cost.each >= 1 else 1_000
    result = measured(name, cost, people)
    assert 0 < result.calls <= result.at_most


def test_what_is_promised_is_what_was_asked_for() -> None:
    """Calls for 1,000 identifies, in the order of each destination's ways."""
    for name in app.kind_names():
        promised = [cost.at_most(1_000) for cost in app.subject(name).facts.costs]
        assert promised == ISSUE.get(name, promised)
