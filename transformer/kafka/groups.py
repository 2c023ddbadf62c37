"""What consumer groups have committed, asked of their coordinators without joining them."""

# mypy: allow-untyped-calls
# (aiokafka has few annotations)

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError, UnknownTopicOrPartitionError, for_code
from aiokafka.protocol.commit import OffsetFetchRequest

from transformer.clock import Clock
from transformer.kafka.faults import CONNECTION_ERRORS, is_passing, translate
from transformer.record import Partition

_AGAIN_SECONDS = 0.2


async def committed_offsets(
    admin: AIOKafkaAdminClient,
    group: str,
    partitions: Iterable[Partition],
    *,
    clock: Clock,
    timeout_seconds: float,
) -> Mapping[Partition, int]:
    """The committed `next_offset` per partition; asked again while the coordinator comes up."""
    asked: dict[str, list[int]] = defaultdict(list)
    for topic, number in sorted(set(partitions)):
        asked[topic].append(number)
    try:
        async with asyncio.timeout(timeout_seconds):
            while True:
                try:
                    return await _ask(admin, group, asked)
                except KafkaError as error:
                    if not is_passing(error):
                        raise
                await clock.sleep(_AGAIN_SECONDS)
    except CONNECTION_ERRORS as error:
        raise translate(f"kafka group {group}: committed offsets", error) from error


async def _ask(
    admin: AIOKafkaAdminClient, group: str, asked: Mapping[str, list[int]]
) -> Mapping[Partition, int]:
    # Not `list_consumer_group_offsets`: it takes a group's error for a group without commits.
    coordinator = await admin.find_coordinator(group)
    request = OffsetFetchRequest(group, list(asked.items()))
    answer: Any = await admin._client.send(coordinator, request)  # noqa: SLF001 - see above
    _raise_for(getattr(answer, "error_code", 0))
    found = {}
    for topic, parts in answer.topics:
        for number, offset, _, code in parts:
            if for_code(code) is UnknownTopicOrPartitionError:
                continue
            _raise_for(code)
            if offset >= 0:
                found[Partition(topic, number)] = offset
    return found


def _raise_for(code: int) -> None:
    if code:
        raise for_code(code)
