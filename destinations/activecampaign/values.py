"""Values on their way to ActiveCampaign: text, several texts, truth and money. Pure.

Every scalar of the API is text, so that null and "" are the same to it: both clear the field.
"""

import re
from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation

SEPARATOR = "||"
_NOISE = Decimal("0.000001")
_MAX_CENTS = 10**18
_WHOLE_FLOATS = 10**15
_DIGITS = 18
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)[T ]\d\d:.*\Z", re.DOTALL)
_YES = frozenset({"true", "yes", "y", "on", "1"})


def text_of(value: object) -> str | None:
    """A scalar as the API takes it; None for a list or an object."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < _WHOLE_FLOATS:
        return str(int(value))
    if isinstance(value, str | int | float):
        return str(value)
    return None


def several_text_of(value: object) -> str | None:
    """The value of a field that takes several, with bars around it even when it is one.

    Of a list, or of a text with bars between; None for what is neither.
    """
    if isinstance(value, list | tuple):
        texts = [text_of(item) for item in value if item is not None]
        if any(text is None or SEPARATOR in text for text in texts):
            return None
    elif (text := text_of(value)) is None:
        return None
    else:
        texts = list(text.split(SEPARATOR))
    parts = [text for text in texts if text]
    return f"{SEPARATOR}{SEPARATOR.join(parts)}{SEPARATOR}" if parts else ""


def date_text_of(value: object) -> str | None:
    """The value of a date field: of a moment its day, as it is written there."""
    text = text_of(value)
    return _MOMENT.sub(r"\1", text.strip()) if text else text


def names_of(value: object) -> tuple[str, ...]:
    """Names from a list, or from text with `||` or else commas between them; each once."""
    if isinstance(value, list | tuple):
        parts = [text_of(item) or "" for item in value]
    else:
        text = text_of(value) or ""
        parts = text.split(SEPARATOR if SEPARATOR in text else ",")
    return tuple(dict.fromkeys(part.strip() for part in parts if part.strip()))


def is_number(text: str) -> bool:
    """Whether it is a whole number that an id can be."""
    return text.isdecimal() and len(text) <= _DIGITS


def filled_in(record: Mapping[str, object], names: Iterable[str]) -> frozenset[str]:
    """Those of `names` that have a value in a record as it was read."""
    return frozenset(name for name in names if record.get(name) not in (None, ""))


def is_true(value: object) -> bool:
    """Whether a trait says yes: only what says so plainly."""
    return value is True or (text_of(value) or "").strip().lower() in _YES


def cents_of(value: object) -> int:
    """An amount in hundredths of its currency, exact; raises ValueError.

    Digits beyond the second are an error, not rounded away: but for the noise that binary
    fractions leave in JSON (0.1 + 0.2).
    """
    wanted = "expected an amount of at least 0 with two decimals at most"
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(wanted)  # noqa: TRY004 - one kind of error for every wrong value
    try:
        exact = Decimal(value.strip() if isinstance(value, str) else repr(value)) * 100
        whole = exact.quantize(Decimal(1), rounding=ROUND_HALF_EVEN)
    except InvalidOperation as error:
        raise ValueError(wanted) from error
    tolerated = _NOISE if isinstance(value, float) else Decimal(0)
    if not (whole.is_finite() and 0 <= whole <= _MAX_CENTS and abs(exact - whole) <= tolerated):
        raise ValueError(wanted)
    return int(whole)
