"""Every file under `tests/cases` is one case: its name is the sentence, its content the proof.

`event` is the call as sent, `mapping` a mapping file's text (the default Salesforce mapping when
absent), `options` the connection's; `upserts`, `skipped`, or `errors` is all that comes out.
"""

from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from tests.unit.mapping.events import SALESFORCE, event
from transformer.errors import ConfigurationError
from transformer.mapping import Options, compile_mapping
from transformer.outcome import Rejected, Skipped
from transformer.upsert import Upsert

HERE = Path(__file__).parent
CASES = sorted(HERE.glob("*/*.yaml"))
ABSENT_MEANS_EMPTY: Mapping[str, object] = {
    "match": [], "on_create": {}, "on_update": {}, "fill": [], "required": [],
    "optional": [], "notes": [],
}  # fmt: skip


def shown(result: Upsert | Rejected) -> dict[str, object]:
    """A result in the words of a case file."""
    if isinstance(result, Rejected):
        return {"rejected": str(result.reason), "detail": result.detail}
    written = {*result.properties, *result.on_create, *result.on_update}
    return {
        "object": result.object_type,
        "operation": str(result.operation),
        "match": [[match.name, match.value] for match in result.matches],
        "properties": dict(result.properties),
        "on_create": dict(result.on_create),
        "on_update": dict(result.on_update),
        "fill": sorted(result.fill),
        "required": sorted(result.required),
        "optional": sorted(result.optional & written),
        "notes": [[each for each in (n.code, n.field, n.detail) if each] for n in result.notes],
    }


def expected(written: Mapping[str, object]) -> dict[str, object]:
    """A result as a case file writes it, with what it leaves out."""
    return dict(written) if "rejected" in written else {**ABSENT_MEANS_EMPTY, **written}


def kinds(value: object) -> object:
    """The value with the types of its scalars, so that true is not 1 and 1 is not 1.0."""
    if isinstance(value, dict):
        return {name: kinds(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [kinds(inner) for inner in value]
    return (type(value).__name__, value)


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_case(path: Path) -> None:
    """The file's event gives exactly what the file says, its mapping exactly its errors."""
    case = yaml.safe_load(path.read_text())
    text = case.get("mapping") or SALESFORCE.read_text()
    options = Options(
        **{"opt_in": "off", "integrations": ("Salesforce",), **case.get("options", {})}
    )
    if "errors" in case:
        with pytest.raises(ConfigurationError) as caught:
            compile_mapping(text, "mapping.yaml", options)
        assert list(caught.value.problems) == case["errors"]
        return
    results = compile_mapping(text, "mapping.yaml", options).evaluate(event(case["event"]))
    if isinstance(results, Skipped):
        assert {"skipped": str(results.reason)} == {"skipped": case.get("skipped")}
        return
    assert kinds([shown(result) for result in results]) == kinds(
        [expected(written) for written in case["upserts"]]
    )


def test_every_case_is_found() -> None:
    """A moved folder must not silently empty the suite."""
    assert {path.parent.name for path in CASES} == {"errors", "language", "salesforce"}
