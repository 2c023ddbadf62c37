"""The settings of an ActiveCampaign connection: validated and typed. Pure; sends nothing."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from destinations.activecampaign.declared import EVENT_URL, SETTINGS
from transformer.destination import Settings
from transformer.http import url_problem

API_ROOT = "/api/3"
_DEFAULTS = {setting.name: setting.default for setting in SETTINGS}


@dataclass(frozen=True, slots=True)
class ActiveCampaignSettings:
    """The settings, typed. Secrets are kept out of `repr`; `root` ends in `/api/3`."""

    root: str
    api_token: str = field(repr=False)
    requests_per_second: float = 5.0
    bulk_threshold: int = 100
    bulk_poll_seconds: float = 5.0
    bulk_timeout_seconds: float = 1800.0
    unknown_fields: str = "drop"
    link_accounts: bool = False
    several_matches: str = "refuse"
    currency: str = "usd"
    event_tracking: bool = False
    event_account_id: str = ""
    event_key: str = field(default="", repr=False)
    event_url: str = EVENT_URL
    connect_timeout_seconds: float = 10.0
    read_timeout_seconds: float = 60.0


def validate(settings: Settings) -> Sequence[str]:
    """One problem per setting that is missing or cannot be."""
    problems = [
        f"{name}: missing. Set it to what Settings > Developer shows."
        for name in ("base_url", "api_token")
        if not _text(settings, name)
    ]
    for name in ("base_url", "event_url"):
        url = _text(settings, name)
        wrong = url_problem(url) if url else None
        if wrong:
            problems.append(f"{name}: {wrong}.")
    if settings.get("event_tracking") is True:
        problems.extend(
            f"{name}: missing, event_tracking needs it. Set it, or event_tracking: false."
            for name in ("event_account_id", "event_key")
            if not _text(settings, name)
        )
    return [*problems, *_number_problems(settings)]


def read(settings: Settings) -> ActiveCampaignSettings:
    """Type the settings of a connection that `validate` found nothing wrong with."""
    base = _text(settings, "base_url").rstrip("/").removesuffix(API_ROOT)
    return ActiveCampaignSettings(
        root=base + API_ROOT,
        api_token=_text(settings, "api_token"),
        requests_per_second=_number(settings, "requests_per_second"),
        bulk_threshold=int(_number(settings, "bulk_threshold")),
        bulk_poll_seconds=_number(settings, "bulk_poll_seconds"),
        bulk_timeout_seconds=_number(settings, "bulk_timeout_seconds"),
        unknown_fields=_text(settings, "unknown_fields"),
        link_accounts=settings.get("link_accounts") is True,
        several_matches=_text(settings, "several_matches"),
        currency=_text(settings, "currency").lower(),
        event_tracking=settings.get("event_tracking") is True,
        event_account_id=_text(settings, "event_account_id"),
        event_key=_text(settings, "event_key"),
        event_url=_text(settings, "event_url").rstrip("/"),
        connect_timeout_seconds=_number(settings, "connect_timeout_seconds"),
        read_timeout_seconds=_number(settings, "read_timeout_seconds"),
    )


def _number_problems(settings: Settings) -> list[str]:
    problems = []
    rate = _number(settings, "requests_per_second")
    if not 0.0 < rate <= _LIMIT:
        problems.append(
            "requests_per_second: expected more than 0 and at most 5, the account's limit,"
            f" got {rate:g}."
        )
    if _number(settings, "bulk_threshold") < 0:
        problems.append("bulk_threshold: expected 0 (never) or more. Set it to 10 or more.")
    names = ("bulk_poll_seconds", "bulk_timeout_seconds", "connect_timeout_seconds",
             "read_timeout_seconds")  # fmt: skip
    problems.extend(
        f"{name}: expected seconds greater than 0, got {value:g}."
        for name in names
        if (value := _number(settings, name)) <= 0
    )
    currency = _text(settings, "currency")
    if not re.fullmatch(r"[A-Za-z]{3}", currency):
        problems.append(f'currency: expected three letters, as in eur, got "{currency}".')
    return problems


_LIMIT = 5.0


def _text(settings: Settings, name: str) -> str:
    value = settings.get(name)
    chosen = _DEFAULTS[name] if value is None else value
    return chosen.strip() if isinstance(chosen, str) else ""


def _number(settings: Settings, name: str) -> float:
    value = settings.get(name)
    chosen = _DEFAULTS[name] if value is None else value
    return float(chosen) if isinstance(chosen, int | float) else 0.0
