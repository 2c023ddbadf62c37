"""The example configurations of every destination: they load, and `full` sets every option."""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import jsonschema
import orjson
import pytest
import yaml

from transformer import app, cli
from transformer.config import keys, load
from transformer.config.keys import Key

ROOT: Final = Path(__file__).parent.parent.parent
EXAMPLES: Final = sorted(
    path
    for kind in app.kind_names()
    for path in (ROOT / "destinations" / kind / "examples").glob("*.yaml")
)
SCHEMA: Final = orjson.loads((ROOT / "schemas/config.schema.json").read_bytes())
PEM: Final = "-----BEGIN PRIVATE KEY-----\nof a test\n-----END PRIVATE KEY-----"


def _environment(text: str) -> dict[str, str]:
    names = re.findall(r"\$\{(\w+)", text)
    return {name: PEM if name.endswith("_PRIVATE_KEY") else f"of-{name}" for name in names}


def _id(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("kind", app.kind_names())
def test_every_destination_has_both_examples(kind: str) -> None:
    """The least and the most."""
    folder = ROOT / "destinations" / kind / "examples"
    assert {"minimal.yaml", "full.yaml"} <= {file.name for file in folder.iterdir()}


@pytest.mark.parametrize("path", EXAMPLES, ids=_id)
def test_an_example_loads_and_its_mapping_compiles(path: Path) -> None:
    """With its variables set."""
    environment = _environment(path.read_text(encoding="utf-8")) | {
        "KAFKA_BOOTSTRAP_SERVERS": "localhost:9092"
    }
    config = load(path, app.kind, environment)
    assert len(app.wire(config)) == len(config.connections)


@pytest.mark.parametrize("path", EXAMPLES, ids=_id)
def test_an_example_passes_the_check(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As the command does it, with its variables set."""
    environment = _environment(path.read_text(encoding="utf-8"))
    for name, value in (environment | {"KAFKA_BOOTSTRAP_SERVERS": "localhost:9092"}).items():
        monkeypatch.setenv(name, value)
    assert cli.run(["check", "--config", str(path), "--json"]) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    assert [orjson.loads(line)["level"] for line in shown.out.splitlines()] == ["ok"]


@pytest.mark.parametrize("path", EXAMPLES, ids=_id)
def test_an_example_maps_an_event_without_any_credentials(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Given by a relative path, as people do; one person becomes at least one write."""
    kind = app.kind(path.parent.parent.name)
    event = {
        "type": "identify",
        "messageId": "m",
        "userId": "u",
        "integrations": {kind.integrations[0]: True},
        "traits": {"email": "ann@x.io", "firstName": "Ann", "lastName": "Lee", "name": "Ann Lee"},
    }
    (tmp_path / "e.jsonl").write_bytes(orjson.dumps(event) + b"\n")
    relative = os.path.relpath(path)
    assert cli.run(["map", "--config", relative, "--json", str(tmp_path / "e.jsonl")]) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    (line,) = [orjson.loads(each) for each in shown.out.splitlines()]
    assert (line["messageId"], line["skipped"], line["rejected"]) == ("m", None, None)
    assert len(line["upserts"]) >= 1


@pytest.mark.parametrize("path", EXAMPLES, ids=_id)
def test_an_example_is_valid_by_the_schema(path: Path) -> None:
    """Which editors use."""
    jsonschema.validate(yaml.safe_load(path.read_text(encoding="utf-8")), SCHEMA)


@pytest.mark.parametrize("kind", app.kind_names())
def test_the_full_example_sets_every_option(kind: str) -> None:
    """An option that is not in it is not documented."""
    path = ROOT / "destinations" / kind / "examples" / "full.yaml"
    given = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert sorted(_missing(given, kind)) == []


def _missing(given: Mapping[str, object], kind: str) -> Iterator[str]:
    kafka, (connection,) = _section(given, "kafka"), _list(given, "connections")
    settings = keys.from_settings(app.kind(kind).settings)
    yield from _absent("", keys.ROOT, given)
    yield from _absent("kafka.", keys.KAFKA, kafka)
    yield from _absent("kafka.security.", keys.SECURITY, _section(kafka, "security"))
    yield from _absent("connections.", keys.CONNECTION, connection)
    yield from _absent("settings.", settings, _section(connection, "settings"))
    yield from _absent("delivery.", keys.DELIVERY, _section(connection, "delivery"))
    yield from _absent("http.", keys.HTTP, _section(given, "http"))
    yield from _absent("log.", keys.LOG, _section(given, "log"))


def _absent(prefix: str, known: tuple[Key, ...], given: Mapping[str, object]) -> Iterator[str]:
    return (f"{prefix}{key.name}" for key in known if given.get(key.name) is None)


def _section(given: Mapping[str, object], name: str) -> Mapping[str, object]:
    found = given[name]
    assert isinstance(found, dict)
    return found


def _list(given: Mapping[str, object], name: str) -> list[Mapping[str, object]]:
    found = given[name]
    assert isinstance(found, list)
    return found


@pytest.mark.parametrize(
    "wrong",
    [
        {"kafka": {"topics": ["e"]}, "connections": [{"name": "a", "destination": "salesforce"}]},
        {"kafka": {"bootstrap_servers": "a:1", "topics": "e"}, "connections": []},
        {
            "kafka": {"bootstrap_servers": "a:1", "topics": "e"},
            "connections": [
                {"name": "a", "destination": "salesforce", "settings": {"sandboks": True}}
            ],
        },
    ],
)
def test_the_schema_refuses_what_the_reader_refuses(wrong: object) -> None:
    """Missing, empty, misspelt."""
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, SCHEMA)
