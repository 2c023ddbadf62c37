"""The default mapping: what events become of contacts, companies, deals and custom events."""

import orjson
import pytest

from destinations.hubspot.destination import KIND
from transformer.decode import decode
from transformer.mapping import CompiledMapping, Options, compile_mapping
from transformer.outcome import Reason, Rejected, Skipped
from transformer.record import Record
from transformer.upsert import Match, Operation, Upsert


@pytest.fixture(scope="module")
def mapping() -> CompiledMapping:
    """The default mapping, for events that opt in."""
    text = KIND.mapping_file.read_text(encoding="utf-8")
    options = Options(opt_in="required", integrations=KIND.integrations)
    return compile_mapping(text, str(KIND.mapping_file), options)


def evaluated(mapping: CompiledMapping, **event: object) -> object:
    """What one event becomes."""
    whole = {
        "type": "identify", "messageId": "m-1", "userId": "u-1",
        "timestamp": "2026-11-22T10:00:00Z", "integrations": {"HubSpot": True}, **event,
    }  # fmt: skip
    decoded = decode(Record("events", 0, 0, 0, None, orjson.dumps(whole)))
    assert not isinstance(decoded, Rejected)
    return mapping.evaluate(decoded)


def one(mapping: CompiledMapping, **event: object) -> Upsert:
    """The one upsert that an event becomes."""
    result = evaluated(mapping, **event)
    assert isinstance(result, tuple)
    (upsert,) = result
    assert isinstance(upsert, Upsert)
    return upsert


def test_an_identify_becomes_a_contact_by_e_mail_with_customary_aliases(
    mapping: CompiledMapping,
) -> None:
    """Snake case, camel case, nested address and company; zip stays text; the rest goes along."""
    upsert = one(
        mapping,
        traits={
            "email": " Ada@acme.example ", "first_name": "Ada", "surname": "Lovelace",
            "job_title": "Analyst", "phoneNumber": "+44 1", "address": {"postal_code": "00123"},
            "company": {"name": "Acme", "industry": "Math", "hubspot_id": "77"}, "plan": "Pro",
            "city": None, "subscribed": False, "visits": 0, "note": "",
            "createdAt": "2020-01-01", "anonymousId": "a",
        },
    )  # fmt: skip
    assert (upsert.object_type, upsert.operation) == ("contacts", Operation.UPSERT)
    assert upsert.matches == (Match("email", "Ada@acme.example"),)
    assert upsert.properties == {
        "email": "Ada@acme.example", "firstname": "Ada", "lastname": "Lovelace",
        "jobtitle": "Analyst", "phone": "+44 1", "zip": "00123", "company": "Acme",
        "industry": "Math", "associatedcompanyid": "77", "plan": "Pro", "city": None,
        "subscribed": False, "visits": 0, "note": "",
    }  # fmt: skip
    assert [(note.code, note.field) for note in upsert.notes] == [("read_only", "createdate")]


def test_a_full_name_is_split_where_there_are_no_parts(mapping: CompiledMapping) -> None:
    """One word is a last name."""
    upsert = one(mapping, traits={"email": "a@b.example", "fullName": "Ada King Lovelace"})
    assert upsert.properties["firstname"] == "Ada"
    assert upsert.properties["lastname"] == "King Lovelace"


def test_an_identify_without_an_address_is_rejected(mapping: CompiledMapping) -> None:
    """With its own reason."""
    result = evaluated(mapping, traits={"firstName": "Ada"})
    assert isinstance(result, tuple)
    assert isinstance(result[0], Rejected)
    assert result[0].reason is Reason.MATCH_KEY_MISSING


