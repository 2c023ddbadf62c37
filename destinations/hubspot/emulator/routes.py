"""The paths of every API version, side by side, and the scope each needs. Data and no state."""

from collections.abc import Iterable, Mapping, Sequence

from transformer.emulator.server import Handler

Route = tuple[str, str, Handler]

_DATES = ("2026-03", "2026-09")
ROOTS: Mapping[str, Sequence[str]] = {
    "objects": ("/crm/v3/objects", *(f"/crm/objects/{date}" for date in _DATES)),
    "record_associations": ("/crm/v4/objects", *(f"/crm/objects/{date}" for date in _DATES)),
    "associations": ("/crm/v4/associations", *(f"/crm/associations/{date}" for date in _DATES)),
    "properties": ("/crm/v3/properties", *(f"/crm/properties/{date}" for date in _DATES)),
    "pipelines": ("/crm/v3/pipelines", *(f"/crm/pipelines/{date}" for date in _DATES)),
    "owners": ("/crm/v3/owners", *(f"/crm/owners/{date}" for date in _DATES)),
    "send": ("/events/v3/send", "/events/2026-03/send", "/events/custom/2026-09/send"),
    "definitions": (
        "/events/v3/event-definitions",
        "/events/2026-03/event-definitions",
        "/events/custom/2026-09/event-definitions",
    ),
    "account": ("/account-info/v3", *(f"/account-info/{date}" for date in _DATES)),
}
_READING = ("/batch/read", "/search")
_SCOPED = {
    "contacts": "contacts", "0-1": "contacts", "companies": "companies", "0-2": "companies",
    "deals": "deals", "0-3": "deals", "tickets": "tickets", "0-5": "tickets",
    "notes": "contacts", "tasks": "contacts", "calls": "contacts", "meetings": "contacts",
}  # fmt: skip


def table(areas: Mapping[str, Iterable[Route]], others: Iterable[Route]) -> Iterable[Route]:
    """Every route under every root of its area."""
    yield from others
    for area, found in areas.items():
        listed = list(found)
        for root in ROOTS[area]:
            for method, rest, handler in listed:
                yield method, root + rest, handler


def is_search(path: str) -> bool:
    """Whether the search limit counts the path."""
    return path.endswith("/search") and any(path.startswith(root) for root in ROOTS["objects"])


def scopes(method: str, path: str) -> Sequence[str]:
    """The scopes of which a request needs one; none for what every app may."""
    for area, roots in ROOTS.items():
        root = next((root for root in roots if path.startswith(root)), None)
        if root is None:
            continue
        if area == "send":
            return ("analytics.behavioral_events.send",)
        if area == "definitions":
            return ("behavioral_events.event_definitions.read_write",)
        if area == "owners":
            return ("crm.objects.owners.read",)
        reads = method == "GET" or path.endswith(_READING)
        name = _SCOPED.get(path[len(root) :].strip("/").partition("/")[0], "custom")
        return _object_scopes(area, name, "read" if reads else "write")
    return ()


def _object_scopes(area: str, name: str, right: str) -> Sequence[str]:
    if area == "account":
        return ()
    if name == "tickets":
        return ("tickets",)
    own = f"crm.objects.{name}.{right}"
    if area == "properties":
        schema = f"crm.schemas.{name}.{right}"
        return (schema, own) if right == "read" else (schema,)
    return (own,)
