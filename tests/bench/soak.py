"""The soak: a million events of fifty thousand people through one worker, 1 % of it failing.

`python -m tests.bench.soak [EVENTS] [PEOPLE]`: real Kafka, and the emulated org in a process of its
own. It fails unless every offset is accounted for, every person has one lead with the values of
the last event, and memory is as flat at the end as once all its people were known.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import orjson

from tests.bench.sample import identify
from tests.bench.worker import cpu_seconds, resident_megabytes, start_org
from tests.e2e.workers import Topics, WorkerProcess
from tests.kafka_server import KafkaServer
from transformer.kafka import KafkaBroker

DATA = "/services/data/*"
FAULTS = (
    {"kind": "status", "status": 503, "path": DATA, "probability": 0.002},
    {"kind": "status", "status": 429, "retry_after": 1, "path": DATA, "probability": 0.002},
    {"kind": "reset_before", "path": DATA, "probability": 0.002},
    {"kind": "reset_after", "path": DATA, "probability": 0.002},
    {"kind": "half_applied", "path": DATA, "probability": 0.001, "options": {"rows": 7}},
    {"kind": "expire_session", "path": DATA, "probability": 0.001},
    {"kind": "row_lock", "path": DATA, "options": {"row_probability": 0.01}},
)
GROWTH_MEGABYTES = 15


@dataclass
class Accounts:
    """Of every offset of the source, how many results there were, in one byte each."""

    partitions: int
    events: int
    outcomes: Counter[str] = field(default_factory=Counter)
    settled: int = 0

    def __post_init__(self) -> None:
        self._seen = [bytearray(self.events) for _ in range(self.partitions)]

    @property
    def repeated(self) -> int:
        """Results beyond the first of an offset: what a restart costs."""
        return sum(self.outcomes.values()) - self.settled

    async def follow(self, broker: KafkaBroker, topics: Topics) -> None:
        """Read the metrics topic until cancelled."""
        reader = await broker.reader([topics.metrics], from_beginning=True)
        try:
            while True:
                for record in await reader.read(timeout_seconds=0.5):
                    self._take(orjson.loads(record.value or b""))
        finally:
            await reader.close()

    def _take(self, result: dict[str, object]) -> None:
        seen = self._seen[int(str(result["partition"]))]
        offset = int(str(result["offset"]))
        self.settled += not seen[offset]
        seen[offset] = 1
        self.outcomes[str(result["outcome"])] += 1


async def produce(broker: KafkaBroker, topics: Topics, events: int, people: int) -> None:
    """Put all events into the topic: every person's come in turn."""
    producer = await broker.producer()
    for start in range(0, events, 2_000):
        batch = [identify(n, n % people) for n in range(start, min(events, start + 2_000))]
        await producer.produce(topics.events, batch)
    await producer.close()


async def leads(url: str) -> dict[str, list[float]]:
    """Per e-mail, the score of every lead, asked of the org page by page."""
    found: dict[str, list[float]] = {}
    async with httpx.AsyncClient(base_url=url, timeout=120.0) as client:
        struck = {
            one["kind"]: one["fired"] for one in (await client.get("/_emulator/faults")).json()
        }
        sys.stdout.write(f"requests hit by faults: {struck}\n")
        (await client.delete("/_emulator/faults")).raise_for_status()
        grant = {"grant_type": "client_credentials", "client_id": "consumer-key",
                 "client_secret": "consumer-secret"}  # fmt: skip
        token = (await client.post("/services/oauth2/token", data=grant)).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        query = "/services/data/v62.0/query?q=SELECT+Email,score__c+FROM+Lead"
        while query:
            page = (await client.get(query, headers=headers)).raise_for_status().json()
            for row in page["records"]:
                found.setdefault(row["Email"], []).append(row["score__c"])
            query = page.get("nextRecordsUrl", "")
    return found


async def soak(directory: Path, servers: list[str], events: int, people: int) -> list[str]:
    """Run it, print what happens, and return what is wrong."""
    topics = Topics(servers)
    accounts = Accounts(topics.partitions, events)
    broker = topics.broker()
    await broker.open()
    await topics.create(broker)
    await produce(broker, topics, events, people)
    org, url = await start_org()
    async with httpx.AsyncClient(base_url=url) as client:
        (await client.post("/_emulator/faults", json=FAULTS)).raise_for_status()
    worker = WorkerProcess(topics.config(directory, url, session=20.0), directory / "worker.log")
    following = asyncio.create_task(accounts.follow(broker, topics))
    memory: list[int] = []
    try:
        await worker.start()
        pid, began = worker.process.pid, time.monotonic()
        while accounts.settled < events:
            await asyncio.sleep(2)
            if accounts.settled >= max(events // 10, 2 * people):  # all ids are remembered
                memory.append(resident_megabytes(pid))
            sys.stdout.write(
                f"{time.monotonic() - began:6.0f} s {accounts.settled:>10,} settled "
                f"{resident_megabytes(pid):>5} MB {cpu_seconds(pid):>7.0f} s CPU\n"
            )
            sys.stdout.flush()
        await worker.stop()
        found = await leads(url)
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await worker.kill()
        org.kill()
        await org.wait()
        await broker.close()
    sys.stdout.write(f"outcomes {dict(accounts.outcomes)}, repeated {accounts.repeated}\n")
    return [*_wrong_memory(memory), *_wrong_leads(found, events, people), *_wrong(accounts)]


def _wrong(accounts: Accounts) -> list[str]:
    if set(accounts.outcomes) == {"delivered"}:
        return []
    return [f"not all were delivered: {dict(accounts.outcomes)}"]


def _wrong_memory(memory: list[int]) -> list[str]:
    tenth = max(1, len(memory) // 10)
    early, late = statistics.median(memory[:tenth]), statistics.median(memory[-tenth:])
    sys.stdout.write(f"memory {early:.0f} MB early, {late:.0f} MB late, {max(memory)} MB at most\n")
    return [f"memory grew from {early} to {late} MB"] if late > early + GROWTH_MEGABYTES else []


def _wrong_leads(found: dict[str, list[float]], events: int, people: int) -> list[str]:
    last = {
        f"person{n % people}@example.com": [float(n)]
        for n in range(max(0, events - people), events)
    }
    differ = [email for email in last.keys() | found.keys() if last.get(email) != found.get(email)]
    return [f"{email}: expected {last.get(email)}, got {found.get(email)}" for email in differ[:5]]


def main() -> int:
    """Print the verdict; 1 when anything is wrong."""
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    people = int(sys.argv[2]) if len(sys.argv) > 2 else 50_000
    directory = Path(tempfile.mkdtemp(prefix="soak-"))
    kafka = KafkaServer(directory / "kafka")
    kafka.start()
    try:
        wrong = asyncio.run(soak(directory, kafka.bootstrap_servers, events, people))
    finally:
        kafka.stop()
    sys.stdout.write("".join(f"WRONG: {each}\n" for each in wrong) or "all accounted for\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
