"""Conversions of one value to another, as directives use them: names, numbers, dates, hosts.

Text that is blank stays as it is: it says that there is no value. Pure functions.
"""

import re
from datetime import UTC, datetime
from enum import Enum
from typing import Final

from transformer.hosts import company_host_of, host_of


class Absence(Enum):
    """The one value that says: this source has nothing to give, try the next."""

    ABSENT = "absent"


ABSENT: Final = Absence.ABSENT


def first_name_of(text: str) -> object:
    """The first of several words, or ABSENT."""
    words = text.split(None, 1)
    return words[0] if len(words) > 1 else ABSENT


def last_name_of(text: str) -> object:
    """All words but the first of several, or the only one, or ABSENT."""
    words = text.split(None, 1)
    return words[-1].rstrip() if words else ABSENT


def domain_of(text: str) -> object:
    """The host of a URL, e-mail address or domain; raises ValueError."""
    if not text.strip():
        return text
    host = host_of(text)
    if host is None:
        raise ValueError("expected a URL, an e-mail address or a domain")
    return host


def company_domain_of(text: str) -> object:
    """The same, or ABSENT when it is a mail provider's; raises ValueError."""
    host = domain_of(text)
    return host if not text.strip() or company_host_of(text) is not None else ABSENT


def filled_of(value: object) -> object:
    """The value, or ABSENT for blank text."""
    return ABSENT if isinstance(value, str) and not value.strip() else value


def digits_of(text: str) -> object:
    """Digits alone, with a leading plus kept."""
    kept = "".join(character for character in text if character.isdecimal())
    return f"+{kept}" if kept and text.lstrip().startswith("+") else kept


def integer_of(value: object) -> object:
    """A whole number; raises ValueError."""
    number = number_of(value)
    if isinstance(number, float) and not number.is_integer():
        raise ValueError("expected a whole number")
    return int(number) if isinstance(number, float) else number


_NUMBER: Final = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_WHOLE: Final = re.compile(r"[+-]?\d{1,18}", re.ASCII)


def number_of(value: object) -> object:
    """A number; raises ValueError."""
    if isinstance(value, bool):
        return int(value)
    if not isinstance(value, str):
        return value
    text = value.strip()
    if not text:
        return value
    if _WHOLE.fullmatch(text):
        return int(text)
    number = float(text) if len(text) <= 400 and _NUMBER.fullmatch(text) else None  # noqa: PLR2004
    if number is None or number in (float("inf"), float("-inf")):
        raise ValueError("expected a number")
    return number


_BOOLEANS: Final = {
    "true": True, "yes": True, "y": True, "on": True, "1": True,
    "false": False, "no": False, "n": False, "off": False, "0": False,
}  # fmt: skip


def boolean_of(value: object) -> object:
    """True or false; raises ValueError."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        if not value.strip():
            return value
        found = _BOOLEANS.get(value.strip().lower())
    else:
        found = _BOOLEANS.get(str(value))
    if found is None:
        raise ValueError("expected true or false, yes or no, 1 or 0")
    return found


_MILLISECONDS_FROM: Final = 1e11


def _moment(value: object) -> datetime:
    wanted = "expected an ISO 8601 date or time, or epoch seconds or milliseconds"
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(wanted)  # noqa: TRY004 - directives raise ValueError alone
    try:
        if not isinstance(value, str):
            seconds = value / 1000 if abs(value) >= _MILLISECONDS_FROM else value
            return datetime.fromtimestamp(seconds, UTC)
        moment = datetime.fromisoformat(value.strip())
        return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise ValueError(wanted) from error


def date_of(value: object) -> object:
    """An ISO 8601 date; raises ValueError."""
    if isinstance(value, str) and not value.strip():
        return value
    return _moment(value).date().isoformat()


def datetime_of(value: object) -> object:
    """A moment in UTC as ISO 8601 text; raises ValueError."""
    if isinstance(value, str) and not value.strip():
        return value
    try:
        moment = _moment(value).astimezone(UTC)
    except OverflowError as error:
        raise ValueError("expected a time between the years 1 and 9999") from error
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def text_of(value: object) -> str:
    """A scalar as text, as JSON spells it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
