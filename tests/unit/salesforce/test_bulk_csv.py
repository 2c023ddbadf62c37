"""CSV for Bulk API 2.0: what has a form in a cell, and reading results back."""

import csv
import io
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from destinations.salesforce.bulk.csv_file import cell, line, read_error, read_results
from destinations.salesforce.reasons import VendorError


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "#N/A"),
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (1.5, "1.5"),
        (" a ", " a "),
        ("", None),
        ("  ", None),
        ("#N/A", None),
        (" #N/A ", None),
        ("x" * 100_001, None),
        ("\ud800", None),
        ("a\0b", None),
        (math.inf, None),
        ({"a": 1}, None),
        (["a"], None),
    ],
)
def test_values_have_one_form_or_none(value: object, text: str | None) -> None:
    """An empty cell would leave the field alone, and `#N/A` would empty it."""
    assert cell(value) == text


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), min_size=2)
)
def test_whatever_a_line_holds_comes_back(cells: list[str]) -> None:
    """Delimiters, quotes and line ends of any kind."""
    text = line(["a"] * len(cells)).decode() + line(cells).decode()
    read = list(csv.reader(io.StringIO(text, newline=""), delimiter="^", strict=True))
    assert read[1] == cells


def test_results_are_read_by_column() -> None:
    """Whatever the case of the names; a file without rows has none."""
    text = '"sf__Id"^"sf__Error"^"Email"\n"1"^"E:m:--"^"a\nb"\n'
    assert list(read_results(text, "Email")) == [
        {"sf__id": "1", "sf__error": "E:m:--", "email": "a\nb"}
    ]
    assert list(read_results('"sf__Id"^"EMAIL"\n', "Email")) == []
    assert list(read_results("", "Email")) == []


@pytest.mark.parametrize("text", ['"a"^"b"\n"1"\n', '"a"\n"x"y\n', "<html>\n<a>\n", '"a"\n"x'])
def test_what_is_no_result_file_is_said_to_be_none(text: str) -> None:
    """Half an answer, or another page, must not count as results."""
    with pytest.raises(ValueError, match=r"expected|EOF|end"):
        list(read_results(text, "a"))


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (
            "STRING_TOO_LONG:Title: too long:Title",
            ("STRING_TOO_LONG", "Title: too long", ("Title",)),
        ),
        ("UNABLE_TO_LOCK_ROW:records: 001:--", ("UNABLE_TO_LOCK_ROW", "records: 001", ())),
        ("REQUIRED_FIELD_MISSING:m [A, B]:A,B", ("REQUIRED_FIELD_MISSING", "m [A, B]", ("A", "B"))),
        ("REQUIRED_FIELD_MISSING:m:Name --", ("REQUIRED_FIELD_MISSING", "m", ("Name",))),
        ("INVALID_FIELD:m:plan__c, X --", ("INVALID_FIELD", "m", ("plan__c", "X"))),
        ("DUPLICATE_VALUE:found: no field", ("DUPLICATE_VALUE", "found: no field", ())),
        ("InvalidBatch : a\nb:--", ("InvalidBatch", " a\nb", ())),
        ("nobody knows", ("UNKNOWN", "nobody knows", ())),
    ],
)
def test_errors_are_code_message_and_fields(text: str, error: tuple[str, str, tuple[str]]) -> None:
    """The message may hold colons itself."""
    assert read_error(text) == VendorError(*error)
