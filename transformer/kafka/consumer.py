"""A member of a Kafka consumer group: reads, commits, and tells of rebalances.

Owns what aiokafka leaves open: losses told apart from revocations, bounded waits, and the age of
the membership. Decides nothing about records.
"""

# mypy: allow-untyped-calls
# (aiokafka has few annotations)

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

from transformer.broker import Assigned, Assignments
from transformer.clock import Clock
from transformer.errors import EnvironmentFault, PartitionLost
from transformer.kafka.closing import stop_consumer
from transformer.kafka.faults import advice, is_passing, translate
from transformer.kafka.membership import Membership
from transformer.kafka.options import Options
from transformer.record import Partition, Record

_log = logging.getLogger("transformer.kafka")

_GRACE_SECONDS = 0.25


class KafkaConsumer:
    """A member of one group, over an aiokafka consumer that is started and not yet subscribed."""

    def __init__(
        self,
        client: AIOKafkaConsumer,
        group: str,
        assignments: Assignments,
        *,
        clock: Clock,
        options: Options,
    ) -> None:
        self._client = client
        self._group = group
        self._membership = Membership(client, clock, options)
        self._rebalances = _Rebalances(client, self._membership, assignments, options)
        self._options = options

    def subscribe(self, topics: Sequence[str]) -> None:
        """Join the group, in the background."""
        self._client.subscribe(topics=topics, listener=self._rebalances)

    async def read(self, *, max_records: int, timeout_seconds: float) -> Sequence[Record]:
        """Return what is there; nothing while a rebalance runs."""
        self._rebalances.raise_failure()
        try:
            # A rebalance that starts inside getmany is waited for there without bound.
            async with asyncio.timeout(timeout_seconds + _GRACE_SECONDS):
                if not await self._rebalances.settled(timeout_seconds):
                    self._membership.check()
                    return ()
                batches = await self._client.getmany(
                    timeout_ms=int(timeout_seconds * 1000), max_records=max_records
                )
        except TimeoutError:
            return ()
        except KafkaError as error:
            self._mend(error)
            return ()
        return [
            Record(topic, number, r.offset, r.timestamp, r.key, r.value, r.headers)
            for (topic, number), records in batches.items()
            for r in records
        ]

    def pause(self, partitions: Iterable[Partition]) -> None:
        """Stop reading these: what was fetched of them is fetched again on `resume`."""
        self._rebalances.pause(partitions)

    def resume(self, partitions: Iterable[Partition]) -> None:
        """Read these again."""
        self._rebalances.resume(partitions)

    async def commit(self, next_offsets: Mapping[Partition, int]) -> None:
        """Commit, all or nothing, repeated until the commit timeout."""
        if self._membership.is_lost:
            raise self._lost(next_offsets)
        try:
            async with asyncio.timeout(self._options.commit_timeout_seconds):
                await self._membership.commit(
                    {TopicPartition(*part): offset for part, offset in next_offsets.items()}
                )
        except (CommitFailedError, IllegalStateError) as error:
            raise self._lost(next_offsets) from error
        except TimeoutError as error:
            raise EnvironmentFault(
                f"kafka group {self._group}: a commit was not answered in "
                f"{self._options.commit_timeout_seconds:g} s. Nothing is lost; it is made again."
            ) from error
        except KafkaError as error:
            raise translate(f"kafka group {self._group}: commit", error) from error

    def membership_age_seconds(self) -> float:
        """Seconds since the coordinator accepted a heartbeat, commit or join, from its sending."""
        return self._membership.age_seconds()

    async def end_offsets(self, partitions: Iterable[Partition]) -> Mapping[Partition, int]:
        """The end of each partition, asked of the broker."""
        try:
            async with asyncio.timeout(self._options.commit_timeout_seconds):
                ends = await self._client.end_offsets(
                    [TopicPartition(*part) for part in partitions]
                )
        except (TimeoutError, KafkaError) as error:
            raise translate(f"kafka group {self._group}: end offsets", error) from error
        return {Partition(*part): offset for part, offset in ends.items()}

    async def close(self) -> None:
        """Leave the group; within seconds also when the broker is gone."""
        await stop_consumer(self._client)

    def _lost(self, partitions: Iterable[Partition]) -> PartitionLost:
        names = ", ".join(map(str, partitions))
        return PartitionLost(f"kafka group {self._group}: the commit of {names} was refused")

    def _mend(self, error: KafkaError) -> None:
        """Join again after what passes; raise what needs a person."""
        if not is_passing(error) or not self._membership.can_rejoin:
            raise translate(f"kafka group {self._group}", error) from error
        _log.warning("kafka group %s: joining again (%r)", self._group, error)
        self._membership.rejoin()


