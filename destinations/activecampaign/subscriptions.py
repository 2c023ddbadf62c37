"""Subscriptions: who left a list is never subscribed again without consent in the event."""

from collections.abc import Mapping, Sequence

from destinations.activecampaign.client import ActiveCampaignClient
from destinations.activecampaign.reasons import refused
from transformer.failures import Declined
from transformer.kit.json_api import segment
from transformer.upsert import Note

SUBSCRIBED, UNSUBSCRIBED = "1", "2"
CONSENT_SOURCE = 4


class Subscriptions:
    """What joins contacts to lists."""

    def __init__(self, client: ActiveCampaignClient) -> None:
        self._client = client

    async def write(
        self,
        contact_id: str,
        *,
        subscribe: Sequence[str],
        unsubscribe: Sequence[str],
        consent: bool,
    ) -> Sequence[Note]:
        """Bring the contact on and off these lists, and note the lists it was kept off.

        A list in both is left. Raises Declined.
        """
        there = await self._read(contact_id)
        notes = []
        for list_id in unsubscribe:
            if there.get(list_id) != UNSUBSCRIBED:
                await self._set(contact_id, list_id, UNSUBSCRIBED, consent=False)
        for list_id in subscribe:
            status = there.get(list_id)
            if list_id in unsubscribe or status == SUBSCRIBED:
                continue
            if status is not None and not consent:
                notes.append(_kept_off(list_id, status))
                continue
            became = await self._set(contact_id, list_id, SUBSCRIBED, consent=status is not None)
            if became not in ("", SUBSCRIBED):
                notes.append(_kept_off(list_id, became))
        return notes

    async def _read(self, contact_id: str) -> Mapping[str, str]:
        reply = await self._client.get(f"contacts/{segment(contact_id)}/contactLists", "lists_of")
        if not reply.ok:
            raise Declined(refused(reply.body, reply.status, f"lists of contact {contact_id}"))
        return {
            str(row.get("list")): str(row.get("status")) for row in reply.records("contactLists")
        }

    async def _set(self, contact_id: str, list_id: str, status: str, *, consent: bool) -> str:
        link: dict[str, object] = {"list": list_id, "contact": contact_id, "status": status}
        if consent:
            link["sourceid"] = CONSENT_SOURCE
        reply = await self._client.post("contactLists", "contactLists", {"contactList": link})
        if not reply.ok:
            raise Declined(refused(reply.body, reply.status, f"subscribe contact {contact_id}"))
        return str(reply.record("contactList").get("status", ""))


def _kept_off(list_id: str, status: str) -> Note:
    return Note(
        "dropped",
        "lists",
        f"list {list_id}: the contact's status there is {status} (2: unsubscribed); subscribing"
        " again takes consent in the event",
    )
