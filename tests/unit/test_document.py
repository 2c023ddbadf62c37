"""Reading YAML: what cannot be read at all is one line for a person."""

import pytest

from transformer.config import entry
from transformer.document import Dialect, Node, Problems, near, read
from transformer.mapping import parse

DIALECTS = pytest.mark.parametrize("dialect", [parse.DIALECT, entry.DIALECT])


def document(text: str, dialect: Dialect) -> tuple[Node | None, list[str]]:
    """The document and what is wrong with it."""
    problems = Problems()
    return read(text, "d.yaml", problems, dialect), problems.lines


@DIALECTS
def test_nesting_without_end_is_a_problem_not_a_crash(dialect: Dialect) -> None:
    """Whatever the YAML library's own limit is."""
    for depth in (33, 20_000):
        top, problems = document("a: 1\nb: " + "[" * depth + "]" * depth, dialect)
        assert (top, problems) == (None, ["d.yaml:2: $: nested more than 32 levels deep."])


@DIALECTS
def test_bytes_that_yaml_forbids_are_a_problem(dialect: Dialect) -> None:
    """The library names no line for them."""
    top, (problem,) = document("a: \x00", dialect)
    assert top is None
    assert problem.startswith(f"d.yaml:1: $: {dialect.invalid.partition('{')[0]}")


@DIALECTS
def test_an_alias_of_what_it_is_a_part_of_is_a_problem_not_a_crash(dialect: Dialect) -> None:
    """It has no end."""
    _, problems = document("a: &a\n  b: *a\n", dialect)
    assert [line.partition(": ")[2] for line in problems] == [
        "$.a.b: an alias of what it is a part of has no end. Write it out."
    ]


def test_aliases_of_aliases_do_not_fill_the_memory() -> None:
    """Nine lines can stand for a thousand million values."""
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    _, problems = document("\n".join(lines), entry.DIALECT)
    assert problems[0].endswith("more than 100000 values, counting what aliases stand for.")


def test_a_chain_of_aliases_nests_no_deeper_than_anything_else() -> None:
    """However flat it looks."""
    lines = ["a0: &a0 [1]", *(f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 2000))]
    _, problems = document("\n".join(lines), entry.DIALECT)
    assert problems[0].endswith("nested more than 32 levels deep.")


def test_a_merge_key_takes_objects_and_own_keys_win() -> None:
    """One of them, or a list; where aliases are allowed."""
    text = "a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc: {<<: [*a, *b], z: 3}\nd: {<<: 7}\n"
    top, problems = document(text, entry.DIALECT)
    assert top is not None
    assert top.entries is not None
    merged = top.entries["c"].entries
    assert merged is not None
    assert {name: node.value for name, node in merged.items()} == {"x": 1, "y": 2, "z": 3}
    assert problems == ["d.yaml:4: $.d: expected an object to merge, or a list of them."]


def test_a_number_too_long_to_be_one_stays_text() -> None:
    """Python refuses to read it."""
    top, problems = document(f"a: {'9' * 5000}", parse.DIALECT)
    assert top is not None
    assert top.entries is not None
    assert (top.entries["a"].value, problems) == ("9" * 5000, [])


def test_an_entry_is_on_the_line_of_its_key_or_of_its_value() -> None:
    """A dialect says which; a scalar keeps its text."""
    for dialect, line in ((parse.DIALECT, 1), (entry.DIALECT, 2)):
        top, _ = document("a:\n  0123\n", dialect)
        assert top is not None
        assert top.entries is not None
        found = top.entries["a"]
        assert (found.line, found.value, found.text) == (line, 83, "0123")


def test_the_nearest_name_is_suggested_whatever_its_casing() -> None:
    """Nothing is suggested when nothing is near."""
    assert near("EMAIL", ["Email", "Phone"]) == ' Did you mean "Email"?'
    assert near("zzz", ["Email", "Phone"]) == ""


def test_a_problem_is_said_once_however_often_it_is_found() -> None:
    """A value may be looked at for several reasons."""
    problems = Problems()
    for _ in range(2):
        problems.add(Node("d.yaml", 3, "$.a"), "wrong.")
    assert problems.lines == ["d.yaml:3: $.a: wrong."]
