"""A seeded simulation: workers on the in-memory broker, and a CRM that misbehaves as scripted.

Everything runs in virtual time. The CRM is the oracle: it knows every write and when it came.
"""

import asyncio
import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import orjson

from tests.invariants.virtual import LoopClock
from transformer.budget import Budget, Rate
from transformer.destination import FieldUse, Finding, Limits
from transformer.engine.pipeline import Pipeline
from transformer.errors import (
    AnswerLost,
    QuotaSpent,
    ServerFault,
    Throttled,
    Unauthorized,
    Unreachable,
)
from transformer.mapping import CompiledMapping, Options, compile_mapping
from transformer.memory.broker import MemoryBroker
from transformer.observer import Silent
from transformer.outcome import Delivered, Outcome, Reason, Rejected, Retry
from transformer.policy import Policy
from transformer.record import Message, Partition
from transformer.upsert import Operation, Upsert

EVENTS, METRICS, LETTERS, GROUP = "events", "metrics", "dead-letters", "worker.crm"

MAPPING = """
version: 1
tables:
  Person:
    fields: {Email: email, N: n, Mark: mark, Tags: {from: tags, additive: ';'}}
    rest: drop
  Visit:
    fields: {Mark: mark}
    rest: drop
upserts:
  - when: {type: identify}
    object: Person
    match: [{Email: email}]
  - when: {type: group}
    object: Visit
    match: []
"""


def mapping() -> CompiledMapping:
    """The mapping of every simulated connection."""
    return compile_mapping(
        MAPPING, "simulation.yaml", Options(opt_in="required", integrations=("Crm",))
    )


@dataclass
class Person:
    """One record of the simulated CRM, with every N and every tag it ever had, in order."""

    record_id: str
    properties: dict[str, object]
    history: list[int] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)


