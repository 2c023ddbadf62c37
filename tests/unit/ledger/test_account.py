"""The ledger's accounts against a plain dictionary that keeps every offset."""

import json
import random
from collections import Counter

import pytest

from transformer.clock import SystemClock
from transformer.engine.results import Reporter
from transformer.engine.work import OwnedPartition, SkippedRun, Work, Written
from transformer.ledger import state
from transformer.ledger.account import Account
from transformer.ledger.codes import Codes
from transformer.ledger.coverage import EVERY_OFFSET, Coverage, Gap
from transformer.ledger.entry import OTHER, Entry, Holder, decode
from transformer.outcome import Reason, Rejected
from transformer.record import Partition, Record

HOLDER = Holder("crm", Partition("events", 3))
NOW = 1_000.0


def entry(first: int, last: int | None = None, code: str = "delivered", time: float = 0.0) -> Entry:
    """A result of these offsets."""
    return Entry(HOLDER, first, first if last is None else last, code, time)


def account_of(*entries: Entry, now: float = NOW) -> Account:
    """An account that has taken in `entries`."""
    account = Account()
    for position, one in enumerate(entries):
        account.take(one, position, now)
    return account


def test_results_in_order_are_one_segment_without_gaps() -> None:
    """Memory does not grow with the offsets."""
    account = account_of(*(entry(offset) for offset in range(100, 5_000)))
    assert account.coverage.gaps == []
    assert len(account.codes.segments) == 1
    balance = account.balance(NOW, 60.0, EVERY_OFFSET)
    assert (balance.first_offset, balance.next_offset, balance.delivered) == (100, 5_000, 4_900)


def test_a_run_counts_all_its_offsets() -> None:
    """One result of skipped offsets stands for each of them."""
    balance = account_of(entry(0, 41, "skipped/not_opted_in"), entry(42)).balance(
        NOW, 60.0, EVERY_OFFSET
    )
    assert balance.by_code == {"delivered": 1, "skipped/not_opted_in": 42}
    assert (balance.consumed, balance.skipped, balance.delivered) == (43, 42, 1)


def test_a_gap_is_in_flight_until_it_outlives_the_grace_time() -> None:
    """Then it is missing; a result that comes late closes it all the same."""
    account = account_of(entry(0), entry(3), now=NOW)
    assert account.coverage.gaps == [Gap(1, 2, NOW)]
    young, old = (
        account.balance(NOW + 59, 60.0, EVERY_OFFSET),
        account.balance(NOW + 60, 60.0, EVERY_OFFSET),
    )
    assert (young.in_flight, young.missing) == (2, 0)
    assert (old.in_flight, old.missing) == (0, 2)
    account.take(entry(1, 2), 9, NOW + 99)
    closed = account.balance(NOW + 999, 60.0, EVERY_OFFSET)
    assert (closed.in_flight, closed.missing, closed.delivered) == (0, 0, 4)


def test_a_gap_that_still_changes_stays_in_flight() -> None:
    """Its age counts from the last result inside it."""
    account = account_of(entry(0), entry(9), now=NOW)
    account.take(entry(4), 2, NOW + 50)
    assert account.coverage.gaps == [Gap(1, 3, NOW + 50), Gap(5, 8, NOW + 50)]
    assert account.balance(NOW + 100, 60.0, EVERY_OFFSET).missing == 0


@pytest.mark.parametrize(
    ("committed", "in_flight", "missing", "gaps"),
    [
        (0, 4, 0, []),
        (3, 4, 0, []),
        (5, 2, 2, [(3, 4)]),
        (7, 0, 4, [(3, 6)]),
        (EVERY_OFFSET, 0, 4, [(3, 6)]),
    ],
)
def test_only_what_is_committed_can_be_missing(
    committed: int, in_flight: int, missing: int, gaps: list[tuple[int, int]]
) -> None:
    """Above the commit an offset is in flight, however old; below it only the grace time waits."""
    account = account_of(entry(0, 2), entry(7))
    assert account.gaps(NOW + 9_999, 60.0, committed) == gaps
    old = account.balance(NOW + 9_999, 60.0, committed)
    assert (old.in_flight, old.missing) == (in_flight, missing)
    young = account.balance(NOW + 59, 60.0, committed)
    assert (young.in_flight, young.missing) == (4, 0)


def test_what_is_committed_beyond_the_last_result_is_expected() -> None:
    """A worker that commits and says nothing is found out; results that come close the gap."""
    account = account_of(entry(0, 2))
    assert not account.expect(3, NOW)
    assert account.expect(5, NOW)
    assert not account.expect(5, NOW + 1)
    balance = account.balance(NOW + 60, 60.0, 5)
    assert (balance.consumed, balance.missing, balance.next_offset) == (5, 2, 5)
    account.take(entry(3, 6), 9, NOW + 60)
    balance = account.balance(NOW + 60, 60.0, 5)
    assert (balance.delivered, balance.missing, balance.repeated) == (7, 0, 0)


