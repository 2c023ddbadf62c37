"""Which side owns an object: what goes from the CRM is never written by events (row C5)."""

import pytest

from tests.unit.mapping.events import OPEN, event
from transformer.mapping import CompiledMapping, Options, compile_mapping
from transformer.outcome import Reason, Redirect, Skipped
from transformer.upsert import Upsert

TEXT = """\
version: 1
tables:
  Person: {{direction: {person}, fields: {{Mail: mail, Name: name}}, required: [Name]}}
  Firm: {{direction: {firm}, fields: {{Domain: domain}}}}
  Guest: {{direction: {guest}, fields: {{Mail: mail}}}}
  "*": {{direction: {other}, rest: as_is}}
upserts:
  - {{when: {{type: identify, no_external_id: Crm-*}}, object: Person, match: [{{Mail: mail}}]}}
  - when: {{type: [identify, group], present: domain}}
    object: Firm
    match: [{{Domain: domain}}]
  - when: {{type: identify, external_id: Crm-*}}
    object: {{from: external_id}}
    match: external_id
  - {{when: {{type: track, event: In}}, object: Person, table: Guest, match: [{{Mail: mail}}]}}
  - {{when: {{type: track, event: Out}}, object: Visit, table: Guest, match: [{{Mail: mail}}]}}
"""
OWNED = Skipped(Reason.OWNED_BY_CRM)
TRAITS = {"mail": "a@b.co", "name": "A", "domain": "b.co"}


def mapping(*owned: str, options: Options = OPEN, **given: str) -> CompiledMapping:
    """The mapping above: `owned` are `from_crm`, others `to_crm` unless they are given."""
    directions = dict.fromkeys(("person", "firm", "guest", "other"), "to_crm")
    directions |= dict.fromkeys(owned, "from_crm") | given
    return compile_mapping(TEXT.format(**directions), "own.yaml", options)


def written(found: CompiledMapping, **raw: object) -> list[str] | Skipped:
    """The objects that an event writes, or why none."""
    results = found.evaluate(event({"traits": TRAITS, **raw}))
    if isinstance(results, Skipped):
        return results
    return [one.object_type for one in results if isinstance(one, Upsert)]


def test_an_object_that_the_crm_owns_is_left_out_of_the_writes_of_an_event() -> None:
    """The others are written."""
    assert written(mapping("firm")) == ["Person"]
    assert written(mapping("person")) == ["Firm"]


def test_an_event_whose_objects_the_crm_owns_is_skipped_with_a_reason_of_its_own() -> None:
    """Nothing is left to write, or to look for."""
    assert written(mapping("person", "firm")) == OWNED
    assert written(mapping("firm"), type="group") == OWNED


def test_both_directions_write_as_the_default_does() -> None:
    """It declares an intent: nothing is read from the CRM."""
    plain = mapping().evaluate(event({"traits": TRAITS}))
    assert mapping(person="both", firm="both").evaluate(event({"traits": TRAITS})) == plain


@pytest.mark.parametrize(
    ("name", "owned", "expected"),
    [
        ("person", "person", OWNED),
        ("Guest", "person", ["Guest"]),
        ("Thing", "person", ["Thing"]),
        ("Thing", "other", OWNED),
        ("Person", "other", ["Person"]),
    ],
)
def test_an_object_named_by_an_external_id_is_judged_by_its_own_table(
    name: str, owned: str, expected: list[str] | Skipped
) -> None:
    """However its case is spelled; objects without a table by the one of any other object."""
    ids = {"externalId": [{"type": f"Crm-{name}", "id": "7"}]}
    traits = {"mail": "a@b.co", "name": "A"}
    assert written(mapping(owned), context=ids, traits=traits) == expected


def test_what_the_crm_owns_is_skipped_before_the_external_id_is_looked_at() -> None:
    """Nobody should have to repair a dead letter of a write that is not wanted."""
    ids = {"externalId": [{"type": "Crm-Thing", "id": "not an id"}]}
    assert written(mapping(), context=ids, traits={}) == []
    assert written(mapping("other"), context=ids, traits={}) == OWNED


def test_an_upsert_that_spells_the_object_in_another_case_does_not_get_round_it() -> None:
    """CRMs do not tell them apart either."""
    text = """\
version: 1
tables: {Firm: {direction: from_crm}, "*": {rest: as_is}}
upserts: [{when: {type: identify}, object: firm, match: []}]
"""
    assert written(compile_mapping(text, "own.yaml", OPEN)) == OWNED


def test_the_table_of_the_object_and_the_one_in_use_both_count() -> None:
    """An upsert with a table of its own does not get round the object's direction."""
    person = {"type": "track", "event": "In", "context": {"traits": TRAITS}}
    visit = {"type": "track", "event": "Out", "context": {"traits": TRAITS}}
    assert written(mapping(), **person) == ["Person"]
    assert written(mapping("person"), **person) == OWNED
    assert written(mapping("guest"), **person) == OWNED
    assert written(mapping("guest"), **visit) == OWNED
    assert written(mapping("other"), **visit) == ["Visit"]


def test_an_event_sent_on_to_a_record_that_the_crm_owns_is_skipped() -> None:
    """As a lead that was converted to a contact; the record is named."""
    source, redirect = event({"traits": TRAITS}), Redirect("firm", "7")
    assert isinstance(mapping().evaluate_for(source, redirect), Upsert)
    owned = mapping("firm").evaluate_for(source, redirect)
    assert owned == Skipped(Reason.OWNED_BY_CRM, record_id="7")


def test_directions_hold_where_properties_go_as_they_are() -> None:
    """`map_properties` changes the fields, not who owns the object."""
    as_they_are = Options("off", ("Crm",), map_properties=False)
    assert written(mapping("firm", options=as_they_are)) == ["Person"]


def test_fields_that_are_never_written_are_not_checked_against_the_crm() -> None:
    """Neither the fields of what it owns, nor the match keys."""
    everything = {(use.object_type, use.name) for use in mapping().fields()}
    assert everything == {
        ("Person", "Mail"), ("Person", "Name"), ("Firm", "Domain"), ("Guest", "Mail"),
        ("Visit", "Mail"),
    }  # fmt: skip
    left = mapping("person", "guest").fields()
    assert {(use.object_type, use.name) for use in left} == {("Firm", "Domain")}
    assert mapping("person", "other").owned_by_crm() == ["*", "Person"]


def test_an_explanation_tells_the_direction() -> None:
    """Of each write that is made, and of a skip its reason."""
    explanation = mapping(person="both").explain(event({"traits": TRAITS}))
    assert [one.direction for one in explanation.upserts] == ["both", "to_crm"]
    owned = mapping("person", "firm").explain(event({"traits": TRAITS}))
    assert (owned.skipped, owned.upserts) == (OWNED, ())
