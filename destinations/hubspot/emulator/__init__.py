"""A strict local HubSpot portal: the client's mistakes get HubSpot's errors.

`build(...)` makes one; `README.md` beside this file says what it covers and what is unverified.
"""

from collections.abc import Mapping, Sequence
from typing import TypedDict, Unpack

from destinations.hubspot.emulator.app import HubSpotEmulator, Options
from destinations.hubspot.emulator.people import Owner
from destinations.hubspot.emulator.tokens import App
from transformer.clock import Clock

__all__ = ["App", "BuildOptions", "HubSpotEmulator", "Owner", "build"]


class BuildOptions(TypedDict, total=False):
    """What `build` takes for the portal; every key has a default in `app.Options`."""

    token: str | None
    app: App
    scopes: frozenset[str] | None
    rotate_refresh_tokens: bool
    portal_id: int
    burst: int
    daily: int
    searches_per_second: int
    search_lag_seconds: float
    multi_status: bool
    echo_trace_ids: bool
    clear_partial_upserts: bool
    custom_objects: Mapping[str, Sequence[str]]
    properties: Mapping[str, Sequence[str]]
    owners: Sequence[Owner]


def build(
    *, seed: int = 0, clock: Clock | None = None, **options: Unpack[BuildOptions]
) -> HubSpotEmulator:
    """Make a portal that listens inside `async with ….serve() as emulator`."""
    return HubSpotEmulator(Options(**options), seed=seed, clock=clock)
