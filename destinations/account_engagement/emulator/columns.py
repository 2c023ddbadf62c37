"""The columns of an emulated import: as the job declares them, and as its files have them."""

import csv
import io
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from destinations.account_engagement.emulator.answers import Refusal
from transformer.emulator.server import Call

KEYS = frozenset({"fieldName", "overwrite", "nullOverwrite"})


@dataclass(frozen=True, slots=True)
class Column:
    """Whether a column's values, and its blanks, replace what is there; both unless it says so."""

    overwrite: bool = True
    null_overwrite: bool = True


def columns_of(declared: object, known: Collection[str]) -> Mapping[str, Column]:
    """The columns that a job declares, by name; unknown names and keys are refused."""
    columns: dict[str, Column] = {}
    for each in declared if isinstance(declared, list) else [declared]:
        if not isinstance(each, dict) or each.keys() - KEYS or "fieldName" not in each:
            raise Refusal(154, "Invalid property: fields.")
        name = str(each["fieldName"])
        if name not in known:
            raise Refusal(159, f"Unknown column: {name}.")
        flags = [each.get(key, True) for key in ("overwrite", "nullOverwrite")]
        if not all(isinstance(flag, bool) for flag in flags):
            raise Refusal(50, "overwrite and nullOverwrite must be booleans.")
        columns[name] = Column(*flags)
    return columns


def rows_of(call: Call) -> tuple[Sequence[str], Sequence[Mapping[str, str]]]:
    """Header and rows of the file in a multipart body."""
    reader = csv.reader(io.StringIO(_file(call)))
    header = next(reader, [])
    rows = []
    for cells in reader:
        if len(cells) != len(header):
            raise Refusal(226, "A row has not as many cells as there are columns.")
        rows.append(dict(zip(header, cells, strict=True)))
    if not rows:
        raise Refusal(156, "The import has no data.")
    return header, rows


def _file(call: Call) -> str:
    """The one part called `importFile` of a multipart body."""
    boundary = re.search(r'boundary="?([^";]+)"?', call.headers.get("Content-Type", ""))
    if boundary is None:
        raise Refusal(158, "The import file is missing.")
    parts = call.body.split(b"--" + boundary.group(1).encode())
    files = [part for part in parts if b'name="importFile"' in part]
    if len(files) != 1:
        raise Refusal(158 if not files else 162, "Expected one import file.")
    content: bytes = files[0].partition(b"\r\n\r\n")[2]
    return content.removesuffix(b"\r\n").decode()
