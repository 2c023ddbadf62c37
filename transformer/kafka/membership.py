"""Whether we are still a member of our group, and how long ago that was last certain.

Reaches into aiokafka's coordinator: there is no public way to all this.
"""

# mypy: allow-untyped-calls
# (aiokafka has few annotations)

import asyncio
from collections.abc import Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from transformer.clock import Clock
from transformer.kafka.faults import is_passing
from transformer.kafka.options import Options

_HEARTBEAT = "_do_heartbeat"  # of aiokafka's GroupCoordinator


class Membership:
    """What aiokafka's coordinator knows of our place in the group.

    A coordinator that has just started accepts the heartbeat of anybody while it loads the group
    (a worker that was suspended, and lost its partitions, would take itself for their owner). So
    a heartbeat counts only while the last certainty is younger than the session: up to then nobody
    can have thrown us out. After that it takes a commit, which is refused to strangers.
    """

    def __init__(self, client: AIOKafkaConsumer, clock: Clock, options: Options) -> None:
        self._client = client
        self._coordinator: Any = client._coordinator  # noqa: SLF001
        self._send_heartbeat = getattr(self._coordinator, _HEARTBEAT)
        setattr(self._coordinator, _HEARTBEAT, self._heartbeat)
        self._session_seconds = options.session_timeout_seconds
        self._committing = asyncio.Lock()
        self._offsets: dict[TopicPartition, int] = {}
        self._confirmed_at = clock.now()
        self.now = clock.now

    @property
    def is_lost(self) -> bool:
        """Whether the coordinator told us that it does not know us (any more)."""
        return int(self._coordinator.generation) < 0

    @property
    def can_rejoin(self) -> bool:
        """Whether the coordination task still lives."""
        return not self._coordinator._coordination_task.done()  # noqa: SLF001

    def check(self) -> None:
        """Raise what stopped the coordination; `getmany` does so too, once we have joined."""
        self._coordinator.check_errors()

    def rejoin(self) -> None:
        """Join the group again, which also restarts the heartbeats."""
        self._coordinator.request_rejoin()

    def joined(self, moment: float, offsets: Mapping[TopicPartition, int]) -> None:
        """We are a member since `moment`, with these partitions at these offsets."""
        self._offsets = dict(offsets)
        self._confirm(moment)

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Commit, which only a member can; raises KafkaError."""
        async with self._committing:
            sent_at = self.now()
            await self._client.commit(dict(offsets))
            self._offsets.update(offsets)
            if not self.is_lost:
                self._confirm(sent_at)

    def age_seconds(self) -> float:
        """Seconds since our membership was certain, by the clock when that was asked for."""
        return self.now() - self._confirmed_at

    def _confirm(self, moment: float) -> None:
        self._confirmed_at = max(self._confirmed_at, moment)

    async def _heartbeat(self) -> bool:
        sent_at = self.now()
        try:
            accepted = bool(await self._send_heartbeat())
        except KafkaError as error:
            # aiokafka would end its heartbeats here, say because the coordinator still loads.
            if not is_passing(error):
                raise
            return False
        if accepted and sent_at - self._confirmed_at < self._session_seconds:
            self._confirm(sent_at)
        elif accepted:
            await self._prove()
        return accepted

    async def _prove(self) -> None:
        """Commit again what is committed; where a commit is under way, that one tells.

        Soon over, whatever comes of it: the next heartbeat must not be late.
        """
        if not self._offsets or self._committing.locked():
            return
        try:
            async with asyncio.timeout(self._session_seconds / 3):
                await self.commit(self._offsets)
        except (KafkaError, TimeoutError):
            return
