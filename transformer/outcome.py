"""Outcomes: what became of one upsert, and the closed list of reasons. No CRM's words in here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, TypeAlias

from transformer.upsert import Note


class Reason(StrEnum):
    """Why something was skipped, rejected or retried. Closed, so that it can label a metric."""

    # Skipped: nothing was to be written.
    NOT_OPTED_IN = "not_opted_in"
    OPTED_OUT = "opted_out"
    EVENT_TYPE_NOT_MAPPED = "event_type_not_mapped"
    CONDITION_NOT_MET = "condition_not_met"
    CREATE_DISABLED = "create_disabled"
    UPDATE_DISABLED = "update_disabled"
    OWNED_BY_CRM = "owned_by_crm"
    NOTHING_TO_WRITE = "nothing_to_write"
    UNCHANGED = "unchanged"
    REPLAYED_FOR_ANOTHER = "replayed_for_another"
    # Rejected: the record's bytes are of no use.
    EMPTY_RECORD = "empty_record"
    INVALID_ENCODING = "invalid_encoding"
    INVALID_JSON = "invalid_json"
    NOT_AN_OBJECT = "not_an_object"
    TOO_LARGE = "too_large"
    TOO_DEEP = "too_deep"
    UNKNOWN_EVENT_TYPE = "unknown_event_type"
    INVALID_EVENT_FIELD = "invalid_event_field"
    # Rejected: the mapping cannot make a write of the event.
    MATCH_KEY_MISSING = "match_key_missing"
    MATCH_KEY_INVALID = "match_key_invalid"
    REQUIRED_FIELD_MISSING = "required_field_missing"
    INVALID_OBJECT_NAME = "invalid_object_name"
    INVALID_FIELD_NAME = "invalid_field_name"
    INVALID_RECORD_ID = "invalid_record_id"
    INVALID_VALUE = "invalid_value"
    # Rejected: the CRM refused it.
    SEVERAL_MATCHES = "several_matches"
    RECORD_CONVERTED = "record_converted"
    RECORD_DELETED = "record_deleted"
    RECORD_NOT_FOUND = "record_not_found"
    RECORD_LOCKED = "record_locked"
    UNKNOWN_OBJECT = "unknown_object"
    UNKNOWN_FIELD = "unknown_field"
    FIELD_NOT_WRITABLE = "field_not_writable"
    VALUE_TOO_LONG = "value_too_long"
    INVALID_REFERENCE = "invalid_reference"
    DUPLICATE_VALUE = "duplicate_value"
    DUPLICATE_DETECTED = "duplicate_detected"
    VALIDATION_RULE = "validation_rule"
    ACCESS_DENIED = "access_denied"
    STORAGE_FULL = "storage_full"
    REFUSED = "refused"
    RETRIES_EXHAUSTED = "retries_exhausted"
    INTERNAL_ERROR = "internal_error"
    # Retried: nothing is lost, it takes longer.
    THROTTLED = "throttled"
    QUOTA_SPENT = "quota_spent"
    UNREACHABLE = "unreachable"
    FENCED = "fenced"
    SERVER_ERROR = "server_error"
    ROW_LOCKED = "row_locked"
    ANSWER_LOST = "answer_lost"
    UNAUTHORIZED = "unauthorized"
    SAME_RECORD = "same_record"
    REMATCH = "rematch"


@dataclass(slots=True)
class Delivered:
    """The CRM has it. Never changed; not declared frozen, as one is built per event.

    `operation` is what happened; `record_id` the CRM's id.
    """

    operation: Literal["created", "updated"]
    record_id: str
    object_type: str = ""
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class Skipped:
    """Nothing was to be written, on purpose."""

    reason: Reason
    detail: str = ""
    record_id: str = ""


@dataclass(frozen=True, slots=True)
class Rejected:
    """It cannot be delivered as it is: to the dead-letter topic.

    `detail` says where, what, expected, got and what to do; it may hold customer data and goes
    to topics only. `vendor` is the CRM's own error, as it came.
    """

    reason: Reason
    detail: str
    vendor: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Redirect:
    """Another record to write to instead: its object type and id."""

    object_type: str
    record_id: str


@dataclass(frozen=True, slots=True)
class Retry:
    """Not settled yet: the engine sends it again.

    `after_seconds` None means the engine's own backoff. `counts` False is a wait that is not the
    upsert's fault and uses up none of its attempts. `may_have_applied` marks a write whose answer
    was lost (invariant 6). `redirect` has the mapping evaluated again for another record.
    """

    reason: Reason
    detail: str = ""
    after_seconds: float | None = None
    counts: bool = True
    may_have_applied: bool = False
    redirect: Redirect | None = None
    vendor: Mapping[str, object] = field(default_factory=dict)


Settled: TypeAlias = Delivered | Skipped | Rejected
Outcome: TypeAlias = Settled | Retry
