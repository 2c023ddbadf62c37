"""The clock port and the system's clock: the only place that reads time or sleeps."""

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """Time as the engine sees it; tests drive a manual one."""

    def now(self) -> float:
        """Monotonic seconds, for durations and deadlines."""
        ...

    def wall(self) -> float:
        """Epoch seconds, for timestamps in results."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds`; at once when it is zero or less."""
        ...


class SystemClock:
    """The machine's own time."""

    def now(self) -> float:
        """Monotonic seconds."""
        return time.monotonic()

    def wall(self) -> float:
        """Epoch seconds."""
        return time.time()

    async def sleep(self, seconds: float) -> None:
        """Sleep in the event loop."""
        await asyncio.sleep(max(0.0, seconds))


async def woken(event: asyncio.Event, seconds: float | None) -> bool:
    """Wait until `event` is set or `seconds` pass (None: however long); clear it; was it set?"""
    try:
        async with asyncio.timeout(None if seconds is None else max(0.0, seconds)):
            await event.wait()
    except TimeoutError:
        return False
    event.clear()
    return True
