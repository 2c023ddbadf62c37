"""Accounts of the emulator, what joins them to contacts, and fields of accounts and deals."""

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
from destinations.activecampaign.emulator.store import Row, Store
from transformer.emulator.server import Answer, Call, Handler, json_answer, query_of
from transformer.emulator.store import text

ACCOUNT = ("name", "accountUrl", "createdTimestamp", "updatedTimestamp", "owner")
LISTED = (*ACCOUNT, "contactCount", "dealCount")
LINK = ("account", "contact", "jobTitle", "createdTimestamp", "updatedTimestamp")
META = (
    "fieldLabel", "fieldType", "isFormVisible", "displayOrder", "personalization",
    "createdTimestamp", "updatedTimestamp",
)  # fmt: skip
META_TYPES = ("text", "textarea", "date", "datetime", "dropdown", "multiselect", "radio",
              "checkbox", "hidden", "currency", "number")  # fmt: skip


class CustomFields:
    """The custom fields of one kind of record, `account` or `deal`, and their values."""

    def __init__(self, store: Store, kind: str) -> None:
        self._store = store
        self._kind = kind
        self._meta = f"{kind}CustomFieldMeta"
        self._data = f"{kind}CustomFieldData"

    def routes(self, root: str) -> Iterable[tuple[str, str, Handler]]:
        """The routes below `root`."""
        yield "GET", f"{root}/{self._meta}", self._list
        yield "POST", f"{root}/{self._meta}", self._create
        yield "GET", f"{root}/{self._data}", self._values

    def add(self, label: str, kind: str = "text", personalization: str = "") -> Row:
        """Add a custom field."""
        now = self._store.now()
        made = "".join(each if each.isalnum() else "_" for each in label).upper()
        return self._store.insert(
            self._meta,
            {
                "fieldLabel": label,
                "fieldType": kind,
                "isFormVisible": "0",
                "displayOrder": "0",
                "personalization": personalization or made,
                "createdTimestamp": now,
                "updatedTimestamp": now,
            },
        )

    def validate(self, given: object) -> list[dict[str, str]]:
        """The values of a body's `fields`."""
        if not isinstance(given, list):
            raise invalid("fields must be an array.", "fields")
        found = []
        for each in given:
            if not isinstance(each, dict):
                raise invalid("A custom field value must be an object.", "fields")
            only(each, ("customFieldId", "fieldValue", "fieldCurrency"))
            meta = self._store.get(self._meta, each.get("customFieldId"))
            if meta is None or isinstance(each.get("fieldValue"), dict | list):
                raise invalid("The custom field or its value is not valid.", "fields")
            value = text(each.get("fieldValue"))
            if meta.get("fieldType") == "currency" and not (
                not value or (value.isdecimal() and each.get("fieldCurrency"))
            ):
                raise invalid("A currency value is whole cents and a currency.", "fields")
            found.append({name: text(value) for name, value in each.items()})
        return found

    def set_values(self, owner_id: str, values: list[dict[str, str]]) -> None:
        """Set values of one record."""
        owner = f"{self._kind}Id"
        for each in values:
            at = {owner: owner_id, "customFieldId": each["customFieldId"]}
            row = next(self._store.where(self._data, **at), None)
            if row is None:
                self._store.insert(self._data, {**each, owner: owner_id})
            else:
                self._store.change(self._data, row, each)

    def values_of(self, owner_id: str) -> list[dict[str, object]]:
        """The values of one record, as they are answered."""
        rows = self._store.where(self._data, **{f"{self._kind}Id": owner_id})
        return [dict(row.values) for row in rows]

    def _values(self, call: Call, _params: Mapping[str, str]) -> Answer:
        owner = "customerAccountId" if self._kind == "account" else "dealId"
        wanted = filters_of(call, (owner,))
        rows = [
            {**row.values, "id": row.id}
            for row in self._store.rows[self._data].values()
            if row.get(f"{self._kind}Id") == wanted.get(owner, row.get(f"{self._kind}Id"))
        ]
        return page(call, self._data, rows)

    def _list(self, call: Call, _params: Mapping[str, str]) -> Answer:
        rows = [
            {**shown(row, META), "fieldOptions": None, "fieldDefault": None}
            for row in self._store.rows[self._meta].values()
        ]
        return page(call, self._meta, rows)

    def _create(self, call: Call, _params: Mapping[str, str]) -> Answer:
        envelope = f"{self._kind}CustomFieldMetum"
        body = body_of(call, envelope)
        only(body, ("fieldLabel", "fieldType", "fieldOptions", "fieldDefault", "isFormVisible",
                    "displayOrder", "personalization", "fieldDefaultCurrency"))  # fmt: skip
        if not text(body.get("fieldLabel")):
            raise missing("The field label was not provided.", "fieldLabel")
        if body.get("fieldType") not in META_TYPES:
            raise invalid("The field type is not valid.", "fieldType")
        row = self.add(text(body["fieldLabel"]), text(body["fieldType"]))
        return json_answer({envelope: shown(row, META)}, 201)


