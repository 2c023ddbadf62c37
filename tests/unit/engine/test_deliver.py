"""Delivery: what is sent, and when."""

import asyncio
from collections.abc import Sequence

from tests.invariants.virtual import run
from tests.unit.engine.deliverer import Bench, fine
from transformer.destination import Limits
from transformer.errors import Throttled, Unreachable
from transformer.fence import pass_fence
from transformer.outcome import Outcome
from transformer.policy import Policy
from transformer.upsert import Upsert


def test_a_batch_goes_when_it_is_full_or_has_lingered() -> None:
    """Eight go at once; two more wait out the linger."""

    async def main() -> None:
        bench = Bench(fine)
        for n in range(10):
            bench.add(n)
        await asyncio.sleep(3)
        assert bench.crm.sent == [(0.0, [0, 1, 2, 3, 4, 5, 6, 7]), (1.0, [8, 9])]
        await bench.drained()

    run(main())


def test_nothing_is_sent_before_the_crm_said_so() -> None:
    """After Retry-After: 7 no request goes for seven seconds, whoever it would be for."""
    answers: list[Exception | None] = [Throttled("slow down", after_seconds=7.0)]

    def script(batch: Sequence[Upsert]) -> Sequence[Outcome]:
        failure = answers.pop() if answers else None
        if failure:
            raise failure
        return fine(batch)

    async def main() -> None:
        bench = Bench(script)
        for n in range(8):
            bench.add(n)
        await asyncio.sleep(0.5)
        for n in range(8, 16):
            bench.add(n)
        assert bench.deliverer.waiting_for == "throttled"
        await asyncio.sleep(10)
        assert [at for at, _ in bench.crm.sent] == [0.0, 7.1, 7.2]
        assert len(bench.results) == 16
        await bench.drained()

    run(main())


def test_a_crm_that_is_down_is_waited_for_and_nothing_is_given_up() -> None:
    """An hour of refused connections costs no event; requests get rare, one at a time."""

    def script(batch: Sequence[Upsert]) -> Sequence[Outcome]:
        if asyncio.get_running_loop().time() < 3600:
            raise Unreachable("down")
        return fine(batch)

    async def main() -> None:
        bench = Bench(script)
        for n in range(40):
            bench.add(n)
        await bench.drained()
        assert bench.results == dict.fromkeys(range(40), "Delivered")
        assert len([at for at, _ in bench.crm.sent if 60 < at < 3600]) < 360

    run(main())


def test_a_fenced_worker_writes_nothing_until_its_membership_is_confirmed() -> None:
    """A zombie that wakes holds its writes back; they go when the group knows it again."""
    confirmed = [False]

    async def main() -> None:
        bench = Bench(fine, fenced=lambda: 0.0 if confirmed[0] else 0.5)
        bench.add(0)
        await asyncio.sleep(10)
        assert bench.crm.sent == []
        assert bench.deliverer.waiting_for == "membership"
        confirmed[0] = True
        await bench.drained()
        assert bench.results == {0: "Delivered"}

    run(main())


def test_writes_of_a_leaving_partition_are_not_sent_again_when_their_request_fails() -> None:
    """What was in flight when the partition left is the next owner's, once it has failed."""

    def script(batch: Sequence[Upsert]) -> Sequence[Outcome]:
        raise Unreachable("down")

    async def main() -> None:
        bench = Bench(script)
        bench.add(0)
        await asyncio.sleep(1.05)
        bench.partition.leaving = True
        bench.deliverer.forget_leaving()
        assert not await bench.deliverer.landed(0.01)
        assert await bench.deliverer.landed(5.0)
        await bench.drained()
        assert (len(bench.crm.sent), bench.results) == (1, {})

    run(main())


def test_a_backlog_goes_in_larger_batches_where_the_crm_has_a_way_for_it() -> None:
    """Twenty waiting writes go at once where eight would; fewer go as usual."""

    async def main() -> None:
        bench = Bench(fine)
        bench.crm.limits = Limits(batch_records=8, requests_in_flight=1, backlog_records=20)
        for n in range(30):
            bench.add(n)
        await bench.drained()
        assert [len(ns) for _, ns in bench.crm.sent] == [20, 8, 2]

    run(main())


def test_a_small_backlog_does_not_make_batches_smaller() -> None:
    """Where three are a backlog eight still go together; and three where the policy says two."""

    async def main(policy_records: int | None) -> list[int]:
        bench = Bench(fine, policy=Policy(linger_seconds=1.0, batch_records=policy_records))
        bench.crm.limits = Limits(batch_records=8, requests_in_flight=1, backlog_records=3)
        for n in range(14):
            bench.add(n)
        await bench.drained()
        return [len(ns) for _, ns in bench.crm.sent]

    assert run(main(None)) == [8, 6]
    assert run(main(2)) == [3, 3, 3, 3, 2]


def test_a_write_planned_before_its_partition_left_is_held_back_at_the_door() -> None:
    """The request that was about to go when the partition left is not sent by anybody here."""
    passed: list[int] = []

    def script(batch: Sequence[Upsert]) -> Sequence[Outcome]:
        pass_fence("row")
        passed.append(len(batch))
        return fine(batch)

    async def main() -> None:
        bench = Bench(script)
        bench.add(0)
        await asyncio.sleep(1.05)
        bench.partition.leaving = True
        await bench.drained()
        assert (passed, bench.results, len(bench.crm.sent)) == ([], {}, 1)

    run(main())


def test_a_write_is_held_back_at_the_door_while_the_membership_is_in_doubt() -> None:
    """It is tried again, and goes when the group has confirmed us."""
    doubt = [0.0]

    def script(batch: Sequence[Upsert]) -> Sequence[Outcome]:
        doubt[0] = 0.5 if asyncio.get_running_loop().time() < 3.0 else 0.0
        pass_fence("row")
        return fine(batch)

    async def main() -> None:
        bench = Bench(script, fenced=lambda: doubt[0])
        bench.add(0)
        await asyncio.sleep(2.0)
        assert (bench.results, bench.deliverer.waiting_for) == ({}, "membership")
        await asyncio.sleep(2.0)
        doubt[0] = 0.0
        await bench.drained()
        assert bench.results == {0: "Delivered"}

    run(main())
