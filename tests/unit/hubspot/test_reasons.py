"""HubSpot's errors are read whole, and mean what the table says."""

import pytest

from destinations.hubspot.reasons import outcome, read_error
from transformer.outcome import Reason, Rejected, Retry

EMBEDDED = (
    'Property values were not valid: [{"isValid":false,"message":"Property \\"foo\\" does not'
    ' exist","error":"PROPERTY_DOESNT_EXIST","name":"foo"}]'
)


def body(category: str, message: str = "m", **more: object) -> dict[str, object]:
    """An error body."""
    return {"status": "error", "category": category, "message": message, **more}


def test_the_json_inside_a_message_names_the_property() -> None:
    """Also without the envelope's own errors."""
    error = read_error(body("VALIDATION_ERROR", EMBEDDED, correlationId="c-1"), 400)
    assert error.codes == (("PROPERTY_DOESNT_EXIST", "foo"),)
    assert error.properties == ("foo",)
    assert error.vendor["correlationId"] == "c-1"
    decided = outcome(error, "create contacts")
    assert isinstance(decided, Rejected)
    assert decided.reason is Reason.UNKNOWN_FIELD


@pytest.mark.parametrize(
    ("message", "existing"),
    [
        ("Contact already exists. Existing ID: 3401", "3401"),
        ("Cannot set X on Contact. 77 already has that value.", "77"),
        ("Something else", None),
    ],
)
def test_a_conflict_names_the_record_that_has_the_value(message: str, existing: str | None) -> None:
    """In both of HubSpot's wordings."""
    assert read_error(body("CONFLICT", message), 409).existing_id == existing


@pytest.mark.parametrize(
    ("given", "status", "kind", "reason"),
    [
        (body("OBJECT_NOT_FOUND"), 404, Rejected, Reason.RECORD_NOT_FOUND),
        (body("CONFLICT"), 409, Rejected, Reason.DUPLICATE_VALUE),
        (body("VALIDATION_ERROR"), 400, Rejected, Reason.VALIDATION_RULE),
        (body("MISSING_SCOPES"), 403, Retry, Reason.UNAUTHORIZED),
        (body("RATE_LIMITS"), 429, Retry, Reason.THROTTLED),
        (body("INTERNAL_ERROR"), 207, Retry, Reason.SERVER_ERROR),
        (body("NEVER_HEARD_OF"), 400, Rejected, Reason.REFUSED),
        ("<html>", 413, Rejected, Reason.REFUSED),
        (body("VALIDATION_ERROR", "Property values were not valid: [oops"), 400, Rejected,
         Reason.VALIDATION_RULE),
        (body("VALIDATION_ERROR", errors=[
            {"code": "INVALID_DATE", "context": {"propertyName": ["born"]}}]), 400, Rejected,
         Reason.INVALID_VALUE),
    ],
)  # fmt: skip
def test_the_table_decides(given: object, status: int, kind: type, reason: Reason) -> None:
    """By the property's code first, then by the category."""
    decided = outcome(read_error(given, status), "update contacts")
    assert type(decided) is kind
    assert getattr(decided, "reason", None) is reason


def test_a_context_may_hold_a_text_where_a_list_is_usual() -> None:
    """It is one id, not its letters."""
    error = read_error(body("OBJECT_NOT_FOUND", context={"ids": "991"}), 207)
    assert error.ids == ("991",)
