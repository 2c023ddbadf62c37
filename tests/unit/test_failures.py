"""What failures mean for one upsert: of a whole request, and by the vendor's code."""

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
from transformer.failures import Declined, Rule, retry_of
from transformer.outcome import Reason, Rejected, Retry


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


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (
            Rule(Reason.INVALID_VALUE, "Correct it."),
            Rejected(Reason.INVALID_VALUE, "row: no. Correct it.", {"code": 7}),
        ),
        (
            Rule(Reason.ROW_LOCKED, "Wait.", again=True),
            Retry(Reason.ROW_LOCKED, "row: no. Wait.", vendor={"code": 7}),
        ),
        (
            Rule(Reason.THROTTLED, "Wait.", again=True, counts=False),
            Retry(Reason.THROTTLED, "row: no. Wait.", counts=False, vendor={"code": 7}),
        ),
    ],
)
def test_a_rule_says_what_becomes_of_a_refused_upsert(
    rule: Rule, expected: Rejected | Retry
) -> None:
    """In the vendor's words, with advice, and the vendor's error as it came."""
    assert rule.outcome("row: no.", {"code": 7}) == expected


def test_declined_carries_its_outcome_and_says_nothing_of_it() -> None:
    """Its text may get into a log; the outcome may hold customer data."""
    outcome = Rejected(Reason.INVALID_VALUE, "ann@example.com is no number")
    declined = Declined(outcome)
    assert (declined.outcome, str(declined)) == (outcome, "Rejected")
