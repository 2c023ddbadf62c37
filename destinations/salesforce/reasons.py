"""Salesforce's error codes as data: why, what the engine does next, and what a person can do.

Source: SOAP API Developer Guide (ExceptionCode, StatusCode) and REST API Developer Guide (Status
Codes and Error Responses), v67.0, read 2026-11-22.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from destinations.salesforce.soql import long_id
from transformer.errors import code_word
from transformer.outcome import Reason, Rejected, Retry


class Action(StrEnum):
    """What happens to an upsert after an error."""

    RETRY = "retry"  # again, with backoff; uses up an attempt
    WAIT = "wait"  # again; not the upsert's fault
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the table."""

    reason: Reason
    action: Action
    advice: str


def _reject(reason: Reason, advice: str) -> Rule:
    return Rule(reason, Action.REJECT, advice)


def _retry(reason: Reason, advice: str) -> Rule:
    return Rule(reason, Action.RETRY, advice)


_LATER = "It is sent again by itself."
_ACCESS = "Give the integration user's profile or permission set access."
_LOCKED = _retry(Reason.ROW_LOCKED, _LATER)
_BUSY = _retry(Reason.SERVER_ERROR, _LATER)
_SPENT = Rule(Reason.QUOTA_SPENT, Action.WAIT, "It resumes when the org has API requests left.")
_FORBIDDEN = _reject(Reason.ACCESS_DENIED, _ACCESS)
_POLICY = _reject(Reason.ACCESS_DENIED, "A transaction security policy refused it; review it.")
_VALUE = _reject(Reason.INVALID_VALUE, "Correct the value or the mapping.")
_RULE = _reject(Reason.VALIDATION_RULE, "Meet the org's validation rule or change the rule.")
_OWNER = _reject(Reason.INVALID_REFERENCE, "Name an active owner or fix the assignment rule.")
_SIZE = _reject(Reason.TOO_LARGE, "Send less in one event.")

