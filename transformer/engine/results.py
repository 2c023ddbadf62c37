"""Results and dead letters: what is produced of every event, as bytes. Pure; no topic, no I/O.

The shapes are published in `schemas/result.schema.json` and `schemas/dead_letter.schema.json`.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

import orjson

from transformer.engine.work import SkippedRun, Work, Written
from transformer.outcome import Delivered, Rejected, Skipped
from transformer.record import Message, Partition, Record
from transformer.replay.origin import replay_of
from transformer.upsert import Note, Upsert

VERSION = 1
DEAD_LETTER_HEADER = "transformer-dead-letter"
REASON_HEADER = "transformer-reason"


class Reporter:
    """Writes results and dead letters for one connection and mapping version."""

    def __init__(self, connection: str, mapping: str) -> None:
        self._connection = connection
        self._mapping = mapping
        self._wall = -1.0
        self._iso = ""
        self._keys: dict[Partition, bytes] = {}

    def key(self, partition: Partition) -> bytes:
        """The message key: results of one source partition stay in one partition, in order."""
        key = self._keys.get(partition)
        if key is None:
            key = f"{self._connection}/{partition.topic}/{partition.number}".encode()
            self._keys[partition] = key
        return key

    def _time(self, wall: float) -> str:
        """The time as results give it, formatted once for all that are produced together."""
        if wall != self._wall:
            self._wall = wall
            self._iso = datetime.fromtimestamp(wall, UTC).isoformat(timespec="milliseconds")
        return self._iso

    def run(self, partition: Partition, run: SkippedRun, wall: float) -> Message:
        """The result of a run of adjoining records skipped for one reason (row K3)."""
        result = {
            "v": VERSION,
            "connection": self._connection,
            "topic": partition.topic,
            "partition": partition.number,
            "offset": run.first,
            "last_offset": run.last,
            "count": run.count,
            "outcome": "skipped",
            "reason": run.reason,
            "mapping": self._mapping,
            "time": self._time(wall),
        }
        return Message(orjson.dumps(result), self.key(partition))

    def result(self, work: Work, wall: float) -> Message:
        """The result of one event (row K3)."""
        record = work.record
        outcome, reason = work.summary
        result = {
            "v": VERSION,
            "connection": self._connection,
            "topic": record.topic,
            "partition": record.partition,
            "offset": record.offset,
            "outcome": outcome,
            "reason": reason,
            "message_id": work.message_id,
            "event_type": work.event_type,
            "writes": _writes(work),
            "attempts": _attempts(work.written),
            "latency_seconds": max(0, int(wall * 1000) - record.timestamp_ms) / 1000,
            "mapping": self._mapping,
            "time": self._time(wall),
        }
        if record.headers:
            result |= _replay_of(record)
        return Message(_dumps(result), self.key(work.partition.name))

    def dead_letter(self, work: Work, wall: float) -> Message:
        """The dead letter of one event: its bytes and headers unchanged, then ours (row K4)."""
        record = work.record
        worst = work.rejections[0]
        letter = {
            "v": VERSION,
            "connection": self._connection,
            "reason": work.summary[1],
            "detail": worst.outcome.detail if isinstance(worst.outcome, Rejected) else "",
            "vendor": worst.outcome.vendor if isinstance(worst.outcome, Rejected) else {},
            "attempts": worst.attempts,
            "origin": _origin(record) | {"timestamp_ms": record.timestamp_ms},
            "message_id": work.message_id,
            "event_type": work.event_type,
            "mapping": self._mapping,
            "time": self._time(wall),
            "writes": _writes(work),
            **_replay_of(record),
        }
        headers = (
            *record.headers,
            (DEAD_LETTER_HEADER, _dumps(letter)),
            (REASON_HEADER, str(letter["reason"]).encode()),
        )
        return Message(record.value, record.key, headers)


def _writes(work: Work) -> list[dict[str, object]]:
    """The writes that the event asked for; an event that was no use asked for none."""
    return [_written(w, w.upsert) for w in work.written if w.upsert is not None]


def _written(written: Written, upsert: Upsert) -> dict[str, object]:
    """One write of a result; `operation` is what happened, else what was asked for.

    Then how the record was found, how often it was tried, what to know, and whose write it was.
    """
    outcome, matches, into = written.outcome, upsert.matches, written.merged_into
    object_type, operation, notes = upsert.object_type, upsert.operation.value, upsert.notes
    word, reason, record_id = "delivered", None, None
    if isinstance(outcome, Delivered):
        object_type, operation = outcome.object_type or object_type, outcome.operation
        record_id, notes = outcome.record_id, (*notes, *outcome.notes)
    elif isinstance(outcome, Skipped):
        word, reason, record_id = "skipped", outcome.reason.value, outcome.record_id or None
    else:
        word, reason = "rejected", outcome.reason.value
    entry: dict[str, object] = {
        "object": object_type,
        "operation": operation,
        "outcome": word,
        "reason": reason,
        "record_id": record_id,
        "match": {"property": matches[0].name, "value": matches[0].value} if matches else None,
        "attempts": written.attempts,
        "notes": _notes(notes) if notes else [],
        "merged_into": None if into is None else _origin(into),
    }
    if isinstance(outcome, Rejected):
        entry["detail"] = outcome.detail
    return entry


def _attempts(written: list[Written]) -> int:
    return (
        written[0].attempts if len(written) == 1 else max((w.attempts for w in written), default=0)
    )


def _notes(notes: Sequence[Note]) -> list[dict[str, str]]:
    return [{"code": note.code, "field": note.field, "detail": note.detail} for note in notes]


def _origin(record: Record) -> dict[str, object]:
    return {"topic": record.topic, "partition": record.partition, "offset": record.offset}


def _replay_of(record: Record) -> dict[str, object]:
    """Of a replayed record, the first record of its event."""
    replay = replay_of(record.headers)
    return {} if replay is None else {"replay_of": replay.origin._asdict()}


def _dumps(value: object) -> bytes:
    """JSON; a value that UTF-8 cannot hold (a lone surrogate) is escaped, never an error."""
    try:
        return orjson.dumps(value, default=str)
    except TypeError:
        return orjson.dumps(_printable(value))


def _printable(value: object) -> object:
    if isinstance(value, dict):
        return {str(_printable(k)): _printable(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_printable(v) for v in value]
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int) and abs(value) < 1 << 63:
        return value
    return str(value).encode("utf-8", "backslashreplace").decode()
