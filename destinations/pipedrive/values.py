"""Values as Pipedrive wants them, formatted by the field's type, never guessed from the value.

Pure. An empty text clears fields whose type has no empty value, as null does: Pipedrive cannot
tell the two apart there. Source: "Pipedrive API v2 migration guide", read 2026-11-22.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

LONGEST_VARCHAR = 255
_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?")
_WHOLE = re.compile(r"[+-]?\d{1,18}")
_DECIMAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_MILLISECONDS_FROM = 1e11
_ADDRESS_ORDER = (
    ("street", "streetAddress", "street_address", "line1", "address1"),
    ("city", "town", "locality"),
    ("state", "region", "province"),
    ("postalCode", "postal_code", "zip", "zipCode", "zip_code"),
    ("country",),
)


class UnknownOption(ValueError):
    """A label that the field has no option for."""


class NotAScalar(ValueError):
    """A list or object where the field takes one value."""


def formatted(
    kind: str, value: object, *, options: Mapping[str, int] | None = None, currency: str = ""
) -> object:
    """The value for a field of type `kind`; raises ValueError saying what was expected.

    `options` are ids by case-folded label.
    """
    if value is None:
        return None
    if kind in {"enum", "status"}:
        return _option(value, options or {})
    if kind == "set":
        return _set(value, options or {})
    if kind in {"monetary", "lead_value"}:
        return _money(value, currency, "amount" if kind == "lead_value" else "value")
    return _FORMATS.get(kind, _text)(value)


def flat(code: str, kind: str, value: object) -> Mapping[str, object]:
    """A custom value as v1 takes it: at the root of the body, its parts under keys of their own."""
    if isinstance(value, list):
        return {code: ",".join(str(each) for each in value)}
    if not isinstance(value, Mapping):
        return {code: value}
    parts = {"monetary": "currency", "daterange": "until", "timerange": "until"}
    found = {code: value.get("value")}
    if kind in parts:
        found[f"{code}_{parts[kind]}"] = value.get(parts[kind])
    return found


def folded(text: str) -> str:
    """A name or label as it is compared: without case, spaces, dashes and underscores."""
    return re.sub(r"[\s_-]+", "", text).casefold()


def _text(value: object) -> object:
    if isinstance(value, Mapping | list):
        raise NotAScalar("expected one value")
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else str(value)


def _varchar(value: object) -> object:
    text = str(_text(value))
    if len(text) > LONGEST_VARCHAR:
        raise ValueError(f"expected at most {LONGEST_VARCHAR} characters, got {len(text)}")
    return text


def _double(value: object) -> object:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int | float):
        return value
    text = str(_text(value)).strip()
    if not text:
        return None
    if _WHOLE.fullmatch(text):
        return int(text)
    if not _DECIMAL.fullmatch(text):
        raise ValueError("expected a number")
    return float(text)


def _int(value: object) -> object:
    number = _double(value)
    if isinstance(number, float):
        if not number.is_integer():
            raise ValueError("expected a whole number")
        return int(number)
    return number


def _boolean(value: object) -> object:
    words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    if isinstance(value, bool):
        return value
    found = words.get(str(_text(value)).strip().casefold())
    if found is None:
        raise ValueError("expected true or false")
    return found


def _moment(value: object) -> datetime | None:
    wanted = "expected an ISO 8601 date or time, or epoch seconds or milliseconds"
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(wanted)  # noqa: TRY004 - every formatter raises ValueError
    if isinstance(value, str) and not value.strip():
        return None
    try:
        if isinstance(value, str):
            moment = datetime.fromisoformat(value.strip())
            return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        seconds = value / 1000 if abs(value) >= _MILLISECONDS_FROM else value
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise ValueError(wanted) from error


def _date(value: object) -> object:
    moment = _moment(value)
    return None if moment is None else moment.date().isoformat()


def _rfc3339(value: object) -> object:
    moment = _moment(value)
    return None if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _plain_moment(value: object) -> object:
    moment = _moment(value)
    return None if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def _clock(value: object) -> str:
    found = _TIME.fullmatch(str(_text(value)).strip())
    if found is None:
        raise ValueError("expected a time such as 09:30")
    hour, minute, second = found.groups()
    return f"{int(hour):02}:{minute}:{second or '00'}"


def _time(value: object) -> object:
    inner = value.get("value") if isinstance(value, Mapping) else value
    return None if inner is None or inner == "" else {"value": _clock(inner)}


def _range(form: Callable[[object], object]) -> Callable[[object], object]:
    """From `{value, until}`, `{from, to}`, `{start, end}`, a list of two, or `a/b`."""

    def function(value: object) -> object:
        if value == "":
            return None
        ends: Sequence[object] = ()
        if isinstance(value, Mapping):
            for first, last in (("value", "until"), ("from", "to"), ("start", "end")):
                if first in value and last in value:
                    ends = (value[first], value[last])
        elif isinstance(value, list):
            ends = value
        elif isinstance(value, str):
            ends = [each.strip() for each in value.split("/")]
        if len(ends) != 2 or any(each in {None, ""} for each in ends):  # noqa: PLR2004 - two ends
            raise ValueError("expected two ends, such as 2026-01-01/2026-02-01")
        return {"value": form(ends[0]), "until": form(ends[1])}

    return function


def _address(value: object) -> object:
    """Pipedrive takes an address as one line and finds its parts itself."""
    if isinstance(value, list):
        raise NotAScalar("expected text or an object with street, city and country")
    if not isinstance(value, Mapping):
        text = str(_text(value)).strip()
        return {"value": text} if text else None
    whole = value.get("value") or value.get("formatted")
    parts = [next((str(value[n]) for n in names if value.get(n)), "") for names in _ADDRESS_ORDER]
    line = str(whole or ", ".join(part for part in parts if part))
    return {"value": line} if line else None


def _money(value: object, currency: str, name: str) -> object:
    amount: object = value
    if isinstance(value, Mapping):
        amount = value.get("value", value.get("amount"))
        currency = str(value.get("currency") or currency)
    number = _double(amount) if amount is not None else None
    if number is None:
        return None
    if not currency:
        raise ValueError("expected a currency with the amount")
    return {name: number, "currency": currency.upper()}


def _option(value: object, options: Mapping[str, int]) -> object:
    if isinstance(value, str) and not value.strip():
        return None
    if isinstance(value, int) and not isinstance(value, bool) and value in options.values():
        return value
    text = str(_text(value))
    found = options.get(folded(text))
    if found is None and text.strip().isdecimal() and int(text) in options.values():
        return int(text)
    if found is None:
        raise UnknownOption("expected the label of one of the field's options")
    return found


def _set(value: object, options: Mapping[str, int]) -> object:
    """Option ids of a list, or of a text with semicolons or commas; an empty one clears."""
    listed = value if isinstance(value, list) else None
    if listed is None:
        text = str(_text(value))
        whole = options.get(folded(text))
        listed = [whole] if whole else [each for each in re.split(r"[;,]", text) if each.strip()]
    ids = [_option(each, options) for each in listed]
    return list(dict.fromkeys(each for each in ids if each is not None)) or None


def _list(form: Callable[[object], object]) -> Callable[[object], object]:
    def function(value: object) -> object:
        found = [form(each) for each in (value if isinstance(value, list) else [value])]
        return [each for each in found if each is not None]

    return function


_FORMATS: Mapping[str, Callable[[object], object]] = {
    "varchar": _varchar,
    "varchar_auto": _varchar,
    "phone": _varchar,
    "text": _text,
    "currency": lambda value: str(_text(value)).strip().upper() or None,
    "double": _double,
    "int": _int,
    "user": _int,
    "org": _int,
    "people": _int,
    "boolean": _boolean,
    "flag": lambda value: int(bool(_boolean(value))),
    "date": _date,
    "moment": _rfc3339,
    "plain_moment": _plain_moment,
    "daterange": _range(_date),
    "time": _time,
    "timerange": _range(_clock),
    "address": _address,
    "ints": _list(_int),
    "texts": _list(_text),
}
