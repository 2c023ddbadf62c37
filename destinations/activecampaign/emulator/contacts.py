"""Contacts of the emulated account: sync, create, read, list, and their field values."""

import re
from collections.abc import Iterable, Mapping

from destinations.activecampaign.emulator.answers import (
    body_of,
    error,
    filters_of,
    invalid,
    missing,
    not_found,
    only,
    page,
    scalars,
    shown,
)
from destinations.activecampaign.emulator.store import NEVER, Row, Store
from transformer.emulator.server import Answer, Call, Handler, json_answer, query_of, query_pairs
from transformer.emulator.store import text

EMAIL = re.compile(r"[^@\s,;<>()]+@[^@\s,;<>().]+(?:\.[^@\s,;<>().]+)+")
WRITABLE = ("email", "firstName", "lastName", "phone")
KNOWN = (*WRITABLE, "fieldValues", "orgid", "deleted")
QUERY = ("email", "email_like", "ids[]", "phone", "search", "status", "listid", "tagid",
         "id_greater", "id_less", "limit", "offset", "orders[id]")  # fmt: skip
SHOWN = (
    "email", "phone", "firstName", "lastName", "cdate", "udate", "adate", "edate", "deleted_at",
    "orgid", "orgname", "segmentio_id", "bounced_hard", "bounced_soft", "bounced_date", "ip", "ua",
    "hash", "socialdata_lastcheck", "email_local", "email_domain", "sentcnt", "rating_tstamp",
    "gravatar", "deleted", "anonymized", "created_utc_timestamp", "updated_utc_timestamp",
    "organization",
)  # fmt: skip
ZEROS = ("orgid", "bounced_hard", "bounced_soft", "sentcnt", "gravatar", "deleted", "anonymized")
LINKS = ("contactLists", "contactTags", "deals", "fieldValues", "accountContacts", "notes")
VALUE_SHOWN = ("contact", "field", "value", "cdate", "udate", "created_by", "updated_by", "owner")
SUBRESOURCES: Mapping[str, tuple[str, ...]] = {
    "contactLists": (
        "contact", "list", "form", "seriesid", "sdate", "udate", "status", "responder", "sync",
        "unsubreason", "first_name", "last_name", "ip4Sub", "sourceid", "created_timestamp",
        "updated_timestamp",
    ),
    "contactTags": ("contact", "tag", "cdate"),
    "fieldValues": VALUE_SHOWN,
    "accountContacts": ("account", "contact", "jobTitle", "createdTimestamp", "updatedTimestamp"),
}  # fmt: skip


