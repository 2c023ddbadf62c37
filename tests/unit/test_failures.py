"""What the failure of a whole request means for one upsert of it."""

import pytest

from transformer.errors import (
    AnswerLost,
    Fenced,
    QuotaSpent,
    RequestRefused,
    ServerFault,
    Throttled,
    Unauthorized,
    Unreachable,
    WriteFailed,
)
from transformer.failures import retry_of
from transformer.outcome import Reason, Retry


@pytest.mark.parametrize(
    ("kind", "reason", "counts"),
    [
        (Throttled, Reason.THROTTLED, False),
        (QuotaSpent, Reason.QUOTA_SPENT, False),
        (Unauthorized, Reason.UNAUTHORIZED, False),
        (Fenced, Reason.FENCED, False),
        (Unreachable, Reason.UNREACHABLE, False),
        (AnswerLost, Reason.ANSWER_LOST, True),
        (ServerFault, Reason.SERVER_ERROR, True),
        (RequestRefused, Reason.REFUSED, True),
        (WriteFailed, Reason.SERVER_ERROR, True),
    ],
)
def test_every_failure_has_its_reason_and_says_whose_fault_it_is(
    kind: type[WriteFailed], reason: Reason, counts: bool
) -> None:
    """A wait that is not the upsert's fault uses up none of its attempts."""
    outcome = retry_of(kind("said"), sent=True)
    assert (outcome.reason, outcome.counts, outcome.detail) == (reason, counts, "said")


def test_what_was_not_sent_cannot_have_been_applied() -> None:
    """And loses no attempt; what the CRM said goes along."""
    lost = AnswerLost(
        "lost", after_seconds=3.0, detail="why", vendor={"code": "X"}, may_have_applied=True
    )
    assert retry_of(lost, sent=True, where="row") == Retry(
        Reason.ANSWER_LOST, "row: why", 3.0, may_have_applied=True, vendor={"code": "X"}
    )
    assert retry_of(lost, sent=False) == Retry(
        Reason.ANSWER_LOST, "why", 3.0, counts=False, vendor={"code": "X"}
    )
