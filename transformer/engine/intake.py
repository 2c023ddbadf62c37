"""The intake: a record becomes upserts to deliver, a skip, or a rejection. Never an exception.

Synchronous: between a record being read and it being tracked nothing else runs.
"""

import logging
from collections.abc import Callable, Sequence

from transformer.decode import decode
from transformer.engine.outbox import Outbox
from transformer.engine.work import OwnedPartition, Work, Written
from transformer.event import Event
from transformer.mapping import CompiledMapping
from transformer.outcome import Reason, Redirect, Rejected, Skipped
from transformer.record import Record
from transformer.replay.origin import Replay, replay_of
from transformer.upsert import Upsert

log = logging.getLogger("transformer.intake")

Plan = tuple[Upsert | Rejected, ...] | Skipped | Rejected


class Intake:
    """Decodes and maps the records of one connection, and hands on what comes of them."""

    def __init__(
        self,
        *,
        connection: str,
        mapping: CompiledMapping,
        outbox: Outbox,
        deliver: Callable[[Work, Sequence[Upsert]], None],
    ) -> None:
        self._connection = connection
        self._mapping = mapping
        self._outbox = outbox
        self._deliver = deliver

    def admit(self, record: Record, partition: OwnedPartition) -> None:
        """Take one record over. Three cases: skipped whole, rejected whole, or to be delivered."""
        replay = _replay(record)
        if replay is not None and replay.connection != self._connection:
            self._outbox.skip(partition, record.offset, Reason.REPLAYED_FOR_ANOTHER.value)
            return
        event = decode(record if replay is None else _as_first_read(record, replay))
        if isinstance(event, Rejected):
            self._reject(Work(record, partition, upserts=1), event)
            return
        plan = self._evaluate(event, record)
        if isinstance(plan, Skipped):
            self._outbox.skip(partition, record.offset, plan.reason.value)
            return
        work = Work(
            record,
            partition,
            message_id=event.message_id,
            event_type=event.type,
            upserts=1 if isinstance(plan, Rejected) else len(plan),
        )
        if isinstance(plan, Rejected):
            self._reject(work, plan)
        else:
            self._hand_on(work, plan, replay)

    def remap(self, work: Work, redirect: Redirect) -> Upsert | Rejected | Skipped:
        """Evaluate an event again, for another record than the mapping chose at first."""
        replay = _replay(work.record)
        event = decode(work.record if replay is None else _as_first_read(work.record, replay))
        if isinstance(event, Rejected):
            return event
        try:
            return self._mapping.evaluate_for(event, redirect)
        except Exception:
            log.exception("the mapping broke on %s", work.record.origin)
            return _broke(work.record)

    def _evaluate(self, event: Event, record: Record) -> Plan:
        try:
            return self._mapping.evaluate(event)
        except Exception:
            log.exception("the mapping broke on %s", record.origin)
            return _broke(record)

    def _reject(self, work: Work, rejected: Rejected) -> None:
        work.partition.tracker.track(work)
        work.settle(Written(None, rejected))
        self._outbox.settle(work)

    def _hand_on(
        self, work: Work, plan: tuple[Upsert | Rejected, ...], replay: Replay | None
    ) -> None:
        work.partition.tracker.track(work)
        wanted: list[Upsert] = []
        for each in plan:
            if not isinstance(each, Rejected):
                wanted.append(each)
            elif work.settle(Written(None, each)):
                self._outbox.settle(work)
        if work.first < work.partition.repeats_below or (replay and replay.may_have_written):
            # An earlier worker may have made them already (invariants 6 and 8). They were just
            # built for this event, and nobody else has them yet.
            for upsert in wanted:
                upsert.repeated = True
        if wanted:
            self._deliver(work, wanted)


def _replay(record: Record) -> Replay | None:
    """What a replayed record says of itself; most records have no headers at all."""
    return replay_of(record.headers) if record.headers else None


def _as_first_read(record: Record, replay: Replay) -> Record:
    """The time of an event that names none is that of its first record, not of the replay."""
    return record._replace(timestamp_ms=replay.origin.timestamp_ms)


def _broke(record: Record) -> Rejected:
    return Rejected(
        Reason.INTERNAL_ERROR,
        f"{record.origin}: the mapping broke on this event. Report it with this dead letter.",
    )
