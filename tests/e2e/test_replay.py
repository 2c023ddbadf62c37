"""Replays on real Apache Kafka: rejected, put right, replayed once, in order, never backwards."""

import asyncio
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest

from destinations.salesforce import emulator
from destinations.salesforce.emulator import SalesforceEmulator
from tests.e2e.workers import ROOT, Topics, WorkerProcess, identify
from tests.unit.replay import dead_letters
from tests.waiting import PATIENCE_SECONDS, missing
from transformer.kafka import KafkaBroker
from transformer.record import Record
from transformer.replay.letters import is_mark
from transformer.replay.origin import replay_of

PEOPLE = 8
LETTERS = 3_000
INTERRUPTIONS = 4
MAPPING = """
version: 1
tables:
  Lead:
    fields: {{LastName: lastName, Company: company, Email: email, {field}: n}}
    rest: drop
upserts:
  - when: {{type: identify}}
    object: Lead
    match: [{{Email: email}}]
"""

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(1_800)]


async def read(broker: KafkaBroker, topic: str, count: int = 0) -> list[Record]:
    """Everything that can be read of a topic, once there are `count` records at least.

    A transaction ends a moment after its commit is answered.
    """
    reader = await broker.reader([topic], from_beginning=True)
    records: list[Record] = []
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(records) < count or any(at < end for at, end in (await reader.positions()).values()):
        found = len(records)
        assert time.monotonic() < deadline, missing(
            f"{count} records of {topic} instead of {found}", PATIENCE_SECONDS
        )
        records += await reader.read(timeout_seconds=0.5)
    await reader.close()
    return records


async def results(broker: KafkaBroker, topics: Topics, connection: str) -> list[dict[str, Any]]:
    """The results of one connection, in their order."""
    found = [orjson.loads(record.value or b"") for record in await read(broker, topics.metrics)]
    return [result for result in found if result["connection"] == connection]


async def settled(broker: KafkaBroker, topics: Topics, **wanted: Mapping[str, int]) -> None:
    """Wait until each connection has so many results per outcome, whatever else it has."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    for connection, expected in wanted.items():
        counts: Counter[str] = Counter()
        while any(counts[outcome] < count for outcome, count in expected.items()):
            assert time.monotonic() < deadline, missing(
                f"{connection} has {expected} instead of {dict(counts)}", PATIENCE_SECONDS
            )
            counts = Counter()
            for result in await results(broker, topics, connection):
                counts[result["outcome"]] += result.get("count", 1)


async def replay(config: Path, *arguments: str) -> list[dict[str, Any]]:
    """Run `transformer replay --json`; every line of its output."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "transformer", "replay", "--config", str(config), "--json"),
        *arguments,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE, cwd=ROOT,
    )  # fmt: skip
    out, problems = await asyncio.wait_for(process.communicate(), PATIENCE_SECONDS)
    assert process.returncode == 0, problems.decode()
    return [orjson.loads(line) for line in out.splitlines()]


