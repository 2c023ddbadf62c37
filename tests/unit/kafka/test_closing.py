"""No connection of Kafka's client stays open, whatever ended it: a start called off, a dead end."""

import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import pytest
from aiokafka.conn import AIOKafkaConnection

from tests.waiting import PATIENCE_SECONDS
from transformer.kafka import KafkaBroker, closing
from transformer.kafka.closing import Connections, close_connection

VERSIONS: Final = 18
METADATA: Final = 3


@dataclass
class Taciturn:
    """A broker that says which requests it takes, and answers none of them."""

    address: str
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    opened: int = 0
    ended: asyncio.Queue[None] = field(default_factory=asyncio.Queue)


@asynccontextmanager
async def taciturn() -> AsyncIterator[Taciturn]:
    """One that listens."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        broker.opened += 1
        try:
            while True:
                (size,) = struct.unpack(">i", await reader.readexactly(4))
                request = await reader.readexactly(size)
                kind, _, number = struct.unpack(">hhi", request[:8])
                if kind == VERSIONS:
                    takes = [(key, 0, 5) for key in range(30)]
                    body = b"".join(struct.pack(">hhh", *one) for one in takes)
                    answer = struct.pack(">ihi", number, 0, len(takes)) + body
                    writer.write(struct.pack(">i", len(answer)) + answer)
                else:
                    broker.asked.set()
        except (asyncio.IncompleteReadError, ConnectionError):
            broker.ended.put_nowait(None)
        finally:
            writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        broker = Taciturn(f"{host}:{port}")
        yield broker


@pytest.mark.parametrize("client", ["producer", "reader", "topics"])
async def test_a_start_that_is_called_off_leaves_no_connection(client: str) -> None:
    """The broker has been asked for its topics, and sees the end of each connection."""
    async with taciturn() as it, asyncio.timeout(PATIENCE_SECONDS):
        broker = KafkaBroker([it.address])
        starts: Mapping[str, Callable[[], Awaitable[object]]] = {
            "producer": broker.producer,
            "reader": lambda: broker.reader(["topic"], from_beginning=True),
            "topics": broker.topic_names,
        }
        starting = asyncio.ensure_future(starts[client]())
        await it.asked.wait()
        starting.cancel()
        await asyncio.wait([starting])
        assert starting.cancelled()
        for _ in range(it.opened):
            await it.ended.get()
        await broker.close()


async def test_opening_leaves_no_connection() -> None:
    """It asks whether somebody is there, and hangs up."""
    async with taciturn() as it, asyncio.timeout(PATIENCE_SECONDS):
        await KafkaBroker([it.address]).open()
        await it.ended.get()
        assert it.opened == 1


class Line:
    """Stands for a connection that is up."""

    def __init__(self) -> None:
        self._protocol = None
        self.is_closed = False

    def close(self) -> None:
        """Hang up."""
        self.is_closed = True


async def test_a_connection_that_the_client_forgets_is_closed() -> None:
    """As it does with one that the broker has ended."""
    connections: Any = Connections()
    lines = {node: Line() for node in ("one", "other")}
    for node, line in lines.items():
        connections[node] = line
    del connections["one"]
    assert {node: line.is_closed for node, line in lines.items()} == {"one": True, "other": False}
    assert dict(connections) == {"other": lines["other"]}


async def test_after_closing_no_connection_is_made() -> None:
    """What a request that is still under way connects is closed at once."""
    connections: Any = Connections()
    before, after = Line(), Line()
    connections["node"] = before
    await connections.close()
    assert before.is_closed
    connections["node"] = after
    assert after.is_closed


async def test_a_connection_whose_other_end_takes_nothing_is_broken_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What was still to be sent would keep it open for ever."""
    monkeypatch.setattr(closing, "_CLOSE_SECONDS", 0.2)
    versions = struct.pack(">iihi", 10, 1, 0, 0)

    async def stuck(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(4)
        writer.write(versions)
        reader._transport.pause_reading()  # type: ignore[attr-defined]
        await gone.wait()
        writer.close()

    gone = asyncio.Event()
    async with (
        asyncio.timeout(PATIENCE_SECONDS),
        await asyncio.start_server(stuck, "127.0.0.1", 0) as server,
    ):
        connect: Any = AIOKafkaConnection
        connection = connect(*server.sockets[0].getsockname())
        await connection.connect()
        connection._writer.write(b"x" * 50_000_000)
        protocol = connection._protocol
        await close_connection(connection)
        while protocol._transport is not None:
            await asyncio.sleep(0)
        gone.set()
