r"""CSV as Bulk API 2.0 has it: rows out, results in. Pure; knows no jobs.

An empty cell leaves its field alone and `#N/A` is null, so text that is empty, or is `#N/A`, has no
form here. Source: Bulk API 2.0 Developer Guide, "Prepare CSV Files", v67.0, read 2026-11-22.
"""

import csv
import io
import math
import re
from collections.abc import Iterator, Mapping, Sequence

from destinations.salesforce.reasons import VendorError

# Nearly everybody else's jobs have commas: by this one we know our own in the org's list.
DELIMITER_NAME = "CARET"
LINE_ENDING = "LF"
NULL = "#N/A"
MAX_CELL_CHARS = 100_000

_DELIMITER = "^"
_ERROR = re.compile(r"([A-Za-z][A-Za-z_]*) ?:(.*)", re.DOTALL)
_NAME = r"(?:[A-Z][\w.]*|[\w.]+__c)"
_FIELDS = re.compile(rf"{_NAME}(?:[ ,;]+{_NAME})*")
_SEPARATORS = re.compile(r"[ ,;]+")


def cell(value: object) -> str | None:
    """Write `value` as the text of a cell, or None when it has no form there."""
    match value:
        case None:
            return NULL
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return repr(value) if math.isfinite(value) else None
        case str():
            return value if _is_plain(value) else None
        case _:
            return None


def line(cells: Sequence[str]) -> bytes:
    """One line of the file, every cell that holds something in quotes."""
    quoted = ('"' + text.replace('"', '""') + '"' if text else "" for text in cells)
    return (_DELIMITER.join(quoted) + "\n").encode()


def read_results(text: str, column: str) -> Iterator[Mapping[str, str]]:
    """Yield the rows of a result file by case-folded column.

    Raises ValueError when it is none: every result file of a job has the job's own `column`.
    """
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=_DELIMITER, strict=True))
    except csv.Error as error:
        raise ValueError(str(error)) from None
    if not rows:
        return
    header = [name.casefold() for name in rows[0]]
    if column.casefold() not in header:
        raise ValueError(f"expected a column {column}")
    for row in rows[1:]:
        if len(row) != len(header):
            raise ValueError(f"expected {len(header)} columns, got {len(row)}")
        yield dict(zip(header, row, strict=True))


def read_error(text: str) -> VendorError:
    """Read `CODE:message:Field Field --`; the dashes may be missing, or all there is."""
    found = _ERROR.fullmatch(text.strip())
    if found is None:
        return VendorError("UNKNOWN", text)
    message, _, tail = found.group(2).rpartition(":")
    named = tail.strip().removesuffix("--").strip()
    if not named:
        return VendorError(found.group(1), message)
    if message and _FIELDS.fullmatch(named):
        return VendorError(found.group(1), message, tuple(_SEPARATORS.split(named)))
    return VendorError(found.group(1), found.group(2))


def _is_plain(text: str) -> bool:
    if not text.strip() or text.strip() == NULL or len(text) > MAX_CELL_CHARS:
        return False
    return not any("\ud800" <= char <= "\udfff" or char == "\0" for char in text)
