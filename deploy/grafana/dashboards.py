"""The Grafana dashboards, made of the metric list: a misspelt metric does not compile.

`python -m deploy.grafana.dashboards` writes the JSON files next to this one; a test compares them.
"""

import json
from pathlib import Path
from typing import Final

from deploy.grafana.model import Dashboard, Panel, Query, model
from transformer.ledger import metrics as kept
from transformer.telemetry import metric_list as m

FOLDER: Final = Path(__file__).parent
_ONE: Final = 'connection="$connection"'
_TRIED: Final = f'{_ONE}, outcome!="skipped"'
_DELIVERED: Final = f'{_ONE}, outcome="delivered"'
_LETTERS: Final = 'topic="dead_letter"'
_UPSERTS: Final = f"rate({m.BATCH_UPSERTS.name}_sum{{{_ONE}}}[$__rate_interval])"


def _rate(metric: m.Metric, by: str, where: str = "") -> str:
    return f"sum by ({by}) (rate({metric.name}{{{where}}}[$__rate_interval]))"


def _quantile(share: float, metric: m.Metric, where: str, by: str = "le") -> str:
    rate = f"rate({metric.name}_bucket{{{where}}}[$__rate_interval])"
    return f"histogram_quantile({share:g}, sum by ({by}) ({rate}))"


def _quantiles(metric: m.Metric, where: str) -> list[Query]:
    return [
        Query(_quantile(share, metric, where), f"p{share * 100:g}") for share in (0.5, 0.9, 0.99)
    ]


FLEET: Final = Dashboard(
    "transformer-fleet",
    "Destination transformer: fleet",
    (
        Panel(
            "Workers", "Processes that Prometheus reaches.", "none",
            [Query('sum(up{job="transformer"})', "up")], "stat", 4,
        ),
        Panel(
            "Missing records", "Offsets without a result that outlived the ledger's grace time.",
            "none", [Query(f"sum({kept.MISSING.name})", "missing")], "stat", 4,
        ),
        Panel(
            "Oldest undelivered", "The oldest record that is read and not settled.", "s",
            [Query(f"max({m.OLDEST.name})", "age")], "stat", 4,
        ),
        Panel(
            "Records behind", "Not settled and committed yet.", "none",
            [Query("sum(connection:transformer_lag_records:sum)", "lag")], "stat", 4,
        ),
        Panel(
            "State", "What each connection is doing.", "none",
            [Query(f"sum by (connection, state) ({m.STATE.name}) > 0", "{{connection}} {{state}}")],
            "bargauge",
        ),
        Panel(
            "Read", "Records read from topics.", "ops",
            [Query(_rate(m.READ_RECORDS, "connection"), "{{connection}}")],
        ),
        Panel(
            "Settled by outcome", "Delivered, skipped, rejected.", "ops",
            [Query(_rate(m.SETTLED, "outcome"), "{{outcome}}")], stacked=True,
        ),
        Panel(
            "Rejected share", "Of the events that were to be written, over an hour.", "percentunit",
            [Query("connection:transformer_rejected:ratio1h", "{{connection}}")],
        ),
        Panel(
            "Lag", "Records behind, per connection.", "none",
            [Query("connection:transformer_lag_records:sum", "{{connection}}")],
        ),
        Panel(
            "Latency p99", "From a record's timestamp to its result.", "s",
            [Query(_quantile(0.99, m.LATENCY, "", "connection, le"), "{{connection}}")],
        ),
        Panel(
            "CRM requests used", "Share of what the connection may use.", "percentunit",
            [Query("connection:transformer_quota_used:ratio", "{{connection}}")],
        ),
        Panel(
            "Memory", "Resident memory of each process.", "bytes",
            [Query('process_resident_memory_bytes{job="transformer"}', "{{instance}}")],
        ),
        Panel(
            "CPU", "Cores used by each process.", "none",
            [
                Query(
                    'rate(process_cpu_seconds_total{job="transformer"}[$__rate_interval])',
                    "{{instance}}",
                )
            ],
        ),
        Panel(
            "Rebalances", "Partitions assigned, revoked or lost.", "ops",
            [Query(_rate(m.REBALANCED, "change"), "{{change}}")],
        ),
        Panel(
            "Credentials end in", "Of connections whose `credential_expires` is set.", "s",
            [
                Query(
                    f"min by (connection) ({m.CREDENTIAL_EXPIRES.name}) - time()",
                    "{{connection}}",
                )
            ],
            "bargauge",
        ),
        Panel(
            "Produces given up", "To the metrics or dead-letter topic; a worker stops each time.",
            "none",
            [
                Query(
                    f"sum by (connection, topic) (increase({m.PRODUCE_FAILURES.name}[1h]))",
                    "{{connection}} {{topic}}",
                )
            ],
        ),
    ),
)  # fmt: skip