def test_a_group_becomes_a_company_by_domain_else_by_name(mapping: CompiledMapping) -> None:
    """The person's own traits are not the company's."""
    upsert = one(
        mapping,
        type="group",
        groupId="g-1",
        traits={
            "name": "Acme", "website": "https://www.Acme.example/x", "industry": "Software",
            "employees": "120", "annual_revenue": 5, "email": "ada@acme.example", "zip": "00123",
        },
    )  # fmt: skip
    assert upsert.object_type == "companies"
    assert upsert.matches == (Match("domain", "acme.example"), Match("name", "Acme"))
    assert upsert.properties == {
        "name": "Acme", "domain": "acme.example", "website": "https://www.Acme.example/x",
        "industry": "COMPUTER_SOFTWARE", "numberofemployees": 120, "annualrevenue": 5,
        "zip": "00123",
    }  # fmt: skip
    named = one(mapping, type="group", groupId="g-1", traits={"name": "Acme"})
    assert named.matches == (Match("name", "Acme"),)


@pytest.mark.parametrize(
    ("traits", "matches"),
    [
        ({"email": "ada@Acme.example"}, [("domain", "acme.example"), ("name", "Acme")]),
        ({"email": "ada@gmail.com"}, [("name", "Acme")]),
        (
            {"email": "ada@x.example", "website": "https://acme.example"},
            [("domain", "acme.example"), ("name", "Acme")],
        ),
        (
            {"email": "ada@x.example", "domain": None},
            [("domain", "x.example"), ("name", "Acme")],
        ),
        ({"domain": "gmail.com"}, [("name", "Acme")]),
        ({"website": "coming soon"}, [("name", "Acme")]),
    ],
)
def test_a_group_without_a_domain_is_found_by_that_of_the_address(
    mapping: CompiledMapping, traits: dict[str, object], matches: list[tuple[str, str]]
) -> None:
    """A mail provider's is nobody's, wherever it stands (row C4)."""
    upsert = one(mapping, type="group", groupId="g-1", traits={"name": "Acme", **traits})
    assert upsert.matches == tuple(Match(name, value) for name, value in matches)
    assert upsert.properties.get("domain") not in {"gmail.com", "coming soon"}


def test_external_ids_name_object_and_record(mapping: CompiledMapping) -> None:
    """One write for each; with an id an update, without a create, by a field an upsert."""
    result = evaluated(
        mapping,
        traits={"email": "a@b.example", "dealName": "Big", "amount": 5},
        context={
            "externalId": [
                {"type": "HubSpot-contacts", "id": "101"},
                {"type": "HubSpot-deals"},
                {"type": "HubSpot-2-77", "id": "x1", "identifierType": "serial"},
            ]
        },
    )
    assert isinstance(result, tuple)
    assert [
        (each.object_type, each.operation, each.matches)
        for each in result
        if isinstance(each, Upsert)
    ] == [
        ("contacts", Operation.UPDATE, (Match("hs_object_id", "101"),)),
        ("deals", Operation.CREATE, ()),
        ("2-77", Operation.UPSERT, (Match("serial", "x1"),)),
    ]
    deal = result[1]
    assert isinstance(deal, Upsert)
    assert deal.properties["dealname"] == "Big"


def test_a_track_becomes_a_custom_event_of_the_person(mapping: CompiledMapping) -> None:
    """With the message id as its uuid, and the properties the mapping lists."""
    upsert = one(
        mapping,
        type="track",
        event="Order Completed",
        context={"traits": {"email": "ada@acme.example", "name": "Ada"}},
        properties={"revenue": 12.5, "orderId": "007", "name": "Shoe", "other": 1},
    )
    assert (upsert.object_type, upsert.operation) == ("custom_event", Operation.CREATE)
    assert upsert.matches == ()
    assert upsert.properties == {
        "event_name": "Order Completed", "email": "ada@acme.example", "uuid": "m-1",
        "occurred_at": "2026-11-22T10:00:00Z", "revenue": 12.5, "order_id": "007",
        "product_name": "Shoe",
    }  # fmt: skip


def test_an_event_that_does_not_name_hubspot_is_skipped(mapping: CompiledMapping) -> None:
    """Row S2."""
    skipped = evaluated(mapping, traits={"email": "a@b.example"}, integrations={"All": True})
    assert skipped == Skipped(Reason.NOT_OPTED_IN)