def summary(lines: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """What the last line counts, without what there is none of."""
    return {k: v for k, v in lines[-1].items() if isinstance(v, int) and v}


def configure(topics: Topics, tmp_path: Path, url: str) -> Path:
    """Two connections on the same events; the mapping of `salesforce` can be put right."""
    config = topics.config(tmp_path, url)
    text = config.read_text()
    start, end = text.index("  - name: salesforce"), text.index("\nhttp:") + 1
    ours = text[start:end].replace(
        "destination: salesforce\n", f"destination: salesforce\n    mapping: {tmp_path}/our.yaml\n"
    )
    theirs = ours.replace("name: salesforce", "name: other").replace("our.yaml", "other.yaml")
    config.write_text(text[:start] + ours + theirs + text[end:])
    (tmp_path / "other.yaml").write_text(MAPPING.format(field="other__c"))
    return config


def leads(org: SalesforceEmulator) -> dict[str, tuple[object, object]]:
    """What both connections wrote last, per e-mail."""
    rows = list(org.records("Lead"))
    found: dict[str, tuple[object, object]]
    found = {str(row.get("Email")): (row.get("n__c"), row.get("other__c")) for row in rows}
    assert len(found) == len(rows)
    return found


async def test_what_was_rejected_is_replayed_once_in_order_and_never_backwards(
    kafka_bootstrap_servers: list[str], tmp_path: Path
) -> None:
    """The whole of row K5, with K6: rejected, put right, previewed, replayed, run again."""
    topics = Topics(kafka_bootstrap_servers)
    fields = {"Lead": ["n__c:double(18,0)", "other__c:double(18,0)"]}
    broker, mapping = topics.broker(), tmp_path / "our.yaml"
    await broker.open()
    await topics.create(broker)
    producer = await broker.producer()
    async with emulator.build(custom_fields=fields).serve() as org:
        config = configure(topics, tmp_path, org.url)
        worker = WorkerProcess(config, tmp_path / "worker.log")
        try:
            # The mapping names a field that the org lacks: all is rejected, the other delivers.
            mapping.write_text(MAPPING.format(field="nope__c"))
            await worker.start()
            for n in range(3 * PEOPLE):
                await producer.produce(topics.events, [identify(n, n % PEOPLE)])
            count = 3 * PEOPLE
            await settled(
                broker, topics, salesforce={"rejected": count}, other={"delivered": count}
            )
            assert await worker.stop() == 0

            # It is put right, and person 0 sends something newer.
            mapping.write_text(MAPPING.format(field="n__c"))
            await producer.produce(topics.events, [identify(1000, 0)])
            await worker.start()
            await settled(broker, topics, salesforce={"delivered": 1})
            before = len(await read(broker, topics.events))
            preview = await replay(config)
            assert summary(preview) == {"selected": count - 3, "superseded": 3}
            assert len(await read(broker, topics.events)) == before

            # One message first, then the rest; a second time nothing.
            one = await replay(config, "--yes", "--message-id", "message-1")
            assert summary(one) == {"selected": 1, "replayed": 1}
            await settled(broker, topics, salesforce={"delivered": 2})
            rest = await replay(config, "--yes", "--reason", "unknown_field")
            left = count - 4
            assert summary(rest) == {
                "selected": left, "superseded": 3, "already_replayed": 1, "replayed": left,
            }  # fmt: skip
            again = await replay(config, "--yes")
            assert summary(again) == {"superseded": 3, "already_replayed": count - 3}
            await settled(
                broker, topics, salesforce={"delivered": count - 2}, other={"skipped": count - 3}
            )
            assert await worker.stop() == 0
        finally:
            await worker.kill()
        last = {f"person{p}@example.com": float(2 * PEOPLE + p) for p in range(PEOPLE)}
        last["person0@example.com"] = 1000.0
        assert leads(org) == {email: (n, n) for email, n in last.items()}
    await check_replays(broker, topics)
    await producer.close()
    await broker.close()


async def check_replays(broker: KafkaBroker, topics: Topics) -> None:
    """Bytes and headers as at first, results that name the first record, others that skipped."""
    events = await read(broker, topics.events)
    first = {(r.topic, r.partition, r.offset, r.timestamp_ms): r for r in events}
    replays = [record for record in events if record.headers]
    named = {}
    for record in replays:
        said = replay_of(record.headers)
        assert said is not None
        source = first[said.origin]
        assert (record.value, record.key, record.partition) == (
            source.value,
            source.key,
            source.partition,
        )
        assert len(record.headers) == 1
        named[record.partition, record.offset] = said.origin._asdict()
    ours = {
        (result["partition"], result["offset"]): result["replay_of"]
        for result in await results(broker, topics, "salesforce")
        if "replay_of" in result
    }
    assert ours == named
    skipped = [r for r in await results(broker, topics, "other") if r["outcome"] == "skipped"]
    assert {result["reason"] for result in skipped} == {"replayed_for_another"}
    covered = {
        (result["partition"], offset)
        for result in skipped
        for offset in range(result["offset"], result["last_offset"] + 1)
    }
    assert covered == named.keys()


async def test_a_replay_killed_again_and_again_produces_each_letter_once(
    kafka_bootstrap_servers: list[str], tmp_path: Path
) -> None:
    """Killed in the middle of its transactions; per partition the order of the origins holds."""
    rng = random.Random(5)
    topics = Topics(kafka_bootstrap_servers)
    broker = topics.broker()
    await broker.open()
    await topics.create(broker)
    config = topics.config(tmp_path, "http://127.0.0.1:9")
    text = config.read_text().replace("name: salesforce", "name: crm")
    config.write_text(text)
    interrupted = made = 0
    while interrupted < INTERRUPTIONS:
        if len(await read(broker, topics.events)) >= made - LETTERS // 10:
            await add_letters(broker, topics, rng, made)
            made += LETTERS
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "transformer", "replay", "--config", str(config), "--yes"),
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL, cwd=ROOT, env=dict(os.environ),
        )  # fmt: skip
        ends = await broker.reader([topics.events], from_beginning=False)
        start = sum(end for _, end in (await ends.positions()).values())
        while process.returncode is None:
            if sum(end for _, end in (await ends.positions()).values()) > start:
                await asyncio.sleep(rng.uniform(0.0, 0.05))
                if process.returncode is None:
                    process.kill()
                    interrupted += 1
                break
        await process.wait()
        await ends.close()
    await replay(config, "--yes")
    events = await read(broker, topics.events, made)
    order: dict[int, list[int]] = {}
    for record in events:
        said = replay_of(record.headers)
        assert said is not None
        assert said.origin.partition == record.partition
        order.setdefault(record.partition, []).append(said.origin.offset)
    assert order == {
        number: list(range(number, made, topics.partitions)) for number in range(topics.partitions)
    }
    letters = await read(broker, topics.letters, 2 * made)
    assert sum(is_mark(record) for record in letters) == made
    await broker.close()


async def add_letters(broker: KafkaBroker, topics: Topics, rng: random.Random, start: int) -> None:
    """So many more dead letters, in no order."""
    places = [(n, n % topics.partitions) for n in range(start, start + LETTERS)]
    rng.shuffle(places)
    producer = await broker.producer()
    await producer.produce(topics.letters, [
        dead_letters.letter(
            dead_letters.record(n, partition=partition, topic=topics.events), email=f"{n}@x.io"
        )
        for n, partition in places
    ])  # fmt: skip
    await producer.close()
