"""Virtual time: an event loop that jumps to its next timer instead of waiting for it."""

import asyncio
import heapq
from collections.abc import Coroutine, Sequence
from typing import TypeVar

T = TypeVar("T")

EPOCH = 1_750_000_000.0
LAST_SECOND = 86_400.0


class VirtualLoop(asyncio.SelectorEventLoop):
    """No real time passes; a run is as fast as its code, and the same every time."""

    last_second = LAST_SECOND

    def __init__(self) -> None:
        super().__init__()
        self._virtual_now = 0.0

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._virtual_now

    def _run_once(self) -> None:
        ready: list[object] = self._ready  # type: ignore[attr-defined]
        scheduled: list[asyncio.TimerHandle] = self._scheduled  # type: ignore[attr-defined]
        while scheduled and scheduled[0].cancelled():
            handle = heapq.heappop(scheduled)
            handle._scheduled = False  # type: ignore[attr-defined]
            self._timer_cancelled_count -= 1  # type: ignore[attr-defined]
        if not ready and self._may_jump(scheduled):
            if self._virtual_now > self.last_second:
                days = self.last_second / LAST_SECOND
                raise RuntimeError(f"{days:g} virtual days are over: something never ends")
            self._virtual_now = max(self._virtual_now, scheduled[0].when())
        super()._run_once()  # type: ignore[misc]

    def _may_jump(self, scheduled: Sequence[asyncio.TimerHandle]) -> bool:
        """Whether nothing but time can happen next."""
        if not scheduled:
            raise RuntimeError("every task waits for something that will never happen")
        return True


class LoopClock:
    """The clock port on the running loop's own time."""

    def now(self) -> float:
        """Seconds of the running loop."""
        return asyncio.get_running_loop().time()

    def wall(self) -> float:
        """Those seconds, from a fixed day on."""
        return EPOCH + self.now()

    async def sleep(self, seconds: float) -> None:
        """Sleep on the running loop."""
        await asyncio.sleep(max(0.0, seconds))


def run(main: Coroutine[object, object, T]) -> T:
    """Run `main` to its end in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
