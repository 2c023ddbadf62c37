"""Where values of the configuration come from: the environment, files; and who does without."""

from pathlib import Path

import pytest

from tests.unit.config.configuration import MINIMAL, kinds, problems, read
from transformer.config import load_for_kafka, load_for_mapping
from transformer.errors import ConfigurationError


def test_variables_are_taken_from_the_environment(tmp_path: Path) -> None:
    """Anywhere in a value, with and without a default, for numbers too."""
    text = MINIMAL.replace("localhost:9092", "${HOST}:${PORT:-9092}") + (
        "    paused: ${PAUSED:-yes}\n    settings: {token: '${TOKEN}'}\n"
        "http: {port: '${HTTP_PORT:-0}'}\n"
    )
    config = read(tmp_path, text, {"HOST": "broker", "TOKEN": "s3cret"})
    assert config.kafka is not None
    assert config.kafka.bootstrap_servers == ("broker:9092",)
    assert config.connections[0].settings["token"] == "s3cret"
    assert config.connections[0].paused is True
    assert config.http.port == 0


def test_a_missing_variable_is_named_with_its_line(tmp_path: Path) -> None:
    """And what to do about it."""
    text = MINIMAL + "    settings: {token: '${TOKEN}'}\n"
    assert problems(tmp_path, text) == [
        (
            "c.yaml:7: $.connections[0].settings.token: the environment variable TOKEN is not set, "
            "expected a value. Set it, or write ${TOKEN:-default}."
        )
    ]


@pytest.mark.parametrize("text", ["${NO PE}", "${TOKEN", "${A:-${B}}", "x${}"])
def test_what_is_nearly_a_variable_is_told(tmp_path: Path, text: str) -> None:
    """It would be taken for the secret itself."""
    assert problems(tmp_path, MINIMAL + f"    settings: {{token: '{text}'}}\n") == [
        (
            "c.yaml:7: $.connections[0].settings.token: `${` begins no variable, expected ${NAME} "
            "or ${NAME:-default}. Correct it; a text that holds `${` itself may come from a "
            "variable or a file."
        )
    ]


def test_a_variable_may_hold_what_looks_like_one(tmp_path: Path) -> None:
    """Its value is taken as it is."""
    text = MINIMAL + "    settings: {token: '${TOKEN}'}\n"
    config = read(tmp_path, text, {"TOKEN": "${NO PE"})
    assert config.connections[0].settings["token"] == "${NO PE"


def test_an_empty_secret_file_is_told(tmp_path: Path) -> None:
    """At its line, not as credentials that are missing altogether."""
    (tmp_path / "token").write_text("\n", encoding="utf-8")
    (line,) = problems(tmp_path, MINIMAL + "    settings: {token: 'file:token'}\n")
    assert line.startswith("c.yaml:7: $.connections[0].settings.token: cannot read the file ")
    assert line.endswith("token, expected a text file, got: an empty file.")


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    """Relative to the configuration, without its last line break."""
    (tmp_path / "token").write_text("from file\n", encoding="utf-8")
    config = read(tmp_path, MINIMAL + "    settings: {token: 'file:token'}\n")
    assert config.connections[0].settings["token"] == "from file"


def test_a_secret_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """Its path may be said, it is not the secret."""
    assert problems(tmp_path, MINIMAL + "    settings: {token: 'file:/none/token'}\n") == [
        (
            "c.yaml:7: $.connections[0].settings.token: cannot read the file /none/token, expected "
            "a text file, got: No such file or directory."
        )
    ]


def test_secrets_do_not_show_themselves(tmp_path: Path) -> None:
    """Not in the representation of the configuration, nor of the settings."""
    config = read(tmp_path, MINIMAL + "    settings: {token: hunter2}\n")
    assert "hunter2" not in repr(config)
    assert "hunter2" not in repr(config.connections[0].settings)


def test_a_secret_of_the_wrong_shape_is_not_quoted(tmp_path: Path) -> None:
    """A list where a text belongs."""
    (line,) = problems(tmp_path, MINIMAL + "    settings: {token: [hunter2]}\n")
    assert line == (
        "c.yaml:7: $.connections[0].settings.token: wrong type, expected one value, got a list."
    )


def test_mapping_needs_neither_kafka_nor_credentials(tmp_path: Path) -> None:
    """`transformer map` works on a laptop without any of them."""
    file = tmp_path / "c.yaml"
    file.write_text(
        "connections:\n  - name: crm\n    destination: desk\n"
        "    settings: {token: '${TOKEN}', quick: true, region: eu}\n",
        encoding="utf-8",
    )
    config = load_for_mapping(file, kinds, {})
    assert config.kafka is None
    assert config.connections[0].settings["token"] is None


def test_reading_topics_needs_no_credentials_of_the_crm(tmp_path: Path) -> None:
    """But those of Kafka."""
    file = tmp_path / "c.yaml"
    file.write_text(MINIMAL + "    settings: {token: '${TOKEN}'}\n", encoding="utf-8")
    assert load_for_kafka(file, kinds, {}).kafka is not None
    file.write_text(MINIMAL.replace("localhost", "${HOST}"), encoding="utf-8")
    with pytest.raises(ConfigurationError, match="variable HOST is not set"):
        load_for_kafka(file, kinds, {})
