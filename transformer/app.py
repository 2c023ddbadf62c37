"""The wiring: the only module that knows which destinations there are.

It turns configuration values into kinds of CRM, compiled mappings, destinations and a broker.
"""

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import destinations
from transformer.broker import TopicSpec
from transformer.clock import Clock
from transformer.config import Config, Connection, Kafka, file_text, suggestion
from transformer.destination import WORKERS, Destination, Kind
from transformer.errors import ConfigurationError
from transformer.mapping import CompiledMapping, Options, compile_mapping
from transformer.mapping.model import PythonFunction

if TYPE_CHECKING:
    from transformer.emulator.server import Emulator
    from transformer.emulator.subject import Subject
    from transformer.kafka import KafkaBroker


DEAD_LETTER_EXTRA_BYTES: Final = 1_048_576
"""A dead letter is its record and a header that tells about it."""


@dataclass(frozen=True, slots=True)
class Wired:
    """One connection with its kind of CRM and its compiled mapping."""

    connection: Connection
    kind: Kind
    mapping: CompiledMapping

    @property
    def objects(self) -> frozenset[str]:
        """The object types that the mapping names."""
        return frozenset(use.object_type for use in self.mapping.fields())

    def destination(self, clock: Clock) -> Destination:
        """The CRM as this connection configures it."""
        workers = {WORKERS: self.connection.workers}
        return self.kind.open({**self.connection.settings, **workers}, clock)


def kind_names() -> tuple[str, ...]:
    """The names of all kinds of CRM, in the registry's order."""
    return tuple(destinations.KINDS)


def kind(name: str) -> Kind:
    """Import one kind of CRM. Raises ConfigurationError when there is none of that name."""
    if name not in destinations.KINDS:
        known = ", ".join(destinations.KINDS)
        raise ConfigurationError(
            [
                (
                    f'unknown destination "{name}", expected one of {known}.'
                    f"{suggestion(name, destinations.KINDS)}"
                )
            ]
        )
    module, _, attribute = destinations.KINDS[name].partition(":")
    found = getattr(importlib.import_module(module), attribute)
    if not isinstance(found, Kind):
        raise ConfigurationError([f"{destinations.KINDS[name]}: expected a Kind, see README."])
    return found


def kinds() -> list[Kind]:
    """All kinds of CRM."""
    return [kind(name) for name in destinations.KINDS]


def emulator(name: str, **options: object) -> "Emulator":
    """The emulator of one kind of CRM: `build(**options)` of its package's `emulator`."""
    module = f"{destinations.KINDS[kind(name).name].rpartition('.')[0]}.emulator"
    made: Emulator = importlib.import_module(module).build(**options)
    return made


def subject(name: str) -> "type[Subject]":
    """How the contract suite puts one kind of CRM on trial: `SUBJECT` beside its emulator."""
    module = f"{destinations.KINDS[kind(name).name].rpartition('.')[0]}.emulator.subject"
    found: type[Subject] = importlib.import_module(module).SUBJECT
    return found


def kafka_of(config: Config) -> Kafka:
    """The `kafka` section, which only `load_for_mapping` does without."""
    if config.kafka is None:
        raise ConfigurationError(
            [f'{config.file}:1: $: "kafka" is missing, expected a section. Add it.']
        )
    return config.kafka


def broker(config: Config) -> "KafkaBroker":
    """The Kafka cluster as configured; nothing is sent until it is opened."""
    # Imported here: offline commands start faster without a Kafka client.
    from transformer.kafka import KafkaBroker, Options  # noqa: PLC0415

    kafka = kafka_of(config)
    return KafkaBroker(
        kafka.bootstrap_servers,
        security=kafka.security,
        client_id=kafka.client_id,
        options=Options(
            connect_timeout_seconds=kafka.connect_timeout_seconds,
            session_timeout_seconds=kafka.session_timeout_seconds,
            heartbeat_seconds=min(3.0, kafka.session_timeout_seconds / 4),
            max_request_bytes=max(16_777_216, kafka.max_record_bytes + DEAD_LETTER_EXTRA_BYTES),
        ),
    )


def wire(config: Config) -> tuple[Wired, ...]:
    """Compile the mapping of every connection. Raises ConfigurationError with all problems."""
    wired: list[Wired] = []
    problems: list[str] = []
    for connection in config.connections:
        try:
            wired.append(_wire(connection))
        except ConfigurationError as fault:
            problems += fault.problems
    if problems:
        raise ConfigurationError(problems)
    return tuple(wired)


def choose(config: Config, name: str | None) -> Config:
    """`config` with only the connection of that name, or all. Raises ConfigurationError."""
    if name is None:
        return config
    chosen = tuple(one for one in config.connections if one.name == name)
    if not chosen:
        names = [one.name for one in config.connections]
        raise ConfigurationError(
            [
                (
                    f'{config.file}: no connection is named "{name}", expected one of '
                    f"{', '.join(names)}.{suggestion(name, names)}"
                )
            ]
        )
    return Config(config.file, config.kafka, chosen, config.http, config.log)


def topic_specs(kafka: Kafka, connections: tuple[Connection, ...]) -> list[TopicSpec]:
    """The topics that the connections read and that the worker produces to."""
    sources = dict.fromkeys(topic for one in connections for topic in one.topics)

    def spec(name: str, retention_seconds: int | None, extra_bytes: int = 0) -> TopicSpec:
        return TopicSpec(
            name,
            partitions=kafka.partitions,
            replication=kafka.replication,
            retention_seconds=retention_seconds or None,
            max_record_bytes=kafka.max_record_bytes + extra_bytes,
        )

    return [
        *(spec(name, 7 * 86_400) for name in sources),
        spec(kafka.metrics_topic, kafka.metrics_retention_seconds),
        spec(kafka.dead_letter_topic, kafka.dead_letter_retention_seconds, DEAD_LETTER_EXTRA_BYTES),
    ]


def _wire(connection: Connection) -> Wired:
    chosen = kind(connection.destination)
    file = connection.mapping or chosen.mapping_file
    settings = connection.settings
    options = Options(
        opt_in=connection.opt_in,
        integrations=chosen.integrations,
        map_properties=bool(settings.get("map_properties", True)),
        required_defaults="always" if settings.get("required_defaults") == "always" else "create",
    )
    mapping = compile_mapping(file_text(file, "mapping"), _shown(file), options, _function)
    return Wired(connection, chosen, mapping)


def _function(reference: str) -> PythonFunction:
    """The function that a mapping names as `module:function`; any exception tells why not."""
    module, _, name = reference.partition(":")
    found: PythonFunction = getattr(importlib.import_module(module), name)
    if not callable(found):
        raise TypeError(f"{name} is not a function")
    return found


def _shown(file: Path) -> str:
    """The file as messages name it: short when it is below the current folder."""
    try:
        return str(file.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(file)
