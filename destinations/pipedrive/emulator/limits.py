"""The limits of one company: tokens a day, requests in two seconds, and the block after abuse.

Told the time; counts what Pipedrive counts. Figures that no document gives are in README.md.
"""

from collections import deque
from dataclasses import dataclass, field

BURST_SECONDS = 2.0
SEARCHES = 10
DAY_SECONDS = 86_400
TOKENS_PER_SEAT = 30_000
MULTIPLIERS = {"lite": 1, "growth": 2, "premium": 5, "ultimate": 7}
API_TOKEN_BURST = {"lite": 20, "growth": 40, "premium": 100, "ultimate": 120}
OAUTH_BURST = {"lite": 80, "growth": 160, "premium": 400, "ultimate": 480}
ABUSE_REFUSALS = 30
ABUSE_SECONDS = 60.0
BLOCK_SECONDS = 300.0


@dataclass(slots=True)
class Window:
    """At most `requests` in any `seconds`, rolling."""

    requests: int
    seconds: float = BURST_SECONDS
    times: deque[float] = field(default_factory=deque)

    def remaining(self, now: float) -> int:
        """Return how many more may come now."""
        while self.times and self.times[0] <= now - self.seconds:
            self.times.popleft()
        return self.requests - len(self.times)

    def reset_seconds(self, now: float) -> float:
        """Return the seconds until the oldest request leaves the window."""
        return max(0.0, self.times[0] + self.seconds - now) if self.times else 0.0


class Limits:
    """What one company may still do. `refused` counts the 429s it was given."""

    def __init__(
        self, *, plan: str, seats: int, searches: int = SEARCHES, daily_tokens: int | None = None
    ) -> None:
        self.plan = plan
        self.searches = searches
        self.daily_tokens = daily_tokens or TOKENS_PER_SEAT * MULTIPLIERS[plan] * seats
        self.spent = 0
        self.spent_total = 0
        self.refused = 0
        self._day = 0
        self._bursts: dict[str, Window] = {}
        self._searches: dict[str, Window] = {}
        self._refusals: deque[float] = deque()
        self._blocked_until: float | None = None

    def blocked(self, now: float) -> bool:
        """Tell whether requests are turned away before they reach Pipedrive."""
        return self._blocked_until is not None and now < self._blocked_until

    def admit(self, credential: str, cost: int, now: float, wall: float, *, search: bool) -> bool:
        """Count one request of `credential`; False when a limit refuses it."""
        self._turn(wall)
        windows = [self.burst(credential)]
        if search:
            windows.append(self._searches.setdefault(credential, Window(self.searches)))
        over = any(window.remaining(now) <= 0 for window in windows)
        if over or self.spent + cost > self.daily_tokens:
            self._refuse(now)
            return False
        for window in windows:
            window.times.append(now)
        self.spent += cost
        self.spent_total += cost
        return True

    def burst(self, credential: str) -> Window:
        """Return the burst window of an API token or OAuth app."""
        table = OAUTH_BURST if credential.startswith("v1u:") else API_TOKEN_BURST
        return self._bursts.setdefault(credential, Window(table[self.plan]))

    def headers(self, credential: str, now: float) -> dict[str, str]:
        """Return the rate limit headers of an answer."""
        window = self.burst(credential)
        return {
            "x-ratelimit-limit": str(window.requests),
            "x-ratelimit-remaining": str(max(0, window.remaining(now))),
            "x-ratelimit-reset": f"{window.reset_seconds(now):.0f}",
        }

    def spend_all(self, wall: float) -> None:
        """Use up the tokens of the day, as other integrations would."""
        self._turn(wall)
        self.spent = self.daily_tokens

    def block(self, now: float) -> None:
        """Turn everything away for a while."""
        self._blocked_until = now + BLOCK_SECONDS

    def _turn(self, wall: float) -> None:
        day = int(wall // DAY_SECONDS)
        if day != self._day:
            self._day, self.spent = day, 0

    def _refuse(self, now: float) -> None:
        self.refused += 1
        self._refusals.append(now)
        while self._refusals and self._refusals[0] < now - ABUSE_SECONDS:
            self._refusals.popleft()
        if len(self._refusals) >= ABUSE_REFUSALS:
            self.block(now)
