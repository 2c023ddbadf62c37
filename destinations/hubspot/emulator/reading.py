"""Reads request bodies as strictly as HubSpot does; what is wrong becomes its 400. Pure."""

from collections.abc import Mapping, Sequence

import orjson

from destinations.hubspot.emulator.refusals import invalid
from transformer.emulator.server import Call

MAX_INPUTS = 100


def body_of(call: Call) -> Mapping[str, object]:
    """The JSON object of a request."""
    body = json_of(call)
    if not isinstance(body, Mapping):
        raise invalid("Invalid input JSON on line 1, column 1: expected an object")
    return body


def json_of(call: Call) -> object:
    """The JSON of a request."""
    try:
        return orjson.loads(call.body)
    except orjson.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise invalid(f"Invalid input JSON on {where}: {error.msg}") from None


def inputs_of(call: Call, most: int = MAX_INPUTS) -> Sequence[Mapping[str, object]]:
    """The `inputs` of a batch, at most `most` of them."""
    inputs = body_of(call).get("inputs")
    if not isinstance(inputs, list) or not all(isinstance(each, Mapping) for each in inputs):
        raise invalid("Invalid input JSON on line 1, column 2: inputs must be an array of objects")
    if not inputs:
        raise invalid("Invalid request to create or update, inputs is empty")
    if len(inputs) > most:
        raise invalid(f"Batch size {len(inputs)} exceeds the maximum of {most}")
    return inputs


def properties_of(value: Mapping[str, object]) -> Mapping[str, object]:
    """The `properties` of a row."""
    properties = value.get("properties")
    if not isinstance(properties, Mapping):
        raise invalid("Invalid input JSON on line 1, column 2: properties must be an object")
    return properties


def text(value: Mapping[str, object], name: str, default: str | None = None) -> str:
    """A text that must be there, unless there is a default."""
    found = value.get(name, default)
    if not isinstance(found, str) or not found:
        raise invalid(f"Invalid input JSON on line 1, column 2: {name} must be a string")
    return found


def optional_text(value: Mapping[str, object], name: str) -> str | None:
    """A text that may be left out."""
    return None if value.get(name) is None else text(value, name)


def texts(value: Mapping[str, object], name: str) -> Sequence[str]:
    """A list of texts; none when it is left out."""
    found = value.get(name)
    if found is None:
        return ()
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise invalid(f"Invalid input JSON on line 1, column 2: {name} must be an array of strings")
    return found


def number(value: Mapping[str, object], name: str, default: int) -> int:
    """A whole number, also as text; `default` when it is left out."""
    found = value.get(name, default)
    if isinstance(found, str) and found.isdecimal():
        return int(found)
    if not isinstance(found, int) or isinstance(found, bool):
        raise invalid(f"{name} must be an integer")
    return found
