"""Every metric there is, as one typed list: a misspelt name fails the type checker.

Labels are closed sets: never ids, emails or free text. `deploy/METRICS.md` is made of this list.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

STATES: Final = ("starting", "running", "waiting", "paused", "draining", "stopped", "failed")

WAITS: Final = (
    "answer_lost",
    "fuse",
    "membership",
    "quota",
    "quota_spent",
    "server_error",
    "throttled",
    "unauthorized",
    "unreachable",
)

_FAST: Final = (0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_LATENCY: Final = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 21600.0)
_SIZES: Final = (1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 200.0, 500.0, 1000.0)


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. `stage` is the part of the story it belongs to."""

    name: str
    type: Literal["counter", "gauge", "histogram"]
    unit: str
    labels: tuple[str, ...]
    stage: str
    help: str
    buckets: tuple[float, ...] = ()


_C: Final = ("connection",)

READ_RECORDS: Final = Metric(
    "transformer_read_records_total", "counter", "records", _C, "read", "Records read from topics."
)
READ_BYTES: Final = Metric(
    "transformer_read_bytes_total", "counter", "bytes", _C, "read", "Bytes of the records read."
)
LAST_READ: Final = Metric(
    "transformer_last_read_seconds",
    "gauge",
    "seconds",
    _C,
    "read",
    "Seconds since the topics were last asked for records; growing means reading is stuck.",
)
LAG: Final = Metric(
    "transformer_lag_records",
    "gauge",
    "records",
    ("connection", "topic", "partition"),
    "read",
    "Records of a partition that are not settled and committed yet, of paused connections too.",
)
PARTITIONS: Final = Metric(
    "transformer_assigned_partitions", "gauge", "partitions", _C, "read", "Partitions owned now."
)
PAUSED: Final = Metric(
    "transformer_paused_partitions",
    "gauge",
    "partitions",
    _C,
    "read",
    "Partitions not being read because too much of them is in flight (backpressure).",
)
REBALANCED: Final = Metric(
    "transformer_rebalanced_partitions_total",
    "counter",
    "partitions",
    ("connection", "change"),
    "read",
    "Partitions assigned, revoked or lost.",
)
STAGE: Final = Metric(
    "transformer_stage_seconds",
    "histogram",
    "seconds",
    ("connection", "stage"),
    "all",
    "How long one call of a stage took: read, map, write, produce, commit.",
    _FAST,
)
MAPPING: Final = Metric(
    "transformer_mapping_info",
    "gauge",
    "",
    ("connection", "destination", "version"),
    "map",
    "Always 1: the mapping version that a connection uses.",
)
BATCH_UPSERTS: Final = Metric(
    "transformer_batch_upserts",
    "histogram",
    "upserts",
    _C,
    "batch",
    "Upserts in one batch; its sum is the upserts written.",
    _SIZES,
)
BATCH_EVENTS: Final = Metric(
    "transformer_batch_events_total",
    "counter",
    "events",
    _C,
    "batch",
    "Events that the written upserts were made of; above the upserts, by what was merged.",
)
PENDING: Final = Metric(
    "transformer_pending_upserts", "gauge", "upserts", _C, "batch", "Upserts waiting to be written."
)
IN_FLIGHT: Final = Metric(
    "transformer_in_flight_records", "gauge", "records", _C, "batch", "Records read, not settled."
)
API_CALLS: Final = Metric(
    "transformer_api_calls_total",
    "counter",
    "requests",
    _C,
    "write",
    "Requests that the CRM counts against the quota, made by this worker.",
)
REQUESTS: Final = Metric(
    "transformer_destination_requests_total",
    "counter",
    "requests",
    ("connection", "status"),
    "write",
    "HTTP requests by answer: 2xx, 3xx, 4xx, 401, 429, 5xx, 503, or none when there was none.",
)
REQUEST_SECONDS: Final = Metric(
    "transformer_destination_request_seconds",
    "histogram",
    "seconds",
    _C,
    "write",
    "How long one HTTP request took, answer read.",
    _FAST,
)
REQUESTS_IN_FLIGHT: Final = Metric(
    "transformer_requests_in_flight", "gauge", "requests", _C, "write", "Batches being written now."
)
QUOTA_USED: Final = Metric(
    "transformer_quota_used_requests",
    "gauge",
    "requests",
    _C,
    "write",
    "Requests of the CRM's quota used up, by everybody, as the CRM last said.",
)
QUOTA_LIMIT: Final = Metric(
    "transformer_quota_limit_requests",
    "gauge",
    "requests",
    _C,
    "write",
    "The CRM's quota, as the CRM last said; absent while unknown.",
)
QUOTA_ALLOWED: Final = Metric(
    "transformer_quota_allowed_requests",
    "gauge",
    "requests",
    _C,
    "write",
    "Used requests at which this connection stops and waits; absent while unknown.",
)
RETRIED: Final = Metric(
    "transformer_retried_upserts_total",
    "counter",
    "upserts",
    ("connection", "reason"),
    "write",
    "Upserts to be sent again. Nothing is lost by it.",
)
SETTLED: Final = Metric(
    "transformer_settled_events_total",
    "counter",
    "events",
    ("connection", "outcome", "reason", "object", "operation"),
    "settle",
    "Events settled: delivered, skipped or rejected. Rejected ones are in the dead-letter topic.",
)
LATENCY: Final = Metric(
    "transformer_delivery_latency_seconds",
    "histogram",
    "seconds",
    _C,
    "settle",
    "From a delivered event's record timestamp to its result.",
    _LATENCY,
)
OLDEST: Final = Metric(
    "transformer_oldest_undelivered_seconds",
    "gauge",
    "seconds",
    _C,
    "settle",
    "Age of the oldest record that is read and not settled.",
)
PRODUCED: Final = Metric(
    "transformer_produced_messages_total",
    "counter",
    "messages",
    ("connection", "topic"),
    "produce",
    "Messages acknowledged by the broker; topic is `metrics` or `dead_letter`.",
)
PRODUCE_FAILURES: Final = Metric(
    "transformer_produce_failures_total",
    "counter",
    "calls",
    ("connection", "topic"),
    "produce",
    "Produces given up, to the `metrics` or the `dead_letter` topic: the worker stops and is to be "
    "started again. Nothing is lost by it.",
)
CREDENTIAL_EXPIRES: Final = Metric(
    "transformer_credential_expires_timestamp_seconds",
    "gauge",
    "seconds",
    _C,
    "write",
    "When the connection's credential ends, in Unix time, as `credential_expires` says; absent "
    "where the configuration does not.",
)
QUOTA_SECONDS_LEFT: Final = Metric(
    "transformer_quota_exhaustion_seconds",
    "gauge",
    "seconds",
    _C,
    "write",
    "When our share of the quota is used up at the present pace: 0 when it is; absent while it "
    "lasts.",
)
QUOTA_PACE: Final = Metric(
    "transformer_quota_pace_requests_per_second",
    "gauge",
    "requests per second",
    _C,
    "write",
    "How fast the quota is being used of late: by everybody where the CRM tells its count, else by "
    "this worker.",
)
LINGER: Final = Metric(
    "transformer_linger_seconds",
    "gauge",
    "seconds",
    _C,
    "write",
    "How long writes gather now; longer than configured when the quota is running out.",
)
WAITING: Final = Metric(
    "transformer_waiting",
    "gauge",
    "",
    ("connection", "reason"),
    "write",
    "1 for the reason a connection waits for now, 0 for the others: " + ", ".join(WAITS) + ".",
)
FUSE_TRIPS: Final = Metric(
    "transformer_fuse_trips",
    "gauge",
    "trips",
    _C,
    "read",
    "How often the fuse opened since the worker started: too many events were rejected.",
)
STATE: Final = Metric(
    "transformer_connection_state",
    "gauge",
    "",
    ("connection", "state"),
    "all",
    "1 for the state a connection is in, 0 for the others: " + ", ".join(STATES) + ".",
)
BUILD: Final = Metric(
    "transformer_build_info", "gauge", "", ("version",), "all", "Always 1: the version that runs."
)

