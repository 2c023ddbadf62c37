"""What Salesforce fills in by itself: defaults on create, computed fields, and objects' own rules.

Names, activity and opportunity state, campaign members and the statuses of a fresh campaign.
"""

from collections.abc import Mapping

from destinations.salesforce.emulator.refusals import Refusal
from destinations.salesforce.emulator.rules import missing_fields
from destinations.salesforce.emulator.schema import ObjectType, Schema
from destinations.salesforce.emulator.store import Row, Store, Value

_STAGES: Mapping[str, tuple[float, str]] = {
    "Prospecting": (10.0, "Pipeline"),
    "Qualification": (10.0, "Pipeline"),
    "Needs Analysis": (20.0, "Pipeline"),
    "Value Proposition": (50.0, "Pipeline"),
    "Id. Decision Makers": (60.0, "Pipeline"),
    "Perception Analysis": (70.0, "Pipeline"),
    "Proposal/Price Quote": (75.0, "Pipeline"),
    "Negotiation/Review": (90.0, "Pipeline"),
    "Closed Won": (100.0, "Closed"),
    "Closed Lost": (0.0, "Omitted"),
}
_COPIED_TO_MEMBER = ("FirstName", "LastName", "Name", "Title", "Email", "Phone")


def fill_defaults(kind: ObjectType, values: dict[str, Value], user_id: str) -> None:
    """Add the values a new record gets when the request brought none."""
    for field in kind.defaulted:
        if values.get(field.name) is None:
            values[field.name] = user_id if field.name == "OwnerId" else field.default


def fill_computed(
    schema: Schema, store: Store, kind: ObjectType, whole: Mapping[str, Value]
) -> dict[str, Value]:
    """Return the computed fields of a record with these values."""
    if "LastName" in kind.fields and "Name" in kind.fields and kind.name != "CampaignMember":
        parts = (whole.get("FirstName"), whole.get("LastName"))
        return {"Name": " ".join(str(part) for part in parts if part)}
    if kind.name == "Task":
        return {
            "IsClosed": whole.get("Status") == "Completed",
            "IsHighPriority": whole.get("Priority") == "High",
        }
    if kind.name == "Opportunity":
        return _opportunity(whole)
    if kind.name == "CampaignMember":
        return _campaign_member(schema, store, whole)
    return {}


def _opportunity(whole: Mapping[str, Value]) -> dict[str, Value]:
    stage = str(whole.get("StageName"))
    probability, category = _STAGES.get(stage, (0.0, "Pipeline"))
    shown = {"MostLikely": "Best Case", "BestCase": "Best Case"}.get(category, category)
    computed: dict[str, Value] = {
        "IsClosed": stage in {"Closed Won", "Closed Lost"},
        "IsWon": stage == "Closed Won",
        "ForecastCategory": category,
        "ForecastCategoryName": whole.get("ForecastCategoryName") or shown,
    }
    if whole.get("Probability") is None:
        computed["Probability"] = probability
    return computed


def _campaign_member(schema: Schema, store: Store, whole: Mapping[str, Value]) -> dict[str, Value]:
    person = store.rows.get(str(whole.get("ContactId") or whole.get("LeadId")))
    copied = {name: person.get(name) if person else None for name in _COPIED_TO_MEMBER}
    offered = member_statuses(schema, store, whole.get("CampaignId"))
    statuses = {row.get("Label"): row for row in offered}
    chosen = statuses.get(whole.get("Status"))
    return {
        **copied,
        "LeadOrContactId": person.id if person else None,
        "LeadOrContactOwnerId": person.get("OwnerId") if person else None,
        "Type": person.type.name if person else None,
        "HasResponded": bool(chosen and chosen.get("HasResponded")),
    }


def member_statuses(schema: Schema, store: Store, campaign_id: Value) -> list[Row]:
    """Return the member statuses of a campaign."""
    kind = schema.find("CampaignMemberStatus")
    return list(store.find(kind, kind.fields["CampaignId"], campaign_id)) if kind else []


def apply_own_rules(
    schema: Schema, store: Store, kind: ObjectType, values: dict[str, Value], existing: Row | None
) -> None:
    """Apply the rules only this object has, changing `values` or refusing the write."""
    whole = {**(existing.values if existing else {}), **values}
    if kind.name == "CampaignMember":
        _check_member(schema, store, kind, values, whole, creating=existing is None)
    elif kind.name in {"Task", "Event"}:
        who = str(whole.get("WhoId") or "")
        if who.startswith("00Q") and whole.get("WhatId"):
            text = "Related To ID: a lead cannot be combined with a related record"
            raise Refusal("FIELD_INTEGRITY_EXCEPTION", text, fields=["WhatId"])
        if kind.name == "Event":
            _check_event(whole)


def _check_event(whole: Mapping[str, Value]) -> None:
    if whole.get("IsAllDayEvent") and whole.get("ActivityDate"):
        return
    starts = whole.get("StartDateTime") or whole.get("ActivityDateTime")
    lasts = whole.get("DurationInMinutes") is not None or whole.get("EndDateTime")
    if not (starts and lasts):
        absent = [] if lasts else ["DurationInMinutes"]
        raise missing_fields([*absent, *([] if starts else ["ActivityDateTime"])])


def _check_member(
    schema: Schema,
    store: Store,
    kind: ObjectType,
    values: dict[str, Value],
    whole: Mapping[str, Value],
    *,
    creating: bool,
) -> None:
    statuses = member_statuses(schema, store, whole.get("CampaignId"))
    labels = {row.get("Label") for row in statuses}
    default = next((row.get("Label") for row in statuses if row.get("IsDefault")), None)
    if default is not None and whole.get("Status") not in labels:
        values["Status"] = default
    if not creating:
        return
    if values.get("ContactId") and values.get("LeadId"):
        values["LeadId"] = None
    by = "ContactId" if values.get("ContactId") else "LeadId"
    person = values.get(by)
    if person is None:
        raise missing_fields(["LeadId", "ContactId"])
    for row in store.find(kind, kind.fields[by], person):
        if row.get("CampaignId") == values.get("CampaignId"):
            raise Refusal("DUPLICATE_VALUE", "Already a campaign member.", fields=[])
