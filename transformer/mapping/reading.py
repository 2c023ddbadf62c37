"""Reads the value of a source from an event: the path, its directives, and what counts as a value.

Absent, null, "", 0 and false are five different things; objects and lists are not values.
"""

from collections.abc import Sequence
from typing import Final

from transformer.decode import name_of
from transformer.event import Event
from transformer.mapping.conversions import ABSENT, Absence, text_of
from transformer.mapping.model import Path, Source, Step, TemplatePart
from transformer.outcome import Reason, Rejected

CONTAINERS: Final = frozenset((dict, list))
_JSON: Final = (str, int, float, bool, type(None), dict, list)


class Refused(Exception):
    """The upsert cannot be made of this event; carries its rejection."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.rejected = Rejected(reason, detail)


def walk(tree: object, path: Path) -> object:
    """The value at `path`, or ABSENT."""
    for segment in path:
        if not isinstance(tree, dict):
            return ABSENT
        tree = tree.get(segment, ABSENT)
    return tree


def read_source(source: Source, event: Event) -> object:
    """The value that `source` gives, or ABSENT when it is passed over; raises Refused."""
    value = raw_value(source, event)
    for step in source.steps:
        if value is ABSENT:
            return ABSENT
        value = _applied(step, source, event, value)
    return ABSENT if type(value) in CONTAINERS else value


def read_first(sources: Sequence[Source], event: Event) -> object:
    """The value of the first source that has one, or ABSENT; raises Refused."""
    for source in sources:
        if source.key is not None:  # the hot path: a trait as it is
            value = event.traits.get(source.key, ABSENT)
            if type(value) in CONTAINERS:
                continue
        else:
            value = read_source(source, event)
        if value is not ABSENT:
            return value
    return ABSENT


def raw_value(source: Source, event: Event) -> object:
    """What `source` finds before its directives: any JSON value, or ABSENT."""
    if source.path:
        return walk(event.root if source.root else event.traits, source.path)
    if source.template:
        return _filled(source.template, event)
    return source.constant


def _filled(parts: Sequence[TemplatePart], event: Event) -> str | Absence:
    """The text of a template; ABSENT when one of its paths has no value to show."""
    pieces = []
    for part in parts:
        pieces.append(part.text)
        if part.path:
            value = walk(event.root if part.root else event.traits, part.path)
            if value is ABSENT or value is None or type(value) in CONTAINERS:
                return ABSENT
            pieces.append(text_of(value))
    return "".join(pieces)


def _applied(step: Step, source: Source, event: Event, value: object) -> object:
    try:
        if step.python is not None:
            return _checked(step.python(event, value))
        return value if step.function is None else step.function(value)
    except Exception as error:  # a named function is foreign code and may raise anything
        got = name_of(value) if isinstance(value, dict | list) else repr(value)[:200]
        detail = f"{source.label}: {step.label}: {error}, got {got}"
        raise Refused(Reason.INVALID_VALUE, detail) from error


def _checked(value: object) -> object:
    if value is ABSENT or type(value) in _JSON:
        return value
    raise TypeError(f"expected a JSON value, the function returned {type(value).__name__}")
