"""Bulk jobs: which rows go into which job's file, and which of them an answer is about. Pure.

The order of results is not promised, so a row goes into a job only when one of its columns tells it
from all others there; the rest goes the usual way.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from destinations.salesforce.bulk import csv_file
from destinations.salesforce.keys import is_id
from destinations.salesforce.pack import Row
from destinations.salesforce.plan import Write
from destinations.salesforce.schema import Field, ObjectSchema
from destinations.salesforce.soql import folded, long_id

MAX_JOB_BYTES = 50 * 1024 * 1024
OPERATIONS: Mapping[str, str] = {"create": "insert", "update": "update", "upsert": "upsert"}

Cells: TypeAlias = Mapping[str, tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Job:
    """One file: rows of one object and operation, by the folded value of the column `key`."""

    object_type: str
    kind: str
    key: str
    content: bytes
    rows: Mapping[str, Row]

    @property
    def by_id(self) -> bool:
        """Whether its rows are told apart by record id."""
        return self.kind == "update"

    def row_of(self, result: Mapping[str, str]) -> Row | None:
        """The row that one line of a result file is about, or None."""
        value = result.get(self.key.casefold(), "")
        return self.rows.get(_mark(value, by_id=self.by_id))


def group(rows: Iterable[Row]) -> Mapping[tuple[str, str, str], Sequence[Row]]:
    """Gather rows by object, kind of write and the column that tells them apart ("" for none)."""
    groups: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        write = row.write
        key = (write.object_type, write.kind, _key_column(write))
        groups.setdefault(key, []).append(row)
    return groups


def jobs(
    rows: Sequence[Row], key: str, schema: ObjectSchema, max_bytes: int = MAX_JOB_BYTES
) -> tuple[Sequence[Job], Sequence[Row]]:
    """Write the rows of one group as files; the rows that no file can hold come back.

    Those are: a value that CSV has no form for, a field that the org lacks or does not let us
    write (it would fail the whole job), and a key that another row has too.
    """
    fitting: list[tuple[Row, Cells, str]] = []
    left: list[Row] = []
    for row in rows:
        cells = _cells(row.write, schema)
        if cells is None or key.casefold() not in cells:
            left.append(row)
        else:
            mark = _mark(cells[key.casefold()][1], by_id=row.write.kind == "update")
            fitting.append((row, cells, mark))
    times = Counter(mark for _, _, mark in fitting)
    left.extend(row for row, _, mark in fitting if times[mark] > 1)
    unique = [entry for entry in fitting if times[entry[2]] == 1]
    return _files(unique, key, max_bytes), left


def _files(entries: Sequence[tuple[Row, Cells, str]], key: str, max_bytes: int) -> Sequence[Job]:
    columns: dict[str, str] = {}
    for _, cells, _ in entries:
        for folded_name, (name, _) in cells.items():
            columns.setdefault(folded_name, name)
    head = csv_file.line(list(columns.values()))
    made: list[Job] = []
    lines, taken, size = [head], dict[str, Row](), len(head)
    for row, cells, mark in entries:
        text = csv_file.line([cells[name][1] if name in cells else "" for name in columns])
        if taken and size + len(text) > max_bytes:
            made.append(_job(lines, taken, key))
            lines, taken, size = [head], {}, len(head)
        lines.append(text)
        taken[mark] = row
        size += len(text)
    return [*made, _job(lines, taken, key)] if taken else made


def _job(lines: Sequence[bytes], rows: Mapping[str, Row], key: str) -> Job:
    first = next(iter(rows.values())).write
    return Job(first.object_type, first.kind, key, b"".join(lines), rows)


def _key_column(write: Write) -> str:
    if write.kind == "update":
        return "Id"
    if write.kind == "upsert":
        # Jobs are documented for external ids only, which are custom fields.
        return write.field if write.field.casefold().endswith("__c") else ""
    return next((match.name for match in write.upsert.matches if not is_id(match)), "")


def _cells(write: Write, schema: ObjectSchema) -> Cells | None:
    """The row's cells by case-folded column, each with the column's name; None: it has no form."""
    cells: dict[str, tuple[str, str]] = {}
    if write.kind == "update":
        cells["id"] = ("Id", write.record_id)
    for name, value in write.body.items():
        text = csv_file.cell(value)
        field = schema.fields.get(name.casefold())
        if text is None or field is None or name.casefold() in cells:
            return None
        is_key = write.kind == "upsert" and name.casefold() == write.field.casefold()
        if is_key and text == csv_file.NULL:
            return None
        if not is_key and not _writable(write.kind, field):
            return None
        cells[name.casefold()] = (name, text)
    return cells


def _writable(kind: str, field: Field) -> bool:
    return (kind == "update" or field.createable) and (kind == "create" or field.updateable)


def _mark(value: str, *, by_id: bool) -> str:
    return (long_id(value) or value) if by_id else folded(value)
