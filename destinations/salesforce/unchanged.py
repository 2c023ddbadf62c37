"""Identical repeats: what this worker last wrote to each record, to leave the same out next time.

Whatever may have come between (a failure, another write of the record at the same time) makes it
forget: to send once too often costs little, to leave out a change would lose it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping

import orjson

from destinations.salesforce.pack import Row
from destinations.salesforce.plan import Write
from transformer.clock import Clock
from transformer.kit.remembered import Remembered
from transformer.outcome import Delivered, Outcome, Reason, Rejected, Skipped


class LastWritten:
    """What was last written to each record, as a hash; bounded, and for a while. 0 is off."""

    def __init__(self, *, capacity: int, seconds: float, clock: Clock) -> None:
        self._clock = clock
        self._on = capacity > 0
        self._hashes: Remembered[str, int] = Remembered(capacity=capacity, seconds=seconds)
        self._in_flight: Counter[str] = Counter()
        self._crossed: set[str] = set()

    def unchanged(self, write: Write) -> Skipped | None:
        """Skip an update that would write what was last written, all of it and nothing else."""
        if not self._on or write.kind != "update" or write.upsert.repeated:
            return None
        last = self._hashes.recall(write.record_id, self._clock.now())
        if last is None or last != _hash(write.body):
            return None
        return Skipped(
            Reason.UNCHANGED,
            f"{write.where}: the record was last given the same values.",
            record_id=write.record_id,
        )

    def begin(self, rows: Iterable[Row]) -> None:
        """Note that `rows` are about to be sent: until they are answered, nothing is known."""
        for record_id in _records(rows) if self._on else ():
            self._hashes.forget(record_id)
            self._in_flight[record_id] += 1
            if self._in_flight[record_id] > 1:
                self._crossed.add(record_id)

    def end(self, rows: Iterable[Row], outcomes: Mapping[int, Outcome]) -> None:
        """Learn what `rows` came to; of a record that two requests wrote at once, nothing."""
        for row in rows if self._on else ():
            write, outcome = row.write, outcomes.get(row.write.index)
            crossed = write.record_id in self._crossed
            self._land(write)
            if not isinstance(outcome, Delivered):
                if write.kind == "upsert" and not isinstance(outcome, Rejected):
                    # Nobody can say to which record it went, if it did.
                    self._hashes.clear()
                continue
            values = _same_as_update(write)
            self._hashes.forget(outcome.record_id)
            if values and not crossed and outcome.notes == write.notes:
                self._hashes.learn(outcome.record_id, _hash(values), self._clock.now())

    def _land(self, write: Write) -> None:
        if write.kind != "update":
            return
        self._in_flight[write.record_id] -= 1
        if self._in_flight[write.record_id] <= 0:
            del self._in_flight[write.record_id]
            self._crossed.discard(write.record_id)


def _records(rows: Iterable[Row]) -> Iterable[str]:
    return (row.write.record_id for row in rows if row.write.kind == "update")


def _same_as_update(write: Write) -> Mapping[str, object]:
    """What an update of the record just written would hold, were the same upsert to come again."""
    if write.kind == "update":
        return write.body
    if write.kind == "upsert" or write.upsert.on_update:
        return {}
    properties = write.upsert.properties
    if any(name not in write.body or write.body[name] != properties[name] for name in properties):
        return {}
    return properties


def _hash(values: Mapping[str, object]) -> int:
    return hash(orjson.dumps(dict(values), option=orjson.OPT_SORT_KEYS))
