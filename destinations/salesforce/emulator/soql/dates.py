"""SOQL date literals as ranges of days, in UTC: `TODAY`, `LAST_N_DAYS:7`, `THIS_MONTH` ..."""

import re
from datetime import UTC, date, datetime, timedelta

_COUNTED = re.compile(r"(LAST|NEXT)_N_(DAY|WEEK|MONTH|QUARTER|YEAR)S:(\d+)\Z")
_AGO = re.compile(r"N_(DAY|WEEK|MONTH|QUARTER|YEAR)S_AGO:(\d+)\Z")
_NAMED = re.compile(r"(LAST|THIS|NEXT)_(WEEK|MONTH|QUARTER|YEAR)\Z")
_STEPS = {"LAST": -1, "THIS": 0, "NEXT": 1}
_MONTHS = {"MONTH": 1, "QUARTER": 3, "YEAR": 12}


def day_range(literal: str, now: float) -> tuple[date, date] | None:
    """Return the first day and the day after the last of a literal, or None for an unknown one."""
    today = datetime.fromtimestamp(now, UTC).date()
    simple = {"YESTERDAY": -1, "TODAY": 0, "TOMORROW": 1}
    if literal in simple:
        return _span(today, "DAY", simple[literal], 1)
    if literal in {"LAST_90_DAYS", "NEXT_90_DAYS"}:
        literal = f"{literal[:4]}_N_DAYS:90"
    if match := _NAMED.match(literal):
        return _span(today, match[2], _STEPS[match[1]], 1)
    if match := _AGO.match(literal):
        return _span(today, match[1], -int(match[2]), 1)
    if match := _COUNTED.match(literal):
        return _counted(today, match[1], match[2], int(match[3]))
    return None


def _counted(today: date, side: str, unit: str, count: int) -> tuple[date, date]:
    if side == "NEXT":
        return _span(today, unit, 1, count)
    first, last = _span(today, unit, -count, count)
    return first, today + timedelta(days=1) if unit == "DAY" else last


def _span(today: date, unit: str, step: int, count: int) -> tuple[date, date]:
    if unit == "DAY":
        first = today + timedelta(days=step)
        return first, first + timedelta(days=count)
    if unit == "WEEK":
        sunday = today - timedelta(days=(today.weekday() + 1) % 7)
        first = sunday + timedelta(weeks=step)
        return first, first + timedelta(weeks=count)
    months = _MONTHS[unit]
    index = (today.year * 12 + today.month - 1) // months + step
    return _month(index * months), _month((index + count) * months)


def _month(index: int) -> date:
    return date(index // 12, index % 12 + 1, 1)
