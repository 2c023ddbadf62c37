"""Stops aiokafka's clients in bounded time, also when the broker is gone.

Their own `stop` waits for the broker, and may raise the cancellation of a task of its own.
"""

# mypy: allow-untyped-calls
# (aiokafka has few annotations)

import asyncio
from collections.abc import Awaitable
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.consumer.group_coordinator import GroupCoordinator

_CLOSE_SECONDS = 2.0


async def stop_consumer(client: AIOKafkaConsumer) -> None:
    """Stop a consumer, leaving its group; a join that is under way cannot be called back."""
    if not await _ended(client.stop()):
        parts: Any = client  # there is no public way to hurry
        if isinstance(parts._coordinator, GroupCoordinator):  # noqa: SLF001
            await _ended(parts._coordinator._stop_heartbeat_task())  # noqa: SLF001
            await _ended(parts._coordinator._stop_commit_offsets_refresh_task())  # noqa: SLF001
        if parts._fetcher is not None:  # noqa: SLF001
            await _ended(parts._fetcher.close())  # noqa: SLF001
        await _ended(parts._client.close())  # noqa: SLF001


async def stop_producer(client: AIOKafkaProducer) -> None:
    """Stop a producer; what is not acknowledged by now has failed already."""
    if not await _ended(client.stop()):
        await _ended(client._sender.close())  # noqa: SLF001 - there is no public way to hurry
        await _ended(client.client.close())


async def _ended(ending: Awaitable[None]) -> bool:
    """Whether it ended well and in time; it is cancelled when not."""
    task = asyncio.ensure_future(ending)
    await asyncio.wait([task], timeout=_CLOSE_SECONDS)
    if not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=_CLOSE_SECONDS)
    return task.done() and not task.cancelled() and task.exception() is None
