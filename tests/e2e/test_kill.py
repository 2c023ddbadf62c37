"""The promise on real Apache Kafka: a worker killed again and again loses and doubles nothing."""

import asyncio
import random
from collections import Counter
from pathlib import Path

import pytest

from destinations.salesforce import emulator
from destinations.salesforce.emulator import SalesforceEmulator
from tests.e2e.workers import Accounts, Topics, WorkerProcess, identify
from tests.waiting import eventually
from transformer.kafka import KafkaBroker

KILLS = 20
EVENTS = 6_000
PEOPLE = 400

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(2_400)]


async def feed(
    broker: KafkaBroker, topics: Topics, rng: random.Random, enough: asyncio.Event
) -> tuple[int, dict[str, int]]:
    """Produce at least `EVENTS`, and on until it is enough: how many, and the last n per e-mail.

    However slow the machine, a worker that starts finds something to do.
    """
    producer = await broker.producer()
    last: dict[str, int] = {}
    made = 0
    try:
        while made < EVENTS or not enough.is_set():
            people = [(n, rng.randrange(PEOPLE)) for n in range(made, made + 50)]
            await producer.produce(topics.events, [identify(n, person) for n, person in people])
            last |= {f"person{person}@example.com": n for n, person in people}
            made += 50
            await asyncio.sleep(0.25)
    finally:
        await producer.close()
    return made, last


def leads(org: SalesforceEmulator) -> dict[str, list[object]]:
    """Per e-mail, the n of every lead the org has."""
    found: dict[str, list[object]] = {}
    for row in org.records("Lead"):
        found.setdefault(str(row.get("Email")), []).append(row.get("n__c"))
    return found


async def test_twenty_kills_under_load_lose_nothing_and_double_nothing(
    kafka_bootstrap_servers: list[str], tmp_path: Path
) -> None:
    """Every event is accounted for, one lead per person, each with its last value (K3, K6, K7)."""
    rng = random.Random(20)
    topics, accounts = Topics(kafka_bootstrap_servers), Accounts()
    log = tmp_path / "worker.log"
    broker = topics.broker()
    await broker.open()
    await topics.create(broker)
    async with emulator.build(custom_fields={"Lead": ["n__c:double(18,0)"]}).serve() as org:
        worker = WorkerProcess(topics.config(tmp_path, org.url), log)
        following = asyncio.create_task(accounts.follow(broker, topics))
        enough = asyncio.Event()
        feeding = asyncio.create_task(feed(broker, topics, rng, enough))
        try:
            for _ in range(KILLS):
                before, wanted = len(accounts.results), org.request_count + rng.randrange(2, 6)
                await worker.start()
                await eventually(
                    "the worker has written to the org",
                    lambda wanted=wanted: org.request_count >= wanted,  # type: ignore[misc]
                    state=worker.said,
                )
                await asyncio.sleep(rng.uniform(0.0, 0.3))
                await worker.kill()
                assert len(accounts.results) >= before
            enough.set()
            events, last = await feeding
            await worker.start()
            await worker.ready()
            await accounts.reach(events, seconds=900, state=worker.said)
            assert await worker.stop() == 0, log.read_text()
        finally:
            following.cancel()
            feeding.cancel()
            await asyncio.gather(following, feeding, return_exceptions=True)
            await worker.kill()
        assert leads(org) == {email: [n] for email, n in last.items()}
        assert list(org.unknown_routes) == []
    await broker.close()
    assert Counter(accounts.outcomes().values()) == {"delivered": events}
    assert {len(results) for results in accounts.results.values()} <= set(range(1, KILLS + 2))
