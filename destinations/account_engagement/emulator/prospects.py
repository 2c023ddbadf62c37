"""Prospects of the emulated business unit: records, upsert by e-mail, recycle bin and tags."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from destinations.account_engagement.emulator.answers import (
    IN_BIN,
    Refusal,
    body_of,
    checked_fields,
    fields_asked,
    no_content,
    not_found,
    only_parameters,
)
from destinations.account_engagement.emulator.query import Pages, Queryable
from destinations.account_engagement.emulator.store import Row, Store
from transformer.emulator.server import Answer, Call, Handler, json_answer

EMAIL = re.compile(r"[^@\s,;<>()]+@[^@\s,;<>().]+(?:\.[^@\s,;<>().]+)+")
MAX_EMAIL = 255
MAX_TEXT = 65_000
TEXTS = (
    "email", "firstName", "lastName", "salutation", "company", "jobTitle", "department", "industry",
    "website", "phone", "fax", "addressOne", "addressTwo", "city", "state", "territory", "zip",
    "country", "source", "annualRevenue", "employees", "yearsInBusiness", "comments", "notes",
    "password",
)  # fmt: skip
NUMBERS = ("score", "campaignId", "profileId", "userId")
TRUTHS = ("isDoNotEmail", "isDoNotCall", "optedOut", "isReviewed", "isStarred", "doNotSell")
WRITABLE = (*TEXTS, *NUMBERS, *TRUTHS)
READ_ONLY = (
    "id", "grade", "prospectAccountId", "assignedToId", "lifecycleStageId", "isDeleted",
    "isEmailHardBounced", "emailBouncedAt", "emailBouncedReason", "salesforceId",
    "salesforceLeadId", "salesforceContactId", "salesforceAccountId", "salesforceCampaignId",
    "salesforceOwnerId", "salesforceLastSync", "salesforceUrl", "campaignParameter",
    "mediumParameter", "sourceParameter", "contentParameter", "termParameter", "convertedAt",
    "convertedFromObjectName", "convertedFromObjectType", "firstActivityAt", "firstAssignedAt",
    "firstReferrerQuery", "firstReferrerType", "firstReferrerUrl", "lastActivityAt",
    "recentInteraction", "createdAt", "updatedAt", "createdById", "updatedById",
)  # fmt: skip
RELATIONS: Mapping[str, tuple[str, str]] = {
    "assignedTo": ("users", "userId"),
    "campaign": ("campaigns", "campaignId"),
    "prospectAccount": ("prospect-accounts", "prospectAccountId"),
}
ROOT = "/api/v5/objects/prospects"


class Prospects:
    """The prospect resource. `several` is the switch AMPSEA: one address, several prospects.

    `update_status` is what an upsert answers when it updates: 200, or 201 in some reports.
    """

    def __init__(self, store: Store, pages: Pages, *, several: bool) -> None:
        self._store = store
        self._pages = pages
        self.several = several
        self.update_status = 200

    def routes(self) -> Iterable[tuple[str, str, Handler]]:
        """Method, pattern, handler."""
        yield "POST", ROOT, self._create
        yield "GET", ROOT, self._query
        yield "GET", f"{ROOT}/{{id}}", self._read
        yield "PATCH", f"{ROOT}/{{id}}", self._update
        yield "DELETE", f"{ROOT}/{{id}}", self._delete
        yield "POST", f"{ROOT}/do/upsertLatestByEmail", self._upsert
        yield "POST", f"{ROOT}/do/undelete", self._undelete
        yield "POST", f"{ROOT}/{{id}}/do/addTag", self._tag(add=True)
        yield "POST", f"{ROOT}/{{id}}/do/removeTag", self._tag(add=False)

    def add(self, email: str, **values: object) -> Row:
        """Put a prospect there, with any values, read-only ones too."""
        return self._store.insert("prospects", {"isDeleted": False, "email": email, **values})

    def writable(self) -> Iterable[str]:
        """The fields that an import may have."""
        return (*WRITABLE, *self._custom())

    def imported(self, cells: Mapping[str, object]) -> dict[str, object]:
        """The values of an import's cells, by the rules of any other write."""
        values = self._validated(cells)
        numbers = {name: int(str(values[name])) for name in NUMBERS if values.get(name) is not None}
        return {**values, **numbers}

    def _create(self, call: Call, _params: Mapping[str, str]) -> Answer:
        names = fields_asked(call, self._known(), required=False) or ("id",)
        values = self._validated(body_of(call))
        self._require_email(values)
        if not self.several and any(not r.deleted for r in self._same(values["email"])):
            raise Refusal(9, "A prospect with the specified email address already exists.")
        row = self._insert(values)
        return json_answer(self.shown(row, names), 201, Location=f"{ROOT}/{row.id}")

    def _query(self, call: Call, _params: Mapping[str, str]) -> Answer:
        asked = Queryable(
            tuple(self._known()),
            equal=("email", "salesforceId", "userId"),
            moments=("createdAt", "updatedAt", "lastActivityAt"),
            order=("id", "lastActivityAt", "createdAt", "updatedAt"),
        )
        rows = list(self._store.rows["prospects"].values())
        now = self._store.clock.now()
        return self._pages.answer(call, "prospects", asked, rows=rows, shown=self.shown, now=now)

    def _read(self, call: Call, params: Mapping[str, str]) -> Answer:
        only_parameters(call, ("fields",))
        names = fields_asked(call, self._known(), required=True)
        row = self._existing(params["id"])
        answer = json_answer(self.shown(row, names))
        if not row.deleted:
            return answer
        return Answer(200, answer.body, {**answer.headers, "Pardot-Warning": IN_BIN})

    def _update(self, call: Call, params: Mapping[str, str]) -> Answer:
        names = fields_asked(call, self._known(), required=False)
        row = self._existing(params["id"])
        if row.deleted:
            raise Refusal(219, "The record is in the recycle bin. Undelete it first.")
        values = self._validated(body_of(call))
        if "email" in values:
            self._require_email(values)
            others = [r for r in self._same(values["email"]) if r is not row and not r.deleted]
            if others and not self.several:
                raise Refusal(54, "The email address is in use by another prospect.")
        self._store.change("prospects", row, values)
        return json_answer(self.shown(row, names)) if names else no_content()

    def _delete(self, _call: Call, params: Mapping[str, str]) -> Answer:
        row = self._existing(params["id"])
        if row.deleted:
            raise not_found()
        self._store.change("prospects", row, {"isDeleted": True}, "delete")
        return no_content()

    def _upsert(self, call: Call, _params: Mapping[str, str]) -> Answer:
        body = body_of(call)
        for name in body:
            if name not in {"matchEmail", "prospect", "secondaryDeletedSearch", "fields"}:
                raise Refusal(154, f"Invalid property: {name}.")
        email, given = body.get("matchEmail"), body.get("prospect")
        if not isinstance(email, str) or not isinstance(given, dict):
            raise Refusal(153, "Missing required property: matchEmail or prospect.")
        asked = body.get("fields", ["id"])
        names = checked_fields(asked if isinstance(asked, list) else [asked], self._known())
        values = self._validated(given)
        self._require_email({"email": email})
        if "email" in values:
            self._require_email(values)
        row = self._latest(email, body.get("secondaryDeletedSearch") is True)
        if row is None:
            row = self._insert({"email": email, **values}, "upsert")
            return json_answer(self.shown(row, names), 201)
        restored = {"isDeleted": False} if row.deleted else {}
        self._store.change("prospects", row, {**values, **restored}, "upsert")
        return json_answer(self.shown(row, names), self.update_status)

    def _undelete(self, call: Call, _params: Mapping[str, str]) -> Answer:
        names = fields_asked(call, self._known(), required=False) or ("id",)
        email = body_of(call).get("email")
        row = _most_active([r for r in self._same(email) if r.deleted])
        if row is None:
            raise not_found()
        self._store.change("prospects", row, {"isDeleted": False}, "undelete")
        return json_answer(self.shown(row, names))

    def _tag(self, *, add: bool) -> Handler:
        def handler(call: Call, params: Mapping[str, str]) -> Answer:
            row = self._existing(params["id"])
            tag = self._store.get("tags", body_of(call).get("tagId"))
            if tag is None:
                raise not_found()
            link = {"tagId": tag.number, "objectType": "Prospect", "objectId": row.number}
            there = next(self._store.where("tagged-objects", **link), None)
            if add and there is None:
                self._store.insert("tagged-objects", link)
            elif not add and there is not None:
                self._store.remove("tagged-objects", there.id)
            return json_answer({"id": row.number})

        return handler

    def _latest(self, email: str, search_deleted: bool) -> Row | None:  # noqa: FBT001 - JSON's own
        """The most active prospect of the address; of deleted ones where that is asked for.

        Where an address is one prospect's, a deleted one always comes back.
        """
        same = self._same(email)
        found = _most_active([row for row in same if not row.deleted])
        if found is None and (search_deleted or not self.several):
            found = _most_active(same)
        return found

    def _insert(self, values: Mapping[str, object], action: str = "create") -> Row:
        oldest = next(iter(self._store.rows["campaigns"].values()), None)
        campaign = None if oldest is None else oldest.number
        given = {"isDeleted": False, "campaignId": campaign, **values}
        return self._store.insert("prospects", given, action)

    def _same(self, email: object) -> list[Row]:
        return self._store.with_email(str(email))

    def _existing(self, row_id: str) -> Row:
        row = self._store.get("prospects", row_id)
        if row is None:
            raise not_found()
        return row

    def _known(self) -> Iterable[str]:
        return (*WRITABLE, *READ_ONLY, *RELATIONS, *self._custom())

    def _custom(self) -> Mapping[str, Row]:
        return {f"{row.get('fieldId')}__c": row for row in self._store.where("custom-fields")}

    def shown(self, row: Row, names: Sequence[str]) -> dict[str, object]:
        """The fields asked for; a deleted flag and the assigned user are derived."""
        found: dict[str, object] = {}
        for name in names:
            relation, _, inner = name.partition(".")
            if relation in RELATIONS:
                collection, key = RELATIONS[relation]
                other = self._store.get(collection, row.get(key))
                part = {inner: other.get(inner)} if other is not None else {}
                before = found.get(relation)
                found[relation] = {**(before if isinstance(before, dict) else {}), **part} or None
            else:
                found[name] = row.get("userId" if name == "assignedToId" else name)
        return found

    def _require_email(self, values: Mapping[str, object]) -> None:
        email = values.get("email")
        if email is None or email == "":
            raise Refusal(153, "Missing required property: email.")
        if not isinstance(email, str) or len(email) > MAX_EMAIL or not EMAIL.fullmatch(email):
            raise Refusal(4, "Invalid prospect email address.")

    def _validated(self, given: Mapping[str, object]) -> dict[str, object]:
        custom = self._custom()
        for name, value in given.items():
            if name in READ_ONLY:
                raise Refusal(180, f"The field {name} is not writable.")
            if name in custom:
                _check_custom(custom[name], value)
            elif name not in WRITABLE:
                raise Refusal(154, f"Invalid property: {name}.")
            else:
                _check_standard(name, value)
        self._check_references(given)
        return dict(given)

    def _check_references(self, given: Mapping[str, object]) -> None:
        for name, collection, code in (("userId", "users", 10), ("campaignId", "campaigns", 38)):
            if given.get(name) is not None and self._store.get(collection, given[name]) is None:
                raise Refusal(code, f"Invalid {name}.")


