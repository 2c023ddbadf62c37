"""Tracked events: sent beside the API, in a form, to a contact known by e-mail.

They cannot be read back: one whose answer was lost is sent again and may then be there twice.
"""

from collections.abc import Mapping

import orjson

from destinations.activecampaign.client import ActiveCampaignClient
from destinations.activecampaign.settings import ActiveCampaignSettings
from destinations.activecampaign.values import is_true, text_of
from transformer.outcome import Delivered, Outcome, Reason, Rejected, Skipped
from transformer.upsert import Upsert

EVENT, EMAIL, DATA = "event", "email", "eventdata"
MAX_NAME = 32


class Tracking:
    """Writes tracked events."""

    def __init__(self, client: ActiveCampaignClient, settings: ActiveCampaignSettings) -> None:
        self._client = client
        self._settings = settings

    async def write(self, upsert: Upsert) -> Outcome:
        """Send one event; skipped when event tracking is off."""
        if not self._settings.event_tracking:
            return Skipped(Reason.EVENT_TYPE_NOT_MAPPED, "the setting event_tracking is off")
        properties = upsert.properties
        name = (text_of(properties.get(EVENT)) or "").strip()
        email = (text_of(properties.get(EMAIL)) or "").strip()
        missing = [what for what, text in ((EVENT, name), (EMAIL, email)) if not text]
        if missing:
            detail = f"event: required and without a value: {', '.join(missing)}"
            return Rejected(Reason.REQUIRED_FIELD_MISSING, detail)
        if len(name) > MAX_NAME:
            detail = f"event: the name has {len(name)} characters, expected {MAX_NAME} at most."
            return Rejected(Reason.VALUE_TOO_LONG, f"{detail} Map it to a shorter one.")
        reply = await self._client.track(
            {
                "actid": self._settings.event_account_id,
                "key": self._settings.event_key,
                "event": name,
                "eventdata": event_data(properties),
                "visit": orjson.dumps({"email": email}).decode(),
            }
        )
        body = reply.body if isinstance(reply.body, Mapping) else {}
        if reply.ok and is_true(body.get("success")):
            return Delivered("created", "", "event")
        words = text_of(body.get("message")) or "no reason given"
        return Rejected(
            Reason.REFUSED,
            f"event: event tracking refused it: {words}. The contact must exist, tracking must be"
            " on, and event_account_id and event_key must be right.",
            {"status": reply.status, "message": words},
        )


def event_data(properties: Mapping[str, object]) -> str:
    """The one text that goes with an event: as mapped, or all other properties as JSON."""
    if DATA in properties:
        return text_of(properties[DATA]) or ""
    rest = {name: value for name, value in properties.items() if name not in (EVENT, EMAIL)}
    return orjson.dumps(rest, default=str).decode() if rest else ""
