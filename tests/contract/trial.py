"""One destination on trial: its emulator, a connection to it, and the engine's own delivery.

Events go the way they go in production, decoded, mapped, delivered and retried, in virtual time.
"""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace

import orjson

from tests.invariants.virtual import LoopClock
from transformer import app
from transformer.decode import decode
from transformer.destination import Destination, Kind, Settings
from transformer.emulator.faults import Fault
from transformer.emulator.subject import Json, Subject
from transformer.engine.deliver import Deliverer
from transformer.engine.work import OwnedPartition, Work
from transformer.mapping import CompiledMapping, Options, compile_mapping
from transformer.observer import Silent
from transformer.outcome import Delivered, Redirect, Rejected, Settled, Skipped
from transformer.policy import Policy
from transformer.record import Partition, Record
from transformer.upsert import Upsert

PATIENCE_SECONDS = 3 * 86_400.0


@dataclass(slots=True)
class Trial:
    """A subject while its emulator serves, and a destination that is open on it."""

    subject: Subject
    kind: Kind
    destination: Destination
    mapping: CompiledMapping
    clock: LoopClock = field(default_factory=LoopClock)

    def script(self, *faults: Fault) -> None:
        """Put faults in force; each must strike before the trial ends."""
        self.subject.emulator.script(*faults)

    def upsert(self, event: Json) -> Upsert:
        """What the default mapping makes of an event: one upsert."""
        (upsert,) = self.mapped(self._record(event, 0))
        assert isinstance(upsert, Upsert), upsert
        return upsert

    async def deliver(self, *events: Json, repeated: bool = False) -> list[Settled]:
        """Deliver events as a worker does; what each came to, in order."""
        worker = self.worker(*events, repeated=repeated)
        worker.deliverer.drain()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await worker.deliverer.run()
        return [worker.settled[number] for number in range(len(events))]

    def worker(self, *events: Json, repeated: bool = False) -> "Worker":
        """A worker that has read these events and not begun to write."""
        worker = Worker(self)
        for number, event in enumerate(events):
            worker.read(self._record(event, number), repeated=repeated)
        return worker

    def another(self, settings: Settings | None = None) -> Destination:
        """One more destination on the same emulator, as another worker has it."""
        given = _settings(self.kind, self.subject, settings or {})
        assert list(self.kind.validate(given)) == []
        return self.kind.open(given, self.clock)

    def mapped(self, record: Record) -> Sequence[Upsert | Rejected]:
        """What the default mapping makes of a record."""
        event = decode(record)
        assert not isinstance(event, Rejected), event
        found = self.mapping.evaluate(event)
        assert not isinstance(found, Skipped), found
        return found

    def _record(self, event: Json, offset: int) -> Record:
        framed = {
            "messageId": f"m{offset}",
            "userId": f"u{offset}",
            "integrations": {"All": True, self.kind.integrations[0]: True},
            **event,
        }
        return Record("events", 0, offset, 0, None, orjson.dumps(framed))


class Worker:
    """The engine's delivery on the destination of a trial."""

    def __init__(self, trial: Trial) -> None:
        self.settled: dict[int, Settled] = {}
        self._trial = trial
        self._partition = OwnedPartition(Partition("events", 0), 0, 0)
        self.deliverer = Deliverer(
            destination=trial.destination,
            policy=Policy(linger_seconds=0.5),
            clock=trial.clock,
            observer=Silent(),
            rng=random.Random(1),
            remap=self._remap,
            settled=self._settle,
            fenced=lambda: 0.0,
        )

    def read(self, record: Record, *, repeated: bool) -> None:
        """Take over one event."""
        upserts = [
            replace(upsert, repeated=repeated)
            for upsert in self._trial.mapped(record)
            if isinstance(upsert, Upsert)
        ]
        assert len(upserts) == 1
        self.deliverer.add(Work(record, self._partition, upserts=1), upserts)

    def _settle(self, work: Work) -> None:
        (written,) = work.written
        self.settled[work.record.offset] = written.outcome

    def _remap(self, work: Work, redirect: Redirect) -> Upsert | Rejected | Skipped:
        event = decode(work.record)
        assert not isinstance(event, Rejected)
        return self._trial.mapping.evaluate_for(event, redirect)


@asynccontextmanager
async def on_trial(name: str, settings: Settings | None = None) -> AsyncIterator[Trial]:
    """Put one kind of CRM on trial.

    At the end every fault has struck, the client asked for nothing unknown, the emulator did not
    crash, and nothing in the log was a secret or an address of the events.
    """
    clock = LoopClock()
    subject, kind = app.subject(name)(clock), app.kind(name)
    async with subject.emulator.serve():
        given = _settings(kind, subject, settings or {})
        assert list(kind.validate(given)) == []
        secrets = [str(given[s.name]) for s in kind.settings if s.secret and given[s.name]]
        with _discreet([*secrets, "@example"]):
            destination = kind.open(given, clock)
            try:
                yield Trial(subject, kind, destination, default_mapping(kind), clock)
            finally:
                await destination.close()
    assert list(subject.emulator.unknown_routes) == []
    assert list(subject.emulator.crashes) == []
    assert [
        fault["kind"] for fault in subject.emulator.faults.to_json() if not fault["fired"]
    ] == []


def _settings(kind: Kind, subject: Subject, more: Settings) -> Settings:
    """Every declared key, as the reader of configurations gives them."""
    return {**{s.name: s.default for s in kind.settings}, **subject.settings(), **more}


def default_mapping(kind: Kind) -> CompiledMapping:
    """The mapping that a kind comes with, as a connection that says nothing has it."""
    text = kind.mapping_file.read_text(encoding="utf-8")
    options = Options(
        opt_in="required",
        integrations=kind.integrations,
        map_properties=True,
        required_defaults="create",
    )
    return compile_mapping(text, kind.mapping_file.name, options)


@contextmanager
def _discreet(private: Sequence[str]) -> Iterator[None]:
    """Nothing of `private` is logged inside."""
    heard: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: heard.append(  # type: ignore[method-assign]
        f"{record.getMessage()} {vars(record)}"
    )
    logger = logging.getLogger()
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
    assert [line for line in heard for word in private if word in line] == []


def words(outcomes: Sequence[Settled]) -> list[str]:
    """What happened to each, or why not."""
    return [o.operation if isinstance(o, Delivered) else o.reason.value for o in outcomes]
