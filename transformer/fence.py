"""The fence: asked at the door of every writing request whether its events are still ours.

A worker that was suspended between planning a write and sending it must not send it when it wakes:
another worker has its partitions by then, and newer values may be in the CRM. What remains is the
moment between this question and the request leaving the machine.
"""

from collections.abc import Callable
from contextvars import ContextVar

from transformer.errors import Fenced

_still_ours: ContextVar[Callable[[], bool] | None] = ContextVar("still_ours", default=None)


def raise_fence(still_ours: Callable[[], bool]) -> None:
    """Have every request of this task, and of the tasks it starts, ask `still_ours` first."""
    _still_ours.set(still_ours)


def pass_fence(route: str) -> None:
    """Return when the request may be sent; raises Fenced when its events are not ours any more."""
    still_ours = _still_ours.get()
    if still_ours is not None and not still_ours():
        raise Fenced(f"{route}: held back, our partitions may be another worker's by now.")
