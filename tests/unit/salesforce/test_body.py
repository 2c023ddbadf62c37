"""A row's values: names count without case, blanks count as none."""

import pytest

from destinations.salesforce.body import (
    filled,
    has,
    missing,
    reserved_names,
    with_defaults,
    without,
)
from transformer.upsert import Note


def test_a_field_is_there_however_it_is_spelled() -> None:
    """Also where its value is none."""
    values = {"LastName": "Lee", "EMAIL": None}
    assert [has(values, name) for name in ("LastName", "lastname", "Email", "Name")] == [
        True,
        True,
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("values", "absent"),
    [
        ({"A": 1, "B": "x"}, []),
        ({"a": 1, "B": 0}, []),
        ({"A": None, "a": 1, "B": False}, []),
        ({"A": " ", "a": None}, ["A", "B"]),
        ({}, ["A", "B"]),
    ],
)
def test_a_required_field_needs_a_value_under_any_spelling(
    values: dict[str, object], absent: list[str]
) -> None:
    """Zero and false are values; all that lack one are named, in order."""
    assert missing(values, frozenset({"B", "A"})) == absent


def test_names_that_say_which_record_is_meant_are_reserved() -> None:
    """In any spelling."""
    assert reserved_names(("Id", "A", "ATTRIBUTES", "Ids")) == ("Id", "ATTRIBUTES")
    assert without({"Id": 1, "A": 2}, ("Id",)) == {"A": 2}


def test_where_there_is_nothing_to_do_the_values_are_the_very_same() -> None:
    """No copy per event."""
    values = {"A": 1}
    assert without(values, ()) is values
    assert with_defaults(values, {}) is values
    assert filled(values, frozenset(), {})[0] is values


def test_a_default_stands_in_for_a_blank_and_never_for_a_value() -> None:
    """False is a value."""
    defaults = {"A": "n/a", "B": "n/a", "C": "n/a"}
    assert with_defaults({"A": " ", "B": False, "D": ""}, defaults) == {
        "A": "n/a",
        "B": False,
        "C": "n/a",
        "D": "",
    }


def test_what_the_record_has_is_not_filled_and_what_was_not_read_is_noted() -> None:
    """Only the fields that are to be filled are held against the record."""
    kept, notes = filled({"A": 1, "B": 2, "C": 3}, frozenset({"A", "B"}), {"a": "x"})
    assert kept == {"C": 3}
    assert [(type(note), note.code, note.field) for note in notes] == [(Note, "dropped", "B")]
