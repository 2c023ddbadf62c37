"""What `transformer map --explain` adds: per property, its source, its directives, and why."""

from collections.abc import Iterator, Mapping
from typing import Final

from rich.table import Table

from transformer.cli import terminal
from transformer.mapping import Explanation, FieldExplanation
from transformer.outcome import Rejected

_COLUMNS: Final = ("property", "value", "goes to", "source", "directives", "passed over", "where")


def entries(explanation: Explanation) -> list[dict[str, object]]:
    """One entry per result of the event, with its fields in the order they were looked at."""
    return [
        {
            "object": None if isinstance(one.result, Rejected) else one.result.object_type,
            "direction": one.direction,
            "fields": [_field(field) for field in one.fields],
            "unmapped": list(one.unmapped),
        }
        for one in explanation.upserts
    ]


def _field(field: FieldExplanation) -> dict[str, object]:
    return {
        "name": field.name,
        "value": field.value,
        "goes": field.goes,
        "source": field.source,
        "directives": list(field.directives),
        "merges": _merges(field),
        "passed_over": [{"source": one.source, "why": one.why} for one in field.passed_over],
        "note": field.note.code if field.note else None,
        "where": field.where,
    }


def _merges(field: FieldExplanation) -> str:
    """What becomes of it when a later event of the record waits with this one."""
    if field.additive:
        return "additive"
    return "apart" if field.apart else "replaced"


def tables(line: object, explained: object) -> Iterator[Table]:
    """The same for people: one table per result."""
    for entry in explained if isinstance(explained, list) else []:
        if not entry["fields"] and not entry["unmapped"]:
            continue
        title = f"line {line}: {entry['object'] or 'rejected'}"
        if entry["direction"] not in {None, "to_crm"}:
            title += f", direction {entry['direction']}"
        if entry["unmapped"]:
            title += f" (not mapped: {terminal.safe(', '.join(entry['unmapped']))})"
        yield terminal.table(title, _COLUMNS, [_row(field) for field in entry["fields"]])


def _row(field: Mapping[str, object]) -> tuple[object, ...]:
    passed, directives = field["passed_over"], field["directives"]
    told = [field["note"], field["merges"] if field["merges"] != "replaced" else None]
    note = f" ({', '.join(str(one) for one in told if one)})" if any(told) else ""
    return (
        field["name"],
        terminal.value(field["value"]),
        f"{field['goes']}{note}",
        field["source"] or "default",
        ", ".join(directives) if isinstance(directives, list) else "",
        terminal.lines(
            f"{one['source']}: {one['why']}" for one in (passed if isinstance(passed, list) else [])
        ),
        field["where"],
    )
