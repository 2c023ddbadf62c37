"""The running ledger: a Faust app over the metrics topic, its accounts in a table with changelog.

An offset of the metrics topic is acknowledged only when the
changelog has what it changed; a result read again changes nothing (`Account.as_of`).
"""

# mypy: allow-untyped-calls
# (Faust's decorators and web classes have few annotations)

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final

from faust.types import TP

from transformer.broker import Broker, TopicSpec
from transformer.clock import Clock
from transformer.config import Http, Kafka
from transformer.errors import EnvironmentFault, ProduceFailed
from transformer.kafka.producer import partition_of
from transformer.ledger import exposition, faust_app, state
from transformer.ledger.account import Account
from transformer.ledger.commits import Commits
from transformer.ledger.coverage import Range
from transformer.ledger.entry import Holder, decode
from transformer.ledger.exposition import Stand
from transformer.ledger.faust_app import Contents
from transformer.ledger.source import read_sources
from transformer.record import Partition
from transformer.telemetry.log import Log

_BATCH: Final = 1_000
_BATCH_SECONDS: Final = 0.25
_WATCH_SECONDS: Final = 0.2
_STOP_SECONDS: Final = 15.0
_LOOK_UP_SECONDS: Final = 60.0
_log: Final = Log("ledger")


class LedgerStream:
    """One ledger process; several share the partitions of the metrics topic."""

    def __init__(
        self,
        kafka: Kafka,
        http: Http,
        broker: Broker,
        clock: Clock,
        *,
        grace_seconds: float,
    ) -> None:
        self._kafka = kafka
        self._http = http
        self._broker = broker
        self._clock = clock
        self._grace_seconds = grace_seconds
        self._group = f"{kafka.group_prefix}ledger"
        self._changelog = f"{self._group}-accounts-changelog"
        self._stopping = asyncio.Event()
        self._partitions = 0
        self._unreadable = 0
        self._commits = Commits(broker, kafka.group_prefix)
        self._looked_up: set[tuple[bytes, Range]] = set()
        self._cached: dict[bytes, tuple[bytes, Account]] = {}
        self._app: Any = None
        self._table: Any = None

    def stop(self) -> None:
        """End `run`; what is not acknowledged yet is read again by the next process."""
        self._stopping.set()

    async def run(self, ready: Callable[[int], None]) -> None:
        """Keep the accounts until stopped; `ready` is called once with the port of the endpoint.

        Raises EnvironmentFault when the broker, a topic or the port cannot be used, ProduceFailed
        when the changelog could not be written.
        """
        await self._broker.open()
        try:
            self._partitions = await self._prepare()
            await self._run(ready)
        finally:
            await self._broker.close()

    async def _run(self, ready: Callable[[int], None]) -> None:
        partitions = self._partitions
        contents = Contents(
            metrics=lambda: exposition.metrics(self.stand()),
            view=lambda: exposition.view(self.stand()),
            is_ready=self.is_ready,
        )
        self._app = faust_app.build(self._kafka, self._http, self._group, partitions, contents)
        self._table = self._app.Table(
            "accounts", partitions=partitions, key_type=bytes, value_type=bytes
        )
        self._app.agent(self._app.topic(self._kafka.metrics_topic, **_RAW))(self._keep)
        await self._supervise(ready)

    def is_ready(self) -> bool:
        """Whether the accounts are recovered and results are being read."""
        return bool(self._app.tables.recovery.completed.is_set() and not self._app.rebalancing)

    def stand(self) -> Stand:
        """What is known now, of the partitions that are this process's own."""
        owned = self._owned()
        accounts: dict[Holder, Account] = {}
        for key, _, holder in self._own_accounts():
            account = self._account(key)
            # A metrics topic that was given more partitions has two; the newer one is kept.
            if holder not in accounts or accounts[holder].updated < account.updated:
                accounts[holder] = account
        return Stand(
            accounts,
            self._commits.known,
            self._clock.wall(),
            self._grace_seconds,
            {number: self._lag(number) for number in owned},
            self._unreadable,
        )

    async def _prepare(self) -> int:
        """Create the topics that are missing; return how many partitions there are."""
        kafka = self._kafka
        reader = await self._metrics_reader()
        partitions = len(await reader.positions())
        await reader.close()
        changelog = TopicSpec(
            self._changelog, partitions, kafka.replication, compact=True,
            max_record_bytes=kafka.max_record_bytes,
        )  # fmt: skip
        if kafka.create_topics:
            await self._broker.ensure_topics([changelog])
        reader = await self._broker.reader([self._changelog], from_beginning=False)
        found = len(await reader.positions())
        await reader.close()
        if found != partitions:
            raise EnvironmentFault(
                f"ledger: the topic {self._changelog} has {found} partitions, expected "
                f"{partitions} as {kafka.metrics_topic} has. Delete it and the group "
                f"{self._group}: the accounts are made again of what the metrics topic holds."
            )
        return partitions

    async def _metrics_reader(self) -> Any:
        kafka = self._kafka
        if kafka.create_topics:
            await self._broker.ensure_topics(
                [
                    TopicSpec(
                        kafka.metrics_topic,
                        kafka.partitions,
                        kafka.replication,
                        retention_seconds=kafka.metrics_retention_seconds or None,
                        max_record_bytes=kafka.max_record_bytes,
                    )
                ]
            )
        return await self._broker.reader([kafka.metrics_topic], from_beginning=False)

    async def _supervise(self, ready: Callable[[int], None]) -> None:
        running = asyncio.create_task(self._run_app())
        told = asyncio.create_task(self._stopping.wait())
        others = [asyncio.create_task(one) for one in (self._watch(ready), self._look_up())]
        try:
            await asyncio.wait({running, told}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (*others, told):
                task.cancel()
            with suppress(TimeoutError):
                async with asyncio.timeout(_STOP_SECONDS):
                    await self._app.stop()
            running.cancel()
            await asyncio.wait({running})
        ended = None if running.cancelled() else running.exception()
        fault = self._app.crash_reason or ended
        if isinstance(fault, EnvironmentFault | ProduceFailed):
            raise fault
        if fault is not None and not self._stopping.is_set():
            raise EnvironmentFault(
                f"ledger: stopped by {type(fault).__name__}. Check the brokers, start again."
            ) from fault

    async def _run_app(self) -> None:
        await self._app.start()
        await self._app.wait_until_stopped()

    async def _watch(self, ready: Callable[[int], None]) -> None:
        while not self._app.started or not self.is_ready():
            await self._clock.sleep(_WATCH_SECONDS)
        ready(self._app.web.port)

    async def _look_up(self) -> None:
        """See what the groups have committed, and whether gaps below that hold records at all."""
        seconds = min(_LOOK_UP_SECONDS, max(1.0, self._grace_seconds))
        while True:
            can_look = self._app.started and self.is_ready()
            if can_look:
                await self._commits.ask([holder for _, _, holder in self._own_accounts()])
                await self._expect_committed()
                with suppress(EnvironmentFault):
                    await self._strike_absent()
            await self._clock.sleep(seconds if can_look else _WATCH_SECONDS)

    def _own_accounts(self) -> Sequence[tuple[bytes, int, Holder]]:
        """The keys of the accounts that are this process's own, parsed."""
        owned = self._owned()
        keys = ((key, *state.parse_key(key)) for key in [*self._table.data.keys()])
        return [(key, number, holder) for key, number, holder in keys if number in owned]

    async def _expect_committed(self) -> None:
        """What is committed beyond the last result has a gap from now on, until results fill it.

        Not where no result of that holder comes to any more: the metrics topic got more partitions.
        """
        now, changed = self._clock.wall(), []
        for key, number, holder in self._own_accounts():
            account = self._account(key)
            if number == partition_of(holder.key, self._partitions) and account.expect(
                self._commits.known.get(holder, 0), now
            ):
                changed.append((key, account))
        await asyncio.gather(*[self._store(key, account) for key, account in changed])

    async def _strike_absent(self) -> None:
        """Take out of the gaps what holds no record in the source topics, each looked at once."""
        now = self._clock.wall()
        asked: dict[Partition, list[Range]] = {}
        gaps: list[tuple[bytes, Range]] = []
        for key, _, holder in self._own_accounts():
            committed = self._commits.known.get(holder, 0)
            found = self._account(key).gaps(now, self._grace_seconds, committed)
            new = [(key, gap) for gap in found if (key, gap) not in self._looked_up]
            gaps += new
            asked.setdefault(holder.partition, []).extend(gap for _, gap in new)
        if not gaps:
            return
        sources = await read_sources(self._broker, asked)
        changed: set[bytes] = set()
        for key, (first, last) in gaps:
            source = sources.get(state.parse_key(key)[1].partition)
            if source is None or state.parse_key(key)[0] not in self._owned():
                continue
            for begin, end in source.absent(first, last):
                self._account(key).strike(begin, end)
                changed.add(key)
            self._looked_up.add((key, (first, last)))
        await asyncio.gather(*(self._store(key, self._account(key)) for key in changed))

    async def _keep(self, stream: Any) -> None:
        """The agent: results in, accounts out."""
        async for events in stream.noack_take(_BATCH, within=_BATCH_SECONDS):
            await self._take(events)
            for event in events:
                await stream.ack(event)

    async def _take(self, events: Sequence[Any]) -> None:
        now = self._clock.wall()
        changed: dict[bytes, Account] = {}
        for event in events:
            entry = decode(event.value)
            if entry is None:
                self._unreadable += 1
                continue
            key = state.key(event.message.partition, entry.holder)
            account = changed.get(key) or self._account(key)
            changed[key] = account
            account.take(entry, event.message.offset, now)
        await asyncio.gather(*[self._store(key, account) for key, account in changed.items()])

    async def _store(self, key: bytes, account: Account) -> None:
        stored = state.encode(account)
        sent = self._table.send_changelog(state.parse_key(key)[0], key, stored)
        self._table.data[key] = stored
        self._cached[key] = (stored, account)
        await sent

    def _account(self, key: bytes) -> Account:
        """The account of a key, decoded once per change; an empty one when there is none."""
        stored = self._table.data.get(key)
        if stored is None:
            return Account()
        known = self._cached.get(key)
        if known is None or known[0] is not stored:
            known = self._cached[key] = (stored, state.decode(stored))
        return known[1]

    def _owned(self) -> frozenset[int]:
        topic = self._kafka.metrics_topic
        return frozenset(
            tp.partition for tp in self._app.assignor.assigned_actives() if tp.topic == topic
        )

    def _lag(self, number: int) -> int:
        partition = TP(self._kafka.metrics_topic, number)
        end = self._app.consumer.highwater(partition)
        read = self._app.consumer._read_offset.get(partition)  # noqa: SLF001  # there is no public way
        return max(0, (end or 0) - (-1 if read is None else read) - 1)


_RAW: Final = {
    "key_type": bytes,
    "value_type": bytes,
    "key_serializer": "raw",
    "value_serializer": "raw",
}
