"""What contacts are filed under in the emulated account: fields, lists and tags."""

from collections.abc import Iterable, Mapping

from destinations.activecampaign.emulator.answers import (
    Refusal,
    body_of,
    empty,
    error,
    filters_of,
    json_of,
    missing,
    not_found,
    only,
    page,
    scalars,
    shown,
)
from destinations.activecampaign.emulator.contacts import Contacts
from destinations.activecampaign.emulator.store import Row, Store
from transformer.emulator.server import Answer, Call, Handler, json_answer, query_of
from transformer.emulator.store import text

FIELD_TYPES = ("dropdown", "hidden", "checkbox", "date", "text", "datetime", "textarea", "NULL",
               "listbox", "radio")  # fmt: skip
FIELD = ("title", "descript", "type", "isrequired", "perstag", "defval", "show_in_list", "rows",
         "cols", "visible", "service", "ordernum", "cdate", "udate")  # fmt: skip
OPTION = ("orderid", "value", "label", "isdefault", "field", "cdate", "udate")
RELATION = ("relid", "field", "cdate")
LIST = ("stringid", "userid", "name", "cdate", "sender_url", "sender_reminder", "udate")
LIST_WRITABLE = ("name", "stringid", "sender_url", "sender_reminder", "send_last_broadcast",
                 "carboncopy", "subscription_notify", "unsubscription_notify", "user")  # fmt: skip
TAG = ("tagType", "tag", "description", "cdate")
SUBSCRIBED, UNSUBSCRIBED, CONSENT = "1", "2", "4"


