"""The three limits of a portal: requests in ten seconds, requests a day, searches a second.

Told the time. Counts as HubSpot does: a refused request counts in none of them.
"""

from collections import deque

from destinations.hubspot.emulator import faults

WINDOW_SECONDS = 10.0
DAY_SECONDS = 86_400.0


class Limiter:
    """Admits requests, and says in headers what is left. The day starts at midnight UTC."""

    def __init__(self, burst: int, daily: int, searches: int) -> None:
        self.burst = burst
        self.daily = daily
        self.searches = searches
        self.used_today = 0
        self._day = -1
        self._recent: deque[float] = deque()
        self._searched: deque[float] = deque()

    def admit(self, now: float, *, search: bool, oauth: bool) -> None:
        """Count one request, or raise its 429."""
        self._forget(now)
        if search and len(self._searched) >= self.searches:
            raise faults.rate_limited(faults.SEARCH_LIMIT)
        if len(self._recent) >= self.burst:
            raise faults.rate_limited(faults.BURST_LIMIT)
        if not oauth and self.used_today >= self.daily:
            raise faults.rate_limited(faults.DAILY_LIMIT)
        self._recent.append(now)
        self.used_today += 1
        if search:
            self._searched.append(now)

    def headers(self, *, oauth: bool) -> dict[str, str]:
        """The headers of an answer; apps with OAuth have no daily limit."""
        shown = {
            "X-HubSpot-RateLimit-Max": str(self.burst),
            "X-HubSpot-RateLimit-Remaining": str(max(0, self.burst - len(self._recent))),
            "X-HubSpot-RateLimit-Interval-Milliseconds": "10000",
            "X-HubSpot-RateLimit-Secondly": str(self.burst // 10),
            "X-HubSpot-RateLimit-Secondly-Remaining": str(self.burst // 10),
        }
        if not oauth:
            left = max(0, self.daily - self.used_today)
            shown["X-HubSpot-RateLimit-Daily"] = str(self.daily)
            shown["X-HubSpot-RateLimit-Daily-Remaining"] = str(left)
        return shown

    def clear(self) -> None:
        """Forget every request."""
        self._recent.clear()
        self._searched.clear()
        self.used_today = 0

    def _forget(self, now: float) -> None:
        while self._recent and self._recent[0] <= now - WINDOW_SECONDS:
            self._recent.popleft()
        while self._searched and self._searched[0] <= now - 1.0:
            self._searched.popleft()
        day = int(now // DAY_SECONDS)
        if day != self._day:
            self._day, self.used_today = day, 0
