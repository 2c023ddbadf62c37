"""ActiveCampaign's errors as data: why, what the engine does next, and what a person can do.

There is no common error body; the shapes are those of the API v3 documentation, read 2026-11-22.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from transformer.failures import Rule
from transformer.outcome import Reason, Rejected, Retry

DUPLICATE = "duplicate"
FIELD_INVALID = "field_invalid"

_FORBIDDEN, _NOT_FOUND, _UNPROCESSABLE = 403, 404, 422


# (status, code) -> rule; the empty code stands for every other one.
RULES: Mapping[tuple[int, str], Rule] = {
    (400, ""): Rule(Reason.REFUSED, "ActiveCampaign gives no reason; check values and ids."),
    (402, ""): Rule(Reason.ACCESS_DENIED, "The account's plan or payment does not allow it."),
    (403, ""): Rule(Reason.ACCESS_DENIED, "Give the user's group the permission."),
    (404, ""): Rule(Reason.RECORD_NOT_FOUND, "Check the id; the record is not in this account."),
    (408, ""): Rule(Reason.SERVER_ERROR, "It is sent again by itself.", again=True),
    (409, ""): Rule(Reason.ROW_LOCKED, "It is sent again by itself.", again=True),
    (413, ""): Rule(Reason.TOO_LARGE, "Send less in one event."),
    (422, ""): Rule(Reason.INVALID_VALUE, "Correct the value or the mapping."),
    (422, DUPLICATE): Rule(
        Reason.DUPLICATE_VALUE, "Another record has this value already; match on it, or merge."
    ),
    (422, "field_missing"): Rule(
        Reason.REQUIRED_FIELD_MISSING, "Map a source or a default for the field."
    ),
    (422, FIELD_INVALID): Rule(Reason.INVALID_VALUE, "Correct the value or the mapping."),
}
_UNKNOWN = Rule(Reason.REFUSED, "ActiveCampaign gives the reason; correct the event.")


@dataclass(frozen=True, slots=True)
class VendorError:
    """One error of ActiveCampaign; `code` is empty in most shapes."""

    status: int
    code: str
    words: str
    pointer: str = ""

    @property
    def rule(self) -> Rule:
        """The table's row."""
        exact = RULES.get((self.status, self.code))
        return exact or RULES.get((self.status, ""), _UNKNOWN)

    @property
    def vendor(self) -> dict[str, object]:
        """The error for the dead letter."""
        found: dict[str, object] = {"status": self.status, "message": self.words}
        if self.code:
            found["code"] = self.code
        if self.pointer:
            found["pointer"] = self.pointer
        return found


def read_error(body: object, status: int) -> VendorError:
    """Read the first error of any documented shape; `errors` may also be plain text."""
    if not isinstance(body, Mapping):
        return VendorError(status, "", str(body)[:200])
    errors = body.get("errors")
    if isinstance(errors, list) and errors and isinstance(errors[0], Mapping):
        first = errors[0]
        words = [str(first.get(name) or "") for name in ("title", "detail")]
        source = first.get("source")
        pointer = source.get("pointer") if isinstance(source, Mapping) else ""
        return VendorError(
            status, str(first.get("code") or ""), ": ".join(filter(None, words)), str(pointer or "")
        )
    if isinstance(errors, list) and errors and isinstance(errors[0], str):
        errors = errors[0]
    words_of_all = errors if isinstance(errors, str) else body.get("message")
    return VendorError(status, "", str(words_of_all or "no reason given"))


def refused(body: object, status: int, where: str) -> Rejected | Retry:
    """The outcome of an upsert whose request was answered with an error."""
    error = read_error(body, status)
    return error.rule.outcome(f"{where}: {error.code or status}: {error.words}", error.vendor)