class Catalogue:
    """Fields, lists and tags, and what joins them to contacts."""

    def __init__(self, store: Store, contacts: Contacts) -> None:
        self._store = store
        self._contacts = contacts

    def routes(self, root: str) -> Iterable[tuple[str, str, Handler]]:
        """The routes below `root`."""
        yield "GET", f"{root}/fields", self._fields
        yield "POST", f"{root}/fields", self._create_field
        yield "POST", f"{root}/fieldRels", self._relate_field
        yield "POST", f"{root}/fieldOption/bulk", self._create_options
        yield "GET", f"{root}/lists", self._lists
        yield "POST", f"{root}/lists", self._create_list
        yield "POST", f"{root}/contactLists", self._subscribe
        yield "GET", f"{root}/tags", self._tags
        yield "POST", f"{root}/tags", self._create_tag
        yield "POST", f"{root}/contactTags", self._tag_contact
        yield "DELETE", f"{root}/contactTags/{{id}}", self._untag_contact

    def add_field(self, title: str, kind: str = "text", perstag: str = "") -> Row:
        """Add a custom field of contacts; the tag is made of the title unless it is given."""
        now = self._store.now()
        made = "".join(each if each.isalnum() else "_" for each in title).upper()
        return self._store.insert(
            "fields",
            {
                "title": title,
                "type": kind,
                "perstag": perstag or made,
                "isrequired": "0",
                "visible": "1",
                "show_in_list": "0",
                "rows": "0",
                "cols": "0",
                "ordernum": "0",
                "cdate": now,
                "udate": now,
            },
        )

    def add_list(self, name: str) -> Row:
        """Add a list."""
        now = self._store.now()
        string = name.casefold().replace(" ", "-")
        return self._store.insert(
            "lists", {"name": name, "stringid": string, "userid": "1", "cdate": now, "udate": now}
        )

    def tag(self, name: str) -> Row:
        """The tag of this name, added when it is not there."""
        found = self._store.folded("tags", "tag", name)
        values = {"tag": name, "tagType": "contact", "description": "", "cdate": self._store.now()}
        return found or self._store.insert("tags", values)

    def attach_tag(self, contact_id: str, tag_id: str) -> Row:
        """Give a contact a tag; one that it has already stays as it is."""
        for row in self._store.where("contactTags", contact=contact_id, tag=tag_id):
            return row
        values = {"contact": contact_id, "tag": tag_id, "cdate": self._store.now()}
        return self._store.insert("contactTags", values)

    def subscription(self, contact_id: str, list_id: str) -> Row | None:
        """What joins a contact to a list."""
        return next(self._store.where("contactLists", contact=contact_id, list=list_id), None)

    def set_subscription(self, contact_id: str, list_id: str, status: str, source: str) -> Row:
        """Subscribe or unsubscribe; who left comes back only with the source of fresh consent."""
        now, row = self._store.now(), self.subscription(contact_id, list_id)
        if row is None:
            return self._store.insert(
                "contactLists",
                {
                    "contact": contact_id,
                    "list": list_id,
                    "status": status,
                    "sourceid": source,
                    "sdate": now if status == SUBSCRIBED else "",
                    "udate": now if status == UNSUBSCRIBED else "",
                    "created_timestamp": now,
                    "updated_timestamp": now,
                },
            )
        left = row.get("status") == UNSUBSCRIBED
        if status == UNSUBSCRIBED or not left or source == CONSENT:
            changed = {"status": status, "sourceid": source, "updated_timestamp": now}
            self._store.change("contactLists", row, changed)
        return row

    def _fields(self, call: Call, _params: Mapping[str, str]) -> Answer:
        wanted = filters_of(call, ("perstag",))
        rows = [
            {**shown(row, FIELD), "options": self._option_ids(row), "relations": []}
            for row in self._store.rows["fields"].values()
            if row.get("perstag") == wanted.get("perstag", row.get("perstag"))
        ]
        answer = page(call, "fields", rows)
        options = [shown(row, OPTION) for row in self._store.rows["fieldOptions"].values()]
        rels = [shown(row, RELATION) for row in self._store.rows["fieldRels"].values()]
        inner = json_of(Call(0, "GET", "", "", {}, answer.body))
        return json_answer({"fieldOptions": options, "fieldRels": rels, **inner})

    def _option_ids(self, row: Row) -> list[str]:
        return [each.id for each in self._store.where("fieldOptions", field=row.id)]

    def _create_field(self, call: Call, _params: Mapping[str, str]) -> Answer:
        body = body_of(call, "field")
        only(body, ("title", "type", "descript", "perstag", "defval", "visible", "ordernum"))
        values = scalars(body, body)
        title = str(values.get("title", ""))
        if not title:
            raise missing("The field title was not provided.", "title")
        if values.get("type") not in FIELD_TYPES:
            raise error("The field type is not valid.", "field_invalid", "type")
        if self._store.folded("fields", "title", title) is not None:
            raise error(
                "There is already a field with this title",
                "duplicate",
                detail=f"There is already a field named '{title}' -- choose another name",
            )
        row = self.add_field(title, str(values["type"]), str(values.get("perstag", "")))
        return json_answer({"field": {**shown(row, FIELD), "options": [], "relations": []}}, 201)

    def _relate_field(self, call: Call, _params: Mapping[str, str]) -> Answer:
        body = body_of(call, "fieldRel")
        only(body, ("field", "relid"))
        if self._store.get("fields", body.get("field")) is None:
            raise not_found("Field", body.get("field"))
        values = {**scalars(body, ("field", "relid")), "cdate": self._store.now()}
        row = self._store.insert("fieldRels", values)
        return json_answer({"fieldRel": {**shown(row, RELATION), "links": []}}, 201)

    def _create_options(self, call: Call, _params: Mapping[str, str]) -> Answer:
        given = json_of(call).get("fieldOptions")
        if not isinstance(given, list) or not all(isinstance(each, dict) for each in given):
            words = "Bulk operation failed. Request must contain an array of fieldOption objects."
            raise Refusal(json_answer({"errors": words}, 422))
        now = self._store.now()
        rows = [
            self._store.insert("fieldOptions", {**scalars(each, each), "cdate": now, "udate": now})
            for each in given
        ]
        return json_answer({"fieldOptions": [shown(row, OPTION) for row in rows]}, 201)

    def _lists(self, call: Call, _params: Mapping[str, str]) -> Answer:
        wanted = filters_of(call, ("name",)).get("name", "").casefold()
        rows = self._store.rows["lists"].values()
        return page(
            call, "lists", [shown(r, LIST) for r in rows if wanted in r.get("name").casefold()]
        )

    def _create_list(self, call: Call, _params: Mapping[str, str]) -> Answer:
        body = body_of(call, "list")
        only(body, LIST_WRITABLE)
        if not text(body.get("name")):
            raise missing("The list name was not provided.", "name")
        return json_answer({"list": shown(self.add_list(text(body["name"])), LIST)})

    def _subscribe(self, call: Call, _params: Mapping[str, str]) -> Answer:
        body = body_of(call, "contactList")
        only(body, ("list", "contact", "status", "sourceid"))
        values = {name: text(body.get(name)) for name in ("list", "contact", "status", "sourceid")}
        contact = self._store.get("contacts", values["contact"])
        listed = self._store.get("lists", values["list"])
        if contact is None or listed is None or values["status"] not in {"1", "2"}:
            raise empty()
        source = values["sourceid"] or "0"
        row = self.set_subscription(contact.id, listed.id, values["status"], source)
        names = ("contact", "list", "status", "sdate", "udate", "sourceid")
        return json_answer(
            {"contacts": [self._contacts.shown(contact)], "contactList": shown(row, names)}
        )

    def _tags(self, call: Call, _params: Mapping[str, str]) -> Answer:
        wanted = query_of(call).get("search", "").casefold()
        rows = self._store.rows["tags"].values()
        return page(
            call, "tags", [shown(r, TAG) for r in rows if wanted in r.get("tag").casefold()]
        )

    def _create_tag(self, call: Call, _params: Mapping[str, str]) -> Answer:
        body = body_of(call, "tag")
        only(body, ("tag", "tagType", "description"))
        name = text(body.get("tag"))
        if not name:
            raise missing("The tag name was not provided.", "tag")
        if body.get("tagType") not in {"contact", "template"}:
            raise error("The tag type is not valid.", "field_invalid", "tagType")
        if self._store.folded("tags", "tag", name) is not None:
            raise error("A tag with this name already exists.", "duplicate", "tag")
        return json_answer({"tag": shown(self.tag(name), TAG)}, 201)

    def _tag_contact(self, call: Call, _params: Mapping[str, str]) -> Answer:
        body = body_of(call, "contactTag")
        only(body, ("contact", "tag"))
        if self._store.get("contacts", body.get("contact")) is None:
            detail = {"status": 404, "title": "Not Found", "detail": "Contact not found"}
            raise Refusal(json_answer({"errors": [detail]}, 404))
        if self._store.get("tags", body.get("tag")) is None:
            detail = {"status": 404, "title": "Not Found", "detail": "Tag not found"}
            raise Refusal(json_answer({"errors": [detail]}, 404))
        row = self.attach_tag(text(body["contact"]), text(body["tag"]))
        return json_answer({"contactTag": shown(row, ("cdate", "contact", "tag"))}, 201)

    def _untag_contact(self, _call: Call, params: Mapping[str, str]) -> Answer:
        if self._store.get("contactTags", params["id"]) is None:
            raise not_found("SubscriberTag", params["id"])
        self._store.remove("contactTags", params["id"])
        return json_answer({})
