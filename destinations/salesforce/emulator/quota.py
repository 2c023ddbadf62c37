"""The org's daily API calls: a rolling 24 hours in hourly buckets."""

from collections import deque

WINDOW_HOURS = 24
HOUR_SECONDS = 3_600


class Quota:
    """Counts calls against a limit."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._buckets: deque[list[int]] = deque()

    def used(self, now: float) -> int:
        """Return the calls of the last 24 hours."""
        hour = int(now // HOUR_SECONDS)
        while self._buckets and self._buckets[0][0] <= hour - WINDOW_HOURS:
            self._buckets.popleft()
        return sum(count for _, count in self._buckets)

    def spent(self, now: float) -> bool:
        """Tell whether no call is left."""
        return self.used(now) >= self.limit

    def count(self, calls: int, now: float) -> None:
        """Add calls."""
        hour = int(now // HOUR_SECONDS)
        if not self._buckets or self._buckets[-1][0] != hour:
            self._buckets.append([hour, 0])
        self._buckets[-1][1] += calls

    def set_used(self, calls: int, now: float) -> None:
        """Pretend that the last 24 hours had this many calls, all in this hour."""
        self._buckets.clear()
        self.count(calls, now)

    def header(self, now: float) -> str:
        """Return the value of `Sforce-Limit-Info`."""
        return f"api-usage={self.used(now)}/{self.limit}"
