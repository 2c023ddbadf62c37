"""The outbox: results and dead letters on their way to their topics.

An event counts as acknowledged only when the broker has both its dead letter, if it has one, and
its result (invariants 2 and 3). A failure to produce is raised, never logged and passed over.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Literal, TypeAlias

from transformer.broker import Producer
from transformer.clock import Clock
from transformer.engine.fuse import Fuse
from transformer.engine.results import Reporter
from transformer.engine.work import OwnedPartition, SkippedRun, Work
from transformer.errors import ProduceFailed
from transformer.observer import Observer
from transformer.outcome import Delivered
from transformer.record import Message

Labels: TypeAlias = tuple[str, str, str, str]


class Outbox:
    """Gathers what has settled and produces it together."""

    def __init__(
        self,
        *,
        reporter: Reporter,
        metrics_topic: str,
        dead_letter_topic: str,
        clock: Clock,
        observer: Observer,
        fuse: Fuse,
    ) -> None:
        self._reporter = reporter
        self._metrics_topic = metrics_topic
        self._dead_letter_topic = dead_letter_topic
        self._clock = clock
        self._observer = observer
        self._fuse = fuse
        self._works: list[Work] = []
        self._runs: list[tuple[OwnedPartition, SkippedRun]] = []

    def __len__(self) -> int:
        return len(self._works) + len(self._runs)

    def settle(self, work: Work) -> None:
        """Take over an event all of whose writes have their outcome."""
        self._works.append(work)
        outcome, reason = work.summary
        self._fuse.count(self._clock.now(), reason if outcome == "rejected" else None)

    def skip(self, partition: OwnedPartition, offset: int, reason: str) -> None:
        """Take over a skipped record; adjoining ones of the same reason become one result."""
        run = partition.run
        if run is not None and run.reason == reason and partition.tracker.extend(run, offset):
            return
        run = SkippedRun(offset, reason)
        partition.run = run
        partition.tracker.track(run)
        self._runs.append((partition, run))

    async def flush(self, producer: Producer) -> None:
        """Produce what is there; dead letters first, so that no result speaks of one not there.

        Raises ProduceFailed: then nothing of it counts as acknowledged.
        """
        works, self._works = [w for w in self._works if w.partition.owned], []
        runs, self._runs = [r for r in self._runs if r[0].owned], []
        for partition, _ in runs:
            partition.run = None
        wall = self._clock.wall()
        letters = [self._reporter.dead_letter(w, wall) for w in works if w.summary[0] == "rejected"]
        results = [self._reporter.run(partition.name, run, wall) for partition, run in runs]
        results += [self._reporter.result(w, wall) for w in works]
        started = self._clock.now()
        if letters:
            await self._send(producer, "dead_letter", letters)
        if results:
            await self._send(producer, "metrics", results)
            self._observer.stage("produce", self._clock.now() - started)
        for _, run in runs:
            run.acked = True
        for work in works:
            work.acked = True
        self._observe(works, runs, wall)

    async def _send(
        self,
        producer: Producer,
        kind: Literal["metrics", "dead_letter"],
        messages: Sequence[Message],
    ) -> None:
        topic = self._metrics_topic if kind == "metrics" else self._dead_letter_topic
        try:
            await producer.produce(topic, messages)
        except ProduceFailed:
            self._observer.produce_failed(kind)
            raise
        self._observer.produced(kind, len(messages))

    def _observe(
        self, works: list[Work], runs: list[tuple[OwnedPartition, SkippedRun]], wall: float
    ) -> None:
        counts = Counter(map(_labels, works))
        for _, run in runs:
            counts["skipped", run.reason, "", ""] += run.count
        for labels, count in counts.items():
            self._observer.settled(*labels, count)
        recorded = [w.record.timestamp_ms for w in works if w.summary[0] == "delivered"]
        self._observer.latencies([max(0.0, wall - each / 1000) for each in recorded])


def _labels(work: Work) -> Labels:
    """Outcome, reason, object and operation of an event, to count it by: of its first write."""
    outcome, reason = work.summary
    first = work.written[0]
    if first.upsert is None:
        return (outcome, reason or "", "", "")
    if type(first.outcome) is Delivered:
        object_type = first.outcome.object_type or first.upsert.object_type
        return (outcome, reason or "", object_type, first.outcome.operation)
    return (outcome, reason or "", first.upsert.object_type, first.upsert.operation.value)
