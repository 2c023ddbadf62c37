"""The configuration reader: values, defaults, and every problem with its position."""

# ruff: noqa: E501 - messages are shown whole

from pathlib import Path

import pytest

from tests.unit.config.configuration import MINIMAL, kinds, problems, read
from transformer.config import Http, Kafka, Log, load
from transformer.errors import ConfigurationError
from transformer.policy import Policy
from transformer.security import Security


def test_a_minimal_file_takes_every_default(tmp_path: Path) -> None:
    """Four keys are enough."""
    config = read(tmp_path, MINIMAL)
    assert config.kafka == Kafka(
        bootstrap_servers=("localhost:9092",),
        topics=("events",),
        metrics_topic="transformer.metrics",
        dead_letter_topic="transformer.dead-letters",
        group_prefix="transformer-",
        client_id="transformer",
        create_topics=True,
        partitions=6,
        replication=1,
        metrics_retention_seconds=604_800,
        dead_letter_retention_seconds=2_592_000,
        max_record_bytes=8_388_608,
        connect_timeout_seconds=10.0,
        session_timeout_seconds=20.0,
        security=Security(),
    )
    (connection,) = config.connections
    assert (connection.name, connection.destination, connection.opt_in, connection.paused) == (
        "crm",
        "desk",
        "required",
        False,
    )
    assert connection.settings == {"region": "us", "quick": False, "share": 0.5, "token": None}
    assert (connection.mapping, connection.topics) == (None, ("events",))
    assert connection.delivery == Policy()
    assert config.http == Http("127.0.0.1", 9400)
    assert config.log == Log("console", "info")
    assert config.group(connection) == "transformer-crm"


def test_a_default_of_the_policy_is_the_default_of_the_file(tmp_path: Path) -> None:
    """An empty `delivery` section is the policy as it is in code."""
    config = read(tmp_path, MINIMAL + "    delivery: {}\n")
    assert config.connections[0].delivery == Policy()


def test_the_end_of_a_credential_is_the_beginning_of_its_day(tmp_path: Path) -> None:
    """In UTC; nobody knows it when the file does not say."""
    assert read(tmp_path, MINIMAL).connections[0].credential_expires is None
    config = read(tmp_path, MINIMAL + "    credential_expires: 2027-01-31\n")
    assert config.connections[0].credential_expires == 1_801_353_600.0


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("soon", "a date as in 2027-01-31"),
        ("2027-1-31", "a date as in 2027-01-31"),
        ("2027-02-30", "a day of the calendar"),
    ],
)
def test_what_is_no_day_is_told(tmp_path: Path, day: str, expected: str) -> None:
    """With what to write."""
    assert problems(tmp_path, MINIMAL + f"    credential_expires: {day}\n") == [
        f'c.yaml:7: $.connections[0].credential_expires: wrong value, expected {expected}, got "{day}".'
    ]


def test_every_problem_is_reported_at_once_with_its_line_and_path(tmp_path: Path) -> None:
    """Six mistakes give six lines."""
    text = """\
kafka:
  bootstrap_servers: localhost
  topics: [events]
  metric_topic: m
connections:
  - name: CRM
    destination: desc
    opt_in: maybe
    delivery: {max_attempts: 0}
http: {port: web}
"""
    assert problems(tmp_path, text) == [
        (
            'c.yaml:4: $.kafka.metric_topic: unknown key "metric_topic", expected one of '
            "bootstrap_servers, topics, metrics_topic, dead_letter_topic, group_prefix, client_id, "
            "create_topics, partitions, replication, metrics_retention_seconds, "
            "dead_letter_retention_seconds, max_record_bytes, connect_timeout_seconds, "
            "session_timeout_seconds, security. "
            'Did you mean "metrics_topic"?'
        ),
        'c.yaml:2: $.kafka.bootstrap_servers: wrong value, expected host:port, got "localhost".',
        (
            "c.yaml:6: $.connections[0].name: wrong value, expected 1 to 40 lower-case letters, "
            'digits and dashes, got "CRM".'
        ),
        'c.yaml:8: $.connections[0].opt_in: wrong value, expected one of required, off, got "maybe".',
        (
            "c.yaml:9: $.connections[0].delivery.max_attempts: wrong value, expected a whole number of "
            'at least 1, got "0".'
        ),
        'c.yaml:7: $.connections[0].destination: unknown destination "desc", expected one of desk.',
        (
            "c.yaml:10: $.http.port: wrong value, expected a whole number of at least 0 and at most "
            '65535, got "web".'
        ),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "",
            "c.yaml:1: $: wrong content, expected a mapping of keys to values, got an empty file.",
        ),
        (
            "[1]",
            "c.yaml:1: $: wrong content, expected a mapping of keys to values, got something else.",
        ),
        (
            "kafka: {",
            (
                "c.yaml:1: $: not valid YAML: expected the node content, but found '<stream end>'. "
                "Indent with spaces, and quote texts with special characters."
            ),
        ),
        (
            "a: \tb: c",
            (
                "c.yaml:1: $: not valid YAML: found character '\\t' that cannot start any token. "
                "Indent with spaces, and quote texts with special characters."
            ),
        ),
    ],
)
def test_a_file_that_is_no_mapping_is_one_clear_problem(
    tmp_path: Path, text: str, expected: str
) -> None:
    """Empty, a list, cut off."""
    assert problems(tmp_path, text) == [expected]


