"""The demonstration's plot: a broker, CRMs, a few hundred events, a worker, and the accounts."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Protocol

from transformer import app, worker
from transformer.app import Wired
from transformer.broker import Broker, Reader
from transformer.clock import Clock, SystemClock
from transformer.config import Config, load
from transformer.demo import stage
from transformer.demo.conservation import Account
from transformer.demo.events import CONTACTS, LEADS, SUBSCRIPTIONS, Existing, events
from transformer.embedded import EmbeddedCluster
from transformer.errors import EnvironmentFault, TransformerError
from transformer.outcome import Delivered
from transformer.record import Message, Record
from transformer.upsert import Operation, Upsert

TIMEOUT_SECONDS: Final = 90.0
_READ_SECONDS: Final = 0.25


class Show(Protocol):
    """Who watches the demonstration."""

    def step(self, text: str) -> None:
        """A new part of the plot begins."""
        ...

    def progress(self, settled: int, total: int) -> None:
        """So many events have an outcome."""
        ...


@dataclass(frozen=True, slots=True)
class Delivery:
    """What came of the events at one CRM."""

    connection: str
    title: str
    account: Account
    api_calls: int


@dataclass(frozen=True, slots=True)
class Report:
    """What came of it: at every CRM, and in detail at the first."""

    deliveries: Sequence[Delivery]
    results: Sequence[Record]
    letters: Sequence[Record]
    leads: Sequence[Mapping[str, object]]
    seconds: float
    problems: Sequence[str]

    @property
    def main(self) -> Delivery:
        """The CRM that is told of in detail."""
        return self.deliveries[0]


@dataclass(frozen=True, slots=True)
class Topics:
    """Everything that the three topics hold at the end."""

    sources: Sequence[Record]
    results: Sequence[Record]
    letters: Sequence[Record]

    def account(self, connection: str) -> Account:
        """What they say about each other, of one connection."""
        account = Account(connection)
        for record in self.sources:
            account.add_source(record)
        for record in self.results:
            account.add_result(record)
        for record in self.letters:
            account.add_dead_letter(record)
        return account


async def play(show: Show) -> Report:
    """Run the whole demonstration. Raises TransformerError when a part of it breaks."""
    clock = SystemClock()
    show.step("Starting a Kafka broker inside this process (librdkafka's, for demos only).")
    with EmbeddedCluster() as cluster, TemporaryDirectory(prefix="transformer-demo-") as folder:
        async with stage.players(clock) as cast:
            for player in cast:
                show.step(f"Starting an emulator of {player.kind.title} on {player.emulator.url}.")
            config = _config(Path(folder), stage.configuration(cluster.bootstrap_servers, cast))
            wired = app.wire(config)
            existing = await _seed(wired[0], clock)
            before = [player.emulator.api_calls for player in cast]
            messages = events(existing, stage.opted_in(cast))
            topics, seconds = await _deliver(config, wired, messages, show, clock)
            deliveries = [
                Delivery(
                    player.connection,
                    player.kind.title,
                    topics.account(player.connection),
                    player.emulator.api_calls - calls,
                )
                for player, calls in zip(cast, before, strict=True)
            ]
            leads = _leads(cast[0].emulator.state({"object": "Lead"}))
            return Report(
                deliveries=deliveries,
                results=topics.results,
                letters=topics.letters,
                leads=leads,
                seconds=seconds,
                problems=(*_problems(deliveries), *_twice(leads)),
            )


def _problems(deliveries: Sequence[Delivery]) -> Iterator[str]:
    for delivery in deliveries:
        yield from (f"{delivery.connection}: {problem}" for problem in delivery.account.problems())


def _config(folder: Path, text: str) -> Config:
    file = folder / "transformer.yaml"
    file.write_text(text, encoding="utf-8")
    return load(file, app.kind, {})


async def _seed(wired: Wired, clock: Clock) -> Existing:
    """Write the records that the CRM holds before the events come, and take their ids."""
    destination = wired.destination(clock)

    async def create(object_type: str, rows: Sequence[Mapping[str, object]]) -> list[str]:
        batch = [Upsert(object_type, Operation.CREATE, row) for row in rows]
        outcomes = await destination.write(batch)
        ids = [one.record_id for one in outcomes if isinstance(one, Delivered)]
        if len(ids) != len(rows):
            raise EnvironmentFault(f"demo: the emulator refused some of the {object_type} records.")
        return ids

    try:
        return Existing(
            contacts=await create(
                "Contact",
                [
                    {"LastName": f"Contact {n}", "Email": f"c{n}@example.com"}
                    for n in range(CONTACTS)
                ],
            ),
            leads=await create(
                "Lead",
                [
                    {"LastName": f"Lead {n}", "Company": "Known", "Email": f"lead{n}@example.com"}
                    for n in range(LEADS)
                ],
            ),
            subscriptions=await create(
                "Subscription__c",
                [{"Name": f"Plan {n}", "Status__c": "trial"} for n in range(SUBSCRIPTIONS)],
            ),
        )
    finally:
        await destination.close()


async def _deliver(
    config: Config, wired: Sequence[Wired], messages: Sequence[Message], show: Show, clock: Clock
) -> "tuple[Topics, float]":
    kafka = app.kafka_of(config)
    broker: Broker = app.broker(config)
    await broker.open()
    try:
        await broker.ensure_topics(app.topic_specs(kafka, config.connections))
        show.step(f"Producing {len(messages)} events, some of them broken, to topic events.")
        producer = await broker.producer()
        await producer.produce(kafka.topics[0], messages)
        show.step("Starting a worker.")
        started = clock.now()
        running = worker.Worker(config, wired, app.broker(config), clock)
        task = asyncio.create_task(running.run(lambda _port: None))
        results = await broker.reader([kafka.metrics_topic], from_beginning=True)
        try:
            accounts = [Account(one.connection.name) for one in wired]
            await _watch(results, task, accounts, total=len(messages), show=show, clock=clock)
        finally:
            running.stop()
            await task
        seconds = clock.now() - started
        show.step("The worker has drained and stopped. Reading the topics once more.")
        topics = [
            await _read_all(await broker.reader([name], from_beginning=True))
            for name in (kafka.topics[0], kafka.metrics_topic, kafka.dead_letter_topic)
        ]
        return Topics(*topics), seconds
    finally:
        await broker.close()


async def _watch(
    results: Reader,
    running: "asyncio.Task[None]",
    accounts: Sequence[Account],
    *,
    total: int,
    show: Show,
    clock: Clock,
) -> None:
    """Follow the metrics topic until every event has an outcome at every CRM."""
    until = clock.now() + TIMEOUT_SECONDS
    wanted = total * len(accounts)
    while (settled := sum(account.settled for account in accounts)) < wanted and not running.done():
        if clock.now() > until:
            raise TransformerError(
                f"demo: {settled} of {wanted} outcomes in {TIMEOUT_SECONDS:g} s, "
                "expected all. Run it again with less load on this machine."
            )
        for record in await results.read(timeout_seconds=_READ_SECONDS):
            for account in accounts:
                account.add_result(record)
        show.progress(sum(account.settled for account in accounts), wanted)


async def _read_all(reader: Reader) -> list[Record]:
    found: list[Record] = []
    while any(at < end for at, end in (await reader.positions()).values()):
        found += await reader.read(timeout_seconds=_READ_SECONDS)
    return found


def _leads(rows: object) -> Sequence[Mapping[str, object]]:
    """The leads with their ids, as the emulator lists them."""
    return [{"Id": row["id"], **row["values"]} for row in (rows if isinstance(rows, list) else [])]


def _twice(leads: Sequence[Mapping[str, object]]) -> Iterator[str]:
    """Whether any address has two leads."""
    addresses = [str(lead.get("Email")).casefold() for lead in leads]
    if len(addresses) != len(set(addresses)):
        yield f"{len(addresses) - len(set(addresses))} addresses have more than one lead"
