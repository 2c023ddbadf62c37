"""Fills the metrics of `metric_list.py`: the only user of the metrics library.

`Metrics` holds one registry; `ConnectionMetrics` is the observer of one connection, on the hot
path, with its label children bound ahead; gauges read each connection's `Status` when scraped.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate
from typing import Final, Literal, NamedTuple

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.registry import Collector

from transformer.observer import Stage, Status
from transformer.outcome import Reason
from transformer.telemetry import metric_list as listed
from transformer.telemetry.metric_list import Metric

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
OTHER: Final = "other"
_REASONS: Final = frozenset(("", *(reason.value for reason in Reason)))
_NAMED_STATUS: Final = {
    401: "401",
    403: "403",
    404: "404",
    408: "408",
    409: "409",
    429: "429",
    503: "503",
}
_CLASSES: Final = {2: "2xx", 3: "3xx", 4: "4xx", 5: "5xx"}
_Family = GaugeMetricFamily | CounterMetricFamily


class Metrics:
    """The metrics of one process."""

    def __init__(self, version: str) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # it has no annotations
        self.registry = CollectorRegistry(auto_describe=True)
        ProcessCollector(registry=self.registry)
        self._counters = {
            metric.name: Counter(metric.name, metric.help, metric.labels, registry=self.registry)
            for metric in listed.METRICS
            if metric.type == "counter" and metric is not listed.API_CALLS
        }
        self._histograms = {
            metric.name: Histogram(
                metric.name,
                metric.help,
                metric.labels,
                buckets=metric.buckets,
                registry=self.registry,
            )
            for metric in listed.METRICS
            if metric.type == "histogram" and metric is not listed.LATENCY
        }
        self._latencies = _Latencies()
        self.registry.register(self._latencies)
        self._statuses = _Statuses(version)
        self.registry.register(self._statuses)

    def counter(self, metric: Metric, *labels: str) -> Counter:
        """One counter with its labels bound."""
        return self._counters[metric.name].labels(*labels)

    def histogram(self, metric: Metric, *labels: str) -> Histogram:
        """One histogram with its labels bound."""
        return self._histograms[metric.name].labels(*labels)

    def latencies(self, connection: str) -> "Latency":
        """The latency histogram of one connection."""
        return self._latencies.of.setdefault(connection, Latency())

    def connection(self, name: str, objects: Iterable[str]) -> "ConnectionMetrics":
        """The observer of one connection, whose mapping names `objects`."""
        return ConnectionMetrics(self, name, frozenset(objects))

    def watch(
        self,
        status: Callable[[], Status],
        *,
        destination: str,
        mapping_version: str,
        credential_expires: float | None = None,
    ) -> None:
        """Read this connection's status at every scrape."""
        watched = _Watched(status, destination, mapping_version, credential_expires)
        self._statuses.watched.append(watched)

    def exposition(self) -> bytes:
        """Everything, in the text format of `CONTENT_TYPE`."""
        return generate_latest(self.registry)


class ConnectionMetrics:
    """An `Observer` that counts. Never raises; an unknown word is counted as `other`."""

    def __init__(self, metrics: Metrics, connection: str, objects: frozenset[str]) -> None:
        self._metrics = metrics
        self._name = connection
        self._objects = objects | {""}
        self._records = metrics.counter(listed.READ_RECORDS, connection)
        self._bytes = metrics.counter(listed.READ_BYTES, connection)
        self._upserts = metrics.histogram(listed.BATCH_UPSERTS, connection)
        self._events = metrics.counter(listed.BATCH_EVENTS, connection)
        self._latency = metrics.latencies(connection)
        self._request = metrics.histogram(listed.REQUEST_SECONDS, connection)
        self._stages: dict[str, Histogram] = {}
        self._settled: dict[tuple[str, str, str, str], Counter] = {}
        self._counters: dict[tuple[str, str], Counter] = {}
        # There from the beginning: of a series that begins with 1 nobody sees an increase.
        for topic in ("metrics", "dead_letter"):
            self._counter(listed.PRODUCE_FAILURES, topic)

    def read(self, records: int, size_bytes: int) -> None:
        """Records were read."""
        self._records.inc(records)
        self._bytes.inc(size_bytes)

    def stage(self, stage: Stage, seconds: float) -> None:
        """A stage took so long."""
        histogram = self._stages.get(stage)
        if histogram is None:
            histogram = self._metrics.histogram(listed.STAGE, self._name, stage)
            self._stages[stage] = histogram
        histogram.observe(seconds)

    def settled(
        self, outcome: str, reason: str, object_type: str, operation: str, count: int = 1
    ) -> None:
        """Events settled."""
        key = (outcome, reason, object_type, operation)
        counter = self._settled.get(key)
        if counter is None:
            counter = self._settled_counter(*key)
            if len(self._settled) < 4096:  # noqa: PLR2004  # a bound on what strange names can cost
                self._settled[key] = counter
        counter.inc(count)

    def latencies(self, seconds: Sequence[float]) -> None:
        """Delivered events took so long."""
        self._latency.observe(seconds)

    def batch(self, upserts: int, merged_events: int) -> None:
        """A batch was written."""
        self._upserts.observe(upserts)
        self._events.inc(merged_events)

    def retried(self, reason: str, count: int) -> None:
        """Upserts are to be sent again."""
        self._counter(listed.RETRIED, reason if reason in _REASONS else OTHER).inc(count)

    def produced(self, topic: Literal["metrics", "dead_letter"], messages: int) -> None:
        """Results or dead letters were acknowledged."""
        self._counter(listed.PRODUCED, topic).inc(messages)

    def produce_failed(self, topic: Literal["metrics", "dead_letter"]) -> None:
        """Results or dead letters were not acknowledged."""
        self._counter(listed.PRODUCE_FAILURES, topic).inc()

    def rebalanced(self, change: Literal["assigned", "revoked", "lost"], partitions: int) -> None:
        """Partitions came or went."""
        self._counter(listed.REBALANCED, change).inc(partitions)

    def request(self, status: int, seconds: float) -> None:
        """One HTTP request was answered, or was not: `status` 0."""
        self._counter(listed.REQUESTS, _status_class(status)).inc()
        self._request.observe(seconds)

    def _counter(self, metric: Metric, label: str) -> Counter:
        key = (metric.name, label)
        if key not in self._counters:
            self._counters[key] = self._metrics.counter(metric, self._name, label)
        return self._counters[key]

    def _settled_counter(
        self, outcome: str, reason: str, object_type: str, operation: str
    ) -> Counter:
        return self._metrics.counter(
            listed.SETTLED,
            self._name,
            outcome,
            reason if reason in _REASONS else OTHER,
            object_type if object_type in self._objects else OTHER,
            operation,
        )


