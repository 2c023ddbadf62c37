"""The other collections of the emulated business unit: what each has, and what may be done to it.

Opportunities, campaigns, prospect accounts, users and visitor activities are read only.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from destinations.account_engagement.emulator.answers import (
    Refusal,
    body_of,
    fields_asked,
    no_content,
    not_found,
    only_parameters,
)
from destinations.account_engagement.emulator.query import Pages, Queryable
from destinations.account_engagement.emulator.store import Row, Store
from transformer.emulator.server import Answer, Call, Handler, json_answer

AUDIT = ("id", "isDeleted", "createdAt", "updatedAt", "createdById", "updatedById")
ACTIVITIES = "external-activities"
MAX_VALUE = 100
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?[+-]\d\d:\d\d")


@dataclass(frozen=True, slots=True)
class Kind:
    """A collection: the fields that may be written, those that may not, and its query."""

    name: str
    query: Queryable
    writable: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    unique: str = ""
    creates_only: bool = False

    @property
    def root(self) -> str:
        """Its path."""
        between = "" if self.name == ACTIVITIES else "objects/"
        return f"/api/v5/{between}{self.name}"


def _kind(
    name: str,
    writable: str = "",
    shown: str = "",
    *,
    required: str = "",
    equal: str = "",
    moments: str = "createdAt updatedAt",
    order: str = "id createdAt updatedAt",
    unique: str = "",
    bin_: bool = True,
    creates_only: bool = False,
) -> Kind:
    mine, other = tuple(writable.split()), tuple(shown.split())
    asked = Queryable(
        (*AUDIT, *mine, *other),
        tuple(equal.split()),
        tuple(moments.split()),
        tuple(order.split()),
        bin=bin_,
    )
    return Kind(name, asked, mine, tuple(required.split()), unique, creates_only)


KINDS: tuple[Kind, ...] = (
    _kind(
        "lists",
        "name title description isPublic isDynamic isCrmVisible campaignId folderId",
        required="name",
        equal="name",
        unique="name",
    ),
    _kind(
        "list-memberships",
        "listId prospectId optedOut",
        required="listId prospectId",
        equal="listId prospectId",
        order="id createdAt updatedAt listId",
    ),
    _kind(
        "custom-fields",
        "name fieldId type isRecordMultipleResponses salesforceId isUseValues isRequired"
        " isAnalyticsSynced valuesPrefill",
        required="name fieldId type",
        unique="fieldId",
        bin_=False,
    ),
    _kind("tags", "name", "objectCount", required="name", equal="name", unique="name", bin_=False),
    _kind("tagged-objects", shown="tagId objectType objectId objectName", equal="tagId objectId",
          moments="createdAt", bin_=False),
    _kind("users", shown="email firstName lastName username jobTitle role roleName salesforceId"),
    _kind("campaigns", shown="name folderId salesforceId parentCampaignId", equal="name"),
    _kind("opportunities", shown="name campaignId closedAt value probability stage status"),
    _kind("prospect-accounts", shown="name salesforceId annualRevenue employees industry website"
          " phone assignedToId", moments="", equal="name"),
    _kind("visitor-activities", shown="type typeName details prospectId visitorId campaignId"
          " opportunityId", equal="type prospectId visitorId", bin_=False),
    _kind(ACTIVITIES, "extension type email value activityDate",
          required="extension type email value", moments="createdAt", bin_=False,
          creates_only=True),
)  # fmt: skip


class Objects:
    """Every collection but prospects. `activity_types` are those set up, by extension."""

    def __init__(self, store: Store, pages: Pages) -> None:
        self._store = store
        self._pages = pages
        self.activity_types: dict[str, set[str]] = {}

    def routes(self) -> Iterable[tuple[str, str, Handler]]:
        """Method, pattern, handler; what is read only refuses writes with code 60."""
        for kind in KINDS:
            yield "GET", kind.root, self._query(kind)
            yield "GET", f"{kind.root}/{{id}}", self._read(kind)
            yield "POST", kind.root, self._create(kind) if kind.writable else _read_only
            changes = kind.writable and not kind.creates_only
            one = f"{kind.root}/{{id}}"
            yield "PATCH", one, self._update(kind) if changes else _read_only
            yield "DELETE", one, self._delete(kind) if changes else _read_only

    def add(self, collection: str, **values: object) -> Row:
        """Put a record there, with any values."""
        return self._store.insert(collection, {"isDeleted": False, **values})

    def _query(self, kind: Kind) -> Handler:
        def handler(call: Call, _params: Mapping[str, str]) -> Answer:
            rows = list(self._store.rows[kind.name].values())
            now = self._store.clock.now()
            return self._pages.answer(call, kind.name, kind.query, rows=rows, shown=_shown, now=now)

        return handler

    def _read(self, kind: Kind) -> Handler:
        def handler(call: Call, params: Mapping[str, str]) -> Answer:
            only_parameters(call, ("fields",))
            names = fields_asked(call, kind.query.fields, required=True)
            return json_answer(_shown(self._existing(kind, params["id"]), names))

        return handler

    def _create(self, kind: Kind) -> Handler:
        def handler(call: Call, _params: Mapping[str, str]) -> Answer:
            names = fields_asked(call, kind.query.fields, required=False) or ("id",)
            values = _validated(kind, body_of(call))
            missing = [name for name in kind.required if values.get(name) in (None, "")]
            if missing:
                raise Refusal(153, f"Missing required property: {missing[0]}.")
            self._check(kind, values)
            row = self._store.insert(kind.name, {"isDeleted": False, **values})
            return json_answer(_shown(row, names), 201, Location=f"{kind.root}/{row.id}")

        return handler

    def _update(self, kind: Kind) -> Handler:
        def handler(call: Call, params: Mapping[str, str]) -> Answer:
            names = fields_asked(call, kind.query.fields, required=False)
            row = self._existing(kind, params["id"])
            self._store.change(kind.name, row, _validated(kind, body_of(call)))
            return json_answer(_shown(row, names)) if names else no_content()

        return handler

    def _delete(self, kind: Kind) -> Handler:
        def handler(_call: Call, params: Mapping[str, str]) -> Answer:
            row = self._existing(kind, params["id"])
            self._store.change(kind.name, row, {"isDeleted": True}, "delete")
            if not kind.query.bin:
                self._store.remove(kind.name, row.id)
            return no_content()

        return handler

    def _check(self, kind: Kind, values: Mapping[str, object]) -> None:
        name = kind.unique
        if name and next(self._store.where(kind.name, **{name: values[name]}), None) is not None:
            raise Refusal(245, f"The {name} is in use.")
        if kind.name == "list-memberships":
            self._check_membership(values)
        if kind.name == ACTIVITIES:
            self._check_activity(values)

    def _check_membership(self, values: Mapping[str, object]) -> None:
        listed = self._store.get("lists", values["listId"])
        prospect = self._store.get("prospects", values["prospectId"])
        if listed is None or listed.deleted:
            raise Refusal(55, "Invalid list ID.")
        if prospect is None or prospect.deleted:
            raise Refusal(3, "Invalid prospect ID.")
        if listed.get("isDynamic") is True:
            raise Refusal(130, "Members of a dynamic list cannot be changed.")
        pair = {"listId": values["listId"], "prospectId": values["prospectId"]}
        if next(self._store.where("list-memberships", **pair, isDeleted=False), None) is not None:
            raise Refusal(58, "Prospect is already a member of this list.")

    def _check_activity(self, values: Mapping[str, object]) -> None:
        types = self.activity_types.get(str(values["extension"]))
        if types is None or values["type"] not in types:
            raise Refusal(154, "Invalid property: extension or type is not registered.")
        if len(str(values["value"])) > MAX_VALUE:
            raise Refusal(154, f"Invalid property: value has more than {MAX_VALUE} characters.")
        if not MOMENT.fullmatch(str(values.get("activityDate", "2021-01-01T11:08:00+00:00"))):
            raise Refusal(57, "activityDate must be an ISO 8601 moment with an offset.")
        if not any(not row.deleted for row in self._store.with_email(str(values["email"]))):
            raise Refusal(4, "No prospect has this email address.")

    def _existing(self, kind: Kind, row_id: str) -> Row:
        row = self._store.get(kind.name, row_id)
        if row is None or row.deleted:
            raise not_found()
        return row


def _read_only(_call: Call, _params: Mapping[str, str]) -> Answer:
    raise Refusal(60, "Invalid HTTP method for this action.", 405)


def _validated(kind: Kind, given: Mapping[str, object]) -> dict[str, object]:
    for name, value in given.items():
        if name in kind.query.fields and name not in kind.writable:
            raise Refusal(180, f"The field {name} is not writable.")
        if name not in kind.writable or isinstance(value, dict):
            raise Refusal(154, f"Invalid property: {name}.")
    return dict(given)


def _shown(row: Row, names: Iterable[str]) -> dict[str, object]:
    return {name: row.get(name) for name in names}
