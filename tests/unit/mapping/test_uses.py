"""What the mapping file tells of its fields before any event: kinds, constants, lengths, roles."""

import pytest

from tests.unit.mapping.events import OPEN
from transformer.mapping import compile_mapping
from transformer.upsert import FieldUse, Scalar, ValueKind

TEXT = """\
version: 1
tables:
  Thing:
    fields:
      Kept: {field}
      Gone: {{from: gone, read_only: true}}
    required: [Kept]
upserts:
  - {{when: {{type: identify}}, object: Thing, match: [{match}], {more}}}
"""


def uses(
    field: str = "kept", match: str = "Code: code", more: str = "create: true"
) -> list[FieldUse]:
    """The uses of a mapping with one field and one upsert."""
    text = TEXT.format(field=field, match=f"{{{match}}}", more=more)
    mapping = compile_mapping(text, "own.yaml", OPEN, lambda _: lambda _, value: value)
    return list(mapping.fields())


def kept(field: str) -> tuple[set[ValueKind], tuple[Scalar, ...], int | None]:
    """Kinds, constants and length of the one field."""
    use = uses(field)[0]
    return set(use.kinds), use.constants, use.truncates


@pytest.mark.parametrize(
    ("field", "kinds"),
    [
        ("kept", set()),
        ("[kept, {from: name, apply: last_name}]", {"text"}),
        ("{from: kept, apply: [trim, lower]}", set()),
        ("{from: kept, apply: [trim, integer]}", {"integer"}),
        ("{from: kept, apply: [boolean, text]}", {"text"}),
        ("{from: kept, apply: [number, upper]}", {"number"}),
        ("[{from: a, apply: date}, {from: b, apply: datetime}]", {"date", "datetime"}),
        ("{from: kept, apply: {join: ;}}", {"text"}),
        ('{template: "{first} {last}"}', {"text"}),
        ('{template: "{first}", apply: boolean}', {"boolean"}),
        ('{from: kept, apply: [integer, {python: "own:clean"}]}', set()),
    ],
)
def test_a_field_is_of_the_kinds_that_its_directives_make(
    field: str, kinds: set[ValueKind]
) -> None:
    """Of each source the last one that makes something; of a named function nobody knows."""
    assert kept(field) == (kinds, (), None)


@pytest.mark.parametrize(
    ("field", "constants"),
    [
        ("{from: kept, default: n/a}", ("n/a",)),
        ("{from: kept, default: null}", ()),
        ('{from: kept, default: " "}', ()),
        ("[kept, {value: 1}, {value: true}, {value: 1}]", (1, True)),
        ("{value: enterprise, apply: [upper, {truncate: 5}]}", ("ENTER",)),
        ("{value: few, apply: integer}", ("few",)),
        ("{value: Cher, apply: first_name}", ()),
        ('{value: few, apply: {python: "own:clean"}}', ()),
        ("{from: kept, apply: {map: {de: Germany, fr: null}}}", ("Germany",)),
        ("{from: kept, apply: [{map: {de: Germany}}, upper]}", ("GERMANY",)),
        ("{value: de, apply: {map: {de: Germany, fr: France}}}", ("Germany",)),
    ],
)
def test_constants_are_known_as_they_will_be_written(
    field: str, constants: tuple[Scalar, ...]
) -> None:
    """Defaults, values and entries of tables, after the directives that follow; 1 is not true."""
    kinds, found, _ = kept(field)
    assert (kinds, found) == (set(), constants)
    assert [type(each) for each in found] == [type(each) for each in constants]


def test_a_table_for_true_and_false_leaves_no_boolean() -> None:
    """One that names but one of them does."""
    both = '{from: kept, apply: [boolean, {map: {"true": Y, "false": N}}]}'
    one = '{from: kept, apply: [boolean, {map: {"true": Y}}]}'
    assert kept(both) == (set(), ("Y", "N"), None)
    assert kept(one) == ({"boolean"}, ("Y",), None)


@pytest.mark.parametrize(
    ("field", "truncates"),
    [
        ("{from: kept, apply: {truncate: 5}}", 5),
        ("{from: kept, apply: [{truncate: 5}, upper]}", 5),
        ("{from: kept, apply: [{truncate: 9}, {map: {a: b}}, {truncate: 5}]}", 5),
        ("[{from: a, apply: {truncate: 5}}, {from: b, apply: {truncate: 9}}]", 9),
        ("{from: kept, apply: [{truncate: 5}, integer]}", None),
    ],
)
def test_the_length_is_the_one_that_texts_are_cut_at(field: str, truncates: int | None) -> None:
    """The largest of all sources; a number has none."""
    assert kept(field)[2] == truncates


def test_roles_are_told_apart() -> None:
    """A required field that is written, and a match key that is written with what is created."""
    assert uses() == [
        FieldUse("Thing", "Kept", "own.yaml:5", required=True),
        FieldUse("Thing", "Code", "own.yaml:9", matched=True),
    ]


@pytest.mark.parametrize(
    ("match", "more", "written"),
    [
        ("Code: code", "update: true", True),
        ("Code: code", "create: false", False),
        ("id: code", "update: true", False),
        ("Gone: gone", "update: true", False),
    ],
)
def test_a_match_key_is_written_only_with_what_is_created(
    match: str, more: str, *, written: bool
) -> None:
    """Never the record's own id, nor what the table says not to write."""
    assert [(use.matched, use.written) for use in uses(match=match, more=more)[1:]] == [
        (True, written)
    ]


def test_a_field_that_is_written_and_matched_on_is_one_use() -> None:
    """With what both of its places tell of it."""
    (use,) = uses("{from: kept, apply: text}", "Kept: {value: x}")
    assert use == FieldUse(
        "Thing",
        "Kept",
        "own.yaml:5",
        matched=True,
        required=True,
        kinds=frozenset({"text"}),
        constants=("x",),
    )


SEVERAL = """\
version: 1
tables:
  Signup: {fields: {A: a}}
  Lead: {fields: {B: b}}
  Contact: {fields: {C: c}}
  "*": {fields: {D: d}}
upserts:
  - {when: {type: track}, object: Lead, table: Signup, match: [{Email: email}]}
  - {when: {type: identify}, object: Lead, match: [{Email: email}, {Id: id}]}
"""


def test_a_table_is_of_the_objects_that_are_written_through_it() -> None:
    """Not of one called like the table; the table of any object tells of none."""
    mapping = compile_mapping(SEVERAL, "own.yaml", OPEN)
    assert [(use.object_type, use.name, use.alone) for use in mapping.fields()] == [
        ("Lead", "A", False),
        ("Lead", "B", False),
        ("Contact", "C", False),
        ("Lead", "Email", True),
        ("Lead", "Id", False),
    ]


def test_an_upsert_that_requires_a_field_never_matches_on_its_key_alone() -> None:
    """The worker looks for the record first then."""
    text = SEVERAL.replace("fields: {A: a}", "fields: {A: a}, required: [A]")
    mapping = compile_mapping(text, "own.yaml", OPEN)
    assert not any(use.alone for use in mapping.fields())
