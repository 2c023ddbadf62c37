"""Lookups: which queries a batch needs."""

from collections.abc import Sequence

from destinations.salesforce.keys import is_direct, keyed, match_key, needs_lookup, plan_queries
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


DIRECTLY = frozenset({("lead", "email")})


def test_a_field_that_is_allowed_needs_no_lookup() -> None:
    """Of that object, as the only match key, whatever the case of the names."""
    assert not needs_lookup(upsert(), DIRECTLY)
    assert not needs_lookup(upsert(object_type="LEAD", matches=(Match("EMAIL", "a"),)), DIRECTLY)
    assert needs_lookup(upsert(object_type="Contact"), DIRECTLY)
    assert needs_lookup(upsert(matches=(Match("Phone", "1"),)), DIRECTLY)
    assert needs_lookup(upsert(matches=(EMAIL, Match("Phone", "1"))), DIRECTLY)
    assert needs_lookup(upsert(operation=Operation.UPDATE), DIRECTLY)


def test_what_is_written_directly_is_the_same_for_new_and_known_records() -> None:
    """Defaults and required fields have their values; nothing is only filled."""
    full = {"Email": "ann@x.io", "LastName": "Lee", "company": "Acme"}
    for names in (("LastName", "Company"), ("Email",)):
        defaults = dict.fromkeys(names, "n/a")
        assert is_direct(upsert(full, on_create=defaults, required=names), DIRECTLY)
        assert is_direct(upsert({**full, **defaults}, on_update=defaults), DIRECTLY)
    assert is_direct(upsert({"LastName": "Lee"}, required=["Email"]), DIRECTLY)
    for value in ("", " ", None):
        blank = {**full, "LastName": value}
        assert not is_direct(upsert(blank, on_create={"LastName": "n/a"}), DIRECTLY)
        assert not is_direct(upsert(blank, required=["LastName"]), DIRECTLY)
    assert not is_direct(upsert(full, on_create={"Title": "T"}), DIRECTLY)
    assert not is_direct(upsert(full, on_update={"Title": "T"}), DIRECTLY)
    assert not is_direct(upsert(full, fill=["LastName"]), DIRECTLY)


def test_email_is_not_left_to_salesforce_to_match_unless_allowed() -> None:
    """It could not say whether the lead is converted, or which of several is meant."""
    assert not is_direct(upsert(object_type="Contact"))
    assert is_direct(upsert(object_type="Contact", matches=(Match("Ext__c", "1"),)))
