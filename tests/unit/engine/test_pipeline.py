"""The pipeline: how far reading runs ahead, and that a record is admitted once."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.invariants.simulation import EVENTS, SimulatedCrm, event, settled
from tests.invariants.test_invariants import POLICY, Run
from tests.invariants.virtual import run
from transformer.destination import Limits
from transformer.errors import Unreachable
from transformer.outcome import Outcome
from transformer.upsert import Upsert


class Down(SimulatedCrm):
    """A CRM that cannot be reached until `up` is set."""

    up = False

    async def write(self, batch: Sequence[Upsert]) -> Sequence[Outcome]:
        """Refuse the connection, or write."""
        if not self.up:
            raise Unreachable("down")
        return await super().write(batch)


def test_reading_pauses_when_the_crm_is_down_and_goes_on_when_it_is_back() -> None:
    """What is held in memory is bounded by the policy, not by the topic (K8)."""

    async def main() -> None:
        this = Run(5, trouble=0.0)
        this.crm = Down(random.Random(5), trouble=0.0)
        worker = this.worker(replace(POLICY, in_flight_records=400, read_records=40))
        rng = random.Random(6)
        this.broker.append(EVENTS, [event(n, rng, people=3000) for n in range(5000)])
        await asyncio.sleep(600)
        status = worker.pipeline.status()
        assert 300 <= status.in_flight_records <= 400 + 4 * 40
        assert (status.paused_partitions, status.waiting_for) == (4, "unreachable")
        assert status.oldest_undelivered_seconds > 590
        Down.up = True
        try:
            await this.all_settled()
            await worker.stop()
        finally:
            Down.up = False
        assert worker.pipeline.status().in_flight_records == 0

    run(main())


class Backlogs(SimulatedCrm):
    """A slow CRM with a cheaper way for 300 writes; `sizes` are those of its batches."""

    def __init__(self, rng: random.Random, *, trouble: float) -> None:
        super().__init__(rng, trouble=trouble)
        self.limits = Limits(batch_records=25, requests_in_flight=3, backlog_records=300)
        self.sizes: list[int] = []

    async def write(self, batch: Sequence[Upsert]) -> Sequence[Outcome]:
        """Take a while."""
        self.sizes.append(len(batch))
        await asyncio.sleep(5)
        return await super().write(batch)


@pytest.mark.parametrize("partitions", [1, 4])
def test_a_backlog_gathers_whatever_the_policy_and_however_it_is_spread(partitions: int) -> None:
    """Reading makes room for it, also when all of it waits in one partition of four."""

    async def main() -> None:
        this = Run(5, trouble=0.0)
        this.crm = crm = Backlogs(random.Random(5), trouble=0.0)
        policy = replace(POLICY, in_flight_records=100, batch_records=10, linger_seconds=60.0)
        rng = random.Random(6)
        told = [event(n, rng, people=9_999) for n in range(1_500)]
        if partitions == 1:
            told = [replace(each, key=b"the same") for each in told]
        this.broker.append(EVENTS, told)
        assert len({record.partition for record in this.broker.records(EVENTS)}) == partitions
        worker = this.worker(policy)
        await this.all_settled()
        assert set(crm.sizes[:3]) == {10}
        assert crm.sizes.count(300) >= 2
        await worker.stop()

    run(main())


def test_repeats_reach_as_far_as_an_earlier_worker_may_have_read() -> None:
    """Into the room of backlogs, too: what it may have written is looked for (invariant 6)."""

    async def main() -> None:
        this = Run(5, trouble=0.0)
        this.crm = Backlogs(random.Random(5), trouble=0.0)
        rng = random.Random(6)
        told = [replace(event(n, rng, people=9_999), key=b"the same") for n in range(1_500)]
        this.broker.append(EVENTS, told)
        worker = this.worker(replace(POLICY, in_flight_records=100, read_records=40))
        await asyncio.sleep(1.0)
        room = 3 * 25 + 2 * 300
        repeats = [part.repeats_below for part in worker.pipeline._partitions.values()]
        assert sorted(repeats) == [0, 0, 0, room + 40]
        await worker.kill()

    run(main())


def test_a_record_that_is_handed_over_twice_is_admitted_once() -> None:
    """A client that repeats a fetch does not make an event settle twice (invariant 1)."""

    async def main() -> None:
        this = Run(7, trouble=0.0)
        worker = this.worker()
        await this.feed(50)
        await this.all_settled()
        worker.pipeline._admit(this.broker.records(EVENTS))
        await asyncio.sleep(30)
        await worker.stop()
        assert {len(results) for results in settled(this.broker).values()} == {1}

    run(main())
