"""The story of one connection, in its order: read, admit, deliver, produce, commit.

Owns the partitions and their offsets; every other rule lives in the module of its noun. It knows
no CRM and no Kafka client.
"""

import asyncio
import logging
import random
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Literal

from transformer.broker import Assigned, Broker, Consumer, Producer
from transformer.clock import Clock, woken
from transformer.destination import Destination
from transformer.engine import headroom
from transformer.engine.deliver import Deliverer
from transformer.engine.fuse import Fuse
from transformer.engine.intake import Intake
from transformer.engine.outbox import Outbox
from transformer.engine.results import Reporter
from transformer.engine.work import OwnedPartition, Work
from transformer.errors import EnvironmentFault, PartitionLost
from transformer.mapping import CompiledMapping
from transformer.observer import Observer, Status
from transformer.policy import Policy
from transformer.record import Partition, Record
from transformer.upsert import Upsert

log = logging.getLogger("transformer.pipeline")

READ_SECONDS = 0.2
PRODUCE_SECONDS = 0.02
LAG_SECONDS = 5.0
FENCED_SECONDS = 0.5

State = Literal["starting", "running", "waiting", "paused", "draining", "stopped", "failed"]


class Pipeline:
    """One connection: its consumer group, its mapping, its destination and its two topics."""

    def __init__(
        self,
        *,
        connection: str,
        broker: Broker,
        group: str,
        topics: Sequence[str],
        metrics_topic: str,
        dead_letter_topic: str,
        mapping: CompiledMapping,
        destination: Destination,
        policy: Policy,
        clock: Clock,
        observer: Observer,
        rng: random.Random,
    ) -> None:
        self._connection = connection
        self._broker = broker
        self._group = group
        self._topics = topics
        self._destination = destination
        self._policy = policy
        self._clock = clock
        self._observer = observer
        self._fuse = Fuse(policy)
        self._outbox = Outbox(
            reporter=Reporter(connection, mapping.version),
            metrics_topic=metrics_topic,
            dead_letter_topic=dead_letter_topic,
            clock=clock,
            observer=observer,
            fuse=self._fuse,
        )
        self._intake = Intake(
            connection=connection, mapping=mapping, outbox=self._outbox, deliver=self._deliver
        )
        self._deliverer = Deliverer(
            destination=destination,
            policy=policy,
            clock=clock,
            observer=observer,
            rng=rng,
            remap=self._intake.remap,
            settled=self._settle,
            fenced=self._fenced,
        )
        self._partitions: dict[Partition, OwnedPartition] = {}
        self._consumer: Consumer | None = None
        self._producer: Producer | None = None
        self._producing = asyncio.Lock()
        self._settled = asyncio.Event()
        self._stopping = False
        self._state: State = "starting"
        self._lag: Mapping[Partition, int] = {}
        self._committed_at = 0.0
        self._measured_at = 0.0
        self._read_at: float | None = None

    async def run(self) -> None:
        """Run until `stop`, then drain (invariant 8). Raises ProduceFailed, EnvironmentFault."""
        self._producer = await self._broker.producer()
        try:
            self._consumer = await self._broker.consumer(self._group, self._topics, self)
            await self._run(self._consumer)
            self._state = "stopped"
        except BaseException:
            self._state = "failed"
            raise
        finally:
            if self._consumer is not None:
                await self._consumer.close()
            await self._producer.close()
            await self._destination.close()

    def stop(self) -> None:
        """Read no more, settle what is in flight within the drain time, commit, and end."""
        self._stopping = True
        if self._state in {"starting", "running"}:
            self._state = "draining"

    async def _run(self, consumer: Consumer) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._read(consumer))
                tasks.create_task(self._deliverer.run())
                tasks.create_task(self._produce(consumer))
        except BaseExceptionGroup as several:
            raise several.exceptions[0] from None

    # Read and admit

    async def _read(self, consumer: Consumer) -> None:
        """Read and admit until stopped; then give what is in flight its time to settle."""
        while not self._stopping:
            self._apply_backpressure(consumer)
            started = self._clock.now()
            records = await consumer.read(
                max_records=self._policy.read_records, timeout_seconds=READ_SECONDS
            )
            self._read_at = self._clock.now()
            if records:
                self._observer.stage("read", self._read_at - started)
                self._observer.read(len(records), sum(len(r.value or b"") for r in records))
                self._admit(records)
                self._observer.stage("map", self._clock.now() - self._read_at)
                await asyncio.sleep(0)
        self._deliverer.drain()
        if not await woken(self._deliverer.drained, self._policy.drain_seconds):
            log.warning(
                "the drain time is over; what is in flight will be read again",
                extra={"connection": self._connection, "writes": len(self._deliverer.lanes)},
            )
            self._deliverer.abandon()

    def _admit(self, records: Sequence[Record]) -> None:
        """Admit every record of a partition that is ours, each of them once."""
        topic, number, partition = "", -1, None
        for record in records:
            if record.partition != number or record.topic != topic:
                topic, number = record.topic, record.partition
                partition = self._partitions.get(Partition(topic, number))
            if (
                partition is not None
                and not partition.leaving
                and record.offset >= partition.tracker.position
            ):
                self._intake.admit(record, partition)
        if self._outbox:
            self._settled.set()

    def _apply_backpressure(self, consumer: Consumer) -> None:
        """Pause the partitions that ran too far ahead of what has settled; resume at half (K8).

        An open fuse pauses them all.
        """
        held = self._fuse.wait_seconds(self._clock.now()) > 0
        pausing, resuming = headroom.changes(
            self._partitions.values(), self._lag, self._room_records, held=held
        )
        for partition in pausing:
            partition.paused = True
            consumer.pause([partition.name])
        for partition in resuming:
            partition.paused = False
            consumer.resume([partition.name])

    @property
    def _room_records(self) -> int:
        return headroom.room_records(self._policy, self._destination.limits)

    # Deliver

    def _deliver(self, work: Work, upserts: Sequence[Upsert]) -> None:
        self._deliverer.add(work, upserts)

    def _settle(self, work: Work) -> None:
        self._outbox.settle(work)
        self._settled.set()

    def _fenced(self) -> float:
        """Seconds to hold writes back: our membership may have ended unnoticed (a zombie)."""
        if self._consumer is None:
            return FENCED_SECONDS
        age = self._consumer.membership_age_seconds()
        return FENCED_SECONDS if age > self._policy.membership_seconds else 0.0

    # Produce and commit

    async def _produce(self, consumer: Consumer) -> None:
        """Produce what has settled and commit behind it, until all is drained (invariant 2)."""
        while not (self._deliverer.ended and not self._outbox):
            await woken(self._settled, self._policy.commit_seconds)
            await self._clock.sleep(PRODUCE_SECONDS)
            await self._flush()
            if self._clock.now() - self._committed_at >= self._policy.commit_seconds:
                await self._commit(consumer, self._partitions.values())
                await self._measure_lag(consumer)
        await self._commit(consumer, self._partitions.values())

    async def _flush(self) -> None:
        if self._producer is None:
            return
        async with self._producing:
            await self._outbox.flush(self._producer)

    async def _commit(self, consumer: Consumer, partitions: Collection[OwnedPartition]) -> None:
        """Commit what has settled and is acknowledged; partitions not ours are forgotten."""
        self._committed_at = self._clock.now()
        due = [(p, p.tracker.advance()) for p in partitions if p.owned]
        offsets = {p.name: offset for p, offset in due if offset > p.tracker.committed}
        if not offsets:
            return
        try:
            await consumer.commit(offsets)
        except PartitionLost as lost:
            log.warning("a commit was refused: %s", lost, extra={"connection": self._connection})
            return
        except EnvironmentFault as fault:
            log.warning("a commit failed: %s", fault, extra={"connection": self._connection})
            return
        for partition, offset in due:
            partition.tracker.committed = offset
        self._observer.stage("commit", self._clock.now() - self._committed_at)

    async def _measure_lag(self, consumer: Consumer) -> None:
        now = self._clock.now()
        if now - self._measured_at < LAG_SECONDS:
            return
        self._measured_at = now
        try:
            ends = await consumer.end_offsets(list(self._partitions))
        except EnvironmentFault:
            return
        self._lag = {
            name: max(0, ends[name] - partition.tracker.next_offset)
            for name, partition in self._partitions.items()
            if name in ends
        }

    # Partitions come and go

    async def assigned(self, partitions: Mapping[Partition, Assigned]) -> None:
        """Take partitions over; what an earlier worker had in flight is marked as a repeat."""
        if self._state == "starting":
            self._state = "running"
        window = self._room_records + self._policy.read_records
        for name, start in partitions.items():
            repeats_below = min(start.end_offset, start.next_offset + window)
            self._partitions[name] = OwnedPartition(name, start.next_offset, repeats_below)
        self._observer.rebalanced("assigned", len(partitions))
        self._log_rebalance("assigned", partitions)

    async def revoked(self, partitions: Iterable[Partition]) -> None:
        """Let go: finish the requests in flight, produce, commit; the rest is the next owner's."""
        leaving = self._leave(partitions)
        await self._deliverer.landed(self._policy.drain_seconds)
        await self._flush()
        if self._consumer is not None:
            await self._commit(self._consumer, leaving)
        self._release(leaving)
        self._observer.rebalanced("revoked", len(leaving))
        self._log_rebalance("revoked", [partition.name for partition in leaving])

    async def lost(self, partitions: Iterable[Partition]) -> None:
        """Forget at once: another worker has them."""
        leaving = self._leave(partitions)
        self._release(leaving)
        self._observer.rebalanced("lost", len(leaving))
        self._log_rebalance("lost", [partition.name for partition in leaving])

    def _leave(self, names: Iterable[Partition]) -> list[OwnedPartition]:
        leaving = [self._partitions[name] for name in names if name in self._partitions]
        for partition in leaving:
            partition.leaving = True
        self._deliverer.forget_leaving()
        return leaving

    def _release(self, partitions: Iterable[OwnedPartition]) -> None:
        for partition in partitions:
            partition.owned = False
            self._partitions.pop(partition.name, None)

    def _log_rebalance(self, change: str, partitions: Collection[Partition]) -> None:
        names = ", ".join(str(name) for name in sorted(partitions)) or "none"
        log.info("partitions %s: %s", change, names, extra={"connection": self._connection})

    # What operators see

    def status(self) -> Status:
        """This connection as it is now."""
        waiting_for, waiting_until = self._deliverer.waiting_for, self._deliverer.waiting_until
        now = self._clock.now()
        if fuse_seconds := self._fuse.wait_seconds(now):
            waiting_for, waiting_until = "fuse", now + fuse_seconds
        state: State = "waiting" if waiting_for and self._state == "running" else self._state
        budget = self._destination.budget
        partitions = self._partitions.values()
        return Status(
            connection=self._connection,
            state=state,
            waiting_for=waiting_for,
            waiting_until=waiting_until,
            in_flight_records=sum(p.tracker.outstanding for p in partitions),
            pending_writes=len(self._deliverer.lanes),
            requests_in_flight=self._deliverer.requests_in_flight,
            oldest_undelivered_seconds=self._oldest_undelivered_seconds(),
            lag_records=self._lag,
            partitions=len(partitions),
            paused_partitions=sum(p.paused for p in partitions),
            quota_used=budget.used,
            quota_limit=budget.limit,
            quota_allowed=budget.allowed,
            requests_total=budget.spent_total,
            quota_seconds_left=budget.seconds_left(now),
            quota_per_second=budget.requests_per_second(now),
            linger_seconds=self._deliverer.linger_seconds(now),
            fuse_trips=self._fuse.trips,
            last_read_seconds_ago=(
                None if self._read_at is None else self._clock.now() - self._read_at
            ),
        )

    def _oldest_undelivered_seconds(self) -> float:
        oldest = [p.tracker.oldest for p in self._partitions.values()]
        born = [span.record.timestamp_ms / 1000 for span in oldest if isinstance(span, Work)]
        return max(0.0, self._clock.wall() - min(born)) if born else 0.0
