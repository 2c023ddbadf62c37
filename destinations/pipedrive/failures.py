"""Failures of whole requests, as outcomes of the upserts they concern.

A batch is written one request per record: an answer lost for one says nothing of the others.
"""

import logging
from collections.abc import Mapping, Sequence

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
from transformer.outcome import Outcome, Reason, Rejected, Retry

log = logging.getLogger("destinations.pipedrive")

# What a failure is called, and whether it uses up one of the upsert's attempts.
_RETRIES: Mapping[type[WriteFailed], tuple[Reason, bool]] = {
    Throttled: (Reason.THROTTLED, False),
    QuotaSpent: (Reason.QUOTA_SPENT, False),
    Unauthorized: (Reason.UNAUTHORIZED, False),
    Unreachable: (Reason.UNREACHABLE, False),
    ServerFault: (Reason.SERVER_ERROR, True),
    AnswerLost: (Reason.ANSWER_LOST, True),
}


def per_upsert(tries: Sequence[Outcome | BaseException]) -> Sequence[Outcome]:
    """One outcome per upsert, in order.

    Raises the failure itself when every upsert failed in the same way: then nothing is known, and
    the engine waits for the CRM as a whole.
    """
    failures = [each for each in tries if isinstance(each, WriteFailed)]
    if failures and len(failures) == len(tries) and len({type(each) for each in failures}) == 1:
        raise max(failures, key=lambda failure: failure.after_seconds or 0.0)
    return [each if not isinstance(each, BaseException) else _outcome(each) for each in tries]


def _outcome(error: BaseException) -> Outcome:
    if isinstance(error, RequestRefused):
        return Rejected(Reason.REFUSED, error.detail, error.vendor)
    if isinstance(error, WriteFailed):
        reason, counts = _RETRIES.get(type(error), (Reason.SERVER_ERROR, True))
        return Retry(
            reason,
            error.detail,
            after_seconds=error.after_seconds,
            counts=counts,
            may_have_applied=error.may_have_applied,
            vendor=error.vendor,
        )
    if not isinstance(error, Exception):
        raise error
    log.error("an upsert broke its destination; it alone is rejected", exc_info=error)
    return Rejected(
        Reason.INTERNAL_ERROR,
        "the destination broke on this upsert. Report it with this dead letter.",
    )
