"""Stops aiokafka's clients in bounded time, also when the broker is gone; no connection stays open.

Their own `stop` waits for the broker, and may raise the cancellation of a task of its own. What it
leaves behind, tasks that would connect again and connections nobody knows, is ended here.
"""

# mypy: allow-untyped-calls
# (aiokafka has few annotations)

import asyncio
import traceback
from collections.abc import Awaitable, Iterable
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.client import AIOKafkaClient
from aiokafka.conn import AIOKafkaConnection
from aiokafka.consumer.group_coordinator import GroupCoordinator

_CLOSE_SECONDS = 2.0


class Connections(dict[object, AIOKafkaConnection]):
    """A client's connections by node: those it drops are closed, and after `close` those it makes.

    aiokafka itself only forgets a connection that the broker has ended, and its requests that are
    under way when it closes connect again.
    """

    def __init__(self) -> None:
        super().__init__()
        self._is_closed = False

    def __setitem__(self, node: object, connection: AIOKafkaConnection) -> None:
        super().__setitem__(node, connection)
        if self._is_closed:
            connection.close()

    def __delitem__(self, node: object) -> None:
        self[node].close()
        super().__delitem__(node)

    async def close(self) -> None:
        """Close all there are, and those to come."""
        self._is_closed = True
        await asyncio.gather(*(close_connection(connection) for connection in self.values()))


def own_connections(client: AIOKafkaClient) -> None:
    """Have a client that is not started yet keep its connections where none is lost."""
    parts: Any = client  # there is no public way
    parts._conns = Connections()  # noqa: SLF001


async def close_connection(connection: AIOKafkaConnection) -> None:
    """Close one and wait until it is; broken off when the other end takes its time."""
    parts: Any = connection
    closed = parts.close()
    protocol = parts._protocol  # noqa: SLF001 - None when it was never connected
    if protocol is None or await _ended(asyncio.shield(closed)):
        return
    if protocol._transport is not None:  # noqa: SLF001 - the connection has forgotten it
        protocol._transport.abort()  # noqa: SLF001


def close_abandoned(error: BaseException | None) -> None:
    """Close the connection that a client's start held when `error` ended it: only its frame has it.

    aiokafka closes what it bootstraps with when the broker fails it, not when it is cancelled.
    """
    while error is not None:
        for frame, _ in traceback.walk_tb(error.__traceback__):
            held = frame.f_locals.get("bootstrap_conn")
            if isinstance(held, AIOKafkaConnection):
                held.close()
        error = error.__cause__ or error.__context__


async def stop_consumer(client: AIOKafkaConsumer) -> None:
    """Stop a consumer, leaving its group; a join that is under way cannot be called back."""
    parts: Any = client  # there is no public way to hurry
    if not await _ended(client.stop()):
        coordinator, fetcher = parts._coordinator, parts._fetcher  # noqa: SLF001
        tasks = []
        if isinstance(coordinator, GroupCoordinator):
            tasks += [
                coordinator._coordination_task,  # noqa: SLF001
                coordinator._heartbeat_task,  # noqa: SLF001
                coordinator._commit_refresh_task,  # noqa: SLF001
            ]
        if fetcher is not None:
            tasks += [fetcher._fetch_task, *fetcher._pending_tasks]  # noqa: SLF001
        await _cancelled(tasks)
    await _close_client(parts._client)  # noqa: SLF001


async def stop_producer(client: AIOKafkaProducer) -> None:
    """Stop a producer; what is not acknowledged by now has failed already."""
    if not await _ended(client.stop()):
        await _cancelled([client._sender.sender_task])  # noqa: SLF001 - there is no public way
    await _close_client(client.client)


async def stop_admin(client: AIOKafkaAdminClient) -> None:
    """Stop a client for topics and groups."""
    await _close_client(client._client)  # noqa: SLF001 - its own `close` has no bound


async def _close_client(client: AIOKafkaClient) -> None:
    parts: Any = client
    await _cancelled([parts._sync_task])  # noqa: SLF001 - its own `close` has no bound
    await parts._conns.close()  # noqa: SLF001


async def _cancelled(tasks: Iterable["asyncio.Task[Any] | None"]) -> None:
    """Cancel those that run, and wait for their end as long as that takes a moment."""
    running = [task for task in tasks if task is not None and not task.done()]
    for task in running:
        task.cancel()
    if running:
        ended, _ = await asyncio.wait(running, timeout=_CLOSE_SECONDS)
        for task in ended:
            _ = task.cancelled() or task.exception()  # whatever it is: we are closing


async def _ended(ending: Awaitable[None]) -> bool:
    """Whether it ended well and in time; it is cancelled when not."""
    task = asyncio.ensure_future(ending)
    await asyncio.wait([task], timeout=_CLOSE_SECONDS)
    if not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=_CLOSE_SECONDS)
    return task.done() and not task.cancelled() and task.exception() is None
