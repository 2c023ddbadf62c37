"""Decoding: the bytes of a record to an event, or the reason why they are of no use.

Pure. Tolerates what real SDKs and Kafka destinations send; what cannot be used is rejected with
its own reason. It must not know mappings or destinations.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

import orjson

from transformer.event import Event, EventType, ExternalId, OtherType
from transformer.outcome import Reason, Rejected
from transformer.record import Record

DEFAULT_MAX_BYTES: Final = 4 * 1024 * 1024
MAX_DEPTH: Final = 1024  # orjson's own; nothing here recurses, so no lower one is needed
AHEAD_SECONDS: Final = 86_400.0

_TYPES: Final[Mapping[object, EventType | OtherType]] = {
    "identify": "identify",
    "track": "track",
    "group": "group",
    "page": "page",
    "screen": "screen",
    "alias": "alias",
}
_TIMES: Final = ("timestamp", "originalTimestamp", "sentAt", "receivedAt")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FOREVER: Final = float("inf")
_from_iso: Final = datetime.fromisoformat
_MILLISECONDS_FROM: Final = 1e11  # as seconds that is the year 5138, as milliseconds 1973
_BOM: Final = b"\xef\xbb\xbf"
_NOTHING: Final[Mapping[str, object]] = {}
_NAMES: Final[Mapping[type, str]] = {
    dict: "an object",
    list: "a list",
    str: "text",
    int: "a number",
    float: "a number",
    bool: "a boolean",
    type(None): "null",
}


class _Unusable(Exception):
    """A known field has a type that cannot be read; carries the rejection's detail."""


def decode(  # noqa: PLR0911 - one return per way in which bytes are of no use
    record: Record, *, max_bytes: int = DEFAULT_MAX_BYTES
) -> Event | Rejected:
    """Decode the value of `record`; never raises, whatever the bytes are.

    Tolerated on purpose: a byte order mark, `Identify` for `identify`, null for any known field,
    one `externalId` object instead of a list, numbers as ids, unreadable or far-future
    timestamps (the next source counts), duplicate keys (the last one counts), and integers beyond
    64 bits (they become floating point numbers).
    """
    value = record.value
    if not value:
        return Rejected(Reason.EMPTY_RECORD, "$: the record has no value, expected an event")
    if len(value) > max_bytes:
        return _too_large(len(value), max_bytes)
    try:
        root = orjson.loads(value)
    except orjson.JSONDecodeError as error:
        return _unreadable(record, value, error, max_bytes)
    if type(root) is not dict:
        return Rejected(Reason.NOT_AN_OBJECT, f"$: expected an object, got {name_of(root)}")
    raw_type = root.get("type")
    event_type = _TYPES.get(raw_type) if type(raw_type) is str else None
    if event_type is None:
        event_type = _tolerated_type(raw_type)
        if event_type is None:
            return _unknown_type(raw_type)
    try:
        return _event(event_type, root, record.timestamp_ms)
    except _Unusable as error:
        return Rejected(Reason.INVALID_EVENT_FIELD, str(error))


def name_of(value: object) -> str:
    """What a JSON value is, in the words of a message: `an object`, `a list`, `text`."""
    return _NAMES.get(type(value), type(value).__name__)


def _event(event_type: EventType | OtherType, root: dict[str, object], timestamp_ms: int) -> Event:
    get = root.get
    context, traits = get("context"), get("traits")
    external_ids: tuple[ExternalId, ...] = ()
    if type(context) is dict:
        if (below := context.get("traits")) is not None and below != _NOTHING:
            traits = _merged(traits, below)
        if (raw_ids := context.get("externalId")) is not None:
            external_ids = _external_ids(raw_ids)
    elif context is not None:
        raise _Unusable(f"$.context: expected an object, got {name_of(context)}")
    message_id, properties, integrations = get("messageId"), get("properties"), get("integrations")
    return Event(
        event_type,
        message_id if type(message_id) is str else _id_text(message_id, "$.messageId") or "",
        _event_time(root, timestamp_ms),
        traits if type(traits) is dict else _object(traits, "$.traits"),
        _NOTHING if properties is None else _object(properties, "$.properties"),
        integrations if type(integrations) is dict else _object(integrations, "$.integrations"),
        external_ids,
        root,
    )


def _object(value: object, path: str) -> Mapping[str, object]:
    if type(value) is dict:
        return value
    if value is None:
        return _NOTHING
    raise _Unusable(f"{path}: expected an object, got {name_of(value)}")


def _merged(traits: object, below: object) -> Mapping[str, object]:
    """`traits` over `context.traits`, key by key at the top level (row K2)."""
    if type(below) is not dict:
        raise _Unusable(f"$.context.traits: expected an object, got {name_of(below)}")
    over = _object(traits, "$.traits")
    return {**below, **over} if over else below


