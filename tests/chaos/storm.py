"""The storm: workers, the broker and the org are treated badly while events arrive."""

import asyncio
import random
import signal
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from destinations.salesforce import emulator
from destinations.salesforce.emulator import SalesforceEmulator
from tests.chaos.weather import Weather
from tests.e2e.workers import Accounts, Topics, WorkerProcess
from tests.kafka_server import KafkaServer
from tests.waiting import eventually
from transformer.kafka import KafkaBroker
from transformer.record import Message

SESSION_SECONDS = 3.0
PEOPLE = 250
MOST_WORKERS = 4
ORG = {
    "custom_fields": {"Lead": ["n__c:double(18,0)", "mark__c:string(80)"]},
    "custom_objects": {"Visit__c": ["mark__c:string(80)", "note__c:string(255)"]},
}
NOTES = (
    "plain",
    "naïve Ünïcode ✓",
    "quote ' and \\ backslash",
    "line\nbreak",
    "日本語",
    "<b>&amp;",
)


@dataclass
class Story:
    """What was done, for the report and for the oracle."""

    seed: int
    events: int = 0
    sent: dict[str, dict[str, object]] = field(default_factory=dict)
    deeds: Counter[str] = field(default_factory=Counter)
    weather: Counter[str] = field(default_factory=Counter)


def make_event(n: int, rng: random.Random) -> tuple[Message, dict[str, object]]:
    """The nth event and what the oracle needs to know of it."""
    person, draw = rng.randrange(PEOPLE), rng.random()
    email, mark = f"person{person}@example.com", f"mark-{n}"
    note = rng.choice(NOTES)
    known: dict[str, object] = {"n": n, "email": email, "mark": mark, "note": note, "kind": "lead"}
    traits: dict[str, object] = {"email": email, "lastName": f"L{person} {note}"[:80], "n": n}
    body: dict[str, object] = {"type": "identify", "messageId": mark, "userId": f"user-{person}"}
    if draw < 0.08:
        known["kind"] = "visit"
        traits = {"mark__c": mark, "note__c": note}
        body["context"] = {"externalId": [{"type": "Salesforce-Visit__c"}]}
    elif draw < 0.12:
        known["kind"] = "refused"
        traits["title"] = "x" * 400
    elif draw < 0.2:
        known["kind"] = "skipped"
    traits.setdefault("mark", mark)
    if known["kind"] == "visit":
        del traits["mark"]
    body["traits"] = traits
    if known["kind"] != "skipped":
        body["integrations"] = {"Salesforce": True}
    return Message(orjson.dumps(body), f"user-{person}".encode()), known


