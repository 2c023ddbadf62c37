"""No destination spends more API calls than its scorecard says."""

import pytest

from destinations.account_engagement.emulator.subject import AccountEngagementSubject
from tests.bench.calls import PEOPLE, delivered, measured
from tests.contract.socket_time import run
from tests.contract.trial import on_trial
from transformer import app
from transformer.emulator.faults import Fault
from transformer.emulator.subject import Cost

WAYS = [(name, cost) for name in app.kind_names() for cost in app.subject(name).facts.costs]
ISSUE = {
    "salesforce": [3, 1],
    "hubspot": [12],
    "pipedrive": [2_010, 1_010],
    "activecampaign": [10, 1_010],
    "account_engagement": [1_010, 1_010, 2_010, 1_010],
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


def test_a_thousand_new_prospects_of_nobody_take_the_requests_of_one_import_more() -> None:
    """With the default settings: the batch is large enough, and the polls are few."""
    [cost] = [
        cost for name, cost in WAYS if name == "account_engagement" and "by an import" in cost.how
    ]
    assert not cost.settings
    assert measured("account_engagement", cost, PEOPLE).calls <= 1_010


def test_where_there_are_no_imports_a_thousand_prospects_are_assigned_once_each() -> None:
    """By a request more for each, and a look before every hundred of them."""
    run(_without_imports())


async def _without_imports() -> None:
    async with on_trial("account_engagement") as trial:
        unit = trial.subject
        assert isinstance(unit, AccountEngagementSubject)
        path = "/api/v5/imports"
        trial.script(Fault("code", path=path, status=404, options={"code": 198}))
        calls = await delivered(trial, PEOPLE)
        rows = unit.unit.store.rows["prospects"].values()
        times = [sum("userId" in write.values for write in row.history) for row in rows]
    assert times == [1] * PEOPLE
    assert 2 * PEOPLE < calls <= 2 * PEOPLE + 20
