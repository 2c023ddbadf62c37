"""Match keys: how the record is found, from traits or from an external id, and what is refused."""

import re
from typing import Final

from transformer.decode import name_of
from transformer.event import Event, ExternalId
from transformer.mapping.conversions import ABSENT
from transformer.mapping.model import MatchRule, Names
from transformer.mapping.reading import CONTAINERS, Refused, raw_value, read_first
from transformer.outcome import Reason
from transformer.upsert import Match, Operation

_MAX_CHARACTERS: Final = 255
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def matches_of(rules: tuple[MatchRule, ...], event: Event, names: Names) -> tuple[Match, ...]:
    """The match keys that the event has a value for, in order; raises Refused when it has none."""
    found: list[Match] = []
    unusable: Refused | None = None
    for rule in rules:
        try:
            match = _match(rule, event, names)
        except Refused as refused:
            if not (rule.lenient and refused.rejected.reason is Reason.INVALID_VALUE):
                raise
            unusable = unusable or refused
            continue
        if match is not None:
            found.append(match)
    if not found:
        if unusable is not None:
            raise unusable
        looked = ", ".join(f"{rule.name} from {rule.sources[0].label}" for rule in rules)
        detail = f"no value to find the record by: expected {looked}, got nothing or blank text"
        raise Refused(Reason.MATCH_KEY_MISSING, detail)
    return tuple(found)


def external_match(
    entry: ExternalId, names: Names, path: str
) -> tuple[Operation, tuple[Match, ...]]:
    """What an external id asks for: create without an id, update by id, upsert by a field.

    Raises Refused when the id or the field's name is not one.
    """
    field = entry.identifier_type
    if field is not None and field.casefold() != names.record_id.casefold():
        if not names.field.fullmatch(field):
            detail = f"{path}.identifierType: expected the name of a field, got {field!r}"
            raise Refused(Reason.INVALID_FIELD_NAME, detail)
        if entry.id is None:
            detail = f"{path}.id: expected the value of {field}, got nothing"
            raise Refused(Reason.MATCH_KEY_MISSING, detail)
        return Operation.UPSERT, (Match(field, _checked(entry.id, f"{path}.id")),)
    if entry.id is None:
        if field is not None:
            detail = f"{path}.id: expected the id of a record, got nothing"
            raise Refused(Reason.MATCH_KEY_MISSING, detail)
        return Operation.CREATE, ()
    if not names.record_id_pattern.fullmatch(entry.id):
        detail = f"{path}.id: expected the id of a record, got {entry.id[:80]!r}"
        raise Refused(Reason.INVALID_RECORD_ID, detail)
    return Operation.UPDATE, (Match(names.record_id, entry.id),)


def _match(rule: MatchRule, event: Event, names: Names) -> Match | None:
    """The match of one rule; None when its value is absent, null or blank."""
    value = read_first(rule.sources, event)
    if type(value) is str:
        text = value.strip()
        return Match(rule.name, _formed(text, rule, names)) if text else None
    if value is None:
        return None
    if value is not ABSENT:
        if rule.form == "text" and (type(value) is int or type(value) is float):
            return Match(rule.name, value)
        raise _invalid(rule, f"got {name_of(value)}")
    for source in rule.sources:
        value = raw_value(source, event)
        if type(value) in CONTAINERS:
            raise _invalid(rule, f"got {name_of(value)} in {source.label}")
    return None


def _formed(text: str, rule: MatchRule, names: Names) -> str:
    if rule.form == "email":
        user, _, host = text.partition("@")
        if not user or not host or "@" in host or " " in text or not text.isprintable():
            raise _invalid(rule, f"got {text[:80]!r}")
        if len(text) <= _MAX_CHARACTERS:
            return text
    elif rule.form == "record_id" and not names.record_id_pattern.fullmatch(text):
        raise _invalid(rule, f"got {text[:80]!r}")
    return _checked(text, rule.name)


def _checked(text: str, where: str) -> str:
    if len(text) > _MAX_CHARACTERS:
        detail = f"{where}: expected at most {_MAX_CHARACTERS} characters, got {len(text)}"
        raise Refused(Reason.MATCH_KEY_INVALID, detail)
    if not text.isprintable() and _CONTROL.search(text):
        raise Refused(
            Reason.MATCH_KEY_INVALID, f"{where}: expected text without control characters"
        )
    return text


_FORMS: Final = {
    "email": "an e-mail address",
    "record_id": "the id of a record",
    "text": "text or a number",
}


def _invalid(rule: MatchRule, got: str) -> Refused:
    detail = f"{rule.name} cannot find a record: expected {_FORMS[rule.form]}, {got}"
    return Refused(Reason.MATCH_KEY_INVALID, detail)
