"""Which upserts of a batch go one after the other, and names of lists and activities."""

from destinations.account_engagement.activities import api_name
from destinations.account_engagement.chains import chains
from destinations.account_engagement.prospect_plan import names_of
from tests.contract.account_engagement.business_unit import (
    activity,
    by_crm_id,
    by_id,
    people,
    person,
)


def test_strangers_go_beside_each_other() -> None:
    """Each is a chain of its own."""
    assert chains(people(3)) == [[0], [1], [2]]


def test_whatever_may_be_one_prospect_is_one_chain_in_order() -> None:
    """By address in any case, by CRM id, and by what joins two chains later."""
    batch = [
        person("a@x.io"),
        by_crm_id("003A", firstName="A"),
        person("b@x.io"),
        activity("Order", "B@x.io"),
        by_crm_id("003A", email="A@X.io"),
        by_id(7, firstName="A"),
        by_id(7, lastName="B"),
    ]
    assert sorted(map(list, chains(batch))) == [[0, 1, 4], [2, 3], [5, 6]]


def test_names_come_as_a_list_or_as_text() -> None:
    """Each as it is, without blanks."""
    assert names_of("a, b,,") == ["a", "b"]
    assert names_of("a, b||c") == ["a, b", "c"]
    assert names_of(["a", 7, None, ""]) == ["a", "7"]
    assert names_of(None) == []


def test_an_event_gets_the_api_name_of_its_activity_type() -> None:
    """Letters, digits and single underscores."""
    assert api_name("Order  Completed!") == "Order_Completed"
    assert api_name("Order_Completed") == "Order_Completed"
