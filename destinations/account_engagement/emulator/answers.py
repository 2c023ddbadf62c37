"""The answers of the emulated business unit: error bodies, JSON requests, and the fields asked for.

Texts are the vendor's where the documentation has them.
"""

from collections.abc import Iterable, Mapping

import orjson

from transformer.emulator.server import Answer, Call, json_answer, query_of

IN_BIN = "201;Record In Recycle Bin"


class Refusal(Exception):
    """Raised by a handler to answer an error."""

    def __init__(self, code: int, message: str, status: int = 400) -> None:
        super().__init__(code)
        self.answer = json_answer({"code": code, "message": message}, status)


def invalid_parameter(words: str) -> Refusal:
    """Code 51."""
    return Refusal(51, f"Invalid parameter: {words}")


def not_found() -> Refusal:
    """Code 109."""
    return Refusal(109, "Requested record not found.", 404)


def body_of(call: Call) -> dict[str, object]:
    """The body, which must be a JSON object with its content type."""
    if not call.headers.get("Content-Type", "").startswith("application/json"):
        raise Refusal(151, "Invalid Content-Type header.")
    if not call.body:
        raise Refusal(152, "Request body must not be empty.")
    try:
        body = orjson.loads(call.body)
    except orjson.JSONDecodeError:
        raise Refusal(150, "Input must be valid JSON.") from None
    if not isinstance(body, dict):
        raise Refusal(150, "Input must be valid JSON.")
    if not body:
        raise Refusal(152, "Request body must not be empty.")
    return body


def fields_asked(call: Call, known: Iterable[str], *, required: bool) -> tuple[str, ...]:
    """The names in the parameter `fields`; unknown ones are refused."""
    text = query_of(call).get("fields")
    if text is None:
        if required:
            raise invalid_parameter("fields. It is required.")
        return ()
    return checked_fields(text.split(","), known)


def checked_fields(names: Iterable[object], known: Iterable[str]) -> tuple[str, ...]:
    """Refuse names of fields that are not there; of a dotted one the relation must be known."""
    known = frozenset(known)
    found = [str(name).strip() for name in names]
    for name in found:
        if name.partition(".")[0] not in known:
            raise invalid_parameter(f"fields. It contains an invalid or unknown field: {name}.")
    return tuple(found)


def only_parameters(call: Call, known: Iterable[str]) -> Mapping[str, str]:
    """The query; parameters that are not known are refused."""
    query = query_of(call)
    known = frozenset(known)
    for name in query:
        if name not in known:
            raise invalid_parameter(f"Parameter {name} is invalid.")
    return query


def no_content() -> Answer:
    """204."""
    return Answer(204)