CONNECTION: Final = Dashboard(
    "transformer-connection",
    "Destination transformer: one connection",
    (
        Panel(
            "Funnel", "From read to delivered: events per second at each stage.", "ops",
            [
                Query(_rate(m.READ_RECORDS, "connection", _ONE), "1 read"),
                Query(_rate(m.SETTLED, "connection", _TRIED), "2 to be written"),
                Query(_rate(m.SETTLED, "connection", _DELIVERED), "3 delivered"),
            ],
        ),
        Panel(
            "Skipped, by reason", "On purpose: nothing was to be written.", "ops",
            [Query(_rate(m.SETTLED, "reason", f'{_ONE}, outcome="skipped"'), "{{reason}}")],
            stacked=True,
        ),
        Panel(
            "Rejected, by reason", "Each has its dead letter.", "ops",
            [Query(_rate(m.SETTLED, "reason", f'{_ONE}, outcome="rejected"'), "{{reason}}")],
            stacked=True,
        ),
        Panel(
            "Delivery latency", "From a record's timestamp to its result.", "s",
            _quantiles(m.LATENCY, _ONE),
        ),
        Panel(
            "Stages, p99", "How long one call of a stage takes.", "s",
            [Query(_quantile(0.99, m.STAGE, _ONE, "stage, le"), "{{stage}}")],
        ),
        Panel(
            "CRM requests, latency", "One HTTP request, answer read.", "s",
            _quantiles(m.REQUEST_SECONDS, _ONE),
        ),
        Panel(
            "Batch size", "Upserts in one batch.", "none", _quantiles(m.BATCH_UPSERTS, _ONE),
        ),
        Panel(
            "Events per upsert", "Above 1 by what was merged.", "none",
            [
                Query(
                    f"{_rate(m.BATCH_EVENTS, 'connection', _ONE)} / "
                    f"sum by (connection) ({_UPSERTS})",
                    "merged",
                )
            ],
        ),
        Panel(
            "Written, by object", "Delivered events.", "ops",
            [
                Query(
                    _rate(m.SETTLED, "object, operation", _DELIVERED),
                    "{{object}} {{operation}}",
                )
            ],
            stacked=True,
        ),
        Panel(
            "CRM requests, by answer", "HTTP status.", "reqps",
            [Query(_rate(m.REQUESTS, "status", _ONE), "{{status}}")], stacked=True,
        ),
        Panel(
            "Request quota", "Used by everybody, and where this connection stops.", "none",
            [
                Query(f"max({m.QUOTA_USED.name}{{{_ONE}}})", "used"),
                Query(f"max({m.QUOTA_ALLOWED.name}{{{_ONE}}})", "allowed"),
                Query(f"max({m.QUOTA_LIMIT.name}{{{_ONE}}})", "limit"),
            ],
        ),
        Panel(
            "Request pace", "What the CRM counts: made by us, and as far as it tells by all.",
            "reqps",
            [
                Query(_rate(m.API_CALLS, "connection", _ONE), "ours"),
                Query(f"max({m.QUOTA_PACE.name}{{{_ONE}}})", "everybody's"),
            ],
        ),
        Panel(
            "Sent again, by reason", "Nothing is lost by it.", "ops",
            [Query(_rate(m.RETRIED, "reason", _ONE), "{{reason}}")], stacked=True,
        ),
        Panel(
            "In the worker", "Read and not settled, waiting, being written.", "none",
            [
                Query(f"sum({m.IN_FLIGHT.name}{{{_ONE}}})", "records in flight"),
                Query(f"sum({m.PENDING.name}{{{_ONE}}})", "upserts pending"),
                Query(f"sum({m.REQUESTS_IN_FLIGHT.name}{{{_ONE}}})", "batches being written"),
            ],
        ),
        Panel(
            "Lag, by partition", "Records not settled and committed.", "none",
            [
                Query(
                    f"max by (topic, partition) ({m.LAG.name}{{{_ONE}}})",
                    "{{topic}}/{{partition}}",
                )
            ],
        ),
        Panel(
            "Partitions", "Owned, and paused by backpressure.", "none",
            [
                Query(f"sum({m.PARTITIONS.name}{{{_ONE}}})", "owned"),
                Query(f"sum({m.PAUSED.name}{{{_ONE}}})", "paused"),
            ],
        ),
        Panel(
            "Ledger", "What the results say of every offset.", "none",
            [
                Query(f"sum({kept.IN_FLIGHT.name}{{{_ONE}}})", "in flight"),
                Query(f"sum({kept.MISSING.name}{{{_ONE}}})", "missing"),
                Query(f"sum(increase({kept.REPEATED.name}{{{_ONE}}}[1h]))", "repeated in 1 h"),
            ],
        ),
        Panel(
            "Waiting for", "Why nothing is being written.", "none",
            [Query(f"max by (reason) ({m.WAITING.name}{{{_ONE}}}) > 0", "{{reason}}")],
        ),
        Panel(
            "Fuse", "How often it opened: too many events were rejected.", "none",
            [Query(f"sum({m.FUSE_TRIPS.name}{{{_ONE}}})", "trips")],
        ),
        Panel(
            "Quota left, and gathering", "Time to exhaustion, and how long writes gather.", "s",
            [
                Query(f"min({m.QUOTA_SECONDS_LEFT.name}{{{_ONE}}})", "quota used up in"),
                Query(f"max({m.LINGER.name}{{{_ONE}}})", "gathering for"),
            ],
        ),
        Panel(
            "State", "On every worker.", "none",
            [Query(f"sum by (state) ({m.STATE.name}{{{_ONE}}})", "{{state}}")], stacked=True,
        ),
    ),
    has_connection=True,
)  # fmt: skip

