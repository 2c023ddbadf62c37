"""Letters: dead letters read back, what a replay makes of them, and the marks behind them."""

import orjson
import pytest

from tests.unit.replay.dead_letters import LETTERS, letter, origin, record, stored
from transformer.outcome import Reason, Rejected
from transformer.record import Partition, Record
from transformer.replay.letters import Letter, LetterId, Mark, is_mark, mark, read, replayed
from transformer.replay.origin import REPLAY_HEADER, Origin, Replay, replay_of


def letter_of(of: Record, **changed: object) -> Letter:
    """The dead letter of a record, read back."""
    found = read(stored(letter(of, **changed), 5, partition=2))  # type: ignore[arg-type] # passed on
    assert isinstance(found, Letter)
    return found


def test_a_dead_letter_is_read_back() -> None:
    """Whose it is, why, where it came from, when it died, and by what its record is found."""
    found = letter_of(record(7), wall=12.5)
    assert (found.connection, found.reason, found.message_id) == ("crm", "unknown_field", "m7")
    assert (found.origin, found.first, found.died_at) == (origin(7), origin(7), 12.5)
    assert found.keys == {("Lead", "Email", "a@x.io")}
    assert found.id == LetterId("crm", origin(7))


def test_a_replay_is_the_first_record_and_one_header_more() -> None:
    """Its bytes, key and headers, in its partition, for the connection that rejected it (K5)."""
    place, message = replayed(letter_of(record(7, partition=3, value=b"\xff\x00")), "run")
    assert place == Partition("events", 3)
    assert (message.value, message.key) == (b"\xff\x00", b"user")
    assert list(message.headers[:-1]) == [("h", b"1"), ("h", None)]
    assert replay_of(message.headers) == Replay("crm", origin(7, partition=3), "run", False)


def test_a_replay_that_is_rejected_again_still_knows_the_first_record() -> None:
    """The letter keeps the headers as read; the next replay has one of ours, not two."""
    first = Replay("crm", origin(7), "run", may_have_written=False)
    again = letter_of(record(20, replay=first))
    assert (again.origin, again.first) == (origin(20), origin(7))
    assert [name for name, _ in again.record.headers[:3]] == ["h", "h", REPLAY_HEADER]
    assert again.event == record(7)
    _, message = replayed(again, "next")
    assert list(message.headers) == [
        ("h", b"1"),
        ("h", None),
        Replay("crm", origin(7), "next", may_have_written=False).header,
    ]


def test_a_header_of_that_name_from_somebody_else_is_kept() -> None:
    """It is not ours to take off (invariant 7), and says nothing."""
    strange = ((REPLAY_HEADER, b"theirs"),)
    _, message = replayed(letter_of(record(7, headers=strange)), "run")
    assert list(message.headers[:-1]) == list(strange)


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (Rejected(Reason.UNKNOWN_FIELD, ""), False),
        (Rejected(Reason.RETRIES_EXHAUSTED, ""), True),
        (Rejected(Reason.INTERNAL_ERROR, ""), True),
    ],
)
def test_a_write_of_unknown_fate_is_looked_for_before_it_is_made(
    outcome: Rejected, *, expected: bool
) -> None:
    """After tries without an answer the CRM may have it (invariant 6)."""
    assert letter_of(record(7), outcome=outcome).may_have_written is expected


def test_an_event_of_which_a_part_was_delivered_is_looked_for() -> None:
    """One of two writes arrived: a create among them must not be made twice."""
    message = letter(record(7))
    said = orjson.loads(message.headers[-2][1] or b"")
    said["writes"].append({**said["writes"][0], "outcome": "delivered"})
    headers = ((message.headers[-2][0], orjson.dumps(said)),)
    found = read(Record(LETTERS, 0, 0, 0, b"k", b"{}", headers))
    assert isinstance(found, Letter)
    assert found.may_have_written


def test_a_mark_says_which_letter_was_replayed() -> None:
    """It lies in the letter's partition, has no value, and a key that no letter has."""
    found = letter_of(record(7))
    place, message = mark(found, "run", 0.0)
    assert place == Partition(LETTERS, 2)
    assert (message.value, message.key) == (None, b"replayed/crm/events/0@7")
    assert read(stored(message)) == Mark(found.id)
    assert is_mark(stored(message))
    assert not is_mark(found.record)


def test_a_topic_that_was_made_anew_has_other_origins() -> None:
    """The same offset at another time is another record: its letter was not replayed."""
    assert letter_of(record(7)).id != letter_of(record(7, at_ms=5)).id


@pytest.mark.parametrize(
    "headers",
    [
        (),
        (("other", b"{}"),),
        (("transformer-dead-letter", b"{"),),
        (("transformer-dead-letter", b"[]"),),
        (("transformer-dead-letter", b"{}"),),
        (("transformer-dead-letter", None),),
        (("transformer-dead-letter", b'{"connection":"c","origin":{"topic":"t"},"time":"x"}'),),
        (("transformer-replayed", b"{}"),),
        (("transformer-replayed", b'{"connection":1,"origin":null}'),),
    ],
)
def test_what_is_neither_letter_nor_mark_is_neither(
    headers: tuple[tuple[str, bytes | None], ...],
) -> None:
    """Damaged or not ours: never an exception."""
    assert read(Record(LETTERS, 0, 0, 0, None, None, headers)) is None


@pytest.mark.parametrize(
    "match", [None, "x", {"property": "Email", "value": None}, {"property": "Email"}]
)
def test_a_write_without_a_match_key_has_none(match: object) -> None:
    """A plain create, or a letter of a shape that we do not know."""
    message = letter(record(7))
    said = orjson.loads(message.headers[-2][1] or b"")
    said["writes"] = [{**said["writes"][0], "match": match}, "not a write"]
    headers = ((message.headers[-2][0], orjson.dumps(said)),)
    found = read(Record(LETTERS, 0, 0, 0, b"k", b"{}", headers))
    assert isinstance(found, Letter)
    assert found.keys == frozenset()


@pytest.mark.parametrize(
    "header",
    [b"", b"[]", b"{}", b'{"connection":"c"}', b'{"connection":"c","origin":{"topic":"t"}}',
     b'{"connection":1,"origin":{"topic":"t","partition":0,"offset":1,"timestamp_ms":2}}',
     b'{"connection":"c","origin":{"topic":"t","partition":0,"offset":true,"timestamp_ms":2}}'],
)  # fmt: skip
def test_a_replay_header_that_is_not_ours_is_none(header: bytes) -> None:
    """The record is an ordinary one then, and for everybody."""
    assert replay_of([(REPLAY_HEADER, header)]) is None


def test_a_replay_header_without_the_last_word_is_careful() -> None:
    """Creates are looked for first unless it says that this is needless."""
    place = b'{"topic":"t","partition":0,"offset":1,"timestamp_ms":2}'
    header = b'{"connection":"c","origin":' + place + b"}"
    expected = Replay("c", Origin("t", 0, 1, 2), "", may_have_written=True)
    assert replay_of([(REPLAY_HEADER, header), ("later", b"x")]) == expected
