"""The online check: the key, the fields of the mapping and their types. Changes nothing."""

from collections.abc import Iterable, Mapping, Sequence

from destinations.activecampaign import contact_plan, deals, tracking
from destinations.activecampaign.accounts import OWN_FIELDS as ACCOUNT_FIELDS
from destinations.activecampaign.client import ActiveCampaignClient
from destinations.activecampaign.fields import Field, FieldBook
from destinations.activecampaign.settings import ActiveCampaignSettings
from destinations.activecampaign.slots import own_slot, slot_of
from transformer.destination import FieldUse, Finding
from transformer.errors import TransformerError, Unauthorized
from transformer.failures import Declined
from transformer.kit.fit import misfits
from transformer.outcome import Rejected

KNOWN: Mapping[str, frozenset[str]] = {
    "contact": frozenset(
        {*contact_plan.OWN_FIELDS, *contact_plan.SPECIAL, contact_plan.JOB_TITLE, "id"}
    ),
    "account": frozenset({*ACCOUNT_FIELDS, "id"}),
    "deal": deals.OWN,
    "event": frozenset({tracking.EVENT, tracking.EMAIL, tracking.DATA}),
}

_MATCHES: Mapping[str, tuple[str, ...]] = {
    "contact": ("id", contact_plan.EMAIL, "phone"),
    "account": ("id", "name", "accountUrl"),
    "deal": ("id", "title"),
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
    options = await _options(client)
    for kind, book in books.items():
        uses = [use for use in fields if use.object_type == kind]
        findings.extend(await _fields(kind, book, uses, settings, options))
    findings.extend(_objects(fields))
    if settings.event_tracking:
        findings.append(await _tracking(client))
    return findings


async def _options(client: ActiveCampaignClient) -> Mapping[str, Sequence[str]]:
    """The options of contacts' fields by the field's id, as the list's first page tells them."""
    reply = await client.get("fields", "fields", limit="100")
    found: dict[str, list[str]] = {}
    for row in reply.records("fieldOptions") if reply.ok else ():
        found.setdefault(str(row.get("field")), []).append(str(row.get("value")))
    return found


async def _fields(
    kind: str,
    book: FieldBook,
    uses: Sequence[FieldUse],
    settings: ActiveCampaignSettings,
    options: Mapping[str, Sequence[str]],
) -> Sequence[Finding]:
    custom = [use for use in uses if use.name not in KNOWN[kind]]
    try:
        known = {use.name: await book.known(use.name) for use in custom}
    except Declined as declined:
        # Not its detail: that has the vendor's words, which may echo the key.
        reason = declined.outcome.reason if isinstance(declined.outcome, Rejected) else "refused"
        return [Finding("warning", kind, f"its custom fields cannot be read: {reason}")]
    except Unauthorized as refusal:
        return [Finding("error", kind, str(refusal))]
    found = [*_missing(kind, [use for use in custom if known[use.name] is None], settings)]
    for use in uses:
        field = known.get(use.name)
        if use.matched:
            found.extend(_matchable(kind, use, field))
        if field is not None or use.name in KNOWN[kind]:
            its = options.get(field.id, ()) if field is not None and kind == "contact" else ()
            slot = own_slot(kind, use.name) if field is None else slot_of(kind, field, its)
            found.extend(
                Finding(each.level, use.where, each.message) for each in misfits(use, slot)
            )
    return found or [Finding("ok", kind, f"{len(custom)} custom fields of the mapping are there.")]


def _matchable(kind: str, use: FieldUse, field: Field | None) -> Iterable[Finding]:
    """Say whether records can be found by it: contacts by any field of theirs, others by few."""
    own = _MATCHES.get(kind, ())
    if use.name in own or (kind == "contact" and field is not None):
        return
    known = f"{', '.join(own)}{' or a custom field' if kind == 'contact' else ''}"
    yield Finding(
        "error",
        use.where,
        f"{kind}.{use.name}: records cannot be found by it, expected {known or 'no match key'}."
        " Match on that.",
    )


def _missing(
    kind: str, uses: Sequence[FieldUse], settings: ActiveCampaignSettings
) -> Iterable[Finding]:
    if settings.unknown_fields == "create":
        level, then = "ok", "It is created as text when it is first written."
    elif settings.unknown_fields == "drop":
        level, then = "warning", "It is left out of every write. Create it, or fix its name."
    else:
        level, then = "error", "Writes with it are rejected. Create it, or fix its name."
    for use in uses:
        yield Finding(
            "ok" if level == "ok" else "warning" if level == "warning" else "error",
            f"{use.where}: {kind}.{use.name}",
            f"the account has no such custom field. {then}",
        )


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
