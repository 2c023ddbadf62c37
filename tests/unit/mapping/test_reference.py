"""The language's words: every directive keeps its examples, the page and the schema keep up."""

import json
from pathlib import Path
from typing import get_args

import jsonschema
import pytest

from tests.unit.mapping.events import OPEN, SALESFORCE, event
from transformer.document import Node, Problems, read
from transformer.engine.lanes import Lanes, Source
from transformer.engine.work import OwnedPartition, Work
from transformer.mapping import compile_mapping, parse, tables
from transformer.mapping.conversions import ABSENT
from transformer.mapping.directives import DIRECTIVES, Directive, Example, applied
from transformer.mapping.model import Direction
from transformer.mapping.reference import MERGES, Merge, documented_keys, render
from transformer.mapping.sources import SOURCE_KEYS
from transformer.outcome import Skipped
from transformer.record import Partition, Record
from transformer.upsert import Upsert

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "transformer" / "mapping" / "REFERENCE.md"
SCHEMA = json.loads((ROOT / "schemas" / "mapping.schema.json").read_text())
EXAMPLES = [(directive, example) for directive in DIRECTIVES for example in directive.examples]


def plain(node: Node) -> object:
    """The document as JSON, keys as they are written (`on` is text)."""
    if node.entries is not None:
        return {name: plain(inner) for name, inner in node.entries.items()}
    if node.items is not None:
        return [plain(item) for item in node.items]
    return node.value


def document(text: str) -> object:
    """The mapping file `text` as JSON."""
    problems = Problems()
    top = read(text, "mapping.yaml", problems, parse.DIALECT)
    assert top is not None
    assert problems.lines == []
    return plain(top)


def is_valid(text: str) -> bool:
    """Whether the schema accepts a mapping file."""
    return jsonschema.Draft202012Validator(SCHEMA).is_valid(document(text))


@pytest.mark.parametrize(
    ("directive", "example"), EXAMPLES, ids=lambda each: getattr(each, "name", None)
)
def test_a_directive_does_what_its_examples_say(directive: Directive, example: Example) -> None:
    """The examples are the documentation; value and type are as written."""
    function = applied(directive, example.argument)
    if example.fails:
        with pytest.raises(ValueError, match=r"^expected "):
            function(example.value)
        return
    result = function(example.value)
    assert (type(result), result) == (type(example.gives), example.gives)


def written(example: Merge) -> list[object]:
    """What is sent for `t` when the two events of an example wait together."""
    document = {
        "version": 1,
        "tables": {"Person": {"fields": {"T": example.field, "Name": "name"}, "rest": "drop"}},
        "upserts": [
            {"when": {"type": "identify"}, "object": "Person", "match": [{"Name": "name"}]}
        ],
    }
    mapping = compile_mapping(json.dumps(document), "example.yaml", OPEN)
    lanes = Lanes()
    for offset, value in enumerate(example.events):
        traits = {"name": "Jane"} | ({} if value is ABSENT else {"t": value})
        results = mapping.evaluate(event({"type": "identify", "traits": traits}))
        assert not isinstance(results, Skipped)
        (upsert,) = results
        assert isinstance(upsert, Upsert)
        record = Record("events", 0, offset, 0, None, b"{}")
        work = Work(record, OwnedPartition(Partition("events", 0), 0, 0), upserts=1)
        lanes.add(Source(work, upsert), now=0.0)
    found: list[object] = []
    while len(lanes):
        (write,) = lanes.take(9)
        found.append(write.upsert.properties.get("T", ABSENT))
        lanes.settle(write)
    return found


@pytest.mark.parametrize("example", MERGES, ids=str)
def test_events_that_wait_together_are_written_as_the_examples_say(example: Merge) -> None:
    """The examples are the documentation."""
    assert written(example) == list(example.writes)


@pytest.mark.parametrize("directive", DIRECTIVES, ids=lambda each: each.name)
@pytest.mark.parametrize(
    "value", [None, True, 0, -1.5, 10**300, "", " ", "\x00", [], {}, [[1]], {"a": 1}]
)
def test_a_directive_raises_nothing_but_value_error(directive: Directive, value: object) -> None:
    """Whatever a trait holds."""
    argument = next((each.argument for each in directive.examples if each.argument), None)
    try:
        result = applied(directive, argument)(value)
    except ValueError as error:
        result = str(error)
    assert result is None or result is not NotImplemented


def test_the_reference_page_is_the_one_the_language_writes() -> None:
    """Renew it with `python -m transformer.mapping.reference`."""
    assert PAGE.read_text() == render()


def test_the_reference_page_describes_every_key() -> None:
    """No key of the grammar is missing, none is there that the grammar has not."""
    grammar = {
        *parse.TOP_KEYS, *parse.UPSERT_KEYS, *parse.WHEN_KEYS, *SOURCE_KEYS,
        *tables.TABLE_KEYS, *tables.FIELD_KEYS, *tables.REST_KEYS,
    }  # fmt: skip
    assert documented_keys() == grammar


def test_the_schema_accepts_the_default_mapping() -> None:
    """Editors check it with the schema."""
    assert is_valid(SALESFORCE.read_text())


def test_the_schema_knows_every_key_and_directive() -> None:
    """The schema and the grammar list the same words."""
    kinds = SCHEMA["$defs"]
    simple, objects = kinds["directive"]["oneOf"]
    assert {*simple["enum"], *objects["properties"]} == {
        *(directive.name for directive in DIRECTIVES), "python",
    }  # fmt: skip
    assert set(SCHEMA["properties"]) == set(parse.TOP_KEYS)
    assert set(SCHEMA["properties"]["names"]["properties"]) == set(tables.NAMES_KEYS)
    assert set(kinds["table"]["properties"]) == set(tables.TABLE_KEYS)
    assert kinds["table"]["properties"]["direction"] == {"enum": list(get_args(Direction))}
    assert set(kinds["upsert"]["properties"]) == set(parse.UPSERT_KEYS)
    assert set(kinds["when"]["properties"]) == set(parse.WHEN_KEYS)
    assert set(kinds["rest"]["oneOf"][1]["properties"]) == set(tables.REST_KEYS)
    assert set(kinds["field"]["oneOf"][2]["properties"]) == set(tables.FIELD_KEYS)
    assert set(kinds["source"]["oneOf"][1]["properties"]) == set(SOURCE_KEYS)
    assert set(kinds["match"]["oneOf"][2]["properties"]) == set(parse.MATCH_KEYS)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("aliases:", "alias:"),
        ("ignore:", "ignored:"),
        ("nested: refuse", "nested: refused"),
        ("apply: first_name", "apply: firstname"),
        ("read_only: true", "readonly: true"),
        ("writable: update", "writable: updates"),
        ("write: never", "write: newer"),
        ("default: n/a, on: create", "default: n/a, on: insert"),
        ("type: identify", "type: identfy"),
        ("form: email", "form: mail"),
        ("rest: as_is", "rest: asis"),
        ("    rest: as_is", "    direction: from-crm\n    rest: as_is"),
        ("version: 1", "version: 2"),
    ],
)
def test_the_schema_refuses_typos(right: str, wrong: str) -> None:
    """Each one in the default mapping."""
    text = SALESFORCE.read_text()
    assert right in text
    assert not is_valid(text.replace(right, wrong, 1))
