"""Dead letters and results as a worker makes them, for the tests of replays."""

from collections.abc import Sequence

from transformer.engine.results import Reporter
from transformer.engine.work import OwnedPartition, Work, Written
from transformer.outcome import Delivered, Reason, Rejected, Settled
from transformer.record import Message, Partition, Record
from transformer.replay.origin import Origin, Replay
from transformer.upsert import Match, Operation, Upsert

LETTERS, METRICS, EVENTS = "letters", "metrics", "events"
REFUSED = Rejected(Reason.UNKNOWN_FIELD, "no such field")
CREATED = Delivered("created", "00Q1")


def record(
    offset: int,
    *,
    partition: int = 0,
    at_ms: int | None = None,
    value: bytes | None = b"{}",
    headers: Sequence[tuple[str, bytes | None]] = (("h", b"1"), ("h", None)),
    replay: Replay | None = None,
    topic: str = EVENTS,
) -> Record:
    """A source record; its time is its offset in seconds unless given."""
    time_ms = offset * 1000 if at_ms is None else at_ms
    all_headers = (*headers, *([replay.header] if replay else []))
    return Record(topic, partition, offset, time_ms, b"user", value, all_headers)


def work(
    of: Record, outcome: Settled = REFUSED, *, email: str | None = "a@x.io", kind: str = "Lead"
) -> Work:
    """The event of a record, settled; without an e-mail it came to no write."""
    match = Match("Email", email or "")
    upsert = None if email is None else Upsert(kind, Operation.UPSERT, {}, (match,))
    made = Work(of, OwnedPartition(Partition(of.topic, of.partition), 0, 0), upserts=1)
    made.message_id = f"m{of.offset}"
    made.settle(Written(upsert, outcome))
    return made


def letter(
    of: Record, *, email: str | None = "a@x.io", outcome: Settled = REFUSED, wall: float = 1000.0,
    connection: str = "crm",
) -> Message:  # fmt: skip
    """The dead letter of a record."""
    return Reporter(connection, "v1").dead_letter(work(of, outcome, email=email), wall)


def result(
    of: Record, *, email: str = "a@x.io", outcome: Settled = CREATED, wall: float = 1000.0,
    connection: str = "crm", kind: str = "Lead",
) -> Message:  # fmt: skip
    """The result of a record."""
    made = work(of, outcome, email=email, kind=kind)
    return Reporter(connection, "v1").result(made, wall)


def stored(
    message: Message, offset: int = 0, *, topic: str = LETTERS, partition: int = 0
) -> Record:
    """A message as it is read back."""
    return Record(
        topic, partition, offset, 1_000_000, message.key, message.value, tuple(message.headers)
    )


def origin(offset: int, *, partition: int = 0) -> Origin:
    """The origin of `record(offset)`."""
    return Origin(EVENTS, partition, offset, offset * 1000)
