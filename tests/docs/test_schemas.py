"""The published schemas: valid themselves, and every record of the demonstration fits them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import jsonschema
import orjson
import pytest
from referencing import Registry, Resource

from tests.unit.replay import dead_letters
from transformer.demo.run import play
from transformer.engine.results import DEAD_LETTER_HEADER, REASON_HEADER
from transformer.replay.letters import REPLAYED_HEADER, Letter, mark, read, replayed
from transformer.replay.origin import REPLAY_HEADER

FOLDER: Final = Path(__file__).parent.parent.parent / "schemas"
NAMES: Final = sorted(path.name for path in FOLDER.glob("*.json"))


def _validator(name: str, pointer: str = "") -> jsonschema.Draft202012Validator:
    documents = {each: orjson.loads((FOLDER / each).read_bytes()) for each in NAMES}
    registry: Registry[bool | Mapping[str, Any]] = Registry().with_resources(
        (each, Resource.from_contents(document)) for each, document in documents.items()
    )
    return jsonschema.Draft202012Validator(
        {"$ref": f"{name}{pointer}"}, registry=registry, format_checker=jsonschema.FormatChecker()
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_is_valid_itself(name: str) -> None:
    """JSON Schema 2020-12."""
    schema = orjson.loads((FOLDER / name).read_bytes())
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    jsonschema.Draft202012Validator.check_schema(schema)


def test_results_and_dead_letters_are_described_and_closed() -> None:
    """Every key says what it is by its name or a description, and no other is let in."""
    for name in ("result.schema.json", "dead_letter.schema.json"):
        assert name in NAMES
    with pytest.raises(jsonschema.ValidationError):
        _validator("result.schema.json").validate({"v": 1})


class _Silent:
    def step(self, text: str) -> None:
        """Ignore it."""

    def progress(self, settled: int, total: int) -> None:
        """Ignore it."""


def test_replays_and_their_marks_fit_the_schema() -> None:
    """The two headers of a replay, and the dead letter of one that was rejected again (K5)."""
    first = read(dead_letters.stored(dead_letters.letter(dead_letters.record(7))))
    assert isinstance(first, Letter)
    _, event = replayed(first, "run")
    _, marked = mark(first, "run", 0.0)
    again = dead_letters.letter(dead_letters.record(20, headers=event.headers))
    for pointer, headers, name in (
        ("#/$defs/replay", event.headers, REPLAY_HEADER),
        ("#/$defs/mark", marked.headers, REPLAYED_HEADER),
        ("", again.headers, DEAD_LETTER_HEADER),
    ):
        said = orjson.loads(dict(headers)[name] or b"")
        _validator("dead_letter.schema.json", pointer).validate(said)
    said = orjson.loads(
        dead_letters.result(dead_letters.record(20, headers=event.headers)).value or b""
    )
    assert said["replay_of"]["offset"] == 7
    _validator("result.schema.json").validate(said)


async def test_every_record_of_the_demonstration_fits_its_schema() -> None:
    """Delivered, skipped in runs, rejected by us and by the CRM."""
    report = await play(_Silent())
    results = _validator("result.schema.json")
    for record in report.results:
        results.validate(orjson.loads(record.value or b""))
    letters = _validator("dead_letter.schema.json")
    for record in report.letters:
        headers = dict(record.headers)
        letter = orjson.loads(headers[DEAD_LETTER_HEADER] or b"")
        letters.validate(letter)
        assert headers[REASON_HEADER] == letter["reason"].encode()
    rejected = [one.account.count("rejected") for one in report.deliveries]
    assert len(report.letters) == sum(rejected)
    assert min(rejected) > 0
    assert report.problems == ()
