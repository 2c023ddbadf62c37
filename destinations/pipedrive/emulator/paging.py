"""Query parameters, cursors and pages, as both versions of the API do them."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from re import fullmatch

import orjson

from destinations.pipedrive.emulator.refusals import invalid
from transformer.emulator.server import Call, query_pairs

PAGE = 100
LARGEST_PAGE = 500


def parameters(call: Call, known: Iterable[str]) -> dict[str, str]:
    """Return the query of a request; raises Refusal for parameters that it does not take."""
    given = dict(query_pairs(call.query))
    for name in given:
        if name not in set(known):
            raise invalid(name, "unknown parameter")
    return given


def limit_of(query: Mapping[str, str], largest: int = LARGEST_PAGE) -> int:
    """Return how many items a page holds."""
    text = query.get("limit", str(PAGE))
    if not text.isdecimal() or not 1 <= int(text) <= largest:
        raise invalid("limit", f"expected 1 to {largest}")
    return int(text)


def cursor_page(
    kind: str, items: Sequence[object], query: Mapping[str, str], largest: int = LARGEST_PAGE
) -> tuple[Sequence[object], str | None]:
    """Return one page and the cursor of the next, None at the end."""
    start, limit = _position(kind, query.get("cursor")), limit_of(query, largest)
    page, end = items[start : start + limit], start + limit
    return page, (_cursor(kind, end) if end < len(items) else None)


def start_page(
    items: Sequence[object], query: Mapping[str, str]
) -> tuple[Sequence[object], dict[str, object]]:
    """Return one page of v1 and its `pagination`."""
    start, limit = query.get("start", "0"), limit_of(query)
    if not start.isdecimal():
        raise invalid("start", "expected a number")
    first = int(start)
    more = first + limit < len(items)
    pagination: dict[str, object] = {
        "start": first,
        "limit": limit,
        "more_items_in_collection": more,
    }
    if more:
        pagination["next_start"] = first + limit
    return items[first : first + limit], pagination


def moment(query: Mapping[str, str], name: str) -> datetime | None:
    """Return a time parameter; Pipedrive refuses fractions of a second."""
    text = query.get(name)
    if text is None:
        return None
    if not fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)", text):
        raise invalid(name, "not a valid datetime")
    return datetime.fromisoformat(text)


def flag(query: Mapping[str, str], name: str) -> bool:
    """Return a boolean parameter."""
    text = query.get(name, "false")
    if text not in {"true", "false", "1", "0"}:
        raise invalid(name, "expected true or false")
    return text in {"true", "1"}


def _cursor(kind: str, position: int) -> str:
    return urlsafe_b64encode(orjson.dumps({kind: position})).decode()


def _position(kind: str, cursor: str | None) -> int:
    if not cursor:
        return 0
    try:
        found = orjson.loads(urlsafe_b64decode(cursor))
    except ValueError:
        found = None
    position = found.get(kind) if isinstance(found, dict) else None
    if not isinstance(position, int):
        raise invalid("cursor", "not a cursor of this collection")
    return position
