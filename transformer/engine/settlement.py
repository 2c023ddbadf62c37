"""Settlement: what becomes of writes after a request: settled, tried again, split, or given up.

Plans nothing about requests: it puts writes back into their lanes, and closes the gate. Upholds
invariants 1 and 6. It knows no CRM.
"""

import logging
import random
from collections.abc import Callable, Iterable
from dataclasses import replace

from transformer.clock import Clock
from transformer.engine.gate import Gate
from transformer.engine.lanes import Lanes, Source, Write
from transformer.engine.retry import backoff_seconds
from transformer.engine.work import Work, Written
from transformer.errors import (
    AnswerLost,
    Fenced,
    RequestRefused,
    ServerFault,
    WriteFailed,
)
from transformer.failures import reason_of
from transformer.observer import Observer
from transformer.outcome import (
    Delivered,
    Outcome,
    Reason,
    Redirect,
    Rejected,
    Retry,
    Settled,
    Skipped,
)
from transformer.policy import Policy
from transformer.upsert import Upsert

log = logging.getLogger("transformer.settlement")

REDIRECT_LIMIT = 5
SPLIT_AFTER_FAILURES = 3
FENCED_SECONDS = 0.5

# A merged write refused for one of these is tried again event by event: the values of one of its
# events are at fault, and the others must still arrive.
VALUES_AT_FAULT = frozenset(
    {
        Reason.DUPLICATE_DETECTED,
        Reason.DUPLICATE_VALUE,
        Reason.FIELD_NOT_WRITABLE,
        Reason.INTERNAL_ERROR,
        Reason.INVALID_FIELD_NAME,
        Reason.INVALID_REFERENCE,
        Reason.INVALID_VALUE,
        Reason.REFUSED,
        Reason.REQUIRED_FIELD_MISSING,
        Reason.UNKNOWN_FIELD,
        Reason.VALIDATION_RULE,
        Reason.VALUE_TOO_LONG,
    }
)


