"""SOQL from any text: the emulator's own parser reads back the values, all of them, and no more."""

import re
from collections.abc import Sequence
from urllib.parse import unquote

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from destinations.salesforce.emulator.soql.parse import Compare, Condition, In, Logic, parse
from destinations.salesforce.emulator.soql.tokens import MAX_STATEMENT, Token, unescape
from destinations.salesforce.keys import keyed, plan_queries
from destinations.salesforce.pack import Collection, Row, encode
from destinations.salesforce.plan import Policy, Write, decide
from destinations.salesforce.repeats import comparable_fields, repeat_query
from destinations.salesforce.schema import Field, ObjectSchema
from destinations.salesforce.soql import (
    MAX_LITERAL_BYTES,
    MAX_LITERAL_CHARS,
    MAX_URI_BYTES,
    Query,
    folded,
    is_name,
    literal,
    literal_problem,
    long_id,
    query_path,
)
from destinations.salesforce.validity import problem
from tests.unit.salesforce.made import LEAD, findings, upsert
from transformer.outcome import Reason
from transformer.upsert import Match, Scalar

FEW = settings(max_examples=60, deadline=None)
WHOLE = st.integers(-(2**63), 2**63 - 1)
HOSTILE = [
    "'", "''", "\\", "\\'", "\\\\'", "\\u0027", "\\n", "\n", "\r\n", "\t", "\0", "\x1f", "\x7f",
    "%", "_", "%27", "%0A", "&", "+", "#", "?", "/", "(", ")", ",", "--", "/*", "null", ":bind",
    "' OR Name != '", "') OR (Id != '", "' LIMIT 1 --", "@{part0.id}", "\u2028", "\x85", "\xa0",
    "\ufeff", "é", "ß", "日本", "🎈", "\U0010ffff", "a@x.io", " ", "Id",
]  # fmt: skip
HALVES = ["\ud800", "\udbff", "\udc00", "\udfff"]


def texts(*more: str, longest: int = 12) -> st.SearchStrategy[str]:
    """Any text, and texts made of what could end a literal, a clause or a URI early."""
    anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
    pieces = st.lists(st.sampled_from([*HOSTILE, *more]), max_size=longest).map("".join)
    return anything | pieces


def values(query: str) -> tuple[Token, ...]:
    """The literals of a statement that has one condition, `field IN (...)`, and nothing else."""
    statement = parse(query)
    rest = (statement.alias, statement.group, statement.order, statement.limit, statement.offset)
    assert rest == (None, (), (), None, 0)
    assert isinstance(statement.where, In)
    assert not statement.where.negated
    return statement.where.literals


def read(query: str, token: Token) -> Scalar:
    """What a literal stands for."""
    if token.kind == "string":
        return unescape(query, token)
    words = {"TRUE": True, "FALSE": False}
    if token.kind == "name":
        return words[token.text]
    return float(token.text) if set(token.text) & set(".e") else int(token.text)


@FEW
@given(st.lists(texts(), min_size=1, max_size=8))
def test_any_texts_are_read_back_as_they_were(wanted: Sequence[str]) -> None:
    """However they try to get out of their quotes."""
    query = Query("Lead", "Email", ("Id",), tuple(wanted)).text
    assert [read(query, token) for token in values(query)] == list(wanted)


@FEW
@given(st.booleans() | WHOLE | st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_and_booleans_are_read_back_as_they_were(value: Scalar) -> None:
    """Bare, of the same type, and never as a name of something else."""
    query = Query("Lead", "Score__c", ("Id",), (value,)).text
    (token,) = values(query)
    assert (type(read(query, token)), read(query, token)) == (type(value), value)


@FEW
@given(
    st.sampled_from(["Email", "Ext__c"]),
    st.lists(texts(*HALVES) | WHOLE | st.booleans(), min_size=1, max_size=8),
)
def test_a_batch_asks_for_its_own_match_values_and_no_others(
    field: str, wanted: Sequence[Scalar]
) -> None:
    """What cannot be looked for is rejected by itself; equal values are asked for once."""
    batch = [upsert(matches=(Match(field, value),), required=["LastName"]) for value in wanted]
    sound = [each for each in batch if problem(each) is None]
    queries = plan_queries([keyed(each) for each in sound])
    parts = [part for query in queries for part in query.cut()]
    asked = [read(part.text, token) for part in parts for token in values(part.text)]
    matched = [each.matches[0].value for each in reversed(sound)]
    first = {(isinstance(value, str), folded(value)): value for value in matched}
    assert sorted(map(repr, asked)) == sorted(map(repr, first.values()))
    for part in parts:
        assert unquote(query_path(part.text).removeprefix("query?q=")) == part.text
        assert re.fullmatch(r"query\?q=[\w.~%-]+", query_path(part.text), re.ASCII)


@FEW
@given(st.sampled_from(HALVES), texts(), texts())
def test_half_a_surrogate_pair_never_gets_into_a_query(half: str, before: str, after: str) -> None:
    """It has no form in UTF-8; the upsert is rejected, and a repeat is not looked for by it."""
    value = f"x{before}{half}{after}"
    rejected = problem(upsert(matches=(Match("Email", value),)))
    assert rejected is not None
    assert rejected.reason is Reason.MATCH_KEY_INVALID
    assert comparable_fields({"A": value}, texts_of("A")) == []


@FEW
@given(texts(*HALVES))
def test_what_is_no_name_stands_in_no_query_and_no_path(name: str) -> None:
    """As an object, as a field that is matched, and as one that is read along."""
    plain = re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,79}", name) is not None
    assert is_name(name) is plain
    uses = (
        (Reason.INVALID_OBJECT_NAME, upsert(object_type=name)),
        (Reason.INVALID_FIELD_NAME, upsert(matches=(Match(name, LEAD),))),
        (Reason.INVALID_FIELD_NAME, upsert(fill=[name])),
    )
    for reason, made in uses:
        rejected = problem(made)
        assert (rejected is not None and rejected.reason is reason) is not plain


