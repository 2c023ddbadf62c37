"""What the routes of records do: create, read, change, delete and list, in both versions."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from destinations.pipedrive.emulator.paging import cursor_page, moment, parameters, start_page
from destinations.pipedrive.emulator.refusals import Refusal, invalid, not_found
from destinations.pipedrive.emulator.rules import CURRENCIES, STAGES, Rules
from destinations.pipedrive.emulator.store import (
    Row,
    Store,
    Values,
    Write,
    millis_stamp,
    plain_stamp,
    stamp,
)
from transformer.emulator.server import Call

_LIST_V2 = (
    "filter_id", "ids", "owner_id", "updated_since", "updated_until", "sort_by", "sort_direction",
    "include_fields", "limit", "cursor",
)  # fmt: skip
_LIST_V1 = ("start", "limit", "sort", "updated_since")
LISTS: Mapping[str, tuple[str, ...]] = {
    "persons": (*_LIST_V2, "custom_fields", "org_id", "deal_id"),
    "organizations": (*_LIST_V2, "custom_fields"),
    "deals": (
        *_LIST_V2, "custom_fields", "person_id", "org_id", "pipeline_id", "stage_id", "status",
    ),
    "activities": (*_LIST_V2, "deal_id", "lead_id", "person_id", "org_id", "done"),
    "leads": (*_LIST_V1, "owner_id", "person_id", "organization_id", "filter_id"),
    "notes": (
        *_LIST_V1, "user_id", "lead_id", "deal_id", "person_id", "org_id", "project_id", "task_id",
        "start_date", "end_date",
    ),
}  # fmt: skip
"""What each list takes, as its own document says."""
SORTS = ("id", "update_time", "add_time", "due_date")
FILTERS = ("owner_id", "org_id", "organization_id", "person_id", "deal_id", "lead_id", "user_id",
           "status", "pipeline_id", "stage_id")  # fmt: skip
MOST_IDS = 100
# Texts that are kept trimmed, their HTML sanitized.
KEPT_CLEAN = ("title", "subject", "content", "note")
STAMPS: Mapping[str, Callable[[float], str]] = {"notes": plain_stamp, "leads": millis_stamp}


@dataclass(frozen=True, slots=True)
class Records:
    """The records of one company, as requests see them."""

    store: Store
    rules: Rules
    user_id: int

    def create(self, kind: str, body: object, write: Write) -> Values:
        """Create a record; returns it as its answer shows it."""
        values = self.rules.checked(kind, body, creating=True)
        at = STAMPS.get(kind, stamp)(write.time)
        made = {**_defaults(kind, self.user_id), "add_time": at, "update_time": at, **values}
        row = self.store.insert(kind, _derived(kind, made), write)
        return self.shown(row)

    def update(self, kind: str, record_id: str, body: object, write: Write) -> Values:
        """Change what the body names; lists are replaced whole, custom fields one by one."""
        row = self.find(kind, record_id)
        values = self.rules.checked(kind, body, creating=False)
        if "custom_fields" in values:
            before, after = row.values.get("custom_fields"), values["custom_fields"]
            if isinstance(before, dict) and isinstance(after, dict):
                values["custom_fields"] = {**before, **after}
        values["update_time"] = STAMPS.get(kind, stamp)(write.time)
        self.store.change(row, _derived(kind, {**row.values, **values}), write)
        return self.shown(row)

    def delete(self, kind: str, record_id: str, write: Write) -> Row:
        """Mark a record deleted."""
        row = self.find(kind, record_id)
        self.store.delete(row, write)
        return row

    def find(self, kind: str, record_id: str) -> Row:
        """Return a record that is there; raises Refusal."""
        row = self.store.find(kind, record_id)
        if row is None and kind == "leads":
            raise Refusal(404, f"The lead with ID {record_id} was not found")
        if row is None:
            raise not_found()
        return row

    def shown(self, row: Row) -> Values:
        """Return a record as answers show it."""
        if row.kind != "notes":
            return dict(row.values)
        person = self.store.find("persons", row.values.get("person_id"))
        return {**row.values, "person": person and {"name": person.values.get("name")}}

    def list_v2(self, kind: str, call: Call) -> tuple[list[object], str | None]:
        """Return one page of a v2 list and its cursor."""
        query = parameters(call, LISTS[kind])
        if "filter_id" in query:
            raise invalid("filter_id", "no such filter")
        rows = [row for row in self.store.all(kind) if _passes(row, query)]
        sort = query.get("sort_by", "id")
        if sort not in SORTS:
            raise invalid("sort_by", f"expected one of {SORTS}")
        rows.sort(
            key=lambda row: (row.values.get(sort) or "", row.id) if sort != "id" else (0, row.id),
            reverse=query.get("sort_direction", "asc") == "desc",
        )
        page, cursor = cursor_page(kind, rows, query)
        return [self.shown(row) for row in page if isinstance(row, Row)], cursor

    def list_v1(self, kind: str, call: Call) -> tuple[list[object], dict[str, object]]:
        """Return one page of a v1 list and its pagination."""
        query = parameters(call, LISTS[kind])
        rows = [row for row in self.store.all(kind) if _passes(row, query)]
        name, _, direction = query.get("sort", "id ASC").partition(" ")
        rows.sort(key=lambda row: str(row.values.get(name)), reverse=direction == "DESC")
        page, pagination = start_page(rows, query)
        return [self.shown(row) for row in page if isinstance(row, Row)], pagination


def _defaults(kind: str, user_id: int) -> Values:
    """What Pipedrive sets where the body says nothing."""
    owned: Values = {"owner_id": user_id, "visible_to": 3, "label_ids": []}
    gone: Values = {"is_deleted": False, "custom_fields": {}}
    if kind == "persons":
        return {**owned, **gone, "org_id": None, "emails": [], "phones": [], "picture_id": None}
    if kind == "organizations":
        return {**owned, **gone, "address": None, "website": None, "linkedin": None,
                "industry": None, "annual_revenue": None, "employee_count": None}  # fmt: skip
    if kind == "deals":
        return {**owned, **gone, "person_id": None, "org_id": None, "stage_id": 1, "value": 0,
                "currency": CURRENCIES[0], "status": "open", "is_archived": False,
                "probability": None, "lost_reason": None, "expected_close_date": None,
                "origin": "API"}  # fmt: skip
    if kind == "activities":
        return {"owner_id": user_id, "creator_user_id": user_id, "is_deleted": False,
                "subject": "Call", "type": "call", "deal_id": None, "lead_id": None,
                "person_id": None, "org_id": None, "due_date": None, "due_time": None,
                "duration": None, "busy": False, "done": False, "participants": [],
                "attendees": [], "note": None}  # fmt: skip
    if kind == "leads":
        return {"owner_id": user_id, "creator_id": user_id, "label_ids": [], "person_id": None,
                "organization_id": None, "source_name": "API", "origin": "API",
                "origin_id": None, "channel": None, "channel_id": None, "is_archived": False,
                "was_seen": False, "value": None, "expected_close_date": None,
                "next_activity_id": None, "visible_to": "3", "source_deal_id": None,
                "cc_email": "emulator@pipedrivemail.com"}  # fmt: skip
    return {"active_flag": True, "user_id": user_id, "lead_id": None, "deal_id": None,
            "person_id": None, "org_id": None, "last_update_user_id": None,
            "pinned_to_deal_flag": False, "pinned_to_organization_flag": False,
            "pinned_to_person_flag": False, "pinned_to_lead_flag": False}  # fmt: skip


def _derived(kind: str, values: Values) -> Values:
    """What follows from other values, and texts as they are kept."""
    texts = {name: values.get(name) for name in KEPT_CLEAN}
    values |= {name: _clean(text) for name, text in texts.items() if isinstance(text, str)}
    if kind == "persons":
        first, _, last = str(values.get("name", "")).strip().partition(" ")
        values |= {"first_name": first, "last_name": last or None}
    elif kind == "deals":
        stage = values.get("stage_id")
        values["pipeline_id"] = STAGES[stage] if isinstance(stage, int) else 1
    elif kind == "activities":
        participants = values.get("participants")
        if isinstance(participants, list) and participants:
            values["person_id"] = participants[0]["person_id"]
    elif kind == "notes":
        flags = [name for name in values if name.startswith("pinned_to_")]
        values |= {name: bool(values[name]) for name in flags}
    return values


def _clean(text: str) -> str:
    """Text as Pipedrive keeps it; what exactly its sanitizing does, no document says."""
    return re.sub(r"(?is)<script\b.*?</script\s*>", "", text).strip()


def _passes(row: Row, query: Mapping[str, str]) -> bool:
    if "ids" in query:
        ids = query["ids"].split(",")
        if len(ids) > MOST_IDS:
            raise invalid("ids", f"expected at most {MOST_IDS}")
        if str(row.id) not in ids:
            return False
    updated = datetime.fromisoformat(str(row.values["update_time"]).replace(" ", "T"))
    since, until = moment(query, "updated_since"), moment(query, "updated_until")
    if updated.tzinfo is None and since is not None:
        updated = updated.replace(tzinfo=since.tzinfo)
    if (since is not None and updated < since) or (until is not None and updated > until):
        return False
    return all(str(row.values.get(name)) == query[name] for name in FILTERS if name in query)
