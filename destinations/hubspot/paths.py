"""The paths of each API version, one table. Names are validated before they get here.

Source: HubSpot's public OpenAPI documents, versions v3, v4, 2026-03 and 2026-09, read 2026-11-22.
"""

import re
from dataclasses import dataclass

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
_ID = re.compile(r"\d{1,20}")
_PLURALS = {
    "contact": "contacts", "company": "companies", "deal": "deals", "ticket": "tickets",
    "note": "notes", "task": "tasks", "call": "calls", "meeting": "meetings", "email": "emails",
    "communication": "communications", "product": "products", "line_item": "line_items",
    "quote": "quotes", "lead": "leads",
}  # fmt: skip
_IDS = {"0-1": "contacts", "0-2": "companies", "0-3": "deals", "0-5": "tickets"}


@dataclass(frozen=True, slots=True)
class Paths:
    """Where things are in one version."""

    objects: str
    properties: str
    associations: str
    send: str
    definitions: str
    account: str
    token: str
    introspect: str


def paths(version: str) -> Paths:
    """The table of one version: `v3`, or a date such as `2026-03`."""
    if version == "v3":
        return Paths(
            objects="/crm/v3/objects",
            properties="/crm/v3/properties",
            associations="/crm/v4/associations",
            send="/events/v3/send",
            definitions="/events/v3/event-definitions",
            account="/account-info/v3",
            token="/oauth/v1/token",  # noqa: S106 - a path, not a secret
            introspect="/oauth/v3/token/introspect",
        )
    events = "/events/2026-03" if version == "2026-03" else f"/events/custom/{version}"
    return Paths(
        objects=f"/crm/objects/{version}",
        properties=f"/crm/properties/{version}",
        associations=f"/crm/associations/{version}",
        send=f"{events}/send",
        definitions=f"{events}/event-definitions",
        account=f"/account-info/{version}",
        token=f"/oauth/{version}/token",
        introspect=f"/oauth/{version}/token/introspect",
    )


def object_name(name: str) -> str | None:
    """The object's name as paths have it (`contacts`, `2-123`); None when it is not one."""
    if _NAME.fullmatch(name) is None:
        return None
    folded = name.lower()
    return (
        _PLURALS.get(folded)
        or _IDS.get(folded)
        or (folded if folded in _PLURALS.values() else name)
    )


def is_record_id(value: str) -> bool:
    """Whether `value` is a record id: digits only."""
    return _ID.fullmatch(value) is not None


def is_property_name(name: str) -> bool:
    """Whether `name` may be sent as a property's name in a path or filter."""
    return re.fullmatch(r"[A-Za-z][A-Za-z0-9_.-]{0,99}", name) is not None
