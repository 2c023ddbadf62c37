"""Every metric of `transformer ledger`, as one typed list, like that of the worker. Pure."""

from typing import Final

from transformer.telemetry.metric_list import Metric

_ACCOUNT: Final = ("connection", "topic", "partition")

CONSUMED: Final = Metric(
    "transformer_ledger_consumed_records",
    "gauge",
    "records",
    _ACCOUNT,
    "ledger",
    "Offsets from the first to the last with a result or a commit: settled, in flight, missing.",
)
SETTLED: Final = Metric(
    "transformer_ledger_settled_records",
    "gauge",
    "records",
    (*_ACCOUNT, "outcome", "reason"),
    "ledger",
    "Offsets by their last result; `absent` ones hold no record in the source topic; `other` is "
    "a reason that this version does not know.",
)
IN_FLIGHT: Final = Metric(
    "transformer_ledger_in_flight_records",
    "gauge",
    "records",
    _ACCOUNT,
    "ledger",
    "Offsets without a result that are not committed, or not for the grace time yet.",
)
MISSING: Final = Metric(
    "transformer_ledger_missing_records",
    "gauge",
    "records",
    _ACCOUNT,
    "ledger",
    "Offsets that the consumer group has committed and that have had no result for the grace time.",
)
REPEATED: Final = Metric(
    "transformer_ledger_repeated_records_total",
    "counter",
    "records",
    _ACCOUNT,
    "ledger",
    "Offsets that got a result again, as after a crash.",
)
CONTRADICTED: Final = Metric(
    "transformer_ledger_contradicted_records_total",
    "counter",
    "records",
    _ACCOUNT,
    "ledger",
    "Offsets that got a different result later; the last one counts.",
)
NEXT_OFFSET: Final = Metric(
    "transformer_ledger_next_offset",
    "gauge",
    "",
    _ACCOUNT,
    "ledger",
    "The offset after the last with a result, or the committed one when that is later.",
)
LAST_RESULT: Final = Metric(
    "transformer_ledger_last_result_timestamp_seconds",
    "gauge",
    "seconds",
    _ACCOUNT,
    "ledger",
    "When the newest result was produced, in Unix time.",
)
LAG: Final = Metric(
    "transformer_ledger_lag_records",
    "gauge",
    "records",
    ("partition",),
    "ledger",
    "Records of a partition of the metrics topic that the ledger has not read.",
)
UNREADABLE: Final = Metric(
    "transformer_ledger_unreadable_records_total",
    "counter",
    "records",
    (),
    "ledger",
    "Records of the metrics topic that are no results.",
)

METRICS: Final = (
    CONSUMED,
    SETTLED,
    IN_FLIGHT,
    MISSING,
    REPEATED,
    CONTRADICTED,
    NEXT_OFFSET,
    LAST_RESULT,
    LAG,
    UNREADABLE,
)
