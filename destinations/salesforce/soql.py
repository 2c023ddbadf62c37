"""SOQL text: names checked, values escaped, queries cut to what a URI may hold. Pure."""

import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from transformer.upsert import Scalar

MAX_URI_BYTES = 14_000  # the limit is 16,384 for the URI and its headers together
MAX_LITERAL_CHARS = 4_000

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,79}")
_ID = re.compile(r"[A-Za-z0-9]{15}(?:[A-Z0-5]{3})?")
_ID_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_ESCAPES = {
    "\\": "\\\\",
    "'": "\\'",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\b": "\\b",
    "\f": "\\f",
}


def is_name(text: str) -> bool:
    """Whether `text` is an API name: only such text ever stands in a query or a path."""
    return _NAME.fullmatch(text) is not None


def long_id(text: str) -> str | None:
    """The 18-character form of a record id, or None when `text` is not one.

    The last three characters of 18 say which of the first 15 are upper case; they must agree.
    """
    if _ID.fullmatch(text) is None:
        return None
    short = text[:15]
    full = short + "".join(_checksum(short[start : start + 5]) for start in (0, 5, 10))
    return full if text in {short, full} else None


def literal(value: Scalar) -> str:
    r"""Write `value` as SOQL: `O'Neil` as `'O\'Neil'`, numbers and booleans bare."""
    match value:
        case bool():
            return "TRUE" if value else "FALSE"
        case int():
            return str(value)
        case float():
            return repr(value)
        case str():
            return "'" + "".join(_escaped(char) for char in value) + "'"


def literal_problem(value: object) -> str | None:
    """Why `value` cannot be looked for, or None."""
    match value:
        case bool() | int():
            return None
        case float():
            return None if math.isfinite(value) else "expected a finite number"
        case str():
            return _text_problem(value)
        case _:
            return f"expected text or a number, got {type(value).__name__}"


def folded(value: object) -> str:
    """The form in which Salesforce compares values: case and outer blanks do not count."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip().casefold()


@dataclass(frozen=True, slots=True)
class Query:
    """Which records of `object_type` have one of `values` in `field`; `columns` come back."""

    object_type: str
    field: str
    columns: tuple[str, ...]
    values: tuple[Scalar, ...]

    @property
    def text(self) -> str:
        """The SOQL statement."""
        listed = ",".join(literal(value) for value in self.values)
        return f"{self._head}({listed})"

    @property
    def _head(self) -> str:
        columns = ",".join(self.columns)
        # Names are checked with is_name before a Query is made.
        return f"SELECT {columns} FROM {self.object_type} WHERE {self.field} IN "  # noqa: S608

    def cut(self, max_bytes: int = MAX_URI_BYTES) -> Iterator["Query"]:
        """Cut into queries whose encoded text fits `max_bytes`, values in order."""
        room = max_bytes - len(quote(f"{self._head}()", safe=""))
        part: list[Scalar] = []
        size = 0
        for value in self.values:
            cost = len(quote(f"{literal(value)},", safe=""))
            if part and size + cost > room:
                yield Query(self.object_type, self.field, self.columns, tuple(part))
                part, size = [], 0
            part.append(value)
            size += cost
        if part:
            yield Query(self.object_type, self.field, self.columns, tuple(part))

    def without(self, column: str) -> "Query | None":
        """The same query without a column that the org lacks; None when it needs that column."""
        needed = {"id", self.field.casefold()}
        kept = tuple(name for name in self.columns if name.casefold() != column.casefold())
        if column.casefold() in needed or len(kept) == len(self.columns):
            return None
        return Query(self.object_type, self.field, kept, self.values)


def query_path(soql: str) -> str:
    """The path and query string of a SOQL query, below the version's root."""
    return f"query?q={quote(soql, safe='')}"


def conditions(pairs: Sequence[tuple[str, object]]) -> str:
    """All of `pairs` hold: `A = 'x' AND B = null`."""
    return " AND ".join(
        f"{name} = {'null' if value is None else literal(_scalar(value))}" for name, value in pairs
    )


def _text_problem(value: str) -> str | None:
    if not value.strip():
        return "it is empty"
    if len(value) > MAX_LITERAL_CHARS:
        return f"expected at most {MAX_LITERAL_CHARS} characters, got {len(value)}"
    if any("\ud800" <= char <= "\udfff" for char in value):
        return "it holds half of a surrogate pair"
    return None


def _scalar(value: object) -> Scalar:
    return value if isinstance(value, bool | int | float | str) else json.dumps(value)


def _escaped(char: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    return f"\\u{ord(char):04X}" if ord(char) < ord(" ") else char


def _checksum(five: str) -> str:
    return _ID_DIGITS[sum(1 << place for place, char in enumerate(five) if char.isupper())]
