"""Requests with JSON bodies and what they came to, for the clients of most CRMs. Knows no CRM."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote

import orjson

from transformer.errors import ServerFault
from transformer.http import Request

_OK: Final = range(200, 300)


@dataclass(frozen=True, slots=True)
class Reply:
    """What one request came to. A client subclasses it with what its CRM's bodies hold."""

    status: int
    body: object = field(repr=False)

    @property
    def ok(self) -> bool:
        """Whether it worked: 2xx."""
        return self.status in _OK

    def at(self, name: str) -> object:
        """What the body holds by this name; None when it is no object or lacks it."""
        return self.body.get(name) if isinstance(self.body, Mapping) else None


def json_request(
    method: str,
    url: str,
    route: str,
    body: object = None,
    *,
    writes: bool,
    headers: Mapping[str, str],
) -> Request:
    """A request with `body` as JSON, unless it is None; the answer is to be JSON too."""
    named = {**headers, "Accept": "application/json"}
    content = None
    if body is not None:
        content = orjson.dumps(body)
        named["Content-Type"] = "application/json"
    return Request(method, url, route, writes=writes, headers=named, content=content)


def record_in(value: object) -> Mapping[str, object]:
    """`value` as one record; an empty one when it is none."""
    return value if isinstance(value, Mapping) else {}


def records_in(value: object) -> Sequence[Mapping[str, object]]:
    """The records of a list; what is none is left out."""
    return [row for row in value if isinstance(row, Mapping)] if isinstance(value, list) else []


def id_of(record: Mapping[str, object], route: str) -> str:
    """The id of a record that was written; raises ServerFault when the answer has none."""
    found = record.get("id")
    if not found or isinstance(found, dict | list):
        raise ServerFault(f"{route}: the answer names no id.", may_have_applied=True)
    return str(found)


def segment(text: str) -> str:
    """Text as one segment of a path."""
    return quote(text, safe="")
