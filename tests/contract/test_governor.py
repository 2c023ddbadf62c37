"""The governor from end to end: it slows down before the quota ends, waits, and goes on."""

import asyncio

from prometheus_client.parser import text_string_to_metric_families

from tests.contract.salesforce.worker import ALLOWED, RECHECK_SECONDS, Scene, running
from tests.invariants.virtual import run
from transformer.policy import Policy
from transformer.telemetry.metrics import Metrics

LINGER = 1.0
POLICY = Policy(linger_seconds=LINGER)


async def live(scene: Scene, seconds: int, *, others_per_second: int = 0) -> int:
    """Let events come, four a second, and others use the org; our API calls meanwhile."""
    before = scene.org.api_calls
    for _ in range(seconds):
        scene.org.quota.count(others_per_second, scene.clock.wall())
        for _ in range(4):
            scene.produce(scene.produced)
            await asyncio.sleep(0.25)
    return scene.org.api_calls - before


def shown(scene: Scene, name: str) -> float:
    """One of the connection's metrics as it is scraped now."""
    metrics = Metrics("1")
    metrics.watch(scene.pipeline.status, destination="salesforce", mapping_version="m")
    families = text_string_to_metric_families(metrics.exposition().decode())
    (value,) = [s.value for family in families for s in family.samples if s.name == name]
    return value


async def calls_of_five_minutes(used: int) -> int:
    """What a worker spends in the second five of ten minutes, beside others who use too much."""
    async with running(POLICY, used=used) as scene:
        await live(scene, 300, others_per_second=4)
        return await live(scene, 300, others_per_second=4)


def test_writes_gather_longer_before_the_quota_ends_and_take_fewer_calls() -> None:
    """Beside others who use too much: a lookup and a write every second, later less than half."""
    early, late = run(calls_of_five_minutes(10_000)), run(calls_of_five_minutes(70_000))
    assert early == 2 * 300
    assert 0 < late < early / 2


def test_that_it_slows_down_and_why_is_to_be_seen() -> None:
    """The pace of all, the time that is left, and how long writes gather."""

    async def main() -> None:
        async with running(POLICY, used=70_000) as scene:
            await live(scene, 600, others_per_second=4)
            status = scene.pipeline.status()
            assert (status.state, status.waiting_for) == ("running", "")
            assert 4.0 < status.quota_per_second < 5.2
            assert 3 * LINGER < status.linger_seconds < 6 * LINGER
            assert status.quota_seconds_left is not None
            eaten = status.quota_per_second - ALLOWED / 86_400
            assert abs(status.quota_seconds_left - (ALLOWED - status.quota_used) / eaten) < 1.0
            metrics = {
                "transformer_linger_seconds": status.linger_seconds,
                "transformer_quota_exhaustion_seconds": status.quota_seconds_left,
                "transformer_quota_pace_requests_per_second": status.quota_per_second,
                "transformer_quota_used_requests": status.quota_used,
            }
            assert {name: shown(scene, name) for name in metrics} == metrics

    run(main())


def test_at_its_share_it_waits_asks_once_per_interval_and_goes_on_by_itself() -> None:
    """Not one request more than the share but the questions; nothing is lost or left behind."""

    async def main() -> None:
        async with running(POLICY, used=ALLOWED - 20) as scene:
            await live(scene, 120)
            status = scene.pipeline.status()
            assert (status.state, status.waiting_for) == ("waiting", "quota_spent")
            assert (status.quota_seconds_left, status.quota_allowed) == (0.0, ALLOWED)
            assert shown(scene, "transformer_quota_exhaustion_seconds") == 0.0
            questions = scene.org.quota.used(scene.clock.wall()) - ALLOWED
            assert questions <= 2
            delivered = len(scene.results())
            assert 0 < delivered < scene.produced
            assert await live(scene, 10 * int(RECHECK_SECONDS)) == 10
            assert len(scene.results()) == delivered
            scene.org.set_quota_used(1_000)
            await live(scene, int(RECHECK_SECONDS) + 5)
            status = scene.pipeline.status()
            assert (status.state, status.waiting_for) == ("running", "")
            assert scene.produced - len(scene.results()) < 4 * 5

    run(main())
