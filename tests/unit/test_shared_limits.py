"""The `workers` of a connection: what each may use of what the CRM allows their account."""

from pathlib import Path

import pytest

from destinations.account_engagement import settings as account_engagement
from destinations.activecampaign import settings as activecampaign
from destinations.hubspot import settings as hubspot
from destinations.pipedrive import settings as pipedrive
from tests.manual_clock import ManualClock
from transformer import app
from transformer.budget import Rate, part
from transformer.config import load
from transformer.destination import WORKERS
from transformer.errors import ConfigurationError

CONFIG = """
kafka: {{bootstrap_servers: localhost:9092, topics: [events]}}
connections:
  - name: crm
    destination: activecampaign
    {line}
    settings: {{base_url: https://acme.api-us1.com, api_token: key}}
"""


def written(tmp_path: Path, line: str) -> Path:
    """A configuration file whose connection has this line."""
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG.format(line=line))
    return path


@pytest.mark.parametrize(
    ("line", "environment", "workers", "rate"),
    [
        ("paused: false", {}, 1, Rate(1, 1.04 / 5)),
        ("workers: 2", {}, 2, Rate(1, 1.04 / 2)),
        ("workers: ${WORKERS:-1}", {"WORKERS": "4"}, 4, Rate(1, 1.04)),
        ("workers: ${WORKERS:-1}", {}, 1, Rate(1, 1.04 / 5)),
    ],
)
async def test_a_connection_says_how_many_workers_share_its_account(
    tmp_path: Path, line: str, environment: dict[str, str], workers: int, rate: Rate
) -> None:
    """In the file or from the environment; the destination that is opened sends its part."""
    (wired,) = app.wire(load(written(tmp_path, line), app.kind, environment))
    assert wired.connection.workers == workers
    destination = wired.destination(ManualClock())
    assert destination.budget.rate == rate
    await destination.close()


def test_there_is_at_least_one_worker(tmp_path: Path) -> None:
    """The one that reads this."""
    with pytest.raises(ConfigurationError) as caught:
        load(written(tmp_path, "workers: 0"), app.kind, {})
    (problem,) = caught.value.problems
    assert "workers: wrong value, expected a whole number of at least 1" in problem


def test_no_kind_of_crm_has_a_setting_of_that_name() -> None:
    """It would hide the connection's own."""
    for kind in app.kinds():
        assert WORKERS not in {setting.name for setting in kind.settings}


@pytest.mark.parametrize("workers", range(1, 6))
def test_what_all_workers_may_do_together_is_what_the_account_allows(workers: int) -> None:
    """Of every limit that the CRM does not tell the count of; one worker alone has all of it."""
    shared = {WORKERS: workers}
    active = activecampaign.read({**shared, "base_url": "https://acme.api-us1.com"})
    hub = hubspot.read({**shared, "burst_requests": 190})
    pipe = pipedrive.read({**shared, "api_token": "key", "plan": "lite", "seats": 2})
    unit = account_engagement.read({**shared, "requests_in_flight": 5})
    allowed = {
        "requests a second": (active.requests_per_second, 5),
        "requests in ten seconds": (hub.burst_requests, 190),
        "searches a second": (hub.searches_per_second, 4),
        "tokens a day": (pipe.daily_tokens, 60_000),
        "requests in two seconds": (pipe.burst, 20),
        "searches in two seconds": (pipe.searches, 10),
        "requests at once": (unit.requests_in_flight, 5),
    }
    for name, (mine, all_of_them) in allowed.items():
        assert mine == part(all_of_them, workers), name
        assert workers * mine <= all_of_them, name


def test_more_workers_than_requests_each_send_something() -> None:
    """A part of nothing would be a worker that never writes."""
    pipe = pipedrive.read({WORKERS: 50, "api_token": "key", "plan": "lite", "searches": 10})
    assert (pipe.burst, pipe.searches) == (1, 1)
    assert account_engagement.read({WORKERS: 9}).requests_in_flight == 1
    active = activecampaign.read({WORKERS: 10, "base_url": "https://acme.api-us1.com"})
    assert active.requests_per_second == 0.5