class Contacts:
    """The contact resources. `blocked` holds addresses that the account refuses."""

    def __init__(self, store: Store, blocked: set[str]) -> None:
        self._store = store
        self._blocked = blocked

    def routes(self, root: str) -> Iterable[tuple[str, str, Handler]]:
        """The routes below `root`."""
        yield "POST", f"{root}/contact/sync", self._sync
        yield "POST", f"{root}/contacts", self._create
        yield "GET", f"{root}/contacts", self._list
        yield "GET", f"{root}/contacts/{{id}}", self._read
        yield "PUT", f"{root}/contacts/{{id}}", self._update
        yield "DELETE", f"{root}/contacts/{{id}}", self._delete
        for name in SUBRESOURCES:
            yield "GET", f"{root}/contacts/{{id}}/{name}", self._subresource(name)
        yield "POST", f"{root}/fieldValues", self._create_value
        yield "GET", f"{root}/fieldValues", self._list_values

    def by_email(self, email: str) -> Row | None:
        """The contact of an address; upper and lower case are the same."""
        return self._store.folded("contacts", "email", email.strip())

    def insert(self, values: Mapping[str, object], action: str) -> Row:
        """Add a contact."""
        now, utc = self._store.now(), self._store.utc()
        email = text(values.get("email"))
        local, _, domain = email.rpartition("@")
        return self._store.insert(
            "contacts",
            {
                **dict.fromkeys(ZEROS, "0"),
                "cdate": now,
                "udate": now,
                "created_utc_timestamp": utc,
                "updated_utc_timestamp": utc,
                "bounced_date": NEVER,
                "socialdata_lastcheck": NEVER,
                "rating_tstamp": NEVER,
                "email_local": local,
                "email_domain": domain,
                **values,
            },
            action,
        )

    def change(self, row: Row, values: Mapping[str, object], action: str) -> None:
        """Set some of a contact's values."""
        moment = {"udate": self._store.now(), "updated_utc_timestamp": self._store.utc()}
        self._store.change("contacts", row, {**values, **moment}, action)

    def set_value(self, contact_id: str, field_id: str, value: object) -> Row:
        """Set the value of a custom field of a contact."""
        now = self._store.now()
        for row in self._store.where("fieldValues", contact=contact_id, field=field_id):
            self._store.change("fieldValues", row, {"value": text(value), "udate": now})
            return row
        return self._store.insert(
            "fieldValues",
            {
                "contact": contact_id,
                "field": field_id,
                "value": text(value),
                "cdate": now,
                "udate": now,
                "created_by": "0",
                "updated_by": "0",
                "owner": contact_id,
            },
        )

    def is_acceptable(self, email: str) -> bool:
        """Whether it looks like an address."""
        return EMAIL.fullmatch(email.strip()) is not None

    def is_blocked(self, email: str) -> bool:
        """Whether the account refuses this address."""
        return email.strip().casefold() in self._blocked

    def _sync(self, call: Call, _params: Mapping[str, str]) -> Answer:
        values, fields = self._validated(call)
        row = self.by_email(str(values["email"]))
        if row is None:
            row = self.insert(values, "sync")
            return self._written(row, fields, 201)
        self.change(row, {k: v for k, v in values.items() if k != "email"}, "sync")
        return self._written(row, fields, 200)

    def _create(self, call: Call, _params: Mapping[str, str]) -> Answer:
        values, fields = self._validated(call)
        if self.by_email(str(values["email"])) is not None:
            raise error("Email address already exists in the system", "duplicate", "email")
        return self._written(self.insert(values, "create"), fields, 201)

    def _update(self, call: Call, params: Mapping[str, str]) -> Answer:
        row = self._existing(params["id"])
        values, fields = self._validated(call, email_required=False)
        if "email" in values:
            other = self.by_email(str(values["email"]))
            if other is not None and other is not row:
                raise error("Email address already exists in the system", "duplicate", "email")
        self.change(row, values, "update")
        return self._written(row, fields, 200)

    def _read(self, _call: Call, params: Mapping[str, str]) -> Answer:
        row = self._existing(params["id"])
        sides: dict[str, object] = {
            name: self._sub(row, name) for name in ("contactLists", "fieldValues")
        }
        for name in ("contactAutomations", "deals", "geoAddresses", "geoIps"):
            sides[name] = []
        return json_answer({**sides, "contact": self.shown(row)})

    def _delete(self, _call: Call, params: Mapping[str, str]) -> Answer:
        row = self._existing(params["id"])
        for name in ("fieldValues", "contactLists", "contactTags", "accountContacts"):
            for each in self._store.where(name, contact=row.id):
                self._store.remove(name, each.id)
        self._store.remove("contacts", row.id)
        return json_answer({})

    def _list(self, call: Call, _params: Mapping[str, str]) -> Answer:
        query = query_of(call)
        only(query, QUERY)
        ids = {value for name, value in query_pairs(call.query) if name == "ids[]"}
        rows = [
            self.shown(row)
            for row in self._store.rows["contacts"].values()
            if _fits(row, query) and (not ids or row.id in ids)
        ]
        return page(call, "contacts", rows)

    def _subresource(self, name: str) -> Handler:
        def handler(_call: Call, params: Mapping[str, str]) -> Answer:
            return json_answer({name: self._sub(self._existing(params["id"]), name)})

        return handler

    def _create_value(self, call: Call, _params: Mapping[str, str]) -> Answer:
        body = body_of(call, "fieldValue")
        only(body, ("contact", "field", "value"))
        contact = self._existing(text(body.get("contact")))
        field_id = text(body.get("field"))
        if self._store.get("fields", field_id) is None:
            raise invalid("The field does not exist.", "field")
        row = self.set_value(contact.id, field_id, body.get("value"))
        return json_answer(
            {"contacts": [self.shown(contact)], "fieldValue": shown(row, VALUE_SHOWN)}
        )

    def _list_values(self, call: Call, _params: Mapping[str, str]) -> Answer:
        wanted = filters_of(call, ("fieldid", "val"))
        rows = [
            shown(row, VALUE_SHOWN)
            for row in self._store.rows["fieldValues"].values()
            if row.get("field") == wanted.get("fieldid", row.get("field"))
            and row.get("value").casefold() == wanted.get("val", row.get("value")).casefold()
        ]
        return page(call, "fieldValues", rows)

    def shown(self, row: Row) -> dict[str, object]:
        """A contact as it is answered."""
        links = {name: f"/api/3/contacts/{row.id}/{name}" for name in LINKS}
        return {**shown(row, SHOWN), "scoreValues": [], "links": links}

    def _validated(
        self, call: Call, *, email_required: bool = True
    ) -> tuple[dict[str, object], list[tuple[str, object]]]:
        body = body_of(call, "contact")
        only(body, KNOWN)
        values = scalars(body, WRITABLE)
        email = str(values.get("email", ""))
        if (email_required and not email) or ("email" in values and not email):
            raise missing("The contact email was not provided.", "email")
        if "email" in values and not self.is_acceptable(email):
            raise error("Email address is not valid.", "field_invalid", "email")
        if "email" in values and self.is_blocked(email):
            raise error("Email address is on the exclusion list.", "field_invalid", "email")
        return values, self._field_values(body.get("fieldValues", []))

    def _field_values(self, given: object) -> list[tuple[str, object]]:
        if not isinstance(given, list):
            raise invalid("fieldValues must be an array.", "fieldValues")
        found = []
        for each in given:
            if not isinstance(each, dict) or isinstance(each.get("value"), dict | list):
                raise invalid("A field value must have a field and a value.", "fieldValues")
            if self._store.get("fields", each.get("field")) is None:
                raise invalid("The field does not exist.", "fieldValues")
            found.append((text(each["field"]), each.get("value")))
        return found

    def _written(self, row: Row, fields: list[tuple[str, object]], status: int) -> Answer:
        for field_id, value in fields:
            self.set_value(row.id, field_id, value)
        answer = {
            "fieldValues": self._sub(row, "fieldValues"),
            "contact": {**self.shown(row), "email_empty": False},
        }
        return json_answer(answer, status)

    def _sub(self, row: Row, name: str) -> list[dict[str, object]]:
        found = self._store.where(name, contact=row.id)
        return [shown(each, SUBRESOURCES[name]) for each in found]

    def _existing(self, row_id: str) -> Row:
        row = self._store.get("contacts", row_id)
        if row is None:
            raise not_found("Subscriber", row_id)
        return row


def _fits(row: Row, query: Mapping[str, str]) -> bool:
    email, phone = row.get("email").casefold(), row.get("phone")
    return (
        email == query.get("email", email).strip().casefold()
        and query.get("email_like", "").casefold() in email
        and phone.startswith(query.get("phone", ""))
        and int(row.id) > int(query.get("id_greater", "0"))
    )
