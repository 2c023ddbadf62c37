"""The request budget: how many requests a CRM lets us make, and when the next one may go.

Pure: it is told the time, returns waits, and never sleeps (invariant 5).
"""

import math
from collections import deque
from dataclasses import dataclass
from typing import Final

_LEAST_WAIT_SECONDS: Final = 1e-6
_PACE_SECONDS: Final = 120.0
_TOLD_SECONDS: Final = 1800.0
_MOST_STRETCH: Final = 60.0


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `requests` in any window of `seconds`."""

    requests: int
    seconds: float

    def part(self, workers: int) -> "Rate":
        """What each of so many workers may send, so that all together keep the rate."""
        mine = part(self.requests, workers)
        return Rate(max(1, int(mine)), self.seconds / min(1.0, mine))


def part(limit: float, workers: int) -> float:
    """What each of so many workers may use of an account's limit, so that all together keep it.

    Whole where each may have one or more: the fractions of several would meet in one window.
    """
    mine = limit / workers
    return mine if workers == 1 or mine < 1.0 else float(math.floor(mine))


class Budget:
    """A quota (used and limit, as the CRM tells) and a rate (our own bucket), for one connection.

    `share` is the part of the quota that this connection may bring the org to: at
    `used >= share * limit` every request waits. `recheck_seconds` is how long to wait before
    asking again when the CRM does not say when the quota comes back. Requests in flight count as
    used, so that two at once cannot overstep the share.

    The pace is our own requests, as they are taken, and everybody else's, by how the CRM's count
    grows beyond them (`observe`): other workers and integrations use the same quota.
    """

    def __init__(
        self,
        *,
        rate: Rate | None = None,
        limit: int | None = None,
        share: float = 1.0,
        recheck_seconds: float = 60.0,
        window_seconds: float = 86_400.0,
    ) -> None:
        self.rate = rate
        self.limit = limit
        self.share = share
        self.recheck_seconds = recheck_seconds
        self.window_seconds = window_seconds
        self.used = 0
        self.in_flight = 0
        self.spent_total = 0
        self._overlap = 0
        self._sent: deque[float] = deque(maxlen=rate.requests if rate else 0)
        self._pace = 0.0
        self._paced_at: float | None = None
        self._others: int | None = None
        self._others_pace = 0.0
        self._told_at = 0.0
        self._closed_until = 0.0
        self._checked_at: float | None = None

    @property
    def allowed(self) -> int | None:
        """The number of used requests at which we stop, or None when no quota is known."""
        return None if self.limit is None else int(self.limit * self.share)

    @property
    def exhausted(self) -> bool:
        """Whether our share of the quota is used up, as far as is known."""
        allowed = self.allowed
        return allowed is not None and self.used >= allowed

    def recheck_due(self, now: float) -> bool:
        """Whether the quota is spent and it is time to ask the CRM, by one request, again."""
        return self.exhausted and self._quota_wait(now) <= 0.0

    def wait_seconds(self, now: float, requests: int = 1) -> float:
        """Seconds until `requests` more may be sent; 0.0 when they may go at once.

        With the quota spent it is the time until the CRM is asked again (`recheck_due`): at 0.0
        the destination's next `write` asks, and goes on or raises QuotaSpent.
        """
        wait = max(0.0, self._closed_until - now)
        allowed = self.allowed
        if allowed is not None and self.used + requests > allowed:
            wait = max(wait, self._quota_wait(now))
        if self.rate is not None:
            wait = max(wait, self._rate_wait(now, self.rate, requests))
        return wait

    def requests_per_second(self, now: float) -> float:
        """How fast the quota is being used of late, by us and all others that the CRM counts.

        An average over minutes. What was told of the others stands until told anew, half an hour at
        the most.
        """
        told = self._others_pace if now - self._told_at <= _TOLD_SECONDS else 0.0
        return self._own_pace(now) + told

    def seconds_left(self, now: float) -> float | None:
        """When our share is used up at the present pace; None when it lasts, or none is known.

        The quota comes back evenly over its window, so only what exceeds that eats it up.
        """
        allowed = self.allowed
        if allowed is None:
            return None
        if self.used >= allowed:
            return 0.0
        eaten = self.requests_per_second(now) - allowed / self.window_seconds
        return (allowed - self.used) / eaten if eaten > 0 else None

    def stretch(self, now: float) -> float:
        """How many times longer writes should gather before they go, 1.0 while all is well.

        From half of our share on, the longer the nearer its end, up to as often as the pace exceeds
        what lasts: fewer, fuller requests, long before none may go.
        """
        allowed = self.allowed
        if not allowed or self.used * 2 <= allowed:
            return 1.0
        lasting = allowed / self.window_seconds
        excess = self.requests_per_second(now) / lasting
        if excess <= 1.0:
            return 1.0
        pressure = min(1.0, self.used / allowed * 2 - 1)
        return 1.0 + pressure * (min(excess, _MOST_STRETCH) - 1.0)

    def take(self, now: float, requests: int = 1) -> None:
        """Count `requests` that are about to be sent, before their answers say so.

        Every `take` is followed by one `release`, whatever became of the requests.
        """
        if self.exhausted:
            self._checked_at = now
        self.used += requests
        self._overlap = 0 if self.in_flight == 0 else self._overlap
        self.in_flight += requests
        self._overlap = max(self._overlap, self.in_flight)
        self.spent_total += requests
        self._pace = self._own_pace(now) + requests / _PACE_SECONDS
        self._paced_at = now
        self._sent.extend([now] * requests)

    def release(self, requests: int = 1) -> None:
        """The answers to `requests` taken before are here, or will never come."""
        self.in_flight = max(0, self.in_flight - requests)

    def observe(self, now: float, *, used: int, limit: int) -> None:
        """Take over what an answer said of the quota; other clients of the org count in it.

        Requests still in flight are added. Answers overtake each other: one that lags behind what
        is known by no more than the requests that overlapped with it says nothing new.
        """
        told = used + self.in_flight
        overtaken = self._overlap > 1 and 0 < self.used - told <= self._overlap
        if not overtaken:
            self.used = told
        self.limit = limit
        self._checked_at = now
        self._hear_of_others(now, used - self.spent_total, max(self._overlap, limit // 100))

    def spend(self, now: float) -> None:
        """Take over that nothing is left: the CRM refused, whatever was counted."""
        self.limit = self.limit or max(1, self.used)
        self.used = max(self.limit, self.used)
        self._checked_at = now

    def close_for(self, now: float, seconds: float) -> None:
        """Send nothing for `seconds`: the CRM said so (Retry-After)."""
        self._closed_until = max(self._closed_until, now + seconds)

    def _own_pace(self, now: float) -> float:
        if self._paced_at is None:
            return 0.0
        return self._pace * math.exp((self._paced_at - now) / _PACE_SECONDS)

    def _hear_of_others(self, now: float, others: int, slack: int) -> None:
        """Learn the others' pace from how their part of the CRM's count has grown.

        `others` is their part at the least, as ours in flight may not be counted yet; so the most
        that was ever told holds. There are three cases: it is the first; it fell, by more than
        answers that overtake each other explain, so that the count began anew (another day): both
        tell no growth; or it grew by what is new, evenly since it was last told.
        """
        seconds, self._told_at = now - self._told_at, now
        known = self._others
        if known is None or others < known - slack:
            self._others = others
            return
        self._others = max(known, others)
        kept = math.exp(-seconds / _PACE_SECONDS)
        weight = (1.0 - kept) / seconds if seconds > _LEAST_WAIT_SECONDS else 1.0 / _PACE_SECONDS
        self._others_pace = self._others_pace * kept + (self._others - known) * weight

    def _quota_wait(self, now: float) -> float:
        if self._checked_at is None:
            return 0.0
        return max(0.0, self._checked_at + self.recheck_seconds - now)

    def _rate_wait(self, now: float, rate: Rate, requests: int) -> float:
        """Until so many of the window's requests are old enough that `requests` more fit in."""
        over = len(self._sent) + min(requests, rate.requests) - rate.requests
        if over <= 0:
            return 0.0
        wait = self._sent[over - 1] + rate.seconds - now
        # Less is rounding of floating point: a wait that no clock can show would never end.
        return wait if wait > _LEAST_WAIT_SECONDS else 0.0
