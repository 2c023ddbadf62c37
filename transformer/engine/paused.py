"""A paused connection: reads and writes nothing, and tells how much is waiting for it."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final

from transformer.broker import Broker
from transformer.clock import Clock
from transformer.errors import EnvironmentFault
from transformer.observer import Status
from transformer.record import Partition

_MEASURE_SECONDS: Final = 30.0


class Paused:
    """Joins no group, so that a paused connection never holds partitions back from others."""

    def __init__(
        self, *, connection: str, broker: Broker, group: str, topics: Sequence[str], clock: Clock
    ) -> None:
        self._connection = connection
        self._broker = broker
        self._group = group
        self._topics = topics
        self._clock = clock
        self._lag: Mapping[Partition, int] = {}

    def status(self) -> Status:
        """This connection as it is now."""
        return Status(self._connection, "paused", lag_records=self._lag)

    async def run(self) -> None:
        """Measure the lag now and then, until cancelled; what cannot be asked stays as it was."""
        while True:
            with suppress(EnvironmentFault):
                self._lag = await self._measure()
            await self._clock.sleep(_MEASURE_SECONDS)

    async def _measure(self) -> Mapping[Partition, int]:
        ends = {
            part: end for part, (_, end) in (await self._positions(from_beginning=False)).items()
        }
        committed = await self._broker.committed(self._group, ends)
        begins: Mapping[Partition, tuple[int, int]] = {}
        if committed.keys() != ends.keys():
            # Without a commit the group will begin where the partition does.
            begins = await self._positions(from_beginning=True)
        return {
            part: max(0, end - (committed[part] if part in committed else begins[part][0]))
            for part, end in ends.items()
        }

    async def _positions(self, *, from_beginning: bool) -> Mapping[Partition, tuple[int, int]]:
        reader = await self._broker.reader(self._topics, from_beginning=from_beginning)
        try:
            return await reader.positions()
        finally:
            await reader.close()
