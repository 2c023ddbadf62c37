"""The Pipedrive emulator: persons, organizations, deals, activities, notes, leads and limits.

What it does where no document says is listed in README.md.
"""

from collections.abc import Iterable

from destinations.pipedrive.emulator.limits import SEARCHES
from destinations.pipedrive.emulator.oauth import API_TOKEN
from destinations.pipedrive.emulator.server import PipedriveEmulator
from transformer.clock import Clock

__all__ = ["API_TOKEN", "PipedriveEmulator", "build"]


def build(
    *,
    seed: int = 0,
    clock: Clock | None = None,
    plan: str = "ultimate",
    seats: int = 10,
    daily_tokens: int | None = None,
    searches: int = SEARCHES,
    search_lag_seconds: float = 0.0,
    features: Iterable[str] = ("contact_sync",),
    api_tokens: Iterable[str] = (API_TOKEN,),
    log_requests: int = 1_000,
) -> PipedriveEmulator:
    """Make an emulated company.

    `plan`, `seats` and `daily_tokens` decide the limits, `searches` how many searches go in two
    seconds, `search_lag_seconds` how late the search index is, `features` which optional fields
    there are (contact_sync, campaigns), `api_tokens` who may come in.
    """
    return PipedriveEmulator(
        seed=seed,
        clock=clock,
        plan=plan,
        seats=seats,
        daily_tokens=daily_tokens,
        searches=searches,
        search_lag_seconds=search_lag_seconds,
        features=features,
        api_tokens=api_tokens,
        log_requests=log_requests,
    )
