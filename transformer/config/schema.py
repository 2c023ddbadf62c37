"""The configuration's JSON Schema, made of the same tables as the reader: for editors."""

from collections.abc import Sequence
from typing import Final

from transformer.config import keys
from transformer.config.keys import Key
from transformer.destination import Kind

_VARIABLE: Final = {"type": "string", "pattern": r"\$\{|^file:"}
_TYPES: Final = {"string": "string", "boolean": "boolean", "integer": "integer", "number": "number"}
_SECTIONS: Final = {
    "security": keys.SECURITY,
    "delivery": keys.DELIVERY,
    "kafka": keys.KAFKA,
    "http": keys.HTTP,
    "log": keys.LOG,
}

Json = dict[str, object]


def schema(kinds: Sequence[Kind]) -> Json:
    """The schema of a configuration file, with the settings of every kind of CRM."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Configuration of the destination transformer",
        "description": "${NAME} and ${NAME:-default} take values from the environment, "
        "file:path from a file.",
        **_section(keys.ROOT, kinds),
    }


def _section(known: Sequence[Key], kinds: Sequence[Kind]) -> Json:
    required = [key.name for key in known if key.required]
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {key.name: _key(key, kinds) for key in known},
    } | ({"required": required} if required else {})


def _key(key: Key, kinds: Sequence[Kind]) -> Json:
    if key.name == "connections":
        return {"description": key.help, "type": "array", "minItems": 1, "items": _entry(kinds)}
    if key.type == "section":
        return {"description": key.help, **_section(_SECTIONS.get(key.name, ()), kinds)}
    return {"description": key.help, **_scalar(key), **_default(key)}


def _entry(kinds: Sequence[Kind]) -> Json:
    entry = _section([key for key in keys.CONNECTION if key.name != "settings"], kinds)
    properties = entry["properties"]
    assert isinstance(properties, dict)  # noqa: S101  # built by _section, for the type checker
    properties["destination"] = {"enum": [kind.name for kind in kinds]}
    properties["settings"] = {"type": "object"}
    entry["allOf"] = [
        {
            "if": {"properties": {"destination": {"const": kind.name}}},
            "then": {
                "properties": {"settings": _section(keys.from_settings(kind.settings), kinds)}
            },
        }
        for kind in kinds
    ]
    return entry


def _scalar(key: Key) -> Json:
    if key.type == "strings":
        return {
            "anyOf": [
                {"type": "string"},
                {"type": "array", "items": {"type": "string"}, "minItems": 1},
            ]
        }
    if key.choices:
        # YAML reads a bare `off` as false; the reader takes the word as it is written.
        return {"anyOf": [{"enum": [*key.choices, *_as_yaml(key.choices)]}, _VARIABLE]}
    if key.type == "string":
        return {"type": ["string", "number"]} if not key.pattern else {"type": "string"}
    limits: Json = {"type": _TYPES[key.type]}
    if key.minimum is not None:
        limits["minimum"] = key.minimum
    if key.maximum is not None:
        limits["maximum"] = key.maximum
    return {"anyOf": [limits, _VARIABLE]}


def _as_yaml(choices: Sequence[str]) -> list[bool]:
    return [False] if "off" in choices else []


def _default(key: Key) -> Json:
    return {} if key.default in (None, ()) or key.secret else {"default": key.default}
