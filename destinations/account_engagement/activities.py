"""External activities: what people do elsewhere, on the timeline of their prospect.

Nothing makes them unique: one whose answer was lost is looked for, once reads have caught up.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from destinations.account_engagement.client import AccountEngagementClient
from destinations.account_engagement.reasons import refused
from destinations.account_engagement.settings import AccountEngagementSettings
from transformer.clock import Clock
from transformer.errors import AnswerLost, ServerFault
from transformer.kit.json_api import id_of
from transformer.outcome import Delivered, Outcome, Reason, Rejected, Retry, Skipped
from transformer.upsert import Upsert

OBJECT = "ExternalActivity"
TYPE, EMAIL, VALUE, DATE = "type", "email", "value", "activityDate"
FIELDS = (TYPE, EMAIL, VALUE, DATE)
CAUGHT_UP_SECONDS = 65.0
# By how much the clocks of who sends events and of the vendor may differ.
SKEW_SECONDS = 3600.0


class Activities:
    """Writes external activities."""

    def __init__(
        self, client: AccountEngagementClient, settings: AccountEngagementSettings, clock: Clock
    ) -> None:
        self._client = client
        self._settings = settings
        self._clock = clock

    async def write(self, upsert: Upsert) -> Outcome:
        """Send one activity; skipped when the setting is off. Raises Declined."""
        if not self._settings.external_activities:
            return Skipped(Reason.EVENT_TYPE_NOT_MAPPED, "the setting external_activities is off")
        body = self._body(upsert)
        missing = [name for name in (TYPE, EMAIL) if not body[name]]
        if missing:
            detail = f"external activity: required and without a value: {', '.join(missing)}"
            return Rejected(Reason.REQUIRED_FIELD_MISSING, detail)
        if upsert.repeated and (found := await self._find(upsert, body)):
            return Delivered("created", found, OBJECT)
        try:
            reply = await self._client.post(
                "external-activities?fields=id", "external_activities", body
            )
        except (AnswerLost, ServerFault) as failure:
            return Retry(
                Reason.ANSWER_LOST,
                failure.detail,
                after_seconds=CAUGHT_UP_SECONDS,
                may_have_applied=True,
                vendor=failure.vendor,
            )
        if not reply.ok:
            return refused(reply.body, reply.status, "external activity")
        return Delivered("created", id_of(reply.record, "external_activities"), OBJECT)

    def _body(self, upsert: Upsert) -> Mapping[str, str]:
        given = upsert.properties
        return {
            "extension": self._settings.activity_extension,
            TYPE: api_name(_text(given.get(TYPE))),
            EMAIL: _text(given.get(EMAIL)).lower(),
            VALUE: _text(given.get(VALUE)),
            DATE: _text(given.get(DATE)) or moment(upsert.event_time),
        }

    async def _find(self, upsert: Upsert, body: Mapping[str, str]) -> str | None:
        """The same activity, among those created since it happened. Raises Declined."""
        since = min(upsert.event_time, self._clock.wall()) - SKEW_SECONDS
        rows = await self._client.list_all(
            "external-activities",
            "external_activities_query",
            fields="id,type,email,value,activityDate",
            createdAtAfterOrEqualTo=moment(since),
        )
        for row in rows:
            if all(_text(row.get(name)) == body[name] for name in FIELDS):
                return str(row.get("id"))
        return None


def api_name(event: str) -> str:
    """The API name that an activity type of this event has: `Order Completed`, `Order_Completed`.

    Letters, digits and single underscores.
    """
    return re.sub(r"[^A-Za-z0-9]+", "_", event).strip("_")


def moment(seconds: float) -> str:
    """Epoch seconds as the API takes a moment."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def _text(value: object) -> str:
    if value is None or isinstance(value, dict | list):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).strip()
