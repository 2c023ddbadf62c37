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
from transformer.outcome import Delivered, Outcome, Reason, Rejected, Retry, Skipped
from transformer.upsert import Note, Upsert

OBJECT = "ExternalActivity"
TYPE, EMAIL, VALUE, DATE = "type", "email", "value", "activityDate"
FIELDS = (TYPE, EMAIL, VALUE, DATE)
MAX_VALUE = 100
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
        notes = _notes(upsert.properties)
        if upsert.repeated and (found := await self._find(upsert, body)):
            return Delivered("created", found, OBJECT, notes)
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
        # Who may send them but not see them is told no id.
        record_id = str(reply.record.get("id") or "")
        return Delivered("created", record_id, OBJECT, notes)

    def _body(self, upsert: Upsert) -> Mapping[str, str]:
        given = upsert.properties
        return {
            "extension": self._settings.activity_extension,
            TYPE: api_name(_text(given.get(TYPE))),
            EMAIL: _text(given.get(EMAIL)).lower(),
            # An activity needs a value: where there is none, the event's own name.
            VALUE: (_text(given.get(VALUE)) or _text(given.get(TYPE)))[:MAX_VALUE],
            DATE: offset_of(_text(given.get(DATE))) or moment(upsert.event_time),
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
            if _is_same(row, body):
                return str(row.get("id"))
        return None


def _is_same(row: Mapping[str, object], body: Mapping[str, str]) -> bool:
    """Whether they are one: the moment in any time zone, to the second; addresses in any case."""
    there = {name: _text(row.get(name)) for name in FIELDS}
    there[EMAIL] = there[EMAIL].lower()
    there[DATE] = _in_utc(there[DATE])
    return there == {**{name: body[name] for name in FIELDS}, DATE: _in_utc(body[DATE])}


def _in_utc(text: str) -> str:
    try:
        return datetime.fromisoformat(text).astimezone(UTC).isoformat(timespec="seconds")
    except ValueError:
        return text


def _notes(properties: Mapping[str, object]) -> tuple[Note, ...]:
    if len(_text(properties.get(VALUE))) <= MAX_VALUE:
        return ()
    return (Note("invalid_value", VALUE, f"cut to the {MAX_VALUE} characters that it may have"),)


def api_name(event: str) -> str:
    """The API name that an activity type of this event has: `Order Completed`, `Order_Completed`.

    Letters, digits and single underscores.
    """
    return re.sub(r"[^A-Za-z0-9]+", "_", event).strip("_")


def offset_of(text: str) -> str:
    """A moment with its offset in digits, as the API takes it: `Z` is `+00:00`."""
    return f"{text[:-1]}+00:00" if text[-1:] in ("Z", "z") else text


def moment(seconds: float) -> str:
    """Epoch seconds as the API takes a moment."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def _text(value: object) -> str:
    if value is None or isinstance(value, dict | list):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).strip()
