"""A whole pipeline on the Salesforce emulator, in virtual time.

The emulator answers in the same process, without sockets, so that hours pass in a second.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
import orjson

from destinations.salesforce import emulator, settings
from destinations.salesforce.destination import KIND, SalesforceDestination
from destinations.salesforce.emulator import SalesforceEmulator
from tests.contract.trial import default_mapping
from tests.invariants.virtual import LoopClock
from transformer.budget import Budget
from transformer.emulator.server import Call
from transformer.engine.pipeline import Pipeline
from transformer.http import HttpClient
from transformer.memory.broker import MemoryBroker
from transformer.observer import Silent
from transformer.policy import Policy
from transformer.record import Message

DAILY, ALLOWED = 100_000, 80_000
RECHECK_SECONDS = 60.0


@dataclass
class Scene:
    """A running pipeline, the org that it writes to, and the topics between."""

    org: SalesforceEmulator
    broker: MemoryBroker
    pipeline: Pipeline
    clock: LoopClock
    produced: int = 0

    def produce(self, person: int) -> None:
        """Append one identify of a person."""
        event = {
            "type": "identify",
            "messageId": f"m{self.produced}",
            "userId": f"u{person}",
            "integrations": {"Salesforce": True},
            "traits": {"email": f"p{person}@x.io", "lastName": f"L{self.produced}", "company": "C"},
        }
        self.broker.append("events", [Message(orjson.dumps(event), b"key")])
        self.produced += 1

    def results(self) -> list[Mapping[str, object]]:
        """What was produced to the metrics topic."""
        return [orjson.loads(each.value or b"") for each in self.broker.records("results")]

    async def all_settled(self) -> None:
        """Wait until every event has its result."""
        while len(self.broker.records("results")) < self.produced:
            await asyncio.sleep(1.0)


@asynccontextmanager
async def running(policy: Policy, *, used: int = 0) -> AsyncIterator[Scene]:
    """Run a pipeline on an org of whose requests so many are used; in the end all are delivered."""
    clock = LoopClock()
    org = emulator.build(clock=clock, daily_limit=DAILY)
    org.url = "http://127.0.0.1:1"
    org.set_quota_used(used)
    broker = MemoryBroker(clock, partitions=1)
    pipeline = Pipeline(
        connection="crm",
        broker=broker,
        group="g",
        topics=["events"],
        metrics_topic="results",
        dead_letter_topic="letters",
        mapping=default_mapping(KIND),
        destination=_destination(org, clock),
        policy=policy,
        clock=clock,
        observer=Silent(),
        rng=random.Random(1),
    )
    task = asyncio.create_task(pipeline.run())
    scene = Scene(org, broker, pipeline, clock)
    yield scene
    pipeline.stop()
    await task
    results = scene.results()
    assert [result["outcome"] for result in results] == ["delivered"] * scene.produced
    assert broker.records("letters") == []


def _destination(org: SalesforceEmulator, clock: LoopClock) -> SalesforceDestination:
    def answer(request: httpx.Request) -> httpx.Response:
        path, _, query = request.url.raw_path.decode().partition("?")
        call = Call(0, request.method, path, query, request.headers, request.content)
        told = org.answer(call)
        return httpx.Response(told.status, content=told.body, headers=dict(told.headers))

    given = {setting.name: setting.default for setting in KIND.settings}
    options = settings.read({**given, **org.connection_settings()})
    budget = Budget(share=ALLOWED / DAILY, recheck_seconds=RECHECK_SECONDS)
    http = HttpClient(budget=budget, clock=clock, transport=httpx.MockTransport(answer))
    return SalesforceDestination(options, clock, http)