RULES: Mapping[str, Rule] = {
    # Wait or try again.
    "UNABLE_TO_LOCK_ROW": _LOCKED,
    "ALL_OR_NONE_OPERATION_ROLLED_BACK": _BUSY,
    "PROCESSING_HALTED": _BUSY,
    "QUERY_TIMEOUT": _BUSY,
    "REQUEST_RUNNING_TOO_LONG": _BUSY,
    "OPERATION_TOO_LARGE": _BUSY,
    "TOO_MANY_APEX_REQUESTS": Rule(Reason.THROTTLED, Action.WAIT, _LATER),
    "SERVER_UNAVAILABLE": Rule(Reason.UNREACHABLE, Action.WAIT, _LATER),
    "API_CURRENTLY_DISABLED": Rule(Reason.UNREACHABLE, Action.WAIT, _LATER),
    "INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE": Rule(
        Reason.UNREACHABLE, Action.WAIT, "The instance is being upgraded; it resumes by itself."
    ),
    "TEMPORARY_QUERY_MORE_FAILURE": _BUSY,
    "UNKNOWN_EXCEPTION": _BUSY,
    "INVALID_QUERY_LOCATOR": _BUSY,
    "QUERY_LOCATOR_EXPIRED": _BUSY,
    "QUERY_LOCATOR_NOT_FOUND": _BUSY,
    "REQUEST_LIMIT_EXCEEDED": _SPENT,
    "INVALID_SESSION_ID": Rule(Reason.UNAUTHORIZED, Action.WAIT, _LATER),
    "INVALID_AUTH_HEADER": Rule(Reason.UNAUTHORIZED, Action.WAIT, "Check the credentials."),
    "TXN_SECURITY_METERING_ERROR": _BUSY,
    # The record.
    "ENTITY_IS_DELETED": _reject(
        Reason.RECORD_DELETED, "Restore the record, or let the event match by another key."
    ),
    "NOT_FOUND": _reject(Reason.RECORD_NOT_FOUND, "Check the id; the record is not in this org."),
    "CANNOT_UPDATE_CONVERTED_LEAD": _reject(
        Reason.RECORD_CONVERTED, "Turn use_contact_id on to write to the contact instead."
    ),
    "ENTITY_IS_LOCKED": _reject(
        Reason.RECORD_LOCKED, "An approval process locks the record; unlock it, then replay."
    ),
    "DUPLICATE_EXTERNAL_ID": _reject(
        Reason.SEVERAL_MATCHES, "Several records have this external id; merge them."
    ),
    "DUPLICATE_VALUE": _reject(
        Reason.DUPLICATE_VALUE, "Another record has this value already; match on it, or merge."
    ),
    "DUPLICATES_DETECTED": _reject(
        Reason.DUPLICATE_DETECTED, "A duplicate rule refused it; see the setting duplicates."
    ),
    "DUPLICATE_COMM_NICKNAME": _reject(Reason.DUPLICATE_VALUE, "Choose another value."),
    "DUPLICATE_USERNAME": _reject(Reason.DUPLICATE_VALUE, "Choose another value."),
    "MALFORMED_ID": _reject(Reason.INVALID_RECORD_ID, "Expected a 15 or 18 character id."),
    "INVALID_ID_FIELD": _reject(Reason.INVALID_RECORD_ID, "Expected a 15 or 18 character id."),
    "INVALID_CROSS_REFERENCE_KEY": _reject(
        Reason.INVALID_REFERENCE, "A lookup field names a record that is not there or not visible."
    ),
    "INVALID_CROSS_REFERENCE_TYPE_KEY": _reject(
        Reason.INVALID_REFERENCE, "A lookup field names a record of another type."
    ),
    "MATCH_PRECONDITION_FAILED": _BUSY,
    # Objects and fields.
    "INVALID_TYPE": _reject(Reason.UNKNOWN_OBJECT, "Check the object's API name and its access."),
    "INVALID_FIELD": _reject(
        Reason.UNKNOWN_FIELD, "Create the field, fix its name, or set unknown_fields: drop."
    ),
    "INVALID_FIELD_FOR_INSERT_UPDATE": _reject(
        Reason.FIELD_NOT_WRITABLE, "Grant edit on the field, or set unknown_fields: drop."
    ),
    "INVALID_TYPE_ON_FIELD_IN_RECORD": _VALUE,
    "REQUIRED_FIELD_MISSING": _reject(
        Reason.REQUIRED_FIELD_MISSING, "Map a source or a default for the field."
    ),
    "STRING_TOO_LONG": _reject(Reason.VALUE_TOO_LONG, "Truncate it in the mapping."),
    "INVALID_EMAIL_ADDRESS": _VALUE,
    "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST": _reject(
        Reason.INVALID_VALUE, "Map the value to one the picklist knows, or add it there."
    ),
    "JSON_PARSER_ERROR": _reject(
        Reason.INVALID_VALUE, "The value's type is not the field's: convert it in the mapping."
    ),
    "NUMBER_OUTSIDE_VALID_RANGE": _VALUE,
    "NUM_HISTORY_FIELDS_BY_SOBJECT_EXCEEDED": _VALUE,
    # The org's own logic.
    "FIELD_CUSTOM_VALIDATION_EXCEPTION": _RULE,
    "FIELD_INTEGRITY_EXCEPTION": _RULE,
    "FIELD_FILTER_VALIDATION_EXCEPTION": _RULE,
    "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY": _reject(
        Reason.VALIDATION_RULE, "A trigger or flow refused it; its message says why."
    ),
    "CANNOT_EXECUTE_FLOW_TRIGGER": _retry(Reason.VALIDATION_RULE, "A flow failed; check it."),
    "INACTIVE_OWNER_OR_USER": _OWNER,
    "INVALID_ASSIGNMENT_RULE": _OWNER,
    "TRANSFER_REQUIRES_READ": _OWNER,
    # Access and the org.
    "INSUFFICIENT_ACCESS": _FORBIDDEN,
    "INSUFFICIENT_ACCESS_OR_READONLY": _FORBIDDEN,
    "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY": _FORBIDDEN,
    "FUNCTIONALITY_NOT_ENABLED": _reject(Reason.ACCESS_DENIED, "Enable the feature in the org."),
    "TXN_SECURITY_NO_ACCESS": _POLICY,
    "TXN_SECURITY_APEX_ERROR": _POLICY,
    "TXN_SECURITY_RUNTIME_ERROR": _POLICY,
    "STORAGE_LIMIT_EXCEEDED": _reject(
        Reason.STORAGE_FULL, "Free or buy data storage in the org, then replay."
    ),
    "LIMIT_EXCEEDED": _SIZE,
    "EXCEEDED_ID_LIMIT": _SIZE,
    "EXCEEDED_MAX_SIZE_REQUEST": _SIZE,
    # Queries.
    "MALFORMED_QUERY": _reject(Reason.REFUSED, "The lookup was refused; check the match field."),
    "INVALID_QUERY_FILTER_OPERATOR": _reject(
        Reason.MATCH_KEY_INVALID, "The match field cannot be compared with this value."
    ),
    "QUERY_TOO_COMPLICATED": _reject(Reason.REFUSED, "The lookup was refused; simplify it."),
}

