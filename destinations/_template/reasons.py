"""Template's errors as data: why, and what a person can do about it."""

from collections.abc import Mapping

from transformer.failures import Rule
from transformer.outcome import Outcome, Reason, Redirect, Retry

CONTACT = "contact"


# The vendor's code -> rule.
RULES: Mapping[str, Rule] = {
    "not_found": Rule(Reason.RECORD_NOT_FOUND, "The contact is gone. Correct the id."),
    "invalid": Rule(Reason.INVALID_VALUE, "Correct the value or the mapping."),
    "unknown_field": Rule(Reason.UNKNOWN_FIELD, "Create the field, or leave it out."),
    "required": Rule(Reason.REQUIRED_FIELD_MISSING, "Map a source or a default for the field."),
    "locked": Rule(Reason.ROW_LOCKED, "It is sent again by itself.", again=True),
}
_UNKNOWN = Rule(Reason.REFUSED, "Template gives the reason; correct the event.")


def outcome(error: object, where: str) -> Outcome:
    """The outcome of an upsert that was refused with `{"code", "message", "id"?}`."""
    said = error if isinstance(error, Mapping) else {}
    code, message = str(said.get("code", "")), str(said.get("message", "no reason given"))
    if code == "exists" and said.get("id"):
        there = Redirect(CONTACT, str(said["id"]))
        return Retry(Reason.REMATCH, f"{where}: {message}", counts=False, redirect=there)
    return RULES.get(code, _UNKNOWN).outcome(f"{where}: {code}: {message}", dict(said))
