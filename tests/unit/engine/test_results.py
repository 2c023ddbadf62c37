"""Results and dead letters: what is said of every event."""

import orjson

from transformer.engine.results import DEAD_LETTER_HEADER, Reporter
from transformer.engine.work import OwnedPartition, SkippedRun, Work, Written
from transformer.outcome import Delivered, Reason, Rejected, Settled, Skipped
from transformer.record import Message, Partition, Record
from transformer.replay.origin import Origin, Replay
from transformer.upsert import Match, Note, Operation, Upsert

PARTITION = OwnedPartition(Partition("events", 3), 0, 0)
UPSERT = Upsert(
    "Lead",
    Operation.UPSERT,
    {"Email": "a@x.io"},
    (Match("Email", "a@x.io"),),
    notes=(Note("read_only", "Name", "kept out"),),
)
REPORTER = Reporter("crm", "v1")


def work(*outcomes: Settled, value: bytes = b"{}", merged_into: Record | None = None) -> Work:
    """An event at offset 7 whose writes ended so."""
    record = Record("events", 3, 7, 1_000, b"key", value, (("h", b"1"), ("h", None)))
    made = Work(record, PARTITION, message_id="m", event_type="identify", upserts=len(outcomes))
    for outcome in outcomes:
        made.settle(Written(UPSERT, outcome, attempts=2, merged_into=merged_into))
    return made


def parsed(message: Message) -> dict[str, object]:
    """The JSON of a result."""
    loaded: dict[str, object] = orjson.loads(message.value or b"")
    return loaded


def test_a_result_says_what_happened_where_and_by_which_mapping() -> None:
    """Every key of row K3, for one delivered event."""
    assert parsed(REPORTER.result(work(Delivered("created", "00Q1")), 3.5)) == {
        "v": 1,
        "connection": "crm",
        "topic": "events",
        "partition": 3,
        "offset": 7,
        "outcome": "delivered",
        "reason": None,
        "message_id": "m",
        "event_type": "identify",
        "writes": [
            {
                "object": "Lead",
                "operation": "created",
                "outcome": "delivered",
                "reason": None,
                "record_id": "00Q1",
                "match": {"property": "Email", "value": "a@x.io"},
                "attempts": 2,
                "notes": [{"code": "read_only", "field": "Name", "detail": "kept out"}],
                "merged_into": None,
            }
        ],
        "attempts": 2,
        "latency_seconds": 2.5,
        "mapping": "v1",
        "time": "1970-01-01T00:00:03.500+00:00",
    }


def test_a_merged_event_names_the_event_that_carried_it() -> None:
    """Its result points at the record whose write it went with."""
    carrier = Record("events", 3, 9, 0, None, b"{}")
    result = parsed(REPORTER.result(work(Delivered("updated", "1"), merged_into=carrier), 0.0))
    writes = result["writes"]
    assert isinstance(writes, list)
    assert writes[0]["merged_into"] == {"topic": "events", "partition": 3, "offset": 9}


def test_a_run_of_skipped_offsets_is_one_result_with_its_count() -> None:
    """First and last offset and how many lie between them."""
    run = SkippedRun(4, "not_opted_in")
    run.last = 8
    assert parsed(REPORTER.run(PARTITION.name, run, 0.0)) == {
        "v": 1,
        "connection": "crm",
        "topic": "events",
        "partition": 3,
        "offset": 4,
        "last_offset": 8,
        "count": 5,
        "outcome": "skipped",
        "reason": "not_opted_in",
        "mapping": "v1",
        "time": "1970-01-01T00:00:00.000+00:00",
    }


def test_one_rejected_write_makes_the_event_rejected() -> None:
    """Rejected before delivered before skipped: nothing that failed hides behind a success."""
    rejected = Rejected(Reason.VALUE_TOO_LONG, "too long")
    assert work(Delivered("created", "1"), rejected).summary == ("rejected", "value_too_long")
    skipped = Skipped(Reason.UNCHANGED)
    assert work(skipped, Delivered("created", "1")).summary == ("delivered", None)
    assert work(Delivered("created", "1"), skipped).summary == ("delivered", None)
    assert work(skipped).summary == ("skipped", "unchanged")


def test_a_dead_letter_is_the_record_itself_with_two_headers_more() -> None:
    """Bytes, key and headers unchanged; the reason and the CRM's own words beside them (K4)."""
    rejected = Rejected(Reason.REFUSED, "why", {"errorCode": "X"})
    letter = REPORTER.dead_letter(work(rejected, value=b"\xff\x00"), 0.0)
    assert (letter.value, letter.key) == (b"\xff\x00", b"key")
    assert list(letter.headers[:2]) == [("h", b"1"), ("h", None)]
    added = dict(letter.headers[2:])
    assert added["transformer-reason"] == b"refused"
    said = orjson.loads(added[DEAD_LETTER_HEADER] or b"")
    assert {key: said[key] for key in ("reason", "detail", "vendor", "attempts", "origin")} == {
        "reason": "refused",
        "detail": "why",
        "vendor": {"errorCode": "X"},
        "attempts": 2,
        "origin": {"topic": "events", "partition": 3, "offset": 7, "timestamp_ms": 1000},
    }


def test_the_result_and_letter_of_a_replay_name_the_first_record() -> None:
    """However often it was replayed; the header stays as it was read (K5, invariant 7)."""
    first = Origin("events", 3, 2, 500)
    replayed = work(Rejected(Reason.REFUSED, "why"))
    header = Replay("crm", first, "run", may_have_written=False).header
    replayed.record = replayed.record._replace(headers=(("h", b"1"), header))
    named = {"topic": "events", "partition": 3, "offset": 2, "timestamp_ms": 500}
    assert parsed(REPORTER.result(replayed, 0.0))["replay_of"] == named
    letter = REPORTER.dead_letter(replayed, 0.0)
    assert list(letter.headers[:2]) == [("h", b"1"), header]
    said = orjson.loads(dict(letter.headers)[DEAD_LETTER_HEADER] or b"")
    assert (said["replay_of"], said["origin"]["offset"]) == (named, 7)


def test_text_that_utf_8_cannot_hold_is_escaped_in_results() -> None:
    """A lone surrogate in a detail does not stop its result."""
    result = parsed(REPORTER.result(work(Rejected(Reason.REFUSED, "bad \ud800")), 0.0))
    writes = result["writes"]
    assert isinstance(writes, list)
    assert writes[0]["detail"] == "bad \\ud800"


def test_results_of_one_source_partition_share_a_key() -> None:
    """So they stay in one partition of the metrics topic, in order."""
    assert REPORTER.result(work(Skipped(Reason.UNCHANGED)), 0.0).key == b"crm/events/3"