@pytest.mark.parametrize(
    "name",
    ["Email IN ('x') OR Email", "Email,(SELECT Id FROM Contacts)", "Owner.Name", "Eméil", "_c",
     "Email\n", "", " ", "COUNT()", "Email%00", "a" * 81, "\u212aelvin", "Id'--"],
)  # fmt: skip
def test_a_clause_is_no_name(name: str) -> None:
    """Nor is a path to a parent's field, or a letter that only looks like one."""
    rejected = problem(upsert(matches=(Match(name, "x"),)))
    assert rejected is not None
    assert rejected.reason is Reason.INVALID_FIELD_NAME


@FEW
@given(texts(*HALVES))
def test_a_text_is_looked_for_as_an_id_only_if_it_is_one(text: str) -> None:
    """Nothing else gets between the quotes there."""
    made = upsert(matches=(Match("Id", text), Match("Email", "ann@x.io")))
    assert (problem(made) is None) is (long_id(text) is not None)


@FEW
@given(texts())
def test_an_external_id_is_in_the_row_and_never_in_the_path(value: str) -> None:
    """Whatever it holds, the call names the object and the field only."""
    made = upsert({"A": 1}, object_type="Contact", matches=(Match("Ext__c", value),))
    if problem(made) is not None:
        assert literal_problem(value) is not None
        return
    decision = decide(0, keyed(made), findings(), Policy(), lambda _: None)
    assert isinstance(decision, Write)
    row = encode(decision)
    assert isinstance(row, Row)
    call = Collection((row,)).call({})
    assert call.path == "composite/sobjects/Contact/Ext__c"
    assert orjson.loads(row.encoded)["Ext__c"] == value


WIDE = st.sampled_from(["a", "'", "\n", "\x01", "%", "é", "日", "🎈", "\U0010ffff"])


@settings(max_examples=15, deadline=None)
@given(WIDE, st.integers(1, MAX_LITERAL_CHARS + 100), st.integers(1, 40))
def test_every_query_of_a_batch_is_within_the_limits(char: str, length: int, count: int) -> None:
    """The statement, each literal and the URI; what fits in none is rejected before (414)."""
    batch = [upsert(matches=(Match("Email", f"{n}{char * length}"),)) for n in range(count)]
    sound = [each for each in batch if problem(each) is None]
    parts = [
        part for query in plan_queries([keyed(each) for each in sound]) for part in query.cut()
    ]
    asked = []
    for part in parts:
        assert len(part.text) <= MAX_STATEMENT
        assert len(query_path(part.text)) <= MAX_URI_BYTES + len("query?q=")
        asked += [unescape(part.text, token) for token in values(part.text)]
    assert asked == [str(each.matches[0].value) for each in sound]
    fits = length < MAX_LITERAL_CHARS - len(str(count))
    if fits and len(query_path(literal(char * length))) < MAX_LITERAL_BYTES:
        assert len(sound) == count


@FEW
@given(st.dictionaries(st.sampled_from([f"F{n}__c" for n in range(30)]), texts(longest=60)))
def test_a_repeat_is_looked_for_by_exactly_the_values_sent(values_sent: dict[str, str]) -> None:
    """Every condition must hold, none is added, and the URI is not too long."""
    pairs = comparable_fields(values_sent, texts_of(*values_sent))
    if not pairs:
        return
    query = repeat_query("Lead", pairs, 86_400.0)
    assert len(query_path(query)) <= MAX_URI_BYTES
    compared = [part for part in conditions_of(query) if part.literal.kind == "string"]
    assert [(part.field.text, part.operator) for part in compared] == [(n, "=") for n, _ in pairs]
    assert [unescape(query, part.literal) for part in compared] == [value for _, value in pairs]


def test_a_repeat_with_many_long_fields_is_looked_for_by_those_that_fit() -> None:
    """Twenty of 255 characters that grow ninefold would be three URIs long."""
    names = [f"F{n}__c" for n in range(20)]
    pairs = comparable_fields(dict.fromkeys(names, "日" * 255), texts_of(*names))
    assert 0 < len(pairs) < len(names)
    assert len(query_path(repeat_query("Lead", pairs, 0.0))) <= MAX_URI_BYTES


def conditions_of(query: str) -> list[Compare]:
    """The conditions of a statement, of which all must hold."""
    where: Condition | None = parse(query).where
    assert isinstance(where, Logic)
    assert where.operator == "AND"
    parts = [part for part in where.parts if isinstance(part, Compare)]
    assert len(parts) == len(where.parts)
    return parts


def texts_of(*names: str) -> ObjectSchema:
    """An object with text fields of these names."""
    fields = {
        name.casefold(): Field(
            name=name,
            type="string",
            length=255,
            createable=True,
            updateable=True,
            nillable=True,
            defaulted_on_create=False,
            filterable=True,
            external_id=False,
            id_lookup=False,
        )
        for name in names
    }
    return ObjectSchema(name="Lead", createable=True, updateable=True, fields=fields)
