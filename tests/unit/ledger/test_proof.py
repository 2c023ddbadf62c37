"""The offline proof, over the in-memory broker: what it calls missing and what it does not."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import orjson
import pytest

from tests.manual_clock import ManualClock
from transformer.broker import TopicSpec
from transformer.engine.results import DEAD_LETTER_HEADER
from transformer.errors import EnvironmentFault
from transformer.ledger.entry import Holder
from transformer.ledger.judge import Proof, Scope, Verdict
from transformer.ledger.proof import Topics, prove
from transformer.memory.broker import MemoryBroker, MemoryReader
from transformer.record import Message, Partition, Record

TOPICS = Topics("metrics", "letters", "group-")
NOON = 1_795_348_800.0
HOLDER = Holder("crm", Partition("events", 0))


class Settled(MemoryBroker):
    """A broker with one partition per topic, and results that are produced at their own time."""

    def __init__(self) -> None:
        self.clock = ManualClock(NOON - 86_400)
        self.reads: Counter[str] = Counter()
        super().__init__(self.clock, partitions=1)

    def settle(self, results: Iterable[Message]) -> None:
        """Produce these results."""
        for one in results:
            if (one.value or b"").startswith(b"{"):
                at = datetime.fromisoformat(orjson.loads(one.value or b"")["time"]).timestamp()
                self.clock.pass_seconds(max(0.0, at - self.clock.wall()))
            self.append(TOPICS.metrics, [one])

    def commit(self, next_offset: int, connection: str = "crm") -> None:
        """Commit, as the worker of a connection does."""
        self.set_committed(f"group-{connection}", {HOLDER.partition: next_offset})

    async def reader(self, topics: Sequence[str], *, from_beginning: bool) -> MemoryReader:
        """A reader that counts what it reads."""
        reads = self.reads

        class Counting(MemoryReader):
            async def read(self, *, timeout_seconds: float) -> Sequence[Record]:
                records = await super().read(timeout_seconds=timeout_seconds)
                reads.update(record.topic for record in records)
                return records

        return Counting(self._store, self._store.partitions(topics), from_beginning=from_beginning)


@pytest.fixture
async def broker() -> Settled:
    """A broker with the three topics."""
    made = Settled()
    names = ("events", TOPICS.metrics, TOPICS.dead_letters)
    await made.ensure_topics([TopicSpec(name, 1) for name in names])
    return made


def result(
    first: int,
    last: int | None = None,
    outcome: str = "delivered",
    reason: str | None = None,
    *,
    at: str = "12:00:00",
    connection: str = "crm",
) -> Message:
    """A result, or the result of a run."""
    body: dict[str, object] = {
        "connection": connection, "topic": "events", "partition": 0, "offset": first,
        "outcome": outcome, "reason": reason, "time": f"2026-11-22T{at}+00:00",
    }  # fmt: skip
    if last is not None:
        body |= {"last_offset": last, "count": last - first + 1}
    return Message(orjson.dumps(body), f"{connection}/events/0".encode())


def letter(offset: int, connection: str = "crm") -> Message:
    """A dead letter."""
    header = {
        "connection": connection,
        "origin": {"topic": "events", "partition": 0, "offset": offset},
    }
    return Message(b"{}", None, [(DEAD_LETTER_HEADER, orjson.dumps(header))])


def source(broker: Settled, records: int) -> None:
    """So many records in the source topic."""
    broker.append("events", [Message(b"{}") for _ in range(records)])


async def judge(
    broker: Settled,
    results: Iterable[Message],
    scope: Scope | None = None,
    *,
    committed: int | None = None,
) -> Proof:
    """The proof of these results, when the connection has committed so far."""
    broker.settle(results)
    if committed is not None:
        broker.commit(committed)
    return await prove(broker, TOPICS, scope or Scope())


def only(proof: Proof) -> Verdict:
    """The one verdict."""
    (verdict,) = proof.verdicts
    return verdict


async def test_every_offset_with_a_result_and_every_rejection_with_its_letter_is_conserved(
    broker: Settled,
) -> None:
    """A run, a delivery, a rejection, in any order (row K3)."""
    source(broker, 6)
    broker.append(TOPICS.dead_letters, [letter(5)])
    proof = await judge(
        broker,
        [
            result(4),
            result(0, 3, "skipped", "not_opted_in"),
            result(5, None, "rejected", "refused"),
        ],
        committed=6,
    )
    assert proof.is_conserved
    assert only(proof) == Verdict(
        HOLDER, 0, 5, 6, {"delivered": 1, "rejected/refused": 1, "skipped/not_opted_in": 4},
        in_flight=0, missing=0, repeated=0, contradicted=0, no_record=0, no_dead_letter=0,
        behind=0, missing_ranges=[], no_dead_letter_offsets=[],
    )  # fmt: skip


async def test_a_planted_gap_and_a_repeat_are_found(broker: Settled) -> None:
    """The gap is missing, the repeat is none."""
    source(broker, 6)
    results = [result(0), result(1), result(1), result(4)]
    proof = await judge(broker, results, committed=5)
    verdict = only(proof)
    assert not proof.is_conserved
    assert (verdict.missing, verdict.missing_ranges, verdict.repeated) == (2, [(2, 3)], 1)
    assert verdict.behind == 1


@pytest.mark.parametrize(
    ("committed", "in_flight", "missing"),
    [(None, 3, []), (2, 3, []), (3, 2, [(2, 2)]), (5, 0, [(2, 4)]), (8, 0, [(2, 4), (6, 7)])],
)
async def test_only_what_is_committed_is_missing(
    broker: Settled, committed: int | None, in_flight: int, missing: list[tuple[int, int]]
) -> None:
    """Above the commit it is in flight, however old; a commit beyond all results tells of more."""
    source(broker, 10)
    broker.clock.pass_seconds(10 * 86_400)
    proof = await judge(broker, [result(0, 1), result(5)], committed=committed)
    verdict = only(proof)
    assert (verdict.committed, verdict.in_flight) == (committed, in_flight)
    assert (verdict.missing_ranges, proof.is_conserved) == (missing, not missing)


class Late(Settled):
    """While it is asked for commits, a worker settles what was in flight, and commits."""

    async def committed(
        self, group: str, partitions: Iterable[Partition]
    ) -> Mapping[Partition, int]:
        """What is committed by then."""
        self.settle([result(1), result(4)])
        self.commit(5)
        return await super().committed(group, partitions)


async def test_a_worker_may_settle_and_commit_while_the_topics_are_read() -> None:
    """The results of what was committed by then are read before it is judged."""
    broker = Late()
    source(broker, 5)
    proof = await judge(broker, [result(0), result(2), result(3)], committed=1)
    assert (only(proof).by_code, proof.is_conserved) == ({"delivered": 5}, True)


async def test_a_group_that_may_not_be_asked_is_a_fault(broker: Settled) -> None:
    """Better than a proof that proves nothing."""
    broker.faults.refuse_committed()
    with pytest.raises(EnvironmentFault, match="not allowed"):
        await judge(broker, [result(0)])


async def test_a_gap_younger_than_the_grace_time_is_in_flight(broker: Settled) -> None:
    """Also when it is committed."""
    source(broker, 3)
    results = [result(0), result(2)]
    scope = Scope(grace_seconds=60, now=NOON + 59)
    verdict = only(await judge(broker, results, scope, committed=3))
    assert (verdict.in_flight, verdict.missing, verdict.is_conserved) == (1, 0, True)
    verdict = only(await judge(broker, [], Scope(grace_seconds=60, now=NOON + 60)))
    assert (verdict.in_flight, verdict.missing, verdict.is_conserved) == (0, 1, False)


async def test_offsets_without_a_record_are_not_missing(broker: Settled) -> None:
    """Compaction and transaction markers leave such offsets; the source topic tells."""
    source(broker, 3)
    verdict = only(await judge(broker, [result(0), result(2), result(9)], committed=10))
    assert (verdict.missing, verdict.missing_ranges, verdict.no_record) == (1, [(1, 1)], 6)


async def test_without_the_source_topic_offsets_are_taken_as_adjoining() -> None:
    """The proof is stricter, and says that it could not look."""
    broker = Settled()
    verdict = only(await judge(broker, [result(0), result(9)], committed=10))
    assert (verdict.missing, verdict.behind) == (8, None)


async def test_a_rejected_event_without_its_dead_letter_is_found(broker: Settled) -> None:
    """Also when another connection has a letter for the same record."""
    source(broker, 2)
    broker.append(TOPICS.dead_letters, [letter(0), letter(1, "other")])
    rejected = [result(0, None, "rejected", "refused"), result(1, None, "rejected", "refused")]
    proof = await judge(broker, rejected)
    assert only(proof).no_dead_letter_offsets == [1]
    assert not proof.is_conserved


async def test_the_last_of_contradicting_results_counts(broker: Settled) -> None:
    """No dead letter is asked for of an event that was delivered in the end."""
    source(broker, 1)
    proof = await judge(broker, [result(0, None, "rejected", "refused"), result(0)])
    assert proof.is_conserved
    assert (only(proof).by_code, only(proof).contradicted) == ({"delivered": 1}, 1)


async def test_a_time_range_judges_what_lies_between_its_results(broker: Settled) -> None:
    """A result that fills a hole counts whenever it was produced; what is outside is not judged."""
    source(broker, 10)
    results = [
        result(0, at="11:00:00"), result(4, at="11:01:00"), result(2, at="12:00:00"),
        result(5, at="12:10:00"), result(3, at="13:30:00"), result(9, at="14:00:00"),
    ]  # fmt: skip
    proof = await judge(broker, results, Scope(begin=NOON, end=NOON + 3_600), committed=10)
    verdict = only(proof)
    assert (verdict.first_offset, verdict.last_offset, verdict.missing) == (2, 5, 0)
    assert proof.is_conserved
    assert not (await judge(broker, [])).is_conserved


async def test_a_time_range_that_is_complete_is_all_that_is_read(broker: Settled) -> None:
    """Of the metrics topic, that is, and a few minutes around it."""
    source(broker, 9)
    hours = [result(n, at=f"{9 + n:02}:00:00") for n in range(9)]
    scope = Scope(begin=NOON, end=NOON + 7_200)
    proof = await judge(broker, hours, scope, committed=9)
    verdict = only(proof)
    assert (verdict.first_offset, verdict.last_offset, verdict.is_conserved) == (3, 5, True)
    assert broker.reads == {TOPICS.metrics: 6}  # to the end, and up to `end` no more is taken in
    broker.reads.clear()
    assert only(await judge(broker, [], Scope(begin=NOON + 4 * 3_600))).first_offset == 7
    assert broker.reads == {TOPICS.metrics: 2}


class Timeless(Settled):
    """A cluster that knows no times, as the embedded one: it goes to the beginning."""

    async def reader(self, topics: Sequence[str], *, from_beginning: bool) -> MemoryReader:
        """Such a reader."""

        class Lost(MemoryReader):
            async def seek_time(self, wall: float) -> None:
                del wall
                await self.seek(dict.fromkeys(self._next, 0))

        return Lost(self._store, self._store.partitions(topics), from_beginning=from_beginning)


async def test_where_times_are_not_known_everything_is_read() -> None:
    """And judged as it would be elsewhere, never as nothing at all."""
    broker = Timeless()
    source(broker, 9)
    hours = [result(n, at=f"{9 + n:02}:00:00") for n in (0, 1, 2, 3, 5, 6, 7, 8)]
    scope = Scope(begin=NOON, end=NOON + 7_200)
    verdict = only(await judge(broker, hours, scope, committed=9))
    assert (verdict.first_offset, verdict.last_offset, verdict.missing_ranges) == (3, 5, [(4, 4)])


async def test_only_the_part_of_the_source_with_gaps_is_read(broker: Settled) -> None:
    """From the first gap to the last: not the whole topic."""
    source(broker, 1_000)
    gaps = [result(0, 899), result(905, 909), result(911, 999)]
    verdict = only(await judge(broker, gaps, committed=1_000))
    assert verdict.missing_ranges == [(900, 904), (910, 910)]
    assert broker.reads["events"] <= 100


async def test_a_time_range_without_an_end_goes_on_to_what_is_committed(broker: Settled) -> None:
    """A worker that commits and has stopped to say what became of it is found out."""
    source(broker, 10)
    proof = await judge(
        broker, [result(0), result(3, at="13:00:00")], Scope(NOON + 60), committed=7
    )
    verdict = only(proof)
    assert (verdict.first_offset, verdict.last_offset) == (3, 6)
    assert (verdict.missing_ranges, verdict.behind) == ([(4, 6)], 3)


async def test_one_connection_is_judged_alone(broker: Settled) -> None:
    """Another one's gap is not its own, and neither is its commit."""
    source(broker, 3)
    broker.commit(3, "other")
    results = [result(0), result(1), result(0, connection="other"), result(2, connection="other")]
    assert (await judge(broker, results, Scope(connection="crm"))).is_conserved
    verdicts = (await judge(broker, [])).verdicts
    assert [(v.holder.connection, v.is_conserved) for v in verdicts] == [
        ("crm", True),
        ("other", False),
    ]


async def test_strange_records_are_counted(broker: Settled) -> None:
    """They are nobody's results."""
    broker.append(TOPICS.metrics, [Message(b"hello")])
    proof = await judge(broker, [result(0)])
    assert (proof.unreadable, proof.is_conserved) == (1, True)
