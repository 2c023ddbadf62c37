"""The ledger's text for Prometheus and its JSON view, read back by other libraries."""

import json

from prometheus_client.parser import text_string_to_metric_families

from transformer.ledger import exposition
from transformer.ledger import metrics as kept
from transformer.ledger.account import Account
from transformer.ledger.coverage import EVERY_OFFSET
from transformer.ledger.entry import Entry, Holder
from transformer.ledger.exposition import Stand
from transformer.record import Partition

_OWN = frozenset(("topic", "connection"))
HOLDER = Holder('a "quoted" \\ name', Partition("events", 0))


def stand() -> Stand:
    """An account with a gap and a repeat."""
    account = Account()
    for position, (offset, code) in enumerate(
        [(0, "delivered"), (1, "rejected/refused"), (1, "rejected/refused"), (4, "delivered")]
    ):
        account.take(Entry(HOLDER, offset, offset, code, 120.0), position, 0.0)
    return Stand({HOLDER: account}, {HOLDER: 4}, 1_000.0, 900.0, {3: 7}, unreadable=2)


def samples(text: bytes) -> dict[tuple[str, tuple[str, ...]], float]:
    """Every sample by its name and the labels beyond the account's own."""
    return {
        (sample.name, tuple(v for k, v in sample.labels.items() if k not in _OWN)): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def test_every_ledger_metric_is_served_with_its_type_and_labels() -> None:
    """As `metric_list` says, and nothing else."""
    text = exposition.metrics(stand())
    families = {f.name: f for f in text_string_to_metric_families(text.decode())}
    assert set(families) == {m.name.removesuffix("_total") for m in kept.METRICS}
    for metric in kept.METRICS:
        family = families[metric.name.removesuffix("_total")]
        assert family.type == metric.type
        assert {tuple(sample.labels) for sample in family.samples} == {metric.labels}


def test_the_samples_are_those_of_the_accounts() -> None:
    """Names with quotes and backslashes, too."""
    text = exposition.metrics(stand())
    assert 'connection="a \\"quoted\\" \\\\ name"' in text.decode()
    assert samples(text) == {
        ("transformer_ledger_consumed_records", ("0",)): 5,
        ("transformer_ledger_settled_records", ("0", "delivered", "")): 2,
        ("transformer_ledger_settled_records", ("0", "rejected", "refused")): 1,
        ("transformer_ledger_in_flight_records", ("0",)): 0,
        ("transformer_ledger_missing_records", ("0",)): 2,
        ("transformer_ledger_repeated_records_total", ("0",)): 1,
        ("transformer_ledger_contradicted_records_total", ("0",)): 0,
        ("transformer_ledger_next_offset", ("0",)): 5,
        ("transformer_ledger_last_result_timestamp_seconds", ("0",)): 120,
        ("transformer_ledger_lag_records", ("3",)): 7,
        ("transformer_ledger_unreadable_records_total", ()): 2,
    }


def test_the_json_view_shows_accounts_gaps_and_windows() -> None:
    """What an operator looks at first."""
    view = json.loads(exposition.view(stand()))
    (account,) = view["accounts"]
    assert account["committed_offset"] == 4
    assert account["gaps"] == [{"first": 2, "last": 3, "since": 0.0}]
    assert (account["missing"], account["delivered"], account["rejected"]) == (2, 2, 1)
    assert view["windows"] == [
        {
            "connection": HOLDER.connection,
            "start": 120,
            "seconds": 60,
            "by_code": {"delivered": 2, "rejected/refused": 1, "repeated": 1},
        }
    ]


def test_nothing_is_missing_before_the_commits_are_known() -> None:
    """The first answer may take a moment; where none can be had, age decides."""
    account = stand().accounts[HOLDER]
    for committed, missing in (({}, 0), ({HOLDER: 0}, 0), ({HOLDER: EVERY_OFFSET}, 2)):
        (shown,) = json.loads(exposition.view(Stand({HOLDER: account}, committed, 1_000.0, 900.0)))[
            "accounts"
        ]
        assert (shown["missing"], shown["committed_offset"]) == (missing, None)
