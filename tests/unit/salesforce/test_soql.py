"""SOQL text: nothing gets out of its literal, no query is too long."""

from dataclasses import replace
from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from destinations.salesforce.soql import (
    MAX_URI_BYTES,
    Query,
    conditions,
    folded,
    is_name,
    literal,
    literal_problem,
    long_id,
    query_path,
)
from transformer.upsert import Scalar


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a@b.io", "'a@b.io'"),
        ("o'neil@x.io", r"'o\'neil@x.io'"),
        ("a\\", r"'a\\'"),
        ("a\\' OR Name != '", r"'a\\\' OR Name != \''"),
        ("a\r\nb\tc", r"'a\r\nb\tc'"),
        ("a\x00b", r"'a\u0000b'"),
        ("Ünï 日本 🎈", "'Ünï 日本 🎈'"),
        (True, "TRUE"),
        (False, "FALSE"),
        (0, "0"),
        (-1.5, "-1.5"),
    ],
)
def test_values_are_escaped_as_salesforce_reads_them(value: Scalar, text: str) -> None:
    """Backslash first, then the quote; control characters by their escapes."""
    assert literal(value) == text


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_no_text_ends_its_literal_early(value: str) -> None:
    """Read back by the rules, the literal is the value, whatever it was."""
    text, read, place = literal(value), "", 1
    names = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "'": "'", "\\": "\\"}
    while text[place] != "'":
        if text[place] != "\\":
            read, place = read + text[place], place + 1
        elif text[place + 1] == "u":
            read, place = read + chr(int(text[place + 2 : place + 6], 16)), place + 6
        else:
            read, place = read + names[text[place + 1]], place + 2
    assert (read, place) == (value, len(text) - 1)


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("Lead", True),
        ("Visit__c", True),
        ("acme__Visit__c", True),
        ("", False),
        ("../Lead", False),
        ("Lead Contact", False),
        ("Lead/describe", False),
        ("Lead?x", False),
        ("1Lead", False),
        ("Lead\n", False),
        ("L" * 81, False),
    ],
)
def test_only_api_names_are_names(name: str, *, allowed: bool) -> None:
    """Everything else stays out of queries and paths."""
    assert is_name(name) is allowed


@pytest.mark.parametrize(
    ("text", "full"),
    [
        ("001D000000IqhSL", "001D000000IqhSLIAZ"),
        ("001D000000IqhSLIAZ", "001D000000IqhSLIAZ"),
        ("003RO0000035WQg", "003RO0000035WQgYAM"),
        ("003RO0000035WQgYAA", None),
        ("003RO0000035WQ", None),
        ("003RO0000035WQg/", None),
        ("", None),
    ],
)
def test_ids_are_brought_to_18_characters_and_a_wrong_checksum_is_seen(
    text: str, full: str | None
) -> None:
    """The ids are printed in the vendor's guides."""
    assert long_id(text) == full


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("a@b.io", None),
        (5, None),
        ("  ", "it is empty"),
        ("x" * 4001, "expected at most 4000 characters, got 4001"),
        ("\ud800", "it holds half of a surrogate pair"),
        (float("nan"), "expected a finite number"),
        (["a"], "expected text or a number, got list"),
    ],
)
def test_values_that_cannot_be_looked_for_are_named(value: object, problem: str | None) -> None:
    """Before a query is made of them."""
    assert literal_problem(value) == problem


def test_values_compare_without_case_and_outer_blanks_and_numbers_as_numbers() -> None:
    """As Salesforce compares them."""
    assert folded(" Ann@X.io ") == folded("ann@x.IO")
    assert folded(5.0) == folded(5) == "5"
    assert folded("straße@x.io") != folded("strasse@x.io")


def test_a_query_is_cut_so_that_no_part_exceeds_a_uri() -> None:
    """Measured in encoded bytes, with values that grow ninefold; none is lost."""
    values = tuple(f"日本'{number}@example.com" for number in range(2000))
    query = Query("Lead", "Email", ("Id", "Email"), values)
    parts = list(query.cut())
    assert [value for part in parts for value in part.values] == list(values)
    sizes = [len(quote(part.text, safe="")) for part in parts]
    assert max(sizes) <= MAX_URI_BYTES
    assert min(sizes[:-1]) > MAX_URI_BYTES - 200


def test_a_query_path_is_encoded_whole() -> None:
    """Nothing in it is left to be read as a path or a parameter."""
    path = query_path("SELECT Id FROM Lead WHERE Email IN ('a+b&c@x.io')")
    assert unquote(path.removeprefix("query?q=")).endswith("('a+b&c@x.io')")
    assert not set(path.removeprefix("query?q=")) & set("/?&+ #'")


def test_a_column_that_the_org_lacks_can_be_left_out_unless_it_is_needed() -> None:
    """Id and the match field are."""
    query = Query("Lead", "Email", ("Id", "Email", "Nickname__c"), ("a@x.io",))
    assert query.without("nickname__C") == Query("Lead", "Email", ("Id", "Email"), ("a@x.io",))
    assert (query.without("Email"), query.without("Id"), query.without("Foo")) == (None,) * 3


def test_a_query_by_texts_can_be_asked_with_numbers_for_a_field_that_holds_those() -> None:
    """What is no number is in no such field; how each was written stays known."""
    texts = Query("Lead", "Num__c", ("Id", "Num__c"), ("7", " 007", "1.50", "-2", "7x", "", "1e3"))
    numbers = texts.retyped(quoted=False)
    assert numbers == Query(
        "Lead",
        "Num__c",
        ("Id", "Num__c"),
        (7, 1.5, -2),
        {"7": ("7", "007"), "1.5": ("1.50",), "-2": ("-2",)},
    )
    assert numbers is not None
    assert numbers.text.endswith("IN (7,1.5,-2)")
    assert numbers.without("Nope") is numbers.retyped(quoted=False) is None


def test_a_query_by_numbers_can_be_asked_with_texts() -> None:
    """As they are written; leaving a column out changes nothing in that."""
    numbers = Query("Lead", "Code__c", ("Id", "Code__c", "Nope"), (7, 1.5, True))
    texts = numbers.retyped(quoted=True)
    assert texts is not None
    assert (texts.values, texts.retyped(quoted=True)) == (("7", "1.5", "true"), None)
    assert texts.without("Nope") == replace(texts, columns=("Id", "Code__c"))


def test_conditions_join_escaped_values() -> None:
    """All must hold; null is compared as null."""
    assert (
        conditions([("A", "x'"), ("B", None), ("C", True)])
        == r"A = 'x\'' AND B = null AND C = TRUE"
    )
