"""The embedded broker: librdkafka's mock cluster, a real listener that speaks the Kafka protocol.

For demos and fast tests only: it keeps about 5 MB per partition and forgets everything at the end.
It gives an address; `transformer.kafka` does the rest. The only import of confluent_kafka.
"""

import logging
from importlib import import_module
from types import TracebackType
from typing import Any, Self

from transformer.errors import EnvironmentFault

_log = logging.getLogger("transformer.embedded")

_START_SECONDS = 10.0
NOTICE = "embedded broker: for demos only, it keeps about 5 MB per partition and nothing at the end"


class EmbeddedCluster:
    """One mock broker on a free loopback port; topics of 4 partitions appear on first use.

    Lives in threads of this process until `close`.
    """

    def __init__(self) -> None:
        try:
            library: Any = import_module("confluent_kafka")
        except ImportError as error:
            raise EnvironmentFault(
                "embedded broker: confluent-kafka is not installed. "
                "Run: pip install 'destination-transformer[embedded]'"
            ) from error
        self._client: Any = library.Producer(
            {"bootstrap.servers": "127.0.0.1:1", "test.mock.num.brokers": 1, "log_level": 0}
        )
        try:
            brokers = self._client.list_topics(timeout=_START_SECONDS).brokers.values()
        except library.KafkaException as error:
            raise EnvironmentFault(
                f"embedded broker: did not start within {_START_SECONDS:g} s. "
                "Check that this machine may listen on 127.0.0.1."
            ) from error
        self.bootstrap_servers = [f"{broker.host}:{broker.port}" for broker in brokers]
        _log.warning(NOTICE)

    def close(self) -> None:
        """Stop listening and forget every record."""
        self._client = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
