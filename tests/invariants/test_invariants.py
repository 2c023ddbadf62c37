"""The eight invariants of the engine, each with its own assertion, on seeded simulated runs."""

import asyncio
import os
import random
from collections import Counter
from dataclasses import replace
from functools import cache

import orjson
import pytest

from tests.invariants.simulation import (
    EVENTS,
    GROUP,
    LETTERS,
    METRICS,
    SimulatedCrm,
    Worker,
    event,
    last_n,
    settled,
    tags,
)
from tests.invariants.virtual import LoopClock, run
from transformer.budget import Rate
from transformer.engine.results import DEAD_LETTER_HEADER
from transformer.errors import ProduceFailed
from transformer.memory.broker import MemoryBroker
from transformer.policy import Policy
from transformer.record import Message, Partition

POLICY = Policy(
    linger_seconds=0.2,
    max_attempts=50,
    backoff_limit_seconds=5.0,
    in_flight_records=400,
    read_records=40,
    commit_seconds=0.5,
    drain_seconds=600.0,
)
FIRST_SEED = int(os.environ.get("INVARIANT_SEED", "0"))
SEEDS = range(FIRST_SEED, FIRST_SEED + int(os.environ.get("INVARIANT_RUNS", "6")))
COUNT = 600


class Run:
    """One finished run, for assertions."""

    def __init__(self, seed: int, *, trouble: float = 0.3, rate: Rate | None = None) -> None:
        self.rng = random.Random(seed)
        self.clock = LoopClock()
        self.broker = MemoryBroker(self.clock, partitions=4)
        self.crm = SimulatedCrm(random.Random(seed + 1), trouble=trouble, rate=rate)
        self.seed = seed

    def worker(self, policy: Policy = POLICY) -> Worker:
        """Start one more worker."""
        return Worker(self.broker, self.crm, policy, self.seed)

    async def feed(self, count: int = COUNT, *, seconds: float = 0.02) -> None:
        """Append `count` events, a few at a time."""
        for n in range(count):
            self.broker.append(EVENTS, [event(n, self.rng)])
            if n % 7 == 0:
                await asyncio.sleep(seconds)

    async def all_settled(self) -> None:
        """Wait until every offset is accounted for."""
        while len(settled(self.broker)) < len(self.broker.records(EVENTS)):
            await asyncio.sleep(1.0)

    def outcomes(self) -> dict[tuple[Partition, int], str]:
        """The last outcome per offset."""
        return {key: str(results[-1]["outcome"]) for key, results in settled(self.broker).items()}


@cache
def quiet_run(seed: int) -> Run:
    """One worker, all events, a drain; the CRM misbehaves."""

    async def main() -> Run:
        this = Run(seed)
        worker = this.worker()
        await this.feed()
        await this.all_settled()
        await worker.stop()
        return this

    return run(main())


@cache
def stormy_run(seed: int) -> Run:
    """Workers come, go, hang and are killed while events arrive and the CRM misbehaves."""

    async def main() -> Run:
        this = Run(seed)
        rng = random.Random(seed + 2)
        workers = [this.worker()]
        feeding = asyncio.create_task(this.feed())
        for _ in range(10):
            await asyncio.sleep(rng.uniform(0.2, 4.0))
            deed = rng.choice(("kill", "kill", "start", "stop"))
            if deed == "start" and len(workers) < 4:
                workers.append(this.worker())
            elif deed == "kill":
                await workers.pop(rng.randrange(len(workers))).kill()
            elif deed == "stop":
                await workers.pop(rng.randrange(len(workers))).stop()
            if not workers:
                workers.append(this.worker())
        await feeding
        await this.all_settled()
        for worker in workers:
            await worker.stop()
        return this

    return run(main())


@pytest.mark.parametrize("seed", SEEDS)
def test_invariant_1_every_record_settles_exactly_once(seed: int) -> None:
    """One result per offset and connection, none missing, none twice, when nobody is killed."""
    this = quiet_run(seed)
    expected = {(Partition(r.topic, r.partition), r.offset) for r in this.broker.records(EVENTS)}
    found = settled(this.broker)
    assert found.keys() == expected
    assert [key for key, results in found.items() if len(results) != 1] == []


