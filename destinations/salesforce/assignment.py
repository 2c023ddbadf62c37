"""The org's active assignment rules: a bulk job runs no rule but the one it names.

All other writes run the active one by themselves, so a job has to name it to do the same.
"""

from collections.abc import Mapping

from destinations.salesforce.client import SalesforceClient
from destinations.salesforce.soql import literal
from transformer.clock import Clock
from transformer.kit.remembered import Remembered

KEPT_SECONDS = 3600.0

_ASSIGNED = frozenset({"lead", "case"})


class AssignmentRules:
    """The active rule of each object that can have one, asked for once an hour at most."""

    def __init__(self, client: SalesforceClient, clock: Clock, *, applied: bool) -> None:
        self._client = client
        self._clock = clock
        self._applied = applied
        self._known: Remembered[str, str] = Remembered(
            capacity=len(_ASSIGNED), seconds=KEPT_SECONDS
        )

    async def of(self, object_type: str) -> str | None:
        """The id of the rule to name; "" for none, None when that cannot be learned."""
        kind = object_type.casefold()
        if not self._applied or kind not in _ASSIGNED:
            return ""
        known = self._known.recall(kind, self._clock.now())
        if known is None:
            known = await self._ask(object_type)
            if known is not None:
                self._known.learn(kind, known, self._clock.now())
        return known

    async def _ask(self, object_type: str) -> str | None:
        reply = await self._client.query(
            # The object's name is one of the two above, and an escaped literal.
            "SELECT Id FROM AssignmentRule WHERE Active = TRUE"  # noqa: S608
            f" AND SobjectType = {literal(object_type)}"
        )
        records = reply.body.get("records") if isinstance(reply.body, Mapping) else None
        if not reply.ok or not isinstance(records, list):
            return None
        first = records[0] if records else None
        return str(first.get("Id") or "") if isinstance(first, Mapping) else ""
