"""Metrics: what is counted where, and that labels stay closed sets."""

from prometheus_client.parser import text_string_to_metric_families

from transformer.observer import Status
from transformer.record import Partition
from transformer.telemetry import metric_list
from transformer.telemetry.metrics import Metrics

Sample = tuple[str, tuple[tuple[str, str], ...]]


def _samples(metrics: Metrics) -> dict[Sample, float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(metrics.exposition().decode())
        for sample in family.samples
    }


def _value(metrics: Metrics, name: str, **labels: str) -> float:
    return _samples(metrics)[name, tuple(sorted(labels.items()))]


def test_the_stages_of_the_story_are_counted() -> None:
    """Each call of the observer shows in its own metric."""
    metrics = Metrics("1.2.3")
    observer = metrics.connection("crm", ["Lead"])
    observer.read(10, 2048)
    observer.stage("write", 0.2)
    observer.settled("delivered", "", "Lead", "created", 3)
    observer.latencies([0.7])
    observer.batch(2, 3)
    observer.retried("throttled", 2)
    observer.produced("metrics", 3)
    observer.produce_failed("dead_letter")
    observer.rebalanced("assigned", 4)
    observer.request(429, 0.1)
    assert _value(metrics, "transformer_read_records_total", connection="crm") == 10
    assert _value(metrics, "transformer_read_bytes_total", connection="crm") == 2048
    assert _value(metrics, "transformer_stage_seconds_sum", connection="crm", stage="write") == 0.2
    delivered = {"outcome": "delivered", "reason": "", "object": "Lead", "operation": "created"}
    assert _value(metrics, "transformer_settled_events_total", connection="crm", **delivered) == 3
    assert _value(metrics, "transformer_delivery_latency_seconds_count", connection="crm") == 1
    assert _value(metrics, "transformer_batch_upserts_sum", connection="crm") == 2
    assert _value(metrics, "transformer_batch_events_total", connection="crm") == 3
    assert (
        _value(metrics, "transformer_retried_upserts_total", connection="crm", reason="throttled")
        == 2
    )
    assert (
        _value(metrics, "transformer_produced_messages_total", connection="crm", topic="metrics")
        == 3
    )
    failures = "transformer_produce_failures_total"
    assert _value(metrics, failures, connection="crm", topic="dead_letter") == 1
    assert _value(metrics, failures, connection="crm", topic="metrics") == 0
    change = {"connection": "crm", "change": "assigned"}
    assert _value(metrics, "transformer_rebalanced_partitions_total", **change) == 4
    assert (
        _value(metrics, "transformer_destination_requests_total", connection="crm", status="429")
        == 1
    )
    assert _value(metrics, "transformer_build_info", version="1.2.3") == 1


def test_latencies_are_counted_in_their_buckets() -> None:
    """A value on a bound belongs to it; one beyond all bounds is only in the last."""
    metrics = Metrics("1.2.3")
    metrics.connection("idle", [])
    observer = metrics.connection("crm", ["Lead"])
    observer.latencies([0.05, 0.1, 0.7])
    observer.latencies([50_000.0])
    name = "transformer_delivery_latency_seconds"
    counted = {
        bound: _value(metrics, f"{name}_bucket", connection="crm", le=bound)
        for bound in ("0.1", "0.25", "1.0", "21600.0", "+Inf")
    }
    assert counted == {"0.1": 2, "0.25": 2, "1.0": 3, "21600.0": 3, "+Inf": 4}
    assert _value(metrics, f"{name}_count", connection="crm") == 4
    assert _value(metrics, f"{name}_sum", connection="crm") == 50_000.85
    assert _value(metrics, f"{name}_count", connection="idle") == 0


