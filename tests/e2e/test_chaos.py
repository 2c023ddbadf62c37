"""A bounded slice of the storm, on every run of the tests; `make chaos` runs longer ones."""

from pathlib import Path

import pytest

from tests.chaos.__main__ import storm

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(2_400)]


async def test_a_storm_loses_nothing_doubles_nothing_and_overwrites_nothing_newer(
    tmp_path: Path, kafka_server: object
) -> None:
    """Kills, suspensions, a broker crash and faults of every kind; the oracle finds no fault."""
    run, wrong = await storm(7, 1_500, 32, tmp_path)
    assert wrong == [], run.log.read_text()[-4000:]
    assert run.story.deeds.keys() >= {"kill", "term", "suspend", "start", "broker", "quota"}
    assert len(run.story.weather) >= 8
    # SIGTERM ends a worker that is still starting at once: it has read nothing yet.
    # One that found no broker when it started has ended by itself.
    exits = {deed: n for deed, n in run.story.deeds.items() if deed.startswith("exit")}
    assert exits.keys() <= {"exit 0", "exit -15", "exit 3"}, run.log.read_text()[-4000:]
    assert sum(exits.values()) == run.story.deeds["term"]
