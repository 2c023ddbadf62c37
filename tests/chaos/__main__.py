"""`python -m tests.chaos [SEED] [EVENTS] [DEEDS]`: one storm, its report, and exit 1 if it won."""

import asyncio
import sys
import tempfile
from pathlib import Path

from tests.chaos.oracle import letters_of, verdict
from tests.chaos.storm import Storm
from tests.kafka_server import KafkaServer


async def storm(seed: int, events: int, deeds: int, directory: Path) -> tuple[Storm, list[str]]:
    """Run one storm on a Kafka of its own and judge it."""
    kafka = KafkaServer(directory / "kafka")
    await asyncio.to_thread(kafka.start)
    try:
        run = Storm(kafka, directory, seed)
        org = await run.run(events, deeds)
        broker = run.topics.broker()
        await broker.open()
        letters = await letters_of(broker, run.topics.letters)
        await broker.close()
        return run, verdict(run, org, letters)
    finally:
        kafka.stop()


def main() -> int:
    """Run, print, and return the exit code."""
    seed, events, deeds = (
        int(a) for a in [*sys.argv[1:], *("1", "4000", "60")[len(sys.argv) - 1 :]]
    )
    directory = Path(tempfile.mkdtemp(prefix="chaos-"))
    print(f"==> a storm of {events} events and {deeds} misdeeds, seed {seed}, in {directory}")
    run, wrong = asyncio.run(storm(seed, events, deeds, directory))
    for name, counts in (("deeds", run.story.deeds), ("faults met", run.story.weather)):
        print(f"{name}: " + ", ".join(f"{what} {count}" for what, count in sorted(counts.items())))
    results = run.accounts.results.values()
    print(f"results: {sum(map(len, results))} for {len(results)} offsets")
    print("\n".join(["WRONG:", *wrong[:20]]) if wrong else "every promise was kept")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
