"""A backlog from the topic to Bulk API 2.0 jobs: the whole pipeline, against the emulator."""

import asyncio
import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson

from destinations.salesforce import emulator
from destinations.salesforce.destination import KIND, SalesforceDestination
from destinations.salesforce.emulator import SalesforceEmulator
from tests.contract.socket_time import run
from tests.invariants.virtual import LoopClock
from transformer import app
from transformer.config import load
from transformer.config.values import Connection
from transformer.destination import Destination
from transformer.engine.pipeline import Pipeline
from transformer.mapping import Options, compile_mapping
from transformer.memory.broker import MemoryBroker
from transformer.observer import Silent
from transformer.policy import Policy
from transformer.record import Message

PATIENCE_SECONDS = 1_200.0
FULL: Final = Path(KIND.mapping_file).parent / "examples/full.yaml"
ENVIRONMENT: Final = {
    "KAFKA_PASSWORD": "p", "KAFKA_KEY_PASSWORD": "p", "SALESFORCE_CLIENT_ID": "c",
    "SALESFORCE_CLIENT_SECRET": "s", "SALESFORCE_REFRESH_TOKEN": "r", "SALESFORCE_PASSWORD": "p",
    "SALESFORCE_SECURITY_TOKEN": "t", "SALESFORCE_PRIVATE_KEY": "-----BEGIN PRIVATE KEY-----",
}  # fmt: skip


def shipped() -> Connection:
    """The connection of the example that sets every option."""
    (connection,) = load(FULL, app.kind, ENVIRONMENT).connections
    return connection


@dataclass
class Scene:
    """A topic, an org, and workers between them, in virtual time."""

    org: SalesforceEmulator
    broker: MemoryBroker
    clock: LoopClock

    def worker(self, policy: Policy, bulk_threshold: int) -> tuple[Pipeline, "asyncio.Task[None]"]:
        """One more worker of the same connection."""
        options = Options(opt_in="required", integrations=KIND.integrations)
        mapping = KIND.mapping_file.read_text(encoding="utf-8")
        pipeline = Pipeline(
            connection="salesforce",
            broker=self.broker,
            group="transformer-salesforce",
            topics=["events"],
            metrics_topic="metrics",
            dead_letter_topic="letters",
            mapping=compile_mapping(mapping, "mapping.yaml", options),
            destination=self.destination(bulk_threshold),
            policy=policy,
            clock=self.clock,
            observer=Silent(),
            rng=random.Random(1),
        )
        return pipeline, asyncio.create_task(pipeline.run())

    def destination(self, bulk_threshold: int) -> Destination:
        """The org as one worker has it."""
        settings = {
            **{setting.name: setting.default for setting in KIND.settings},
            **self.org.connection_settings(),
            "bulk_threshold": bulk_threshold,
        }
        return KIND.open(settings, self.clock)

    async def all_jobs_ended(self) -> None:
        """Ask for what still runs until nothing does; the org works while it is asked."""
        watching = self.destination(1)
        assert isinstance(watching, SalesforceDestination)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await watching._bulk._jobs.unfinished():
                await asyncio.sleep(1.0)
        await watching.close()

    def tell(self, numbers: Iterable[int], title: str) -> None:
        """One event for each of these people."""
        self.broker.append("events", [_event(number, title) for number in numbers])

    @property
    def jobs(self) -> int:
        """How many jobs were made."""
        return self.org.calls_by_route["POST jobs/ingest"]

    async def settled(self) -> None:
        """Wait until every event has its result."""
        expected = {(r.partition, r.offset) for r in self.broker.records("events")}
        found: set[object] = set()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not expected <= found:
                await asyncio.sleep(10.0)
                results = [orjson.loads(r.value or b"") for r in self.broker.records("metrics")]
                found = {(each["partition"], each["offset"]) for each in results}
        assert {each["outcome"] for each in results} == {"delivered"}

    def titles(self) -> Counter[object]:
        """What the leads hold; there is one for each person."""
        rows = [row.values for row in self.org.records("Lead")]
        assert len({row["Email"] for row in rows}) == len(rows)
        return Counter(row["Title"] for row in rows)


def _event(number: int, title: str) -> Message:
    traits = {"email": f"p{number}@x.io", "lastName": "L", "company": "C", "title": title}
    event = {"type": "identify", "userId": f"u{number}", "integrations": {"Salesforce": True}}
    return Message(orjson.dumps({**event, "traits": traits}), f"u{number}".encode())


def test_a_backlog_becomes_a_job_with_the_shipped_settings() -> None:
    """As full.yaml has them: a threshold of 20,000, and 5,000 records in flight."""
    connection = shipped()
    threshold = connection.settings["bulk_threshold"]
    assert isinstance(threshold, int)
    assert (threshold, connection.delivery.in_flight_records) == (20_000, 5_000)

    async def main() -> None:
        clock = LoopClock()
        async with emulator.build(clock=clock).serve() as org:
            this = Scene(org, MemoryBroker(clock, partitions=4), clock)
            this.tell(range(threshold + 3_000), "T")
            pipeline, task = this.worker(connection.delivery, threshold)
            await this.settled()
            pipeline.stop()
            await task
            assert (this.jobs, this.titles()) == (1, {"T": threshold + 3_000})

    run(main())


def test_a_worker_that_dies_amid_a_job_leaves_nothing_lost_doubled_or_older() -> None:
    """Its heir reads the same events, and newer ones of the same people: the newer values stay."""

    async def main() -> None:
        clock = LoopClock()
        async with emulator.build(clock=clock, bulk_polls=4).serve() as org:
            this = Scene(org, MemoryBroker(clock, partitions=4), clock)
            this.tell(range(5_000), "old")
            _, dying = this.worker(Policy(), 2_000)
            while not this.org.calls_by_route["PATCH jobs/ingest/{id}"]:
                await asyncio.sleep(0.1)
            dying.cancel()
            await asyncio.gather(dying, return_exceptions=True)
            assert this.titles().total() < 5_000
            this.tell(range(0, 5_000, 5), "new")
            pipeline, task = this.worker(Policy(), 2_000)
            await this.settled()
            pipeline.stop()
            await task
            await this.all_jobs_ended()
            assert this.titles() == {"old": 4_000, "new": 1_000}

    run(main())
