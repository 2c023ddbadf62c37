"""The default mapping of ActiveCampaign."""

from destinations.activecampaign.destination import KIND
from transformer.event import Event, EventType, ExternalId
from transformer.mapping import Options, compile_mapping
from transformer.outcome import Reason, Rejected, Skipped
from transformer.upsert import Match, Operation, Upsert

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
    opted = {"ActiveCampaign": True}
    return MAPPING.evaluate(Event(kind, "m", 1.0, traits, {}, opted, external, root or {}))


def test_an_identify_becomes_a_contact_found_by_email() -> None:
    """Custom traits keep their names and five kinds of nothing stay apart; ids stay out."""
    traits: dict[str, object] = {
        "email": " Jane@X.io ",
        "firstname": "Jane",
        "surname": "Doe",
        "company": {"name": "Acme"},
        "userId": "u1",
        "a": None,
        "b": "",
        "c": 0,
        "d": False,
        "colours": ["red"],
        "tags": ["x", "y"],
    }
    assert evaluate("identify", traits) == (
        Upsert(
            "contact",
            Operation.UPSERT,
            {
                "email": "Jane@X.io",
                "firstName": "Jane",
                "lastName": "Doe",
                "account": "Acme",
                "a": None,
                "b": "",
                "c": 0,
                "d": False,
                "colours": ["red"],
                "tags": "x||y",
            },
            (Match("email", "Jane@X.io"),),
            event_time=1.0,
        ),
    )


def test_an_identify_without_email_is_rejected() -> None:
    """With a clear reason."""
    results = evaluate("identify", {"firstName": "Jane"})
    assert isinstance(results, tuple)
    assert [r.reason for r in results if isinstance(r, Rejected)] == [Reason.MATCH_KEY_MISSING]


def test_two_track_events_of_a_person_are_never_merged() -> None:
    """They have no match key, so that each is its own write."""
    root: dict[str, object] = {"event": "Clicked", "properties": {"value": 1}}
    results = evaluate("track", {"email": "a@x.io"}, root=root)
    assert isinstance(results, tuple)
    [upsert] = results
    assert isinstance(upsert, Upsert)
    assert (upsert.object_type, upsert.operation, upsert.key) == ("event", Operation.CREATE, None)
    assert upsert.properties == {"event": "Clicked", "email": "a@x.io", "eventdata": 1}


def test_a_track_event_of_nobody_known_is_skipped() -> None:
    """Not dead-lettered."""
    assert evaluate("track", {}, root={"event": "Clicked"}) == Skipped(Reason.CONDITION_NOT_MET)


def test_an_external_id_names_object_and_record() -> None:
    """In any case; an id that is none is rejected."""
    traits: dict[str, object] = {"value": "12.50", "stage": "Won"}
    results = evaluate("identify", traits, ExternalId("ActiveCampaign-Deal", "7", None))
    assert results == (
        Upsert("deal", Operation.UPDATE, traits, (Match("id", "7"),), event_time=1.0),
    )
    bad = evaluate("identify", traits, ExternalId("ActiveCampaign-deal", "../1", None))
    assert isinstance(bad, tuple)
    assert [r.reason for r in bad if isinstance(r, Rejected)] == [Reason.INVALID_RECORD_ID]


def test_an_event_that_does_not_opt_in_is_skipped() -> None:
    """Other CRMs' names do not count."""
    event = Event("identify", "m", 1.0, {"email": "a@x.io"}, {}, {"Salesforce": True}, (), {})
    assert MAPPING.evaluate(event) == Skipped(Reason.NOT_OPTED_IN)


def test_a_track_event_may_name_the_person_in_its_properties() -> None:
    """Once, also when both do; the traits come first."""
    root: dict[str, object] = {"event": "Clicked", "properties": {"email": "p@x.io"}}
    for traits, email in (({}, "p@x.io"), ({"email": "t@x.io"}, "t@x.io")):
        results = evaluate("track", dict(traits), root=root)
        assert isinstance(results, tuple)
        assert [r.properties["email"] for r in results if isinstance(r, Upsert)] == [email]
