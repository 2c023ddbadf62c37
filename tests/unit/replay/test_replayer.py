"""The replay on a broker in memory: once, whole, in order, whatever happens in between (K5)."""

from collections.abc import Sequence

import pytest

from tests.manual_clock import ManualClock
from tests.unit.replay.dead_letters import EVENTS, LETTERS, METRICS, letter, origin, record, result
from transformer.broker import TopicSpec
from transformer.errors import EnvironmentFault, ProduceFailed
from transformer.memory.broker import MemoryBroker, MemoryReader
from transformer.record import Message, Record
from transformer.replay.letters import is_mark
from transformer.replay.origin import replay_of
from transformer.replay.plan import Wanted
from transformer.replay.replayer import TRANSACTION_LETTERS, Replayer, Task


class Heard:
    """Notes what it is told of the progress."""

    def __init__(self) -> None:
        self.told: list[tuple[str, int, int]] = []

    def __call__(self, what: str, done: int, total: int) -> None:
        """Note it."""
        self.told.append((what, done, total))


async def cluster(*letters: Message, results: tuple[Message, ...] = ()) -> MemoryBroker:
    """A cluster with the three topics and these letters."""
    broker = MemoryBroker(ManualClock(), partitions=4)
    await broker.ensure_topics([TopicSpec(name, 4) for name in (EVENTS, LETTERS, METRICS)])
    broker.append(LETTERS, letters)
    broker.append(METRICS, results)
    return broker


def replayer(
    broker: MemoryBroker,
    *,
    wanted: Wanted | None = None,
    heard: Heard | None = None,
    clock: ManualClock | None = None,
) -> Replayer:
    """A replay of the connection `crm`, which reads the events."""
    task = Task(
        dead_letter_topic=LETTERS,
        metrics_topic=METRICS,
        topics={"crm": frozenset({EVENTS})},
        wanted=wanted or Wanted(),
        keys=lambda _: frozenset(),
    )
    return Replayer(broker, clock or ManualClock(), task, heard or Heard())


async def replay(broker: MemoryBroker, wanted: Wanted | None = None) -> int:
    """Preview and replay."""
    one = replayer(broker, wanted=wanted)
    return await one.replay(await one.preview(), "run")


def produced(broker: MemoryBroker) -> list[tuple[int, int]]:
    """Partition and first offset of every event that was replayed."""
    found: list[tuple[int, int]] = []
    for one in broker.records(EVENTS):
        said = replay_of(one.headers)
        assert said is not None
        found.append((one.partition, said.origin.offset))
    return found


def marks(broker: MemoryBroker) -> list[Record]:
    """The marks in the dead-letter topic."""
    return [one for one in broker.records(LETTERS) if is_mark(one)]


async def test_letters_go_back_to_their_partition_in_their_order() -> None:
    """And a mark to the partition of each letter."""
    broker = await cluster(*(letter(record(n, partition=p)) for n, p in [(9, 3), (4, 1), (2, 3)]))
    assert await replay(broker) == 3
    assert produced(broker) == [(1, 4), (3, 2), (3, 9)]
    homes = {one.partition for one in broker.records(LETTERS) if not is_mark(one)}
    assert {one.partition for one in marks(broker)} == homes
    assert len(marks(broker)) == 3


async def test_run_twice_is_replayed_once() -> None:
    """The second run finds the marks."""
    broker = await cluster(letter(record(1)), letter(record(2)))
    assert await replay(broker) == 2
    assert await replay(broker) == 0
    assert len(broker.records(EVENTS)) == 2


async def test_what_a_filter_leaves_out_is_replayed_by_another_run() -> None:
    """By message id, here."""
    broker = await cluster(letter(record(1)), letter(record(2)))
    assert await replay(broker, Wanted(message_id="m2")) == 1
    assert produced(broker) == [(0, 2)]
    assert await replay(broker, Wanted(message_id="m2")) == 0


async def test_a_preview_produces_nothing() -> None:
    """Not even a topic."""
    broker = await cluster(letter(record(1)))
    preview = await replayer(broker).preview()
    assert [one.origin for one in preview.selected] == [origin(1)]
    assert len(broker.records(EVENTS)) == len(marks(broker)) == 0


async def test_a_refused_transaction_leaves_neither_half_and_is_made_up_for() -> None:
    """What was replayed before it stays replayed; the next run does the rest."""
    count = TRANSACTION_LETTERS + 5
    broker = await cluster(*(letter(record(n)) for n in range(count)))
    one = replayer(broker)
    preview = await one.preview()
    broker.faults.refuse_produce(topic=LETTERS)
    with pytest.raises(ProduceFailed):
        await one.replay(preview, "run")
    assert len(broker.records(EVENTS)) == len(marks(broker)) == 0
    assert await replay(broker) == count
    assert [offset for _, offset in produced(broker)] == list(range(count))


async def test_a_transaction_whose_answer_was_lost_is_not_repeated() -> None:
    """It was applied: its marks say so."""
    broker = await cluster(*(letter(record(n)) for n in range(3)))
    broker.faults.refuse_produce(topic=EVENTS, applied=True)
    with pytest.raises(ProduceFailed):
        await replay(broker)
    assert await replay(broker) == 0
    assert len(broker.records(EVENTS)) == 3


