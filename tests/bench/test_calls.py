"""No destination spends more API calls than its scorecard says."""

from collections.abc import Mapping

import pytest

from destinations.account_engagement.emulator.subject import AccountEngagementSubject
from tests.bench.calls import GATHERED_AT_MOST, PEOPLE, delivered, gathered, measured
from tests.contract.salesforce.worker import running
from tests.contract.socket_time import run
from tests.contract.trial import on_trial
from tests.invariants import virtual
from transformer import app
from transformer.emulator.faults import Fault
from transformer.emulator.subject import Cost
from transformer.policy import Policy

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


def test_a_hundred_events_a_second_that_gather_for_two_take_fifteen_calls_per_thousand() -> None:
    """At the most, although nobody was there before: a lookup and a write per batch."""
    assert 0 < gathered().calls <= GATHERED_AT_MOST == 15


def test_a_thousand_identifies_of_fifty_people_are_fifty_writes_and_a_thousand_results() -> None:
    """Read within one linger; each result names the write that carried its event."""
    virtual.run(_fifty_people())


async def _fifty_people() -> None:
    async with running(Policy(linger_seconds=2.0, read_records=100)) as scene:
        for number in range(1_000):
            scene.produce(number % 50)
        await scene.all_settled()
        leads = {lead.id: lead for lead in scene.org.records("Lead")}
        results = scene.results()
    assert [len(lead.history) for lead in leads.values()] == [1] * 50
    found = {int(str(result["offset"])): result for result in results}
    assert (len(results), sorted(found)) == (1_000, list(range(1_000)))
    writes = [write for offset in sorted(found) for write in _writes(found[offset])]
    carriers = {n: str(w["record_id"]) for n, w in enumerate(writes) if not w["merged_into"]}
    assert sorted(carriers.values()) == sorted(leads)
    for offset, write in enumerate(writes):
        into = write["merged_into"] or {"topic": "events", "partition": 0, "offset": offset}
        assert isinstance(into, dict)
        assert (into["topic"], into["partition"]) == ("events", 0)
        assert write["record_id"] == carriers[into["offset"]]
        assert into["offset"] % 50 == offset % 50
        assert leads[str(write["record_id"])].values["LastName"] == f"L{950 + offset % 50}"


def _writes(result: Mapping[str, object]) -> list[dict[str, object]]:
    found = result["writes"]
    assert isinstance(found, list)
    assert len(found) == 1
    return found


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
