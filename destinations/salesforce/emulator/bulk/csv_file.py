"""CSV of Bulk API 2.0: rows in, result rows out. Knows no jobs and no records."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from destinations.salesforce.emulator.refusals import Refusal

DELIMITERS: Mapping[str, str] = {
    "BACKQUOTE": "`",
    "CARET": "^",
    "COMMA": ",",
    "PIPE": "|",
    "SEMICOLON": ";",
    "TAB": "\t",
}
LINE_ENDINGS: Mapping[str, str] = {"LF": "\n", "CRLF": "\r\n"}
NULL = "#N/A"


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a job's CSV is written."""

    delimiter: str = "COMMA"
    line_ending: str = "LF"


def read(data: bytes, dialect: Dialect) -> tuple[list[str], list[list[str]]]:
    """Return the header and the rows; raises the refusal of what is no such CSV."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Refusal("InvalidBatch", "The upload is not UTF-8") from None
    first_line, newline, _ = text.partition("\n")
    if newline and first_line.endswith("\r") != (dialect.line_ending == "CRLF"):
        what = f"Current LineEnding setting is {dialect.line_ending}"
        raise Refusal("ClientInputError", f"LineEnding is invalid on user data. {what}")
    stream = io.StringIO(text, newline="")
    reader = csv.reader(stream, delimiter=DELIMITERS[dialect.delimiter], strict=True)
    try:
        rows = [row for row in reader if row]
    except csv.Error as error:
        raise Refusal("InvalidBatch", f"The upload is no CSV: {error}") from None
    if not rows:
        raise Refusal("InvalidBatch", "The upload has no header row")
    header, *body = rows
    for number, row in enumerate(body, 2):
        if len(row) != len(header):
            text = f"Row {number} has {len(row)} columns, the header {len(header)}"
            raise Refusal("InvalidBatch", text)
    return header, body


def to_record(header: Sequence[str], row: Sequence[str]) -> dict[str, object]:
    """Return a row as a body: empty cells are left out, `#N/A` is null."""
    record: dict[str, object] = {}
    for name, cell in zip(header, row, strict=True):
        if cell == "":
            continue
        value = None if cell == NULL else cell
        relationship, dot, field = name.partition(".")
        record[relationship] = {field: value} if dot else value
    return record


def write(header: Sequence[str], rows: Sequence[Sequence[str]], dialect: Dialect) -> bytes:
    """Return rows as CSV under a header."""
    stream = io.StringIO(newline="")
    writer = csv.writer(
        stream,
        delimiter=DELIMITERS[dialect.delimiter],
        lineterminator=LINE_ENDINGS[dialect.line_ending],
        quoting=csv.QUOTE_ALL,
    )
    writer.writerow(header)
    writer.writerows(rows)
    return stream.getvalue().encode()
