"""Decoding: every shape of bytes has its own answer (row K1, K2)."""

import json
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from tests.unit.mapping.events import RECORDED_MS, event, record
from tests.unit.mapping.strategies import EVENTS
from transformer.decode import MAX_DEPTH, decode
from transformer.event import Event, ExternalId
from transformer.outcome import Reason, Rejected

SCHEMAS = Path(__file__).parents[2] / "schemas"
SCHEMA = Draft202012Validator(json.loads((SCHEMAS / "event.schema.json").read_text()))
IDENTIFY = b'{"type":"identify","messageId":"m-1","traits":{"a":1}}'
RECORDED = RECORDED_MS / 1000
HAPPENED = "2026-11-22T10:00:00.250Z"
HAPPENED_SECONDS = 1_795_341_600.25

UNUSABLE: dict[str, tuple[object, Reason, str]] = {
    "no value": (None, Reason.EMPTY_RECORD, "$: the record has no value, expected an event"),
    "empty": (b"", Reason.EMPTY_RECORD, "$: the record has no value, expected an event"),
    "white space": (b" \n", Reason.EMPTY_RECORD, "$: the record holds only white space"),
    "only a byte order mark": (
        b"\xef\xbb\xbf", Reason.EMPTY_RECORD, "$: the record has no value, expected an event",
    ),
    "two byte order marks": (
        b"\xef\xbb\xbf\xef\xbb\xbf{}", Reason.INVALID_JSON,
        "$: not JSON: UTF-8 byte order mark (BOM) is not supported at character 0",
    ),
    "invalid UTF-8": (
        b'{"type":"identify","traits":{"a":"\xff"}}', Reason.INVALID_ENCODING,
        "$: not UTF-8: invalid start byte at byte 34",
    ),
    "half a surrogate pair": (
        rb'{"type":"identify","traits":{"a":"\ud83d"}}', Reason.INVALID_ENCODING,
        "$: half a surrogate pair in an escape at character 34: no low surrogate in string",
    ),
    "not JSON": (
        b"Obj\x01avro", Reason.INVALID_JSON,
        "$: not JSON: unexpected character, expected a JSON value at character 0",
    ),
    "truncated": (
        IDENTIFY[:-3], Reason.INVALID_JSON, "$: not JSON: unexpected end of data at character 51",
    ),
    "not a number": (
        b'{"type":"identify","traits":{"a":NaN}}', Reason.INVALID_JSON,
        "$: not JSON: unexpected character, expected a JSON value at character 33",
    ),
    "a number beyond floating point": (
        b'{"a":1e999}', Reason.INVALID_JSON,
        "$: not JSON: number is infinity when parsed as double at character 5",
    ),
    "a list": (b"[]", Reason.NOT_AN_OBJECT, "$: expected an object, got a list"),
    "text": (b'"identify"', Reason.NOT_AN_OBJECT, "$: expected an object, got text"),
    "null": (b"null", Reason.NOT_AN_OBJECT, "$: expected an object, got null"),
    "no type": (
        {"traits": {}}, Reason.UNKNOWN_EVENT_TYPE,
        "$.type: expected one of identify, track, group, got null",
    ),
    "a type that nobody sends": (
        {"type": "teleport"}, Reason.UNKNOWN_EVENT_TYPE,
        '$.type: expected one of identify, track, group, got "teleport"',
    ),
    "a type that is a list": (
        {"type": ["identify"]}, Reason.UNKNOWN_EVENT_TYPE,
        "$.type: expected one of identify, track, group, got a list",
    ),
    "nested absurdly": (
        b'{"type":"identify","traits":{"a":' + b"[" * 1500 + b"]" * 1500 + b"}}", Reason.TOO_DEEP,
        "$: nested more than 1024 levels deep",
    ),
    "nested beyond the parser": (
        b"[" * 5000 + b"]" * 5000, Reason.TOO_DEEP, "$: nested more than 1024 levels deep",
    ),
    "traits that are a list": (
        {"type": "identify", "traits": ["a"]}, Reason.INVALID_EVENT_FIELD,
        "$.traits: expected an object, got a list",
    ),
    "traits that are text over an object": (
        {"type": "identify", "traits": "a", "context": {"traits": {"b": 1}}},
        Reason.INVALID_EVENT_FIELD, "$.traits: expected an object, got text",
    ),
    "context that is text": (
        {"type": "identify", "context": "web"}, Reason.INVALID_EVENT_FIELD,
        "$.context: expected an object, got text",
    ),
    "context traits that are a number": (
        {"type": "identify", "context": {"traits": 0}}, Reason.INVALID_EVENT_FIELD,
        "$.context.traits: expected an object, got a number",
    ),
    "properties that are a boolean": (
        {"type": "track", "properties": True}, Reason.INVALID_EVENT_FIELD,
        "$.properties: expected an object, got a boolean",
    ),
    "integrations that are a list": (
        {"type": "identify", "integrations": ["Crm"]}, Reason.INVALID_EVENT_FIELD,
        "$.integrations: expected an object, got a list",
    ),
    "a message id that is an object": (
        {"type": "identify", "messageId": {}}, Reason.INVALID_EVENT_FIELD,
        "$.messageId: expected text or a number, got an object",
    ),
    "external ids that are text": (
        {"type": "identify", "context": {"externalId": "x"}}, Reason.INVALID_EVENT_FIELD,
        "$.context.externalId: expected a list of objects, got text",
    ),
    "an external id that is text": (
        {"type": "identify", "context": {"externalId": [{"type": "A"}, "x"]}},
        Reason.INVALID_EVENT_FIELD, "$.context.externalId[1]: expected an object, got text",
    ),
    "an external id without a type": (
        {"type": "identify", "context": {"externalId": [{"id": "1"}]}}, Reason.INVALID_EVENT_FIELD,
        "$.context.externalId[0].type: expected text such as `Crm-Object`, got nothing",
    ),
    "an external id whose id is a boolean": (
        {"type": "identify", "context": {"externalId": [{"type": "A", "id": True}]}},
        Reason.INVALID_EVENT_FIELD,
        "$.context.externalId[0].id: expected text or a number, got a boolean",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", UNUSABLE)
def test_bytes_of_no_use_are_rejected_with_their_own_reason(name: str) -> None:
    """Reason and detail say where, what was expected and what came."""
    value, reason, detail = UNUSABLE[name]
    assert decode(record(value)) == Rejected(reason, detail)


def test_an_identify_decodes_whole() -> None:
    """All parts of an event, traits over context traits key by key."""
    raw = {
        "type": "identify", "messageId": "m-1", "timestamp": HAPPENED,
        "traits": {"a": None, "b": {"x": 1}}, "properties": {"p": 1},
        "integrations": {"All": False, "Crm": True},
        "context": {
            "traits": {"a": 1, "b": {"y": 2}, "c": ""},
            "externalId": [{"type": "Crm-Thing", "id": 7, "identifierType": "Ext"}],
        },
    }  # fmt: skip
    assert decode(record(raw)) == Event(
        "identify", "m-1", HAPPENED_SECONDS, {"a": None, "b": {"x": 1}, "c": ""}, {"p": 1},
        {"All": False, "Crm": True}, (ExternalId("Crm-Thing", "7", "Ext"),), raw,
    )  # fmt: skip


@pytest.mark.parametrize("spelling", ["Identify", "IDENTIFY", " identify "])
def test_the_casing_of_the_type_is_tolerated(spelling: str) -> None:
    """Some senders capitalise it."""
    assert event({"type": spelling}).type == "identify"


def test_a_byte_order_mark_is_tolerated() -> None:
    """The event is the same as without it."""
    assert decode(record(b"\xef\xbb\xbf" + IDENTIFY)) == decode(record(IDENTIFY))


def test_null_in_known_fields_is_tolerated_as_absent() -> None:
    """SDKs send null for what they do not know."""
    names = ("messageId", "traits", "context", "properties", "integrations", "timestamp")
    raw = dict.fromkeys(names)
    assert event(raw) == Event("identify", "", RECORDED, {}, {}, {}, (), {"type": "identify"} | raw)


def test_empty_traits_hide_nothing() -> None:
    """`traits: {}` leaves the context traits as they are (row K2)."""
    assert event({"traits": {}, "context": {"traits": {"a": 1}}}).traits == {"a": 1}


def test_one_external_id_needs_no_list() -> None:
    """A single object is tolerated; blank and null ids are no ids."""
    raw = {"context": {"externalId": {"type": "Crm-Thing", "id": " ", "identifierType": None}}}
    assert event(raw).external_ids == (ExternalId("Crm-Thing", None, None),)


def test_of_a_key_that_is_there_twice_the_last_counts() -> None:
    """JSON allows it; so do all SDKs."""
    decoded = decode(record(b'{"type":"track","type":"identify","traits":{"a":1,"a":2}}'))
    assert isinstance(decoded, Event)
    assert (decoded.type, decoded.traits) == ("identify", {"a": 2})


def test_integers_beyond_64_bits_become_floating_point() -> None:
    """They are kept as well as JSON readers keep them."""
    decoded = decode(record(b'{"type":"identify","traits":{"a":123456789012345678901234567890}}'))
    assert isinstance(decoded, Event)
    assert decoded.traits == {"a": 1.2345678901234568e29}


def test_depth_is_allowed_up_to_its_limit() -> None:
    """The deepest allowed value passes, one level more does not."""

    def nested(levels: int) -> bytes:
        return b'{"type":"identify","a":' + b"[" * levels + b"]" * levels + b"}"

    assert isinstance(decode(record(nested(MAX_DEPTH - 1))), Event)
    assert decode(record(nested(MAX_DEPTH))) == Rejected(
        Reason.TOO_DEEP, "$: nested more than 1024 levels deep"
    )


def test_many_flat_lists_are_not_deep() -> None:
    """Only nesting counts, not the number of lists and objects."""
    assert event({"traits": {str(n): [n] for n in range(3000)}}).traits["7"] == [7]


def test_size_is_allowed_up_to_its_limit() -> None:
    """A megabyte passes by default; the limit is the caller's."""
    big = {"type": "identify", "traits": {"a": "x" * 1_500_000}}
    assert isinstance(decode(record(big)), Event)
    assert isinstance(decode(record(IDENTIFY), max_bytes=len(IDENTIFY)), Event)
    assert decode(record(IDENTIFY), max_bytes=10) == Rejected(
        Reason.TOO_LARGE, "$: the record has 54 bytes, expected at most 10"
    )


@pytest.mark.parametrize(
    "stamp",
    [HAPPENED, "2026-11-22T12:00:00.250+02:00", "2026-11-22T10:00:00.250", "2026-11-22 10:00:00.25",
     "2026-11-22T10:00:00.250000000Z", HAPPENED_SECONDS, 1_795_341_600_250, "1795341600250"],
)  # fmt: skip
def test_a_timestamp_is_read_in_the_ways_senders_write_it(stamp: object) -> None:
    """ISO 8601 with zone, offset or neither (UTC), epoch seconds and milliseconds."""
    assert event({"timestamp": stamp}).event_time == HAPPENED_SECONDS


@pytest.mark.parametrize(
    "stamp",
    ["", "soon", "22/11/2026", "2026-13-01T00:00:00Z", "2026-11-24T10:00:00Z", 9e15, 0, -5, True,
     None, {}, "9999-12-31T23:59:59-23:59", "99999999999999999999999"],
)  # fmt: skip
def test_an_unusable_timestamp_falls_back_to_the_next(stamp: object) -> None:
    """Bad ones and those more than a day ahead of the record; one bad clock freezes no field."""
    assert event({"timestamp": stamp, "originalTimestamp": HAPPENED}).event_time == HAPPENED_SECONDS
    assert event({"timestamp": stamp, "sentAt": HAPPENED}).event_time == HAPPENED_SECONDS
    assert event({"timestamp": stamp, "receivedAt": HAPPENED}).event_time == HAPPENED_SECONDS
    assert event({"timestamp": stamp, "sentAt": stamp}).event_time == RECORDED


def test_a_record_without_a_time_of_its_own_bounds_nothing() -> None:
    """Old brokers write -1; the event's own time counts."""
    old = record({"type": "identify", "timestamp": HAPPENED})._replace(timestamp_ms=-1)
    none = record({"type": "identify"})._replace(timestamp_ms=-1)
    found, bare = decode(old), decode(none)
    assert isinstance(found, Event)
    assert isinstance(bare, Event)
    assert (found.event_time, bare.event_time) == (HAPPENED_SECONDS, 0.0)


@pytest.mark.parametrize("name", UNUSABLE)
def test_the_schema_refuses_what_decoding_rejects_for_its_fields(name: str) -> None:
    """`schemas/event.schema.json` and the decoder agree on types and known fields."""
    value, reason, _ = UNUSABLE[name]
    if reason in (Reason.INVALID_EVENT_FIELD, Reason.UNKNOWN_EVENT_TYPE):
        assert not SCHEMA.is_valid(value)


@given(raw=EVENTS)
@settings(max_examples=60, deadline=None)
def test_the_schema_accepts_what_decodes(raw: dict[str, object]) -> None:
    """And what decodes, the schema accepts."""
    SCHEMA.validate(raw)
    assert isinstance(decode(record(raw)), Event)


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**63), st.floats(), st.text()),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
    max_leaves=5,
)
NAMES = ["type", "messageId", "traits", "context", "properties", "integrations", "timestamp"]


@given(raw=st.dictionaries(st.sampled_from(NAMES), st.one_of(JSON, st.just("identify"))))
@settings(max_examples=100, deadline=None)
def test_no_object_makes_decode_raise(raw: dict[str, object]) -> None:
    """Whatever the known fields hold."""
    assert isinstance(decode(record(orjson.dumps(raw))), Event | Rejected)


@given(value=st.binary(max_size=40))
@settings(max_examples=100, deadline=None)
def test_no_bytes_make_decode_raise(value: bytes) -> None:
    """Whatever arrives."""
    assert isinstance(decode(record(value)), Event | Rejected)


@pytest.mark.parametrize("kind", ["page", "screen", "alias", "Page"])
def test_the_other_calls_of_the_specification_are_events_that_no_mapping_asks_for(
    kind: str,
) -> None:
    """They share the topic with the others; a skip tells what became of them, no dead letter."""
    event = decode(record({"type": kind, "messageId": "m"}))
    assert isinstance(event, Event)
    assert event.type == kind.lower()