class Latency:
    """One latency histogram, filled many values at a time: the library's takes locks for each."""

    def __init__(self) -> None:
        self._counts = [0] * (len(listed.LATENCY.buckets) + 1)
        self._sum = 0.0

    def observe(self, seconds: Sequence[float]) -> None:
        """Count all of `seconds`."""
        counts, bounds = self._counts, listed.LATENCY.buckets
        for each in seconds:
            counts[bisect_left(bounds, each)] += 1
        self._sum += sum(seconds)

    def add_to(self, family: HistogramMetricFamily, connection: str) -> None:
        """Add this histogram to the family that is being scraped."""
        bounds = [*map(str, listed.LATENCY.buckets), "+Inf"]
        buckets = list(zip(bounds, accumulate(self._counts), strict=True))
        family.add_metric([connection], buckets, self._sum)


class _Latencies(Collector):
    """The latency histograms of all connections, at the time of the scrape."""

    def __init__(self) -> None:
        self.of: dict[str, Latency] = {}

    def describe(self) -> Iterable[HistogramMetricFamily]:
        """Nothing ahead: the names are told apart by `METRICS`."""
        return ()

    def collect(self) -> Iterable[HistogramMetricFamily]:
        """The one family."""
        metric = listed.LATENCY
        family = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
        for connection, latency in self.of.items():
            latency.add_to(family, connection)
        yield family


class _Watched(NamedTuple):
    """A connection whose status is read, and what of it never changes."""

    status: Callable[[], Status]
    destination: str
    mapping_version: str
    credential_expires: float | None


class _Statuses(Collector):
    """Gauges made of every watched connection's status, at the time of the scrape."""

    def __init__(self, version: str) -> None:
        self._version = version
        self.watched: list[_Watched] = []

    def describe(self) -> Iterable[_Family]:
        """Nothing ahead: the names are told apart by `METRICS`."""
        return ()

    def collect(self) -> Iterable[_Family]:
        """The families of one scrape."""
        build = _family(listed.BUILD)
        build.add_metric([self._version], 1)
        yield build
        gauges = {metric.name: _family(metric) for metric in listed.METRICS if _is_status(metric)}
        for watched in self.watched:
            _add(gauges, watched.status(), watched)
        yield from gauges.values()


def _is_status(metric: Metric) -> bool:
    return metric is listed.API_CALLS or (metric.type == "gauge" and metric is not listed.BUILD)


def _family(metric: Metric) -> _Family:
    kind = CounterMetricFamily if metric.type == "counter" else GaugeMetricFamily
    return kind(metric.name, metric.help, labels=metric.labels)


def _add(gauges: dict[str, _Family], status: Status, watched: _Watched) -> None:
    name = status.connection
    plain: dict[Metric, float | None] = {
        listed.IN_FLIGHT: status.in_flight_records,
        listed.PENDING: status.pending_writes,
        listed.REQUESTS_IN_FLIGHT: status.requests_in_flight,
        listed.OLDEST: status.oldest_undelivered_seconds,
        listed.PARTITIONS: status.partitions,
        listed.PAUSED: status.paused_partitions,
        listed.QUOTA_USED: status.quota_used,
        listed.QUOTA_LIMIT: status.quota_limit,
        listed.QUOTA_ALLOWED: status.quota_allowed,
        listed.API_CALLS: status.requests_total,
        listed.LAST_READ: status.last_read_seconds_ago,
        listed.QUOTA_SECONDS_LEFT: status.quota_seconds_left,
        listed.QUOTA_PACE: status.quota_per_second,
        listed.LINGER: status.linger_seconds,
        listed.FUSE_TRIPS: status.fuse_trips,
        listed.CREDENTIAL_EXPIRES: watched.credential_expires,
    }
    for metric, value in plain.items():
        if value is not None:
            gauges[metric.name].add_metric([name], value)
    for partition, lag in status.lag_records.items():
        labels = [name, partition.topic, str(partition.number)]
        gauges[listed.LAG.name].add_metric(labels, lag)
    for reason in listed.WAITS:
        gauges[listed.WAITING.name].add_metric([name, reason], float(status.waiting_for == reason))
    for state in listed.STATES:
        gauges[listed.STATE.name].add_metric([name, state], float(status.state == state))
    mapping = [name, watched.destination, watched.mapping_version]
    gauges[listed.MAPPING.name].add_metric(mapping, 1)


def _status_class(status: int) -> str:
    if status == 0:
        return "none"
    return _NAMED_STATUS.get(status) or _CLASSES.get(status // 100, OTHER)
