"""One YAML file to frozen values: the only place that reads the environment.

Every problem is reported, each as `file:line: $.path: what, expected X, got Y. What to do.`
"""

import os
from collections.abc import Mapping
from pathlib import Path

from transformer.config import keys, read
from transformer.config.entry import Entry, Secret, Sources, parse
from transformer.config.read import Kinds
from transformer.config.values import Config, Connection, Http, Kafka, Log
from transformer.document import Problems
from transformer.document import near as suggestion
from transformer.errors import ConfigurationError

__all__ = [
    "Config",
    "Connection",
    "Http",
    "Kafka",
    "Kinds",
    "Log",
    "Secret",
    "file_text",
    "load",
    "load_for_kafka",
    "load_for_mapping",
    "suggestion",
]

_KAFKA = "$.kafka."
_SETTINGS = ".settings."


def load(file: Path, kinds: Kinds, environment: Mapping[str, str] | None = None) -> Config:
    """Load the whole of a configuration, for running it. Raises ConfigurationError."""
    return _load(file, kinds, environment, lenient=())


def load_for_mapping(
    file: Path, kinds: Kinds, environment: Mapping[str, str] | None = None
) -> Config:
    """Load what mapping needs: credentials and the whole `kafka` section may be missing."""
    return _load(file, kinds, environment, lenient=(_KAFKA, _SETTINGS))


def load_for_kafka(
    file: Path, kinds: Kinds, environment: Mapping[str, str] | None = None
) -> Config:
    """Load what reading topics needs: the credentials of connections may be missing."""
    return _load(file, kinds, environment, lenient=(_SETTINGS,))


def _load(
    file: Path, kinds: Kinds, environment: Mapping[str, str] | None, *, lenient: tuple[str, ...]
) -> Config:
    known = os.environ if environment is None else environment
    problems = Problems()
    text, sources = file_text(file, "configuration"), Sources(known, file.parent, lenient)
    root = parse(text, str(file), problems, sources)
    config = _config(file, root, kinds) if root else None
    if problems.lines or config is None:
        raise ConfigurationError(problems.lines)
    return config


def file_text(file: Path, what: str) -> str:
    """The text of a YAML file; `what` it holds is for the message. Raises ConfigurationError."""
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        why = "bytes that are not UTF-8"
    except OSError as fault:
        why = fault.strerror or "an unreadable file"
    raise ConfigurationError(
        [f"{file}:1: $: cannot read the {what}, expected a YAML file, got: {why}."]
    )


def _config(file: Path, root: Entry, kinds: Kinds) -> Config:
    pairs = root.pairs()
    bare = root.sources.is_lenient(_KAFKA) and "kafka" not in pairs
    read.section(root, [key for key in keys.ROOT if not (bare and key.name == "kafka")])
    kafka = read.kafka(pairs["kafka"]) if "kafka" in pairs else None
    topics = kafka.topics if kafka else ()
    connections: tuple[Connection, ...] = ()
    if "connections" in pairs:
        connections = read.connections(pairs["connections"], kinds, topics)
    return Config(
        file, kafka, connections, read.http(pairs.get("http")), read.log(pairs.get("log"))
    )