async def test_of_two_replays_at_once_each_letter_is_taken_by_one() -> None:
    """The later opens the transactor, reads what the earlier did, and shuts it out."""
    broker = await cluster(letter(record(1)), letter(record(2)))
    first, second = replayer(broker), replayer(broker)
    seen = await first.preview(), await second.preview()
    assert await first.replay(seen[0], "one") == 2
    assert await second.replay(seen[1], "two") == 0
    assert len(broker.records(EVENTS)) == 2


async def test_only_what_was_agreed_on_is_replayed() -> None:
    """A letter that came, or was superseded, after the preview is not."""
    broker = await cluster(letter(record(1)), letter(record(2), email="b@x.io"))
    one = replayer(broker)
    preview = await one.preview()
    broker.append(LETTERS, [letter(record(3))])
    broker.append(METRICS, [result(record(5), email="b@x.io")])
    assert await one.replay(preview, "run") == 1
    assert produced(broker) == [(0, 1)]


async def test_large_letters_go_in_several_transactions() -> None:
    """A consumer waits for the end of each."""
    broker = await cluster(*(letter(record(n, value=b"x" * 900_000)) for n in range(10)))
    heard = Heard()
    one = replayer(broker, heard=heard)
    assert await one.replay(await one.preview(), "run") == 10
    assert [told for told in heard.told if told[0] == "replayed"] == [
        ("replayed", 4, 10),
        ("replayed", 8, 10),
        ("replayed", 10, 10),
    ]
    assert ("dead letters", 10, 10) in heard.told


async def test_results_of_long_before_the_letters_are_not_read() -> None:
    """Nothing there can concern them; what was produced since, or shortly before, can."""
    clock = ManualClock()
    broker = MemoryBroker(clock, partitions=1)
    await broker.ensure_topics([TopicSpec(name, 1) for name in (EVENTS, LETTERS, METRICS)])
    broker.append(METRICS, [result(record(n), email="other@x.io") for n in range(50)])
    clock.pass_seconds(7200.0)
    born_ms = int(clock.wall() * 1000)
    broker.append(METRICS, [result(record(8, at_ms=born_ms + 1), email="b@x.io")])
    for n, email in ((5, "a@x.io"), (7, "b@x.io")):
        dead = letter(record(n, at_ms=born_ms), email=email, wall=clock.wall())
        broker.append(LETTERS, [dead])
    heard = Heard()
    preview = await replayer(broker, heard=heard, clock=clock).preview()
    assert [one.status.value for one in preview.choices] == ["selected", "superseded"]
    assert [told for told in heard.told if told[0] == "results"] == [("results", 1, 1)]


class Retained(MemoryBroker):
    """A cluster whose retention has deleted the first ten records of each partition."""

    async def reader(self, topics: Sequence[str], *, from_beginning: bool) -> MemoryReader:
        """A reader of what is left."""

        class Left(MemoryReader):
            async def seek_time(self, wall: float) -> None:
                await super().seek_time(wall)
                self._next = {part: max(10, offset) for part, offset in self._next.items()}

        made = Left(self._store, self._store.partitions(topics), from_beginning=from_beginning)
        if from_beginning and METRICS in topics:
            await made.seek_time(0.0)
        return made


@pytest.mark.parametrize(("deleted", "status"), [(11, "selected"), (10, "results_gone")])
async def test_results_that_were_deleted_matter_only_if_they_could_concern_a_letter(
    deleted: int, status: str
) -> None:
    """Where older ones than the letter are left, nothing is missing of what came since."""
    clock = ManualClock()
    broker = Retained(clock, partitions=1)
    await broker.ensure_topics([TopicSpec(name, 1) for name in (EVENTS, LETTERS, METRICS)])
    broker.append(METRICS, [result(record(n), email="other@x.io") for n in range(deleted)])
    clock.pass_seconds(7200.0)
    dead = letter(record(50, at_ms=int(clock.wall() * 1000)), wall=clock.wall())
    clock.pass_seconds(600.0)
    broker.append(METRICS, [result(record(60), email="other@x.io")])
    broker.append(LETTERS, [dead])
    (choice,) = (await replayer(broker, clock=clock).preview()).choices
    assert choice.status.value == status


async def test_topics_that_are_not_there_are_not_made() -> None:
    """A preview on an empty cluster finds nothing; a letter of a deleted topic says so."""
    broker = MemoryBroker(ManualClock())
    assert (await replayer(broker).preview()).choices == []
    broker.append(LETTERS, [letter(record(1))])
    choices = (await replayer(broker).preview()).choices
    assert [one.status.value for one in choices] == ["origin_gone"]
    assert await broker.topic_names() == {LETTERS}


class Stuck(MemoryBroker):
    """A cluster whose records cannot be read, as behind a transaction that is never ended."""

    async def reader(self, topics: Sequence[str], *, from_beginning: bool) -> MemoryReader:
        """A reader that gets nothing."""

        class Nothing(MemoryReader):
            async def read(self, *, timeout_seconds: float) -> Sequence[Record]:
                await self._store.clock.sleep(timeout_seconds)
                return ()

        return Nothing(self._store, self._store.partitions(topics), from_beginning=from_beginning)


async def test_a_topic_that_cannot_be_read_to_its_end_is_an_error() -> None:
    """Better than waiting for ever, and than replaying what may have been superseded."""
    clock = ManualClock()
    broker = Stuck(clock, partitions=1)
    broker.append(LETTERS, [letter(record(1))])
    with pytest.raises(EnvironmentFault, match="dead letters: 1 records could not be read"):
        await replayer(broker, clock=clock).preview()
