"""What the failure of a whole request means for one upsert of it. A value; knows no CRM.

For destinations that need several requests for one batch: when one fails, the others' outcomes are
known all the same, and must not be lost with it.
"""

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
from transformer.outcome import Reason, Retry

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


def retry_of(failure: WriteFailed, *, sent: bool, where: str = "") -> Retry:
    """The outcome of an upsert whose request failed, or was not `sent` because of it."""
    reason, counts = next(
        ((reason, counts) for kind, reason, counts in _FAILURES if isinstance(failure, kind)),
        (Reason.SERVER_ERROR, True),
    )
    return Retry(
        reason,
        f"{where}: {failure.detail}" if where else failure.detail,
        after_seconds=failure.after_seconds,
        counts=counts and sent,
        may_have_applied=failure.may_have_applied and sent,
        vendor=failure.vendor,
    )