class Storm:
    """One run. `kafka` is ours to stop and start."""

    def __init__(self, kafka: KafkaServer, directory: Path, seed: int) -> None:
        self.kafka = kafka
        self.rng = random.Random(seed)
        self.story = Story(seed)
        self.topics = Topics(kafka.bootstrap_servers)
        self.accounts = Accounts()
        self.log = directory / "workers.log"
        self._directory = directory
        self._workers: list[WorkerProcess] = []
        self._paused: set[int] = set()

    async def run(self, events: int, deeds: int) -> SalesforceEmulator:
        """Produce `events` or more while `deeds` things go wrong; return the org in the end."""
        broker = self.topics.broker()
        await broker.open()
        await self.topics.create(broker)
        org = emulator.build(seed=self.story.seed, custom_fields=ORG["custom_fields"],
                             custom_objects=ORG["custom_objects"])  # fmt: skip
        async with org.serve():
            self.config = self.topics.config(self._directory, org.url, session=SESSION_SECONDS)
            tasks = [asyncio.create_task(self.accounts.follow(broker, self.topics))]
            try:
                await self._start()
                enough = asyncio.Event()
                feeding = asyncio.create_task(self._feed(broker, events, deeds, enough))
                tasks.append(feeding)
                await self._misbehave(org, deeds)
                enough.set()
                await feeding
                self._calm(org)
                tasks.append(asyncio.create_task(self._keep_one()))
                await self.accounts.reach(self.story.events, seconds=900, state=self._said)
                for worker in self._awake():
                    await worker.stop()
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                for worker in self._workers:
                    await worker.kill()
        await broker.close()
        return org

    async def _feed(
        self, broker: KafkaBroker, events: int, deeds: int, enough: asyncio.Event
    ) -> None:
        """Produce `events`, and on until it is enough: no deed is done to workers without work."""
        producer = await broker.producer()
        pause = deeds * 2.2 / (events / 20)
        try:
            while self.story.events < events or not enough.is_set():
                start = self.story.events
                made = [make_event(n, self.rng) for n in range(start, start + 20)]
                await producer.produce(self.topics.events, [message for message, _ in made])
                self.story.sent |= {str(known["mark"]): known for _, known in made}
                self.story.events += len(made)
                await asyncio.sleep(pause)
        finally:
            await producer.close()

    async def _misbehave(self, org: SalesforceEmulator, deeds: int) -> None:
        weather = Weather(org, random.Random(self.story.seed + 1))
        plan = ["kill", "term", "suspend", "start", "weather", "weather", "weather", "weather"]
        order = [d for _ in range(deeds // len(plan) + 1) for d in self.rng.sample(plan, len(plan))]
        order[deeds // 3] = "broker"
        order[deeds // 2] = "quota"
        for deed in order[:deeds]:
            await asyncio.sleep(self.rng.uniform(0.3, 1.5))
            await self._do(deed, org, weather)
        weather.clear()
        self.story.weather = weather.met

    async def _do(self, deed: str, org: SalesforceEmulator, weather: Weather) -> None:
        if not self._awake():
            await self._start()
        if deed == "weather":
            name = weather.change()
            await eventually(
                f"the spell of {name} has hit a request",
                lambda: weather.has_struck,
                state=self._said,
            )
        elif deed == "quota":
            org.set_quota_used(10**9)
            await asyncio.sleep(2)
            org.set_quota_used(0)
        elif deed == "broker":
            self.kafka.kill()
            await asyncio.sleep(1)
            await asyncio.to_thread(self.kafka.start)
        else:
            deed = await self._to_workers(deed)
        self.story.deeds[deed] += 1

    def _awake(self) -> list[WorkerProcess]:
        """The workers that run; one that found no broker at its start is gone, as it should."""
        self._workers = [w for w in self._workers if w.process.returncode is None]
        return [worker for worker in self._workers if id(worker) not in self._paused]

    async def _to_workers(self, deed: str) -> str:
        """Start, kill, stop or suspend one, and say what was done; one is always left awake."""
        awake = self._awake()
        if deed == "kill":
            await self._end(self.rng.choice(awake), "kill")
        elif deed == "term" and len(awake) > 1:
            await self._end(self.rng.choice(awake), "term")
        elif deed == "suspend" and len(awake) > 1:
            self._suspend(self.rng.choice(awake))
        elif len(self._workers) < MOST_WORKERS:
            deed = "start"
            await self._start()
        else:
            deed = "nothing"
        if not self._awake():
            await self._start()
        return deed

    async def _start(self) -> None:
        worker = WorkerProcess(self.config, self.log)
        await worker.start()
        self._workers.append(worker)

    async def _end(self, worker: WorkerProcess, how: str) -> None:
        self._workers.remove(worker)
        if how == "kill":
            await worker.kill()
        else:
            code = await worker.stop()
            self.story.deeds[f"exit {code}"] += 1

    def _suspend(self, worker: WorkerProcess) -> None:
        worker.process.send_signal(signal.SIGSTOP)
        self._paused.add(id(worker))

        asyncio.get_running_loop().call_later(SESSION_SECONDS * 2, self._wake, worker)

    def _wake(self, worker: WorkerProcess) -> None:
        if worker.process.returncode is None:
            worker.process.send_signal(signal.SIGCONT)
        self._paused.discard(id(worker))

    def _calm(self, org: SalesforceEmulator) -> None:
        """Fair weather, nobody suspended."""
        org.faults.clear()
        for worker in self._workers:
            self._wake(worker)

    async def _keep_one(self) -> None:
        """Start another worker whenever none is left, as a supervisor would."""
        while True:
            if not self._awake():
                await self._start()
            await asyncio.sleep(1.0)

    def _said(self) -> str:
        """What was done, and the last that the workers said, for the message of a failure."""
        return f"{dict(self.story.deeds)}: {self.log.read_text()[-4000:]}"
