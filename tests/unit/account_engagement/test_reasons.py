"""Account Engagement's errors as data."""

import pytest

from destinations.account_engagement.reasons import (
    BUSY,
    CREDENTIALS,
    DAY_SPENT,
    RULES,
    SETUP,
    code_in,
    read_error,
    refused,
)
from transformer.outcome import Reason, Rejected, Retry


@pytest.mark.parametrize(
    ("code", "status", "reason"),
    [
        (4, 400, Reason.INVALID_VALUE),
        (9, 400, Reason.DUPLICATE_VALUE),
        (46, 403, Reason.ACCESS_DENIED),
        (51, 400, Reason.UNKNOWN_FIELD),
        (60, 405, Reason.ACCESS_DENIED),
        (109, 404, Reason.RECORD_NOT_FOUND),
        (153, 400, Reason.REQUIRED_FIELD_MISSING),
        (180, 400, Reason.FIELD_NOT_WRITABLE),
        (219, 404, Reason.RECORD_DELETED),
        (999, 400, Reason.REFUSED),
        (0, 404, Reason.RECORD_NOT_FOUND),
        (0, 405, Reason.ACCESS_DENIED),
    ],
)
def test_the_code_decides_and_the_advice_is_said(code: int, status: int, reason: Reason) -> None:
    """Whatever the status; without a code the status has to do."""
    body = {"code": code, "message": "No."} if code else {"message": "No."}
    outcome = refused(body, status, "prospect")
    assert isinstance(outcome, Rejected)
    assert outcome.reason is reason
    assert outcome.vendor == {"status": status, "code": code, "message": "No."}
    assert "No." in outcome.detail


@pytest.mark.parametrize("code", [62, 85, 183, 120, 233])
def test_what_passes_by_itself_is_sent_again(code: int) -> None:
    """A conflict, and faults of the vendor's."""
    assert isinstance(refused({"code": code, "message": "x"}, 400, "prospect"), Retry)


def test_no_code_is_two_things_at_once() -> None:
    """A limit, the credentials, the setup, or the upsert's own."""
    groups = [set(RULES), set(SETUP), set(CREDENTIALS), set(BUSY), {DAY_SPENT}]
    assert sum(map(len, groups)) == len(set().union(*groups))


def test_a_code_is_read_as_number_or_text() -> None:
    """And from within a longer text."""
    assert read_error({"code": "122", "message": "x"}, 429).code == 122
    assert read_error("<html>", 502).code == 0
    assert code_in('login: the CRM answered 429: {"code":122,"message":"Daily"}') == 122
    assert code_in('{"code": "66"}') == 66
    assert code_in("busy") == 0


def test_a_number_that_is_no_code_gets_into_no_message() -> None:
    """A customer's telephone number, say; the status is told in its place."""
    for told in ("15550001234", 15_550_001_234, "9" * 5_000, "-122", "1.5"):
        error = read_error({"code": told, "message": "x"}, 400)
        assert (error.code, error.word) == (0, "400")
    assert read_error({"code": 122}, 400).word == "122"
