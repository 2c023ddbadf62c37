"""Values on the wire: text, by the property's own type and never by the look of the value. Pure.

null and "" clear (""), absent is not sent, false is "false" and 0 is "0". HubSpot cannot tell
null from "": both are "no value" there.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal

from destinations.hubspot.schema import Property

MILLISECONDS_FROM = 1e11
MAX_TEXT_CHARS = 65_536

_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_WHOLE = re.compile(r"[+-]?\d{1,15}", re.ASCII)
_TRUE = frozenset({"true", "yes", "y", "on", "1"})
_FALSE = frozenset({"false", "no", "n", "off", "0"})


class Unusable(ValueError):
    """A value that the property cannot hold; the text says what was expected."""


class NotScalar(ValueError):
    """A list or object for a property that holds one value."""


def wire(prop: Property, value: object) -> str:
    """The text to send for `value`. Raises Unusable, or NotScalar for lists and objects."""
    if value is None or value == "":
        return ""
    if isinstance(value, list) and prop.several:
        return ";".join(dict.fromkeys(_option(prop, item) for item in value if item is not None))
    if not isinstance(value, str | int | float):
        raise NotScalar("expected text, a number, a boolean or null")
    if prop.type in _FORMS:
        return _FORMS[prop.type](prop, value)
    return _text(prop, value)


def text_of(value: str | float) -> str:
    """A scalar as plain text: booleans as JSON spells them, numbers without exponents."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        whole = value.is_integer()
        return str(int(value)) if whole else format(Decimal(repr(value)), "f")
    return str(value)


def _text(prop: Property, value: str | float) -> str:
    text = text_of(value)
    if len(text) > MAX_TEXT_CHARS:
        raise Unusable(f"expected at most {MAX_TEXT_CHARS} characters, got {len(text)}")
    return text.strip().lower() if prop.name == "email" else text


def _number(_prop: Property, value: str | float) -> str:
    if isinstance(value, bool):
        raise Unusable(f"expected a number, got {text_of(value)}")
    if not isinstance(value, str):
        return text_of(value)
    text = value.strip()
    if not text:
        return ""
    if _NUMBER.fullmatch(text) is None:
        raise Unusable(f'expected a number, got "{value[:80]}"')
    return format(Decimal(text), "f") if re.search("[eE+]", text) else text


def _boolean(_prop: Property, value: str | float) -> str:
    folded = text_of(value).strip().casefold()
    if folded in _TRUE | _FALSE:
        return "true" if folded in _TRUE else "false"
    if not folded:
        return ""
    raise Unusable(f'expected true or false, got "{str(value)[:80]}"')


def _enumeration(prop: Property, value: str | float) -> str:
    if not prop.several:
        return _option(prop, value)
    text = text_of(value)
    # A leading ";" adds to what is there instead of replacing it.
    lead = ";" if text.startswith(";") else ""
    return lead + ";".join(_option(prop, each) for each in text.split(";") if each.strip())


def _option(prop: Property, value: object) -> str:
    if not isinstance(value, str | int | float):
        raise NotScalar("expected texts, numbers or booleans")
    text = text_of(value).strip()
    if not text or prop.options is None:
        return text
    found = prop.options.get(text) or prop.options.get(text.casefold())
    if found is None:
        allowed = ", ".join(list(dict.fromkeys(prop.options.values()))[:20])
        raise Unusable(f'expected one of {allowed}, got "{text[:80]}"')
    return found


def _date(_prop: Property, value: str | float) -> str:
    if isinstance(value, str) and not value.strip():
        return ""
    return _moment(value, "a date").date().isoformat()


def _datetime(_prop: Property, value: str | float) -> str:
    if isinstance(value, str) and not value.strip():
        return ""
    moment = _moment(value, "a time").replace(tzinfo=None)
    return moment.isoformat(timespec="milliseconds") + "Z"


def _moment(value: str | float, what: str) -> datetime:
    """A moment in UTC. Seconds and milliseconds since 1970 are told apart by their size."""
    wanted = f"expected {what}: ISO 8601, or seconds or milliseconds since 1970"
    if isinstance(value, bool):
        raise Unusable(f"{wanted}, got {text_of(value)}")
    text = value.strip() if isinstance(value, str) else ""
    try:
        if isinstance(value, str) and _WHOLE.fullmatch(text) is None:
            moment = datetime.fromisoformat(text)
            moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            return moment.astimezone(UTC)
        number = float(value)
        seconds = number / 1000 if abs(number) >= MILLISECONDS_FROM else number
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        raise Unusable(f'{wanted}, got "{str(value)[:80]}"') from None


_FORMS: Mapping[str, Callable[[Property, str | float], str]] = {
    "number": _number,
    "bool": _boolean,
    "enumeration": _enumeration,
    "date": _date,
    "datetime": _datetime,
}
