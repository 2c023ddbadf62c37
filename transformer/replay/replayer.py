"""The replay: reads the dead letters and the results, and produces what was chosen (row K5).

Every letter's event and the mark that says so are produced in one transaction: a replay that is
killed leaves neither half, and one that is run again takes up where it ended.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final, Protocol

from transformer.broker import Broker, Reader
from transformer.clock import Clock
from transformer.errors import EnvironmentFault
from transformer.record import Message, Partition, Record
from transformer.replay.arrivals import Arrivals
from transformer.replay.letters import Letter, mark, replayed
from transformer.replay.plan import Arrived, Choice, Letters, Newest, Places, Status, Wanted, choose
from transformer.upsert import Key

READ_SECONDS: Final = 0.5
STALLED_SECONDS: Final = 60.0
TRANSACTION_LETTERS: Final = 200
TRANSACTION_BYTES: Final = 4_194_304
CLOCKS_SECONDS: Final = 3600.0
"""How far ahead a producer's clock may go; Kafka 4 refuses records beyond."""


class Progress(Protocol):
    """Told how far reading and producing have come."""

    def __call__(self, what: str, done: int, total: int) -> None:
        """So many of so many records, of what `what` names."""
        ...


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be replayed: the topics, who reads which, and which letters are asked for.

    `keys` gives the match keys that the mapping makes of an event today.
    """

    dead_letter_topic: str
    metrics_topic: str
    topics: Mapping[str, AbstractSet[str]]
    wanted: Wanted
    keys: Callable[[Letter], frozenset[Key]]
    include_superseded: bool = False
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """Every letter that was asked for, with what becomes of it, in the order of the replay."""

    choices: Sequence[Choice]
    unreadable: int

    @property
    def selected(self) -> Sequence[Letter]:
        """The letters to replay."""
        return [one.letter for one in self.choices if one.status is Status.SELECTED]


class Replayer:
    """One replay: `preview` as often as wanted, then `replay`."""

    def __init__(self, broker: Broker, clock: Clock, task: Task, progress: Progress) -> None:
        self._broker = broker
        self._clock = clock
        self._task = task
        self._progress = progress

    async def preview(self) -> Preview:
        """Read both topics to where they end now, and choose; nothing is produced."""
        task = self._task
        present = await self._broker.topic_names()
        letters = Letters(task.wanted, task.keys)
        if task.dead_letter_topic in present:
            reader = await self._broker.reader([task.dead_letter_topic], from_beginning=True)
            await self._read(reader, "dead letters", letters.take)
        choices = choose(
            letters,
            await self._arrived(letters, present),
            await self._places(letters, present),
            include_superseded=task.include_superseded,
            limit=task.limit,
        )
        return Preview(choices, letters.unreadable)

    async def replay(self, agreed: Preview, run: str) -> int:
        """Produce the letters of `agreed` that are still to be replayed; return how many.

        Whoever opens the transactor last is the only one who can produce: what others replayed
        until then is read here, and they can do no more. Raises ProduceFailed.
        """
        name = f"transformer-replay-{self._task.dead_letter_topic}"
        transactor = await self._broker.transactor(name)
        try:
            known = {letter.id for letter in agreed.selected}
            now = [letter for letter in (await self.preview()).selected if letter.id in known]
            done = 0
            for part in _parts(now):
                await transactor.produce(self._messages(part, run))
                done += len(part)
                self._progress("replayed", done, len(now))
        finally:
            await transactor.close()
        return done

    def _messages(self, letters: Sequence[Letter], run: str) -> Sequence[tuple[Partition, Message]]:
        wall = self._clock.wall()
        events = [replayed(letter, run) for letter in letters]
        return [*events, *(mark(letter, run, wall) for letter in letters)]

    async def _arrived(self, letters: Letters, present: AbstractSet[str]) -> Arrived:
        """What the metrics topic says, of the letters that are asked for."""
        if self._task.metrics_topic not in present or not letters.wanted:
            return Arrived(Newest(), frozenset(), 0)
        reader = await self._broker.reader([self._task.metrics_topic], from_beginning=True)
        kept = {part: begin for part, (begin, _) in (await reader.positions()).items()}
        # Whatever could supersede or have settled a letter was produced after the letter's record,
        # and its result after that: what lies before is not read.
        born = min(min(x.first.timestamp_ms / 1000, x.died_at) for x in letters.wanted.values())
        await reader.seek_time(born - CLOCKS_SECONDS)
        at = {part: position for part, (position, _) in (await reader.positions()).items()}
        begins = {part: begin if at[part] == begin else 0 for part, begin in kept.items()}
        arrivals = Arrivals(keyed=letters.keyed, letters=letters.wanted, begins=begins)
        await self._read(reader, "results", arrivals.take)
        return arrivals.arrived()

    async def _places(self, letters: Letters, present: AbstractSet[str]) -> Places:
        """The partitions of the source topics that are there; asking must not create a topic."""
        sources = {letter.first.topic for letter in letters.wanted.values()} & present
        partitions: AbstractSet[Partition] = frozenset()
        if sources:
            reader = await self._broker.reader(sorted(sources), from_beginning=False)
            partitions = (await reader.positions()).keys()
            await reader.close()
        return Places(self._task.topics, partitions)

    async def _read(self, reader: Reader, what: str, take: Callable[[Record], None]) -> None:
        """Read to the present end of every partition, and close."""
        start = await reader.positions()
        total = sum(end - begin for begin, end in start.values())
        moved_at, done = self._clock.now(), 0
        while done < total:
            for record in await reader.read(timeout_seconds=READ_SECONDS):
                take(record)
            positions = await reader.positions()
            left = sum(max(0, end - positions[part][0]) for part, (_, end) in start.items())
            if total - left > done:
                moved_at, done = self._clock.now(), total - left
            elif self._clock.now() - moved_at > STALLED_SECONDS:
                raise EnvironmentFault(
                    f"kafka: {what}: {left} records could not be read in {STALLED_SECONDS:g} s. "
                    "Check the brokers, then start again."
                )
            self._progress(what, done, total)
        await reader.close()


def _parts(letters: Sequence[Letter]) -> Iterator[Sequence[Letter]]:
    """The letters in parts of one transaction each: small ones, as readers wait for their end."""
    part: list[Letter] = []
    size = 0
    for letter in letters:
        bytes_more = len(letter.record.value or b"")
        if part and (len(part) == TRANSACTION_LETTERS or size + bytes_more > TRANSACTION_BYTES):
            yield part
            part, size = [], 0
        part.append(letter)
        size += bytes_more
    if part:
        yield part
