"""Failures of whole requests, as outcomes of the upserts they concern.

A batch is written one request per record: an answer lost for one says nothing of the others.
"""

import logging
from collections.abc import Sequence

from transformer.errors import RequestRefused, WriteFailed
from transformer.failures import retry_of
from transformer.outcome import Outcome, Reason, Rejected

log = logging.getLogger("destinations.pipedrive")


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
        return retry_of(error, sent=True)
    if not isinstance(error, Exception):
        raise error
    log.error("an upsert broke its destination; it alone is rejected", exc_info=error)
    return Rejected(
        Reason.INTERNAL_ERROR,
        "the destination broke on this upsert. Report it with this dead letter.",
    )
