"""What to do with an upsert once its record was looked up: create, update, or leave it. Pure.

The rules of `Operation`, `on_create`, `on_update`, `fill` and `required`, once for every CRM whose
own upsert cannot keep them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from transformer.outcome import Reason, Rejected, Skipped
from transformer.upsert import Operation, Upsert

Values: TypeAlias = Mapping[str, object]

_NOTHING = (None, "")


@dataclass(frozen=True, slots=True)
class Create:
    """Create a record with these values."""

    values: Values


@dataclass(frozen=True, slots=True)
class Update:
    """Write these values to the record that was found."""

    values: Values


Choice: TypeAlias = Create | Update | Skipped | Rejected


def is_plain(upsert: Upsert) -> bool:
    """Whether the same values go to a new record and to an old one: no lookup is needed."""
    return (
        upsert.operation is Operation.UPSERT
        and len(upsert.matches) == 1
        and not (upsert.fill or upsert.on_create or upsert.on_update)
        and not _missing(upsert, upsert.properties)
    )


def choose(upsert: Upsert, record_id: str | None, there: Values) -> Choice:
    """What to do, given the record that was found (`record_id` None: no record) and its values."""
    if record_id is None:
        return _create(upsert)
    if upsert.operation is Operation.CREATE and upsert.matches:
        return Skipped(Reason.UPDATE_DISABLED, record_id=record_id)
    wanted = {**upsert.on_update, **upsert.properties}
    values = {
        name: value
        for name, value in wanted.items()
        if name not in upsert.fill or there.get(name) in _NOTHING
    }
    return Update(values) if values else Skipped(Reason.NOTHING_TO_WRITE, record_id=record_id)


def _create(upsert: Upsert) -> Choice:
    if upsert.operation is Operation.UPDATE:
        return Skipped(Reason.CREATE_DISABLED)
    values = {**upsert.on_create, **upsert.properties}
    missing = sorted(_missing(upsert, values))
    if missing:
        detail = f"{upsert.object_type}: required and without a value: {', '.join(missing)}."
        return Rejected(Reason.REQUIRED_FIELD_MISSING, detail)
    return Create(values)


def _missing(upsert: Upsert, values: Values) -> list[str]:
    return [name for name in upsert.required if values.get(name) in _NOTHING]