def test_a_file_that_cannot_be_read_is_one_clear_problem(tmp_path: Path) -> None:
    """It is not there."""
    with pytest.raises(ConfigurationError, match=r"cannot read the configuration.*No such file"):
        load(tmp_path / "none.yaml", kinds, {})


def test_bytes_that_are_not_utf8_are_one_clear_problem(tmp_path: Path) -> None:
    """Latin-1 has no place here."""
    (tmp_path / "c.yaml").write_bytes(b"kafka: \xff")
    with pytest.raises(ConfigurationError, match="bytes that are not UTF-8"):
        load(tmp_path / "c.yaml", kinds, {})


def test_missing_sections_are_named(tmp_path: Path) -> None:
    """Both are required."""
    assert problems(tmp_path, "log: {}\n") == [
        'c.yaml:1: $: "kafka" is missing, expected a section. The Kafka cluster and its topics.',
        'c.yaml:1: $: "connections" is missing, expected a section. The configured destinations.',
    ]


def test_a_key_given_twice_is_a_problem(tmp_path: Path) -> None:
    """YAML would let the last one win, silently."""
    assert problems(tmp_path, MINIMAL + "    name: other\n") == [
        "c.yaml:7: $.connections[0].name: given twice, first on line 5. Remove one of them."
    ]


def test_connections_of_one_name_are_a_problem(tmp_path: Path) -> None:
    """Names tell consumer groups apart."""
    assert problems(tmp_path, MINIMAL + "  - name: crm\n    destination: desk\n") == [
        (
            'c.yaml:7: $.connections[1]: the name "crm" is taken on line 5, expected unique names: '
            "results and consumer groups are told apart by it."
        )
    ]


def test_settings_are_judged_by_their_kind(tmp_path: Path) -> None:
    """Types, choices, unknown keys with a suggestion."""
    text = MINIMAL + "    settings: {region: euu, quick: 3, share: much, tokn: x}\n"
    assert problems(tmp_path, text) == [
        (
            'c.yaml:7: $.connections[0].settings.tokn: unknown key "tokn", expected one of region, '
            'quick, share, token. Did you mean "token"?'
        ),
        (
            'c.yaml:7: $.connections[0].settings.region: wrong value, expected one of us, eu, got "euu".'
            ' Did you mean "eu"?'
        ),
        'c.yaml:7: $.connections[0].settings.quick: wrong type, expected true or false, got "3".',
        'c.yaml:7: $.connections[0].settings.share: wrong value, expected a number, got "much".',
    ]


def test_what_the_kind_finds_wrong_is_reported_at_the_key(tmp_path: Path) -> None:
    """A contradiction between settings."""
    text = MINIMAL + "    settings:\n      region: eu\n      quick: true\n"
    assert problems(tmp_path, text) == [
        "c.yaml:9: $.connections[0].settings.quick: is not available in eu. Remove it."
    ]


def test_what_the_kind_finds_wrong_waits_until_each_setting_is_right(tmp_path: Path) -> None:
    """Else it would judge a default that nobody chose."""
    text = MINIMAL + "    settings:\n      region: eu\n      quick: true\n      share: much\n"
    (line,) = problems(tmp_path, text)
    assert line.startswith("c.yaml:10: $.connections[0].settings.share: wrong value")


def test_a_number_above_its_limit_is_refused(tmp_path: Path) -> None:
    """A port ends at 65535."""
    assert problems(tmp_path, MINIMAL + "http: {port: 65536}\n") == [
        (
            "c.yaml:7: $.http.port: wrong value, expected a whole number of at least 0 and at "
            'most 65535, got "65536".'
        )
    ]


