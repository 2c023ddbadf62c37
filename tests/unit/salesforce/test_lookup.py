"""Lookups: which queries a batch needs."""

from collections.abc import Sequence

from destinations.salesforce.lookup import (
    is_external,
    keyed,
    match_key,
    needs_lookup,
    plan_queries,
)
from destinations.salesforce.soql import Query
from tests.unit.salesforce.made import EMAIL, LEAD, upsert
from transformer.upsert import Match, Operation, Upsert

COLUMNS = ("Id", "CreatedDate", "Email", "IsConverted", "ConvertedContactId", "ConvertedAccountId")


def planned(*batch: Upsert) -> Sequence[Query]:
    """The queries that a batch needs."""
    return plan_queries([keyed(upsert) for upsert in batch])


def test_upserts_of_one_object_and_field_share_a_query() -> None:
    """Each value once, however it is spelt."""
    batch = [upsert(matches=(Match("Email", text),)) for text in ("a@x.io", "B@x.io", " A@X.io")]
    assert planned(*batch) == [Query("Lead", "Email", COLUMNS, ("a@x.io", "B@x.io"))]


def test_only_leads_are_asked_whether_they_were_converted() -> None:
    """A contact has no such columns; fields to fill are read along."""
    made = upsert(object_type="Contact", fill=["Title", "email"])
    assert planned(made) == [
        Query("Contact", "Email", ("Id", "CreatedDate", "Email", "Title"), ("ann@x.io",))
    ]


def test_numbers_and_texts_do_not_share_a_query() -> None:
    """One of the two is a type error for the field, and would fail the other."""
    batch = [upsert(matches=(EMAIL, Match("Num__c", value))) for value in (7, "7x")]
    values = [query.values for query in planned(*batch) if query.field == "Num__c"]
    assert values == [(7,), ("7x",)]


def test_text_that_a_composite_would_replace_has_its_own_query() -> None:
    """`@{...}` is a reference to another part's result there."""
    batch = [upsert(matches=(Match("Email", text),)) for text in ("a@x.io", "@{part0.id}@x.io")]
    assert [query.values for query in planned(*batch)] == [("a@x.io",), ("@{part0.id}@x.io",)]


def test_ids_are_looked_for_in_their_long_form() -> None:
    """Two spellings of one id are one value; its case is never folded."""
    batch = [upsert(matches=(Match("id", text), EMAIL)) for text in (LEAD, LEAD[:15])]
    assert planned(*batch)[0].values == (LEAD,)
    assert match_key("Lead", Match("ID", LEAD[:15])) == ("lead", "id", LEAD)


def test_an_update_by_id_and_an_external_id_need_no_lookup() -> None:
    """Unless there is something to read first."""
    by_id = (Match("Id", LEAD),)
    assert not needs_lookup(upsert(operation=Operation.UPDATE, matches=by_id))
    assert needs_lookup(upsert(operation=Operation.UPDATE, matches=by_id, fill=["A"]))
    assert not needs_lookup(upsert(matches=(Match("Ext__c", "1"),)))
    assert needs_lookup(upsert(matches=(Match("Ext__c", "1"),), on_create={"A": 1}))
    assert not needs_lookup(upsert(matches=()))
    assert needs_lookup(upsert())


def test_email_is_never_left_to_salesforce_to_match() -> None:
    """It could not say whether the lead is converted, or which of several is meant."""
    assert not is_external(upsert(object_type="Contact"))
    assert is_external(upsert(object_type="Contact", matches=(Match("Ext__c", "1"),)))
