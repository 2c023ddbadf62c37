"""Virtual time over real sockets: an event loop that skips its waits, but not its traffic.

Client and emulator share the loop, so that with nothing left to read, everybody waits for a timer.
"""

import asyncio
import heapq
import selectors
from collections.abc import Coroutine
from typing import TypeVar

from tests.invariants.virtual import VirtualLoop

T = TypeVar("T")

LAST_SECOND = 7 * 86_400.0
TRAFFIC_SECONDS = 0.002
LONG_JUMP_SECONDS = 20.0
LONG_TRAFFIC_SECONDS = 0.02


class SocketLoop(VirtualLoop):
    """Jumps to its next timer once the kernel has had a moment to bring bytes over."""

    def _run_once(self) -> None:
        ready: list[object] = self._ready  # type: ignore[attr-defined]
        scheduled: list[asyncio.TimerHandle] = self._scheduled  # type: ignore[attr-defined]
        while scheduled and scheduled[0].cancelled():
            handle = heapq.heappop(scheduled)
            handle._scheduled = False  # type: ignore[attr-defined]
            self._timer_cancelled_count -= 1  # type: ignore[attr-defined]
        if not ready and scheduled and not self._traffic(scheduled[0].when()):
            if self._virtual_now > LAST_SECOND:
                raise RuntimeError("a virtual week is over: something is never going to end")
            self._virtual_now = max(self._virtual_now, scheduled[0].when())
        asyncio.SelectorEventLoop._run_once(self)  # type: ignore[attr-defined]

    def _traffic(self, until: float) -> bool:
        """Whether any socket has something to say before time may jump to `until`."""
        selector: selectors.BaseSelector = self._selector  # type: ignore[attr-defined]
        far = until - self._virtual_now > LONG_JUMP_SECONDS
        events = selector.select(LONG_TRAFFIC_SECONDS if far else TRAFFIC_SECONDS)
        self._process_events(events)  # type: ignore[attr-defined]
        return bool(events)


def run(main: Coroutine[object, object, T]) -> T:
    """Run `main` to its end in virtual time."""
    with asyncio.Runner(loop_factory=SocketLoop) as runner:
        return runner.run(main)
