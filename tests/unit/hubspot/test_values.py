"""Values on the wire are made by the property's type, never by the look of the value."""

import pytest

from destinations.hubspot.schema import Property
from destinations.hubspot.values import NotScalar, Unusable, wire

TEXT = Property("zip", "string")
NUMBER = Property("score", "number")
BOOL = Property("vip", "bool")
DATE = Property("born", "date")
DATETIME = Property("seen", "datetime")
CHOICE = Property(
    "tier", "enumeration", "select", options={"gold tier": "G", "g": "G", "G": "G", "s": "s"}
)
CHOICES = Property("roles", "enumeration", "checkbox", options={"a": "a", "b": "b", "bee": "b"})
OWNER = Property("hubspot_owner_id", "enumeration", "select")


@pytest.mark.parametrize(
    ("prop", "value", "text"),
    [
        (TEXT, "00123", "00123"),
        (TEXT, " a ", " a "),
        (TEXT, 0, "0"),
        (TEXT, 12.0, "12"),
        (TEXT, 1e21, "1000000000000000000000"),
        (TEXT, 0.1, "0.1"),
        (TEXT, False, "false"),
        (TEXT, None, ""),
        (TEXT, "", ""),
        (Property("email", "string"), " Ada@ACME.example ", "ada@acme.example"),
        (NUMBER, 0, "0"),
        (NUMBER, -1.5, "-1.5"),
        (NUMBER, "007", "007"),
        (NUMBER, "1e3", "1000"),
        (NUMBER, "+5", "5"),
        (NUMBER, " ", ""),
        (NUMBER, 1e-7, "0.0000001"),
        (BOOL, True, "true"),
        (BOOL, 0, "false"),
        (BOOL, "Yes", "true"),
        (BOOL, " ", ""),
        (DATE, "2026-11-22", "2026-11-22"),
        (DATE, "2026-11-22T23:30:00-05:00", "2026-11-23"),
        (DATE, 1_763_769_600, "2025-11-22"),
        (DATE, 1_763_769_600_000, "2025-11-22"),
        (DATE, "1763769600000", "2025-11-22"),
        (DATE, "", ""),
        (DATETIME, "2026-11-22T10:00:00+01:00", "2026-11-22T09:00:00.000Z"),
        (DATETIME, "2026-11-22", "2026-11-22T00:00:00.000Z"),
        (DATETIME, 1_763_769_600.5, "2025-11-22T00:00:00.500Z"),
        (CHOICE, "Gold Tier", "G"),
        (CHOICE, "g", "G"),
        (CHOICE, "s", "s"),
        (CHOICE, None, ""),
        (CHOICES, ["a", "Bee", "b", None], "a;b"),
        (CHOICES, "b; a", "b;a"),
        (CHOICES, ";a", ";a"),
        (OWNER, 41629779, "41629779"),
    ],
)
def test_a_value_becomes_the_text_its_property_takes(
    prop: Property, value: object, text: str
) -> None:
    """Nulls and empty text clear."""
    assert wire(prop, value) == text


@pytest.mark.parametrize(
    ("prop", "value", "expected"),
    [
        (NUMBER, "1,000", "expected a number"),
        (NUMBER, True, "expected a number"),
        (BOOL, "maybe", "expected true or false"),
        (DATE, "22.11.2026", "expected a date"),
        (DATE, True, "expected a date"),
        (DATETIME, "soon", "expected a time"),
        (DATETIME, 1e300, "expected a time"),
        (CHOICE, "platinum", "expected one of G, s"),
        (CHOICES, "a;x", "expected one of a, b"),
        (TEXT, "x" * 65_537, "expected at most 65536 characters"),
    ],
)
def test_a_value_its_property_cannot_hold_says_what_was_expected(
    prop: Property, value: object, expected: str
) -> None:
    """And is never guessed."""
    with pytest.raises(Unusable, match=expected):
        wire(prop, value)


@pytest.mark.parametrize(
    ("prop", "value"), [(TEXT, ["a"]), (TEXT, {"a": 1}), (CHOICE, ["G"]), (CHOICES, [["a"]])]
)
def test_lists_and_objects_are_values_of_multiple_choices_alone(
    prop: Property, value: object
) -> None:
    """Everything else is left out with a note."""
    with pytest.raises(NotScalar):
        wire(prop, value)
