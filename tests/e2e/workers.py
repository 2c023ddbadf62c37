"""Workers as processes of their own, on a real Kafka, against an emulated org over HTTP."""

import asyncio
import os
import signal
import sys
import uuid
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from tests.waiting import eventually, nothing
from transformer.broker import TopicSpec
from transformer.clock import SystemClock
from transformer.errors import EnvironmentFault
from transformer.kafka import KafkaBroker
from transformer.record import Message, Partition

ROOT = Path(__file__).parent.parent.parent

CONFIG = """
kafka:
  bootstrap_servers: [{servers}]
  topics: [{events}]
  metrics_topic: {metrics}
  dead_letter_topic: {letters}
  group_prefix: {group}-
  create_topics: false
  session_timeout_seconds: {session}
connections:
  - name: salesforce
    destination: salesforce
    settings:
      login_url: {url}
      client_id: consumer-key
      client_secret: consumer-secret
      recheck_seconds: 2
      read_timeout_seconds: {read_timeout}
      duplicates: {duplicates}
    delivery:
      linger_seconds: 0.2
      membership_seconds: {membership}
      drain_seconds: 20
      backoff_limit_seconds: 5
http:
  port: 0
"""


@dataclass
class Topics:
    """Topics of one test, and what is in them."""

    servers: Sequence[str]
    name: str = field(default_factory=lambda: f"t{uuid.uuid4().hex[:10]}")
    partitions: int = 4

    @property
    def events(self) -> str:
        """Where the test's events are."""
        return f"{self.name}.events"

    @property
    def metrics(self) -> str:
        """Where results are produced."""
        return f"{self.name}.metrics"

    @property
    def letters(self) -> str:
        """Where dead letters are produced."""
        return f"{self.name}.dead-letters"

    def broker(self) -> KafkaBroker:
        """A connection of the test's own."""
        return KafkaBroker(self.servers, clock=SystemClock(), client_id="test")

    async def create(self, broker: KafkaBroker) -> None:
        """Create all three."""
        names = (self.events, self.metrics, self.letters)
        await broker.ensure_topics([TopicSpec(name, self.partitions) for name in names])

    def config(
        self,
        directory: Path,
        url: str,
        *,
        session: float = 3.0,
        read_timeout: float = 5,
        duplicates: str = "refuse",
    ) -> Path:
        """A configuration for a worker on these topics and the org at `url`."""
        path = directory / "config.yaml"
        path.write_text(
            CONFIG.format(
                servers=", ".join(self.servers),
                events=self.events,
                metrics=self.metrics,
                letters=self.letters,
                group=self.name,
                url=url,
                session=session,
                membership=session * 0.7,
                read_timeout=read_timeout,
                duplicates=duplicates,
            )
        )
        return path


class WorkerProcess:
    """`transformer worker` as a process; its output goes to a file of the test."""

    def __init__(self, config: Path, log: Path) -> None:
        self._config = config
        self._log = log
        self._process: asyncio.subprocess.Process | None = None
        self._began = 0

    @property
    def process(self) -> asyncio.subprocess.Process:
        """The running process."""
        assert self._process is not None
        return self._process

    async def start(self) -> None:
        """Start it; it joins its group a moment later."""
        self._began = len(self._log.read_text()) if self._log.exists() else 0
        with self._log.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "transformer", "worker", "--config", str(self._config),
                stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output,
                cwd=ROOT, env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )  # fmt: skip

    async def ready(self) -> None:
        """Wait until it says that it is ready: it has joined its group and takes signals."""
        await eventually("the worker is ready", self._is_ready, state=self.said)

    def _is_ready(self) -> bool:
        assert self.process.returncode is None, self.said()
        return "Worker is ready" in self._log.read_text()[self._began :]

    def said(self) -> str:
        """How it ended, when it has, and the last that it said, for messages of failing tests."""
        return f"exit code {self.process.returncode}: {self._log.read_text()[-4000:]}"

    async def signal(self, number: signal.Signals) -> None:
        """Send a signal to it."""
        self.process.send_signal(number)

    async def kill(self) -> None:
        """Kill -9, and wait until it is gone."""
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()

    async def stop(self) -> int:
        """SIGTERM, unless it has ended by itself; return its exit code."""
        with suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGTERM)
        ended = asyncio.ensure_future(self.process.wait())
        await eventually("the worker has ended", ended.done, state=self.said)
        return await ended


class Accounts:
    """What the metrics topic says of every offset, read as it grows; the last result counts."""

    def __init__(self) -> None:
        self.results: dict[tuple[Partition, int], list[dict[str, object]]] = defaultdict(list)

    async def follow(self, broker: KafkaBroker, topics: Topics) -> None:
        """Read the metrics topic until cancelled; a broker that is away is asked again."""
        reader = await broker.reader([topics.metrics], from_beginning=True)
        try:
            while True:
                with suppress(EnvironmentFault):
                    for record in await reader.read(timeout_seconds=0.5):
                        self.take(orjson.loads(record.value or b""))
                await asyncio.sleep(0)
        finally:
            await reader.close()

    def take(self, result: dict[str, object]) -> None:
        """Take one result: of one offset, or of a run of them."""
        partition = Partition(str(result["topic"]), int(str(result["partition"])))
        first = int(str(result["offset"]))
        last = int(str(result.get("last_offset", first)))
        for offset in range(first, last + 1):
            self.results[partition, offset].append(result)

    async def reach(
        self, count: int, seconds: float, state: Callable[[], object] = nothing
    ) -> None:
        """Wait until `count` offsets are accounted for; fail with that and `state` instead."""
        await eventually(
            f"{count} offsets are accounted for",
            lambda: len(self.results) >= count,
            seconds=seconds,
            state=lambda: f"{len(self.results)} are. {state()}",
        )

    def outcomes(self) -> dict[tuple[Partition, int], str]:
        """The last outcome of every offset."""
        return {key: str(results[-1]["outcome"]) for key, results in self.results.items()}


def identify(n: int, person: int, **traits: object) -> Message:
    """The nth event, of one of the test's people."""
    email = f"person{person}@example.com"
    body = {
        "type": "identify",
        "messageId": f"message-{n}",
        "userId": f"user-{person}",
        "traits": {"email": email, "lastName": f"L{person}", "company": "Acme", "n": n, **traits},
        "integrations": {"Salesforce": True},
    }
    return Message(orjson.dumps(body), f"user-{person}".encode())