@pytest.mark.parametrize("seed", SEEDS)
def test_invariant_1_holds_after_de_duplication_whatever_happens_to_workers(seed: int) -> None:
    """Kills and rebalances may repeat a result; they never leave one out or contradict one.

    But for a refused value: whether it was merged under a newer one, or sent alone, may differ.
    """
    this = stormy_run(seed)
    poison = {
        (Partition(r.topic, r.partition), r.offset)
        for r in this.broker.records(EVENTS)
        if b"poison" in (r.value or b"")
    }
    expected = {(Partition(r.topic, r.partition), r.offset) for r in this.broker.records(EVENTS)}
    found = settled(this.broker)
    assert found.keys() == expected
    differing = {k for k, results in found.items() if len({r["outcome"] for r in results}) != 1}
    assert differing <= poison


@pytest.mark.parametrize("seed", SEEDS)
def test_invariant_2_no_offset_is_committed_before_its_result_is_acknowledged(seed: int) -> None:
    """At every moment, everything below a committed offset is in the metrics topic."""
    premature: list[str] = []

    async def watch(this: Run) -> None:
        while True:
            found = settled(this.broker)
            for partition, next_offset in this.broker.commits(GROUP).items():
                missing = [o for o in range(next_offset) if (partition, o) not in found]
                premature.extend(f"{partition}@{o}" for o in missing)
            await asyncio.sleep(0.1)

    async def main() -> None:
        this = Run(seed)
        this.broker.faults.produce_seconds = 0.3
        watching = asyncio.create_task(watch(this))
        worker = this.worker()
        await this.feed(200)
        await this.all_settled()
        await worker.stop()
        watching.cancel()
        ends = Counter(Partition(r.topic, r.partition) for r in this.broker.records(EVENTS))
        assert this.broker.commits(GROUP) == dict(ends)

    run(main())
    assert premature == []


@pytest.mark.parametrize("topic", [METRICS, LETTERS])
def test_invariant_3_the_worker_stops_when_it_cannot_produce(topic: str) -> None:
    """A result or dead letter that is refused ends the run and commits nothing behind it."""

    async def main() -> None:
        this = Run(1, trouble=0.0)
        worker = this.worker()
        await this.feed(100)
        await this.all_settled()
        before = dict(this.broker.commits(GROUP))
        this.broker.faults.refuse_produce(topic=topic)
        found = settled(this.broker)
        await this.feed(100)
        with pytest.raises(ProduceFailed):
            await worker.task
        for partition, next_offset in this.broker.commits(GROUP).items():
            assert next_offset >= before[partition]
            found = settled(this.broker)
            assert all((partition, o) in found for o in range(next_offset))

    run(main())


@pytest.mark.parametrize("seed", SEEDS)
def test_invariant_4_writes_of_one_record_neither_share_a_request_nor_overtake(seed: int) -> None:
    """The CRM never sees two writes of one key at once, and each person's N only grows."""
    this = quiet_run(seed)
    assert this.crm.violations == []
    for found in this.crm.people.values():
        assert len(found) == 1
        assert found[0].history == sorted(found[0].history)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_last_write_per_key_is_in_place_whatever_happens_to_workers(seed: int) -> None:
    """After kills and rebalances every person is there once, as the last delivered event says."""
    this = stormy_run(seed)
    expected = last_n(this.broker, this.outcomes())
    assert {email: found[0].properties["N"] for email, found in this.crm.people.items()} == expected
    assert [email for email, found in this.crm.people.items() if len(found) != 1] == []


@pytest.mark.parametrize("seed", SEEDS)
def test_what_adds_up_arrives_from_every_delivered_event(seed: int) -> None:
    """No merge drops the tag of an event whose result says that it was delivered."""
    quiet, stormy = quiet_run(seed), stormy_run(seed)
    arrived = {email: set(found[0].tags) for email, found in quiet.crm.people.items()}
    assert arrived == tags(quiet.broker, quiet.outcomes())
    missing = {
        email: sent - set(stormy.crm.people[email][0].tags)
        for email, sent in tags(stormy.broker, stormy.outcomes()).items()
    }
    assert {email: lost for email, lost in missing.items() if lost} == {}


