"""Apache Kafka as a broker, through aiokafka: this package is the only one that imports it.

It owns connections, groups, translation of errors and of records; it decides nothing.
"""

from transformer.kafka.broker import KafkaBroker
from transformer.kafka.options import Options

__all__ = ["KafkaBroker", "Options"]
