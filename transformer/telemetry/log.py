"""Logs on stderr: a sentence and fields, as text or JSON lines. Safe by construction.

A sentence says nothing of customers; what varies goes into fields, and only the fields listed
here are ever written. Other libraries' records are written as their unformatted template, so that
no URL, property value or secret of theirs comes along.
"""

import logging
import re
import sys
import time
from collections.abc import Mapping
from typing import IO, Final, Literal, TypedDict, Unpack

import orjson

Level = Literal["debug", "info", "warning", "error"]


class Fields(TypedDict, total=False):
    """Every field a log line may have."""

    connection: str
    destination: str
    mapping: str
    topic: str
    topics: str
    partition: int
    offset: int
    group: str
    state: str
    reason: str
    records: int
    events: int
    partitions: int
    attempts: int
    status: int
    seconds: float
    used: int
    limit: int
    host: str
    port: int
    url: str
    version: str
    problem: str


_NAMES: Final = frozenset(Fields.__annotations__)
_KEY: Final = "transformer_fields"
_OWN: Final = "transformer"
_PLAIN: Final = re.compile(r"(?:[A-Za-z_]+(?![^\s.,!?;:(])[.,!?;:]*[ ]*)*")
_LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


class Log:
    """One part's log: `Log("worker").info("Connection is waiting.", connection="crm")`."""

    def __init__(self, part: str) -> None:
        self._logger = logging.getLogger(f"{_OWN}.{part}")

    def debug(self, sentence: str, **fields: Unpack[Fields]) -> None:
        """What only matters when looking for a fault."""
        self._logger.debug(sentence, extra={_KEY: fields})

    def info(self, sentence: str, **fields: Unpack[Fields]) -> None:
        """A change of state."""
        self._logger.info(sentence, extra={_KEY: fields})

    def warning(self, sentence: str, **fields: Unpack[Fields]) -> None:
        """Trouble, and nothing was lost."""
        self._logger.warning(sentence, extra={_KEY: fields})

    def error(self, sentence: str, **fields: Unpack[Fields]) -> None:
        """An operator must act."""
        self._logger.error(sentence, extra={_KEY: fields})


def configure(
    *, style: Literal["console", "json"], level: Level, stream: IO[str] | None = None
) -> None:
    """Write logs to stderr from now on; other libraries' only from `warning` up."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_Json() if style == "json" else _Console())
    handler.addFilter(_is_ours_or_trouble)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(_LEVELS[level])


def _is_ours_or_trouble(record: logging.LogRecord) -> bool:
    return _is_ours(record) or record.levelno >= logging.WARNING


def _is_ours(record: logging.LogRecord) -> bool:
    return record.name == _OWN or record.name.startswith(f"{_OWN}.")


def _fields(record: logging.LogRecord) -> dict[str, object]:
    given = getattr(record, _KEY, None)
    # Ours come under one key; modules that must not know this one set them on the record.
    fields = given if isinstance(given, Mapping) else vars(record)
    shown = {name: value for name, value in fields.items() if name in _NAMES}
    if record.exc_info and record.exc_info[1]:
        shown["problem"] = _problem(record.exc_info[1])
    return shown


def _problem(fault: BaseException) -> str:
    """Its type and place; not its text, which may hold a customer's data."""
    trace = fault.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f" at {trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else ""
    return f"{type(fault).__name__}{where}"


def _sentence(record: logging.LogRecord) -> str:
    """Our own text as it is; of others the fixed part only, never their arguments.

    Where there are none, they may be in the text already (asyncio shows a task's exception so):
    then it is the plain words that it begins with.
    """
    if _is_ours(record):
        return record.getMessage()
    if not isinstance(record.msg, str):
        return type(record.msg).__name__
    if record.args:
        return record.msg
    begin = _PLAIN.match(record.msg)
    return begin.group().strip() if begin else ""


def _time(record: logging.LogRecord) -> str:
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
    return f"{whole}.{int(record.msecs):03d}Z"


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "part": record.name,
            "sentence": _sentence(record),
            **_fields(record),
        }
        return orjson.dumps(line, default=str).decode()


class _Console(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        fields = "".join(f" {name}={value}" for name, value in _fields(record).items())
        part = "" if _is_ours(record) else f" [{record.name}]"
        return f"{_time(record)} {record.levelname:<7}{part} {_sentence(record)}{fields}"
