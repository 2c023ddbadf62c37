"""Finding one prospect, by CRM id or by e-mail; which of several is a policy. A request each."""

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager

from destinations.account_engagement.client import AccountEngagementClient
from destinations.account_engagement.prospect_plan import CRM_ID, EMAIL
from destinations.account_engagement.reasons import refused
from transformer.clock import Clock
from transformer.failures import Declined
from transformer.kit.json_api import segment
from transformer.kit.remembered import Remembered, RememberedRecords, Sent, must_wait
from transformer.outcome import Reason, Rejected
from transformer.upsert import Key

OBJECT = "Prospect"
REMEMBERED = 50_000
CRM_ID_SECONDS = 3600.0
# Reads lag behind writes by a minute at the most.
STALE_SECONDS = 120.0
HELD_SECONDS = 1.0


class Finder:
    """Looks prospects up. `several` is the policy: first, newest or refuse."""

    def __init__(self, client: AccountEngagementClient, several: str, clock: Clock) -> None:
        self._client = client
        self._several = several
        self._clock = clock
        # Only the CRM's connector changes one: the field is read-only for everybody else.
        self._crm_ids: Remembered[str, str] = Remembered(
            capacity=REMEMBERED, seconds=CRM_ID_SECONDS
        )
        self._written: RememberedRecords[str, str] = RememberedRecords(
            capacity=REMEMBERED,
            seconds=STALE_SECONDS,
            record_of=lambda _, prospect_id: prospect_id,
            late_seconds=STALE_SECONDS,
        )

    async def by_crm_id(self, crm_id: str) -> str | None:
        """The prospect of a lead or contact, asked for once in a while. Raises Declined."""
        known = self._crm_ids.recall(crm_id, self._clock.now())
        if known is not None:
            return known
        found = await self._query(CRM_ID, crm_id)
        if found is not None:
            self._crm_ids.learn(crm_id, found, self._clock.now())
        return found

    async def by_email(self, email: str) -> str | None:
        """The prospect of an address, or the one just written to it. Raises Declined."""
        found = await self._query(EMAIL, email)
        if found is not None and self._written.is_changing(_key(email), found):
            raise Declined(must_wait("prospect", HELD_SECONDS))
        return found or self._written.recall(_key(email), self._clock.now())

    def writing(self, prospect_id: str, body: Mapping[str, object]) -> AbstractContextManager[Sent]:
        """Send a change inside the block: another address leads to the prospect after it."""
        values = {EMAIL: _key(str(body[EMAIL]))[2]} if EMAIL in body else {}
        change = self._written.change(OBJECT, prospect_id, values)
        return self._written.writing(change, self._clock.now)

    async def filled(self, prospect_id: str, fields: Iterable[str]) -> frozenset[str]:
        """Those of these fields that a prospect has a value in. Raises Declined."""
        path = f"objects/prospects/{segment(prospect_id)}"
        names = sorted(fields)
        reply = await self._client.get(path, "prospects", fields=",".join(["id", *names]))
        if not reply.ok:
            raise Declined(refused(reply.body, reply.status, f"prospect {prospect_id}"))
        return frozenset(n for n in names if reply.record.get(n) not in (None, "", []))

    def wrote(self, email: str, prospect_id: str) -> None:
        """Remember until reads have caught up."""
        self._written.learn(_key(email), prospect_id, self._clock.now())

    def forget(self, *, crm_id: str, email: str) -> bool:
        """Forget what turned out to be gone; whether anything was remembered."""
        now = self._clock.now()
        known = self._crm_ids.recall(crm_id, now) or self._written.recall(_key(email), now)
        self._crm_ids.forget(crm_id)
        self._written.forget(_key(email))
        return known is not None

    async def _query(self, name: str, value: str) -> str | None:
        order = "id desc" if self._several == "newest" else "lastActivityAt desc,id asc"
        reply = await self._client.get(
            "objects/prospects",
            "prospects_query",
            **{"fields": "id", name: value, "orderBy": order},
        )
        if not reply.ok:
            raise Declined(refused(reply.body, reply.status, f"prospect: {name}"))
        found = [str(row["id"]) for row in reply.values if row.get("id")]
        if name == EMAIL:
            key, now = _key(value), self._clock.now()
            found = [each for each in found if not self._written.is_stale(key, each, now)]
        if len(found) > 1 and self._several == "refuse":
            detail = (
                f"prospect: {name}: expected one, got {len(found)}: {', '.join(sorted(found))}."
                " Merge them, or set several_matches."
            )
            raise Declined(Rejected(Reason.SEVERAL_MATCHES, detail, {"ids": sorted(found)}))
        return found[0] if found else None


def _key(email: str) -> Key:
    return (OBJECT, EMAIL, email.strip().lower())
