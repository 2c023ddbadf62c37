"""SOQL text: names checked, values escaped, queries cut to what a URI may hold. Pure."""

import dataclasses
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote

from transformer.upsert import Scalar

MAX_URI_BYTES = 14_000  # the limit is 16,384 for the URI and its headers together
MAX_LITERAL_CHARS = 4_000
MAX_LITERAL_BYTES = 10_000  # encoded; it leaves room for the columns of any mapping
MAX_NAME_CHARS = 80

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
_SPECIAL = re.compile(r"[\x00-\x1f\\']")
_NUMBER = re.compile(r"[+-]?[0-9]{1,18}(?:\.[0-9]{1,18})?")
_SURROGATE = re.compile(f"[{chr(0xD800)}-{chr(0xDFFF)}]")
_MOST_BYTES_A_CHAR = 12
_UNSAFE = re.compile(r"[^A-Za-z0-9_.~%-]+")
# What stands in every query, replaced ahead of the rest; the escape's own character goes first.
_FREQUENT = (("%", "%25"), ("'", "%27"), (",", "%2C"), ("@", "%40"), ("\n", "%0A"))


def is_name(text: str) -> bool:
    """Whether `text` is an API name: only such text ever stands in a query or a path."""
    letters = text.isascii() and text.isidentifier() and text[0] != "_"
    return letters and len(text) <= MAX_NAME_CHARS


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
        case str():
            return "'" + _SPECIAL.sub(_escaped, value) + "'"
        case bool():
            return "TRUE" if value else "FALSE"
        case int():
            return str(value)
        case float():
            return repr(value)


def literal_problem(value: object) -> str | None:
    """Why `value` cannot be looked for, or None."""
    match value:
        case str():
            return _text_problem(value)
        case bool() | int():
            return None
        case float():
            return None if math.isfinite(value) else "expected a finite number"
        case _:
            return f"expected text or a number, got {type(value).__name__}"


def folded(value: object) -> str:
    """The form in which Salesforce compares values: case and outer blanks do not count."""
    if isinstance(value, str):
        return value.strip().lower()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip().lower()


@dataclass(frozen=True, slots=True)
class Query:
    """Which records of `object_type` have one of `values` in `field`; `columns` come back.

    `spellings` are how the values were written, folded, by the folded form in which they come back,
    where the two differ.
    """

    object_type: str
    field: str
    columns: tuple[str, ...]
    values: tuple[Scalar, ...]
    spellings: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict, hash=False)

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
        room, comma = max_bytes - len(_quoted(f"{self._head}()")), len(_quoted(","))
        part: list[Scalar] = []
        size = 0
        # No literal holds a line break, so one between them tells them apart.
        encoded = _quoted("\n".join(map(literal, self.values))).split(_quoted("\n"))
        for value, text in zip(self.values, encoded, strict=True):
            cost = len(text) + comma
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
        return replace(self, columns=kept)

    def retyped(self, *, quoted: bool) -> "Query | None":
        """The same query with its values as texts, or as numbers; None when they are so already.

        For a field whose type is not that of the values. Texts that are no numbers are left out:
        no record can have them there.
        """
        if any(isinstance(value, str) is quoted for value in self.values):
            return None
        others: dict[Scalar, None] = {}
        spellings: dict[str, tuple[str, ...]] = {}
        for value in self.values:
            other = folded(value) if quoted else _number(value)
            if other is not None:
                others[other] = None
                known = spellings.get(folded(other), ())
                spellings[folded(other)] = (*known, folded(value))
        return replace(self, values=tuple(others), spellings=spellings)


def query_path(soql: str) -> str:
    """The path and query string of a SOQL query, below the version's root."""
    return f"query?q={_quoted(soql)}"


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
    if not value.isascii() and _SURROGATE.search(value):
        return "it holds half of a surrogate pair"
    if len(value) * _MOST_BYTES_A_CHAR > MAX_LITERAL_BYTES:
        size = len(_quoted(literal(value)))
        if size > MAX_LITERAL_BYTES:
            return f"expected at most {MAX_LITERAL_BYTES} bytes in a query's URI, got {size}"
    return None


def _number(value: Scalar) -> int | float | None:
    text = str(value).strip()
    if _NUMBER.fullmatch(text) is None:
        return None
    return float(text) if "." in text else int(text)


def _scalar(value: object) -> Scalar:
    return value if isinstance(value, bool | int | float | str) else json.dumps(value)


def _escaped(found: re.Match[str]) -> str:
    char = found.group()
    return _ESCAPES.get(char) or f"\\u{ord(char):04X}"


def _quoted(text: str) -> str:
    """Write `text` for a URI, all but letters, digits and `_.-~` encoded.

    As the library does it, but several times faster for what a query is made of.
    """
    for char, code in _FREQUENT:
        text = text.replace(char, code)
    return _UNSAFE.sub(_encoded, text)


def _encoded(found: re.Match[str]) -> str:
    return quote(found.group(), safe="")


def _checksum(five: str) -> str:
    return _ID_DIGITS[sum(1 << place for place, char in enumerate(five) if char.isupper())]
