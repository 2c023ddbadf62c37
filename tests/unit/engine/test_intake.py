"""The intake and replayed records: whose they are, how old, and what was made of them before."""

from collections.abc import Sequence

import orjson

from tests.manual_clock import ManualClock
from transformer.engine.fuse import Fuse
from transformer.engine.intake import Intake
from transformer.engine.outbox import Outbox
from transformer.engine.results import Reporter
from transformer.engine.work import OwnedPartition, Work
from transformer.mapping import Options, compile_mapping
from transformer.memory.broker import MemoryBroker
from transformer.observer import Silent
from transformer.outcome import Redirect
from transformer.policy import Policy
from transformer.record import Partition, Record
from transformer.replay.origin import Origin, Replay
from transformer.upsert import Upsert

MAPPING = """
version: 1
tables:
  Person:
    fields: {Email: email}
    rest: drop
upserts:
  - when: {type: identify}
    object: Person
    match: [{Email: email}]
"""
BODY = orjson.dumps({"type": "identify", "messageId": "m", "traits": {"email": "a@x.io"}})
FIRST = Origin("events", 0, 3, 60_000)


class Taken:
    """An intake of the connection `crm`, and what it hands on."""

    def __init__(self) -> None:
        self.upserts: list[Upsert] = []
        self.works: list[Work] = []
        self.partition = OwnedPartition(Partition("events", 0), 0, 0)
        mapping = compile_mapping(MAPPING, "m.yaml", Options(opt_in="off", integrations=()))
        self.outbox = Outbox(
            reporter=Reporter("crm", mapping.version),
            metrics_topic="metrics",
            dead_letter_topic="letters",
            clock=ManualClock(),
            observer=Silent(),
            fuse=Fuse(Policy()),
        )
        self.intake = Intake(
            connection="crm", mapping=mapping, outbox=self.outbox, deliver=self._deliver
        )

    def _deliver(self, work: Work, upserts: Sequence[Upsert]) -> None:
        self.works.append(work)
        self.upserts += upserts

    def admit(self, offset: int, replay: Replay | None = None) -> "Taken":
        """Let it take one event, read two minutes after the epoch."""
        headers = [("trace", b"1"), *([replay.header] if replay else [])]
        record = Record("events", 0, offset, 120_000, b"k", BODY, headers)
        self.intake.admit(record, self.partition)
        return self


def replay(connection: str = "crm", *, may_have_written: bool = False) -> Replay:
    """A replay of FIRST."""
    return Replay(connection, FIRST, "run", may_have_written)


async def test_only_the_connection_it_failed_for_takes_a_replay() -> None:
    """Others skip it with a reason of its own, in runs (K5)."""
    taken = Taken().admit(0, replay("other")).admit(1, replay("other")).admit(2, replay())
    assert [work.record.offset for work in taken.works] == [2]
    broker = MemoryBroker(ManualClock())
    await taken.outbox.flush(await broker.producer())
    results = [orjson.loads(record.value or b"") for record in broker.records("metrics")]
    assert [(r["offset"], r["last_offset"], r["reason"]) for r in results] == [
        (0, 1, "replayed_for_another")
    ]


def test_an_event_without_a_time_is_as_old_as_its_first_record() -> None:
    """In a merge it must not pass for the newest, also when it is mapped again (K6)."""
    taken = Taken().admit(0).admit(1, replay())
    assert [upsert.event_time for upsert in taken.upserts] == [120.0, 60.0]
    again = [taken.intake.remap(work, Redirect("Person", "1")) for work in taken.works]
    assert [one.event_time for one in again if isinstance(one, Upsert)] == [120.0, 60.0]


def test_a_replay_that_may_have_been_written_is_looked_for_first() -> None:
    """A create of it could be there already (invariant 6)."""
    taken = Taken().admit(0, replay()).admit(1, replay(may_have_written=True))
    assert [upsert.repeated for upsert in taken.upserts] == [False, True]
