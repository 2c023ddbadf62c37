"""The directives of the mapping language: the closed set, each with its words and its examples.

The examples are the documentation, the reference page and the tests. Pure functions of one value.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from transformer.document import Constant
from transformer.mapping.conversions import (
    ABSENT,
    boolean_of,
    company_domain_of,
    date_of,
    datetime_of,
    digits_of,
    domain_of,
    filled_of,
    first_name_of,
    integer_of,
    last_name_of,
    number_of,
    text_of,
)
from transformer.upsert import ValueKind

Function: TypeAlias = Callable[[object], object]
Argument: TypeAlias = "str | int | Mapping[str, Constant] | None"


@dataclass(frozen=True, slots=True)
class Example:
    """`value` in, `gives` out; `fails` instead when the upsert is rejected."""

    value: object
    gives: object = ABSENT
    argument: Argument = None
    fails: bool = False


@dataclass(frozen=True, slots=True)
class Directive:
    """One operator. `make` gets the argument and returns the function.

    The function gets text, numbers, booleans, and lists if `lists`; never null, which passes
    every directive untouched unless `splits`: then null gives nothing. It returns ABSENT to be
    passed over and raises ValueError, saying what was expected, when the value cannot be used.
    `keeps_text` says that text comes out as it went in; `yields` is the kind of value that comes
    out, None where it is the kind that went in or the table's.
    """

    name: str
    doc: str
    make: Callable[[Argument], Function]
    examples: tuple[Example, ...]
    argument: Literal["none", "whole number", "text", "table"] = "none"
    lists: bool = False
    splits: bool = False
    keeps_text: bool = False
    yields: ValueKind | None = None


def _plain(function: Function) -> Callable[[Argument], Function]:
    return lambda _argument: function


def _on_text(change: Callable[[str], object]) -> Callable[[Argument], Function]:
    def function(value: object) -> object:
        return change(value) if isinstance(value, str) else value

    return _plain(function)


def _split(argument: Argument) -> Function:
    separator = str(argument)

    def function(value: object) -> object:
        if not isinstance(value, str):
            return value
        parts = value.split(separator) if separator else [value]
        return [part for each in parts if (part := each.strip())]

    return function


def _join(argument: Argument) -> Function:
    separator = str(argument)

    def function(value: object) -> object:
        if not isinstance(value, list):
            return value
        if any(isinstance(item, list | dict) for item in value):
            raise ValueError("expected a list of texts, numbers and booleans")
        return separator.join(text_of(item) for item in value if item is not None)

    return function


def _truncate(argument: Argument) -> Function:
    limit = argument if isinstance(argument, int) else 0

    def function(value: object) -> object:
        return value[:limit] if isinstance(value, str) else value

    return function


def _map(argument: Argument) -> Function:
    table = argument if isinstance(argument, Mapping) else {}

    def function(value: object) -> object:
        return table.get(text_of(value), value)

    return function


DIRECTIVES: Final[tuple[Directive, ...]] = (
    Directive(
        "lower", "Lower case.", _on_text(str.lower),
        (Example("Jane@Example.COM", "jane@example.com"), Example(7, 7)),
    ),
    Directive(
        "upper", "Upper case.", _on_text(str.upper),
        (Example("de", "DE"), Example(None, None)),
    ),
    Directive(
        "trim", "Without white space at both ends.", _on_text(str.strip),
        (Example("  Jane ", "Jane"), Example("   ", "")),
    ),
    Directive(
        "first_name", "The first word of a full name; nothing when there is but one.",
        _on_text(first_name_of),
        (Example("Jane van Doe", "Jane"), Example("Cher", ABSENT), Example(None, ABSENT)),
        splits=True, yields="text",
    ),
    Directive(
        "last_name", "A full name without its first word; the word itself when there is but one.",
        _on_text(last_name_of),
        (Example("Jane van Doe", "van Doe"), Example("Cher", "Cher"), Example(" ", ABSENT)),
        splits=True, yields="text",
    ),
    Directive(
        "domain",
        "The host of a URL or e-mail address: lower case, without `www.`, port or path; "
        "international names in their ASCII form.",
        _on_text(domain_of),
        (
            Example("https://www.Example.com:8080/pricing?x=1", "example.com"),
            Example("jane@mail.example.com", "mail.example.com"),
            Example("Bücher.example", "xn--bcher-kva.example"),
            Example("", ""),
            Example("not a domain", fails=True),
        ),
        yields="text",
    ),
    Directive(
        "company_domain",
        "The same, but nothing for the domains of mail providers: an address there says nothing of"
        " the company.",
        _on_text(company_domain_of),
        (Example("jane@example.com", "example.com"), Example("jane@gmail.com", ABSENT),
         Example("https://www.example.com/pricing", "example.com"),
         Example("not a domain", fails=True)),
        yields="text",
    ),
    Directive(
        "filled", "Nothing for null and blank text, so that the next source is tried.",
        _plain(filled_of),
        (Example("Jane", "Jane"), Example(0, 0), Example(" ", ABSENT), Example(None, ABSENT)),
        splits=True,
    ),
    Directive(
        "digits", "The digits of a phone number, with a leading `+` if it had one.",
        _on_text(digits_of),
        (Example("+49 (30) 1234-567", "+49301234567"), Example("ext. none", "")),
    ),
    Directive(
        "text", "Numbers and booleans as text, spelled as in JSON; text untouched.",
        _plain(text_of),
        (Example(10115, "10115"), Example(4.5, "4.5"), Example(value=False, gives="false"),
         Example("010115", "010115"), Example("", "")),
        keeps_text=True, yields="text",
    ),
    Directive(
        "integer", "A whole number, also from text.", _plain(integer_of),
        (Example("120", 120), Example(12.0, 12), Example("", ""), Example("12.5", fails=True),
         Example("about 50", fails=True)),
        yields="integer",
    ),
    Directive(
        "number", "A number, also from text.", _plain(number_of),
        (Example("12.50", 12.5), Example(value=True, gives=1), Example("1,000", fails=True)),
        yields="number",
    ),
    Directive(
        "boolean", "True or false, also from `yes`/`no`, `on`/`off`, `1`/`0`.", _plain(boolean_of),
        (
            Example("Yes", gives=True),
            Example(0, gives=False),
            Example("", ""),
            Example("maybe", fails=True),
        ),
        yields="boolean",
    ),
    Directive(
        "date", "A date (`2026-11-22`), from ISO 8601 text or epoch seconds or milliseconds.",
        _plain(date_of),
        (Example("2026-11-22T23:30:00+02:00", "2026-11-22"), Example(1795305600, "2026-11-22"),
         Example("22.11.2026", fails=True)),
        yields="date",
    ),
    Directive(
        "datetime", "A moment in UTC, from ISO 8601 text or epoch seconds or milliseconds.",
        _plain(datetime_of),
        (Example("2026-11-22T12:00:00+02:00", "2026-11-22T10:00:00.000Z"),
         Example(1795341600000, "2026-11-22T10:00:00.000Z"), Example("soon", fails=True),
         Example("0001-01-01T00:00:00+05:00", fails=True)),
        yields="datetime",
    ),
    Directive(
        "split", "Text as a list, for `join`: its parts between separators, trimmed, without blank"
        " ones. A list stays as it is.",
        _split,
        (Example("a, b,,c", ["a", "b", "c"], ","), Example(["a, b"], ["a, b"], ","),
         Example("", [], ","), Example(7, 7, ",")),
        argument="text", lists=True,
    ),
    Directive(
        "join", "A list as text, with a separator; null items are left out.", _join,
        (Example(["a", 2, None, True], "a;2;true", ";"), Example([], "", ";"),
         Example("a", "a", ";"), Example([{"a": 1}], argument=";", fails=True)),
        argument="text", lists=True, yields="text",
    ),
    Directive(
        "truncate", "At most so many characters.", _truncate,
        (Example("Enterprise", "Enter", 5), Example("Pro", "Pro", 5)),
        argument="whole number",
    ),
    Directive(
        "map", "Another value for each one listed; others pass untouched.", _map,
        (Example("de", "Germany", {"de": "Germany"}), Example("fr", "fr", {"de": "Germany"}),
         Example(value=True, gives="Yes", argument={"true": "Yes"})),
        argument="table",
    ),
)  # fmt: skip

BY_NAME: Final[Mapping[str, Directive]] = {each.name: each for each in DIRECTIVES}


def applied(directive: Directive, argument: Argument) -> Function:
    """The function of `directive` with `argument`, safe to call with any JSON value."""
    function = directive.make(argument)
    lists, splits = directive.lists, directive.splits

    def safe(value: object) -> object:
        if value is None:
            return ABSENT if splits else None
        if isinstance(value, dict) or (isinstance(value, list) and not lists):
            return ABSENT
        return function(value)

    return safe
