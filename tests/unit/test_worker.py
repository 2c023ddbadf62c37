"""A worker over the in-memory broker: what it says of connections that do not run."""

import asyncio
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import orjson
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.waiting import PATIENCE_SECONDS
from transformer import app
from transformer.clock import SystemClock
from transformer.config import load
from transformer.errors import ProduceFailed
from transformer.memory.broker import MemoryBroker
from transformer.record import Message, Partition
from transformer.worker import Worker

CONFIG = """\
kafka: {{bootstrap_servers: "127.0.0.1:9", topics: events, partitions: 2}}
connections:
  - name: crm
    destination: salesforce
    paused: {paused}
    credential_expires: 2027-01-31
    settings: {{login_url: "http://127.0.0.1:9", client_id: k, client_secret: s}}
    delivery: {{commit_seconds: 0.05}}
http: {{port: 0}}
"""
EVENT = orjson.dumps({"type": "identify", "messageId": "m1", "traits": {"email": "a@x.io"}})
PAGE = "http://127.0.0.1:{}/metrics"


class Scene:
    """A worker that runs, and its endpoint."""

    def __init__(self, worker: Worker, port: int, running: "asyncio.Task[None]") -> None:
        self.worker = worker
        self.running = running
        self._port = port

    async def samples(self, name: str) -> dict[tuple[str, ...], float]:
        """The samples of one metric, by the labels beyond the connection."""

        def get() -> str:
            with urllib.request.urlopen(PAGE.format(self._port), timeout=60) as answer:  # noqa: S310 - our own address
                return str(answer.read().decode())

        families = text_string_to_metric_families(await asyncio.to_thread(get))
        return {
            tuple(value for label, value in sample.labels.items() if label != "connection"): (
                sample.value
            )
            for family in families
            for sample in family.samples
            if sample.name == name
        }


@asynccontextmanager
async def running(broker: MemoryBroker, folder: Path, *, paused: bool) -> AsyncIterator[Scene]:
    """A worker that is ready, and is stopped in the end unless it has ended."""
    file = folder / "worker.yaml"
    file.write_text(CONFIG.format(paused=str(paused).lower()), encoding="utf-8")
    config = load(file, app.kind, {})
    worker = Worker(config, app.wire(config), broker, SystemClock())
    ports: asyncio.Queue[int] = asyncio.Queue()
    task = asyncio.create_task(worker.run(ports.put_nowait))
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            yield Scene(worker, await ports.get(), task)
    finally:
        worker.stop()
        await asyncio.wait([task], timeout=PATIENCE_SECONDS)


async def test_a_paused_connection_has_all_its_series(tmp_path: Path) -> None:
    """Its state, zeros where nothing happens, and the records that wait for it."""
    broker = MemoryBroker(SystemClock(), partitions=2)
    broker.append("events", [Message(EVENT, b"a") for _ in range(5)])
    (home,) = {record.partition for record in broker.records("events")}
    broker.set_committed("transformer-crm", {Partition("events", home): 2})
    async with running(broker, tmp_path, paused=True) as scene:
        states = await scene.samples("transformer_connection_state")
        assert states.pop(("paused",)) == 1
        assert set(states.values()) == {0.0}
        waits = await scene.samples("transformer_waiting")
        assert set(waits.values()) == {0.0}
        assert await scene.samples("transformer_read_records_total") == {(): 0.0}
        assert await scene.samples("transformer_oldest_undelivered_seconds") == {(): 0.0}
        assert await scene.samples("transformer_produce_failures_total") == {
            ("metrics",): 0.0,
            ("dead_letter",): 0.0,
        }
        while not (lag := await scene.samples("transformer_lag_records")):
            await asyncio.sleep(0)
        assert lag == {(str(home), "events"): 3.0, (str(1 - home), "events"): 0.0}
    await scene.running
    assert broker.commits("transformer-crm") == {Partition("events", home): 2}


@pytest.mark.parametrize("paused", [True, False])
async def test_the_end_of_a_credential_is_told(tmp_path: Path, *, paused: bool) -> None:
    """The beginning of that day in UTC, as the configuration says."""
    async with running(MemoryBroker(SystemClock()), tmp_path, paused=paused) as scene:
        expires = await scene.samples("transformer_credential_expires_timestamp_seconds")
        assert expires == {(): 1_801_353_600.0}


async def test_a_failure_to_produce_is_counted_and_shown_before_the_end(tmp_path: Path) -> None:
    """The worker stops (invariant 3), and stays for the scrape that sees why."""
    broker = MemoryBroker(SystemClock(), partitions=2)
    broker.faults.refuse_produce(topic="transformer.metrics")
    async with running(broker, tmp_path, paused=False) as scene:
        broker.append("events", [Message(EVENT, b"a")])
        while scene.worker.statuses()[0].state != "failed":
            await asyncio.sleep(0)
        await asyncio.sleep(0.05)
        assert not scene.running.done()
        failures = await scene.samples("transformer_produce_failures_total")
        assert failures == {("metrics",): 1.0, ("dead_letter",): 0.0}
        with pytest.raises(ProduceFailed):
            await scene.running
    assert broker.commits("transformer-crm") == {}


@pytest.mark.parametrize("wait", [0.0, 0.1])
async def test_a_worker_that_is_told_to_stop_does_not_wait_for_a_scrape(
    tmp_path: Path, wait: float
) -> None:
    """Whether it is told while it waits or before."""
    broker = MemoryBroker(SystemClock(), partitions=2)
    broker.faults.refuse_produce(topic="transformer.metrics")
    async with running(broker, tmp_path, paused=False) as scene:
        broker.append("events", [Message(EVENT, b"a")])
        while scene.worker.statuses()[0].state != "failed":
            await asyncio.sleep(0)
        await asyncio.sleep(wait)
        assert not scene.running.done()
        scene.worker.stop()
        with pytest.raises(ProduceFailed):
            await scene.running
