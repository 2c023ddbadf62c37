"""The brokers that the contract is held against."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.contract.broker.brokers import Harness, harness
from transformer.embedded import EmbeddedCluster


@pytest.fixture(scope="module")
def embedded_servers() -> Iterator[list[str]]:
    """The address of one embedded cluster for the module."""
    with EmbeddedCluster() as cluster:
        yield cluster.bootstrap_servers


@pytest.fixture(params=["memory", "embedded", pytest.param("kafka", marks=pytest.mark.kafka)])
async def it(request: pytest.FixtureRequest) -> AsyncIterator[Harness]:
    """Each broker in turn."""
    async with harness(request.param, request) as one:
        yield one


@pytest.fixture(params=["memory", pytest.param("kafka", marks=pytest.mark.kafka)])
async def full(request: pytest.FixtureRequest) -> AsyncIterator[Harness]:
    """The brokers with all of Kafka's groups, that know the times of their records.

    The embedded one is for one worker: a join takes 3 s, commits are refused in a rebalance, and it
    knows no times.
    """
    async with harness(request.param, request) as one:
        yield one