class Accounts:
    """Accounts, unique by name, and their contacts: one account for a contact."""

    def __init__(self, store: Store, fields: CustomFields) -> None:
        self._store = store
        self._fields = fields

    def routes(self, root: str) -> Iterable[tuple[str, str, Handler]]:
        """The routes below `root`."""
        yield "POST", f"{root}/accounts", self._create
        yield "GET", f"{root}/accounts", self._list
        yield "GET", f"{root}/accounts/{{id}}", self._read
        yield "PUT", f"{root}/accounts/{{id}}", self._update
        yield "DELETE", f"{root}/accounts/{{id}}", self._delete
        yield "POST", f"{root}/accountContacts", self._link
        yield "GET", f"{root}/accountContacts", self._links
        yield "PUT", f"{root}/accountContacts/{{id}}", self._update_link
        yield "DELETE", f"{root}/accountContacts/{{id}}", self._unlink

    def by_name(self, name: str) -> Row | None:
        """The account of a name; upper and lower case are the same."""
        return self._store.folded("accounts", "name", name.strip())

    def insert(self, values: Mapping[str, object], action: str = "create") -> Row:
        """Add an account."""
        now = self._store.now()
        stamps = {"createdTimestamp": now, "updatedTimestamp": now}
        return self._store.insert("accounts", {"owner": "1", **values, **stamps}, action)

    def join(self, account_id: str, contact_id: str, job_title: str = "") -> Row:
        """Make a contact one of an account's."""
        now = self._store.now()
        values = {"account": account_id, "contact": contact_id, "jobTitle": job_title}
        stamps = {"createdTimestamp": now, "updatedTimestamp": now}
        return self._store.insert("accountContacts", {**values, **stamps})

    def _create(self, call: Call, _params: Mapping[str, str]) -> Answer:
        values, fields = self._validated(call)
        if not values.get("name"):
            raise missing("The account name was not provided.", "name")
        self._refuse_taken(str(values["name"]), None)
        return self._written(self.insert(values), fields, 201)

    def _update(self, call: Call, params: Mapping[str, str]) -> Answer:
        row = self._existing(params["id"])
        values, fields = self._validated(call)
        if "name" in values:
            if not values["name"]:
                raise missing("The account name was not provided.", "name")
            self._refuse_taken(str(values["name"]), row)
        self._store.change("accounts", row, {**values, "updatedTimestamp": self._store.now()})
        return self._written(row, fields, 200)

    def _read(self, _call: Call, params: Mapping[str, str]) -> Answer:
        return json_answer({"account": shown(self._existing(params["id"]), ACCOUNT)})

    def _delete(self, _call: Call, params: Mapping[str, str]) -> Answer:
        row = self._existing(params["id"])
        for each in self._store.where("accountContacts", account=row.id):
            self._store.remove("accountContacts", each.id)
        self._store.remove("accounts", row.id)
        return json_answer({})

    def _list(self, call: Call, _params: Mapping[str, str]) -> Answer:
        wanted = query_of(call).get("search", "").casefold()
        rows = self._store.rows["accounts"].values()
        found = [shown(row, LISTED) for row in rows if wanted in row.get("name").casefold()]
        return page(call, "accounts", found)

    def _link(self, call: Call, _params: Mapping[str, str]) -> Answer:
        body = body_of(call, "accountContact")
        only(body, ("account", "contact", "jobTitle"))
        for name in ("account", "contact"):
            if not text(body.get(name)):
                raise missing(f"The {name} was not provided.", name)
            if self._store.get(f"{name}s", body[name]) is None:
                raise invalid(f"The {name} does not exist.", name)
        if next(self._store.where("accountContacts", contact=body["contact"]), None) is not None:
            raise invalid("The contact is already associated with an account.", "contact")
        row = self.join(text(body["account"]), text(body["contact"]), text(body.get("jobTitle")))
        return json_answer({"accountContact": shown(row, LINK)}, 201)

    def _links(self, call: Call, _params: Mapping[str, str]) -> Answer:
        wanted = filters_of(call, ("account", "contact"))
        rows = self._store.where("accountContacts", **wanted)
        return page(call, "accountContacts", [shown(row, LINK) for row in rows])

    def _update_link(self, call: Call, params: Mapping[str, str]) -> Answer:
        row = self._store.get("accountContacts", params["id"])
        if row is None:
            raise not_found("AccountContact", params["id"])
        body = body_of(call, "accountContact")
        only(body, ("jobTitle",))
        self._store.change("accountContacts", row, scalars(body, ("jobTitle",)))
        return json_answer({"accountContact": shown(row, LINK)})

    def _unlink(self, _call: Call, params: Mapping[str, str]) -> Answer:
        if self._store.get("accountContacts", params["id"]) is None:
            raise not_found("AccountContact", params["id"])
        self._store.remove("accountContacts", params["id"])
        return json_answer({})

    def _validated(self, call: Call) -> tuple[dict[str, object], list[dict[str, str]]]:
        body = body_of(call, "account")
        only(body, ("name", "accountUrl", "owner", "fields"))
        values = scalars(body, ("name", "accountUrl", "owner"))
        return values, self._fields.validate(body.get("fields", []))

    def _refuse_taken(self, name: str, row: Row | None) -> None:
        other = self.by_name(name)
        if other is not None and other is not row:
            words = f'An account named "{name}" already exists. Please choose a new name.'
            raise error(words, "duplicate", "name")

    def _written(self, row: Row, fields: list[dict[str, str]], status: int) -> Answer:
        self._fields.set_values(row.id, fields)
        answer = {**shown(row, ACCOUNT), "links": [], "fields": self._fields.values_of(row.id)}
        return json_answer({"account": answer}, status)

    def _existing(self, row_id: str) -> Row:
        row = self._store.get("accounts", row_id)
        if row is None:
            raise not_found("Account", row_id)
        return row