def test_words_that_yaml_takes_for_booleans_are_read_as_written(tmp_path: Path) -> None:
    """`off` is a word here, and `0123` keeps its zero."""
    config = read(tmp_path, MINIMAL + "    opt_in: off\n    settings: {token: 0123}\n")
    assert config.connections[0].opt_in == "off"
    assert config.connections[0].settings["token"] == "0123"


def test_a_topic_that_is_read_must_not_be_produced_to(tmp_path: Path) -> None:
    """The worker would read its own results for ever."""
    text = MINIMAL.replace("topics: events", "topics: [events, transformer.metrics]")
    assert problems(tmp_path, text) == [
        (
            "c.yaml:3: $.kafka.topics: metrics_topic is also one of `topics`, expected another name: "
            "the worker would read what it produces."
        )
    ]


def test_security_is_read_and_judged(tmp_path: Path) -> None:
    """SASL needs credentials; what has no effect is said."""
    secured = MINIMAL.replace(
        "  topics", "  security: {protocol: SASL_SSL, username: u, password: p}\n  topics"
    )
    config = read(tmp_path, secured)
    assert config.kafka is not None
    assert config.kafka.security == Security(protocol="SASL_SSL", username="u", password="p")
    bare = MINIMAL.replace("  topics", "  security: {protocol: SASL_SSL, ca_file: a}\n  topics")
    assert problems(tmp_path, bare) == [
        "c.yaml:3: $.kafka.security: SASL_SSL needs username and password. Give both."
    ]
    idle = MINIMAL.replace("  topics", "  security: {username: u}\n  topics")
    assert problems(tmp_path, idle) == [
        (
            "c.yaml:3: $.kafka.security.username: has no effect with protocol PLAINTEXT. "
            "Remove it, or choose another protocol."
        )
    ]


def test_files_of_security_are_relative_to_the_configuration(tmp_path: Path) -> None:
    """As mappings and secrets are, wherever the worker is started."""
    names = "ca_file: ca.pem, certificate_file: own/c.pem, key_file: /keys/k.pem"
    config = read(
        tmp_path, MINIMAL.replace("  topics", f"  security: {{protocol: SSL, {names}}}\n  topics")
    )
    assert config.kafka is not None
    assert config.kafka.security == Security(
        protocol="SSL",
        ca_file=str(tmp_path / "ca.pem"),
        certificate_file=str(tmp_path / "own/c.pem"),
        key_file="/keys/k.pem",
    )


def test_a_list_of_the_wrong_type_is_told_once(tmp_path: Path) -> None:
    """Not that it is empty, too."""
    assert problems(tmp_path, MINIMAL.replace("topics: events", "topics: {a: 1}")) == [
        "c.yaml:3: $.kafka.topics: wrong type, expected one value, got a mapping."
    ]
    assert problems(tmp_path, MINIMAL.replace("topics: events", "topics: []")) == [
        (
            "c.yaml:3: $.kafka.topics: empty, expected at least one: a topic name of letters, "
            "digits, dots, dashes and underscores."
        )
    ]


def test_a_mapping_file_is_relative_to_the_configuration(tmp_path: Path) -> None:
    """And it must be there."""
    (tmp_path / "own.yaml").touch()
    config = read(tmp_path, MINIMAL + "    mapping: own.yaml\n")
    assert config.connections[0].mapping == tmp_path / "own.yaml"
    (line,) = problems(tmp_path, MINIMAL + "    mapping: none.yaml\n")
    assert line.startswith("c.yaml:7: $.connections[0].mapping: no such mapping file")


def test_yaml_anchors_and_merges_work(tmp_path: Path) -> None:
    """Two connections share what they share."""
    text = MINIMAL.replace("  - name: crm", "  - &base\n    name: crm") + (
        "  - <<: *base\n    name: other\n"
    )
    config = read(tmp_path, text)
    assert [c.name for c in config.connections] == ["crm", "other"]
    assert [c.destination for c in config.connections] == ["desk", "desk"]


@pytest.mark.parametrize("value", ["nan", "inf", "-1", "1e400"])
def test_numbers_that_are_none_are_refused(tmp_path: Path, value: str) -> None:
    """Not a number, infinite, negative."""
    (line,) = problems(tmp_path, MINIMAL + f"    delivery: {{backoff_seconds: {value}}}\n")
    assert "expected a number of at least 0.01" in line
