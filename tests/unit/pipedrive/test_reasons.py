"""Pipedrive's errors: which reason, and what next."""

import pytest

from destinations.pipedrive.reasons import VendorError, outcome, read_error
from transformer.outcome import Reason, Rejected, Retry


@pytest.mark.parametrize(
    ("error", "reason", "kind"),
    [
        (VendorError(400, "x", "ERR_SCHEMA_VALIDATION_FAILED"), Reason.INVALID_VALUE, Rejected),
        (VendorError(400, "x"), Reason.INVALID_VALUE, Rejected),
        (VendorError(403, "x", "feature_capping_deals_limit"), Reason.STORAGE_FULL, Rejected),
        (VendorError(403, "x"), Reason.ACCESS_DENIED, Rejected),
        (VendorError(404, "x"), Reason.RECORD_NOT_FOUND, Rejected),
        (VendorError(409, "x"), Reason.ROW_LOCKED, Retry),
        (VendorError(410, "x"), Reason.RECORD_DELETED, Rejected),
        (VendorError(418, "x", "teapot"), Reason.REFUSED, Rejected),
    ],
)
def test_an_error_has_a_reason(error: VendorError, reason: Reason, kind: type[object]) -> None:
    """By code first, else by status; the vendor's own words go along."""
    found = outcome(error, "create persons")
    assert isinstance(found, kind)
    assert isinstance(found, Rejected | Retry)
    assert (found.reason, found.vendor) == (reason, error.vendor)
    assert found.detail.startswith("create persons: Pipedrive answered")


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"success": False, "error": "e", "error_info": "i", "code": "c"},
         VendorError(400, "e", "c", "i")),
        ({"errorCode": 401, "error": "unauthorized"}, VendorError(400, "unauthorized")),
        ({"errors": {"url": ["bad"]}}, VendorError(400, "{'url': ['bad']}")),
        ({"error": "invalid_grant", "message": "m"}, VendorError(400, "invalid_grant")),
        ("<html>", VendorError(400, "<html>")),
        (None, VendorError(400, "None")),
        ({}, VendorError(400, "")),
    ],
)  # fmt: skip
def test_every_shape_of_error_body_is_read(body: object, error: VendorError) -> None:
    """The envelope, v1's, webhooks', OAuth's, a page."""
    assert read_error(body, 400) == error
