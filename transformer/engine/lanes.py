"""Lanes: writes of one match key, in order, never two of them in flight; later ones merge.

Pure. It says what is ready to be sent; `deliver.py` sends it. Upholds invariant 4 and row K6.
"""

import heapq
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import NamedTuple

from transformer.engine.merge import may_merge, merged, names
from transformer.engine.work import Work
from transformer.upsert import Key, Upsert


class Source(NamedTuple):
    """One event's own upsert, inside the write that carries it."""

    work: Work
    upsert: Upsert


class Write:
    """One write to be sent: the merged upsert of one or more sources, oldest first.

    `sealed` writes take no more sources. `attempts` counts the tries that were its own fault.
    `failures` counts the failed requests it was part of, `successes_seen` is for telling whether
    others got through meanwhile, and `batch_limit` how many may still share a request with it.
    `state` is `queued` (may be sent), `behind` (another of its lane goes first), `delayed` (waits
    for its retry), `in_flight` or `settled`.
    """

    __slots__ = (
        "attempts",
        "batch_limit",
        "enqueued_at",
        "failures",
        "key",
        "ready_at",
        "sealed",
        "sources",
        "state",
        "successes_seen",
        "times",
        "upsert",
    )

    def __init__(self, source: Source, enqueued_at: float, key: Key | None) -> None:
        self.upsert = source.upsert
        self.key = key
        self.sources = [source]
        self.enqueued_at = enqueued_at
        self.ready_at = enqueued_at
        self.attempts = 0
        self.failures = 0
        self.successes_seen = 0
        self.batch_limit: int | None = None
        self.sealed = False
        self.state = "queued"
        self.times: dict[str, float] | None = None

    def __repr__(self) -> str:
        return f"<Write {self.upsert.object_type} {self.state} of {len(self.sources)}>"

    def takes(self, upsert: Upsert) -> bool:
        """Whether a later upsert of the same key may merge into this write."""
        return not self.sealed and self.state != "in_flight" and may_merge(self.upsert, upsert)

    def merge(self, source: Source) -> None:
        """Merge a later source in (row K6, see `merge.py`)."""
        if self.times is None:
            self.times = dict.fromkeys(names(self.upsert), self.upsert.event_time)
        self.upsert = merged(self.upsert, source.upsert, self.times)
        self.sources.append(source)

    def split(self) -> list["Write"]:
        """One sealed write per source, in order: so that one event's fault stays its own."""
        parts = []
        for source in self.sources:
            part = Write(source, self.enqueued_at, self.key)
            part.sealed = True
            if self.upsert.repeated:
                part.upsert = replace(part.upsert, repeated=True)
            parts.append(part)
        return parts


