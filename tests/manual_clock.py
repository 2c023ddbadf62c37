"""A clock that moves only when told, or when somebody sleeps on it."""


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
