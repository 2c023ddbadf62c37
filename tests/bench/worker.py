"""The whole worker as a process: CPU and memory per delivered event, and how fast it starts.

`python -m tests.bench.worker [EVENTS]`: a real Kafka, the emulated org in another process, and one
worker that reads a backlog. The unit is `orjson.loads` of the same bytes, measured all the while in
this process on the same busy machine; the worker's own CPU is what the kernel charged it.
"""

import asyncio
import os
import re
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import orjson

from tests.bench.sample import CUSTOM_FIELDS, identify
from tests.e2e.workers import ROOT, Accounts, Topics, WorkerProcess
from tests.kafka_server import KafkaServer
from transformer.kafka import KafkaBroker

WARM_UP = 2_000
PARSED_TOGETHER = 300


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_megabytes(pid: int) -> int:
    """Resident memory of a process."""
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) // 1024 if found else 0


async def parsing(values: Sequence[bytes], seconds: list[float]) -> None:
    """Measure `orjson.loads` of the events again and again; the times go to `seconds`.

    Of all events in turn: a worker, too, sees each of them once, and finds none in its caches.
    """
    while True:
        for start in range(0, len(values), PARSED_TOGETHER):
            together = values[start : start + PARSED_TOGETHER]
            began = time.process_time()
            for value in together:
                orjson.loads(value)
            seconds.append((time.process_time() - began) / len(together))
            await asyncio.sleep(0.05)


async def start_org() -> tuple[asyncio.subprocess.Process, str]:
    """The emulated org as a process of its own, and its address."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "transformer", "emulate", "salesforce",
        "--option", f"custom_fields={orjson.dumps(CUSTOM_FIELDS).decode()}",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, cwd=ROOT,
    )  # fmt: skip
    assert process.stdout is not None
    async with asyncio.timeout(30):
        while line := (await process.stdout.readline()).decode():
            if found := re.search(r"http://127\.0\.0\.1:\d+", line):
                return process, found[0]
    raise RuntimeError("the emulator did not say where it listens")


async def produce(broker: KafkaBroker, topics: Topics, events: int) -> None:
    """Put all events into the topic."""
    producer = await broker.producer()
    for start in range(0, events, 2000):
        batch = [identify(n, n) for n in range(start, min(events, start + 2000))]
        await producer.produce(topics.events, batch)
    await producer.close()


async def measure(directory: Path, servers: list[str], events: int) -> dict[str, float]:
    """Run the worker over the backlog and measure it once it is warm."""
    topics, accounts, unit = Topics(servers), Accounts(), list[float]()
    broker = topics.broker()
    await broker.open()
    await topics.create(broker)
    await produce(broker, topics, events)
    org, url = await start_org()
    worker = WorkerProcess(topics.config(directory, url, session=20.0), directory / "worker.log")
    tasks = [
        asyncio.create_task(accounts.follow(broker, topics)),
        asyncio.create_task(parsing([identify(n, n).value or b"" for n in range(events)], unit)),
    ]
    try:
        spawned = time.monotonic()
        await worker.start()
        await worker.ready()
        start_seconds = time.monotonic() - spawned
        pid = worker.process.pid
        await accounts.reach(WARM_UP, 120)
        cpu, done, began = cpu_seconds(pid), len(accounts.results), time.monotonic()
        await accounts.reach(events, 1200)
        counted = len(accounts.results) - done
        spent, took = cpu_seconds(pid) - cpu, time.monotonic() - began
        memory = resident_megabytes(pid)
        await worker.stop()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await worker.kill()
        org.kill()
        await org.wait()
        await broker.close()
    delivered = list(accounts.outcomes().values()).count("delivered")
    loads = statistics.median(unit)
    return {
        "events": events,
        "delivered": delivered,
        "cpu_microseconds": spent / counted * 1e6,
        "loads_microseconds": loads * 1e6,
        "ratio": spent / counted / loads,
        "events_per_second": counted / took,
        "resident_megabytes": memory,
        "start_seconds": start_seconds,
    }


def run(events: int) -> dict[str, float]:
    """Start Kafka, measure, stop; the figures by name."""
    directory = Path(tempfile.mkdtemp(prefix="bench-"))
    kafka = KafkaServer(directory / "kafka")
    kafka.start()
    try:
        return asyncio.run(measure(directory, kafka.bootstrap_servers, events))
    finally:
        kafka.stop()
        shutil.rmtree(directory, ignore_errors=True)


def main() -> int:
    """Print one line per figure."""
    figures = run(int(sys.argv[1]) if len(sys.argv) > 1 else 30_000)
    for name, figure in figures.items():
        sys.stdout.write(f"{name:<22} {figure:>12,.1f}\n")
    return 0 if figures["delivered"] == figures["events"] else 1


if __name__ == "__main__":
    sys.exit(main())
