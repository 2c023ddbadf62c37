"""Scripted faults that HubSpot alone has.

`row_error` refuses rows (`options`: `where`, `category`, `message`, `status`), `half_applied`
writes the first `options.rows` rows of a batch, keeps them and drops the connection; `link_error`
refuses every batch of associations with one of `options.ids`, naming them with `options.named`;
`expire_tokens` ends every OAuth access token; `burst_limit`, `daily_limit` and `search_limit`
answer their 429 (`retry_after` adds the header), `locked` a 423, `migrating` a 477.
"""

from collections.abc import Iterable, Mapping, Sequence

from destinations.hubspot.emulator.refusals import Refusal
from transformer.emulator.faults import Fault

ROW_ERROR = "row_error"
HALF_APPLIED = "half_applied"
LINK_ERROR = "link_error"
EXPIRE_TOKENS = "expire_tokens"
BURST_LIMIT = "burst_limit"
DAILY_LIMIT = "daily_limit"
SEARCH_LIMIT = "search_limit"
LOCKED = "locked"
MIGRATING = "migrating"
KINDS = (
    ROW_ERROR, HALF_APPLIED, LINK_ERROR, EXPIRE_TOKENS, BURST_LIMIT, DAILY_LIMIT, SEARCH_LIMIT,
    LOCKED, MIGRATING,
)  # fmt: skip

_POLICIES = {
    BURST_LIMIT: ("TEN_SECONDLY_ROLLING", "ten_secondly_rolling"),
    DAILY_LIMIT: ("DAILY", "daily"),
    SEARCH_LIMIT: ("SECONDLY", "secondly"),
}


def refuse_request(faults: Sequence[Fault]) -> None:
    """Refuse the whole request, if a fault says so."""
    for fault in faults:
        if fault.kind in _POLICIES:
            raise rate_limited(fault.kind, fault.answer_headers())
        if fault.kind == LOCKED:
            text = "The resource is locked by another request."
            raise Refusal(423, "LOCKED", text, headers=fault.answer_headers())
        if fault.kind == MIGRATING:
            text = "The account is being moved to another data centre."
            raise Refusal(477, "MIGRATION_IN_PROGRESS", text, headers=fault.answer_headers())


def rate_limited(kind: str, headers: Mapping[str, str] | None = None) -> Refusal:
    """Return the 429 of one of the three limits."""
    policy, words = _POLICIES[kind]
    extra = {"errorType": "RATE_LIMIT", "policyName": policy}
    text = f"You have reached your {words} limit."
    return Refusal(429, "RATE_LIMITS", text, extra=extra, headers=headers)


def refuse_row(faults: Sequence[Fault], properties: Mapping[str, str]) -> None:
    """Refuse one row of a batch, if a fault says so."""
    for fault in faults:
        if fault.kind != ROW_ERROR:
            continue
        where = fault.options.get("where", {})
        if isinstance(where, Mapping) and all(properties.get(n) == v for n, v in where.items()):
            status = fault.options.get("status", 400)
            raise Refusal(
                status if isinstance(status, int) else 400,
                str(fault.options.get("category", "VALIDATION_ERROR")),
                str(fault.options.get("message", "scripted")),
            )


def refuse_links(faults: Sequence[Fault], ids: Iterable[str]) -> None:
    """Refuse a whole batch of associations for one of its records, if a fault says so."""
    given = set(ids)
    for fault in faults:
        wanted = fault.options.get("ids", ())
        guilty = [each for each in wanted if each in given] if isinstance(wanted, list) else []
        if fault.kind == LINK_ERROR and guilty:
            named = {"ids": guilty} if fault.options.get("named") else {}
            text = "One or more associations are not valid."
            raise Refusal(400, "VALIDATION_ERROR", text, context=named)


def rows_applied(faults: Sequence[Fault]) -> int | None:
    """After how many rows the connection is dropped; None for never."""
    for fault in faults:
        if fault.kind == HALF_APPLIED:
            rows = fault.options.get("rows", 1)
            return rows if isinstance(rows, int) else 1
    return None