def _most_active(rows: Sequence[Row]) -> Row | None:
    return max(rows, key=lambda r: (str(r.get("lastActivityAt") or ""), -r.number), default=None)


def _check_standard(name: str, value: object) -> None:
    if value is None:
        return
    if name in NUMBERS and (isinstance(value, bool) or not str(value).lstrip("-").isdecimal()):
        raise Refusal(56, f"The value of {name} must be a number.")
    if name in TRUTHS and str(value).lower() not in {"true", "false"}:
        raise Refusal(50, f"The value of {name} must be a boolean.")
    if isinstance(value, dict | list) or len(str(value)) > MAX_TEXT:
        raise Refusal(154, f"Invalid property: {name}.")


def _check_custom(field: Row, value: object) -> None:
    kind, name = field.get("type"), field.get("fieldId")
    several = kind in {"Checkbox", "MultiSelect"} or field.get("isRecordMultipleResponses") is True
    if isinstance(value, dict) or (isinstance(value, list) and not several):
        raise Refusal(154, f"Invalid property: {name}__c.")
    if value is None or value == "":
        return
    if kind == "Number" and (isinstance(value, bool) or not _is_number(value)):
        raise Refusal(56, f"The value of {name}__c must be a number.")
    if kind == "Date" and not _is_date(value):
        raise Refusal(57, f"The value of {name}__c must be a date.")


def _is_number(value: object) -> bool:
    return re.fullmatch(r"-?\d+(\.\d+)?", str(value)) is not None


def _is_date(value: object) -> bool:
    try:
        datetime.fromisoformat(str(value))
    except ValueError:
        return False
    return True
