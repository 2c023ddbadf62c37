"""Lists and tags by name, and who was put on them: read once, remembered, tags created."""

import asyncio
from collections.abc import Sequence

from destinations.account_engagement.client import AccountEngagementClient
from destinations.account_engagement.reasons import ALREADY_MEMBER, refused
from transformer.clock import Clock
from transformer.failures import Declined
from transformer.kit.json_api import id_of, segment
from transformer.kit.remembered import Remembered

FRESH_SECONDS = 3600.0
RELOAD_SECONDS = 300.0
REMEMBERED = 50_000
_NAME_TAKEN = 245


class Lists:
    """The static lists of the business unit."""

    def __init__(self, client: AccountEngagementClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._lock = asyncio.Lock()
        self._loaded_at: float | None = None
        self._by_name: dict[str, str] = {}

    async def find(self, text: str) -> str | None:
        """The id of the list with this id or name, or None. Raises Declined."""
        wanted = text.strip().casefold()
        async with self._lock:
            await self._load(FRESH_SECONDS)
            if wanted not in self._by_name:
                await self._load(RELOAD_SECONDS)
        return self._by_name.get(wanted)

    async def _load(self, age_seconds: float) -> None:
        now = self._clock.now()
        if self._loaded_at is not None and now - self._loaded_at < age_seconds:
            return
        rows = await self._client.list_all("objects/lists", "lists", fields="id,name,isDynamic")
        static = [row for row in rows if str(row.get("isDynamic")).casefold() != "true"]
        by_name = {str(row.get("name", "")).strip().casefold(): str(row["id"]) for row in static}
        self._by_name = {**by_name, **{str(row["id"]): str(row["id"]) for row in static}}
        self._loaded_at = now


class Tags:
    """Tags by name; one that is not there is created."""

    def __init__(self, client: AccountEngagementClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._lock = asyncio.Lock()
        self._known: Remembered[str, str] = Remembered(capacity=REMEMBERED, seconds=FRESH_SECONDS)

    async def id_of(self, name: str) -> str:
        """The id of the tag. Raises Declined."""
        async with self._lock:
            now = self._clock.now()
            known = self._known.recall(name.casefold(), now)
            found = known or await self._search(name) or await self._create(name)
            self._known.learn(name.casefold(), found, now)
            return found

    async def _search(self, name: str) -> str | None:
        rows = await self._client.list_all("objects/tags", "tags", fields="id,name", name=name)
        wanted = name.strip().casefold()
        same = (row for row in rows if str(row.get("name", "")).strip().casefold() == wanted)
        return next((str(row["id"]) for row in same if row.get("id")), None)

    async def _create(self, name: str) -> str:
        reply = await self._client.post("objects/tags?fields=id", "tags", {"name": name})
        if reply.code == _NAME_TAKEN and (found := await self._search(name)):
            return found
        if not reply.ok:
            raise Declined(refused(reply.body, reply.status, "create a tag"))
        return id_of(reply.record, "tags")


class Joiner:
    """Puts prospects on lists and gives them tags, once each for as long as it remembers."""

    def __init__(self, client: AccountEngagementClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._done: Remembered[tuple[str, str, str], bool] = Remembered(
            capacity=REMEMBERED, seconds=FRESH_SECONDS
        )

    async def join(self, prospect_id: str, lists: Sequence[str], tags: Sequence[str]) -> None:
        """Do what is missing. Who has opted out of a list stays out. Raises Declined."""
        for list_id in lists:
            await self._once(("list", list_id, prospect_id))
        for tag_id in tags:
            await self._once(("tag", tag_id, prospect_id))

    async def _once(self, link: tuple[str, str, str]) -> None:
        if self._done.recall(link, self._clock.now()):
            return
        kind, other, prospect = link
        if kind == "list":
            body: dict[str, object] = {"listId": int(other), "prospectId": int(prospect)}
            path, route = "objects/list-memberships?fields=id", "list_memberships"
        else:
            body = {"tagId": int(other)}
            path, route = f"objects/prospects/{segment(prospect)}/do/addTag", "add_tag"
        reply = await self._client.post(path, route, body)
        if not reply.ok and reply.code != ALREADY_MEMBER:
            where = f"prospect {prospect} was written, {kind} {other} was not"
            raise Declined(refused(reply.body, reply.status, where))
        self._done.learn(link, True, self._clock.now())  # noqa: FBT003 - the fact itself