# Codes that mean that the setup is wrong, whatever the event: waiting loses nothing.
SETUP_CODES: Mapping[str, str] = {
    "API_DISABLED_FOR_ORG": "Enable the API for the org or the integration user.",
    "PI_DISABLED_FOR_ORG": "Enable the API for the org or the integration user.",
    "LOGIN_DURING_RESTRICTED_TIME": "Widen the login hours of the integration user's profile.",
    "LOGIN_DURING_RESTRICTED_DOMAIN": "Add this machine's address to the profile's IP ranges.",
    "GONE": "The API version is retired: set api_version to a supported one.",
    "UNSUPPORTED_API_VERSION": "Set api_version to one that the org supports.",
    "UNSUPPORTED_MEDIA_TYPE": "A proxy changes requests: send them straight to Salesforce.",
    "METHOD_NOT_ALLOWED": "A proxy changes requests: send them straight to Salesforce.",
    "INVALID_AUTH_HEADER": "A proxy changes requests: send them straight to Salesforce.",
}

_KNOWN = frozenset({*RULES, *SETUP_CODES, "UNKNOWN"})
_UNKNOWN = _reject(Reason.REFUSED, "Salesforce gives the reason; correct the event or the org.")
_DUPLICATE = re.compile(r"(?:found: )?(\w+) duplicates value on record with id: (\w{15,18})")
_NO_COLUMN = re.compile(r"No such column '([^']+)'")
_VALUE_READ = re.compile(
    r" from VALUE_\w+ value (.*?)(?: or request may be missing .*)? at \[line:", re.DOTALL
)
_QUOTES = re.compile(r"must be of type (\w+) and should (?:not )?be enclosed in quotes")
_QUOTED: Mapping[str, bool] = {"string": True, "double": False, "int": False}
_UNWRITABLE = re.compile(r"fields?: ([\w, ]+?)\. ")


