"""Search: exact and loose, over an index that lags behind the writes."""

from collections.abc import Callable, Iterable, Mapping

from destinations.pipedrive.emulator.paging import cursor_page, flag, parameters
from destinations.pipedrive.emulator.refusals import invalid
from destinations.pipedrive.emulator.store import Row, Store, Values
from transformer.emulator.server import Call

SEARCH_PARAMETERS = ("term", "fields", "exact_match", "include_fields", "limit", "cursor")
SCOPES: Mapping[str, tuple[str, ...]] = {
    "persons": ("organization_id",),
    "organizations": (),
    "deals": ("person_id", "organization_id", "status"),
    "leads": ("person_id", "organization_id"),
}
FIELDS: Mapping[str, tuple[str, ...]] = {
    "persons": ("custom_fields", "email", "notes", "phone", "name"),
    "organizations": ("address", "custom_fields", "notes", "name"),
    "deals": ("custom_fields", "notes", "title"),
    "leads": ("custom_fields", "notes", "title"),
}
SHORTEST_TERM = 2


def search(kind: str, call: Call, store: Store, horizon: float) -> tuple[list[object], str | None]:
    """Return one page of `items` and the next cursor; sees records as they were at `horizon`."""
    query = parameters(call, (*SEARCH_PARAMETERS, *SCOPES[kind]))
    term, exact = query.get("term", "").strip().casefold(), flag(query, "exact_match")
    if len(term) < (1 if exact else SHORTEST_TERM):
        raise invalid("term", "must be at least 2 characters")
    fields = query["fields"].split(",") if query.get("fields") else list(FIELDS[kind])
    for name in fields:
        if name not in FIELDS[kind]:
            raise invalid("fields", f"expected some of {FIELDS[kind]}")
    found: list[tuple[Row, Values]] = []
    by_email = exact and kind == "persons" and fields == ["email"]
    for row in store.with_email(term) if by_email else store.all(kind):
        values = row.indexed(horizon)
        if values is not None and _in_scope(values, query) and _matches(
            values, fields, term, exact=exact
        ):  # fmt: skip
            found.append((row, values))
    page, cursor = cursor_page(kind, found, query)
    shape = _SHAPES[kind]
    items: list[object] = []
    for each in page:
        if isinstance(each, tuple):
            row, values = each
            items.append({"result_score": 1.0 if exact else 0.5, "item": shape(row, values, store)})
    return items, cursor


def _in_scope(values: Values, query: Mapping[str, str]) -> bool:
    org = values.get("org_id", values.get("organization_id"))
    wanted = {"organization_id": org, "person_id": values.get("person_id"),
              "status": values.get("status")}  # fmt: skip
    return all(str(have) == query[name] for name, have in wanted.items() if name in query)


def _matches(values: Values, fields: Iterable[str], term: str, *, exact: bool) -> bool:
    texts = (text.casefold() for name in fields for text in _texts(values, name))
    return any(text == term if exact else term in text for text in texts)


def _texts(values: Values, name: str) -> list[str]:
    if name == "email":
        return _contacts(values.get("emails"))
    if name == "phone":
        return _contacts(values.get("phones"))
    if name == "custom_fields":
        return _custom(values)
    if name == "address":
        return _address(values)
    value = values.get(name)
    return [value] if isinstance(value, str) else []


def _contacts(value: object) -> list[str]:
    return [str(each["value"]) for each in value] if isinstance(value, list) else []


def _address(values: Values) -> list[str]:
    address = values.get("address")
    return [str(address["value"])] if isinstance(address, Mapping) and "value" in address else []


def _custom(values: Values) -> list[str]:
    """Texts, numbers, amounts and addresses are searchable; options, dates and links are not."""
    custom = values.get("custom_fields")
    found: list[str] = []
    for value in custom.values() if isinstance(custom, Mapping) else ():
        inner = value.get("value") if isinstance(value, Mapping) else value
        if isinstance(inner, str | float | int):
            found.append(str(inner))
    return found


def _named(store: Store, kind: str, record_id: object, name: str) -> dict[str, object] | None:
    row = store.find(kind, record_id)
    return None if row is None else {"id": row.id, "name": row.values.get(name)}


def _person(row: Row, values: Values, store: Store) -> dict[str, object]:
    return {
        "id": row.id,
        "type": "person",
        "name": values.get("name"),
        "phones": _contacts(values.get("phones")),
        "emails": _contacts(values.get("emails")),
        "visible_to": values.get("visible_to"),
        "owner": {"id": values.get("owner_id")},
        "organization": _named(store, "organizations", values.get("org_id"), "name"),
        "custom_fields": _custom(values),
        "notes": [],
    }


def _organization(row: Row, values: Values, _store: Store) -> dict[str, object]:
    return {
        "id": row.id,
        "type": "organization",
        "name": values.get("name"),
        "address": next(iter(_address(values)), None),
        "visible_to": values.get("visible_to"),
        "owner": {"id": values.get("owner_id")},
        "custom_fields": _custom(values),
        "notes": [],
    }


def _sale(row: Row, values: Values, store: Store) -> dict[str, object]:
    """A deal or a lead."""
    organization = values.get("org_id", values.get("organization_id"))
    return {
        "id": row.id,
        "type": "lead" if row.kind == "leads" else "deal",
        "title": values.get("title"),
        "owner": {"id": values.get("owner_id")},
        "person": _named(store, "persons", values.get("person_id"), "name"),
        "organization": _named(store, "organizations", organization, "name"),
        "custom_fields": _custom(values),
        "notes": [],
    }


_SHAPES: Mapping[str, Callable[[Row, Values, Store], dict[str, object]]] = {
    "persons": _person,
    "organizations": _organization,
    "deals": _sale,
    "leads": _sale,
}
