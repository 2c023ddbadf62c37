"""Formatting by field type; what goes over the wire is in the contract tests."""

import pytest

from destinations.pipedrive.links import host
from destinations.pipedrive.values import NotAScalar, flat, folded, formatted

OPTIONS = {"free": 1, "proplan": 2, "12": 7}


@pytest.mark.parametrize(
    "kind",
    ["double", "int", "date", "moment", "time", "daterange", "address", "enum", "set", "monetary"],
)
def test_an_empty_text_clears_what_has_no_empty_value(kind: str) -> None:
    """Pipedrive cannot tell it from null there."""
    assert formatted(kind, "", options=OPTIONS, currency="EUR") is None
    assert formatted(kind, None, options=OPTIONS, currency="EUR") is None


@pytest.mark.parametrize(
    ("kind", "value", "result"),
    [
        ("text", "", ""),
        ("text", 1.5, "1.5"),
        ("int", "12", 12),
        ("int", 12.0, 12),
        ("double", "1e3", 1000.0),
        ("boolean", "Yes", True),
        ("flag", False, 0),
        ("moment", "2026-11-22T12:00:00+02:00", "2026-11-22T10:00:00Z"),
        ("plain_moment", 1795341600000, "2026-11-22 10:00:00"),
        ("ints", "5", [5]),
        ("texts", ["a", "b"], ["a", "b"]),
        ("lead_value", 5, {"amount": 5, "currency": "EUR"}),
        ("enum", "12", 7),
        ("enum", 2, 2),
        ("enum", "2", 2),
        ("set", "12, free, 12", [7, 1]),
        ("unheard_of", "x", "x"),
    ],
)
def test_values_take_the_form_of_their_type(kind: str, value: object, result: object) -> None:
    """Labels win over ids that look like them."""
    made = formatted(kind, value, options=OPTIONS, currency="EUR")
    assert (made, type(made)) == (result, type(result))


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("int", 1.5), ("int", "x"), ("double", "NaN"), ("double", "1,000"), ("boolean", "maybe"),
        ("date", True), ("date", 1e30), ("date", "22.11.2026"), ("enum", "Gold"), ("enum", True),
        ("set", ["free", "Gold"]), ("monetary", "much"), ("daterange", ["2026-01-01", None]),
    ],
)  # fmt: skip
def test_what_cannot_be_formed_says_what_was_expected(kind: str, value: object) -> None:
    """For the dead letter."""
    with pytest.raises(ValueError, match="expected"):
        formatted(kind, value, options=OPTIONS, currency="EUR")


@pytest.mark.parametrize(("kind", "value"), [("text", {}), ("varchar", []), ("address", ["x"])])
def test_lists_and_objects_are_told_from_bad_values(kind: str, value: object) -> None:
    """They are left out field by field."""
    with pytest.raises(NotAScalar):
        formatted(kind, value)


def test_an_amount_without_any_currency_is_refused() -> None:
    """Pipedrive takes no amount alone."""
    with pytest.raises(ValueError, match="currency"):
        formatted("monetary", 5)


def test_v1_takes_a_time_of_day_by_its_value() -> None:
    """Parts it has no key for are left out."""
    assert flat("f", "time", {"value": "09:00:00"}) == {"f": "09:00:00"}
    assert flat("f", "enum", 3) == {"f": 3}


def test_names_are_compared_without_case_and_separators() -> None:
    """Lead score, lead_score, leadScore."""
    assert {folded(name) for name in ("Lead score", "lead_score", "leadScore", "LEAD-SCORE")} == {
        "leadscore"
    }


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("https://www.Acme.example:8080/x?y", "acme.example"),
        ("jane@mail.acme.example", "mail.acme.example"),
        ("acme.example.", "acme.example"),
        ("n/a", ""),
        ("localhost", ""),
        ("http://[", ""),
        ("", ""),
    ],
)
def test_the_host_of_an_address(text: str, name: str) -> None:
    """Empty when there is none."""
    assert host(text) == name
