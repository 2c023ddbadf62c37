"""A kind of CRM for the tests of the configuration, and how they read a file."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from transformer.clock import Clock
from transformer.config import Config, load
from transformer.destination import Destination, Kind, Setting, Settings
from transformer.errors import ConfigurationError

MINIMAL = """\
kafka:
  bootstrap_servers: localhost:9092
  topics: events
connections:
  - name: crm
    destination: desk
"""


def _open(settings: Settings, clock: Clock) -> Destination:
    raise AssertionError((settings, clock))


def _validate(settings: Settings) -> Sequence[str]:
    if settings["region"] == "eu" and settings["quick"]:
        return ["quick: is not available in eu. Remove it."]
    return []


DESK = Kind(
    name="desk",
    title="Desk",
    integrations=("Desk",),
    settings=(
        Setting("region", "string", "Where it is.", default="us", choices=("us", "eu")),
        Setting("quick", "boolean", "Whether to hurry.", default=False),
        Setting("share", "number", "How much of it.", default=0.5),
        Setting("token", "string", "The token.", secret=True),
    ),
    mapping_file=Path("desk.yaml"),
    validate=_validate,
    open=_open,
)


def kinds(name: str) -> Kind:
    """The only kind there is."""
    if name != "desk":
        raise ConfigurationError([f'unknown destination "{name}", expected one of desk.'])
    return DESK


def read(tmp_path: Path, text: str, environment: Mapping[str, str] | None = None) -> Config:
    """Load `text` as a file named c.yaml."""
    file = tmp_path / "c.yaml"
    file.write_text(text, encoding="utf-8")
    return load(file, kinds, environment or {})


def problems(tmp_path: Path, text: str, environment: Mapping[str, str] | None = None) -> list[str]:
    """The problems of `text`, without the folder."""
    with pytest.raises(ConfigurationError) as raised:
        read(tmp_path, text, environment)
    return [line.replace(f"{tmp_path}/", "") for line in raised.value.problems]
