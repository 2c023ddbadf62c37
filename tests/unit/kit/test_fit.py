"""Whether what a mapping makes fits a field: kinds, constants, lengths, and what is said of it."""

import pytest

from transformer.kit import fit
from transformer.kit.fit import Kinds, Misfit, Refusal, Slot, kind_of, misfits
from transformer.upsert import FieldUse, Scalar, ValueKind

NUMBER = Slot("Lead.Size", "int", fit.NUMBERS, fit.TEXT, fit.a_whole_number)
NAME = Slot("Lead.Name", "string", fit.TEXTS, max_characters=5)


def use(*constants: Scalar, kinds: Kinds = fit.NOTHING, truncates: int | None = None) -> FieldUse:
    """A use of a field by a mapping."""
    return FieldUse("Lead", "X", "m:1", kinds=kinds, constants=constants, truncates=truncates)


def test_a_field_that_takes_anything_has_no_misfits() -> None:
    """So do fields of types that a destination does not know."""
    assert misfits(use("x", 1, True, kinds=fit.ANYTHING, truncates=9), Slot("Lead.X", "odd")) == []


def test_a_kind_that_cannot_be_written_is_an_error_and_one_that_may_read_as_it_a_warning() -> None:
    """Each kind that the mapping can make, in the order of their names."""
    assert misfits(use(kinds=frozenset({"text", "boolean", "integer"})), NUMBER) == [
        Misfit(
            "error",
            "Lead.Size: the mapping makes a boolean of it, expected an integer or a number for"
            " type int. Correct the directive, or write to another field.",
        ),
        Misfit(
            "warning",
            "Lead.Size: the mapping makes text of it; of type int, it takes only what reads as"
            " an integer or a number. Convert it to that.",
        ),
    ]


@pytest.mark.parametrize("value", [7, 7.0, "7"])
def test_a_constant_fits_that_reads_as_what_the_field_takes(value: Scalar) -> None:
    """As text too, where the field takes such text."""
    slot = Slot("Lead.Size", "double", fit.NUMBERS, fit.TEXT, fit.a_number)
    assert misfits(use(value), slot) == []


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (True, "true itself, expected an integer or a number for type int"),
        ("few", '"few" itself, expected a whole number'),
        (1.5, "1.5 itself, expected a whole number"),
        ("x" * 70, f'"{"x" * 60}…" itself, expected a whole number'),
    ],
)
def test_a_constant_of_another_kind_or_value_is_an_error(value: Scalar, said: str) -> None:
    """Shown, unless it is long."""
    assert misfits(use(value), NUMBER) == [
        Misfit(
            "error",
            f"Lead.Size: the mapping writes {said}. Correct the default, the value or the table.",
        )
    ]


def test_a_text_is_measured() -> None:
    """As long as the field is right, one more is not."""
    assert misfits(use("x" * 5), NAME) == []
    (misfit,) = misfits(use("x" * 6), NAME)
    assert misfit.level == "error"
    assert "expected at most 5 characters, got 6" in misfit.message


@pytest.mark.parametrize(("truncates", "levels"), [(5, []), (6, ["warning"]), (None, [])])
def test_text_that_is_cut_too_late_is_a_warning(truncates: int | None, levels: list[str]) -> None:
    """It says what becomes of longer text."""
    found = misfits(use(truncates=truncates), NAME)
    assert [misfit.level for misfit in found] == levels
    assert all("Longer ones are rejected." in misfit.message for misfit in found)


@pytest.mark.parametrize(
    ("value", "kind"), [(True, "boolean"), (1, "integer"), (1.0, "number"), ("1", "text")]
)
def test_every_constant_has_a_kind(value: Scalar, kind: ValueKind) -> None:
    """A boolean is no number."""
    assert kind_of(value) == kind


@pytest.mark.parametrize(
    ("refusal", "good", "bad"),
    [
        (fit.a_number, [1, 1.5, "-2.50", ".5", "1e3"], ["", "1,000", "nan", "٣"]),
        (fit.a_whole_number, [1, "-2", "+3"], [1.5, "1.0", "x"]),
        (fit.a_truth, [True, "FALSE"], ["yes", 1]),
        (fit.a_date, ["2026-11-22"], ["20261122", "22.11.2026", "2026-13-01", "soon"]),
        (fit.a_moment, ["2026-11-22T10:00:00Z"], ["2026-11-22", "20261122", "soon"]),
        (fit.one_of(["A", "B"]), ["A"], ["a", "", "A;B"]),
        (fit.one_of(["A", "B"], ";"), ["A", "A;B", ";A"], ["A;C"]),
    ],
)
def test_what_reads_as_a_value_and_what_does_not(
    refusal: Refusal, good: list[Scalar], bad: list[Scalar]
) -> None:
    """CRMs are stricter than Python in what they read."""
    assert [value for value in good if refusal(value) is not None] == []
    assert [value for value in bad if refusal(value) is None] == []
