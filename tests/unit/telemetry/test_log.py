"""Logs: a sentence and known fields, and nothing else, whatever is thrown at them."""

import io
import logging
from collections.abc import Iterator

import orjson
import pytest

from transformer.telemetry import log


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """Where logs go during one test; the root logger is put back afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield io.StringIO()
    root.handlers, root.level = handlers, level


def _lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [
        {key: value for key, value in orjson.loads(line).items() if key != "time"}
        for line in stream.getvalue().splitlines()
    ]


def test_a_json_line_has_the_sentence_and_its_fields(stream: io.StringIO) -> None:
    """One object per line."""
    log.configure(style="json", level="info", stream=stream)
    log.Log("worker").info("Connection is waiting.", connection="crm", seconds=1.5)
    assert _lines(stream) == [
        {
            "level": "info",
            "part": "transformer.worker",
            "sentence": "Connection is waiting.",
            "connection": "crm",
            "seconds": 1.5,
        }
    ]


def test_a_console_line_is_for_people(stream: io.StringIO) -> None:
    """Time, level, sentence, fields."""
    log.configure(style="console", level="info", stream=stream)
    log.Log("worker").warning("Connection is waiting.", connection="crm")
    assert stream.getvalue()[23:] == "Z WARNING Connection is waiting. connection=crm\n"


def test_a_field_that_is_not_listed_is_never_written(stream: io.StringIO) -> None:
    """Redaction is by construction, not by a list of bad words."""
    log.configure(style="json", level="info", stream=stream)
    extra = {"transformer_fields": {"email": "a@b.c", "topic": "events"}}
    logging.getLogger("transformer.x").info("Strange.", extra=extra)
    assert _lines(stream) == [
        {"level": "info", "part": "transformer.x", "sentence": "Strange.", "topic": "events"}
    ]


def test_fields_set_on_the_record_are_written_too(stream: io.StringIO) -> None:
    """The engine logs without knowing this module."""
    log.configure(style="json", level="info", stream=stream)
    logging.getLogger("transformer.x").info("%s left.", 2, extra={"connection": "crm", "a": 1})
    assert _lines(stream) == [
        {"level": "info", "part": "transformer.x", "sentence": "2 left.", "connection": "crm"}
    ]


def test_other_libraries_are_written_without_their_arguments(stream: io.StringIO) -> None:
    """A URL with an address in it does not come along."""
    log.configure(style="json", level="info", stream=stream)
    other = logging.getLogger("httpx")
    other.info("HTTP Request: %s", "https://crm/?email=a@b.c")
    other.warning("Failed: %s", "https://crm/?email=a@b.c")
    assert _lines(stream) == [{"level": "warning", "part": "httpx", "sentence": "Failed: %s"}]


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("Task exception was never retrieved\nfuture: <E('a@b.c')>", "Task exception was never"),
        ("Exception in callback Lane.go(<Task 'a@b.c'>)", "Exception in callback Lane.go"),
        ("bad address a@b.c here", "bad address"),
        ("a@b.c is bad", ""),
        ("token 00D5e!AQ refused", "token"),
    ],
)
def test_a_text_made_by_another_library_ends_where_it_is_not_plain(
    said: str, written: str, stream: io.StringIO
) -> None:
    """What has no arguments may have them in it already: asyncio shows a task's exception so."""
    log.configure(style="json", level="info", stream=stream)
    logging.getLogger("asyncio").error(said)
    (line,) = _lines(stream)
    assert str(line["sentence"]).startswith(written)
    assert "a@b.c" not in stream.getvalue()
    assert "00D5e" not in stream.getvalue()


def test_an_exception_is_written_as_its_type_and_place(stream: io.StringIO) -> None:
    """Its text may hold a customer's data."""
    log.configure(style="json", level="info", stream=stream)
    try:
        int("a@b.c")
    except ValueError:
        logging.getLogger("transformer.x").exception("It failed.")
    (line,) = _lines(stream)
    assert str(line.pop("problem")).startswith("ValueError at ")
    assert line == {"level": "error", "part": "transformer.x", "sentence": "It failed."}


def test_levels_below_the_configured_one_are_not_written(stream: io.StringIO) -> None:
    """Debug is off unless asked for."""
    log.configure(style="json", level="warning", stream=stream)
    log.Log("x").debug("a")
    log.Log("x").info("b")
    log.Log("x").error("c")
    assert [line["sentence"] for line in _lines(stream)] == ["c"]
