"""Which letters a replay takes: filters, what superseded them, and their order (rows K5, K6)."""

from collections.abc import Iterable

import pytest

from tests.unit.replay.dead_letters import (
    METRICS,
    REFUSED,
    letter,
    origin,
    record,
    result,
    stored,
)
from transformer.outcome import Reason, Skipped
from transformer.record import Message, Partition, Record
from transformer.replay.arrivals import Arrivals
from transformer.replay.letters import Letter, mark, read
from transformer.replay.origin import Replay
from transformer.replay.plan import MEANINGS, Choice, Letters, Places, Status, Wanted, choose
from transformer.upsert import Key

PLACES = Places({"crm": {"events"}}, {Partition("events", 0), Partition("events", 1)})
NONE = Replay("crm", origin(0), "", may_have_written=False)


def gather(
    messages: Iterable[Message], wanted: Wanted | None = None, keys: frozenset[Key] = frozenset()
) -> Letters:
    """The letters among `messages`."""
    letters = Letters(wanted or Wanted(), lambda _: keys)
    for offset, message in enumerate(messages):
        letters.take(stored(message, offset))
    return letters


def chosen(
    letters: Letters,
    *results: Message,
    places: Places = PLACES,
    include_superseded: bool = False,
    limit: int | None = None,
) -> list[tuple[int, str]]:
    """The offset and status of every choice, in order."""
    arrivals = Arrivals(keyed=letters.keyed, letters=letters.wanted, begins={})
    for offset, message in enumerate(results):
        arrivals.take(stored(message, offset, topic=METRICS))
    choices = choose(
        letters, arrivals.arrived(), places, include_superseded=include_superseded, limit=limit
    )
    return [(one.letter.origin.offset, one.status.value) for one in choices]


def marked(message: Message) -> Message:
    """The mark of a letter."""
    found = read(stored(message))
    assert isinstance(found, Letter)
    return mark(found, "run", 0.0)[1]


def test_every_status_says_what_it_means() -> None:
    """For the preview."""
    assert set(MEANINGS) == set(Status)


@pytest.mark.parametrize(
    ("wanted", "lets"),
    [
        (Wanted(), True),
        (Wanted(connection="crm"), True),
        (Wanted(connection="other"), False),
        (Wanted(reasons=frozenset({"unknown_field", "refused"})), True),
        (Wanted(reasons=frozenset({"refused"})), False),
        (Wanted(since=1000.0, until=1000.1), True),
        (Wanted(since=1000.1), False),
        (Wanted(until=1000.0), False),
        (Wanted(key=b"user"), True),
        (Wanted(key=b"User"), False),
        (Wanted(match=" A@X.io"), True),
        (Wanted(match="a@x"), False),
        (Wanted(message_id="m7"), True),
        (Wanted(message_id="m"), False),
    ],
)
def test_filters(wanted: Wanted, *, lets: bool) -> None:
    """Connection, reason, time of death, key, match value, message id."""
    assert chosen(gather([letter(record(7))], wanted)) == ([(7, "selected")] if lets else [])


def test_the_order_is_that_of_the_origins() -> None:
    """Not that of the deaths: a retry may end after a later event of the same key."""
    letters = [letter(record(n, partition=p)) for n, p in [(9, 0), (3, 1), (5, 0), (2, 0)]]
    assert [offset for offset, _ in chosen(gather(letters))] == [2, 5, 9, 3]


def test_a_letter_written_twice_is_one() -> None:
    """A worker that was killed behind it wrote it again."""
    assert chosen(gather([letter(record(7)), letter(record(7), wall=2000.0)])) == [(7, "selected")]


def test_a_marked_letter_was_replayed() -> None:
    """And its repetition, wherever the mark is."""
    one = letter(record(7))
    assert chosen(gather([one, marked(one), one])) == [(7, "already_replayed")]


def test_the_limit_takes_the_oldest() -> None:
    """The rest is for the next run; what is left out for other reasons does not count."""
    first = letter(record(1))
    letters = gather([first, marked(first), *(letter(record(n)) for n in (4, 3, 2))])
    assert chosen(letters, limit=2) == [
        (1, "already_replayed"),
        (2, "selected"),
        (3, "selected"),
        (4, "over_limit"),
    ]


