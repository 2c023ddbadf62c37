"""A bounded slice of the storm, on every run of the tests; `make chaos` runs longer ones."""

from pathlib import Path

import pytest

from tests.chaos.__main__ import storm
from tests.chaos.plan import ROUND
from tests.chaos.storm import said

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(2_400)]


async def test_a_storm_loses_nothing_doubles_nothing_and_overwrites_nothing_newer(
    tmp_path: Path, kafka_server: object
) -> None:
    """One of every misdeed and of every fault of the CRM; the oracle finds no fault."""
    run, wrong = await storm(7, 1_500, len(ROUND), tmp_path)
    assert wrong == [], said(tmp_path)
    assert run.story.done.keys() == set(ROUND)