class _Rebalances(ConsumerRebalanceListener):
    """Turns aiokafka's callbacks into calls of `Assignments`; what those raise, `read` raises."""

    def __init__(
        self,
        client: AIOKafkaConsumer,
        membership: Membership,
        assignments: Assignments,
        options: Options,
    ) -> None:
        self._client = client
        self._membership = membership
        self._assignments = assignments
        self._timeout_seconds = options.session_timeout_seconds / 2
        self._settled = asyncio.Event()
        self._held: frozenset[Partition] = frozenset()
        self._paused: set[Partition] = set()
        self._failure: Exception | None = None

    async def settled(self, timeout_seconds: float) -> bool:
        """Wait for the end of a rebalance, at most the timeout; whether it has ended."""
        if not self._settled.is_set() and timeout_seconds > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._settled.wait(), timeout_seconds)
        return self._settled.is_set()

    def raise_failure(self) -> None:
        """Raise what a callback raised, once."""
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure

    def pause(self, partitions: Iterable[Partition]) -> None:
        """Pause those that are ours."""
        mine = self._held.intersection(partitions)
        self._paused |= mine
        self._client.pause(*(TopicPartition(*part) for part in mine))

    def resume(self, partitions: Iterable[Partition]) -> None:
        """Resume those that are ours; while `assigned` runs, all stay paused until it returns."""
        mine = self._held.intersection(partitions)
        self._paused -= mine
        if self._settled.is_set():
            self._client.resume(*(TopicPartition(*part) for part in mine))

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Called by aiokafka before it joins again, also when it was thrown out."""
        del revoked  # what the engine was told of counts
        self._settled.clear()
        if self._held:
            tell = self._assignments.lost if self._membership.is_lost else self._assignments.revoked
            try:
                await tell(self._held)
            except Exception as error:  # noqa: BLE001 - whatever it is, `read` raises it
                self._failure = error
        self._held = frozenset()
        self._paused.clear()

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Called by aiokafka after each join, with all that is ours now."""
        ours = sorted(assigned)
        self._client.pause(*ours)  # nothing is read before `assigned` has returned
        joined_at = self._membership.now()
        try:
            async with asyncio.timeout(self._timeout_seconds):
                starts = await self._starts(ours)
        except (TimeoutError, KafkaError) as error:
            _log.warning("kafka: no offsets of new partitions, joining again: %s", advice(error))
            self._membership.rejoin()
            return
        self._membership.joined(
            joined_at, {TopicPartition(*part): each.next_offset for part, each in starts.items()}
        )
        self._held = frozenset(starts)
        try:
            await self._assignments.assigned(starts)
        except Exception as error:  # noqa: BLE001 - whatever it is, `read` raises it
            self._failure = error
        self._client.resume(*(part for part in ours if Partition(*part) not in self._paused))
        self._settled.set()

    async def _starts(self, ours: Sequence[TopicPartition]) -> Mapping[Partition, Assigned]:
        if not ours:
            return {}
        positions = await asyncio.gather(*(self._client.position(part) for part in ours))
        beginnings = await self._client.beginning_offsets(ours)
        ends = await self._client.end_offsets(ours)
        return {
            # A commit older than the topic's retention is behind the beginning.
            Partition(*part): Assigned(max(position, beginnings[part]), ends[part])
            for part, position in zip(ours, positions, strict=True)
        }