METRICS: Final = (
    READ_RECORDS,
    READ_BYTES,
    LAST_READ,
    LAG,
    PARTITIONS,
    PAUSED,
    REBALANCED,
    MAPPING,
    BATCH_UPSERTS,
    BATCH_EVENTS,
    PENDING,
    IN_FLIGHT,
    API_CALLS,
    REQUESTS,
    REQUEST_SECONDS,
    REQUESTS_IN_FLIGHT,
    QUOTA_USED,
    QUOTA_LIMIT,
    QUOTA_ALLOWED,
    RETRIED,
    SETTLED,
    LATENCY,
    OLDEST,
    PRODUCED,
    PRODUCE_FAILURES,
    STAGE,
    STATE,
    QUOTA_SECONDS_LEFT,
    QUOTA_PACE,
    LINGER,
    WAITING,
    FUSE_TRIPS,
    CREDENTIAL_EXPIRES,
    BUILD,
)


def page(others: Sequence[Metric] = ()) -> str:
    """The reference page of all metrics and `others`, in Markdown."""
    lines = [
        "# Metrics",
        "",
        "Served as `GET /metrics` by `transformer worker`, those of stage `ledger` by `transformer",
        "ledger`. Made from `transformer/telemetry/metric_list.py` by `make docs`; do not edit.",
        "Stages are those of the story in the README.",
        "",
        "| metric | type | labels | stage | meaning |",
        "| --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| `{metric.name}` | {metric.type} | {', '.join(metric.labels) or '-'} "
        f"| {metric.stage} | {metric.help} |"
        for metric in (*METRICS, *others)
    ]
    lines += [
        "",
        "Process metrics (`process_cpu_seconds_total`, `process_resident_memory_bytes` and the",
        "like) are those of the Prometheus client library.",
        "",
    ]
    return "\n".join(lines)
