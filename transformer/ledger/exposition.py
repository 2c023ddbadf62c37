"""The ledger's accounts as Prometheus text and as JSON. Pure; names come from `metric_list`."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Final

import orjson

from transformer.ledger import metrics as kept
from transformer.ledger.account import WINDOW_SECONDS, Account, Balance
from transformer.ledger.coverage import EVERY_OFFSET
from transformer.ledger.entry import Holder
from transformer.telemetry.metric_list import Metric

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_GAPS_SHOWN: Final = 20
_Samples = dict[Metric, list[tuple[tuple[str, ...], float]]]


@dataclass(frozen=True, slots=True)
class Stand:
    """What one ledger process knows at one moment: the accounts it keeps and how it is doing.

    `committed` is what each holder's consumer group has committed, `lag_records` is per partition
    of the metrics topic. Of holders that are not in `committed` nothing is missing yet.
    """

    accounts: Mapping[Holder, Account]
    committed: Mapping[Holder, int]
    now: float
    grace_seconds: float
    lag_records: Mapping[int, int] = field(default_factory=dict)
    unreadable: int = 0

    def balances(self) -> Iterable[tuple[Holder, Account, Balance]]:
        """Every account with its balance, in order."""
        for holder, account in sorted(self.accounts.items()):
            committed = self.committed.get(holder, 0)
            yield holder, account, account.balance(self.now, self.grace_seconds, committed)


def metrics(stand: Stand) -> bytes:
    """Everything, in the text format of `CONTENT_TYPE`."""
    samples: _Samples = {metric: [] for metric in kept.METRICS}
    for holder, account, balance in stand.balances():
        _add(samples, holder, account, balance)
    for number, lag in sorted(stand.lag_records.items()):
        samples[kept.LAG].append(((str(number),), lag))
    samples[kept.UNREADABLE].append(((), stand.unreadable))
    return "".join(line for metric in samples for line in _family(metric, samples[metric])).encode()


def view(stand: Stand) -> bytes:
    """The JSON view: accounts with their gaps, and the windows of the last hour, newest first."""
    return orjson.dumps(
        {
            "grace_seconds": stand.grace_seconds,
            "accounts": [_shown(*parts, stand) for parts in stand.balances()],
            "windows": _windows(stand.accounts),
        }
    )


def _add(samples: _Samples, holder: Holder, account: Account, balance: Balance) -> None:
    labels = (holder.connection, holder.partition.topic, str(holder.partition.number))
    plain = {
        kept.CONSUMED: balance.consumed,
        kept.IN_FLIGHT: balance.in_flight,
        kept.MISSING: balance.missing,
        kept.REPEATED: balance.repeated,
        kept.CONTRADICTED: balance.contradicted,
        kept.NEXT_OFFSET: balance.next_offset,
        kept.LAST_RESULT: account.updated,
    }
    for metric, value in plain.items():
        samples[metric].append((labels, value))
    for code, count in balance.by_code.items():
        outcome, _, reason = code.partition("/")
        samples[kept.SETTLED].append(((*labels, outcome, reason), count))


def _family(metric: Metric, samples: Sequence[tuple[tuple[str, ...], float]]) -> Iterable[str]:
    yield f"# HELP {metric.name} {metric.help}\n# TYPE {metric.name} {metric.type}\n"
    for values, number in samples:
        pairs = ",".join(
            f'{name}="{_escaped(value)}"' for name, value in zip(metric.labels, values, strict=True)
        )
        yield f"{metric.name}{f'{{{pairs}}}' if pairs else ''} {number}\n"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _shown(holder: Holder, account: Account, balance: Balance, stand: Stand) -> dict[str, object]:
    committed = stand.committed.get(holder)
    return {
        "connection": holder.connection,
        "topic": holder.partition.topic,
        "partition": holder.partition.number,
        "committed_offset": None if committed in (0, EVERY_OFFSET) else committed,
        **asdict(balance),
        "gaps": [
            {"first": gap.first, "last": gap.last, "since": gap.since}
            for gap in account.coverage.gaps[:_GAPS_SHOWN]
        ],
    }


def _windows(accounts: Mapping[Holder, Account]) -> list[dict[str, object]]:
    """Per connection and minute, over its partitions: results by code."""
    windows: dict[tuple[int, str], Counter[str]] = {}
    for holder, account in accounts.items():
        for start, counts in account.windows.items():
            windows.setdefault((start, holder.connection), Counter()).update(counts)
    return [
        {"connection": name, "start": start, "seconds": WINDOW_SECONDS, "by_code": dict(counts)}
        for (start, name), counts in sorted(windows.items(), reverse=True)
    ]
