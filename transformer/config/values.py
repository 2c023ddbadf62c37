"""The configuration as frozen values. Knows neither YAML nor where the values came from."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from transformer.destination import Settings
from transformer.policy import Policy
from transformer.security import Security


@dataclass(frozen=True, slots=True)
class Kafka:
    """The cluster and the topics. Retention is in seconds, 0 keeps for ever."""

    bootstrap_servers: tuple[str, ...]
    topics: tuple[str, ...]
    metrics_topic: str
    dead_letter_topic: str
    group_prefix: str
    client_id: str
    create_topics: bool
    partitions: int
    replication: int
    metrics_retention_seconds: int
    dead_letter_retention_seconds: int
    max_record_bytes: int
    connect_timeout_seconds: float
    session_timeout_seconds: float
    security: Security


@dataclass(frozen=True, slots=True)
class Connection:
    """One configured destination. `mapping` None is the default mapping of its kind.

    `workers` is how many run it at the most, this one among them; `credential_expires` is in epoch
    seconds, None where nobody said.
    """

    name: str
    destination: str
    settings: Settings = field(repr=False)
    mapping: Path | None
    opt_in: Literal["required", "off"]
    topics: tuple[str, ...]
    delivery: Policy
    paused: bool
    workers: int
    credential_expires: float | None
    where: str


@dataclass(frozen=True, slots=True)
class Http:
    """Where `/metrics`, `/healthz` and `/readyz` are served; port 0 takes a free one."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Log:
    """How logs are written."""

    format: Literal["console", "json"]
    level: Literal["debug", "info", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Config:
    """One configuration file, checked. `kafka` is None only where it was not asked for."""

    file: Path
    kafka: Kafka | None
    connections: tuple[Connection, ...]
    http: Http
    log: Log

    @property
    def group_prefix(self) -> str:
        """What consumer groups begin with."""
        return self.kafka.group_prefix if self.kafka else ""

    def group(self, connection: Connection) -> str:
        """The consumer group of one connection (row K1)."""
        return f"{self.group_prefix}{connection.name}"
