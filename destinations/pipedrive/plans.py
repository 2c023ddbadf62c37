"""What Pipedrive's plans allow. Data only.

Source: pipedrive.readme.io, "Rate limiting", read 2026-11-22.
"""

from collections.abc import Mapping
from dataclasses import dataclass

TOKENS_PER_SEAT = 30_000


@dataclass(frozen=True, slots=True)
class Plan:
    """What a plan allows: a factor of the daily tokens, and requests in two seconds."""

    factor: int
    api_token_burst: int
    oauth_burst: int


PLANS: Mapping[str, Plan] = {
    "lite": Plan(1, 20, 80),
    "growth": Plan(2, 40, 160),
    "premium": Plan(5, 100, 400),
    "ultimate": Plan(7, 120, 480),
}