@dataclass(frozen=True, slots=True)
class VendorError:
    """One error of Salesforce. `duplicate_ids` are the records a duplicate rule found."""

    code: str
    message: str
    fields: tuple[str, ...] = ()
    duplicate_ids: tuple[tuple[str, str], ...] = ()

    @property
    def rule(self) -> Rule:
        """The table's row; a trigger that failed on a lock counts as the lock.

        A status of 5xx without any error of Salesforce's is about no record.
        """
        if self.code == "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY" and (
            "UNABLE_TO_LOCK_ROW" in self.message
        ):
            return _LOCKED
        if self.code.startswith("HTTP_5"):
            return _BUSY
        return RULES.get(self.code, _UNKNOWN)

    @property
    def word(self) -> str:
        """The code as a message may have it."""
        return code_word(self.code, _KNOWN)

    @property
    def vendor(self) -> dict[str, object]:
        """The error as it came, for the dead letter."""
        found: dict[str, object] = {"errorCode": self.code, "message": self.message}
        if self.fields:
            found["fields"] = list(self.fields)
        if self.duplicate_ids:
            found["duplicates"] = [f"{kind} {record_id}" for kind, record_id in self.duplicate_ids]
        return found

    @property
    def duplicate_of(self) -> tuple[str, str] | None:
        """For DUPLICATE_VALUE, the field and the id of the record that has the value."""
        found = _DUPLICATE.search(self.message)
        record_id = long_id(found.group(2)) if found else None
        return (found.group(1), record_id) if found and record_id else None

    @property
    def named_value(self) -> str | None:
        """For JSON_PARSER_ERROR, the value that does not fit its field, as Salesforce quotes it."""
        found = _VALUE_READ.search(self.message) if self.code == "JSON_PARSER_ERROR" else None
        return found.group(1) if found else None

    @property
    def wants_quotes(self) -> bool | None:
        """For a query, whether its values are to be texts, or numbers; None says neither."""
        found = _QUOTES.search(self.message) if self.code == "INVALID_FIELD" else None
        return _QUOTED.get(found.group(1)) if found else None

    @property
    def named_fields(self) -> tuple[str, ...]:
        """The fields that the error is about: as listed, else as its text names them."""
        if self.fields:
            return self.fields
        column = _NO_COLUMN.search(self.message)
        if column:
            return (column.group(1),)
        listed = _UNWRITABLE.search(self.message)
        return tuple(name.strip() for name in listed.group(1).split(",")) if listed else ()


def read_errors(body: object, status: int) -> tuple[VendorError, ...]:
    """Read any error body: an array of errors, a bare one, an OAuth one, or text."""
    items = body if isinstance(body, list) else [body]
    errors = tuple(_read_error(item) for item in items if isinstance(item, Mapping))
    return errors or (VendorError(f"HTTP_{status}", str(body)[:200]),)


def outcome(errors: Sequence[VendorError], where: str) -> Rejected | Retry:
    """Decide from the errors of one row; the first that is not worth a retry decides."""
    chosen = next((e for e in errors if e.rule.action is Action.REJECT), errors[0])
    rule = chosen.rule
    detail = f"{where}: {chosen.code}: {chosen.message.strip()} {rule.advice}"
    vendor = chosen.vendor
    if len(errors) > 1:
        vendor["others"] = [error.vendor for error in errors if error is not chosen]
    if rule.action is Action.REJECT:
        return Rejected(rule.reason, detail, vendor)
    return Retry(rule.reason, detail, counts=rule.action is Action.RETRY, vendor=vendor)


def _read_error(item: Mapping[str, object]) -> VendorError:
    code = item.get("errorCode") or item.get("statusCode") or item.get("error") or "UNKNOWN"
    message = item.get("message") or item.get("error_description") or ""
    fields = item.get("fields")
    names = tuple(str(name) for name in fields) if isinstance(fields, list) else ()
    return VendorError(str(code), str(message), names, tuple(_duplicates(item)))


def _duplicates(item: Mapping[str, object]) -> Iterable[tuple[str, str]]:
    """Yield type and id of every record in a `duplicateResult`, each once."""
    seen: dict[tuple[str, str], None] = {}
    for match in _items(item.get("duplicateResult"), "matchResults"):
        for found in _items(match, "matchRecords"):
            record = found.get("record")
            if isinstance(record, Mapping) and isinstance(record.get("Id"), str):
                seen[(str(match.get("entityType", "")), str(record["Id"]))] = None
    return seen


def _items(value: object, key: str) -> Iterable[Mapping[str, object]]:
    found = value.get(key) if isinstance(value, Mapping) else None
    return [item for item in found if isinstance(item, Mapping)] if isinstance(found, list) else []
