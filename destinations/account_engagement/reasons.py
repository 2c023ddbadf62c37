"""Account Engagement's errors as data: why, what the engine does next, and what a person can do.

Decided by the code in the body, never by the HTTP status: the vendor publishes no statuses for
most. Source: the vendor's list of error codes, read 2026-11-22.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from transformer.failures import Rule
from transformer.outcome import Reason, Rejected, Retry

ALREADY_MEMBER = 58
DAY_SPENT = 122
IN_BIN = 219
EMAIL_TAKEN = frozenset({9, 54})
CREDENTIALS = frozenset({1, 15, 184, 199})
BUSY = frozenset({66, 202, 214})
# Of imports alone: batches in one, batches in a day, bytes in a day.
IMPORT_LIMITS = frozenset({160, 161, 164, 165})
# What is wrong with the connection, not with the upsert -> what to do about it.
SETUP: Mapping[int, str] = {
    76: "The API is switched off for this account. Switch it on.",
    181: "Check business_unit_id.",
    182: "Check business_unit_id.",
    198: "There is no API v5 at this address. Check base_url.",
    201: "Check business_unit_id, that the user is in it, and environment: it decides the host.",
}
NOT_THERE = frozenset({92, 109, 192})


# What is longer is no code, and must not get into a message as one.
_CODE = re.compile(r"[0-9]{1,4}")
_VALUE = Rule(Reason.INVALID_VALUE, "Correct the value or the mapping.")
_GONE = Rule(Reason.RECORD_NOT_FOUND, "Check the id; the record is not in this business unit.")
_REFERENCE = Rule(Reason.INVALID_REFERENCE, "Name one that is in this business unit.")
_TAKEN = Rule(Reason.DUPLICATE_VALUE, "Another prospect has this address; match on it, or merge.")
_RIGHTS = Rule(Reason.ACCESS_DENIED, "Give the user's role the ability.")
_MISSING = Rule(Reason.REQUIRED_FIELD_MISSING, "Map a source or a default for the field.")
_LOCKED = Rule(Reason.ACCESS_DENIED, "A CRM connector owns these records; write them in the CRM.")
_FAULT = Rule(Reason.SERVER_ERROR, "It is sent again by itself.", again=True)
_UNKNOWN = Rule(Reason.REFUSED, "Account Engagement gives the reason; correct the event.")

RULES: Mapping[int, Rule] = {
    3: _GONE,
    4: Rule(Reason.INVALID_VALUE, "Correct the e-mail address."),
    9: _TAKEN,
    10: _REFERENCE,
    11: _REFERENCE,
    13: _MISSING,
    35: _REFERENCE,
    36: _MISSING,
    37: _LOCKED,
    38: _REFERENCE,
    39: _REFERENCE,
    45: _REFERENCE,
    46: _RIGHTS,
    49: _RIGHTS,
    50: _VALUE,
    51: Rule(Reason.UNKNOWN_FIELD, "Fix the field's name, or give the user access to it."),
    52: _VALUE,
    54: _TAKEN,
    55: _REFERENCE,
    56: _VALUE,
    57: _VALUE,
    59: _LOCKED,
    60: Rule(Reason.ACCESS_DENIED, "The object is read only in API v5; write it in Salesforce."),
    61: _REFERENCE,
    62: Rule(Reason.ROW_LOCKED, "It is sent again by itself.", again=True),
    67: Rule(Reason.STORAGE_FULL, "The account has no room for more; delete some, or upgrade."),
    85: _FAULT,
    92: _GONE,
    96: _RIGHTS,
    98: Rule(Reason.REFUSED, "The prospect is not mailable."),
    108: Rule(Reason.RECORD_LOCKED, "The record is in use."),
    109: _GONE,
    120: _FAULT,
    121: _FAULT,
    130: Rule(Reason.REFUSED, "A dynamic list chooses its members itself; name a static one."),
    132: Rule(Reason.RECORD_DELETED, "The record is archived."),
    153: _MISSING,
    154: Rule(Reason.UNKNOWN_FIELD, "Fix the field's name or value."),
    180: Rule(Reason.FIELD_NOT_WRITABLE, "Leave the field out of the mapping."),
    183: _FAULT,
    192: _GONE,
    IN_BIN: Rule(Reason.RECORD_DELETED, "Undelete the prospect in the recycle bin."),
    233: _FAULT,
    234: _FAULT,
    245: Rule(Reason.DUPLICATE_VALUE, "The name is in use."),
}


@dataclass(frozen=True, slots=True)
class VendorError:
    """One error of Account Engagement; code 0 when the answer has none."""

    status: int
    code: int
    words: str

    @property
    def rule(self) -> Rule:
        """The table's row; an error without a code is judged by its status."""
        if self.code:
            return RULES.get(self.code, _UNKNOWN)
        return {403: _RIGHTS, 404: _GONE, 405: _RIGHTS}.get(self.status, _UNKNOWN)

    @property
    def word(self) -> str:
        """The code as a message may have it, else the status."""
        return str(self.code or self.status)

    @property
    def vendor(self) -> dict[str, object]:
        """The error for the dead letter."""
        return {"status": self.status, "code": self.code, "message": self.words}


def read_error(body: object, status: int) -> VendorError:
    """Read `{"code": 51, "message": "..."}`; the code may be text."""
    if not isinstance(body, Mapping):
        return VendorError(status, 0, str(body)[:200])
    found = _CODE.fullmatch(str(body.get("code", "")))
    words = str(body.get("message") or "no reason given")
    return VendorError(status, int(found.group()) if found else 0, words)


def code_in(text: str) -> int:
    """The code of an error body inside a longer text; 0 when there is none."""
    found = re.search(r'"code"\s*:\s*"?(\d{1,6})', text)
    return int(found.group(1)) if found else 0


def refused(body: object, status: int, where: str) -> Rejected | Retry:
    """The outcome of an upsert whose request was answered with an error."""
    error = read_error(body, status)
    return error.rule.outcome(f"{where}: {error.code or status}: {error.words}", error.vendor)
