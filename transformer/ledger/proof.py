"""The offline proof: reads the topics through the broker port, and has every offset judged."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from transformer.broker import Broker, Reader
from transformer.ledger.entry import Holder, by_connection
from transformer.ledger.judge import Judge, Proof, Scope
from transformer.ledger.source import read_on, read_sources, stops_at
from transformer.record import Partition

_AROUND_SECONDS: Final = 300.0
"""How far a result's own time may lie from its record's: clocks differ, producing takes time."""


@dataclass(frozen=True, slots=True)
class Topics:
    """Where to read; a connection's consumer group is called `group_prefix` and its name."""

    metrics: str
    dead_letters: str
    group_prefix: str


async def prove(broker: Broker, topics: Topics, scope: Scope) -> Proof:
    """Read what is in the topics now, of the scope's time at first, and judge it.

    What leaves nothing open needs no more: results of other times could only fill holes. Else
    everything is read. Raises EnvironmentFault.
    """
    if scope.begin > float("-inf") or not scope.is_open:
        proof = await _Reading(broker, topics, scope, whole=False).proof()
        if proof.is_whole or (scope.is_open and proof.is_conserved):
            return proof
    return await _Reading(broker, topics, scope, whole=True).proof()


class _Reading:
    """One reading of the topics: `whole`, or of the scope's time and a little around it."""

    def __init__(self, broker: Broker, topics: Topics, scope: Scope, *, whole: bool) -> None:
        self._broker = broker
        self._topics = topics
        self._begin = float("-inf") if whole else scope.begin - _AROUND_SECONDS
        self._end = float("inf") if whole else scope.end + _AROUND_SECONDS
        self._judge = Judge(scope)

    async def proof(self) -> Proof:
        """Read and judge."""
        judge = self._judge
        reader = await self._reader(self._topics.metrics)
        try:
            stops = await self._stops()
            await read_on(reader, judge.take, stops)
            judge.committed = await self._committed(judge.holders())
            if stops is None:
                # A result is produced before its offset is committed (invariant 2): by now those
                # of everything that we were told is committed can be read.
                await read_on(reader, judge.take)
        finally:
            await reader.close()
        if self._topics.dead_letters in await self._broker.topic_names():
            letters = await self._reader(self._topics.dead_letters)
            try:
                await read_on(letters, judge.take_letter)
            finally:
                await letters.close()
        judge.expect()
        sources = await read_sources(self._broker, judge.gaps())
        return Proof([*judge.verdicts(sources)], judge.unreadable)

    async def _reader(self, topic: str) -> Reader:
        is_timed = self._begin > float("-inf")
        reader = await self._broker.reader([topic], from_beginning=not is_timed)
        if is_timed:
            await reader.seek_time(self._begin)
        return reader

    async def _stops(self) -> Mapping[Partition, int] | None:
        if self._end == float("inf"):
            return None
        return await stops_at(self._broker, self._topics.metrics, self._end)

    async def _committed(self, holders: Iterable[Holder]) -> Mapping[Holder, int]:
        found: dict[Holder, int] = {}
        for connection, asked in by_connection(holders).items():
            group = f"{self._topics.group_prefix}{connection}"
            told = await self._broker.committed(group, asked)
            found |= {Holder(connection, part): offset for part, offset in told.items()}
        return found
