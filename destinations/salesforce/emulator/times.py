"""Dates and times as Salesforce reads and writes them.

Stored values are normalised text (UTC, fixed width), so that comparing text compares time.
"""

import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

_DATETIME = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:?\d\d)\Z")


@lru_cache(maxsize=64)
def _second(epoch: int) -> str:
    return datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def stamp(epoch_seconds: float) -> str:
    """Return a datetime as Salesforce prints it, to the second: `2021-11-06T17:38:40.000+0000`."""
    return _second(int(epoch_seconds))


def read_datetime(text: str) -> str | None:
    """Return the normalised form of a datetime, or None when it is none."""
    match = _DATETIME.match(text)
    if match is None:
        return None
    day, clock, fraction, offset = match.groups()
    try:
        moment = datetime.fromisoformat(f"{day}T{clock}")
    except ValueError:
        return None
    if offset != "Z":
        hours, minutes = int(offset[1:3]), int(offset[-2:])
        shift = timedelta(hours=hours, minutes=minutes)
        moment = moment - shift if offset[0] == "+" else moment + shift
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{(fraction or '')[:3]:0<3}+0000"


def read_date(text: str) -> str | None:
    """Return the normalised form of a date, or None when it is none."""
    if len(text) != 10:  # noqa: PLR2004 yyyy-MM-dd
        return None
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        return None
