"""Events, mappings and options as the mapping tests write them."""

from collections.abc import Mapping
from pathlib import Path

import orjson

from transformer.decode import decode
from transformer.event import Event
from transformer.mapping import CompiledMapping, Options, compile_mapping
from transformer.record import Record

SALESFORCE = Path(__file__).parents[3] / "destinations" / "salesforce" / "mapping.yaml"
RECORDED_MS = 1_795_341_601_000
OPEN = Options("off", ("Crm",))


def record(value: object) -> Record:
    """A record with `value`, as bytes or to be made JSON, produced at RECORDED_MS."""
    raw = value if value is None or isinstance(value, bytes) else orjson.dumps(value)
    return Record("events", 0, 7, RECORDED_MS, None, raw)


def event(raw: Mapping[str, object]) -> Event:
    """The event that `raw` decodes to; an identify when it does not say."""
    decoded = decode(record({"type": "identify", **raw}))
    assert isinstance(decoded, Event), decoded
    return decoded


def identify(**traits: object) -> Event:
    """An identify with these traits."""
    return event({"traits": traits})


def salesforce(**options: str | bool) -> CompiledMapping:
    """The default Salesforce mapping; opting in is not needed unless `options` say so."""
    given: dict[str, object] = {"opt_in": "off", "integrations": ("Salesforce",), **options}
    return compile_mapping(SALESFORCE.read_text(), "mapping.yaml", Options(**given))  # type: ignore[arg-type]
