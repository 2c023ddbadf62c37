"""Membership of a consumer group: what counts as certain, and what only looks like it."""

import asyncio
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import CommitFailedError, CoordinatorNotAvailableError

from tests.manual_clock import ManualClock
from transformer.kafka.membership import Membership
from transformer.kafka.options import Options

SESSION = 20.0
PART = TopicPartition("events", 0)


class Group:
    """A consumer client whose coordinator answers as the test says."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.accepts_heartbeat = True
        self.refusal: Exception | None = None
        self.commits: list[Mapping[TopicPartition, int]] = []
        self._coordinator = SimpleNamespace(generation=3, _do_heartbeat=self._answer)
        self.membership = Membership(
            cast("Any", self), self.clock, Options(session_timeout_seconds=SESSION)
        )
        self.membership.joined(self.clock.now(), {PART: 7})

    async def _answer(self) -> bool:
        return self.accepts_heartbeat

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """What the membership commits."""
        self.commits.append(offsets)
        if self.refusal is not None:
            raise self.refusal

    async def heartbeat(self) -> bool:
        """As aiokafka's own routine sends one."""
        return bool(await self._coordinator._do_heartbeat())


async def test_a_heartbeat_within_the_session_is_certain() -> None:
    """It costs no commit."""
    group = Group()
    group.clock.pass_seconds(SESSION - 1)
    assert await group.heartbeat() is True
    assert (group.membership.age_seconds(), group.commits) == (0.0, [])


async def test_after_a_longer_silence_an_accepted_heartbeat_proves_nothing() -> None:
    """A coordinator that still loads the group accepts strangers; a commit it refuses to them."""
    group = Group()
    group.refusal = CommitFailedError("unknown member")
    group.clock.pass_seconds(SESSION + 1)
    assert await group.heartbeat() is True
    assert group.membership.age_seconds() == SESSION + 1
    assert group.commits == [{PART: 7}]


async def test_after_a_longer_silence_a_commit_of_the_same_offsets_proves_it() -> None:
    """Nothing moves: what is committed is committed again."""
    group = Group()
    await group.membership.commit({PART: 9})
    group.clock.pass_seconds(SESSION + 1)
    await group.heartbeat()
    assert (group.membership.age_seconds(), group.commits) == (0.0, [{PART: 9}, {PART: 9}])


async def test_a_coordinator_that_cannot_be_asked_leaves_it_in_doubt() -> None:
    """And the heartbeats go on."""
    group = Group()
    group.refusal = CoordinatorNotAvailableError()
    group.clock.pass_seconds(SESSION + 1)
    assert await group.heartbeat() is True
    assert group.membership.age_seconds() == SESSION + 1


async def test_a_commit_under_way_is_not_doubled_by_an_older_one() -> None:
    """It tells by itself, and must not be overtaken by older offsets."""
    group = Group()
    group.clock.pass_seconds(SESSION + 1)
    arrived, answered = asyncio.Event(), asyncio.Event()

    async def slow(offsets: Mapping[TopicPartition, int]) -> None:
        group.commits.append(offsets)
        arrived.set()
        await answered.wait()

    group.commit = slow  # type: ignore[method-assign]
    pending = asyncio.create_task(group.membership.commit({PART: 12}))
    await arrived.wait()
    await group.heartbeat()
    answered.set()
    await pending
    assert (group.membership.age_seconds(), group.commits) == (0.0, [{PART: 12}])


async def test_a_commit_of_a_member_that_was_thrown_out_meanwhile_confirms_nothing() -> None:
    """Without a generation it may have been taken for that of a group without members."""
    group = Group()
    group.clock.pass_seconds(SESSION + 1)
    group._coordinator.generation = -1
    await group.membership.commit({PART: 9})
    assert group.membership.age_seconds() == SESSION + 1


@pytest.mark.parametrize("accepted", [True, False])
async def test_a_refused_heartbeat_confirms_nothing(accepted: bool) -> None:
    """Neither early nor late; without partitions there is nothing to prove."""
    group = Group()
    group.membership.joined(0.0, {})
    group.accepts_heartbeat = accepted
    group.clock.pass_seconds(SESSION + 1)
    assert await group.heartbeat() is accepted
    assert (group.membership.age_seconds(), group.commits) == (SESSION + 1, [])
