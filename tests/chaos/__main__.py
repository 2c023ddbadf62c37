"""`python -m tests.chaos [SEED] [EVENTS] [DEEDS]`: one storm, its report, and exit 1 if it won."""

import asyncio
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import orjson

from destinations.salesforce.emulator import SalesforceEmulator
from tests.chaos.oracle import Aftermath, Left, verdict
from tests.chaos.storm import Storm, said
from tests.e2e.workers import Accounts
from tests.kafka_server import KafkaServer
from transformer.kafka import KafkaBroker
from transformer.record import Record


async def storm(seed: int, events: int, deeds: int, directory: Path) -> tuple[Storm, list[str]]:
    """Run one storm on a Kafka of its own and judge it."""
    kafka = KafkaServer(directory / "kafka")
    await asyncio.to_thread(kafka.start)
    try:
        run = Storm(kafka, directory, seed, deeds)
        await run.run(events)
        return run, verdict(await aftermath(run))
    finally:
        await asyncio.to_thread(kafka.stop)


async def aftermath(run: Storm) -> Aftermath:
    """Gather what is left, now that nobody is at work any more."""
    broker, accounts = run.topics.broker(), Accounts()
    await broker.open()
    try:
        for record in await read_all(broker, run.topics.metrics):
            accounts.take(orjson.loads(record.value or b""))
        return Aftermath(
            run.story,
            events=await read_all(broker, run.topics.events),
            results=accounts.results,
            letters=await read_all(broker, run.topics.letters),
            leads=list(left(run.org, "Lead")),
            visits=list(left(run.org, "Visit__c")),
            mistakes=[
                *(f"the org was asked for an unknown route: {it}" for it in run.org.unknown_routes),
                *(f"the emulator broke: {it}" for it in run.org.crashes),
            ],
        )
    finally:
        await broker.close()


async def read_all(broker: KafkaBroker, topic: str) -> list[Record]:
    """Every record of a topic."""
    reader = await broker.reader([topic], from_beginning=True)
    found: list[Record] = []
    try:
        while any(at < end for at, end in (await reader.positions()).values()):
            found.extend(await reader.read(timeout_seconds=1.0))
    finally:
        await reader.close()
    return found


def left(org: SalesforceEmulator, object_type: str) -> Iterable[Left]:
    """The records of an object, with every field that a request or a person has written."""
    for row in org.records(object_type):
        written = frozenset(name for write in row.history for name in write.values)
        yield Left(row.id, row.values, written)


def main() -> int:
    """Run, print, and return the exit code."""
    seed, events, deeds = (
        int(a) for a in [*sys.argv[1:], *("1", "4000", "64")[len(sys.argv) - 1 :]]
    )
    directory = Path(tempfile.mkdtemp(prefix="chaos-"))
    print(f"==> a storm of {events} events and {deeds} misdeeds, seed {seed}, in {directory}")
    run, wrong = asyncio.run(storm(seed, events, deeds, directory))
    exits = {f"code {code}": count for code, count in run.story.exits.items()}
    shown = (("had their effect", run.story.done), ("hits", run.weather), ("exits", exits))
    for name, counts in shown:
        print(f"{name}: " + ", ".join(f"{what} {count}" for what, count in sorted(counts.items())))
    print(f"events: {len(run.story.sent)}, leads: {len(run.org.records('Lead'))}")
    if wrong:
        told = directory / "wrong.txt"
        told.write_text("\n".join(wrong) + "\n")
        print("\n".join([f"WRONG, {len(wrong)} times, see {told}:", *wrong[:20], said(directory)]))
    else:
        print("every promise was kept, and everything planned has been met")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
