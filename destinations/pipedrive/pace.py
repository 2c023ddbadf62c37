"""Pace: requests in a rolling window, and the tokens of the day. Pure: told the time, never waits.

A window counts exactly, because Pipedrive's does: a bucket that refills would let twice as many go.
"""

from collections import deque

DAY_SECONDS = 86_400.0
WINDOW_SECONDS = 2.0
# Clocks differ a little; the window is a little wider than Pipedrive's.
MARGIN_SECONDS = 0.1
ALL_IN_FLIGHT_SECONDS = 0.1
# Less is rounding of floating point: no clock can show it, and a wait for it would never end.
LEAST_WAIT_SECONDS = 1e-6


class Window:
    """At most `requests` arriving in any two seconds.

    When a request arrives lies between its sending and its answer, so it counts from the one until
    two seconds after the other: requests that are slow on the way cannot bunch up.
    """

    def __init__(self, requests: int) -> None:
        self._requests = requests
        self._in_flight = 0
        self._answered: deque[float] = deque()

    def wait_seconds(self, now: float) -> float:
        """Seconds until one more may be sent."""
        while self._answered and _leaves(self._answered[0]) <= now:
            self._answered.popleft()
        if self._in_flight + len(self._answered) < self._requests:
            return 0.0
        if not self._answered:
            return ALL_IN_FLIGHT_SECONDS
        return max(LEAST_WAIT_SECONDS, _leaves(self._answered[0]) - now)

    def take(self) -> None:
        """Count a request that is sent; it is followed by one `release`."""
        self._in_flight += 1

    def release(self, now: float) -> None:
        """The answer is here, or will never come."""
        self._in_flight -= 1
        self._answered.append(now)


def _leaves(answered: float) -> float:
    """When a request that was answered then leaves the window."""
    return answered + WINDOW_SECONDS + MARGIN_SECONDS


class Day:
    """The day that tokens are counted in, beginning at `reset_hour` UTC."""

    def __init__(self, reset_hour: int) -> None:
        self._offset = reset_hour * 3600.0
        self._number: int | None = None

    def turned(self, wall: float) -> bool:
        """Whether a new day began since the last time this was asked."""
        number = int((wall - self._offset) // DAY_SECONDS)
        turned = self._number is not None and number != self._number
        self._number = number
        return turned

    def left_seconds(self, wall: float) -> float:
        """Seconds until the next day begins."""
        return DAY_SECONDS - (wall - self._offset) % DAY_SECONDS
