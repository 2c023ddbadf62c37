"""What a kind of CRM says of its connections: paused at first, and one per business unit (P2)."""

from pathlib import Path

import pytest

from transformer import app
from transformer.config import load
from transformer.errors import ConfigurationError

ENGAGEMENT = """
kafka: {{bootstrap_servers: localhost:9092, topics: [events]}}
connections:
{connections}
"""
ONE = """
  - name: {name}
    destination: account_engagement
    {paused}
    settings:
      login_url: https://acme.my.salesforce.com
      client_id: id
      client_secret: secret
      business_unit_id: {unit}
"""


def written(tmp_path: Path, *connections: str) -> Path:
    """A configuration file with these connections."""
    path = tmp_path / "config.yaml"
    path.write_text(ENGAGEMENT.format(connections="".join(connections)))
    return path


@pytest.mark.parametrize(("line", "paused"), [("", True), ("paused: false", False)])
def test_a_connection_of_account_engagement_is_paused_until_told_otherwise(
    tmp_path: Path, line: str, paused: bool
) -> None:
    """A new connection sends nothing until somebody resumes it."""
    one = ONE.format(name="pardot", paused=line, unit="0Uv000000000001CAA")
    (connection,) = load(written(tmp_path, one), app.kind, {}).connections
    assert connection.paused is paused


def test_two_connections_of_one_business_unit_are_refused(tmp_path: Path) -> None:
    """They would overwrite each other; different units are fine."""
    first = ONE.format(name="a", paused="", unit="0Uv000000000001CAA")
    other = ONE.format(name="b", paused="", unit="0Uv000000000002CAA")
    same = ONE.format(name="c", paused="", unit="0Uv000000000001CAA")
    assert len(load(written(tmp_path, first, other), app.kind, {}).connections) == 2
    with pytest.raises(ConfigurationError) as caught:
        load(written(tmp_path, first, same), app.kind, {})
    (problem,) = caught.value.problems
    assert 'has the same business_unit_id as the connection "a"' in problem