@pytest.mark.parametrize("seed", SEEDS)
def test_invariant_5_no_request_exceeds_the_budget(seed: int) -> None:
    """At most the rate over the run, its bucket and refill in a second, no Retry-After broken."""

    async def main() -> Run:
        this = Run(seed, trouble=0.05, rate=Rate(5, 1.0))
        worker = this.worker(replace(POLICY, linger_seconds=0.01, batch_records=5))
        await this.feed(300, seconds=0.05)
        await this.all_settled()
        await worker.stop()
        return this

    this = run(main())
    assert this.crm.violations == []
    times = this.crm.requests
    # Of three batches begun at once each takes its own request, so two more than the rate may go.
    assert [t for t in times if sum(t <= other < t + 0.999 for other in times) > 7] == []


@pytest.mark.parametrize("seed", SEEDS)
def test_invariant_6_a_create_is_never_repeated_blindly(seed: int) -> None:
    """Plain creates whose answer was lost, or whose worker died, exist once."""
    for this in (quiet_run(seed), stormy_run(seed)):
        assert [mark for mark, count in Counter(this.crm.visits).items() if count != 1] == []


@pytest.mark.parametrize("seed", SEEDS)
def test_invariant_7_the_dead_letter_carries_the_record_unchanged(seed: int) -> None:
    """Value, key and headers of every dead letter are those of the record it names."""
    this = quiet_run(seed)
    records = {(r.partition, r.offset): r for r in this.broker.records(EVENTS)}
    letters = this.broker.records(LETTERS)
    rejected = sum(outcome == "rejected" for outcome in this.outcomes().values())
    assert len(letters) == rejected > 0
    for letter in letters:
        added = dict(letter.headers)[DEAD_LETTER_HEADER]
        origin = orjson.loads(added or b"")["origin"]
        record = records[origin["partition"], origin["offset"]]
        assert letter.value == record.value
        assert letter.key == record.key
        assert tuple(letter.headers[: len(record.headers)]) == tuple(record.headers)


@pytest.mark.parametrize("seed", SEEDS)
def test_invariant_8_a_drain_settles_everything_it_has_read(seed: int) -> None:
    """After SIGTERM nothing is in flight: what was read is settled and committed."""

    async def main() -> None:
        this = Run(seed)
        worker = this.worker()
        await this.feed(150)
        await worker.stop()
        found = settled(this.broker)
        committed = this.broker.commits(GROUP)
        read = {partition for partition, _ in found}
        assert {p: len([k for k in found if k[0] == p]) for p in read} == dict(committed)

    run(main())


def test_the_simulation_exercises_every_kind_of_trouble() -> None:
    """The seeds together meet every fault the CRM knows; else the tests above prove less."""
    seen = set[str]().union(*(quiet_run(seed).crm.seen for seed in SEEDS))
    kinds = {"throttled", "quota", "unreachable", "unauthorized", "server", "lost", "half", "rows"}
    assert seen == kinds


def test_a_poison_flood_pauses_reading_before_it_fills_the_dead_letter_topic() -> None:
    """Of ten thousand bad events only the first few become dead letters; status says why."""

    async def main() -> None:
        this = Run(1, trouble=0.0)
        policy = replace(POLICY, fuse_records=100, fuse_pause_seconds=1000.0)
        worker = this.worker(policy)
        this.broker.append(EVENTS, [Message(b"nonsense", b"k")] * 10_000)
        await asyncio.sleep(500)
        status = worker.pipeline.status()
        assert (status.waiting_for, status.fuse_trips, status.state) == ("fuse", 1, "waiting")
        assert 100 <= len(this.broker.records(LETTERS)) <= 200
        await asyncio.sleep(1000)
        assert worker.pipeline.status().fuse_trips == 2
        await worker.kill()

    run(main())
