"""Whether what a mapping writes fits the field of the CRM that it writes to. Pure; knows no CRM.

A destination says what the CRM's field takes (`Slot`), the mapping what it makes (`FieldUse`): the
checks of all destinations compare the two here.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Literal, TypeAlias

from transformer.upsert import FieldUse, Scalar, ValueKind

Kinds: TypeAlias = frozenset[ValueKind]
Refusal: TypeAlias = Callable[[Scalar], str | None]

NOTHING: Final[Kinds] = frozenset()
TEXT: Final[Kinds] = frozenset({"text"})
MOMENTS: Final[Kinds] = frozenset({"date", "datetime"})
TEXTS: Final[Kinds] = TEXT | MOMENTS  # directives write dates and times as text
INTEGERS: Final[Kinds] = frozenset({"integer"})
NUMBERS: Final[Kinds] = frozenset({"integer", "number"})
TRUTHS: Final[Kinds] = frozenset({"boolean"})
ANYTHING: Final[Kinds] = TEXTS | NUMBERS | TRUTHS

_SHOWN_CHARACTERS: Final = 60
_SHOWN_OPTIONS: Final = 20
_NUMBER: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_WHOLE: Final = re.compile(r"[+-]?\d+", re.ASCII)


def anything(_value: Scalar) -> str | None:
    """Refuse nothing."""
    return None


def a_number(value: Scalar) -> str | None:
    """Refuse what does not read as a number."""
    return None if _NUMBER.fullmatch(str(value).strip()) else "expected a number"


def a_whole_number(value: Scalar) -> str | None:
    """Refuse what does not read as a whole number."""
    return None if _WHOLE.fullmatch(str(value).strip()) else "expected a whole number"


def a_truth(value: Scalar) -> str | None:
    """Refuse all but true and false, in any case."""
    return None if str(value).casefold() in {"true", "false"} else "expected true or false"


def a_date(value: Scalar) -> str | None:
    """Refuse what is not written as 2026-11-22."""
    return _read(date.fromisoformat, value, "-", "expected a date: 2026-11-22")


def a_moment(value: Scalar) -> str | None:
    """Refuse what is not written as 2026-11-22T10:00:00Z."""
    return _read(datetime.fromisoformat, value, "T", "expected a moment: 2026-11-22T10:00:00Z")


def one_of(options: Sequence[str], separator: str | None = None) -> Refusal:
    """Refuse what is no option; with a `separator`, each of several must be one."""

    def refusal(value: Scalar) -> str | None:
        chosen = str(value).split(separator) if separator else [str(value)]
        if all(each in options for each in chosen if each or not separator):
            return None
        return f"expected one of {', '.join(options[:_SHOWN_OPTIONS])}"

    return refusal


def _read(read: Callable[[str], date], value: Scalar, mark: str, expected: str) -> str | None:
    """Whether `read` takes it and `mark` is in it: Python reads more forms than CRMs do."""
    try:
        read(str(value))
    except ValueError:
        return expected
    return None if mark in str(value) else expected


@dataclass(frozen=True, slots=True)
class Slot:
    """What one field of a CRM takes; `name` and `type` are how messages call it.

    `takes` are the kinds of value it takes, `reads` those of which it takes what reads as one of
    its own: text that is a number. `refuses` says what was expected instead of a value of these
    kinds, or None. `longer` says what becomes of text of more than `max_characters`.
    """

    name: str
    type: str
    takes: Kinds = ANYTHING
    reads: Kinds = NOTHING
    refuses: Refusal = anything
    max_characters: int | None = None
    longer: str = "Longer ones are rejected."


@dataclass(frozen=True, slots=True)
class Misfit:
    """What is wrong between a mapping and a field."""

    level: Literal["warning", "error"]
    message: str


def misfits(use: FieldUse, slot: Slot) -> Sequence[Misfit]:
    """Everything that is known to be wrong before the first event."""
    return [*_kinds(use, slot), *_constants(use, slot), *_cut(use, slot)]


def kind_of(value: Scalar) -> ValueKind:
    """The kind of a constant; dates are texts there."""
    match value:
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "text"


def _kinds(use: FieldUse, slot: Slot) -> Iterable[Misfit]:
    for kind in sorted(use.kinds - slot.takes):
        made = f"{slot.name}: the mapping makes {_named(kind)} of it"
        if kind in slot.reads:
            yield Misfit(
                "warning",
                f"{made}; of type {slot.type}, it takes only what reads as"
                f" {_listed(slot.takes)}. Convert it to that.",
            )
        else:
            yield Misfit(
                "error",
                f"{made}, expected {_listed(slot.takes)} for type {slot.type}."
                " Correct the directive, or write to another field.",
            )


def _constants(use: FieldUse, slot: Slot) -> Iterable[Misfit]:
    for value in use.constants:
        expected = _expected(value, slot)
        if expected is not None:
            yield Misfit(
                "error",
                f"{slot.name}: the mapping writes {_shown(value)} itself, {expected}."
                " Correct the default, the value or the table.",
            )


def _expected(value: Scalar, slot: Slot) -> str | None:
    """What was expected instead of a constant, or None when it fits."""
    if kind_of(value) not in slot.takes | slot.reads:
        return f"expected {_listed(slot.takes)} for type {slot.type}"
    refusal = slot.refuses(value)
    if refusal is not None:
        return refusal
    most = slot.max_characters
    if most is not None and isinstance(value, str) and len(value) > most:
        return f"expected at most {most} characters, got {len(value)}"
    return None


def _cut(use: FieldUse, slot: Slot) -> Iterable[Misfit]:
    most, cut = slot.max_characters, use.truncates
    if most is not None and cut is not None and cut > most:
        yield Misfit(
            "warning",
            f"{slot.name}: the mapping cuts it at {cut} characters, the field takes {most}."
            f" {slot.longer} Truncate it to {most}.",
        )


def _named(kind: ValueKind) -> str:
    return kind if kind == "text" else f"{'an' if kind == 'integer' else 'a'} {kind}"


def _listed(kinds: Kinds) -> str:
    return " or ".join(_named(kind) for kind in sorted(kinds))


def _shown(value: Scalar) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        cut = value if len(value) <= _SHOWN_CHARACTERS else f"{value[:_SHOWN_CHARACTERS]}…"
        return f'"{cut}"'
    return str(value)
