"""Every key of the configuration file: its type, default, limits and help, once.

The reader, the JSON Schema and the tests of the full examples all come from these tables.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from transformer.destination import Setting
from transformer.policy import Policy

KeyType: TypeAlias = Literal["string", "boolean", "integer", "number", "strings", "section"]
Value: TypeAlias = "str | bool | int | float | tuple[str, ...] | None"

TOPIC: Final = r"[A-Za-z0-9._-]{1,249}"
SERVER: Final = r"[^\s:,/]+:[0-9]{1,5}|\[[0-9a-fA-F:]+\]:[0-9]{1,5}"
DATE: Final = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
NAME: Final = r"[a-z0-9-]{1,40}"


@dataclass(frozen=True, slots=True)
class Key:
    """One key. `pattern` is what a whole text, or each text of a list, must look like.

    `verbatim` texts are taken as written: no `file:` is read in their place.
    """

    name: str
    type: KeyType
    help: str
    default: Value = None
    required: bool = False
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    pattern: str = ""
    pattern_help: str = ""
    secret: bool = False
    verbatim: bool = False


def _positive(name: str, kind: KeyType, text: str, default: float, minimum: float = 1) -> Key:
    return Key(name, kind, text, default=default, minimum=minimum)


_TOPIC_HELP: Final = "a topic name of letters, digits, dots, dashes and underscores"

ROOT: Final = (
    Key("kafka", "section", "The Kafka cluster and its topics.", required=True),
    Key("connections", "section", "The configured destinations.", required=True),
    Key("http", "section", "Where metrics and health are served."),
    Key("log", "section", "How logs are written."),
)

KAFKA: Final = (
    Key(
        "bootstrap_servers",
        "strings",
        "Brokers to begin with: a list, or one text with commas.",
        required=True,
        pattern=SERVER,
        pattern_help="host:port",
    ),
    Key(
        "topics",
        "strings",
        "The topics that events are read from.",
        required=True,
        pattern=TOPIC,
        pattern_help=_TOPIC_HELP,
    ),
    Key(
        "metrics_topic",
        "string",
        "Where the result of every event is produced.",
        default="transformer.metrics",
        pattern=TOPIC,
        pattern_help=_TOPIC_HELP,
    ),
    Key(
        "dead_letter_topic",
        "string",
        "Where records that cannot be delivered are produced, whole.",
        default="transformer.dead-letters",
        pattern=TOPIC,
        pattern_help=_TOPIC_HELP,
    ),
    Key(
        "group_prefix",
        "string",
        "Consumer groups are named so, followed by the connection's name.",
        default="transformer-",
        pattern=r"[A-Za-z0-9._-]{0,100}",
        pattern_help="letters, digits, dots, dashes and underscores",
    ),
    Key(
        "client_id",
        "string",
        "How the worker names itself to the brokers.",
        default="transformer",
        pattern=r"[A-Za-z0-9._-]{1,100}",
        pattern_help="letters, digits, dots, dashes and underscores",
    ),
    Key("create_topics", "boolean", "Whether missing topics are created at start.", default=True),
    _positive("partitions", "integer", "Partitions of a topic that is created.", 6),
    _positive("replication", "integer", "Copies of a topic that is created.", 1),
    _positive(
        "metrics_retention_seconds",
        "integer",
        "How long a created metrics topic keeps results; 0 is for ever.",
        7 * 86_400,
        0,
    ),
    _positive(
        "dead_letter_retention_seconds",
        "integer",
        "How long a created dead-letter topic keeps records; 0 is for ever.",
        30 * 86_400,
        0,
    ),
    _positive(
        "max_record_bytes",
        "integer",
        "The largest record read and produced; a dead letter is a little larger than its record.",
        8 * 1_048_576,
        65_536,
    ),
    _positive(
        "connect_timeout_seconds",
        "number",
        "How long to wait for the brokers at start before giving up.",
        10.0,
        0.1,
    ),
    _positive(
        "session_timeout_seconds",
        "number",
        "How long after its last heartbeat a worker counts as dead and others take over.",
        20.0,
        1,
    ),
    Key("security", "section", "How to prove ourselves to the brokers."),
)

SECURITY: Final = (
    Key(
        "protocol",
        "string",
        "The listener's protocol.",
        default="PLAINTEXT",
        choices=("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"),
    ),
    Key(
        "mechanism",
        "string",
        "The SASL mechanism.",
        default="PLAIN",
        choices=("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"),
    ),
    Key("username", "string", "The SASL user name."),
    Key("password", "string", "The SASL password.", secret=True),
    Key(
        "ca_file",
        "string",
        "A PEM file of the authorities to trust, relative to this file; the system's when absent.",
        verbatim=True,
    ),
    Key("certificate_file", "string", "Our certificate in PEM, for mutual TLS.", verbatim=True),
    Key("key_file", "string", "The key of our certificate in PEM.", verbatim=True),
    Key("key_password", "string", "The password of that key.", secret=True),
    Key(
        "check_hostname",
        "boolean",
        "Whether the broker's certificate must name the host we connect to.",
        default=True,
    ),
)

CONNECTION: Final = (
    Key(
        "name",
        "string",
        "What the connection is called in results, metrics and its consumer group.",
        required=True,
        pattern=NAME,
        pattern_help="1 to 40 lower-case letters, digits and dashes",
    ),
    Key("destination", "string", "The kind of CRM, see `transformer destinations`.", required=True),
    Key("settings", "section", "The settings of that kind of CRM."),
    Key(
        "mapping",
        "string",
        "The mapping file, relative to this file; the kind's default mapping when absent.",
        verbatim=True,
    ),
    Key(
        "opt_in",
        "string",
        "Whether an event must name the destination in its `integrations` (row S2).",
        default="required",
        choices=("required", "off"),
    ),
    Key(
        "topics",
        "strings",
        "The topics of this connection, in place of `kafka.topics`.",
        default=(),
        pattern=TOPIC,
        pattern_help=_TOPIC_HELP,
    ),
    Key("delivery", "section", "How events are gathered, retried and drained."),
    Key(
        "paused",
        "boolean",
        "A paused connection reads and writes nothing; some destinations start paused.",
        default=False,
    ),
    _positive(
        "workers",
        "integer",
        "How many workers run the connection at the most; what a CRM allows its account, and does"
        " not count itself, is divided among them.",
        1,
    ),
    Key(
        "credential_expires",
        "string",
        "The day on which the secret in `settings` ends, in UTC; alerts tell two weeks ahead.",
        pattern=DATE,
        pattern_help="a date as in 2027-01-31",
    ),
)

_POLICY: Final = Policy()

DELIVERY: Final = (
    _positive(
        "linger_seconds",
        "number",
        "How long a write may wait for others to share its request.",
        _POLICY.linger_seconds,
        0,
    ),
    Key(
        "batch_records",
        "integer",
        "Writes in one batch; what the CRM takes when absent.",
        minimum=1,
    ),
    _positive(
        "max_attempts",
        "integer",
        "How often a write is tried before its events go to the dead-letter topic.",
        _POLICY.max_attempts,
    ),
    _positive(
        "backoff_seconds",
        "number",
        "The first wait before a write is tried again; it doubles, with jitter.",
        _POLICY.backoff_seconds,
        0.01,
    ),
    _positive(
        "backoff_limit_seconds",
        "number",
        "The longest such wait.",
        _POLICY.backoff_limit_seconds,
        0.01,
    ),
    _positive(
        "in_flight_records",
        "integer",
        "Records read and not settled, over all partitions, at which reading pauses; more where the"
        " connection's bulk_threshold needs more to gather.",
        _POLICY.in_flight_records,
    ),
    _positive(
        "commit_seconds", "number", "How often offsets are committed.", _POLICY.commit_seconds, 0.01
    ),
    _positive(
        "drain_seconds",
        "number",
        "How long a stopping worker takes to settle what is in flight.",
        _POLICY.drain_seconds,
        0,
    ),
    _positive("read_records", "integer", "Records taken in one read.", _POLICY.read_records),
    _positive(
        "membership_seconds",
        "number",
        "How long the consumer group may be silent before writes are held back.",
        _POLICY.membership_seconds,
        1,
    ),
    Key(
        "coalesce",
        "boolean",
        "Whether waiting writes of one CRM record are merged into one.",
        default=_POLICY.coalesce,
    ),
    _positive(
        "fuse_share",
        "number",
        "The share of rejected events at which reading pauses; above 1 never.",
        _POLICY.fuse_share,
        0.01,
    ),
    _positive(
        "fuse_records",
        "integer",
        "How many events must have settled before the fuse judges them.",
        _POLICY.fuse_records,
    ),
    _positive(
        "fuse_window_seconds",
        "number",
        "The time over which the fuse judges.",
        _POLICY.fuse_window_seconds,
        1,
    ),
    _positive(
        "fuse_pause_seconds",
        "number",
        "How long nothing is read when the fuse has opened; doubles while it stays bad.",
        _POLICY.fuse_pause_seconds,
        1,
    ),
)

HTTP: Final = (
    Key(
        "host", "string", "The address to listen on; loopback unless changed.", default="127.0.0.1"
    ),
    Key(
        "port",
        "integer",
        "The port to listen on; 0 takes a free one.",
        default=9400,
        minimum=0,
        maximum=65_535,
    ),
)

LOG: Final = (
    Key("format", "string", "Text or JSON lines.", default="console", choices=("console", "json")),
    Key(
        "level",
        "string",
        "The least severe level that is written.",
        default="info",
        choices=("debug", "info", "warning", "error"),
    ),
)


def from_settings(settings: Sequence[Setting]) -> tuple[Key, ...]:
    """The keys under `settings`, as one kind of CRM declares them."""
    return tuple(
        Key(
            setting.name,
            setting.type,
            setting.help,
            default=setting.default,
            choices=setting.choices,
            secret=setting.secret,
        )
        for setting in settings
    )
