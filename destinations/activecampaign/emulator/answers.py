"""The answers of the emulated account: envelopes, pages, and every documented shape of error."""

from collections.abc import Iterable, Mapping, Sequence

import orjson

from destinations.activecampaign.emulator.store import Row
from transformer.emulator.server import Answer, Call, json_answer, query_of
from transformer.emulator.store import text

DEFAULT_LIMIT = 20
MAX_LIMIT = 100


class Refusal(Exception):
    """Raised by a handler to answer an error."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def error(title: str, code: str = "", pointer: str = "", detail: str = "") -> Refusal:
    """A 422 with one error object; without `code` it carries its status instead."""
    entry: dict[str, object] = {"title": title, "detail": detail}
    if code:
        entry["code"] = code
    else:
        entry = {"status": 422, "title": title}
    if pointer:
        entry["source"] = {"pointer": f"/data/attributes/{pointer}"}
    return Refusal(json_answer({"errors": [entry]}, 422))


def missing(title: str, pointer: str) -> Refusal:
    """A 422 for a value that is required."""
    return error(title, "field_missing", pointer)


def invalid(title: str, pointer: str) -> Refusal:
    """A 422 for a value that cannot be."""
    return error(title, "field_invalid", pointer)


def not_found(name: str, row_id: object) -> Refusal:
    """A 404 in the shape that most resources use; `name` is the vendor's inner name."""
    return message(404, f"No Result found for {name} with id {row_id}")


def message(status: int, words: str) -> Refusal:
    """An error that is a message alone."""
    return Refusal(json_answer({"message": words}, status))


def empty(status: int = 400) -> Refusal:
    """An error without any words."""
    return Refusal(json_answer({}, status))


def body_of(call: Call, envelope: str) -> dict[str, object]:
    """The object inside the resource's envelope."""
    inner = json_of(call).get(envelope)
    if not isinstance(inner, dict):
        raise error("Missing attribute", pointer=envelope)
    return inner


def json_of(call: Call) -> dict[str, object]:
    """The body, which must be a JSON object."""
    try:
        body = orjson.loads(call.body or b"null")
    except orjson.JSONDecodeError:
        raise empty() from None
    if not isinstance(body, dict):
        raise empty()
    return body


def only(values: Mapping[str, object], known: Iterable[str]) -> None:
    """Refuse names that the documentation does not know."""
    for name in values:
        if name not in known:
            raise error("Invalid attribute", pointer=name)


def scalars(values: Mapping[str, object], names: Iterable[str]) -> dict[str, object]:
    """Those of `names` that were sent, as text; a list or an object is refused."""
    found: dict[str, object] = {}
    for name in names:
        if name in values:
            if isinstance(values[name], dict | list):
                raise invalid(f"The {name} must be a scalar value.", name)
            found[name] = text(values[name])
    return found


def page(call: Call, name: str, rows: Sequence[Mapping[str, object]]) -> Answer:
    """A list answer: the asked page, and how many there are in all."""
    query = query_of(call)
    limit = min(MAX_LIMIT, _whole(query.get("limit"), DEFAULT_LIMIT))
    offset = _whole(query.get("offset"), 0)
    shown = list(rows[offset : offset + limit])
    return json_answer({name: shown, "meta": {"total": str(len(rows))}})


def filters_of(call: Call, known: Iterable[str]) -> dict[str, str]:
    """The `filters[name]` of the query, without `known` ones missing; others are refused."""
    known = tuple(known)
    found = {}
    for name, value in query_of(call).items():
        if name.startswith("filters[") and name.endswith("]"):
            inner = name[len("filters[") : -1]
            if inner not in known:
                raise error("Invalid attribute", pointer=inner)
            found[inner] = value
    return found


def shown(row: Row, names: Iterable[str], links: Iterable[str] = ()) -> dict[str, object]:
    """A record as it is answered: every scalar as text, links relative."""
    return {
        **{name: row.get(name) for name in names},
        "links": {name: f"/api/3/{name}/{row.id}" for name in links},
        "id": row.id,
    }


def _whole(value: str | None, default: int) -> int:
    if value is None or not value.isdecimal():
        return default
    return int(value)
