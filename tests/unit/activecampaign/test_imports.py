"""How contacts are cut into imports and planned for them."""

import orjson

from destinations.activecampaign.contact_plan import ContactPlan, fits_import
from destinations.activecampaign.fields import Field
from destinations.activecampaign.imports import MAX_BYTES, MAX_CONTACTS, Row, chunks


def row(index: int, bio: str = "") -> Row:
    """One contact of an import."""
    return Row(index, ContactPlan({"email": f"p{index}@x.io", "firstName": bio}))


def test_imports_are_cut_at_250_contacts_and_keep_their_order() -> None:
    """None is lost."""
    found = chunks([row(index) for index in range(501)])
    assert [len(chunk) for chunk in found] == [250, 250, 1]
    assert [each.index for chunk in found for each in chunk] == list(range(501))
    assert chunks([]) == []


def test_imports_are_cut_by_their_bytes_on_the_wire() -> None:
    """Not by characters: these take three bytes each."""
    found = chunks([row(index, "伟" * 3_000) for index in range(100)])
    sizes = [
        len(orjson.dumps({"contacts": [each.plan.import_entry for each in chunk]}))
        for chunk in found
    ]
    assert max(sizes) <= MAX_BYTES
    assert max(len(chunk) for chunk in found) < MAX_CONTACTS


def test_an_entry_has_the_documented_names_and_types() -> None:
    """Snake case here; ids of fields are numbers, ids of lists are text."""
    plan = ContactPlan(
        {"email": "a@x.io", "firstName": "A", "lastName": "", "phone": "1"},
        custom=[(Field("7", "Plan", "PLAN", "text"), "pro")],
        tags=["t"],
        lists=["1"],
        unsubscribe=["2"],
        account="Acme",
    )
    assert plan.import_entry == {
        "email": "a@x.io",
        "first_name": "A",
        "last_name": "",
        "phone": "1",
        "customer_acct_name": "Acme",
        "tags": ["t"],
        "fields": [{"id": 7, "value": "pro"}],
        "subscribe": [{"listid": "1"}],
        "unsubscribe": [{"listid": "2"}],
    }


def test_an_import_gets_no_consent_and_no_doubtful_address() -> None:
    """It could not do the one, and the other would refuse all."""
    good = {"email": "a@x.io"}
    assert fits_import(ContactPlan(good))
    assert fits_import(ContactPlan(good, lists=["1"]))
    assert fits_import(ContactPlan(good, consent=True))
    assert not fits_import(ContactPlan(good, lists=["1"], consent=True))
    assert not fits_import(ContactPlan({"email": "a@b@x.io"}))
    assert not fits_import(ContactPlan({}))
