"""What the user of the connection may not read, and no event can do without: a pause for all."""

from collections.abc import Awaitable
from typing import TypeVar

from destinations.account_engagement.client import SETUP_PAUSE_SECONDS
from transformer.errors import Unauthorized
from transformer.failures import Declined
from transformer.outcome import Reason, Rejected

T = TypeVar("T")


async def needed(reading: Awaitable[T], what: str) -> T:
    """The result of `reading`, which every event needs: refused, it is no fault of this one.

    Raises Unauthorized when the user lacks the ability; Declined as `reading` does.
    """
    try:
        return await reading
    except Declined as declined:
        outcome = declined.outcome
        if not isinstance(outcome, Rejected) or outcome.reason is not Reason.ACCESS_DENIED:
            raise
        raise Unauthorized(
            f"{what}: the user may not read or write them, and every event needs them. Give the"
            " user's role the ability.",
            after_seconds=SETUP_PAUSE_SECONDS,
            detail=outcome.detail,
            vendor=outcome.vendor,
        ) from None