def test_nothing_is_expected_of_whom_nothing_is_known() -> None:
    """No result yet, no commit, or nobody to tell of it."""
    assert not Account().expect(5, NOW)
    assert not account_of(entry(0)).expect(0, NOW)
    assert not account_of(entry(0)).expect(EVERY_OFFSET, NOW)


def test_the_same_offset_again_is_a_repeat_and_counts_once() -> None:
    """At-least-once after a crash is no second event."""
    balance = account_of(entry(0, 4), entry(3, 6)).balance(NOW, 60.0, EVERY_OFFSET)
    assert (balance.consumed, balance.delivered, balance.repeated) == (7, 7, 2)
    assert balance.contradicted == 0


def test_of_contradicting_repeats_the_last_result_counts() -> None:
    """Rejected at first, delivered by the worker that took over."""
    balance = account_of(entry(0, 9, "rejected/refused"), entry(2, 3), entry(2)).balance(
        NOW, 60.0, EVERY_OFFSET
    )
    assert balance.by_code == {"delivered": 2, "rejected/refused": 8}
    assert (balance.repeated, balance.contradicted) == (3, 2)


def test_reading_a_result_again_after_a_crash_changes_nothing() -> None:
    """The account knows up to where it has read the metrics topic."""
    account = account_of(entry(0), entry(1))
    before = state.encode(account)
    account.take(entry(0), 0, NOW)
    account.take(entry(1), 1, NOW)
    assert state.encode(account) == before


def test_offsets_below_the_first_are_taken_in() -> None:
    """A consumer group that was set back fills what lies between."""
    account = account_of(entry(10), entry(4, 5))
    assert account.coverage.gaps == [Gap(6, 9, NOW)]
    account.take(entry(6, 9), 2, NOW)
    assert (account.coverage.start, account.coverage.gaps) == (4, [])


def test_more_gaps_than_can_be_kept_stay_missing() -> None:
    """Bounded memory never turns a missing offset into an accounted one."""
    coverage = Coverage(most_gaps=3)
    for offset in range(0, 20, 2):
        coverage.cover(offset, offset, NOW)
    assert len(coverage.gaps) == 3
    assert (coverage.lost, coverage.missing(NOW, 60.0, EVERY_OFFSET)) == (6, 6)
    assert coverage.waiting(NOW, 60.0, EVERY_OFFSET) == 3


def test_forgotten_codes_leave_the_counts_alone() -> None:
    """A contradiction further back than is remembered is a repeat, and no more."""
    account = Account(codes=Codes(most=4))
    for offset in range(20):
        account.take(entry(offset, code=("delivered", "skipped/unchanged")[offset % 2]), offset, 0)
    account.take(entry(0, code="rejected/refused"), 20, 0)
    assert len(account.codes.segments) == 4
    assert account.balance(0, 60.0, EVERY_OFFSET).by_code == {
        "delivered": 10,
        "skipped/unchanged": 10,
    }
    assert (account.repeated, account.contradicted) == (1, 0)


def test_windows_count_results_by_minute_and_forget_old_ones() -> None:
    """Tumbling: a result belongs to the minute in which it was produced."""
    account = account_of(
        entry(0, time=59.9), entry(1, time=60.0), entry(1, time=61.0), entry(2, 4, "skipped/x", 61)
    )
    assert account.windows == {
        0: {"delivered": 1},
        60: {"delivered": 1, "repeated": 1, "skipped/x": 3},
    }
    for minute in range(2, 100):
        account.take(entry(3 + minute, time=minute * 60.0), minute + 10, NOW)
    assert sorted(account.windows) == [minute * 60 for minute in range(40, 100)]


def test_offsets_that_hold_no_record_are_struck_out() -> None:
    """They are no gap, and are told apart from what was settled."""
    account = account_of(entry(0), entry(9))
    assert account.gaps(NOW + 60, 60.0, EVERY_OFFSET) == [(1, 8)]
    account.strike(2, 3)
    balance = account.balance(NOW + 999, 60.0, EVERY_OFFSET)
    assert (balance.absent, balance.missing, balance.delivered, balance.consumed) == (2, 6, 2, 10)


