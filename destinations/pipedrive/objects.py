"""The objects of Pipedrive as data: paths, token costs, and the standard fields a client may set.

Source: Pipedrive API v2 2.0.0 and v1 1.0.0 (OpenAPI), read 2026-11-22.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Custom: TypeAlias = Literal["nested", "root", "none"]


@dataclass(frozen=True, slots=True)
class Standard:
    """One standard field: the type its values are formatted by, and whether null clears it.

    `optional` ones exist only where the company switched a feature on; the fields API tells.
    """

    type: str
    nullable: bool = False
    on: Literal["always", "create", "update"] = "always"
    optional: bool = False


@dataclass(frozen=True, slots=True)
class ObjectKind:
    """One object. `costs` are the tokens of get, list and write.

    `searches` are the match names that Pipedrive can search, with the `fields` parameter of each;
    `custom` says where custom fields go in a body; `links` which fields name a person and an
    organization; `compared` the fields by which a repeated create is recognised.
    """

    name: str
    singular: str
    path: str
    change: Literal["PATCH", "PUT"]
    costs: tuple[int, int, int]
    fields: Mapping[str, Standard]
    required: str = ""
    fields_path: str = ""
    custom: Custom = "none"
    searches: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)
    compared: tuple[str, ...] = ()

    @property
    def paged_by_cursor(self) -> bool:
        """Whether its lists are v2's, with cursors; v1's have a start."""
        return self.path.startswith("/api/v2/")

    def is_id(self, text: str) -> bool:
        """Whether `text` can be the id of such a record."""
        return (_UUID if self.name == "leads" else _NUMBER).fullmatch(text) is not None


_NUMBER = re.compile(r"[1-9][0-9]{0,18}")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_TEXT, _INTEGER, _NUMERIC = Standard("text"), Standard("int"), Standard("double")
_BOOLEAN, _DATE, _MOMENT = Standard("boolean"), Standard("date"), Standard("moment")
_INTEGERS, _ADDRESS = Standard("ints"), Standard("address")
_OWNED = {"owner_id": _INTEGER, "visible_to": _INTEGER, "label_ids": _INTEGERS}
_ADDED = {"add_time": Standard("moment", on="create")}
_V2_COSTS, _V1_COSTS = (1, 10, 5), (2, 20, 10)

PERSONS = ObjectKind(
    "persons",
    "person",
    "/api/v2/persons",
    "PATCH",
    _V2_COSTS,
    fields={
        **_OWNED,
        **_ADDED,
        "name": _TEXT,
        "org_id": _INTEGER,
        "marketing_status": Standard("text", optional=True),
        "postal_address": Standard("address", optional=True),
        "notes": Standard("text", optional=True),
        "birthday": Standard("date", optional=True),
        "job_title": Standard("text", optional=True),
    },
    required="name",
    fields_path="/api/v2/personFields",
    custom="nested",
    searches={"email": "email", "phone": "phone", "name": "name"},
    aliases={"address": "postal_address", "title": "job_title"},
    links={"organization": "org_id"},
    compared=("name", "org_id"),
)
ORGANIZATIONS = ObjectKind(
    "organizations",
    "organization",
    "/api/v2/organizations",
    "PATCH",
    _V2_COSTS,
    fields={
        **_OWNED,
        **_ADDED,
        "name": _TEXT,
        "address": _ADDRESS,
        "website": Standard("text", nullable=True),
        "linkedin": Standard("text", nullable=True),
        "industry": Standard("enum", nullable=True),
        "annual_revenue": Standard("int", nullable=True),
        "employee_count": Standard("int", nullable=True),
    },
    required="name",
    fields_path="/api/v2/organizationFields",
    custom="nested",
    searches={"name": "name"},
    compared=("name", "website"),
)
DEALS = ObjectKind(
    "deals",
    "deal",
    "/api/v2/deals",
    "PATCH",
    _V2_COSTS,
    fields={
        **_OWNED,
        "title": _TEXT,
        "person_id": Standard("int", nullable=True),
        "org_id": Standard("int", nullable=True),
        "pipeline_id": _INTEGER,
        "stage_id": _INTEGER,
        "value": _NUMERIC,
        "currency": Standard("currency"),
        "is_archived": _BOOLEAN,
        "archive_time": Standard("moment", nullable=True),
        "status": _TEXT,
        "probability": _NUMERIC,
        "lost_reason": _TEXT,
        "close_time": _MOMENT,
        "won_time": _MOMENT,
        "lost_time": _MOMENT,
        "expected_close_date": _DATE,
    },
    required="title",
    fields_path="/api/v2/dealFields",
    custom="nested",
    searches={"title": "title"},
    links={"person": "person_id", "organization": "org_id"},
    compared=("title", "value", "currency", "person_id", "org_id", "expected_close_date"),
)
ACTIVITIES = ObjectKind(
    "activities",
    "activity",
    "/api/v2/activities",
    "PATCH",
    _V2_COSTS,
    fields={
        "subject": _TEXT,
        "type": _TEXT,
        "owner_id": _INTEGER,
        "deal_id": _INTEGER,
        "lead_id": _TEXT,
        "person_id": _INTEGER,
        "org_id": _INTEGER,
        "project_id": _INTEGER,
        "due_date": _DATE,
        "due_time": _TEXT,
        "duration": _TEXT,
        "busy": _BOOLEAN,
        "done": _BOOLEAN,
        "location": _ADDRESS,
        "public_description": _TEXT,
        "priority": _INTEGER,
        "outcome": Standard("int", nullable=True),
        "note": _TEXT,
    },
    links={"person": "person_id", "organization": "org_id"},
    compared=("subject", "type", "due_date", "person_id", "org_id", "deal_id", "note"),
)
NOTES = ObjectKind(
    "notes",
    "note",
    "/v1/notes",
    "PUT",
    _V1_COSTS,
    fields={
        "content": _TEXT,
        "lead_id": _TEXT,
        "deal_id": _INTEGER,
        "person_id": _INTEGER,
        "org_id": _INTEGER,
        "project_id": _INTEGER,
        "task_id": _INTEGER,
        "user_id": _INTEGER,
        "add_time": Standard("plain_moment", on="create"),
        "pinned_to_lead_flag": Standard("flag"),
        "pinned_to_deal_flag": Standard("flag"),
        "pinned_to_organization_flag": Standard("flag"),
        "pinned_to_person_flag": Standard("flag"),
    },
    required="content",
    links={"person": "person_id", "organization": "org_id"},
    compared=("content", "person_id", "org_id", "deal_id", "lead_id"),
)
LEADS = ObjectKind(
    "leads",
    "lead",
    "/v1/leads",
    "PATCH",
    _V1_COSTS,
    fields={
        "title": _TEXT,
        "owner_id": _INTEGER,
        "label_ids": Standard("texts"),
        "person_id": _INTEGER,
        "organization_id": _INTEGER,
        "is_archived": Standard("boolean", on="update"),
        "value": Standard("lead_value", nullable=True),
        "expected_close_date": _DATE,
        "visible_to": _TEXT,
        "was_seen": _BOOLEAN,
        "origin_id": Standard("text", nullable=True, on="create"),
        "channel": Standard("int", nullable=True),
        "channel_id": Standard("text", nullable=True),
    },
    required="title",
    fields_path="/api/v2/dealFields",
    custom="root",
    searches={"title": "title"},
    aliases={"org_id": "organization_id"},
    links={"person": "person_id", "organization": "organization_id"},
    compared=("title", "person_id", "organization_id", "expected_close_date"),
)

OBJECTS = (PERSONS, ORGANIZATIONS, DEALS, ACTIVITIES, NOTES, LEADS)
_BY_NAME = {name: kind for kind in OBJECTS for name in (kind.name, kind.singular)}


def kind_of(object_type: str) -> ObjectKind | None:
    """The object that a mapping or an external id names, in the plural or the singular."""
    return _BY_NAME.get(object_type.casefold())