class Lanes:
    """All writes not settled yet, by key; the head of each lane is the only one ever sent."""

    def __init__(self, *, coalesce: bool = True) -> None:
        self._coalesce = coalesce
        self._lanes: dict[Key, list[Write]] = {}
        self._queue: deque[Write] = deque()
        self._delayed: list[tuple[float, int, Write]] = []
        self._sequence = 0
        self._writes = 0

    def __len__(self) -> int:
        return self._writes

    @property
    def queued(self) -> int:
        """How many writes could be sent now, were it only for their lanes."""
        return len(self._queue)

    def add(self, source: Source, now: float) -> None:
        """Take over a source: it merges into a waiting write of its key, or queues behind it."""
        key = source.upsert.key
        if key is None:
            self._append(Write(source, now, None))
            return
        lane = self._lanes.get(key)
        if lane is None:
            write = Write(source, now, key)
            self._lanes[key] = [write]
            self._append(write)
        elif self._coalesce and lane[-1].takes(source.upsert):
            lane[-1].merge(source)
        else:
            self._writes += 1
            write = Write(source, now, key)
            write.state = "behind"
            lane.append(write)

    def _append(self, write: Write) -> None:
        self._writes += 1
        self._queue.append(write)

    def oldest_enqueued_at(self) -> float | None:
        """When the write that waits longest at the front of the queue came in."""
        while self._queue and self._queue[0].state != "queued":
            self._queue.popleft()
        return self._queue[0].enqueued_at if self._queue else None

    def next_delayed_at(self) -> float | None:
        """When the next write that waits for its retry becomes ready."""
        while self._delayed and self._delayed[0][2].state != "delayed":
            heapq.heappop(self._delayed)
        return self._delayed[0][0] if self._delayed else None

    def wake(self, now: float) -> None:
        """Queue the writes whose retry is due, ahead of those that were never tried.

        Those suspected of failing their whole request (`batch_limit`) go last: a poison write
        must not be what every probe of a closed gate is spent on.
        """
        due = []
        while (at := self.next_delayed_at()) is not None and at <= now:
            write = heapq.heappop(self._delayed)[2]
            write.state = "queued"
            if write.batch_limit is None:
                due.append(write)
            else:
                self._queue.append(write)
        self._queue.extendleft(reversed(due))

    def take(self, limit: int, limit_bytes: int | None = None) -> list[Write]:
        """Take up to `limit` writes for one batch; they are in flight until told otherwise.

        Only heads of lanes are ever queued, so no two writes of a batch have the same key.
        `limit_bytes` bounds the size of the records behind the batch; one write always fits.
        Writes share a batch only with those of the same `batch_limit`.
        """
        batch: list[Write] = []
        queue, size = self._queue, 0
        while queue and len(batch) < limit:
            write = queue[0]
            if write.state == "queued":
                allowed = write.batch_limit
                if batch and (allowed != batch[0].batch_limit or len(batch) >= (allowed or limit)):
                    break
                if limit_bytes is not None:
                    for source in write.sources:
                        size += len(source.work.record.value or b"")
                    if batch and size > limit_bytes:
                        break
                write.state = "in_flight"
                batch.append(write)
            queue.popleft()
        return batch

    def delay(self, write: Write, ready_at: float) -> None:
        """Put a write that is to be tried again back, to be ready at `ready_at`.

        It stays at the head of its lane; what has queued up behind it merges into it.
        """
        write.state = "delayed"
        write.ready_at = ready_at
        self._sequence += 1
        heapq.heappush(self._delayed, (ready_at, self._sequence, write))
        lane = self._lanes.get(write.key) if write.key is not None else None
        while self._coalesce and lane and len(lane) > 1 and write.takes(lane[1].upsert):
            follower = lane[1]
            if follower.sealed:
                break
            del lane[1]
            follower.state = "settled"
            self._writes -= 1
            for source in follower.sources:
                write.merge(source)

    def settle(self, write: Write) -> None:
        """Forget a write that has its outcome; the next of its lane may be sent."""
        write.state = "settled"
        self._writes -= 1
        lane = self._lanes.get(write.key) if write.key is not None else None
        if lane is None or write.key is None:
            return
        del lane[0]
        if lane:
            self._promote(lane[0])
        else:
            del self._lanes[write.key]

    def _promote(self, write: Write) -> None:
        write.state = "queued"
        self._queue.append(write)

    def replace(self, write: Write, parts: list[Write]) -> None:
        """Put the parts of a split write in its place, to be sent one after the other."""
        write.state = "settled"
        self._writes += len(parts) - 1
        if write.key is None:
            self._queue.extend(parts)
            return
        lane = self._lanes[write.key]
        for part in parts[1:]:
            part.state = "behind"
        lane[:1] = parts
        self._promote(parts[0])

    def discard(self, unwanted: Callable[[Work], bool]) -> list[Work]:
        """Forget every source that is unwanted and not in flight; return their events.

        Writes that also carry wanted sources are merged anew from those.
        """
        dropped: list[Work] = []
        for write in list(self._waiting()):
            kept = [s for s in write.sources if not unwanted(s.work)]
            if len(kept) == len(write.sources):
                continue
            dropped.extend(s.work for s in write.sources if unwanted(s.work))
            if kept:
                _rebuild(write, kept)
            else:
                self._remove(write)
        return dropped

    def _waiting(self) -> Iterable[Write]:
        seen = [w for w in self._queue if w.key is None and w.state == "queued"]
        seen += [w for _, _, w in self._delayed if w.key is None and w.state == "delayed"]
        for lane in self._lanes.values():
            seen.extend(w for w in lane if w.state != "in_flight")
        return seen

    def _remove(self, write: Write) -> None:
        write.state = "settled"
        self._writes -= 1
        if write.key is None:
            return
        lane = self._lanes[write.key]
        was_head = lane[0] is write
        lane.remove(write)
        if not lane:
            del self._lanes[write.key]
        elif was_head:
            self._promote(lane[0])


def _rebuild(write: Write, sources: list[Source]) -> None:
    repeated = write.upsert.repeated
    write.upsert, write.times, write.sources = sources[0].upsert, None, [sources[0]]
    for source in sources[1:]:
        write.merge(source)
    if repeated:
        write.upsert = replace(write.upsert, repeated=True)