def test_a_newer_event_of_the_same_key_supersedes() -> None:
    """The same object, property and folded value, of the same connection."""
    newer = record(9)
    letters = [letter(record(7))]
    assert chosen(gather(letters), result(newer, email=" A@x.IO ")) == [(7, "superseded")]
    for other in (
        result(newer, email="b@x.io"),
        result(newer, kind="Contact"),
        result(newer, connection="other"),
        result(record(6)),
        result(newer, outcome=REFUSED),
        result(newer, outcome=Skipped(Reason.UPDATE_DISABLED)),
    ):
        assert chosen(gather(letters), other) == [(7, "selected")]


def test_a_newer_event_that_changed_nothing_supersedes() -> None:
    """The CRM has its values already."""
    unchanged = result(record(9), outcome=Skipped(Reason.UNCHANGED))
    assert chosen(gather([letter(record(7))]), unchanged) == [(7, "superseded")]


def test_include_superseded_takes_it_all_the_same() -> None:
    """But nothing that was replayed, or that nobody would take."""
    done, lost = letter(record(1)), letter(record(2), connection="gone")
    letters = gather([done, marked(done), lost, letter(record(7))])
    assert chosen(letters, result(record(9)), include_superseded=True) == [
        (1, "already_replayed"),
        (2, "connection_unknown"),
        (7, "selected"),
    ]


def test_between_partitions_time_decides() -> None:
    """Offsets of two partitions say nothing about each other."""
    letters = [letter(record(700, at_ms=5000))]
    later = result(record(3, partition=1, at_ms=6000))
    earlier = result(record(900, partition=1, at_ms=4000))
    assert chosen(gather(letters), later) == [(700, "superseded")]
    assert chosen(gather(letters), earlier) == [(700, "selected")]


def test_within_a_partition_the_offset_decides() -> None:
    """Producers set times as they like."""
    letters = [letter(record(7, at_ms=9000))]
    assert chosen(gather(letters), result(record(8, at_ms=1000))) == [(7, "superseded")]
    assert chosen(gather(letters), result(record(6, at_ms=99_000))) == [(7, "selected")]


def test_a_delivered_replay_counts_as_the_event_it_repeats() -> None:
    """An older event that was replayed behind it supersedes nothing; a newer one does."""
    letters = [letter(record(7))]
    older = record(20, replay=NONE._replace(origin=origin(5)))
    newer = record(21, replay=NONE._replace(origin=origin(9)))
    assert chosen(gather(letters), result(older)) == [(7, "selected")]
    assert chosen(gather(letters), result(newer)) == [(7, "superseded")]


def test_a_rejected_replay_is_as_old_as_the_event_it_repeats() -> None:
    """What was delivered between the two supersedes it."""
    again = letter(record(20, replay=NONE._replace(origin=origin(5))))
    assert chosen(gather([again]), result(record(9))) == [(20, "superseded")]
    assert chosen(gather([again]), result(record(4))) == [(20, "selected")]


def test_a_newer_letter_that_was_replayed_supersedes_until_it_is_rejected_again() -> None:
    """It may be on its way still, and would be overwritten."""
    older, newer = letter(record(7)), letter(record(9))
    letters = [older, newer, marked(newer)]
    assert chosen(gather(letters)) == [(7, "superseded"), (9, "already_replayed")]
    again = letter(record(20, replay=NONE._replace(origin=origin(9))))
    assert chosen(gather([*letters, again])) == [
        (7, "selected"),
        (9, "already_replayed"),
        (20, "selected"),
    ]


def test_one_superseded_write_holds_back_the_event() -> None:
    """The whole event is delivered again, with all its writes."""
    keys: frozenset[Key] = frozenset({("Account", "Website", "x.io")})
    letters = gather([letter(record(7))], keys=keys)
    assert chosen(letters, result(record(9))) == [(7, "superseded")]
    letters = gather([letter(record(7), email=None)], keys=frozenset({("Lead", "Email", "a@x.io")}))
    assert chosen(letters, result(record(9))) == [(7, "superseded")]


