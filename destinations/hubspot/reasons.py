"""HubSpot's errors as data: why, what the engine does next, and what a person can do.

Source: HubSpot's OpenAPI documents (Error, StandardError) and error guide, read 2026-11-22.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import orjson

from transformer.errors import code_word
from transformer.failures import Rule
from transformer.kit.json_api import records_in
from transformer.outcome import Reason, Rejected, Retry

CODES_BY_SCHEMA = frozenset(
    {"PROPERTY_DOESNT_EXIST", "READ_ONLY_VALUE", "INVALID_OPTION", "INVALID_DATE"}
)
"""What the properties API would have told: worth another look at it when it was read long ago."""


SCOPES = frozenset(
    {
        "tickets", "oauth", "timeline", "e-commerce", "automation", "files", "forms",
        "behavioral_events.event_definitions.read_write", "analytics.behavioral_events.send",
        *(
            f"crm.{kind}.{name}.{right}"
            for kind in ("objects", "schemas", "lists")
            for name in (
                "contacts", "companies", "deals", "tickets", "custom", "leads", "line_items",
                "products", "quotes", "owners", "orders", "invoices", "appointments", "courses",
                "listings", "services", "users", "goals", "subscriptions", "carts",
            )
            for right in ("read", "write")
        ),
    }
)  # fmt: skip
"""What an app may be granted, as far as writes need it: no other word of an answer is one."""

_LATER = "It is sent again by itself."
_VALUE = Rule(Reason.INVALID_VALUE, "Correct the value or the mapping.")

# By the code of the property's error, else by the category of the whole.
RULES: Mapping[str, Rule] = {
    "PROPERTY_DOESNT_EXIST": Rule(
        Reason.UNKNOWN_FIELD, "Create the property, fix its name, or see unknown_properties."
    ),
    "READ_ONLY_VALUE": Rule(Reason.FIELD_NOT_WRITABLE, "Leave it out of the mapping."),
    "INVALID_OPTION": Rule(
        Reason.INVALID_VALUE, "Map the value to an option, or add the option in HubSpot."
    ),
    "INVALID_EMAIL": _VALUE,
    "INVALID_DATE": _VALUE,
    "INVALID_INTEGER": _VALUE,
    "INVALID_LONG": _VALUE,
    "INVALID_FLOAT": _VALUE,
    "VALUE_TOO_LONG": Rule(Reason.VALUE_TOO_LONG, "Truncate it in the mapping."),
    "REQUIRED_PROPERTY": Rule(
        Reason.REQUIRED_FIELD_MISSING, "Map a source or a default for the property."
    ),
    "OBJECT_NOT_FOUND": Rule(
        Reason.RECORD_NOT_FOUND, "Check the id; the record is deleted or not in this account."
    ),
    "CONFLICT": Rule(
        Reason.DUPLICATE_VALUE, "Another record has this value already; match on it, or merge."
    ),
    "VALIDATION_ERROR": Rule(
        Reason.VALIDATION_RULE, "HubSpot's message says what is wrong; correct it or the rule."
    ),
    "METHOD_NOT_ALLOWED": Rule(Reason.REFUSED, "The object does not allow it."),
    "MISSING_SCOPES": Rule(
        Reason.UNAUTHORIZED, "Grant the app the scopes it lacks.", again=True, counts=False
    ),
    "BANNED": Rule(Reason.UNAUTHORIZED, "Allow the app in the account.", again=True, counts=False),
    "RATE_LIMITS": Rule(Reason.THROTTLED, _LATER, again=True, counts=False),
    "LOCKED": Rule(Reason.ROW_LOCKED, _LATER, again=True),
    "TIMEOUT": Rule(Reason.SERVER_ERROR, _LATER, again=True),
    "INTERNAL_ERROR": Rule(Reason.SERVER_ERROR, _LATER, again=True),
}
_UNKNOWN = Rule(Reason.REFUSED, "HubSpot gives the reason; correct the event or the account.")

_EXISTING = (
    re.compile(r"Existing ID:\s*(\d+)"),
    re.compile(r"(\d+) already has that value"),
)


@dataclass(frozen=True, slots=True)
class VendorError:
    """One error of HubSpot: of a whole request, or of one row in a 207."""

    category: str
    message: str
    codes: tuple[tuple[str, str], ...] = ()
    ids: tuple[str, ...] = ()
    trace_ids: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    correlation_id: str = ""
    holders: tuple[str, ...] = ()

    @property
    def rule(self) -> Rule:
        """The table's row: that of the property's error, else of the category."""
        named = next((code for code, _ in self.codes if code in RULES), self.category)
        return RULES.get(named, _UNKNOWN)

    @property
    def word(self) -> str:
        """The category as a message may have it."""
        return code_word(self.category, RULES)

    @property
    def lacking(self) -> tuple[str, ...]:
        """The scopes that the app lacks, those that HubSpot has."""
        return tuple(scope for scope in self.scopes if scope in SCOPES)

    @property
    def existing_id(self) -> str | None:
        """For a conflict, the id of the record that has the value."""
        found = (pattern.search(self.message) for pattern in _EXISTING)
        told = next((match.group(1) for match in found if match), None)
        return told or next((each for each in self.holders if each.isdecimal()), None)

    @property
    def properties(self) -> tuple[str, ...]:
        """The properties that the error names."""
        return tuple(dict.fromkeys(name for _, name in self.codes if name))

    @property
    def vendor(self) -> dict[str, object]:
        """The error as it came, for the dead letter."""
        found: dict[str, object] = {"category": self.category, "message": self.message}
        if self.codes:
            found["errors"] = [{"code": code, "property": name} for code, name in self.codes]
        if self.ids:
            found["ids"] = list(self.ids)
        if self.scopes:
            found["requiredGranularScopes"] = list(self.scopes)
        if self.correlation_id:
            found["correlationId"] = self.correlation_id
        return found


def read_error(body: object, status: int) -> VendorError:
    """Read an error body, or an entry of a 207's `errors`; anything else by its status."""
    if not isinstance(body, Mapping):
        return VendorError(f"HTTP_{status}", str(body)[:200])
    message = str(body.get("message") or "")
    context = body.get("context")
    codes = [*_embedded(message), *_detailed(body.get("errors"))]
    return VendorError(
        str(body.get("category") or f"HTTP_{status}"),
        message,
        tuple(dict.fromkeys(codes)),
        _texts(context, "ids"),
        _texts(context, "objectWriteTraceId"),
        tuple(_scopes(body.get("errors"))),
        str(body.get("correlationId") or ""),
        _texts(context, "existingId"),
    )


