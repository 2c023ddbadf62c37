"""Deals of the emulated account, their pipelines and stages, and notes and tasks."""

import re
from collections.abc import Iterable, Mapping

from destinations.activecampaign.emulator.accounts import CustomFields
from destinations.activecampaign.emulator.answers import (
    body_of,
    empty,
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
from transformer.emulator.server import Answer, Call, Handler, json_answer
from transformer.emulator.store import text

DEAL = ("owner", "contact", "organization", "group", "stage", "title", "description", "percent",
        "cdate", "mdate", "nextdate", "nexttaskid", "value", "currency", "winProbability",
        "status", "activitycount", "nextdealid", "edate", "hash", "account", "customerAccount",
        "isDisabled")  # fmt: skip
WRITABLE = ("title", "contact", "account", "value", "currency", "group", "stage", "owner",
            "percent", "status", "description")  # fmt: skip
FILTERS = ("search", "search_field", "title", "stage", "group", "status", "owner", "organization",
           "created_after", "created_before", "contact")  # fmt: skip
GROUP = ("title", "currency", "autoassign", "cdate", "udate")
STAGE = ("title", "group", "order", "color", "width", "cdate", "udate")
RELTYPES = ("Activity", "Deal", "DealTask", "Subscriber", "CustomerAccount")
NOTE = ("cdate", "mdate", "userid", "relid", "reltype", "note")
TASK = ("duedate", "edate", "status", "title", "note", "relid", "reltype", "dealTasktype", "cdate",
        "udate", "user", "assignee", "outcomeId")  # fmt: skip


class Deals:
    """The deal resources. A pipeline with `autoassign` needs no owner."""

    def __init__(self, store: Store, fields: CustomFields) -> None:
        self._store = store
        self._fields = fields

    def routes(self, root: str) -> Iterable[tuple[str, str, Handler]]:
        """The routes below `root`."""
        yield "POST", f"{root}/deals", self._create
        yield "GET", f"{root}/deals", self._list
        yield "GET", f"{root}/deals/{{id}}", self._read
        yield "PUT", f"{root}/deals/{{id}}", self._update
        yield "DELETE", f"{root}/deals/{{id}}", self._delete
        yield "GET", f"{root}/dealGroups", self._named("dealGroups", GROUP)
        yield "GET", f"{root}/dealStages", self._named("dealStages", STAGE)
        yield "POST", f"{root}/notes", self._note
        yield "POST", f"{root}/dealTasks", self._task

    def add_pipeline(self, title: str, stages: Iterable[str], autoassign: str = "0") -> Row:
        """Add a pipeline with its stages, in order."""
        now = self._store.now()
        stamps = {"cdate": now, "udate": now}
        group = self._store.insert(
            "dealGroups", {"title": title, "currency": "usd", "autoassign": autoassign, **stamps}
        )
        for order, stage in enumerate(stages, start=1):
            values = {"title": stage, "group": group.id, "order": str(order), **stamps}
            self._store.insert("dealStages", values)
        return group

    def _create(self, call: Call, _params: Mapping[str, str]) -> Answer:
        values, fields = self._validated(call)
        for name in ("title", "value", "currency"):
            if not values.get(name):
                raise missing(f"The deal {name} was not provided.", name)
        if not (values.get("contact") or values.get("account")):
            raise missing("The deal contact or account was not provided.", "contact")
        values = self._placed(values)
        group = self._store.get("dealGroups", values["group"])
        if not values.get("owner"):
            if group is None or group.get("autoassign") == "0":
                raise missing("The deal owner was not provided.", "owner")
            values["owner"] = "1"
        now = self._store.now()
        row = self._store.insert("deals", {"status": "0", **values, "cdate": now, "mdate": now})
        return self._written(row, fields, 201)

    def _update(self, call: Call, params: Mapping[str, str]) -> Answer:
        row = self._existing(params["id"])
        values, fields = self._validated(call)
        if "group" in values or "stage" in values:
            both = {name: row.get(name) for name in ("group", "stage")}
            moved = "group" in values and "stage" not in values
            values.update(self._placed(values if moved else {**both, **values}))
        self._store.change("deals", row, {**values, "mdate": self._store.now()})
        return self._written(row, fields, 200)

    def _read(self, _call: Call, params: Mapping[str, str]) -> Answer:
        return json_answer({"deal": shown(self._existing(params["id"]), DEAL)})

    def _delete(self, _call: Call, params: Mapping[str, str]) -> Answer:
        self._existing(params["id"])
        self._store.remove("deals", params["id"])
        return json_answer({})

    def _list(self, call: Call, _params: Mapping[str, str]) -> Answer:
        wanted = filters_of(call, FILTERS)
        title = wanted.pop("title", wanted.pop("search", "")).casefold()
        after = wanted.pop("created_after", "")
        wanted.pop("search_field", "")
        if after and re.fullmatch(r"\d{4}-\d\d-\d\d", after) is None:
            raise invalid("The filter must be a date.", "created_after")
        rows = [
            shown(row, DEAL)
            for row in self._store.where("deals", **wanted)
            if title in row.get("title").casefold() and row.get("cdate")[:10] >= after
        ]
        return page(call, "deals", rows)

    def _named(self, kind: str, names: tuple[str, ...]) -> Handler:
        def handler(call: Call, _params: Mapping[str, str]) -> Answer:
            wanted = filters_of(call, ("title", "d_groupid"))
            rows = [
                shown(row, names)
                for row in self._store.rows[kind].values()
                if wanted.get("title", "").casefold() in row.get("title").casefold()
                and row.get("group") == wanted.get("d_groupid", row.get("group"))
            ]
            return page(call, kind, rows)

        return handler

    def _note(self, call: Call, _params: Mapping[str, str]) -> Answer:
        body = body_of(call, "note")
        only(body, ("note", "relid", "reltype"))
        if not text(body.get("note")) or not text(body.get("relid")):
            raise missing("The note was not provided.", "note")
        if body.get("reltype") not in RELTYPES:
            raise invalid("The note's relation is not valid.", "reltype")
        now = self._store.now()
        values = {**scalars(body, body), "cdate": now, "mdate": now, "userid": "1"}
        row = self._store.insert("notes", values)
        return json_answer({"contacts": [], "note": shown(row, NOTE)}, 201)

    def _task(self, call: Call, _params: Mapping[str, str]) -> Answer:
        body = body_of(call, "dealTask")
        only(body, ("title", "ownerType", "relid", "status", "note", "duedate", "edate",
                    "dealTasktype", "assignee"))  # fmt: skip
        owner = text(body.get("ownerType")) or "deal"
        if (
            owner not in {"deal", "contact"}
            or self._store.get(f"{owner}s", body.get("relid")) is None
        ):
            raise invalid("The task's owner does not exist.", "relid")
        now = self._store.now()
        kind = "Deal" if owner == "deal" else "Subscriber"
        values = {**scalars(body, body), "reltype": kind, "cdate": now, "udate": now, "user": "1"}
        row = self._store.insert("dealTasks", values)
        answer = {**shown(row, TASK), "owner": {"type": owner, "id": text(body["relid"])}}
        return json_answer({"dealTask": answer}, 201)

    def _validated(self, call: Call) -> tuple[dict[str, object], list[dict[str, str]]]:
        body = body_of(call, "deal")
        only(body, (*WRITABLE, "fields"))
        values = scalars(body, WRITABLE)
        value = body.get("value", 0)
        if (
            isinstance(value, float)
            or (isinstance(value, str) and re.fullmatch(r"\d+", value) is None)
            or (isinstance(value, int) and value < 0)
        ):
            raise invalid("The deal value must be a whole number of cents.", "value")
        currency = str(values.get("currency", "usd"))
        if re.fullmatch(r"[a-z]{3}", currency) is None:
            raise invalid("The deal currency is not valid.", "currency")
        if str(values.get("status", "0")) not in {"0", "1", "2"}:
            raise invalid("The deal status is not valid.", "status")
        for name in ("contact", "account"):
            if values.get(name) and self._store.get(f"{name}s", values[name]) is None:
                raise invalid(f"The deal {name} does not exist.", name)
        return values, self._fields.validate(body.get("fields", []))

    def _placed(self, values: Mapping[str, object]) -> dict[str, object]:
        """Complete the pipeline and the stage: each follows from the other."""
        group, stage = text(values.get("group")), text(values.get("stage"))
        if stage:
            row = self._store.get("dealStages", stage)
            if row is None or (group and row.get("group") != group):
                raise invalid("The stage does not belong to the pipeline.", "stage")
            return {**values, "group": row.get("group"), "stage": stage}
        first = next(self._store.where("dealStages", group=group), None)
        if not group or first is None:
            raise empty()
        return {**values, "group": group, "stage": first.id}

    def _written(self, row: Row, fields: list[dict[str, str]], status: int) -> Answer:
        self._fields.set_values(row.id, fields)
        deal = {**shown(row, DEAL), "fields": self._fields.values_of(row.id)}
        return json_answer({"contacts": [], "dealStages": [], "deal": deal}, status)

    def _existing(self, row_id: str) -> Row:
        row = self._store.get("deals", row_id)
        if row is None:
            raise not_found("Deal", row_id)
        return row
