"""The default mapping of Account Engagement."""

from destinations.account_engagement.destination import KIND
from transformer.event import Event, EventType, ExternalId
from transformer.mapping import Options, compile_mapping
from transformer.outcome import Reason, Rejected, Skipped
from transformer.upsert import Match, Note, Operation, Upsert

MAPPING = compile_mapping(
    KIND.mapping_file.read_text(encoding="utf-8"),
    "mapping.yaml",
    Options("required", KIND.integrations),
)


def evaluate(
    kind: EventType,
    traits: dict[str, object],
    *external: ExternalId,
    root: dict[str, object] | None = None,
) -> tuple[Upsert | Rejected, ...] | Skipped:
    """What the mapping makes of an event that opts in."""
    opted = {"Account Engagement": True}
    return MAPPING.evaluate(Event(kind, "m", 1.0, traits, {}, opted, external, root or {}))


def test_an_identify_becomes_a_prospect_found_by_email() -> None:
    """Custom traits get __c and five kinds of nothing stay apart; ids stay out."""
    traits: dict[str, object] = {
        "email": " Jane@X.io ",
        "firstname": "Jane",
        "surname": "Doe",
        "title": "CTO",
        "company": {"name": "Acme", "employees": 7},
        "address": {"city": "Bern", "zip": "3000"},
        "owner_id": "005A",
        "userId": "u1",
        "unsubscribed": "no",
        "a": None,
        "b": "",
        "c": 0,
        "d": False,
        "tags": ["x", "y"],
        "grade": "A",
    }
    assert evaluate("identify", traits) == (
        Upsert(
            "Prospect",
            Operation.UPSERT,
            {
                "email": "jane@x.io",
                "firstName": "Jane",
                "lastName": "Doe",
                "company": "Acme",
                "jobTitle": "CTO",
                "city": "Bern",
                "zip": "3000",
                "employees": 7,
                "optedOut": False,
                "assignedTo": "005A",
                "tags": "x||y",
                "a__c": None,
                "b__c": "",
                "c__c": 0,
                "d__c": False,
            },
            (Match("email", "Jane@X.io"),),
            notes=(Note("read_only", "grade"),),
            event_time=1.0,
        ),
    )


def test_the_crm_id_of_a_person_comes_before_the_address() -> None:
    """Row P1; it is no field to write."""
    traits: dict[str, object] = {"email": "a@x.io", "salesforce_id": "003A"}
    results = evaluate("identify", traits)
    assert isinstance(results, tuple)
    [upsert] = results
    assert isinstance(upsert, Upsert)
    assert upsert.matches == (Match("salesforceId", "003A"), Match("email", "a@x.io"))
    assert upsert.properties == {"email": "a@x.io"}


def test_an_external_id_names_prospect_and_way() -> None:
    """By its own id, by the CRM's, or new; an id that is none is rejected."""
    traits: dict[str, object] = {"email": "a@x.io"}
    kind = "AccountEngagement-Prospect"
    cases = {
        (Operation.UPDATE, (Match("id", "7"),)): ExternalId(kind, "7", None),
        (Operation.UPSERT, (Match("salesforceId", "003A"),)): ExternalId(
            kind, "003A", "salesforceId"
        ),
        (Operation.CREATE, ()): ExternalId("AccountEngagement-prospect", None, None),
    }
    for (operation, matches), entry in cases.items():
        expected = Upsert("Prospect", operation, traits, matches, event_time=1.0)
        assert evaluate("identify", traits, entry) == (expected,)
    bad = evaluate("identify", traits, ExternalId(kind, "../1", None))
    assert isinstance(bad, tuple)
    assert [r.reason for r in bad if isinstance(r, Rejected)] == [Reason.INVALID_RECORD_ID]


def test_other_objects_keep_their_names_and_traits() -> None:
    """So that the destination can say why it does not write them."""
    entry = ExternalId("AccountEngagement-Opportunity", "7", None)
    results = evaluate("group", {"value": 1}, entry)
    assert isinstance(results, tuple)
    [upsert] = results
    assert isinstance(upsert, Upsert)
    assert (upsert.object_type, upsert.properties) == ("Opportunity", {"value": 1})


def test_a_track_becomes_an_activity_of_its_own() -> None:
    """Never merged with another; of nobody known it is skipped."""
    root: dict[str, object] = {
        "event": "Order Completed",
        "properties": {"value": 2},
        "timestamp": "2026-11-22T10:00:00Z",
    }
    results = evaluate("track", {"email": "A@x.io"}, root=root)
    assert isinstance(results, tuple)
    [upsert] = results
    assert isinstance(upsert, Upsert)
    assert (upsert.object_type, upsert.operation, upsert.key) == (
        "ExternalActivity",
        Operation.CREATE,
        None,
    )
    assert upsert.properties == {
        "type": "Order Completed",
        "email": "a@x.io",
        "value": 2,
        "activityDate": "2026-11-22T10:00:00.000Z",
    }
    assert evaluate("track", {}, root=root) == Skipped(Reason.CONDITION_NOT_MET)


def test_groups_and_those_without_an_address_have_no_place() -> None:
    """Accounts are read only; a person needs an address or a CRM id."""
    assert evaluate("group", {"name": "Acme"}) == Skipped(Reason.CONDITION_NOT_MET)
    results = evaluate("identify", {"firstName": "Jane"})
    assert isinstance(results, tuple)
    assert [r.reason for r in results if isinstance(r, Rejected)] == [Reason.MATCH_KEY_MISSING]


def test_an_event_that_does_not_opt_in_is_skipped() -> None:
    """Salesforce's own name does not count."""
    event = Event("identify", "m", 1.0, {"email": "a@x.io"}, {}, {"Salesforce": True}, (), {})
    assert MAPPING.evaluate(event) == Skipped(Reason.NOT_OPTED_IN)


def test_a_track_may_name_the_person_in_its_properties() -> None:
    """Once, also when both do; the traits come first."""
    root: dict[str, object] = {"event": "Order Completed", "properties": {"email": "p@x.io"}}
    for traits, email in (({}, "p@x.io"), ({"email": "t@x.io"}, "t@x.io")):
        results = evaluate("track", dict(traits), root=root)
        assert isinstance(results, tuple)
        assert [r.properties["email"] for r in results if isinstance(r, Upsert)] == [email]
