"""The fuse of one connection: a flood of rejections stops reading before it fills the topic.

Pure: it is told of outcomes and the time, and says how long to read nothing.
"""

from collections import deque

from transformer.outcome import Reason
from transformer.policy import Policy

# Nothing is wrong with the mapping or the CRM when an event lacks what would find its record, or
# is of no type that anybody sends: these are dead letters, not a flood.
_OF_THE_EVENT_ALONE = frozenset({Reason.MATCH_KEY_MISSING.value, Reason.UNKNOWN_EVENT_TYPE.value})
_SLICES = 12


class Fuse:
    """Opens when `fuse_share` of at least `fuse_records` events of a window were rejected.

    While open nothing is read for `fuse_pause_seconds`; then a few events are tried, and the pause
    doubles as long as they are rejected too, up to an hour.
    """

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._width_seconds = policy.fuse_window_seconds / _SLICES
        self._slices: deque[list[float]] = deque()
        self._open_until = 0.0
        self._trials = 0
        self.trips = 0

    def count(self, now: float, reason: str | None) -> None:
        """Count one settled event; `reason` is why it was rejected, None when it was not."""
        if reason in _OF_THE_EVENT_ALONE:
            return
        current = self._slices[-1] if self._slices else None
        if current is None or now >= current[0] + self._width_seconds:
            current = [now, 0.0, 0.0]
            self._slices.append(current)
        current[1] += 1
        current[2] += reason is not None

    def wait_seconds(self, now: float) -> float:
        """Seconds to read nothing, 0.0 when it is closed; opens when the window is bad."""
        if now < self._open_until:
            return self._open_until - now
        while self._slices and self._slices[0][0] < now - self._policy.fuse_window_seconds:
            self._slices.popleft()
        settled = sum(part[1] for part in self._slices)
        rejected = sum(part[2] for part in self._slices)
        if settled < self._enough:
            return 0.0
        if rejected < self._policy.fuse_share * settled:
            self._trials = 0
            return 0.0
        self._slices.clear()
        self.trips += 1
        pause = min(3600.0, self._policy.fuse_pause_seconds * 2.0**self._trials)
        self._trials += 1
        self._open_until = now + pause
        return pause

    @property
    def _enough(self) -> int:
        """How many events make a judgement: fewer while it is being tried again."""
        records = self._policy.fuse_records
        return max(1, records // 10) if self._trials else records
