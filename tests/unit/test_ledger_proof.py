"""The offline proof, over the in-memory broker: what it calls missing and what it does not."""

from collections.abc import Iterable

import orjson
import pytest

from tests.manual_clock import ManualClock
from transformer.broker import TopicSpec
from transformer.ledger.entry import Holder
from transformer.ledger.proof import Proof, Scope, Topics, Verdict, prove
from transformer.memory import MemoryBroker
from transformer.record import Message, Partition
from transformer.results import DEAD_LETTER_HEADER

TOPICS = Topics("metrics", "letters")
HOLDER = Holder("crm", Partition("events", 0))


@pytest.fixture
async def broker() -> MemoryBroker:
    """A broker with one partition per topic."""
    made = MemoryBroker(ManualClock())
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


def source(broker: MemoryBroker, records: int) -> None:
    """So many records in the source topic."""
    broker.append("events", [Message(b"{}") for _ in range(records)])


async def judge(
    broker: MemoryBroker, results: Iterable[Message], scope: Scope | None = None
) -> Proof:
    """The proof of these results."""
    broker.append(TOPICS.metrics, results)
    return await prove(broker, TOPICS, scope or Scope())


def only(proof: Proof) -> Verdict:
    """The one verdict."""
    (verdict,) = proof.verdicts
    return verdict


async def test_every_offset_with_a_result_and_every_rejection_with_its_letter_is_conserved(
    broker: MemoryBroker,
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
    )
    assert proof.is_conserved
    assert only(proof) == Verdict(
        HOLDER, 0, 5, {"delivered": 1, "rejected/refused": 1, "skipped/not_opted_in": 4},
        in_flight=0, missing=0, repeated=0, contradicted=0, no_record=0, no_dead_letter=0,
        behind=0, missing_ranges=[], no_dead_letter_offsets=[],
    )  # fmt: skip


async def test_a_planted_gap_and_a_repeat_are_found(broker: MemoryBroker) -> None:
    """The gap is missing, the repeat is none."""
    source(broker, 6)
    proof = await judge(broker, [result(0), result(1), result(1), result(4)])
    verdict = only(proof)
    assert not proof.is_conserved
    assert (verdict.missing, verdict.missing_ranges, verdict.repeated) == (2, [(2, 3)], 1)
    assert verdict.behind == 1


async def test_a_gap_younger_than_the_grace_time_is_in_flight(broker: MemoryBroker) -> None:
    """So that a running system can be looked at."""
    source(broker, 3)
    noon = 1_795_348_800.0
    results = [result(0), result(2)]
    verdict = only(await judge(broker, results, Scope(grace_seconds=60, now=noon + 59)))
    assert (verdict.in_flight, verdict.missing, verdict.is_conserved) == (1, 0, True)
    verdict = only(await judge(broker, [], Scope(grace_seconds=60, now=noon + 60)))
    assert (verdict.in_flight, verdict.missing, verdict.is_conserved) == (0, 1, False)


async def test_offsets_without_a_record_are_not_missing() -> None:
    """Compaction and transaction markers leave such offsets; the source topic tells."""
    broker = MemoryBroker(ManualClock())
    await broker.ensure_topics([TopicSpec(n, 1) for n in ("events", "metrics", "letters")])
    source(broker, 3)
    verdict = only(await judge(broker, [result(0), result(2), result(9)]))
    assert (verdict.missing, verdict.missing_ranges, verdict.no_record) == (1, [(1, 1)], 6)


async def test_without_the_source_topic_offsets_are_taken_as_adjoining() -> None:
    """The proof is stricter, and says that it could not look."""
    broker = MemoryBroker(ManualClock())
    await broker.ensure_topics([TopicSpec("metrics", 1)])
    verdict = only(await judge(broker, [result(0), result(9)]))
    assert (verdict.missing, verdict.behind) == (8, None)


async def test_a_rejected_event_without_its_dead_letter_is_found(broker: MemoryBroker) -> None:
    """Also when another connection has a letter for the same record."""
    source(broker, 2)
    broker.append(TOPICS.dead_letters, [letter(0), letter(1, "other")])
    rejected = [result(0, None, "rejected", "refused"), result(1, None, "rejected", "refused")]
    proof = await judge(broker, rejected)
    assert only(proof).no_dead_letter_offsets == [1]
    assert not proof.is_conserved


async def test_the_last_of_contradicting_results_counts(broker: MemoryBroker) -> None:
    """No dead letter is asked for of an event that was delivered in the end."""
    source(broker, 1)
    proof = await judge(broker, [result(0, None, "rejected", "refused"), result(0)])
    assert proof.is_conserved
    assert (only(proof).by_code, only(proof).contradicted) == ({"delivered": 1}, 1)


async def test_a_time_range_judges_what_lies_between_its_results(broker: MemoryBroker) -> None:
    """A result that fills a hole counts whenever it was produced; what is outside is not judged."""
    source(broker, 10)
    results = [
        result(0, at="11:00:00"), result(2, at="12:00:00"), result(5, at="12:10:00"),
        result(3, 4, at="13:30:00"), result(9, at="14:00:00"),
    ]  # fmt: skip
    noon = 1_795_348_800.0
    proof = await judge(broker, results, Scope(begin=noon, end=noon + 3_600))
    verdict = only(proof)
    assert (verdict.first_offset, verdict.last_offset, verdict.missing) == (2, 5, 0)
    assert proof.is_conserved
    assert not (await judge(broker, [])).is_conserved


async def test_one_connection_is_judged_alone(broker: MemoryBroker) -> None:
    """Another one's gap is not its own."""
    source(broker, 3)
    results = [result(0), result(1), result(0, connection="other"), result(2, connection="other")]
    assert (await judge(broker, results, Scope(connection="crm"))).is_conserved
    assert not (await judge(broker, [])).is_conserved


async def test_strange_records_are_counted(broker: MemoryBroker) -> None:
    """They are nobody's results."""
    broker.append(TOPICS.metrics, [Message(b"hello")])
    proof = await judge(broker, [result(0)])
    assert (proof.unreadable, proof.is_conserved) == (1, True)
