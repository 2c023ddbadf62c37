"""A broker in memory, for unit and invariant tests: deterministic, on whatever clock it is given.

It keeps Kafka's rules that the engine leans on: groups rebalance, only owners commit, order holds
per partition. It does no I/O and knows nothing of the engine.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from transformer.broker import Assigned, Assignments, TopicSpec
from transformer.clock import Clock
from transformer.errors import EnvironmentFault, PartitionLost, ProduceFailed
from transformer.memory.store import Store
from transformer.record import Message, Partition, Record


class MemoryBroker:
    """Topics, groups and faults of one in-memory cluster; a topic appears on first use.

    Tests put records in with `append`, commit for others with `set_committed`, look with `records`
    and `commits`, script `faults`, and play a worker that hangs or is thrown out of its group with
    `suspend` and `expel`.
    """

    def __init__(self, clock: Clock, *, partitions: int = 4) -> None:
        self._store = Store(clock, partitions=partitions)
        self._groups: dict[str, _Group] = {}
        self._transactors: dict[str, MemoryTransactor] = {}
        self.faults = self._store.faults

    async def open(self) -> None:
        """Nothing to connect to."""

    async def ensure_topics(self, topics: Sequence[TopicSpec]) -> Sequence[str]:
        """Create those that are missing; return their names."""
        return [spec.name for spec in topics if self._store.create(spec)]

    async def topic_names(self) -> frozenset[str]:
        """The topics that are there; creates none."""
        return self._store.topic_names()

    async def committed(
        self, group: str, partitions: Iterable[Partition]
    ) -> Mapping[Partition, int]:
        """What the group has committed of these."""
        if self.faults.take_committed():
            raise EnvironmentFault("memory broker: not allowed to see what this group committed")
        commits = self.commits(group)
        return {part: commits[part] for part in partitions if part in commits}

    async def consumer(
        self, group: str, topics: Sequence[str], assignments: Assignments
    ) -> "MemoryConsumer":
        """Join `group`; the partitions arrive a moment later, through `assignments`."""
        members = self._groups.setdefault(group, _Group(self._store))
        consumer = MemoryConsumer(self._store, members, topics, assignments)
        members.join(consumer)
        return consumer

    async def producer(self) -> "MemoryProducer":
        """A producer."""
        return MemoryProducer(self._store)

    async def transactor(self, name: str) -> "MemoryTransactor":
        """The transactor of that name; one opened before is shut out."""
        if name in self._transactors:
            self._transactors[name].is_shut_out = True
        self._transactors[name] = MemoryTransactor(self._store)
        return self._transactors[name]

    async def reader(self, topics: Sequence[str], *, from_beginning: bool) -> "MemoryReader":
        """A group-less reader over all partitions of `topics`."""
        return MemoryReader(
            self._store, self._store.partitions(topics), from_beginning=from_beginning
        )

    async def close(self) -> None:
        """Forget the members of all groups; topics and commits stay, for the next `open`."""
        for group in self._groups.values():
            await group.close()

    def append(self, topic: str, messages: Iterable[Message]) -> Sequence[Record]:
        """Store messages at once, each in the partition its key belongs to."""
        return self._store.append(topic, messages)

    def records(self, topic: str) -> Sequence[Record]:
        """Every record of `topic`, partition by partition."""
        return self._store.records(topic)

    def commits(self, group: str) -> Mapping[Partition, int]:
        """The committed `next_offset` of every partition that has one."""
        return dict(self._groups[group].committed) if group in self._groups else {}

    def set_committed(self, group: str, next_offsets: Mapping[Partition, int]) -> None:
        """Commit for `group`, as its members of another time did."""
        members = self._groups.setdefault(group, _Group(self._store))
        members.committed.update(next_offsets)

    def suspend(self, consumer: "MemoryConsumer") -> None:
        """Stop the heartbeats of `consumer`, as if its process hung; it keeps its partitions."""
        consumer.unconfirmed_since = self._store.clock.now()

    def expel(self, consumer: "MemoryConsumer") -> None:
        """End the session of `consumer`: others get its partitions, it learns so when it reads."""
        if consumer.unconfirmed_since is None:
            self.suspend(consumer)
        consumer.expelled = True
        consumer.group.leave(consumer)


class _Group:
    """Who is a member, who owns what, what is committed. Rebalances run in one task, in turn."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.committed: dict[Partition, int] = {}
        self.owners: dict[Partition, MemoryConsumer] = {}
        self.members: list[MemoryConsumer] = []
        self._changed = False
        self._task: asyncio.Task[None] | None = None

    def join(self, member: "MemoryConsumer") -> None:
        self.members.append(member)
        self._rebalance()

    def leave(self, member: "MemoryConsumer") -> None:
        if member in self.members:
            self.members.remove(member)
            self.owners = {key: owner for key, owner in self.owners.items() if owner is not member}
            self._rebalance()

    async def close(self) -> None:
        for member in tuple(self.members):
            await member.close()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def _rebalance(self) -> None:
        self._changed = True
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._settle_members())

    async def _settle_members(self) -> None:
        while self._changed:
            while self._changed:
                self._changed = False
                await asyncio.gather(*(member.give_up() for member in self.members))
            shares = self._shares()
            self.owners = {part: member for member, parts in shares.items() for part in parts}
            await asyncio.gather(*(member.take(parts) for member, parts in shares.items()))

    def _shares(self) -> dict["MemoryConsumer", list[Partition]]:
        """Contiguous ranges per topic: equal numbers of two topics go to the same member."""
        shares: dict[MemoryConsumer, list[Partition]] = {member: [] for member in self.members}
        by_topic: dict[str, list[MemoryConsumer]] = defaultdict(list)
        for member in self.members:
            for topic in member.topics:
                by_topic[topic].append(member)
        for topic, members in sorted(by_topic.items()):
            parts = self._store.partitions([topic])
            for index, part in enumerate(parts):
                shares[members[index * len(members) // len(parts)]].append(part)
        return shares


class MemoryConsumer:
    """A member of a group in memory."""

    def __init__(
        self,
        store: Store,
        group: _Group,
        topics: Sequence[str],
        assignments: Assignments,
    ) -> None:
        self.group = group
        self.topics = tuple(dict.fromkeys(topics))
        self.expelled = False
        self.unconfirmed_since: float | None = None
        self._store = store
        self._assignments = assignments
        self._positions: dict[Partition, int] = {}
        self._paused: set[Partition] = set()
        self._ready = False
        self._closed = False
        self._failure: Exception | None = None
        self._wake = store.watch()

    async def read(self, *, max_records: int, timeout_seconds: float) -> Sequence[Record]:
        """Return what is there, waiting through the clock; nothing while a rebalance runs."""
        await self._store.clock.sleep(0.0)
        self._rejoin_if_expelled()
        deadline = self._store.clock.now() + timeout_seconds
        while not (records := self._take_records(max_records)):
            if not await _wait(self._wake, self._store.clock, deadline) or self._closed:
                return self._take_records(max_records)
        return records

    def pause(self, partitions: Iterable[Partition]) -> None:
        """Stop reading these."""
        self._paused |= set(partitions) & self._positions.keys()

    def resume(self, partitions: Iterable[Partition]) -> None:
        """Read these again."""
        self._paused -= set(partitions)
        self._wake.set()

    async def commit(self, next_offsets: Mapping[Partition, int]) -> None:
        """Commit, all or nothing: refused unless every partition is ours."""
        await self._store.clock.sleep(self._store.faults.commit_seconds)
        if self._store.faults.take_commit():
            raise EnvironmentFault("memory broker: the commit was not answered. Commit again later")
        for partition in next_offsets:
            if self.group.owners.get(partition) is not self:
                self._rejoin_if_expelled()
                raise PartitionLost(f"{partition}: the commit was refused, it is not ours any more")
        self.group.committed.update(next_offsets)
        self.unconfirmed_since = None

    def membership_age_seconds(self) -> float:
        """Zero, or the seconds since `suspend` or `expel`."""
        if self.unconfirmed_since is None:
            return 0.0
        return self._store.clock.now() - self.unconfirmed_since

    async def end_offsets(self, partitions: Iterable[Partition]) -> Mapping[Partition, int]:
        """The end of each partition."""
        return {partition: len(self._store.log(partition)) for partition in partitions}

    async def close(self) -> None:
        """Leave the group; commits nothing, and `revoked` is not called."""
        self._closed = True
        self._positions.clear()
        self.group.leave(self)
        self._wake.set()

    async def give_up(self) -> None:
        """First half of a rebalance: settle and commit, or forget when expelled."""
        self._ready = False
        held, self._positions = tuple(self._positions), {}
        lost, self.expelled = self.expelled, False
        if held:
            tell = self._assignments.lost if lost else self._assignments.revoked
            try:
                await tell(held)
            except Exception as error:  # noqa: BLE001 - whatever it is, `read` raises it
                self._failure = error

    async def take(self, partitions: Sequence[Partition]) -> None:
        """Second half of a rebalance: these are ours now."""
        starts = {part: self.group.committed.get(part, 0) for part in partitions}
        self._paused.clear()
        self._positions = starts
        self.unconfirmed_since = None
        try:
            await self._assignments.assigned(
                {
                    part: Assigned(start, len(self._store.log(part)))
                    for part, start in starts.items()
                }
            )
        except Exception as error:  # noqa: BLE001 - whatever it is, `read` raises it
            self._failure = error
        self._ready = True
        self._wake.set()

    def _rejoin_if_expelled(self) -> None:
        if self._closed:
            raise EnvironmentFault("memory broker: this consumer is closed")
        if self.expelled and self not in self.group.members:
            self._ready = False
            self.group.join(self)

    def _take_records(self, max_records: int) -> list[Record]:
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure
        taken: list[Record] = []
        if self._ready:
            for partition, position in self._positions.items():
                if partition not in self._paused:
                    end = position + max_records - len(taken)
                    taken += self._store.log(partition)[position:end]
                    self._positions[partition] = min(end, len(self._store.log(partition)))
        return taken


class MemoryProducer:
    """Stores at once, unless a fault is scripted."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def produce(self, topic: str, messages: Sequence[Message]) -> None:
        """Store all of `messages`, or none."""
        store = self._store
        await store.clock.sleep(store.faults.produce_seconds)
        limit = store.largest_record_bytes(topic)
        if any(message.value is not None and len(message.value) > limit for message in messages):
            raise ProduceFailed(f"{topic}: a message is larger than the topic's {limit} bytes")
        refused, applied = store.faults.take_produce(topic)
        if applied:
            store.append(topic, messages)
        if refused:
            raise ProduceFailed(f"{topic}: the memory broker was told to refuse this")

    async def close(self) -> None:
        """Nothing is held back."""


class MemoryTransactor:
    """Stores all of a call at once, unless it is shut out or a fault is scripted."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.is_shut_out = False

    async def produce(self, messages: Sequence[tuple[Partition, Message]]) -> None:
        """Store all of `messages`, or none."""
        store = self._store
        await store.clock.sleep(store.faults.produce_seconds)
        if self.is_shut_out:
            raise ProduceFailed("memory broker: another transactor of this name was opened since")
        for partition, message in messages:
            if partition not in store.partitions([partition.topic]):
                raise ProduceFailed(f"{partition}: there is no such partition")
            if len(message.value or b"") > store.largest_record_bytes(partition.topic):
                raise ProduceFailed(f"{partition}: a message is larger than the topic takes")
        answers = [store.faults.take_produce(topic) for topic in {p.topic for p, _ in messages}]
        if all(applied for _, applied in answers):
            store.put(messages)
        if any(refused for refused, _ in answers):
            raise ProduceFailed("memory broker: it was told to refuse this")

    async def close(self) -> None:
        """Nothing is held back."""


class MemoryReader:
    """Reads without a group."""

    def __init__(
        self, store: Store, partitions: Sequence[Partition], *, from_beginning: bool
    ) -> None:
        self._store = store
        self._wake = store.watch()
        self._next = {part: 0 if from_beginning else len(store.log(part)) for part in partitions}

    async def seek(self, next_offsets: Mapping[Partition, int]) -> None:
        """Read these on from there."""
        self._next.update(next_offsets)

    async def seek_time(self, wall: float) -> None:
        """Go to the first record that old or younger, in every partition."""
        for part in self._next:
            log = self._store.log(part)
            young = (r.offset for r in log if r.timestamp_ms >= int(wall * 1000))
            self._next[part] = next(young, len(log))

    async def read(self, *, timeout_seconds: float) -> Sequence[Record]:
        """Return everything new, waiting through the clock."""
        deadline = self._store.clock.now() + timeout_seconds
        while not (records := self._take_records()):
            if not await _wait(self._wake, self._store.clock, deadline):
                break
        return records

    async def positions(self) -> Mapping[Partition, tuple[int, int]]:
        """Per partition, where this reader is and where the partition ends."""
        return {part: (at, len(self._store.log(part))) for part, at in self._next.items()}

    async def close(self) -> None:
        """Nothing to close."""

    def _take_records(self) -> list[Record]:
        taken: list[Record] = []
        for partition, position in self._next.items():
            taken += self._store.log(partition)[position:]
            self._next[partition] = len(self._store.log(partition))
        return taken


async def _wait(wake: asyncio.Event, clock: Clock, deadline: float) -> bool:
    """Wait for `wake` or the deadline, whichever is first; whether it was `wake`."""
    if (left := deadline - clock.now()) <= 0:
        return False
    wake.clear()
    woken = asyncio.create_task(wake.wait())
    timeout = asyncio.ensure_future(clock.sleep(left))
    try:
        await asyncio.wait([woken, timeout], return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (woken, timeout):
            task.cancel()
        await asyncio.gather(woken, timeout, return_exceptions=True)
    return wake.is_set()
