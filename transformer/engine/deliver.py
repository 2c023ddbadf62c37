"""Delivery: sends what the lanes hold, in batches, as soon as they may go.

Decides when, never what comes of it: that is `settlement.py`. Upholds invariants 4 and 5. It knows
no CRM and no Kafka.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Iterable

from transformer.clock import Clock, woken
from transformer.destination import Destination
from transformer.engine.gate import Gate
from transformer.engine.lanes import Lanes, Source, Write
from transformer.engine.settlement import Settlement
from transformer.engine.work import OwnedPartition, Work
from transformer.errors import WriteFailed
from transformer.fence import raise_fence
from transformer.observer import Observer
from transformer.outcome import Redirect, Rejected, Skipped
from transformer.policy import Policy
from transformer.upsert import Upsert

log = logging.getLogger("transformer.deliver")


class Deliverer:
    """Writes of one connection, from their mapping to their outcome.

    `remap` and `settled` are as in `Settlement`; `fenced` returns seconds to hold writes back
    because the partitions may not be ours any more (0.0 when they surely are).
    """

    def __init__(
        self,
        *,
        destination: Destination,
        policy: Policy,
        clock: Clock,
        observer: Observer,
        rng: random.Random,
        remap: Callable[[Work, Redirect], Upsert | Rejected | Skipped],
        settled: Callable[[Work], None],
        fenced: Callable[[], float],
    ) -> None:
        self.lanes = Lanes(coalesce=policy.coalesce)
        self.waiting_for = ""
        self.waiting_until: float | None = None
        self._destination = destination
        self._policy = policy
        self._clock = clock
        self._observer = observer
        self._fenced = fenced
        self._wake = asyncio.Event()
        self._landed = asyncio.Event()
        self._in_flight: dict[asyncio.Task[None], frozenset[OwnedPartition]] = {}
        self._draining = False
        self._abandoned = False
        self.drained = asyncio.Event()
        self.ended = False
        self._gate = Gate(policy, rng)
        self._settlement = Settlement(
            lanes=self.lanes,
            gate=self._gate,
            policy=policy,
            clock=clock,
            observer=observer,
            rng=rng,
            remap=remap,
            settled=settled,
        )
        self._crash: BaseException | None = None

    @property
    def requests_in_flight(self) -> int:
        """How many batches are being written."""
        return len(self._in_flight)

    @property
    def batch_records(self) -> int:
        """How many upserts go into one batch at the most; more when a backlog waits."""
        limits = self._destination.limits
        limit = min(limits.batch_records, self._policy.batch_records or limits.batch_records)
        if limits.backlog_records is not None and self.lanes.queued >= limits.backlog_records:
            return max(limit, limits.backlog_records)
        return limit

    def _batch_bytes(self) -> int | None:
        limits = self._destination.limits
        if limits.batch_bytes is None:
            return None
        return limits.batch_bytes * max(1, self.batch_records // limits.batch_records)

    def linger_seconds(self, now: float) -> float:
        """How long writes gather: longer when the quota is running out, to spend less of it."""
        return self._policy.linger_seconds * self._destination.budget.stretch(now)

    def add(self, work: Work, upserts: Iterable[Upsert]) -> None:
        """Take over the upserts of one event."""
        now = self._clock.now()
        for upsert in upserts:
            self.lanes.add(Source(work, upsert), now)
        self._wake.set()  # it runs when all that was read together is here

    def drain(self) -> None:
        """Linger no more; `run` returns when everything has its outcome."""
        self._draining = True
        self._wake.set()

    def forget_leaving(self) -> None:
        """Drop what is not in flight of partitions that are going to another worker."""
        self.lanes.discard(lambda work: work.partition.leaving)
        self._wake.set()

    def abandon(self) -> None:
        """Stop at once: what is in flight is cancelled and will be read again."""
        self._abandoned = True
        self._wake.set()

    async def landed(self, seconds: float) -> bool:
        """Wait until no request in flight carries an event of a leaving partition; did it?"""
        deadline = self._clock.now() + seconds
        while any(map(_are_leaving, self._in_flight.values())):
            if not await woken(self._landed, deadline - self._clock.now()):
                return False
        return True

    async def run(self) -> None:
        """Send what is due until told to drain and nothing is left."""
        try:
            while not self._abandoned and not (
                self._draining and not self.lanes and not self._in_flight
            ):
                await woken(self._wake, self._start_due())
                if self._crash is not None:
                    raise self._crash
        finally:
            for task in self._in_flight:
                task.cancel()
            await asyncio.gather(*self._in_flight, return_exceptions=True)
            self.ended = True
            self.drained.set()

    def _start_due(self) -> float | None:
        """Start every batch that may go now; return the seconds until another may (None: woken).

        There are four reasons not to send: the gate is closed after a failure, a probe is out,
        the budget says wait, or the writes there are still linger.
        """
        while True:
            now = self._clock.now()
            self.lanes.wake(now)
            wait = self._hold(now)
            if wait is not None:
                return wait
            if len(self._in_flight) >= self._destination.limits.requests_in_flight:
                return None
            wait = self._linger(now)
            if wait is None or wait > 0:
                return wait
            batch = self.lanes.take(self.batch_records, self._batch_bytes())
            partitions = _partitions(batch)
            task = asyncio.create_task(self._send(batch, partitions))
            self._in_flight[task] = partitions
            task.add_done_callback(self._land)

    def _land(self, task: asyncio.Task[None]) -> None:
        if _are_leaving(self._in_flight.pop(task, frozenset())):
            self.forget_leaving()
        self._landed.set()
        self._wake.set()
        if not task.cancelled():
            self._crash = self._crash or task.exception()

    def _hold(self, now: float) -> float | None:
        """Seconds (or until woken) that nothing may be sent; None when sending is open."""
        self.waiting_for, self.waiting_until = "", None
        if not self.lanes:
            return None
        wait, why = self._gate.wait_seconds(now), self._gate.why
        if wait <= 0:
            wait, why = self._destination.budget.wait_seconds(now), "quota"
        if wait <= 0:
            wait, why = self._fenced(), "membership"
        if wait > 0:
            self.waiting_for, self.waiting_until = why, now + wait
            return wait
        return 3600.0 if self._gate.probing and self._in_flight else None

    def _linger(self, now: float) -> float | None:
        """Seconds until the queue makes a batch: at once when full, draining, or waited enough."""
        oldest = self.lanes.oldest_enqueued_at()
        delayed = self.lanes.next_delayed_at()
        if oldest is None:
            return None if delayed is None else delayed - now
        if self._draining or self.lanes.queued >= self.batch_records:
            return 0.0
        wait = max(0.0, oldest + self.linger_seconds(now) - now)
        return wait if delayed is None else min(wait, max(0.0, delayed - now))

    def _still_ours(self, partitions: frozenset[OwnedPartition]) -> bool:
        """Whether all these partitions surely are ours."""
        return self._fenced() <= 0 and not _are_leaving(partitions)

    async def _send(self, batch: list[Write], partitions: frozenset[OwnedPartition]) -> None:
        """Write one batch and see every write of it to its outcome or its next try."""
        started = self._clock.now()
        raise_fence(lambda: self._still_ours(partitions))
        try:
            outcomes = await self._destination.write([write.upsert for write in batch])
            pairs = list(zip(batch, outcomes, strict=True))
        except WriteFailed as failure:
            self._settlement.failed(batch, failure)
        except Exception:
            log.exception("a destination broke while writing; its batch is split and tried again")
            self._settlement.broken(batch)
        else:
            self._gate.succeed()
            self._settlement.answered(pairs)
        self._observer.stage("write", self._clock.now() - started)
        self._observer.batch(len(batch), sum(len(write.sources) for write in batch))


def _partitions(batch: list[Write]) -> frozenset[OwnedPartition]:
    """The partitions that the events of a batch come from."""
    return frozenset([source.work.partition for write in batch for source in write.sources])


def _are_leaving(partitions: frozenset[OwnedPartition]) -> bool:
    return any(partition.leaving for partition in partitions)
