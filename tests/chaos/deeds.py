"""The deeds: each does one misdeed and says whether it has had its effect. Judges nothing else."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from destinations.salesforce.emulator import SalesforceEmulator
from tests.chaos.crew import Crew, Member
from tests.chaos.plan import Deed
from tests.chaos.story import Person, Story
from tests.chaos.weather import Weather
from tests.kafka_server import KafkaServer
from transformer.outcome import Reason

SESSION_SECONDS: Final = 3.0
MOST_WORKERS: Final = 4
PATIENCE_SECONDS: Final = 120.0
_SPENT: Final = 10**9


async def happens(done: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> bool:
    """Wait until `done`, as long as the slowest machine needs; whether it has come to be."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.05)
    return True


class Deeds:
    """Does what the plan says. `results` counts the offsets that are accounted for.

    `due` are people whom the next event must be about.
    """

    def __init__(
        self,
        crew: Crew,
        org: SalesforceEmulator,
        kafka: KafkaServer,
        story: Story,
        *,
        results: Callable[[], int],
        rng: random.Random,
    ) -> None:
        self._crew = crew
        self._org = org
        self._kafka = kafka
        self._story = story
        self._results = results
        self._rng = rng
        self._suspensions: list[asyncio.Task[None]] = []
        self.weather = Weather(org)
        self.due: list[Person] = []
        self._by_name: Mapping[Deed, Callable[[], Awaitable[bool]]] = {
            Deed.KILL: self._kill,
            Deed.KILL_EARLY: self._kill_early,
            Deed.TERM: self._terminate,
            Deed.SUSPEND: self._suspend,
            Deed.START: self._one_more,
            Deed.FOUR: self._four_workers,
            Deed.ONE: self._one_worker,
            Deed.BROKER_KILLED: self._kill_broker,
            Deed.BROKER_STOPPED: self._stop_broker,
            Deed.QUOTA: self._spend_quota,
            Deed.DUPLICATE: self._meet_twin,
        }

    async def do(self, planned: Sequence[str]) -> None:
        """Do all that is planned, one after another, and count what has had its effect.

        A worker that ends by another deed's doing may leave one without: it is done again. The
        first that stays without is the last: nothing goes on.
        """
        for what in planned:
            await asyncio.sleep(self._rng.uniform(0.3, 1.5))
            if not await self._do_or_repeat(what):
                break
            if what != Deed.SUSPEND:
                self._story.done[what] += 1
        await self._awaken()
        self.weather.clear()

    async def cancel(self) -> None:
        """Forget what is under way."""
        for task in self._suspensions:
            task.cancel()
        await asyncio.gather(*self._suspensions, return_exceptions=True)

    async def _do_or_repeat(self, what: str) -> bool:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not await self._do(what):
            if time.monotonic() > deadline:
                return False
        return True

    async def _do(self, what: str) -> bool:
        if not self._crew.awake():
            await self._crew.start()
        if isinstance(what, Deed):
            return await self._by_name[what]()
        self.weather.change(what)
        return await self._in_work(lambda: self.weather.has_struck)

    # Workers

    async def _in_work(self, done: Callable[[], bool]) -> bool:
        """Wait until `done`, starting a worker whenever none is awake, as a supervisor would."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not await happens(done, 1.0):
            if time.monotonic() > deadline:
                return False
            if not self._crew.awake():
                await self._crew.start()
        return True

    async def _worker(self) -> Member | None:
        """One that is at work, any of them."""
        await self._in_work(lambda: bool(self._crew.at_work()))
        members = self._crew.at_work()
        return self._rng.choice(members) if members else None

    async def _kill(self) -> bool:
        member = await self._worker()
        return member is not None and await self._crew.kill(member)

    async def _kill_early(self) -> bool:
        member = await self._crew.start()
        await asyncio.sleep(self._rng.uniform(0.0, 1.2))
        return await self._crew.kill(member)

    async def _terminate(self) -> bool:
        member = await self._worker()
        return member is not None and await self._crew.terminate(member)

    async def _suspend(self) -> bool:
        """Suspend one that has writes in hand until others have its partitions.

        They are due when it wakes, and others have written newer ones by then: a zombie. It
        counts when it has come to be.
        """
        member = await self._worker()
        if member is None:
            return False
        self.weather.refuse_all()
        await self._in_work(
            lambda: member not in self._crew.awake() or bool(member.held and member.waits_for)
        )
        ready = member in self._crew.awake() and bool(member.held and member.waits_for)
        if ready:
            self._crew.suspend(member)
        self.weather.clear()
        if not ready:
            return False
        self._suspensions.append(asyncio.create_task(self._suspended(member)))
        return True

    async def _suspended(self, member: Member) -> None:
        await asyncio.sleep(SESSION_SECONDS * 2)

        def replaced() -> bool:
            return member.held <= frozenset[str]().union(*(m.held for m in self._crew.at_work()))

        if await self._in_work(replaced):
            self._story.done[Deed.SUSPEND] += 1
        self._crew.resume(member)

    async def _awaken(self) -> None:
        """Wait until nobody is suspended any more."""
        await asyncio.gather(*self._suspensions)
        self._suspensions.clear()

    async def _one_more(self) -> bool:
        if len(self._crew.running()) >= MOST_WORKERS and not await self._terminate():
            return False
        member = await self._crew.start()
        await happens(lambda: member not in self._crew.running() or bool(member.held))
        return bool(member.held)

    async def _four_workers(self) -> bool:
        await self._awaken()
        while len(self._crew.awake()) < MOST_WORKERS:
            await self._crew.start()
        for member in self._crew.awake()[MOST_WORKERS:]:
            await self._crew.kill(member)
        return await self._share(MOST_WORKERS)

    async def _one_worker(self) -> bool:
        await self._awaken()
        left = await self._worker()
        for member in self._crew.awake().copy():
            if member is not left and member.held:
                await self._crew.terminate(member)
            elif member is not left:
                await self._crew.kill(member)
        return await self._share(1)

    async def _share(self, workers: int) -> bool:
        """Whether so many come to share the partitions, none with another, and all have some."""

        def shared() -> bool:
            parts = [member.held for member in self._crew.awake()]
            whole = frozenset[str]().union(*parts)
            return (
                len(parts) == workers
                and all(parts)
                and len(whole) == sum(map(len, parts)) == MOST_WORKERS
            )

        return await happens(shared, PATIENCE_SECONDS / 2)

    # The broker

    async def _kill_broker(self) -> bool:
        await asyncio.to_thread(self._kafka.kill)
        return await self._start_broker()

    async def _stop_broker(self) -> bool:
        await asyncio.to_thread(self._kafka.stop)
        return await self._start_broker()

    async def _start_broker(self) -> bool:
        """Start it again; work goes on by itself."""
        before = self._results()
        await asyncio.sleep(1)
        await asyncio.to_thread(self._kafka.start)
        return await self._in_work(lambda: self._results() > before)

    # The org

    async def _spend_quota(self) -> bool:
        """Spend the quota until a worker waits for it, and give it back until none does."""

        def waiting() -> bool:
            return any(m.waits_for == Reason.QUOTA_SPENT for m in self._crew.awake())

        self._org.set_quota_used(_SPENT)
        waited = await self._in_work(waiting)
        await asyncio.sleep(1)
        self._org.set_quota_used(0)
        return await self._in_work(lambda: not waiting()) and waited

    async def _meet_twin(self) -> bool:
        """An event about somebody whom the org has without an address: a rule names the record.

        Nothing else leads there: an address in it shows that the ids of a refusal were used.
        """
        number = len(self._story.twins)
        person = Person(f"twin{number}", twin=f"twin-{number}")
        values = {"LastName": "Known", "Company": "Known", "twin__c": person.twin}
        record_id = self._org.add("Lead", values)
        self._story.twins[person.email] = record_id
        self.due.append(person)

        def written() -> bool:
            leads = self._org.records("Lead")
            return any(row.id == record_id and row.get("Email") == person.email for row in leads)

        return await self._in_work(written)
