"""The settings of an ActiveCampaign connection: validated and typed. Pure; sends nothing."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from destinations.activecampaign.declared import SETTINGS
from transformer.destination import Settings
from transformer.kit.settings import Given

API_ROOT = "/api/3"
_MOST_REQUESTS_PER_SECOND = 5.0


@dataclass(frozen=True, slots=True)
class ActiveCampaignSettings:
    """The settings, typed. Secrets are kept out of `repr`; `root` ends in `/api/3`.

    `requests_per_second` are this worker's part.
    """

    root: str
    api_token: str = field(repr=False)
    requests_per_second: float
    bulk_threshold: int
    bulk_poll_seconds: float
    bulk_timeout_seconds: float
    unknown_fields: str
    link_accounts: bool
    match_account_domains: bool
    several_matches: str
    currency: str
    event_tracking: bool
    event_account_id: str
    event_key: str = field(repr=False)
    event_url: str
    connect_timeout_seconds: float
    read_timeout_seconds: float


def validate(settings: Settings) -> Sequence[str]:
    """One problem per setting that is missing or cannot be."""
    given = Given(settings, SETTINGS)
    problems = [
        f"{name}: missing. Set it to what Settings > Developer shows."
        for name in given.missing(("base_url", "api_token"))
    ]
    problems.extend(given.address_problems("base_url", "event_url"))
    if given.is_on("event_tracking"):
        problems.extend(
            f"{name}: missing, event_tracking needs it. Set it, or event_tracking: false."
            for name in given.missing(("event_account_id", "event_key"))
        )
    return [*problems, *_value_problems(given)]


def read(settings: Settings) -> ActiveCampaignSettings:
    """Type the settings of a connection that `validate` found nothing wrong with."""
    given = Given(settings, SETTINGS)
    return given.into(
        ActiveCampaignSettings,
        root=given.text("base_url").rstrip("/").removesuffix(API_ROOT) + API_ROOT,
        requests_per_second=given.part("requests_per_second"),
        currency=given.text("currency").lower(),
        event_url=given.text("event_url").rstrip("/"),
    )


def _value_problems(given: Given) -> Sequence[str]:
    problems = []
    rate = given.number("requests_per_second")
    if not 0.0 < rate <= _MOST_REQUESTS_PER_SECOND:
        problems.append(
            "requests_per_second: expected more than 0 and at most 5, the account's limit,"
            f" got {rate:g}."
        )
    if given.number("bulk_threshold") < 0:
        problems.append("bulk_threshold: expected 0 (never) or more. Set it to 10 or more.")
    problems.extend(given.number_problems("bulk_poll_seconds", "bulk_timeout_seconds"))
    currency = given.text("currency")
    if not re.fullmatch(r"[A-Za-z]{3}", currency):
        problems.append(f'currency: expected three letters, as in eur, got "{currency}".')
    return problems
