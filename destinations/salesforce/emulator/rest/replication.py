"""`sobjects/X/updated` and `/deleted`: which records changed in a span of time."""

from collections.abc import Iterable

from destinations.salesforce.emulator import times
from destinations.salesforce.emulator.refusals import Refusal
from destinations.salesforce.emulator.rest.routes import (
    DataRoute,
    Params,
    Reply,
    Request,
    object_named,
)
from destinations.salesforce.emulator.schema import Schema
from destinations.salesforce.emulator.store import Row, Store

DELETED_DAYS = 15
UPDATED_DAYS = 30
DAY_SECONDS = 86_400


class ReplicationResource:
    """The routes of changes since a time."""

    def __init__(self, schema: Schema, store: Store) -> None:
        self._schema = schema
        self._store = store

    def routes(self) -> Iterable[DataRoute]:
        """Return the routes below a version's root."""
        return (
            ("GET", "sobjects/{object}/updated", self.updated),
            ("GET", "sobjects/{object}/deleted", self.deleted),
        )

    def updated(self, request: Request, params: Params) -> Reply:
        """Return the ids of live records changed in the span."""
        rows, end = self._changed(request, params, deleted=False, days=UPDATED_DAYS)
        return Reply(200, {"ids": [row.id for row in rows], "latestDateCovered": end})

    def deleted(self, request: Request, params: Params) -> Reply:
        """Return the records deleted in the span."""
        rows, end = self._changed(request, params, deleted=True, days=DELETED_DAYS)
        shown = [{"id": row.id, "deletedDate": row.get("SystemModstamp")} for row in rows]
        earliest = times.stamp(request.context.time - DELETED_DAYS * DAY_SECONDS)
        return Reply(
            200,
            {
                "deletedRecords": shown,
                "earliestDateAvailable": earliest,
                "latestDateCovered": end,
            },
        )

    def _changed(
        self, request: Request, params: Params, *, deleted: bool, days: int
    ) -> tuple[list[Row], str]:
        kind = object_named(self._schema, params["object"])
        start, end = (_minute(request, name) for name in ("start", "end"))
        if start >= end:
            raise Refusal("INVALID_REPLICATION_DATE", "startDate before endDate expected")
        if start < times.stamp(request.context.time - days * DAY_SECONDS):
            text = f"startDate cannot be more than {days} days ago"
            raise Refusal("INVALID_REPLICATION_DATE", text)
        rows = self._store.of_type(kind).values()
        changed = [
            row
            for row in rows
            if row.deleted is deleted and start <= str(row.get("SystemModstamp")) < end
        ]
        return changed, end


def _minute(request: Request, name: str) -> str:
    """Return a bound of the span; seconds are ignored, as in Salesforce."""
    read = times.read_datetime(request.param(name) or "")
    if read is None:
        raise Refusal("INVALID_REPLICATION_DATE", f"{name}: expected a date and time")
    return f"{read[:16]}:00.000+0000"
