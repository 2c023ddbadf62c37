"""Queries of the emulated business unit: `fields`, filters, order, pages, and the recycle bin."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from destinations.account_engagement.emulator.answers import (
    Refusal,
    fields_asked,
    invalid_parameter,
    only_parameters,
)
from destinations.account_engagement.emulator.store import Row
from transformer.emulator.server import Answer, Call, json_answer

DEFAULT_LIMIT = 200
MAX_LIMIT = 1_000
MAX_FILTERED = 3
TOKEN_SECONDS = 4 * 3_600.0
MOMENT = ("", "After", "AfterOrEqualTo", "Before", "BeforeOrEqualTo")
IDS = ("", "GreaterThan", "GreaterThanOrEqualTo", "LessThan", "LessThanOrEqualTo", "List")
CONTROL = ("fields", "limit", "orderBy", "deleted", "nextPageToken")

_COMPARE: Mapping[str, Callable[[object, object], bool]] = {
    "": lambda mine, given: mine == given,
    "GreaterThan": lambda mine, given: _order(mine) > _order(given),
    "GreaterThanOrEqualTo": lambda mine, given: _order(mine) >= _order(given),
    "LessThan": lambda mine, given: _order(mine) < _order(given),
    "LessThanOrEqualTo": lambda mine, given: _order(mine) <= _order(given),
    "After": lambda mine, given: _order(mine) > _order(given),
    "AfterOrEqualTo": lambda mine, given: _order(mine) >= _order(given),
    "Before": lambda mine, given: _order(mine) < _order(given),
    "BeforeOrEqualTo": lambda mine, given: _order(mine) <= _order(given),
}


@dataclass(frozen=True, slots=True)
class Queryable:
    """What a collection's query takes."""

    fields: Sequence[str]
    equal: Sequence[str] = ()
    moments: Sequence[str] = ()
    order: Sequence[str] = ("id", "createdAt", "updatedAt")
    bin: bool = True

    def filters(self) -> Mapping[str, tuple[str, str]]:
        """Parameter -> (field, comparison)."""
        found = {f"id{suffix}": ("id", suffix) for suffix in IDS}
        found |= {name: (name, "") for name in self.equal}
        for name in self.moments:
            found |= {f"{name}{suffix}": (name, suffix) for suffix in MOMENT}
        return found


@dataclass(slots=True)
class _Sequence:
    collection: str
    query: Mapping[str, str]
    next_index: int
    expires: float


@dataclass(slots=True)
class Pages:
    """Answers queries, page by page."""

    tokens: dict[str, _Sequence] = field(default_factory=dict)

    def answer(
        self,
        call: Call,
        collection: str,
        asked: Queryable,
        *,
        rows: Sequence[Row],
        shown: Callable[[Row, Sequence[str]], dict[str, object]],
        now: float,
    ) -> Answer:
        """One page of `rows`."""
        filters = asked.filters()
        query = only_parameters(call, (*CONTROL, *filters))
        names = fields_asked(call, asked.fields, required=True)
        start = 0
        if "nextPageToken" in query:
            if set(query) - {"fields", "nextPageToken"}:
                raise invalid_parameter("nextPageToken. Only fields may be given with it.")
            known = self._resume(query["nextPageToken"], collection, now)
            query, start = known.query, known.next_index
        found = _ordered(_filtered(rows, query, asked), query, asked)
        limit = _limit(query)
        page = found[start : start + limit]
        body: dict[str, object] = {
            "nextPageToken": None,
            "nextPageUrl": None,
            "values": [shown(row, names) for row in page],
        }
        if start + limit < len(found):
            token = secrets.token_urlsafe(16)
            self.tokens[token] = _Sequence(collection, query, start + limit, now + TOKEN_SECONDS)
            body["nextPageToken"] = token
            body["nextPageUrl"] = (
                f"https://pi.pardot.com/api/v5/objects/{collection}?nextPageToken={token}"
            )
        return json_answer(body)

    def _resume(self, token: str, collection: str, now: float) -> _Sequence:
        known = self.tokens.get(token)
        if known is None or known.collection != collection:
            raise Refusal(211, "The nextPageToken is invalid.")
        if known.expires <= now:
            raise Refusal(210, "The nextPageToken is expired.")
        return known


def _limit(query: Mapping[str, str]) -> int:
    text = query.get("limit", str(DEFAULT_LIMIT))
    if not text.isdecimal() or not 1 <= int(text) <= MAX_LIMIT:
        raise Refusal(52, "Invalid parameter range: limit.")
    return int(text)


def _filtered(rows: Sequence[Row], query: Mapping[str, str], asked: Queryable) -> list[Row]:
    filters = asked.filters()
    given = [(*filters[name], text) for name, text in query.items() if name in filters]
    if len({name for name, _, _ in given}) > MAX_FILTERED:
        raise Refusal(209, "Query is filtered by too many fields.")
    deleted = query.get("deleted", "false")
    if deleted not in {"true", "false", "all"}:
        raise invalid_parameter("deleted.")
    if any(suffix == "List" and not _is_list(text) for _, suffix, text in given):
        raise invalid_parameter("idList.")
    found = [
        row
        for row in rows
        if not asked.bin or deleted == "all" or row.deleted is (deleted == "true")
    ]
    return [row for row in found if all(_fits(row, *each) for each in given)]


def _is_list(text: str) -> bool:
    """Whether it is numbers with commas between, no more than a page holds."""
    parts = text.split(",")
    return len(parts) <= MAX_LIMIT and all(part.isdecimal() for part in parts)


def _fits(row: Row, name: str, suffix: str, text: str) -> bool:
    mine = row.get(name)
    if suffix == "List":
        return str(mine) in text.split(",")
    return mine is not None and _COMPARE[suffix](str(mine), text)


def _ordered(rows: list[Row], query: Mapping[str, str], asked: Queryable) -> list[Row]:
    parts = [part.split() for part in query.get("orderBy", "id asc").split(",")]
    for part in parts:
        way = part[1] if len(part) > 1 else "asc"
        if part[0] not in asked.order or way not in {"asc", "desc"}:
            raise invalid_parameter("orderBy.")
    found = list(rows)
    for part in reversed(parts):
        found.sort(key=lambda row: _order(row.get(part[0])), reverse=part[1:] == ["desc"])
    return found


def _order(value: object) -> tuple[int, float, str]:
    """Numbers by size, moments as text (all in UTC, of one form), nothing first."""
    text = "" if value is None else str(value)
    return (1, float(text), "") if text.isdecimal() else (2 if text else 0, 0.0, _moment(text))


def _moment(text: str) -> str:
    return text.replace("Z", "+00:00")
