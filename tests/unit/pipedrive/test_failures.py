"""Failures of single requests inside a batch: what is known of the others is never lost."""

import logging

import pytest

from destinations.pipedrive.failures import per_upsert
from transformer.errors import (
    AnswerLost,
    QuotaSpent,
    RequestRefused,
    ServerFault,
    Throttled,
    Unauthorized,
    Unreachable,
    WriteFailed,
)
from transformer.outcome import Delivered, Reason, Rejected, Retry

DONE = Delivered("created", "1", "persons")


@pytest.mark.parametrize(
    ("failure", "outcome"),
    [
        (Throttled("t", after_seconds=3.0), Retry(Reason.THROTTLED, "t", 3.0, counts=False)),
        (QuotaSpent("q"), Retry(Reason.QUOTA_SPENT, "q", counts=False)),
        (Unauthorized("a"), Retry(Reason.UNAUTHORIZED, "a", counts=False)),
        (Unreachable("u"), Retry(Reason.UNREACHABLE, "u", counts=False)),
        (ServerFault("s"), Retry(Reason.SERVER_ERROR, "s")),
        (ServerFault("s", may_have_applied=True),
         Retry(Reason.SERVER_ERROR, "s", may_have_applied=True)),
        (AnswerLost("l", may_have_applied=True),
         Retry(Reason.ANSWER_LOST, "l", may_have_applied=True)),
        (RequestRefused("r", vendor={"status": 400}),
         Rejected(Reason.REFUSED, "r", {"status": 400})),
    ],
)  # fmt: skip
def test_a_failure_beside_others_is_its_own_upsert_s_outcome(
    failure: WriteFailed, outcome: Retry | Rejected
) -> None:
    """In the order of the batch."""
    assert per_upsert([DONE, failure, DONE]) == [DONE, outcome, DONE]


def test_the_same_failure_of_all_is_raised() -> None:
    """The engine then waits for the CRM as a whole, the longest of the waits."""
    with pytest.raises(Throttled) as raised:
        per_upsert([Throttled("a", after_seconds=1.0), Throttled("b", after_seconds=9.0)])
    assert raised.value.after_seconds == 9.0


def test_different_failures_of_all_are_told_apart() -> None:
    """One may have been applied, the other surely was not."""
    outcomes = per_upsert([AnswerLost("l", may_have_applied=True), Unreachable("u")])
    assert [o.may_have_applied for o in outcomes if isinstance(o, Retry)] == [True, False]


def test_a_bug_rejects_the_one_upsert_that_found_it(caplog: pytest.LogCaptureFixture) -> None:
    """With the traceback in the log; the others keep their outcomes."""
    with caplog.at_level(logging.ERROR):
        outcomes = per_upsert([DONE, KeyError("x")])
    assert outcomes[0] == DONE
    assert isinstance(outcomes[1], Rejected)
    assert outcomes[1].reason is Reason.INTERNAL_ERROR
    assert caplog.records[0].exc_info is not None


def test_being_stopped_is_no_outcome() -> None:
    """A cancelled batch is not settled."""
    with pytest.raises(KeyboardInterrupt):
        per_upsert([DONE, KeyboardInterrupt()])
