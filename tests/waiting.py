"""Waiting for what is to happen, as long as the slowest machine needs, and saying what did not.

The bound only ends what would never end: no test shows how fast anything is by it.
"""

import asyncio
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

PATIENCE_SECONDS: Final = 180.0


def nothing() -> object:
    """Nothing more to say."""
    return ""


def until(
    what: str,
    done: Callable[[], bool],
    *,
    seconds: float = PATIENCE_SECONDS,
    state: Callable[[], object] = nothing,
) -> None:
    """Wait until `done`; fail with `what` is missing and the `state` instead."""
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, missing(what, seconds, state)
        time.sleep(0.1)


async def eventually(
    what: str,
    done: Callable[[], bool],
    *,
    seconds: float = PATIENCE_SECONDS,
    state: Callable[[], object] = nothing,
) -> None:
    """Wait until `done`, as `until` does, while the loop goes on."""
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, missing(what, seconds, state)
        await asyncio.sleep(0.02)


def missing(what: str, seconds: float, state: Callable[[], object] = nothing) -> str:
    """What a test that waited in vain says."""
    return f"not in {seconds:g} s: {what}. {state()}"


@contextmanager
def deaf_port() -> Iterator[int]:
    """A port that refuses connections, and that nobody else gets while the block runs."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield int(held.getsockname()[1])
