"""What one property value must look like: HubSpot's checks by type. Pure."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from destinations.hubspot.emulator.refusals import Problem, invalid
from destinations.hubspot.emulator.schema import Property

MAX_TEXT = 65_536
DAY_MS = 86_400_000
_NUMBER = re.compile(r"-?(?:\d+(?:\.\d*)?|\.\d+)", re.ASCII)
_EMAIL = re.compile(r"[^@\s,;<>\"]+@(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_EPOCH = re.compile(r"-?\d{1,15}")

Choices = Callable[[Property], Mapping[str, str] | None]


def text_of(name: str, value: object) -> str:
    """Read a JSON value as HubSpot's string map does; lists and objects are no values."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise invalid(
        "Invalid input JSON on line 1, column 1: Cannot deserialize value of type"
        f' `java.lang.String` for properties["{name}"]'
    )


def check(prop: Property, text: str, choices: Choices) -> str | Problem:
    """Return the value as it is stored, or what is wrong with it; "" clears."""
    if text == "":
        return text
    if prop.type == "enumeration":
        return _enumeration(prop, text, choices)
    kind = "email" if prop.name == "email" else prop.type
    return _CHECKS.get(kind, _text)(prop, text)


def _text(prop: Property, text: str) -> str | Problem:
    if len(text) > MAX_TEXT:
        what = f'Property "{prop.name}" is too long, max {MAX_TEXT} characters'
        return Problem(prop.name, "VALUE_TOO_LONG", what)
    return text


def _email(prop: Property, text: str) -> str | Problem:
    folded = text.strip().lower()
    if _EMAIL.fullmatch(folded) is None:
        return Problem(prop.name, "INVALID_EMAIL", f"Email address {text} is invalid")
    return folded


def _number(prop: Property, text: str) -> str | Problem:
    if _NUMBER.fullmatch(text.strip()) is None:
        return Problem(prop.name, "INVALID_FLOAT", f"{text} was not a valid number.")
    return text.strip()


def _bool(prop: Property, text: str) -> str | Problem:
    if text.lower() not in {"true", "false"}:
        what = f"{text} was not one of the allowed options: [true, false]"
        return Problem(prop.name, "INVALID_OPTION", what)
    return text.lower()


def _enumeration(prop: Property, text: str, choices: Choices) -> str | Problem:
    allowed = choices(prop)
    if allowed is None:
        return text
    several = prop.field_type == "checkbox"
    given = [each for each in text.split(";") if each] if several else [text]
    wrong = [each for each in given if each not in allowed]
    if wrong:
        listed = ", ".join(allowed)
        what = f"{wrong[0]} was not one of the allowed options: [{listed}]"
        return Problem(prop.name, "INVALID_OPTION", what)
    return text


def _date(prop: Property, text: str) -> str | Problem:
    wrong = Problem(prop.name, "INVALID_DATE", f"{text} was not a valid date.")
    if _EPOCH.fullmatch(text) and not _DATE.fullmatch(text):
        if int(text) % DAY_MS:
            what = f"{text} is at {_clock(int(text))}, not midnight!"
            return Problem(prop.name, "INVALID_DATE", what)
        return datetime.fromtimestamp(int(text) / 1000, UTC).date().isoformat()
    if _DATE.fullmatch(text) is None:
        return wrong
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).date().isoformat()
    except ValueError:
        return wrong


def _datetime(prop: Property, text: str) -> str | Problem:
    try:
        if _EPOCH.fullmatch(text) and not _DATE.fullmatch(text):
            moment = datetime.fromtimestamp(int(text) / 1000, UTC)
        else:
            moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        return Problem(prop.name, "INVALID_DATE", f"{text} was not a valid datetime.")
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return stamp(moment.timestamp())


def _clock(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%H:%M:%S.%f UTC")


def stamp(seconds: float) -> str:
    """Write epoch seconds as HubSpot does: UTC with milliseconds."""
    moment = datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)
    return moment.isoformat(timespec="milliseconds") + "Z"


_CHECKS: Mapping[str, Callable[[Property, str], str | Problem]] = {
    "email": _email,
    "number": _number,
    "bool": _bool,
    "date": _date,
    "datetime": _datetime,
}
