"""Known ids: what an answer teaches, and what it does not."""

from destinations.salesforce.ids import RecordIds
from destinations.salesforce.keys import keyed
from tests.manual_clock import ManualClock
from tests.unit.salesforce.made import EMAIL, LEAD, LEAD_2, create, upsert
from transformer.outcome import Delivered
from transformer.upsert import Match


def test_a_record_created_is_known_by_its_match_keys_and_not_by_the_id_it_was_missed_under() -> (
    None
):
    """What it names is not there, and is not the record created instead."""
    ids = RecordIds(capacity=10, seconds=60, clock=ManualClock(), follow_contacts=False)
    made = keyed(upsert(matches=(Match("Id", LEAD), EMAIL)))
    outcome = Delivered("created", LEAD_2, "Lead")
    assert ids.settle(made, create(), outcome, relied=False) is outcome
    assert [ids.created(key) for key in made.keys] == [None, LEAD_2]
