"""ActiveCampaign's errors in every documented shape."""

import pytest

from destinations.activecampaign.reasons import failed, read_error, refused
from transformer.errors import AnswerLost, QuotaSpent, ServerFault, Throttled, WriteFailed
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


@pytest.mark.parametrize(
    ("failure", "sent", "retry"),
    [
        (Throttled("x", after_seconds=3), True, (Reason.THROTTLED, 3, False, False)),
        (QuotaSpent("x"), True, (Reason.QUOTA_SPENT, None, False, False)),
        (AnswerLost("x", may_have_applied=True), True, (Reason.ANSWER_LOST, None, True, True)),
        (AnswerLost("x", may_have_applied=True), False, (Reason.ANSWER_LOST, None, False, False)),
        (ServerFault("x"), True, (Reason.SERVER_ERROR, None, True, False)),
    ],
)
def test_a_failed_request_becomes_a_retry_of_its_upsert(
    failure: WriteFailed, sent: bool, retry: tuple[object, ...]
) -> None:
    """What was not sent neither counts nor may have been applied."""
    found = failed(failure, sent=sent)
    assert (found.reason, found.after_seconds, found.counts, found.may_have_applied) == retry
