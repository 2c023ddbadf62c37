"""The pipeline: how far reading runs ahead, and that a record is admitted once."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import replace

from tests.invariants.simulation import EVENTS, SimulatedCrm, event, settled
from tests.invariants.test_invariants import POLICY, Run
from tests.invariants.virtual import run
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