def test_an_event_that_was_settled_by_another_worker_is_left_alone() -> None:
    """Its letter was written, then the worker was killed, and the next one got it through."""
    settled = result(record(7))
    assert chosen(gather([letter(record(7))]), settled) == [(7, "settled_since")]
    rejected = result(record(7), outcome=REFUSED)
    assert chosen(gather([letter(record(7))]), settled, rejected) == [(7, "selected")]
    other_time = result(record(7, at_ms=900_000))
    assert chosen(gather([letter(record(7))]), other_time) == [(7, "selected")]


def test_what_nobody_would_take_is_not_produced() -> None:
    """A connection, topic or partition that is gone, or a topic that is not read any more."""
    letters = [
        letter(record(1), connection="gone"),
        letter(record(2, partition=7)),
        letter(record(3, topic="other")),
    ]
    places = Places(PLACES.topics, {*PLACES.partitions, Partition("other", 0)})
    assert chosen(gather(letters), places=places) == [
        (1, "connection_unknown"),
        (2, "origin_gone"),
        (3, "topic_not_read"),
    ]


def arrivals_of(letters: Letters, begins: dict[Partition, int], *records: Record) -> list[Choice]:
    """The choices when reading of the metrics topic begins so."""
    arrivals = Arrivals(keyed=letters.keyed, letters=letters.wanted, begins=begins)
    for one in records:
        arrivals.take(one)
    return list(choose(letters, arrivals.arrived(), PLACES))


def test_an_event_older_than_the_results_kept_is_left_out() -> None:
    """A newer one may have been delivered, and its result deleted since (row K6)."""
    old, young = letter(record(999)), letter(record(1001))
    keyless = letter(record(3), email=None)
    kept = stored(result(record(1), email="z@x.io"), 50, topic=METRICS)  # produced at 1000 s
    shortened = {Partition(METRICS, 0): 50}
    choices = arrivals_of(gather([old, young, keyless]), shortened, kept)
    assert [(c.letter.origin.offset, c.status.value) for c in choices] == [
        (3, "selected"),
        (999, "results_gone"),
        (1001, "selected"),
    ]
    choices = arrivals_of(gather([old, young]), {**shortened, Partition(METRICS, 1): 9}, kept)
    assert [c.status.value for c in choices] == ["results_gone", "selected"]


def test_when_all_results_are_deleted_nothing_can_be_told() -> None:
    """Only what has no match key, and so nothing to overwrite, is taken."""
    choices = arrivals_of(gather([letter(record(999))]), {Partition(METRICS, 0): 50})
    assert [c.status.value for c in choices] == ["results_gone"]
    choices = arrivals_of(gather([letter(record(999))]), {Partition(METRICS, 0): 0})
    assert [c.status.value for c in choices] == ["selected"]


@pytest.mark.parametrize(
    "value",
    [None, b"", b"{", b"[]", b"{}", b'{"last_offset":1}', b'{"time":"x","latency_seconds":1}',
     b'{"time":"2026-01-01T00:00:00Z","latency_seconds":"x"}',
     b'{"time":"2026-01-01T00:00:00Z","latency_seconds":1,"topic":1}'],
)  # fmt: skip
def test_a_record_that_is_no_result_says_nothing(value: bytes | None) -> None:
    """The metrics topic is not ours alone."""
    letters = gather([letter(record(7))])
    arrivals = Arrivals(keyed=letters.keyed, letters=letters.wanted, begins={})
    arrivals.take(Record(METRICS, 0, 0, 0, None, value))
    assert choose(letters, arrivals.arrived(), PLACES)[0].status is Status.SELECTED


def test_records_that_are_no_letters_are_counted() -> None:
    """And harm nothing."""
    letters = gather([Message(b"x"), letter(record(7))])
    assert letters.unreadable == 1
    assert chosen(letters) == [(7, "selected")]


def test_a_mark_without_its_letter_is_nothing() -> None:
    """Retention may have deleted the letter."""
    assert chosen(gather([marked(letter(record(7)))]), result(record(1))) == []


def test_a_letter_of_a_create_is_never_superseded() -> None:
    """It has no match key: nothing is overwritten."""
    assert chosen(gather([letter(record(7), email=None)]), result(record(9))) == [(7, "selected")]
