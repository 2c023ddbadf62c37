"""The storm: workers, the broker and the org are treated badly while events arrive."""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from destinations.salesforce import emulator
from destinations.salesforce.emulator import DuplicateRule, SalesforceEmulator
from tests.chaos.crew import Crew
from tests.chaos.deeds import SESSION_SECONDS, Deeds, happens
from tests.chaos.plan import plan
from tests.chaos.story import Kind, Person, Story, any_kind, make_event
from tests.chaos.weather import READ_TIMEOUT_SECONDS
from tests.e2e.workers import Accounts, Topics
from tests.kafka_server import KafkaServer
from transformer.kafka import KafkaBroker

PEOPLE: Final = 250
_AT_ONCE: Final = 20
_DEED_SECONDS: Final = 2.2
_SETTLED_SECONDS: Final = 900.0
_TEXT: Final = ("mark__c:string(80)", "note__c:string(255)")
_LEAD: Final = ("n__c:double(18,0)", "sometimes__c:string(80)", "twin__c:string(80)", *_TEXT)


def build_org(seed: int) -> SalesforceEmulator:
    """An org with the fields of the events, and a rule against two leads with one `twin__c`."""
    return emulator.build(
        seed=seed,
        custom_fields={"Lead": _LEAD},
        custom_objects={"Visit__c": _TEXT},
        duplicate_rules=[DuplicateRule("Lead", ("twin__c",))],
    )


class Storm:
    """One run. `kafka` is ours to stop and start."""

    def __init__(self, kafka: KafkaServer, directory: Path, seed: int, deeds: int) -> None:
        self._kafka = kafka
        self._directory = directory
        self._rng = random.Random(f"events {seed}")
        self._seed = seed
        self._accounts = Accounts()
        self.org = build_org(seed)
        self.story = Story(plan(seed, deeds))
        self.topics = Topics(kafka.bootstrap_servers)
        self.weather: Mapping[str, int] = {}

    async def run(self, events: int) -> None:
        """Produce `events` or more while all that is planned goes wrong; end with all settled."""
        async with self._broker() as broker, self.org.serve():
            config = self.topics.config(
                self._directory,
                self.org.url,
                session=SESSION_SECONDS,
                read_timeout=READ_TIMEOUT_SECONDS,
                duplicates="update",
            )
            crew = Crew(config, self._directory)
            deeds = Deeds(
                crew,
                self.org,
                self._kafka,
                self.story,
                results=lambda: len(self._accounts.results),
                rng=random.Random(f"deeds {self._seed}"),
            )
            enough = asyncio.Event()
            following = asyncio.create_task(self._accounts.follow(broker, self.topics))
            feeding = asyncio.create_task(self._feed(broker, events, deeds.due, enough))
            doing = asyncio.create_task(deeds.do(self.story.plan))
            try:
                await asyncio.wait((doing, feeding), return_when=asyncio.FIRST_COMPLETED)
                if feeding.done():
                    feeding.result()
                await doing
                self.weather = deeds.weather.met
                enough.set()
                await feeding
                await self._settle(crew)
                await crew.end()
            finally:
                await deeds.cancel()
                for task in (following, feeding, doing):
                    task.cancel()
                await asyncio.gather(following, feeding, doing, return_exceptions=True)
                await crew.kill_all()
            self.story.exits = crew.exits

    @asynccontextmanager
    async def _broker(self) -> AsyncIterator[KafkaBroker]:
        broker = self.topics.broker()
        await broker.open()
        try:
            await self.topics.create(broker)
            yield broker
        finally:
            await broker.close()

    async def _feed(
        self, broker: KafkaBroker, events: int, due: list[Person], enough: asyncio.Event
    ) -> None:
        """Produce `events`, and on until it is enough: no deed is done to workers without work."""
        people = [Person(f"person{number}") for number in range(PEOPLE)]
        producer = await broker.producer()
        pause = len(self.story.plan) * _DEED_SECONDS / (events / _AT_ONCE)
        made = 0
        try:
            while made < events or due or not enough.is_set():
                new, due[:] = due.copy(), []
                people += new
                kinds = [Kind.LEAD] * len(new)
                kinds += [any_kind(self._rng) for _ in range(_AT_ONCE - len(new))]
                about = new + self._rng.choices(people, k=_AT_ONCE - len(new))
                sent = [
                    make_event(made + n, person, kind, self._rng)
                    for n, (person, kind) in enumerate(zip(about, kinds, strict=True))
                ]
                self.story.take(sent)
                await producer.produce(self.topics.events, [each.message for each in sent])
                made += len(sent)
                await asyncio.sleep(pause)
        finally:
            await producer.close()

    async def _settle(self, crew: Crew) -> None:
        """In fair weather, wait until all is settled; what never is, the oracle will tell."""
        everything, deadline = len(self.story.sent), _SETTLED_SECONDS

        def settled() -> bool:
            return len(self._accounts.results) >= everything

        while not await happens(settled, 1.0) and deadline > 0:
            deadline -= 1.0
            if not crew.awake():
                await crew.start()


def said(directory: Path) -> str:
    """The last that the workers have said, for the message of a failure."""
    logs = sorted(directory.glob("worker-*.log"))
    return "\n".join(f"{log.name}: {log.read_text()[-600:]}" for log in logs)[-8_000:]
