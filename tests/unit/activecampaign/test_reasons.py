"""ActiveCampaign's errors in every documented shape."""

import pytest

from destinations.activecampaign.reasons import read_error, refused
from transformer.outcome import Reason, Rejected, Retry


@pytest.mark.parametrize(
    ("status", "body", "code", "words", "reason"),
    [
        (
            422,
            {"errors": [{"title": "T", "detail": "", "code": "duplicate"}]},
            "duplicate",
            "T",
            Reason.DUPLICATE_VALUE,
        ),
        (
            422,
            {"errors": [{"title": "T", "detail": "D", "code": "field_missing"}]},
            "field_missing",
            "T: D",
            Reason.REQUIRED_FIELD_MISSING,
        ),
        (422, {"errors": [{"status": 422, "title": "T"}]}, "", "T", Reason.INVALID_VALUE),
        (422, {"errors": [{"title": "T", "code": "new"}]}, "new", "T", Reason.INVALID_VALUE),
        (422, {"errors": "Bulk failed."}, "", "Bulk failed.", Reason.INVALID_VALUE),
        (404, {"message": "No Result found"}, "", "No Result found", Reason.RECORD_NOT_FOUND),
        (403, {"message": "Forbidden"}, "", "Forbidden", Reason.ACCESS_DENIED),
        (400, {}, "", "no reason given", Reason.REFUSED),
        (418, "<html>", "", "<html>", Reason.REFUSED),
    ],
)  # fmt: skip
def test_every_shape_of_error_gives_code_words_and_reason(
    status: int, body: object, code: str, words: str, reason: Reason
) -> None:
    """The vendor's error goes along."""
    error = read_error(body, status)
    assert (error.code, error.words) == (code, words)
    outcome = refused(body, status, "contact")
    assert isinstance(outcome, Rejected)
    assert (outcome.reason, outcome.vendor) == (reason, error.vendor)


def test_a_conflict_is_sent_again() -> None:
    """It is nobody's fault."""
    assert isinstance(refused({}, 409, "deal"), Retry)
