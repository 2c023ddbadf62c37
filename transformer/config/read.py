"""From YAML nodes to checked values: types, choices, limits and what goes together."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from typing import Final, TypeVar

from transformer.config import keys
from transformer.config.entry import Entry, Secret, listed, unknown_keys
from transformer.config.keys import Key, Value
from transformer.config.values import Connection, Http, Kafka, Log
from transformer.destination import Kind, Settings
from transformer.document import near
from transformer.errors import ConfigurationError
from transformer.policy import Policy
from transformer.security import Security

_TRUE: Final = frozenset(("true", "yes", "on"))
_FALSE: Final = frozenset(("false", "no", "off"))
_T = TypeVar("_T")

Kinds = Callable[[str], Kind]
"""Gives the kind of CRM of a name; raises ConfigurationError when there is none."""


def section(node: Entry, known: Sequence[Key]) -> dict[str, Value]:
    """Read the keys of one section. Absent keys take their defaults; sections are left out."""
    pairs = node.pairs()
    list(unknown_keys(pairs, [key.name for key in known]))
    values: dict[str, Value] = {}
    for key in known:
        child = pairs.get(key.name)
        absent = child is None or child.is_null
        if absent and key.required:
            node.problem(f'"{key.name}" is missing, expected {_wanted(key)}. {key.help}')
        if key.type == "section":
            continue
        values[key.name] = key.default if child is None or absent else _value(child, key)
    return values


def kafka(node: Entry) -> Kafka:
    """Read the `kafka` section."""
    values = section(node, keys.KAFKA)
    secured = node.pairs().get("security")
    security = _security(secured) if secured else Security()
    for name in ("metrics_topic", "dead_letter_topic"):
        if values[name] in _texts(values["topics"]):
            node.pairs()[name if name in node.pairs() else "topics"].problem(
                f"{name} is also one of `topics`, expected another name: "
                "the worker would read what it produces."
            )
    if values["metrics_topic"] == values["dead_letter_topic"]:
        node.problem("metrics_topic and dead_letter_topic are the same, expected two topics.")
    return _build(Kafka, {**values, "security": security})


def _security(node: Entry) -> Security:
    values = section(node, keys.SECURITY)
    protocol = str(values["protocol"])
    given = [name for name in node.pairs() if values.get(name) is not None]
    if protocol.startswith("SASL") and not {"username", "password"} <= node.pairs().keys():
        node.problem(f"{protocol} needs username and password. Give both.")
    for name in given:
        sasl = name in {"mechanism", "username", "password"}
        tls = name.endswith("_file") or name in {"key_password", "check_hostname"}
        if (sasl and "SASL" not in protocol) or (tls and "SSL" not in protocol):
            node.pairs()[name].problem(
                f"has no effect with protocol {protocol}. Remove it, or choose another protocol."
            )
    if (values["certificate_file"] is None) != (values["key_file"] is None):
        node.problem("certificate_file and key_file go together. Give both or none.")
    return _build(Security, {name: _placed(node, name, of) for name, of in values.items()})


def _placed(node: Entry, name: str, value: Value) -> Value:
    """The path of a file is relative to the configuration; everything else is as it is."""
    if isinstance(value, str) and name.endswith("_file"):
        return str(node.sources.folder / value)
    return value


def connections(node: Entry, kinds: Kinds, topics: tuple[str, ...]) -> tuple[Connection, ...]:
    """Read the `connections` list, each against its kind's declared settings."""
    found: list[Connection] = []
    lines: dict[str, int] = {}
    entries = node.entries()
    if not entries and not node.is_null:
        node.problem("no connections, expected at least one. Add an entry with name, destination.")
    for entry in entries:
        connection = _connection(entry, kinds, topics)
        if connection.name and connection.name in lines:
            entry.problem(
                f'the name "{connection.name}" is taken on line {lines[connection.name]}, '
                "expected unique names: results and consumer groups are told apart by it."
            )
        lines.setdefault(connection.name, entry.line)
        _one_per(entry, connection, found, kinds)
        found.append(connection)
    return tuple(found)


def _one_per(
    entry: Entry, connection: Connection, before: Sequence[Connection], kinds: Kinds
) -> None:
    """Two connections of a kind may not share what there is only one of (row P2)."""
    try:
        setting = kinds(connection.destination).one_per
    except ConfigurationError:
        return
    if setting is None or connection.settings.get(setting) is None:
        return
    for other in before:
        if other.destination == connection.destination and other.settings.get(
            setting
        ) == connection.settings.get(setting):
            entry.problem(
                f'has the same {setting} as the connection "{other.name}", expected one connection '
                "for each. Give it another, or leave one of the two out."
            )


def _connection(node: Entry, kinds: Kinds, topics: tuple[str, ...]) -> Connection:
    pairs = node.pairs()
    values = section(node, keys.CONNECTION)
    mapping = node.sources.folder / str(values["mapping"]) if values["mapping"] else None
    if mapping and not mapping.is_file():
        pairs["mapping"].problem(
            f"no such mapping file, expected a readable file, got {mapping}. "
            "Paths are relative to this file."
        )
    delivery = section(pairs["delivery"], keys.DELIVERY) if "delivery" in pairs else {}
    if "paused" not in pairs:
        values = {**values, "paused": _starts_paused(values["destination"], kinds)}
    return _build(
        Connection,
        {
            **values,
            "settings": _settings(node, values, kinds),
            "mapping": mapping,
            "topics": _texts(values["topics"]) or topics,
            "delivery": _build(Policy, delivery),
            "credential_expires": _expiry(pairs.get("credential_expires"), values),
            "where": f"{node.node.where}: {node.path}",
        },
    )


