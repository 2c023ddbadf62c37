"""Virtual time over real sockets: an event loop that skips its waits, but not its traffic.

Client and emulator share the loop, so that with nothing left to read, everybody waits for a timer.
"""

import asyncio
import selectors
from collections.abc import Coroutine, Sequence
from typing import TypeVar

from tests.invariants.virtual import VirtualLoop

T = TypeVar("T")

TRAFFIC_SECONDS = 0.002
LONG_JUMP_SECONDS = 20.0
LONG_TRAFFIC_SECONDS = 0.02


class SocketLoop(VirtualLoop):
    """Jumps to its next timer once the kernel has had a moment to bring bytes over."""

    last_second = 7 * 86_400.0

    def _may_jump(self, scheduled: Sequence[asyncio.TimerHandle]) -> bool:
        """Whether no socket has anything to say first."""
        return bool(scheduled) and not self._traffic(scheduled[0].when())

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