def outcome(error: VendorError, where: str) -> Rejected | Retry:
    """What the table makes of one row's error."""
    said = f"{where}: {error.category}: {error.message.strip()}"
    return error.rule.outcome(said, error.vendor)


def _embedded(message: str) -> Iterable[tuple[str, str]]:
    """The JSON inside `Property values were not valid: [{…}]`."""
    head, bracket, rest = message.partition("[")
    if not bracket or not head.startswith("Property values"):
        return
    try:
        found = orjson.loads(bracket + rest)
    except orjson.JSONDecodeError:
        return
    for item in found if isinstance(found, list) else []:
        if isinstance(item, Mapping):
            yield str(item.get("error") or ""), str(item.get("name") or "")


def _detailed(errors: object) -> Iterable[tuple[str, str]]:
    for item in records_in(errors):
        names = _texts(item.get("context"), "propertyName")
        if item.get("code") is not None:
            yield str(item["code"]), names[0] if names else ""


def _scopes(errors: object) -> Iterable[str]:
    for item in records_in(errors):
        yield from _texts(item.get("context"), "requiredGranularScopes")


def _texts(context: object, name: str) -> tuple[str, ...]:
    found = context.get(name) if isinstance(context, Mapping) else None
    listed = found if isinstance(found, list) else [found]
    return tuple(text for each in listed if (text := text_id(each)))


def text_id(value: object) -> str:
    """An id or a name as text, numbers too; empty for anything else."""
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