def test_gauges_are_read_from_the_status_when_scraped() -> None:
    """They change without anybody setting them."""
    metrics = Metrics("1")
    now = [Status("crm", "running")]
    metrics.watch(lambda: now[0], destination="salesforce", mapping_version="m1")
    assert _value(metrics, "transformer_connection_state", connection="crm", state="running") == 1
    now[0] = Status(
        "crm",
        "waiting",
        lag_records={Partition("events", 2): 7},
        quota_used=80,
        quota_limit=100,
        quota_allowed=90,
        quota_seconds_left=0.0,
        quota_per_second=2.5,
        linger_seconds=3.0,
        requests_total=5,
        oldest_undelivered_seconds=1.5,
    )
    assert _value(metrics, "transformer_connection_state", connection="crm", state="running") == 0
    assert _value(metrics, "transformer_connection_state", connection="crm", state="waiting") == 1
    lag = {"connection": "crm", "topic": "events", "partition": "2"}
    assert _value(metrics, "transformer_lag_records", **lag) == 7
    assert _value(metrics, "transformer_quota_used_requests", connection="crm") == 80
    assert _value(metrics, "transformer_quota_allowed_requests", connection="crm") == 90
    assert _value(metrics, "transformer_quota_limit_requests", connection="crm") == 100
    assert _value(metrics, "transformer_quota_exhaustion_seconds", connection="crm") == 0
    assert _value(metrics, "transformer_quota_pace_requests_per_second", connection="crm") == 2.5
    assert _value(metrics, "transformer_linger_seconds", connection="crm") == 3
    assert _value(metrics, "transformer_api_calls_total", connection="crm") == 5
    assert _value(metrics, "transformer_oldest_undelivered_seconds", connection="crm") == 1.5


def test_an_unknown_quota_is_absent_not_zero() -> None:
    """An alert on the share used must not divide by a made-up limit."""
    metrics = Metrics("1")
    metrics.watch(lambda: Status("crm", "running"), destination="d", mapping_version="m")
    names = {name for name, _ in _samples(metrics)}
    assert "transformer_quota_limit_requests" not in names
    assert "transformer_quota_allowed_requests" not in names
    assert "transformer_credential_expires_timestamp_seconds" not in names


def test_words_that_are_not_known_are_counted_as_other() -> None:
    """A customer's object names and strange reasons cannot flood the labels."""
    metrics = Metrics("1")
    observer = metrics.connection("crm", ["Lead"])
    for number in range(50):
        observer.settled("rejected", f"reason {number}", f"Object{number}__c", "create")
    observer.retried("because", 1)
    observer.request(0, 0.1)
    observer.request(418, 0.1)
    observer.request(599, 0.1)
    rejected = {"outcome": "rejected", "reason": "other", "object": "other", "operation": "create"}
    assert _value(metrics, "transformer_settled_events_total", connection="crm", **rejected) == 50
    statuses = {
        dict(labels)["status"]
        for name, labels in _samples(metrics)
        if name == "transformer_destination_requests_total"
    }
    assert statuses == {"none", "4xx", "5xx"}


def test_every_listed_metric_is_exposed_and_no_other() -> None:
    """The list is the truth."""
    metrics = Metrics("1")
    metrics.watch(
        lambda: Status("crm", "running", quota_limit=1, quota_allowed=1, last_read_seconds_ago=1),
        destination="d",
        mapping_version="m",
        credential_expires=1.0,
    )
    metrics.connection("crm", [])
    families = {
        family.name
        for family in text_string_to_metric_families(metrics.exposition().decode())
        if not family.name.startswith("process_")
    }
    assert families == {metric.name.removesuffix("_total") for metric in metric_list.METRICS}


def test_names_follow_the_conventions() -> None:
    """Counters end in `_total`, durations in `_seconds`, names are unique and explained."""
    names = [metric.name for metric in metric_list.METRICS]
    assert len(names) == len(set(names))
    for metric in metric_list.METRICS:
        assert metric.name.startswith("transformer_")
        assert (metric.type == "counter") == metric.name.endswith("_total")
        assert (metric.type == "histogram") == bool(metric.buckets)
        assert metric.help.endswith(".")
        if metric.unit == "seconds":
            assert "_seconds" in metric.name
