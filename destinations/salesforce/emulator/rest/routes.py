"""One REST request and its reply, as the handlers of all resources see them.

A composite's subrequests are the same kind of request; only their context is shared.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import orjson

from destinations.salesforce.emulator.context import Context
from destinations.salesforce.emulator.refusals import Refusal, not_found, parser_error
from destinations.salesforce.emulator.schema import ObjectType, Schema
from transformer.emulator.server import query_pairs

_ABSENT = object()
MAX_BODY_BYTES = 50 * 1024 * 1024


@dataclass(slots=True)
class Request:
    """A request below `/services/data/vXX.X/`; `path` is what follows that, raw."""

    method: str
    path: str
    query: str
    context: Context
    body: bytes = b""
    content_type: str = ""
    parsed: object = _ABSENT

    def params(self) -> dict[str, str]:
        """Return the decoded query parameters; of a repeated one the last wins."""
        return dict(query_pairs(self.query))

    def param(self, name: str) -> str | None:
        """Return one decoded query parameter."""
        return self.params().get(name)

    def json(self) -> object:
        """Return the body as JSON; raises JSON_PARSER_ERROR or UNSUPPORTED_MEDIA_TYPE."""
        if self.parsed is _ABSENT:
            self.parsed = self._parse()
        return self.parsed

    def json_object(self) -> dict[str, object]:
        """Return the body, which must be a JSON object."""
        value = self.json()
        if isinstance(value, dict):
            return value
        token = "START_ARRAY" if isinstance(value, list) else "VALUE"
        raise parser_error(f"Unexpected {token}, expected an object at [line:1, column:1]")

    def _parse(self) -> object:
        if not self.body.strip():
            raise parser_error(
                "The HTTP entity body is required, but this request has no entity body."
            )
        if len(self.body) > MAX_BODY_BYTES:
            raise Refusal("EXCEEDED_MAX_SIZE_REQUEST", "request exceeded maximum size limit")
        if not self.content_type.lower().startswith("application/json"):
            raise unsupported_media(self.content_type)
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError as error:
            char = chr(self.body[error.pos]) if error.pos < len(self.body) else ""
            what = f"Unexpected character ('{char}' (code {ord(char) if char else 0}))"
            place = f"[line:{error.lineno}, column:{error.colno + 1}]"
            raise parser_error(f"{what}: {error.msg} at {place}") from None


@dataclass(frozen=True, slots=True)
class Reply:
    """What a handler answers: JSON, or `raw` bytes; a 204 has neither."""

    status: int = 200
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes | None = None


Params = Mapping[str, str]
DataHandler = Callable[[Request, Params], Reply]
DataRoute = tuple[str, str, DataHandler]


def object_named(schema: Schema, name: str) -> ObjectType:
    """Return the object a path names, or raise the 404 of an unknown one."""
    kind = schema.find(name)
    if kind is None:
        raise not_found()
    return kind


def unsupported_media(content_type: str) -> Refusal:
    """Return the refusal of a body in a format the resource does not read."""
    text = f"Content type '{content_type}' not supported."
    return Refusal("UNSUPPORTED_MEDIA_TYPE", text, status=415)


def strings(value: object, what: str) -> list[str]:
    """Return a list of strings, or refuse the body that has something else there."""
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return value
    raise parser_error(f"{what}: expected an array of strings at [line:1, column:2]")


def objects(value: object, what: str) -> list[dict[str, object]]:
    """Return a list of objects, or refuse the body that has something else there."""
    if isinstance(value, list) and all(isinstance(one, dict) for one in value):
        return value
    raise parser_error(f"{what}: expected an array of objects at [line:1, column:2]")


def flag(value: object, what: str, *, default: bool) -> bool:
    """Return a boolean of a body, `default` where it is absent."""
    if value is None:
        return default
    if isinstance(value, bool):
        return value
    raise parser_error(f"{what}: expected a boolean at [line:1, column:2]")