class Settlement:
    """Decides for every write of a request that came back, or failed, what happens next.

    `remap` evaluates an event again for another record; `settled` is told of every event whose
    last write has its outcome.
    """

    def __init__(
        self,
        *,
        lanes: Lanes,
        gate: Gate,
        policy: Policy,
        clock: Clock,
        observer: Observer,
        rng: random.Random,
        remap: Callable[[Work, Redirect], Upsert | Rejected | Skipped],
        settled: Callable[[Work], None],
    ) -> None:
        self._lanes = lanes
        self._gate = gate
        self._policy = policy
        self._clock = clock
        self._observer = observer
        self._rng = rng
        self._remap = remap
        self._settled = settled
        self._ready_at: dict[tuple[float | None, int], float] = {}

    def answered(self, pairs: Iterable[tuple[Write, Outcome]]) -> None:
        """Take the outcomes of one batch over.

        Those to be tried again wait alike, and so share a request again: a wait drawn for each
        would cost an API call for each.
        """
        self._ready_at.clear()
        for write, outcome in pairs:
            write.failures = 0
            write.batch_limit = None
            self._decide(write, outcome)

    def _decide(self, write: Write, outcome: Outcome) -> None:
        """Take one outcome over. A merged write that is refused is tried event by event."""
        if isinstance(outcome, Delivered | Skipped):
            self._settle(write, outcome)
        elif isinstance(outcome, Retry):
            self._observer.retried(outcome.reason, 1)
            self._retry(write, outcome)
        elif len(write.sources) > 1 and outcome.reason in VALUES_AT_FAULT:
            self._observer.retried(outcome.reason, len(write.sources))
            self._lanes.replace(write, write.split())
        else:
            self._settle(write, outcome)

    def _settle(self, write: Write, outcome: Settled) -> None:
        carrier = write.sources[-1].work
        self._lanes.settle(write)
        for work, upsert in write.sources:
            merged_into = None if work is carrier else carrier.record
            if work.settle(Written(upsert, outcome, write.attempts + 1, merged_into)):
                self._settled(work)

    def _retry(self, write: Write, retry: Retry) -> None:
        """Three cases: another record, no more attempts, or another try after a wait."""
        if retry.may_have_applied:
            _repeat_exactly(write)
        if retry.redirect is not None:
            self._redirect(write, retry.redirect)
            return
        write.attempts += retry.counts
        if write.attempts >= self._policy.max_attempts:
            self._settle(write, _exhausted(write, retry.reason, retry.detail, retry.vendor))
            return
        write.enqueued_at = self._ready(write, retry)
        self._lanes.delay(write, write.enqueued_at)

    def _ready(self, write: Write, retry: Retry) -> float:
        """When it may go again: with all others of its batch that wait for the same."""
        attempt, told = max(1, write.attempts), retry.after_seconds
        alike = (told, attempt if told is None else 0)
        ready_at = self._ready_at.get(alike)
        if ready_at is None:
            wait = self._backoff(attempt) if told is None else told
            ready_at = self._ready_at[alike] = self._clock.now() + wait
        return ready_at

    def _redirect(self, write: Write, redirect: Redirect) -> None:
        self._lanes.settle(write)
        now = self._clock.now()
        for work, upsert in write.sources:
            work.redirects += 1
            mapped = self._remap(work, redirect)
            if work.redirects > REDIRECT_LIMIT:
                mapped = Rejected(
                    Reason.REFUSED,
                    f"redirected {REDIRECT_LIMIT} times without an end, last to "
                    f"{redirect.object_type} {redirect.record_id}. Look at that record in the CRM.",
                )
            if isinstance(mapped, Upsert):
                self._lanes.add(Source(work, mapped), now)
            elif work.settle(Written(upsert, mapped, write.attempts + 1)):
                self._settled(work)

    def failed(self, batch: list[Write], failure: WriteFailed) -> None:
        """Nothing is known per upsert: close the gate for a while and put the batch back."""
        reason, _ = reason_of(failure)
        now = self._clock.now()
        ready_at = now
        if isinstance(failure, Fenced):
            ready_at += FENCED_SECONDS
        elif not isinstance(failure, RequestRefused):
            ready_at += self._gate.fail(now, reason.value, failure.after_seconds)
            wait = {"reason": reason.value, "seconds": round(ready_at - now, 1)}
            log.warning("waiting after a failed request: %s", failure, extra=wait)
        self._observer.retried(reason, len(batch))
        blamed = isinstance(failure, ServerFault | AnswerLost | RequestRefused)
        for write in batch:
            if failure.may_have_applied:
                _repeat_exactly(write)
            if blamed and self._blame(write, len(batch), failure):
                self._settle(write, _exhausted(write, reason, failure.detail, failure.vendor))
            else:
                self._lanes.delay(write, ready_at)

    def _blame(self, write: Write, company: int, failure: WriteFailed) -> bool:
        """Halve the company of a write that keeps failing; whether it, alone, is to be given up.

        A write is given up for failures of whole requests only when it failed alone and others
        got through since its last try: else the CRM is at fault, and waiting loses nothing.
        """
        write.failures += 1
        refused = isinstance(failure, RequestRefused)
        if company > 1:
            if refused or write.failures >= SPLIT_AFTER_FAILURES:
                write.batch_limit = max(1, company // 2)
            return False
        if refused:
            return True
        write.attempts += self._gate.successes > write.successes_seen
        write.successes_seen = self._gate.successes
        return write.attempts >= self._policy.max_attempts

    def broken(self, batch: list[Write]) -> None:
        """Our own code failed on this batch: split it until the upsert that does it is alone."""
        now = self._clock.now()
        for write in batch:
            _repeat_exactly(write)
            if len(batch) > 1:
                write.batch_limit = max(1, len(batch) // 2)
                self._lanes.delay(write, now)
            else:
                detail = "the destination broke on this upsert. Report it with this dead letter."
                self._decide(write, Rejected(Reason.INTERNAL_ERROR, detail))

    def _backoff(self, attempt: int) -> float:
        return backoff_seconds(
            attempt,
            base_seconds=self._policy.backoff_seconds,
            limit_seconds=self._policy.backoff_limit_seconds,
            rng=self._rng,
        )


def _repeat_exactly(write: Write) -> None:
    """It may have been applied: send the very same again, and look before a create (invariant 6).

    Taking later events in would be wrong: were the mixture refused, its older events would be
    sent again by themselves, over the newer values that are there already.
    """
    write.sealed = True
    write.upsert = replace(write.upsert, repeated=True)


def _exhausted(write: Write, reason: Reason, detail: str, vendor: object) -> Rejected:
    """Give up: what was last wrong is what the dead letter says."""
    facts = dict(vendor) if isinstance(vendor, dict) else {}
    if reason is Reason.REFUSED:
        return Rejected(reason, detail, facts)
    tries = f"{write.attempts} tries failed, the last with {reason}"
    return Rejected(Reason.RETRIES_EXHAUSTED, f"{tries}: {detail}", facts)
