"""The default mapping: what identify, group and track events become."""

from collections.abc import Mapping

import pytest

from destinations.pipedrive.destination import KIND
from transformer.event import Event, EventType, ExternalId
from transformer.mapping import CompiledMapping, Options, compile_mapping
from transformer.outcome import Rejected
from transformer.upsert import Match, Operation, Upsert


@pytest.fixture(scope="module")
def mapping() -> CompiledMapping:
    """The kind's own mapping file."""
    text = KIND.mapping_file.read_text(encoding="utf-8")
    options = Options(opt_in="off", integrations=KIND.integrations)
    return compile_mapping(text, "mapping.yaml", options)


def event(kind: EventType, traits: Mapping[str, object], *ids: ExternalId, name: str = "") -> Event:
    """An event as decoding makes it."""
    root = {"event": name, "timestamp": "2026-11-22T10:00:00Z", "context": {"traits": traits}}
    return Event(kind, "m1", 0.0, traits, {}, {}, ids, root)


def only(mapping: CompiledMapping, given: Event) -> Upsert:
    """The one upsert of an event."""
    evaluated = mapping.evaluate(given)
    assert isinstance(evaluated, tuple)
    (upsert,) = evaluated
    assert isinstance(upsert, Upsert)
    return upsert


@pytest.mark.parametrize(
    ("traits", "properties"),
    [
        (
            {"firstName": "Jane", "lastName": "Doe", "title": "CTO", "phone": "1"},
            {"first_name": "Jane", "last_name": "Doe", "job_title": "CTO", "phone": "1"},
        ),
        (
            {"first_name": "Jane", "surname": "Doe", "job_title": "CTO", "phone_number": "1"},
            {"first_name": "Jane", "last_name": "Doe", "job_title": "CTO", "phone": "1"},
        ),
        ({"fullName": "Jane Doe", "mobile": "2"}, {"name": "Jane Doe", "mobile_phone": "2"}),
        (
            {"company": {"name": "Acme", "domain": "acme.example"}},
            {"organization_name": "Acme", "organization_domain": "acme.example"},
        ),
        ({"company_name": "Acme"}, {"organization_name": "Acme"}),
        ({"Lead score": 0, "vip": False, "plan": None, "note": ""},
         {"Lead score": 0, "vip": False, "plan": None, "note": ""}),
        ({"id": "u1", "createdAt": "2026-01-01", "anonymousId": "a"}, {}),
    ],
)  # fmt: skip
def test_an_identify_becomes_a_person_by_e_mail(
    mapping: CompiledMapping, traits: Mapping[str, object], properties: Mapping[str, object]
) -> None:
    """Customary spellings are understood; other traits keep name and value."""
    upsert = only(mapping, event("identify", {"email": "Jane@x.io", **traits}))
    assert (upsert.object_type, upsert.operation) == ("persons", Operation.UPSERT)
    assert upsert.matches == (Match("email", "Jane@x.io"),)
    assert upsert.properties == {"email": "Jane@x.io", **properties}


def test_an_identify_without_an_e_mail_is_rejected(mapping: CompiledMapping) -> None:
    """There is nothing to find the person by."""
    evaluated = mapping.evaluate(event("identify", {"name": "Jane"}))
    assert isinstance(evaluated, tuple)
    assert isinstance(evaluated[0], Rejected)


def test_a_group_becomes_an_organization_by_domain_and_name(mapping: CompiledMapping) -> None:
    """The domain comes first (row C4)."""
    traits = {"name": "Acme", "website": "https://acme.example", "employees": 5, "industry": "IT"}
    upsert = only(mapping, event("group", traits))
    assert upsert.object_type == "organizations"
    assert upsert.matches == (Match("domain", "acme.example"), Match("name", "Acme"))
    assert upsert.properties == {
        "name": "Acme",
        "website": "https://acme.example",
        "employee_count": 5,
        "industry": "IT",
    }


@pytest.mark.parametrize(
    ("traits", "matches"),
    [
        ({"email": "jane@acme.example"}, [("domain", "acme.example"), ("name", "Acme")]),
        ({"email": "jane@gmail.com"}, [("name", "Acme")]),
        ({"email": "jane@x.io", "domain": "gmail.com"}, [("domain", "x.io"), ("name", "Acme")]),
        ({"domain": "gmail.com"}, [("name", "Acme")]),
        ({"domain": "not a domain"}, [("name", "Acme")]),
    ],
)
def test_a_group_without_a_domain_is_found_by_that_of_the_address(
    mapping: CompiledMapping, traits: Mapping[str, object], matches: list[tuple[str, str]]
) -> None:
    """Never by a mail provider's (row C4)."""
    upsert = only(mapping, event("group", {"name": "Acme", **traits}))
    assert upsert.matches == tuple(Match(name, value) for name, value in matches)


def test_a_track_becomes_an_activity_about_the_person(mapping: CompiledMapping) -> None:
    """Done, on the day of the event."""
    upsert = only(mapping, event("track", {"email": "jane@x.io"}, name="Signed Up"))
    assert (upsert.object_type, upsert.operation, upsert.matches) == (
        "activities", Operation.CREATE, (),
    )  # fmt: skip
    assert upsert.properties == {
        "subject": "Signed Up",
        "type": "task",
        "done": True,
        "due_date": "2026-11-22T10:00:00Z",
        "person_email": "jane@x.io",
    }


def test_external_ids_name_records_of_any_object(mapping: CompiledMapping) -> None:
    """With an id an update, without one a create, one upsert each (row S5)."""
    uuid = "b1e2c3d4-0000-4000-8000-000000000001"
    given = event(
        "identify",
        {"email": "jane@x.io", "title": "Big", "amount": 5},
        ExternalId("Pipedrive-deals", None, None),
        ExternalId("Pipedrive-leads", uuid, None),
        ExternalId("Pipedrive-persons", "7", "id"),
    )
    evaluated = mapping.evaluate(given)
    assert isinstance(evaluated, tuple)
    upserts = [each for each in evaluated if isinstance(each, Upsert)]
    assert [(u.object_type, u.operation, u.matches) for u in upserts] == [
        ("deals", Operation.CREATE, ()),
        ("leads", Operation.UPDATE, (Match("id", uuid),)),
        ("persons", Operation.UPDATE, (Match("id", "7"),)),
    ]
    assert upserts[0].properties == {"title": "Big", "value": 5, "person_email": "jane@x.io"}


@pytest.mark.parametrize("record_id", ["abc", "1; DROP", "../1", "-1"])
def test_an_external_id_that_is_no_id_is_rejected(mapping: CompiledMapping, record_id: str) -> None:
    """Before anything is sent."""
    given = event("identify", {}, ExternalId("Pipedrive-persons", record_id, None))
    evaluated = mapping.evaluate(given)
    assert isinstance(evaluated, tuple)
    assert isinstance(evaluated[0], Rejected)
