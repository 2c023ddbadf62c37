"""Committed offsets as the coordinator tells them, and what is done about its errors."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import errors as kafka

from tests.manual_clock import ManualClock
from transformer.errors import EnvironmentFault
from transformer.kafka.groups import committed_offsets
from transformer.record import Partition

PARTS = [Partition("events", 0), Partition("events", 1), Partition("gone", 0)]


def answer(*parts: tuple[int, int, int], code: int = 0, gone: int = 0) -> object:
    """What a coordinator says of `events`: partition, offset, error; and the error of `gone`."""
    topics = [
        ("events", [(number, offset, "", error) for number, offset, error in parts]),
        ("gone", [(0, -1, "", gone)]),
    ]
    return SimpleNamespace(topics=topics, error_code=code)


@dataclass
class Admin:
    """Stands for aiokafka's client: gives these answers in turn, and raises the errors of them."""

    answers: list[object]
    asked: list[int] = field(default_factory=list)

    @property
    def _client(self) -> "Admin":
        return self

    async def find_coordinator(self, group: str) -> int:
        """The coordinator's number."""
        del group
        return 7

    async def send(self, node: int, request: object) -> object:
        """The next answer."""
        del request
        self.asked.append(node)
        given = self.answers.pop(0)
        if isinstance(given, Exception):
            raise given
        return given


async def ask(*answers: object) -> tuple[object, Admin, ManualClock]:
    """What comes of these answers."""
    admin: Any = Admin(list(answers))
    clock = ManualClock()
    found = await committed_offsets(admin, "group", PARTS, clock=clock, timeout_seconds=5.0)
    return found, admin, clock


async def test_partitions_without_a_commit_or_a_topic_are_left_out() -> None:
    """Minus one is no offset."""
    good = answer((0, 7, 0), (1, -1, 0), gone=kafka.UnknownTopicOrPartitionError.errno)
    found, admin, _ = await ask(good)
    assert found == {PARTS[0]: 7}
    assert admin.asked == [7]


@pytest.mark.parametrize(
    "passing",
    [
        answer(code=kafka.GroupLoadInProgressError.errno),
        answer((0, -1, kafka.NotCoordinatorForGroupError.errno)),
        kafka.NodeNotReadyError(),
    ],
)
async def test_a_coordinator_that_comes_up_is_asked_again(passing: object) -> None:
    """An error of the group is not taken for a group without commits."""
    found, _, clock = await ask(passing, passing, answer((0, 7, 0), (1, 3, 0)))
    assert found == {PARTS[0]: 7, PARTS[1]: 3}
    assert clock.slept == [0.2, 0.2]


async def test_a_group_that_may_not_be_seen_is_a_fault() -> None:
    """With the group and what to do; not asked again."""
    with pytest.raises(EnvironmentFault, match="kafka group group: committed offsets: not allowed"):
        await ask(answer(code=kafka.GroupAuthorizationFailedError.errno))
