"""The running ledger on real Apache Kafka: gaps and repeats planted, a kill, several workers."""

# mypy: allow-untyped-calls
# (aiokafka has few annotations)

import asyncio
import json
import signal
import time
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from prometheus_client.parser import text_string_to_metric_families

from tests.cli.process import Process, running
from tests.e2e.workers import Topics
from tests.waiting import PATIENCE_SECONDS, until
from transformer.broker import Producer
from transformer.record import Message

GRACE_SECONDS = 2.0
RECORDS = 40

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(1_800)]


class Ledger:
    """One `transformer ledger` process and its endpoint."""

    def __init__(self, process: Process) -> None:
        self._process = process
        line = process.wait_for("Ledger is ready")
        self._url = f"http://127.0.0.1:{line.rpartition('=')[2]}"

    def get(self, path: str) -> str:
        """A page."""
        with urllib.request.urlopen(f"{self._url}{path}", timeout=PATIENCE_SECONDS) as answer:  # noqa: S310 - our own address
            return str(answer.read().decode())

    def accounts(self) -> dict[int, dict[str, Any]]:
        """The accounts it keeps, by source partition."""
        return {one["partition"]: one for one in json.loads(self.get("/ledger"))["accounts"]}

    def metric(self, name: str) -> dict[str, float]:
        """One metric's samples by source partition."""
        return {
            sample.labels["partition"]: sample.value
            for family in text_string_to_metric_families(self.get("/metrics"))
            for sample in family.samples
            if sample.name == name
        }

    def end(self, number: signal.Signals) -> int:
        """Send a signal and wait for its end."""
        return self._process.send(number).exit_code()


@contextmanager
def ledgers(config: Path, count: int = 1) -> Iterator[list[Ledger]]:
    """So many processes, one group."""
    arguments = ["ledger", "--config", str(config), "--grace", str(GRACE_SECONDS)]
    with ExitStack() as stack:
        processes = [stack.enter_context(running(*arguments)) for _ in range(count)]
        yield [Ledger(process) for process in processes]


def result(topics: Topics, partition: int, offset: int, outcome: str = "delivered") -> Message:
    """What a worker would produce."""
    body = {
        "connection": "crm", "topic": topics.events, "partition": partition, "offset": offset,
        "outcome": outcome, "reason": None if outcome == "delivered" else "refused",
        "time": datetime.now(UTC).isoformat(),
    }  # fmt: skip
    return Message(orjson.dumps(body), f"crm/{topics.events}/{partition}".encode())


@asynccontextmanager
async def prepared(topics: Topics, folder: Path) -> AsyncIterator[tuple[Path, Producer]]:
    """The topics, a configuration for them, and a producer."""
    broker = topics.broker()
    await broker.open()
    try:
        await topics.create(broker)
        config = topics.config(folder, "http://127.0.0.1:9")
        config.write_text(config.read_text().replace("create_topics: false", "create_topics: true"))
        yield config, await broker.producer()
    finally:
        await broker.close()


async def commit(topics: Topics, next_offsets: dict[int, int]) -> None:
    """Commit as the workers of the connection would; by partition."""
    client = AIOKafkaConsumer(
        bootstrap_servers=list(topics.servers), group_id=f"{topics.name}-crm",
        enable_auto_commit=False,
    )  # fmt: skip
    await client.start()
    try:
        places = {TopicPartition(topics.events, n): offset for n, offset in next_offsets.items()}
        client.assign(list(places))
        await client.commit(places)
    finally:
        await client.stop()


def figures(ledger: Ledger, *names: str) -> dict[int, list[Any]]:
    """So many of each account's figures, by source partition."""
    return {p: [one[name] for name in names] for p, one in sorted(ledger.accounts().items())}


async def comes(expected: object, found: Callable[[], object]) -> None:
    """Wait until what is expected is found."""

    def done() -> bool:
        return found() == expected

    await asyncio.to_thread(until, f"{expected}", done, state=lambda: f"Found {found()}")


