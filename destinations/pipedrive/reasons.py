"""Pipedrive's errors as data: why, what the engine does next, and what a person can do.

Source: the error examples of the OpenAPI documents and the changelog, read 2026-11-22.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from transformer.failures import Rule
from transformer.outcome import Reason, Rejected, Retry

# (status, vendor code; empty: any) -> rule. A code that ends in * is a prefix.
RULES: Mapping[tuple[int, str], Rule] = {
    (400, "ERR_SCHEMA_VALIDATION_FAILED"): Rule(
        Reason.INVALID_VALUE, "Correct the value or the mapping."
    ),
    (400, ""): Rule(Reason.INVALID_VALUE, "Correct the value or the mapping."),
    (403, "feature_capping_*"): Rule(
        Reason.STORAGE_FULL, "Close records or upgrade the plan, then replay."
    ),
    (403, ""): Rule(Reason.ACCESS_DENIED, "Give the integration user access to the record."),
    (404, ""): Rule(Reason.RECORD_NOT_FOUND, "Check the id; the record is not in this company."),
    (409, ""): Rule(Reason.ROW_LOCKED, "It is sent again by itself.", again=True),
    (410, ""): Rule(Reason.RECORD_DELETED, "Restore the record, or match by another key."),
    (413, ""): Rule(Reason.TOO_LARGE, "Send less in one event."),
    (422, ""): Rule(Reason.INVALID_VALUE, "Correct the value or the mapping."),
    (423, ""): Rule(Reason.ROW_LOCKED, "It is sent again by itself.", again=True),
}

# Answers that have nothing to do with the event: the setup is wrong, and waiting loses nothing.
SETUP: Mapping[int, str] = {
    402: "The company's subscription is not paid.",
    405: "A proxy changes requests, or base_url is wrong.",
    406: "A proxy changes requests, or base_url is wrong.",
    415: "A proxy changes requests, or base_url is wrong.",
}
SCOPE_MISMATCH = "Scope and URL mismatch"

_UNKNOWN = Rule(Reason.REFUSED, "Pipedrive gives the reason; correct the event or the account.")


@dataclass(frozen=True, slots=True)
class VendorError:
    """One error of Pipedrive."""

    status: int
    message: str
    code: str = ""
    info: str = ""

    @property
    def rule(self) -> Rule:
        """The table's row: by code, else by status."""
        exact = RULES.get((self.status, self.code))
        if exact is not None:
            return exact
        for (status, code), rule in RULES.items():
            if status == self.status and code.endswith("*") and self.code.startswith(code[:-1]):
                return rule
        return RULES.get((self.status, ""), _UNKNOWN)

    @property
    def vendor(self) -> dict[str, object]:
        """The error as it came, for the dead letter."""
        found: dict[str, object] = {"status": self.status, "error": self.message}
        if self.code:
            found["code"] = self.code
        if self.info:
            found["error_info"] = self.info
        return found


def read_error(body: object, status: int) -> VendorError:
    """Read any error body: the failure envelope, v1's list of errors, OAuth's, or text."""
    if not isinstance(body, Mapping):
        return VendorError(status, str(body)[:200])
    message = body.get("error") or body.get("message") or body.get("errors") or ""
    code = body.get("code")
    return VendorError(
        status, str(message), code if isinstance(code, str) else "", str(body.get("error_info", ""))
    )


def outcome(error: VendorError, where: str) -> Rejected | Retry:
    """What becomes of an upsert whose request was refused so."""
    said = f"{where}: Pipedrive answered {error.status}: {error.message.strip()}."
    return error.rule.outcome(said, error.vendor)