@pytest.mark.parametrize("seed", range(20))
def test_accounts_agree_with_a_dictionary_of_every_offset(seed: int) -> None:
    """Random runs, repeats and jumps; stored and read again all the while."""
    rng = random.Random(seed)
    account, repeats, contradictions = Account(codes=Codes(most=None)), 0, 0
    truth: dict[int, str] = {}
    for position in range(300):
        first = rng.randrange(400)
        one = entry(first, first + rng.choice((0, 0, 3, 30)), rng.choice("abc"), time=position)
        for offset in range(one.first, one.last + 1):
            repeats += offset in truth
            contradictions += truth.get(offset, one.code) != one.code
            truth[offset] = one.code
        account.take(one, position, NOW)
        account = state.decode(state.encode(account))
        account.codes = Codes(account.codes.segments, most=None)
    low, high = min(truth), max(truth)
    missing = set(range(low, high + 1)) - truth.keys()
    covered = {o for gap in account.coverage.gaps for o in range(gap.first, gap.last + 1)}
    assert covered == missing
    assert +account.counts == Counter(truth.values())
    assert (account.repeated, account.contradicted) == (repeats, contradictions)
    held = {o: s.code for s in account.codes.segments for o in range(s.first, s.last + 1)}
    assert held == truth


def record(offset: int) -> Record:
    """A source record."""
    return Record("events", 3, offset, 0, None, b"{}")


def test_the_results_of_a_worker_are_read() -> None:
    """What the reporter writes of an event and of a run."""
    reporter, wall = Reporter("crm", "v1"), SystemClock().wall()
    run = SkippedRun(5, Reason.NOT_OPTED_IN)
    run.last = 8
    owned = OwnedPartition(Partition("events", 3), 0, 0)
    work = Work(record(9), owned, upserts=1)
    work.settle(Written(None, Rejected(Reason.TOO_LARGE, "too large")))
    run_entry = decode(reporter.run(owned.name, run, wall).value)
    work_entry = decode(reporter.result(work, wall).value)
    assert run_entry is not None
    assert (run_entry.holder, run_entry.first, run_entry.last) == (HOLDER, 5, 8)
    assert run_entry.code == "skipped/not_opted_in"
    assert run_entry.time == pytest.approx(wall, abs=0.001)
    assert run_entry.holder.key == reporter.key(owned.name)
    assert work_entry is not None
    assert (work_entry.first, work_entry.last, work_entry.code) == (9, 9, "rejected/too_large")


def result(offset: int, outcome: str, reason: str | None) -> bytes:
    """A result as any producer may write it."""
    where = {"connection": "crm", "topic": "events", "partition": 3, "offset": offset}
    known = {"outcome": outcome, "reason": reason, "time": "2026-01-01T00:00:00Z"}
    return json.dumps({**where, **known}).encode()


def test_reasons_that_are_none_of_ours_are_one() -> None:
    """Whatever a producer writes there, it makes no label of each."""
    account = Account()
    reasons = [*(f"r{number}" for number in range(1_000)), "", "a/b", "Refused", None]
    for offset, reason in enumerate(reasons):
        found = decode(result(offset, "rejected", reason))
        assert found is not None
        account.take(found, offset, NOW)
    assert account.balance(NOW, 60.0, EVERY_OFFSET).by_code == {
        f"rejected/{OTHER}": 1_002,
        "rejected": 2,
    }


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_of_ours_is_kept(reason: Reason) -> None:
    """By its own word."""
    found = decode(result(0, "skipped", reason.value))
    assert found is not None
    assert found.code == f"skipped/{reason.value}"


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"[]",
        b"{",
        b'{"connection":"c","topic":"t","partition":0,"offset":1,"outcome":"retry","time":"2026-01-01T00:00:00Z"}',
        b'{"connection":"c","topic":"t","partition":0,"offset":-1,"outcome":"skipped","time":"2026-01-01T00:00:00Z"}',
        b'{"connection":"c","topic":"t","partition":true,"offset":1,"outcome":"skipped","time":"2026-01-01T00:00:00Z"}',
        b'{"connection":"c","topic":"t","partition":0,"offset":5,"last_offset":4,"outcome":"skipped","time":"2026-01-01T00:00:00Z"}',
        b'{"connection":"c","topic":"t","partition":0,"offset":5,"outcome":"skipped","time":"noon"}',
    ],
)
def test_what_is_no_result_is_told_apart(value: bytes | None) -> None:
    """It is counted elsewhere, and is no reason to stop."""
    assert decode(value) is None


def test_an_account_of_another_version_is_refused() -> None:
    """Rather than read wrongly."""
    stored = state.encode(Account()).replace(b'"v":1', b'"v":2')
    with pytest.raises(ValueError, match="version 2, expected 1"):
        state.decode(stored)


def test_the_key_of_an_account_is_read_back() -> None:
    """With slashes and colons in names, too."""
    holder = Holder("crm", Partition("a.b:c/d", 12))
    assert state.parse_key(state.key(7, holder)) == (7, holder)
