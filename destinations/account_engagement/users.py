"""Users by id, Salesforce id, e-mail address or user name: read once, again when old or unknown."""

import asyncio
import re
from collections.abc import Mapping

from destinations.account_engagement.client import AccountEngagementClient
from transformer.clock import Clock

FRESH_SECONDS = 3600.0
RELOAD_SECONDS = 300.0
_FIELDS = "id,email,username,salesforceId"
_LONG_ID, _SHORT_ID = 18, 15
_ID = re.compile(r"[0-9]{1,18}")


class Users:
    """The users of the business unit that prospects can be assigned to."""

    def __init__(self, client: AccountEngagementClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._lock = asyncio.Lock()
        self._loaded_at: float | None = None
        self._by_name: dict[str, int] = {}

    async def find(self, text: str) -> int | None:
        """The id of the one user meant, or None. Raises Declined when users may not be read."""
        async with self._lock:
            await self._load(FRESH_SECONDS)
            found = self._named(text)
            if found is None:
                await self._load(RELOAD_SECONDS)
                found = self._named(text)
        return found

    def _named(self, text: str) -> int | None:
        wanted = text.strip()
        if len(wanted) == _LONG_ID and wanted.startswith("005"):
            wanted = wanted[:_SHORT_ID]
        return self._by_name.get(wanted, self._by_name.get(wanted.casefold()))

    async def _load(self, age_seconds: float) -> None:
        now = self._clock.now()
        if self._loaded_at is not None and now - self._loaded_at < age_seconds:
            return
        rows = await self._client.list_all("objects/users", "users", fields=_FIELDS)
        self._by_name = {}
        for row in rows:
            self._add(row)
        self._loaded_at = now

    def _add(self, row: Mapping[str, object]) -> None:
        """File a user; ids of Salesforce are told apart by upper and lower case."""
        if not _ID.fullmatch(str(row.get("id"))):
            return
        user_id = int(str(row.get("id")))
        for name in (row.get("email"), row.get("username")):
            if name:
                self._by_name.setdefault(str(name).casefold(), user_id)
        self._by_name[str(user_id)] = user_id
        if row.get("salesforceId"):
            self._by_name[str(row["salesforceId"])[:_SHORT_ID]] = user_id
