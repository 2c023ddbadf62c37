"""Settlement: what becomes of writes after their request."""

import asyncio
from collections import Counter
from collections.abc import Sequence

from tests.invariants.virtual import run
from tests.unit.engine.deliverer import Bench, fine
from transformer.errors import AnswerLost, RequestRefused, ServerFault
from transformer.outcome import Delivered, Outcome, Reason, Redirect, Rejected, Retry, Skipped
from transformer.upsert import Upsert


def test_merged_events_all_settle_and_name_the_one_that_carried_them() -> None:
    """One write, three results; the last event is the carrier."""

    async def main() -> None:
        bench = Bench(fine)
        for n in range(3):
            bench.add(n, "ann@x.io")
        await bench.drained()
        assert bench.crm.sent == [(0.0, [2])]
        assert bench.results == dict.fromkeys(range(3), "Delivered")
        assert bench.merged == {0: 2, 1: 2, 2: None}

    run(main())


def test_a_refused_merge_is_tried_event_by_event_so_that_only_the_bad_one_is_rejected() -> None:
    """One event's bad value does not take the others of its person down with it."""

    def script(batch: Sequence[Upsert]) -> Sequence[Outcome]:
        bad = Rejected(Reason.INVALID_VALUE, "bad")
        return [bad if u.properties["n"] == 1 else Delivered("updated", "1") for u in batch]

    async def main() -> None:
        bench = Bench(script)
        bench.add(0, "ann@x.io")
        bench.add(1, "ann@x.io")
        await bench.drained()
        assert [n for _, (n,) in bench.crm.sent] == [1, 0, 1]
        assert bench.results == {0: "Delivered", 1: "invalid_value"}

    run(main())


def test_a_write_that_keeps_failing_is_given_up_after_its_attempts_and_blocks_no_other() -> None:
    """Three tries, then the dead letter; the events of other people went long before."""

    def script(batch: Sequence[Upsert]) -> Sequence[Outcome]:
        locked = Retry(Reason.ROW_LOCKED)
        return [locked if u.properties["n"] == 0 else Delivered("updated", "1") for u in batch]

    async def main() -> None:
        bench = Bench(script)
        for n in range(8):
            bench.add(n)
        await asyncio.sleep(0.2)
        assert bench.results == dict.fromkeys(range(1, 8), "Delivered")
        await asyncio.sleep(30)
        assert bench.results[0] == "retries_exhausted"
        assert [ns for _, ns in bench.crm.sent[1:]] == [[0], [0]]
        await bench.drained()

    run(main())


def test_waits_that_are_not_its_fault_use_up_no_attempts() -> None:
    """A throttled row is sent as often as it takes."""
    left = [10]

    def script(batch: Sequence[Upsert]) -> Sequence[Outcome]:
        left[0] -= 1
        wait = Retry(Reason.THROTTLED, after_seconds=1.0, counts=False)
        return [wait if left[0] else Delivered("updated", "1") for _ in batch]

    async def main() -> None:
        bench = Bench(script)
        bench.add(0)
        await bench.drained()
        assert (len(bench.crm.sent), bench.results) == (10, {0: "Delivered"})

    run(main())


def test_a_request_refused_as_a_whole_is_halved_until_the_culprit_is_alone() -> None:
    """Seven of eight are delivered; the one the CRM cannot take is rejected with its words."""

    def script(batch: Sequence[Upsert]) -> Sequence[Outcome]:
        if any(u.properties["n"] == 5 for u in batch):
            raise RequestRefused("400", detail="line 5", vendor={"code": "MALFORMED"})
        return fine(batch)

    async def main() -> None:
        bench = Bench(script)
        for n in range(8):
            bench.add(n)
        await bench.drained()
        expected = {n: "refused" if n == 5 else "Delivered" for n in range(8)}
        assert bench.results == expected
        assert len(bench.crm.sent) <= 8

    run(main())


def test_an_upsert_that_breaks_the_crm_is_isolated_and_given_up_while_others_get_through() -> None:
    """A poison write answered with 500 ends alone; it neither blocks nor takes others along."""

    def script(batch: Sequence[Upsert]) -> Sequence[Outcome]:
        if any(u.properties["n"] == 3 for u in batch):
            raise ServerFault("500", may_have_applied=True)
        return fine(batch)

    async def main() -> None:
        bench = Bench(script)
        for n in range(8):
            bench.add(n)
        for n in range(8, 500):
            await asyncio.sleep(1)
            bench.add(n)
        await bench.drained()
        assert {n for n, word in bench.results.items() if word != "Delivered"} == {3}
        assert bench.results[3] == "retries_exhausted"

    run(main())


