"""What failures mean for one upsert: of a whole request, and by the vendor's code. Values.

For destinations that need several requests for one batch: when one fails, the others' outcomes are
known all the same, and must not be lost with it. Knows no CRM.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

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
from transformer.outcome import Outcome, Reason, Rejected, Retry

# Why, and whether it uses up one of the upsert's attempts. The first kind that fits counts.
_FAILURES: Final[tuple[tuple[type[WriteFailed], Reason, bool], ...]] = (
    (Throttled, Reason.THROTTLED, False),
    (QuotaSpent, Reason.QUOTA_SPENT, False),
    (Unauthorized, Reason.UNAUTHORIZED, False),
    (Fenced, Reason.FENCED, False),
    (Unreachable, Reason.UNREACHABLE, False),
    (AnswerLost, Reason.ANSWER_LOST, True),
    (ServerFault, Reason.SERVER_ERROR, True),
    (RequestRefused, Reason.REFUSED, True),
)


class Declined(Exception):
    """Ends the work on one upsert with its outcome; never leaves its destination."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(type(outcome).__name__)
        self.outcome = outcome


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of a vendor's error table: why, and what a person can do.

    With `again` the engine sends the upsert again; `counts` says whether that uses up one of its
    attempts.
    """

    reason: Reason
    advice: str
    again: bool = False
    counts: bool = True

    def outcome(self, said: str, vendor: Mapping[str, object]) -> Rejected | Retry:
        """The outcome of an upsert that was refused; `said` are the vendor's words, and where."""
        detail = f"{said} {self.advice}"
        if self.again:
            return Retry(self.reason, detail, counts=self.counts, vendor=vendor)
        return Rejected(self.reason, detail, vendor)


def reason_of(failure: WriteFailed) -> tuple[Reason, bool]:
    """What a failure is called, and whether it uses up an attempt of the upserts it concerns."""
    return next(
        ((reason, counts) for kind, reason, counts in _FAILURES if isinstance(failure, kind)),
        (Reason.SERVER_ERROR, True),
    )


def retry_of(failure: WriteFailed, *, sent: bool, where: str = "") -> Retry:
    """The outcome of an upsert whose request failed, or was not `sent` because of it."""
    reason, counts = reason_of(failure)
    return Retry(
        reason,
        f"{where}: {failure.detail}" if where else failure.detail,
        after_seconds=failure.after_seconds,
        counts=counts and sent,
        may_have_applied=failure.may_have_applied and sent,
        vendor=failure.vendor,
    )