def _external_ids(raw: object) -> tuple[ExternalId, ...]:
    path = "$.context.externalId"
    if type(raw) is dict:
        return (_external_id(raw, path),)
    if type(raw) is not list:
        raise _Unusable(f"{path}: expected a list of objects, got {name_of(raw)}")
    return tuple([_external_id(entry, f"{path}[{index}]") for index, entry in enumerate(raw)])


def _external_id(entry: object, path: str) -> ExternalId:
    if type(entry) is not dict:
        raise _Unusable(f"{path}: expected an object, got {name_of(entry)}")
    kind = entry.get("type")
    if type(kind) is not str or not kind:
        got = "empty text" if kind == "" else name_of(kind) if "type" in entry else "nothing"
        raise _Unusable(f"{path}.type: expected text such as `Crm-Object`, got {got}")
    return ExternalId(
        kind,
        _id_text(entry.get("id"), f"{path}.id"),
        _id_text(entry.get("identifierType"), f"{path}.identifierType"),
    )


def _id_text(value: object, path: str) -> str | None:
    """An id as text; numbers are tolerated, null and blank are no id."""
    if type(value) is str:
        return value.strip() or None
    if value is None:
        return None
    if type(value) is int or type(value) is float:
        return str(value)
    raise _Unusable(f"{path}: expected text or a number, got {name_of(value)}")


def _event_time(root: Mapping[str, object], timestamp_ms: int) -> float:
    """When it happened: the first usable source that is not far ahead of the record's own time."""
    recorded = timestamp_ms / 1000
    latest = recorded + AHEAD_SECONDS if timestamp_ms > 0 else _FOREVER
    raw = root.get("timestamp")
    if type(raw) is str and raw[4:5] == "-":
        # Nearly all events: ISO 8601 text with an offset. Everything else goes the long way.
        try:
            moment = _from_iso(raw)
        except ValueError:
            pass
        else:
            if moment.tzinfo is not None:
                seconds = moment.timestamp()
                if seconds <= latest:
                    return seconds
    for name in _TIMES:
        raw = root.get(name)
        if raw is None:
            continue
        other = _seconds(raw)
        if other is not None and other <= latest:
            return other
    return max(recorded, 0.0)


def _seconds(raw: object) -> float | None:
    """Epoch seconds of ISO 8601 text or of a number in seconds or milliseconds."""
    if type(raw) is str:
        if not raw.isdecimal():
            return _iso_seconds(raw)
        number = float(raw[:20])
    elif type(raw) is int or type(raw) is float:
        number = float(raw)
    else:
        return None
    if number <= 0:
        return None
    return number / 1000 if number >= _MILLISECONDS_FROM else number


def _iso_seconds(text: str) -> float | None:
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return (moment - _EPOCH).total_seconds()
    except (ValueError, OverflowError):
        return None


def _tolerated_type(raw: object) -> EventType | OtherType | None:
    return _TYPES.get(raw.strip().lower()) if type(raw) is str else None


def _unknown_type(raw: object) -> Rejected:
    got = f'"{raw[:40]}"' if type(raw) is str else name_of(raw)
    detail = f"$.type: expected one of identify, track, group, got {got}"
    return Rejected(Reason.UNKNOWN_EVENT_TYPE, detail)


def _too_large(size: int, max_bytes: int) -> Rejected:
    detail = f"$: the record has {size} bytes, expected at most {max_bytes}"
    return Rejected(Reason.TOO_LARGE, detail)


def _unreadable(
    record: Record, value: bytes, error: orjson.JSONDecodeError, max_bytes: int
) -> Event | Rejected:
    """Say what is wrong with bytes that did not parse; a byte order mark alone is tolerated."""
    if not value.strip():
        return Rejected(Reason.EMPTY_RECORD, "$: the record holds only white space")
    if value.startswith(_BOM) and not value.startswith(_BOM, len(_BOM)):
        return decode(record._replace(value=value[len(_BOM) :]), max_bytes=max_bytes)
    try:
        value.decode()
    except UnicodeDecodeError as wrong:
        detail = f"$: not UTF-8: {wrong.reason} at byte {wrong.start}"
        return Rejected(Reason.INVALID_ENCODING, detail)
    if "surrogate" in error.msg:
        detail = f"$: half a surrogate pair in an escape at character {error.pos}: {error.msg}"
        return Rejected(Reason.INVALID_ENCODING, detail)
    if "depth" in error.msg or "recursion" in error.msg.lower():
        return Rejected(Reason.TOO_DEEP, f"$: nested more than {MAX_DEPTH} levels deep")
    return Rejected(Reason.INVALID_JSON, f"$: not JSON: {error.msg} at character {error.pos}")