def _expiry(node: Entry | None, values: Mapping[str, Value]) -> float | None:
    """The beginning of the day on which a credential ends."""
    day = values["credential_expires"]
    if node is None or not isinstance(day, str) or not re.fullmatch(keys.DATE, day):
        return None
    try:
        return datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()
    except ValueError:
        node.problem(f'wrong value, expected a day of the calendar, got "{day}".')
        return None


def _starts_paused(destination: Value, kinds: Kinds) -> bool:
    try:
        return isinstance(destination, str) and kinds(destination).starts_paused
    except ConfigurationError:
        return False  # the settings tell that there is no such kind


def _settings(node: Entry, values: Mapping[str, Value], kinds: Kinds) -> Settings:
    pairs = node.pairs()
    name = values["destination"]
    if not isinstance(name, str):
        return {}
    try:
        kind = kinds(name)
    except ConfigurationError as fault:
        pairs["destination"].problem(str(fault))
        return {}
    known = keys.from_settings(kind.settings)
    here = pairs.get("settings")
    problems_before = len(node.problems.lines)
    if here is None or here.is_null:
        read = {key.name: key.default for key in known}
        here = here or node
    else:
        read = section(here, known)
    settings: Settings = {
        name: value for name, value in read.items() if not isinstance(value, tuple)
    }
    # What goes together is judged only when each setting by itself could be read.
    readable = len(node.problems.lines) == problems_before
    if readable and not node.sources.is_lenient(f"{node.path}.settings."):
        for problem in kind.validate(settings):
            _place(here, problem)
    return settings


def _place(node: Entry, problem: str) -> None:
    """Note `key: what` at the node of that key, else at the section."""
    name, _, what = problem.partition(": ")
    at = node.pairs().get(name)
    if at is None:
        node.problem(problem)
    else:
        at.problem(what)


def http(node: Entry | None) -> Http:
    """Read the `http` section."""
    return _build(Http, section(node, keys.HTTP) if node else _defaults(keys.HTTP))


def log(node: Entry | None) -> Log:
    """Read the `log` section."""
    return _build(Log, section(node, keys.LOG) if node else _defaults(keys.LOG))


def _defaults(known: Sequence[Key]) -> dict[str, Value]:
    return {key.name: key.default for key in known}


def _build(kind: type[_T], values: Mapping[str, object]) -> _T:
    """A value of `kind`. When problems were noted its contents are never used."""
    names = {item.name for item in fields(kind)}  # type: ignore[arg-type]  # all are dataclasses
    return kind(**{name: value for name, value in values.items() if name in names})


def _value(node: Entry, key: Key) -> Value:
    if key.type == "strings":
        return _strings(node, key)
    text = node.text(read_files=not key.verbatim)
    return key.default if text is None else _typed(node, key, text)


def _strings(node: Entry, key: Key) -> tuple[str, ...]:
    problems_before = len(node.problems.lines)
    if node.kind == "a list":
        texts = [entry.text() for entry in node.entries()]
    else:
        texts = [part.strip() for part in (node.text() or "").split(",")]
    found = tuple(text for text in texts if text)
    for text in found:
        _check_pattern(node, key, text)
    told = len(node.problems.lines) > problems_before
    if not found and key.required and not told and not node.sources.is_lenient(node.path):
        node.problem(f"empty, expected at least one: {key.pattern_help}.")
    return found


def _typed(node: Entry, key: Key, text: str) -> Value:
    got = "a value that is kept secret" if key.secret else f'"{text}"'
    if key.type == "boolean":
        if text.lower() in _TRUE | _FALSE:
            return text.lower() in _TRUE
        node.problem(f"wrong type, expected true or false, got {got}.")
        return key.default
    if key.type in {"integer", "number"}:
        return _number(node, key, text, got)
    if key.choices and text not in key.choices:
        node.problem(
            f"wrong value, expected one of {listed(key.choices)}, got {got}."
            f"{'' if key.secret else near(text, key.choices)}"
        )
        return key.default
    _check_pattern(node, key, text)
    return Secret(text) if key.secret else text


def _number(node: Entry, key: Key, text: str, got: str) -> Value:
    try:
        number = int(text) if key.type == "integer" else float(text)
    except ValueError:
        number = float("nan")
    low = key.minimum if key.minimum is not None else float("-inf")
    high = key.maximum if key.maximum is not None else float("inf")
    if not low <= number <= high or number == float("inf"):
        node.problem(f"wrong value, expected {_wanted(key)}, got {got}.")
        return key.default
    return number


def _check_pattern(node: Entry, key: Key, text: str) -> None:
    if key.pattern and not re.fullmatch(key.pattern, text):
        node.problem(f'wrong value, expected {key.pattern_help}, got "{text}".')


def _wanted(key: Key) -> str:
    if key.type in {"integer", "number"}:
        word = "a whole number" if key.type == "integer" else "a number"
        least = f" of at least {key.minimum:g}" if key.minimum is not None else ""
        most = f" and at most {key.maximum:g}" if key.maximum is not None else ""
        return f"{word}{least}{most}"
    if key.type == "section":
        return "a section"
    return key.pattern_help or ("a list of texts" if key.type == "strings" else "a text")


def _texts(value: Value) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else ()
