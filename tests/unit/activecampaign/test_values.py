"""Values on their way to ActiveCampaign."""

import pytest

from destinations.activecampaign.values import (
    cents_of,
    date_text_of,
    filled_in,
    is_true,
    names_of,
    several_text_of,
    text_of,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        ("", ""),
        (0, "0"),
        (False, "false"),
        (True, "true"),
        (12.0, "12"),
        (12.5, "12.5"),
        ("伟", "伟"),
        ([1], None),
        ({}, None),
    ],
)
def test_scalars_become_text_and_nothing_else_does(value: object, text: str | None) -> None:
    """Zero and false are no emptiness."""
    assert text_of(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (["a", 2, None], "||a||2||"),
        ([], ""),
        ("a", "||a||"),
        ("a||b", "||a||b||"),
        ("||a||b||", "||a||b||"),
        ("", ""),
        (None, ""),
        (["a||b"], None),
        ([["a"]], None),
        ({}, None),
    ],
)
def test_lists_are_written_with_double_bars(value: object, text: str | None) -> None:
    """An item that holds the separator cannot be told apart, and is refused."""
    assert several_text_of(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("2001-02-03", "2001-02-03"),
        ("2001-02-03T23:05:06.000Z", "2001-02-03"),
        ("2001-02-03 23:05:06-05:00", "2001-02-03"),
        ("3 February", "3 February"),
        (None, ""),
        ([], None),
    ],
)
def test_a_date_field_gets_the_day_of_a_moment(value: object, text: str | None) -> None:
    """The day as the event writes it; what is no date goes as it is, for the CRM to judge."""
    assert date_text_of(value) == text


def test_null_and_empty_text_are_no_values_but_zero_is() -> None:
    """What may only be filled is written where nothing is."""
    record = {"a": None, "b": "", "c": 0, "d": "x"}
    assert filled_in(record, ("a", "b", "c", "d", "e")) == {"c", "d"}


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ("a, b ,,a", ("a", "b")),
        ("a, b||c", ("a, b", "c")),
        (["x", " y "], ("x", "y")),
        (None, ()),
        (7, ("7",)),
    ],
)
def test_names_come_from_lists_and_text(value: object, names: tuple[str, ...]) -> None:
    """Bars win over commas, so that a name may hold a comma."""
    assert names_of(value) == names


@pytest.mark.parametrize(
    ("value", "truth"),
    [(True, True), ("Yes", True), (1, True), (False, False), ("no", False), (None, False),
     ("maybe", False), ("", False), ([True], False)],
)  # fmt: skip
def test_consent_takes_a_plain_yes(value: object, truth: bool) -> None:
    """Doubt is no consent."""
    assert is_true(value) is truth


@pytest.mark.parametrize(
    ("value", "cents"),
    [
        (0, 0),
        (12, 1200),
        ("12.5", 1250),
        (" 456.78 ", 45678),
        (19.99, 1999),
        (1.15, 115),
        (0.1 + 0.2, 30),
        (4.35, 435),
        ("90071992547409.93", 9007199254740993),
    ],
)
def test_money_is_exact_to_the_cent(value: object, cents: int) -> None:
    """Also where a binary fraction times 100 is not."""
    assert cents_of(value) == cents


@pytest.mark.parametrize(
    "value", [19.999, "19.999", "1,000", "", None, True, -1, "NaN", float("inf"), "1e30", [1]]
)
def test_what_is_no_amount_in_cents_is_refused(value: object) -> None:
    """Never rounded."""
    with pytest.raises(ValueError, match="two decimals"):
        cents_of(value)
