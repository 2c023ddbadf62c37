"""The fast and the explained evaluation agree, whatever the event (rows K2, S4, S5, S6)."""

from collections.abc import Callable

import orjson
from hypothesis import given, settings

from tests.unit.mapping.events import OPEN, SALESFORCE, record, salesforce
from tests.unit.mapping.strategies import EVENTS
from transformer.decode import decode
from transformer.event import Event
from transformer.mapping import compile_mapping
from transformer.mapping.explain import Trace
from transformer.mapping.reading import Refused
from transformer.mapping.table import Written
from transformer.outcome import Redirect, Rejected, Skipped
from transformer.upsert import Upsert

EVERYTHING = """
version: 1
aliases: {first: [a, b.c], b.c: [c]}
rest: {suffix: _x, nested: flatten, ignore: [ignored], names: '[a-z_]+'}
tables:
  Thing:
    fields:
      One: [first, {from: name, apply: first_name}]
      Two: {from: [b.c, {from: b, apply: {join: ","}}], write: fill}
      Three: {from: [d.e.f, name, first], default: 0, on: create}
      Four: {from: [$.userId, {from: a, apply: integer}], writable: create}
      Five: {from: b.d, writable: update}
      Six: {from: [d, b.d], read_only: true}
      Seven: {template: "{first} {b.c}"}
      Eight: {value: 8}
      Nine: [p, q, o.p, o.q]
      Ten: {from: [r, s, o.r, o.s, {from: o.d, apply: trim}], apply: text}
      n_x: {from: [b.e, n], default: null}
    required: [One, Three]
upserts:
  - when: {type: [identify, group], absent: skip}
    object: Thing
    match: [{One: first}, {Two: {from: b.c, form: email}}]
  - when: {type: identify, external_id: "Crm-*"}
    object: Thing
    match: external_id
  - when: {type: track, event: [bought]}
    object: Thing
    match: []
"""

LENIENT = EVERYTHING.replace("version: 1", "version: 1\ninvalid_values: drop").replace(
    "      Eight: ",
    "      Eleven: {from: [p, {from: q, apply: trim}], apply: integer}\n      Eight: ",
)
MAPPINGS = [
    compile_mapping(EVERYTHING, "everything.yaml", OPEN),
    compile_mapping(LENIENT, "lenient.yaml", OPEN),
    salesforce(),
    salesforce(opt_in="required"),
    salesforce(map_properties=False),
    salesforce(required_defaults="always"),
]


def decoded(raw: object) -> Event:
    """The event; these are all readable."""
    found = decode(record(raw))
    assert isinstance(found, Event), found
    return found


def outcome_of(write: Callable[[], Written]) -> Written | Rejected:
    """What was written, or why not."""
    try:
        return write()
    except Refused as refused:
        return refused.rejected


@given(raw=EVENTS)
@settings(max_examples=120, deadline=None)
def test_the_fast_table_agrees_with_the_exact_one(raw: dict[str, object]) -> None:
    """Every table takes the same of an event both ways, also once names have been learned."""
    event = decoded(raw)
    before = orjson.dumps(event.root)
    for mapping in MAPPINGS[:3]:
        for table in mapping._tables.compiled.values():
            exact = outcome_of(Trace(table, event).write)
            assert outcome_of(lambda table=table: table.write(event)) == exact  # type: ignore[misc]
            assert outcome_of(lambda table=table: table.write(event)) == exact  # type: ignore[misc]
    assert orjson.dumps(event.root) == before


@given(raw=EVENTS)
@settings(max_examples=30, deadline=None)
def test_explain_agrees_with_evaluate(raw: dict[str, object]) -> None:
    """Both come to the same results, and every property written has its explanation."""
    event = decoded(raw)
    for mapping in MAPPINGS:
        explanation = mapping.explain(event)
        slow = explanation.skipped or tuple(each.result for each in explanation.upserts)
        assert mapping.evaluate(event) == slow
        for each in explanation.upserts:
            if isinstance(each.result, Upsert):
                written = {found.name for found in each.fields if found.goes != "left out"}
                assert each.result.properties.keys() <= written


@given(raw=EVENTS)
@settings(max_examples=30, deadline=None)
def test_no_event_makes_evaluate_raise_or_answer_emptily(raw: dict[str, object]) -> None:
    """Every event gives upserts, rejections or one skip, for itself and for another record."""
    event = decoded(raw)
    for mapping in MAPPINGS:
        results = mapping.evaluate(event)
        assert isinstance(results, Skipped) or results
        other = mapping.evaluate_for(event, Redirect("Contact", "0035g00000ABCDE"))
        assert isinstance(other, Upsert | Rejected)


def test_the_default_mapping_is_where_these_tests_look_for_it() -> None:
    """A renamed file must not silently empty the tests."""
    assert SALESFORCE.is_file()