def test_a_create_whose_answer_was_lost_comes_back_marked_and_unchanged() -> None:
    """It says that it may have been applied, and takes no later event in (invariant 6)."""
    seen: list[tuple[object, bool]] = []

    def script(batch: Sequence[Upsert]) -> Sequence[Outcome]:
        seen.extend((u.properties["n"], u.repeated) for u in batch)
        if len(seen) == 1:
            raise AnswerLost("reset", may_have_applied=True)
        return fine(batch)

    async def main() -> None:
        bench = Bench(script)
        bench.add(0, "ann@x.io")
        await asyncio.sleep(1.05)
        bench.add(1, "ann@x.io")
        await bench.drained()
        assert seen == [(0, False), (0, True), (1, False)]

    run(main())


def test_a_broken_destination_costs_only_the_upsert_that_breaks_it() -> None:
    """An exception of our own code is isolated like a refusal, and the worker goes on."""

    def script(batch: Sequence[Upsert]) -> Sequence[Outcome]:
        if any(u.properties["n"] == 2 for u in batch):
            raise KeyError("bug")
        return fine(batch)

    async def main() -> None:
        bench = Bench(script)
        for n in range(8):
            bench.add(n)
        await bench.drained()
        assert bench.results == {n: "internal_error" if n == 2 else "Delivered" for n in range(8)}

    run(main())


def test_too_few_outcomes_are_a_broken_destination_not_a_lost_event() -> None:
    """The engine counts: every upsert gets an outcome of its own (invariant 1)."""

    def script(batch: Sequence[Upsert]) -> Sequence[Outcome]:
        return fine(batch)[:-1]

    async def main() -> None:
        bench = Bench(script)
        for n in range(4):
            bench.add(n)
        await bench.drained()
        assert bench.results == dict.fromkeys(range(4), "internal_error")

    run(main())


def test_a_redirected_write_goes_to_the_record_it_was_sent_to() -> None:
    """The event is mapped again for the other record, and delivered there."""

    def script(batch: Sequence[Upsert]) -> Sequence[Outcome]:
        redirect = Redirect("Contact", "003")
        return [
            Delivered("updated", "003")
            if u.object_type == "Contact"
            else Retry(Reason.REMATCH, after_seconds=0.0, counts=False, redirect=redirect)
            for u in batch
        ]

    async def main() -> None:
        bench = Bench(script)
        bench.add(0)
        await bench.drained()
        assert (len(bench.crm.sent), bench.results) == (2, {0: "Delivered"})

    run(main())


def test_a_write_that_is_redirected_to_what_the_crm_owns_is_skipped() -> None:
    """The mapping says so when asked again, and nothing more is sent (row C5)."""

    def script(batch: Sequence[Upsert]) -> Sequence[Outcome]:
        redirect = Redirect("Contact", "003")
        return [Retry(Reason.REMATCH, counts=False, redirect=redirect) for _ in batch]

    async def main() -> None:
        bench = Bench(script)
        bench.remapped = Skipped(Reason.OWNED_BY_CRM, record_id="003")
        bench.add(0)
        await bench.drained()
        assert (len(bench.crm.sent), bench.results) == (1, {0: "Skipped"})

    run(main())


def test_an_endless_redirect_is_refused() -> None:
    """Two records that point at each other end in a dead letter, not in a loop."""

    def script(batch: Sequence[Upsert]) -> Sequence[Outcome]:
        other = Redirect("B" if batch[0].object_type == "A" else "A", "1")
        return [Retry(Reason.REMATCH, counts=False, redirect=other) for _ in batch]

    async def main() -> None:
        bench = Bench(script)
        bench.add(0)
        await bench.drained()
        assert bench.results == {0: "refused"}
        assert len(bench.crm.sent) < 10

    run(main())


def test_writes_of_one_batch_that_are_to_be_tried_again_share_a_request_again() -> None:
    """However long the wait that was drawn: a request each would burn the quota."""

    async def main() -> None:
        tries: Counter[object] = Counter()

        def locked_twice(batch: Sequence[Upsert]) -> Sequence[Outcome]:
            tries.update(u.properties["n"] for u in batch)
            made = Delivered("created", "1")
            return [
                Retry(Reason.ROW_LOCKED) if tries[u.properties["n"]] < 3 else made for u in batch
            ]

        bench = Bench(locked_twice)
        for n in range(8):
            bench.add(n)
        await asyncio.sleep(60)
        await bench.drained()
        assert [len(ns) for _, ns in bench.crm.sent] == [8, 8, 8]

    run(main())
