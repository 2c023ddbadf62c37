"""The online check: the key, and the fields of the mapping. Says all it finds, changes nothing."""

from collections.abc import Mapping, Sequence

from destinations.activecampaign import contact_plan, deals, tracking
from destinations.activecampaign.accounts import OWN_FIELDS as ACCOUNT_FIELDS
from destinations.activecampaign.client import ActiveCampaignClient
from destinations.activecampaign.fields import FieldBook
from destinations.activecampaign.reasons import Declined
from destinations.activecampaign.settings import ActiveCampaignSettings
from transformer.destination import FieldUse, Finding
from transformer.errors import TransformerError
from transformer.outcome import Rejected

KNOWN: Mapping[str, frozenset[str]] = {
    "contact": frozenset(
        {*contact_plan.OWN_FIELDS, *contact_plan.SPECIAL, contact_plan.JOB_TITLE, "id"}
    ),
    "account": frozenset({*ACCOUNT_FIELDS, "id"}),
    "deal": deals.OWN,
    "event": frozenset({tracking.EVENT, tracking.EMAIL, tracking.DATA}),
}


async def run(
    client: ActiveCampaignClient,
    settings: ActiveCampaignSettings,
    books: Mapping[str, FieldBook],
    fields: Sequence[FieldUse],
) -> Sequence[Finding]:
    """Check the connection; a key that is refused ends it. Raises WriteFailed when unreachable."""
    me = await client.me()
    if not me.ok:
        return [
            Finding(
                "error",
                "credentials",
                f"ActiveCampaign answered {me.status} to the API key, expected 200."
                " Check api_token and base_url.",
            )
        ]
    user = me.record("user").get("username") or "unknown"
    findings = [Finding("ok", "credentials", f"the key is user {user}'s.")]
    for kind, book in books.items():
        names = [use for use in fields if use.object_type == kind and use.name not in KNOWN[kind]]
        findings.extend(await _fields(kind, book, names, settings))
    findings.extend(_objects(fields))
    if settings.event_tracking:
        findings.append(await _tracking(client))
    return findings


async def _fields(
    kind: str, book: FieldBook, uses: Sequence[FieldUse], settings: ActiveCampaignSettings
) -> Sequence[Finding]:
    try:
        missing = [use for use in uses if not await book.knows(use.name)]
    except Declined as declined:
        reason = declined.outcome.detail if isinstance(declined.outcome, Rejected) else "refused"
        return [Finding("warning", kind, f"its custom fields cannot be read: {reason}")]
    if settings.unknown_fields == "create":
        level, then = "ok", "It is created as text when it is first written."
    elif settings.unknown_fields == "drop":
        level, then = "warning", "It is left out of every write. Create it, or fix its name."
    else:
        level, then = "error", "Writes with it are rejected. Create it, or fix its name."
    found = [
        Finding(
            "ok" if level == "ok" else "warning" if level == "warning" else "error",
            f"{use.where}: {kind}.{use.name}",
            f"the account has no such custom field. {then}",
        )
        for use in missing
    ]
    return found or [Finding("ok", kind, f"{len(uses)} custom fields of the mapping are there.")]


def _objects(fields: Sequence[FieldUse]) -> Sequence[Finding]:
    strange = {use.object_type: use for use in fields if use.object_type not in KNOWN}
    return [
        Finding(
            "error",
            f"{use.where}: {name}",
            f"unknown object, expected one of {', '.join(KNOWN)}. Fix the mapping.",
        )
        for name, use in strange.items()
    ]


async def _tracking(client: ActiveCampaignClient) -> Finding:
    try:
        reply = await client.get("eventTracking", "eventTracking")
    except TransformerError as error:
        return Finding("error", "event_tracking", str(error))
    enabled = reply.record("eventTracking").get("enabled")
    if reply.ok and str(enabled).casefold() in {"true", "1"}:
        return Finding("ok", "event_tracking", "event tracking is on in the account.")
    return Finding(
        "error",
        "event_tracking",
        "event tracking is off in the account. Switch it on under Settings > Tracking.",
    )
