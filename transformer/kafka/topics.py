"""Creates the topics that are missing on a Kafka cluster; never changes one that exists."""

# mypy: allow-untyped-calls
# (aiokafka has few annotations)

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from transformer.broker import TopicSpec
from transformer.errors import EnvironmentFault
from transformer.kafka.faults import advice, translate


async def create_topics(
    admin: AIOKafkaAdminClient, topics: Sequence[TopicSpec], timeout_seconds: float
) -> Sequence[str]:
    """Create those of `topics` that are missing, wait until they are there, return their names."""
    try:
        async with asyncio.timeout(timeout_seconds):
            existing = set(await admin.list_topics())
            missing = [spec for spec in topics if spec.name not in existing]
            created = await _create(admin, missing) if missing else []
            for spec in topics:
                await admin._client._wait_on_metadata(spec.name)  # noqa: SLF001 - no public way
    except (TimeoutError, KafkaError) as error:
        raise translate("kafka topics", error) from error
    return created


async def topic_names(admin: AIOKafkaAdminClient, timeout_seconds: float) -> frozenset[str]:
    """The topics of the cluster that this user may see."""
    try:
        async with asyncio.timeout(timeout_seconds):
            return frozenset(await admin.list_topics())
    except (TimeoutError, KafkaError) as error:
        raise translate("kafka topics", error) from error


async def _create(admin: AIOKafkaAdminClient, missing: Sequence[TopicSpec]) -> Sequence[str]:
    if admin._client.cluster.controller is None:  # noqa: SLF001 - the admin client would stumble
        # The embedded broker has no CreateTopics: its topics appear when metadata is asked for.
        return [spec.name for spec in missing]
    answer: Any = await admin.create_topics([_new_topic(spec) for spec in missing])
    created = []
    for name, code, *detail in answer.topic_errors:
        error = for_code(code)
        if code and error is not TopicAlreadyExistsError:
            said = f" ({detail[0]})" if detail and detail[0] else ""
            raise EnvironmentFault(f"kafka topic {name}: not created: {advice(error())}{said}")
        created += [] if code else [str(name)]
    return created


def _new_topic(spec: TopicSpec) -> NewTopic:
    return NewTopic(spec.name, spec.partitions, spec.replication, topic_configs=_configs(spec))


def _configs(spec: TopicSpec) -> Mapping[str, str]:
    kept = spec.retention_seconds
    return {
        "cleanup.policy": "compact" if spec.compact else "delete",
        "retention.ms": "-1" if kept is None else str(int(kept * 1000)),
        "max.message.bytes": str(spec.max_record_bytes),
    }
