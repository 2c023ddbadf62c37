"""One worker, two CRMs, one of them down: the other notices nothing, and nothing is lost."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest

from tests.contract.socket_time import run
from tests.invariants.virtual import LoopClock
from transformer import app
from transformer.config import load
from transformer.emulator.faults import Fault
from transformer.emulator.subject import Subject, identify
from transformer.memory.broker import MemoryBroker
from transformer.observer import Status
from transformer.record import Message, Partition
from transformer.worker import Worker

KINDS = ("salesforce", "hubspot")
IN_FLIGHT = 200


@dataclass
class Scene:
    """A topic, a worker that reads it for two CRMs, and both of them."""

    broker: MemoryBroker
    worker: Worker
    subjects: dict[str, Subject]
    told: int = 0

    def tell(self, count: int) -> None:
        """So many events of new people, for both."""
        opted_in = {app.kind(kind).integrations[0]: True for kind in KINDS}
        for number in range(self.told, self.told + count):
            event = identify(f"p{number}@example.com", f"P{number}", lastName="L")
            body = {**event, "messageId": f"m{number}", "integrations": opted_in}
            self.broker.append("events", [Message(orjson.dumps(body), b"u%d" % number)])
        self.told += count

    def results(self, kind: str) -> list[dict[str, object]]:
        """What the metrics topic says of one connection."""
        all_of_them = [orjson.loads(r.value or b"") for r in self.broker.records("results")]
        return [each for each in all_of_them if each["connection"] == kind]

    def status(self, kind: str) -> Status:
        """One connection as it is now."""
        return next(each for each in self.worker.statuses() if each.connection == kind)

    async def delivered(self, kind: str) -> None:
        """Wait until one connection has delivered everything, each event once."""
        while len(self.results(kind)) < self.told:
            await asyncio.sleep(1.0)
        results = self.results(kind)
        assert {each["outcome"] for each in results} == {"delivered"}
        assert len({(each["partition"], each["offset"]) for each in results}) == len(results)
        assert len(self.subjects[kind].people()) == self.told

    def committed(self, kind: str) -> int:
        """How many events need not be read again."""
        return sum(self.broker.commits(f"transformer-{kind}").values())


@asynccontextmanager
async def both(folder: Path) -> AsyncIterator[Scene]:
    """Serve both CRMs, and run the worker; drain it in the end."""
    clock = LoopClock()
    broker = MemoryBroker(clock, partitions=3)
    subjects = {kind: app.subject(kind)(clock) for kind in KINDS}
    first, second = (subject.emulator for subject in subjects.values())
    async with first.serve(), second.serve():
        connections = [
            {
                "name": kind,
                "destination": kind,
                "settings": dict(subject.settings()),
                "delivery": {"in_flight_records": IN_FLIGHT, "read_records": 50},
            }
            for kind, subject in subjects.items()
        ]
        kafka = {"bootstrap_servers": "broker:9092", "topics": "events", "metrics_topic": "results"}
        file = folder / "worker.yaml"
        file.write_bytes(
            orjson.dumps({"kafka": kafka, "connections": connections, "http": {"port": 0}})
        )
        config = load(file, app.kind, {})
        worker = Worker(config, app.wire(config), broker, clock)
        running = asyncio.create_task(worker.run(lambda _: None))
        yield Scene(broker, worker, subjects)
        worker.stop()
        await running


@pytest.mark.parametrize("outage", ["reset_before", "status"])
@pytest.mark.parametrize("down", KINDS)
def test_a_crm_that_is_down_holds_back_its_own_connection_only(
    down: str, outage: str, tmp_path: Path
) -> None:
    """Minutes of it: the other delivers what there was and what comes; the first resumes."""
    (up,) = set(KINDS) - {down}

    async def main() -> None:
        async with both(tmp_path) as this:
            this.tell(100)
            async with asyncio.timeout(120):
                for kind in KINDS:
                    await this.delivered(kind)
            emulator = this.subjects[down].emulator
            emulator.script(Fault(outage, path="*", status=503))
            this.tell(500)
            async with asyncio.timeout(120):
                await this.delivered(up)
            await asyncio.sleep(60)
            this.tell(1)
            async with asyncio.timeout(10):
                await this.delivered(up)
            assert this.status(up).state == "running"
            held = this.status(down)
            assert (held.state, held.paused_partitions) == ("waiting", 3)
            assert held.in_flight_records <= IN_FLIGHT + 3 * 50
            assert held.oldest_undelivered_seconds > 60
            assert len(this.results(down)) == 100
            assert this.committed(down) <= 100
            emulator.faults.clear()
            async with asyncio.timeout(600):
                await this.delivered(down)
            assert this.broker.records("transformer.dead-letters") == []
        ends = {
            Partition(r.topic, r.partition): r.offset + 1 for r in this.broker.records("events")
        }
        for kind in KINDS:
            assert this.broker.commits(f"transformer-{kind}") == ends

    run(main())