async def test_a_gap_and_a_repeat_are_found_kept_over_a_kill_and_shared_by_workers(
    kafka_bootstrap_servers: list[str], tmp_path: Path
) -> None:
    """The accounts come back from the changelog; a second worker takes its share (row T2)."""
    topics = Topics(kafka_bootstrap_servers)
    async with prepared(topics, tmp_path) as (config, producer):
        keys = [b"%d" % n for n in range(400)]
        await producer.produce(topics.events, [Message(b"{}", key) for key in keys])
        offsets = [(p, o) for p in range(4) for o in range(RECORDS)]
        # 0/7 and 0/8 are committed and have no result: a gap. 2/9 is still being tried: no gap.
        settled = [(p, o) for p, o in offsets if (p, o) not in {(0, 7), (0, 8), (2, 9)}]
        await commit(topics, {0: RECORDS, 1: RECORDS, 2: 9, 3: RECORDS})
        results = [result(topics, p, o) for p, o in settled]
        await producer.produce(
            topics.metrics, [*results, result(topics, 1, 5), Message(b"no result")]
        )

        told = ("consumed", "missing", "in_flight", "committed_offset", "repeated")
        exact = {
            0: [RECORDS, 2, 0, RECORDS, 0],
            1: [RECORDS, 0, 0, RECORDS, 1],
            2: [RECORDS, 0, 1, 9, 0],
            3: [RECORDS, 0, 0, RECORDS, 0],
        }

        with ledgers(config) as (ledger,):
            await comes(exact, lambda: figures(ledger, *told))

            def age_seconds() -> float:
                gaps = ledger.accounts()[2]["gaps"]
                return time.time() - gaps[0]["since"] if gaps else 0.0

            # Older than the grace, and still no gap: its offset is not committed.
            await comes(expected=True, found=lambda: age_seconds() > 2 * GRACE_SECONDS)
            assert figures(ledger, *told) == exact
            missing = ledger.metric("transformer_ledger_missing_records")
            assert missing == {"0": 2, "1": 0, "2": 0, "3": 0}
            assert ledger.end(signal.SIGKILL) == -signal.SIGKILL

        with ledgers(config) as (ledger,):
            await comes(exact, lambda: figures(ledger, *told))
            await commit(topics, {2: RECORDS})
            await comes({0: [2], 1: [0], 2: [1], 3: [0]}, lambda: figures(ledger, "missing"))
            late = [
                result(topics, 2, 9),
                result(topics, 0, 7),
                result(topics, 0, 8, "rejected"),
                result(topics, 0, 8),
            ]
            await producer.produce(topics.metrics, late)
            await comes(
                {
                    0: [0, RECORDS, 0, 1],
                    1: [0, RECORDS, 0, 0],
                    2: [0, RECORDS, 0, 0],
                    3: [0, RECORDS, 0, 0],
                },
                lambda: figures(ledger, "missing", "delivered", "rejected", "contradicted"),
            )
            assert ledger.end(signal.SIGTERM) == 0

        with ledgers(config, 2) as pair:

            def shared() -> tuple[bool, list[int]]:
                owned = [set(ledger.metric("transformer_ledger_lag_records")) for ledger in pair]
                kept = [partition for ledger in pair for partition in ledger.accounts()]
                return all(owned) and not owned[0] & owned[1], sorted(kept)

            await comes((True, [0, 1, 2, 3]), shared)
            more = [result(topics, p, RECORDS) for p in range(4)]
            await producer.produce(topics.metrics, more)
            await comes(
                [RECORDS + 1] * 4,
                lambda: [a["delivered"] for ledger in pair for a in ledger.accounts().values()],
            )
            assert [ledger.end(signal.SIGTERM) for ledger in pair] == [0, 0]


async def test_offsets_that_hold_no_record_are_not_missing(
    kafka_bootstrap_servers: list[str], tmp_path: Path
) -> None:
    """What a transaction leaves in a source topic is looked up there, also by the offline proof."""
    topics = Topics(kafka_bootstrap_servers, partitions=1)
    async with prepared(topics, tmp_path) as (config, producer):
        await producer.produce(topics.events, [Message(b"{}") for _ in range(5)])
        # Offsets 5 to 8 are beyond the end of the topic: no record is there.
        await producer.produce(topics.metrics, [result(topics, 0, o) for o in (0, 1, 2, 4, 9)])
        await commit(topics, {0: 12})
        with ledgers(config) as (ledger,):
            # 5 to 8 lie between results, 10 and 11 between the last one and the commit.
            await comes({0: [6, 1]}, lambda: figures(ledger, "absent", "missing"))
            assert ledger.end(signal.SIGTERM) == 0
        with running("ledger", "--config", str(config), "--once", "--json") as once:
            verdict = json.loads(once.wait_for("conserved"))
            assert (verdict["missing_ranges"], verdict["no_record"]) == ([[3, 3]], 6)
            assert once.exit_code() == 1


async def test_the_offline_proof_tells_in_flight_from_missing_by_the_commit(
    kafka_bootstrap_servers: list[str], tmp_path: Path
) -> None:
    """However old; and it reads no more of the topics than the time asked about."""
    topics = Topics(kafka_bootstrap_servers, partitions=1)
    async with prepared(topics, tmp_path) as (config, producer):
        await producer.produce(topics.events, [Message(b"{}") for _ in range(8)])
        await producer.produce(topics.metrics, [result(topics, 0, o) for o in (0, 1, 2, 5)])
        await commit(topics, {0: 3})
        once = ["ledger", "--config", str(config), "--once", "--json"]
        with running(*once) as proof:
            verdict = json.loads(proof.wait_for("conserved"))
            assert (verdict["in_flight"], verdict["missing"], verdict["committed"]) == (2, 0, 3)
            assert proof.exit_code() == 0
        await commit(topics, {0: 8})
        with running(*once, "--from", "1h") as proof:
            verdict = json.loads(proof.wait_for("conserved"))
            assert (verdict["in_flight"], verdict["missing_ranges"]) == (0, [[3, 4], [6, 7]])
            assert proof.exit_code() == 1