class SimulatedCrm:
    """A destination whose every request may fail in any way, seeded; shared by all workers."""

    def __init__(
        self, rng: random.Random, *, trouble: float = 0.3, rate: Rate | None = None
    ) -> None:
        self.rng = rng
        self.trouble = trouble
        self.people: dict[str, list[Person]] = defaultdict(list)
        self.visits: list[str] = []
        self.violations: list[str] = []
        self.requests: list[float] = []
        self.seen: set[str] = set()
        self.delivered_marks: list[str] = []
        self.limits = Limits(batch_records=25, requests_in_flight=3)
        self.budget = Budget(rate=rate)
        self.closed_until = 0.0
        self._busy: set[object] = set()

    async def close(self) -> None:
        """Nothing to close."""

    async def check(self, fields: Sequence[FieldUse]) -> Sequence[Finding]:
        """Not asked in a simulation."""
        return []

    async def write(self, batch: Sequence[Upsert]) -> Sequence[Outcome]:
        """Apply the batch, all of it, some or none, and answer or not."""
        now = asyncio.get_running_loop().time()
        self._watch(batch, now)
        self.budget.take(now)
        keys = [u.key for u in batch if u.key is not None]
        self._busy.update(keys)
        try:
            return await self._write(batch)
        finally:
            self.budget.release()
            self._busy.difference_update(keys)

    def _watch(self, batch: Sequence[Upsert], now: float) -> None:
        """Note what must never happen (invariants 4 and 5)."""
        keys = [u.key for u in batch if u.key is not None]
        if len(keys) != len(set(keys)):
            self.violations.append(f"two writes of one key share a request at {now}")
        if self._busy.intersection(keys):
            self.violations.append(f"a write overtakes another of its key at {now}")
        if now < self.closed_until:
            self.violations.append(f"a request at {now}, told to wait until {self.closed_until}")
        if len(batch) > self.limits.batch_records:
            self.violations.append(f"a batch of {len(batch)}")
        self.requests.append(now)

    async def _write(self, batch: Sequence[Upsert]) -> Sequence[Outcome]:
        await asyncio.sleep(self.rng.uniform(0.01, 0.5))
        if self.rng.random() >= self.trouble:
            return [self._apply(u) for u in batch]
        kind = self.rng.choice(
            ("throttled", "quota", "unreachable", "unauthorized", "server", "lost", "half", "rows")
        )
        self.seen.add(kind)
        return await self._misbehave(kind, batch)

    async def _misbehave(self, kind: str, batch: Sequence[Upsert]) -> Sequence[Outcome]:
        if kind in ("throttled", "quota"):
            seconds = self.rng.uniform(0.5, 5.0)
            self.closed_until = asyncio.get_running_loop().time() + seconds
            raise (Throttled if kind == "throttled" else QuotaSpent)(kind, after_seconds=seconds)
        if kind == "unreachable":
            raise Unreachable(kind)
        if kind == "unauthorized":
            raise Unauthorized(kind)
        if kind == "server":
            raise ServerFault(kind, may_have_applied=True)
        if kind in ("lost", "half"):
            for upsert in batch if kind == "lost" else batch[: len(batch) // 2]:
                self._apply(upsert)
            await asyncio.sleep(self.rng.uniform(0.0, 10.0))
            raise AnswerLost(kind, may_have_applied=True)
        return [
            Retry(Reason.ROW_LOCKED) if self.rng.random() < 0.3 else self._apply(u) for u in batch
        ]

    def _apply(self, upsert: Upsert) -> Outcome:
        properties = dict(upsert.properties)
        if "poison" in str(properties.get("Mark")):
            return Rejected(Reason.INVALID_VALUE, "poison", {"code": "POISON"})
        mark = str(properties["Mark"])
        if upsert.operation is Operation.CREATE:
            if not (upsert.repeated and mark in self.visits):
                self.visits.append(mark)
            return Delivered("created", mark)
        match = upsert.match
        found = self.people[str(match.value).lower() if match else ""]
        operation: str = "updated"
        if not found:
            operation = "created"
            found.append(Person(f"P{len(self.people)}", {}))
        found[0].properties.update(properties)
        found[0].history.append(int(str(properties["N"])))
        found[0].tags.extend(str(properties["Tags"]).split(";"))
        return Delivered("created" if operation == "created" else "updated", found[0].record_id)


class Worker:
    """One simulated worker process."""

    def __init__(self, broker: MemoryBroker, crm: SimulatedCrm, policy: Policy, seed: int) -> None:
        self.pipeline = Pipeline(
            connection="crm",
            broker=broker,
            group=GROUP,
            topics=[EVENTS],
            metrics_topic=METRICS,
            dead_letter_topic=LETTERS,
            mapping=mapping(),
            destination=crm,
            policy=policy,
            clock=LoopClock(),
            observer=Silent(),
            rng=random.Random(seed),
        )
        self.task = asyncio.create_task(self.pipeline.run())

    async def kill(self) -> None:
        """End at once, as kill -9: nothing is settled, produced or committed any more."""
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    async def stop(self) -> None:
        """SIGTERM, and wait for the drain."""
        self.pipeline.stop()
        await self.task


def event(n: int, rng: random.Random, *, people: int = 20) -> Message:
    """One event: mostly identifies of few people; some groups, poison, skips and nonsense."""
    draw = rng.random()
    if draw < 0.05:
        return Message(rng.randbytes(20), b"nonsense", [("trace", b"\x00\xff")])
    person = rng.randrange(people)
    kind = "group" if draw < 0.2 else "identify"
    mark = f"{'poison-' if 0.2 <= draw < 0.25 else ''}{n}"
    body: dict[str, object] = {
        "type": kind,
        "messageId": f"m-{n}",
        "userId": f"u-{person}",
        "traits": {"email": f"p{person}@x.io", "n": n, "mark": mark, "tags": f"t{n}"},
        "integrations": {"Crm": True} if draw < 0.85 else {},
    }
    return Message(orjson.dumps(body), f"u-{person}".encode())


def settled(broker: MemoryBroker) -> dict[tuple[Partition, int], list[dict[str, object]]]:
    """From the metrics topic alone: per offset, every result that accounts for it."""
    found: dict[tuple[Partition, int], list[dict[str, object]]] = defaultdict(list)
    for record in broker.records(METRICS):
        result = orjson.loads(record.value or b"")
        partition = Partition(result["topic"], result["partition"])
        for offset in range(result["offset"], result.get("last_offset", result["offset"]) + 1):
            found[partition, offset].append(result)
    return found


def tags(
    broker: MemoryBroker, delivered: Mapping[tuple[Partition, int], str]
) -> dict[str, set[str]]:
    """Per person, the tags of all identifies that were delivered."""
    found: dict[str, set[str]] = defaultdict(set)
    for record in broker.records(EVENTS):
        if delivered.get((Partition(record.topic, record.partition), record.offset)) != "delivered":
            continue
        body = orjson.loads(record.value or b"")
        if body["type"] == "identify":
            found[body["traits"]["email"]].add(body["traits"]["tags"])
    return found


def last_n(broker: MemoryBroker, delivered: Mapping[tuple[Partition, int], str]) -> dict[str, int]:
    """Per person, N of the last identify that was delivered."""
    last: dict[str, int] = {}
    for record in broker.records(EVENTS):
        if delivered.get((Partition(record.topic, record.partition), record.offset)) != "delivered":
            continue
        body = orjson.loads(record.value or b"")
        if body["type"] == "identify":
            last[body["traits"]["email"]] = body["traits"]["n"]
    return last