DEAD_LETTERS: Final = Dashboard(
    "transformer-dead-letters",
    "Destination transformer: dead letters",
    (
        Panel(
            "In the last hour", "Rejected events.", "none",
            [Query(f'sum(increase({m.SETTLED.name}{{outcome="rejected"}}[1h]))', "rejected")],
            "stat", 6,
        ),
        Panel(
            "Produced in the last hour", "Acknowledged by the broker; never fewer than rejected.",
            "none",
            [Query(f"sum(increase({m.PRODUCED.name}{{{_LETTERS}}}[1h]))", "produced")],
            "stat", 6,
        ),
        Panel(
            "Rejected share", "Of the events that were to be written.", "percentunit",
            [
                Query("connection:transformer_rejected:ratio5m", "{{connection}} 5 m"),
                Query("connection:transformer_rejected:ratio6h", "{{connection}} 6 h"),
            ],
            width=12,
        ),
        Panel(
            "By reason", "Dead letters per second.", "ops",
            [Query(_rate(m.SETTLED, "reason", 'outcome="rejected"'), "{{reason}}")],
            width=12, stacked=True,
        ),
        Panel(
            "By connection and object", "Dead letters per second.", "ops",
            [
                Query(
                    _rate(m.SETTLED, "connection, object", 'outcome="rejected"'),
                    "{{connection}} {{object}}",
                )
            ],
            width=12, stacked=True,
        ),
        Panel(
            "The last day", "By connection, object and reason.", "none",
            [
                Query(
                    f"sort_desc(sum by (connection, object, reason) "
                    f'(increase({m.SETTLED.name}{{outcome="rejected"}}[1d])) > 0)'
                )
            ],
            "table", 24,
        ),
    ),
)  # fmt: skip

DASHBOARDS: Final = (FLEET, CONNECTION, DEAD_LETTERS)


def files() -> dict[str, str]:
    """Every dashboard's file, by its name."""
    return {f"{one.uid}.json": json.dumps(model(one), indent=2) + "\n" for one in DASHBOARDS}


def write(folder: Path = FOLDER) -> None:
    """Write all dashboards."""
    for name, text in files().items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write()
