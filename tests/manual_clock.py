"""Clocks that move only when told, or when somebody sleeps on them: no test waits."""

import asyncio


class ManualClock:
    """The clock port by hand; `slept` lists every sleep."""

    def __init__(self, wall: float = 1_790_000_000.0) -> None:
        self._now = 1000.0
        self._wall = wall
        self.slept: list[float] = []

    def now(self) -> float:
        """Monotonic seconds."""
        return self._now

    def wall(self) -> float:
        """Epoch seconds."""
        return self._wall + self._now - 1000.0

    def pass_seconds(self, seconds: float) -> None:
        """Let time pass."""
        self._now += seconds

    async def sleep(self, seconds: float) -> None:
        """Let the time pass at once."""
        self.slept.append(seconds)
        self._now += max(0.0, seconds)


class JumpingClock(ManualClock):
    """For several sleepers at once: each lets the others run, and wakes, as real ones do, late."""

    async def sleep(self, seconds: float) -> None:
        """Move the clock on to the end of the sleep, and a little beyond."""
        until = self._now + max(0.0, seconds) + 1e-6
        self.slept.append(seconds)
        await asyncio.sleep(0)
        self._now = max(self._now, until)
