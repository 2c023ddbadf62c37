"""Scripted faults that Pipedrive alone has; those of every emulator come with the kit."""

from collections.abc import Sequence

from destinations.pipedrive.emulator.refusals import deals_cap, limited
from transformer.emulator.faults import Fault

OVER_LIMIT = "over_limit"
SPEND_TOKENS = "spend_tokens"
EXPIRE_TOKEN = "expire_token"  # noqa: S105 - the name of a fault, not a secret
BLOCK = "block"
DEALS_CAP = "deals_cap"

KINDS = (OVER_LIMIT, SPEND_TOKENS, EXPIRE_TOKEN, BLOCK, DEALS_CAP)
"""`over_limit` answers 429 without Retry-After, `spend_tokens` uses up the day's tokens,
`expire_token` ends every OAuth session, `block` turns everything away with an HTML page, and
`deals_cap` refuses as a company with its open deals used up."""


def refuse(faults: Sequence[Fault]) -> None:
    """Refuse a request that a fault says to refuse."""
    for fault in faults:
        if fault.kind == OVER_LIMIT:
            raise limited()
        if fault.kind == DEALS_CAP:
            raise deals_cap()
