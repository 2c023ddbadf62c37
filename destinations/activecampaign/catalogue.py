"""Lists, tags, pipelines and stages by name: read once, remembered, tags created on the way."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from destinations.activecampaign.client import ActiveCampaignClient
from destinations.activecampaign.reasons import DUPLICATE, refused
from transformer.clock import Clock
from transformer.failures import Declined
from transformer.kit.json_api import id_of
from transformer.kit.remembered import Remembered
from transformer.outcome import Reason, Rejected

FRESH_SECONDS = 3600.0
RELOAD_SECONDS = 300.0
REMEMBERED_TAGS = 10_000


@dataclass(frozen=True, slots=True)
class Named:
    """One thing that has a name; `group` is the pipeline of a stage."""

    id: str
    name: str
    group: str = ""


class Index:
    """The whole of one short list of the account, by id and by name."""

    def __init__(self, client: ActiveCampaignClient, clock: Clock, path: str, name: str) -> None:
        self._client = client
        self._clock = clock
        self._path = path
        self._name = name
        self._lock = asyncio.Lock()
        self._loaded_at: float | None = None
        self._rows: Sequence[Named] = ()

    async def find(self, text: str) -> Sequence[Named]:
        """Those of this id, else those of this name; upper and lower case are the same."""
        async with self._lock:
            await self._load(FRESH_SECONDS)
            found = self._matching(text)
            if not found:
                await self._load(RELOAD_SECONDS)
                found = self._matching(text)
        return found

    def _matching(self, text: str) -> Sequence[Named]:
        wanted = text.strip().casefold()
        by_id = [row for row in self._rows if row.id == wanted]
        return by_id or [row for row in self._rows if row.name.strip().casefold() == wanted]

    async def _load(self, age_seconds: float) -> None:
        now = self._clock.now()
        if self._loaded_at is not None and now - self._loaded_at < age_seconds:
            return
        rows = await self._client.list_all(self._path, self._path)
        self._rows = [
            Named(str(row.get("id", "")), str(row.get(self._name, "")), str(row.get("group", "")))
            for row in rows
        ]
        self._loaded_at = now


class Tags:
    """Tags of contacts by name; one that is not there is created."""

    def __init__(self, client: ActiveCampaignClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._lock = asyncio.Lock()
        self._known: Remembered[str, str] = Remembered(
            capacity=REMEMBERED_TAGS, seconds=FRESH_SECONDS
        )

    async def id_of(self, name: str) -> str:
        """The id of the tag. Raises Declined."""
        async with self._lock:
            known = self._known.recall(name.casefold(), self._clock.now())
            found = known or await self._search(name) or await self._create(name)
            self._known.learn(name.casefold(), found, self._clock.now())
            return found

    def forget(self, names: Iterable[str]) -> None:
        """Look these up anew: one of them turned out to be gone."""
        for name in names:
            self._known.forget(name.casefold())

    async def _search(self, name: str) -> str | None:
        rows = await self._client.list_all("tags", "tags", search=name)
        return next((str(row["id"]) for row in rows if _is_tag(row, name)), None)

    async def _create(self, name: str) -> str:
        body = {"tag": {"tag": name, "tagType": "contact", "description": ""}}
        reply = await self._client.post("tags", "tags", body)
        if reply.code == DUPLICATE:
            found = await self._search(name)
            if found is not None:
                return found
        if not reply.ok:
            raise Declined(refused(reply.body, reply.status, "create a tag"))
        return id_of(reply.record("tag"), "tags")


class Catalogue:
    """Everything that upserts name by name."""

    def __init__(self, client: ActiveCampaignClient, clock: Clock) -> None:
        self.lists = Index(client, clock, "lists", "name")
        self.pipelines = Index(client, clock, "dealGroups", "title")
        self.stages = Index(client, clock, "dealStages", "title")
        self.tags = Tags(client, clock)

    async def pipeline(self, text: str) -> str:
        """The id of a pipeline given by id or title. Raises Declined."""
        return _only(await self.pipelines.find(text), "pipeline", text).id

    async def stage(self, text: str, pipeline: str) -> str:
        """The id of a stage given by id or title, of this pipeline if one is given."""
        found = await self.stages.find(text)
        fitting = [row for row in found if not pipeline or row.group == pipeline]
        return _only(fitting, "stage", text).id


def _only(found: Sequence[Named], what: str, text: str) -> Named:
    if len(found) == 1:
        return found[0]
    got = f"{len(found)} of them" if found else "none"
    detail = (
        f"deal: expected one {what} with the id or title {text!r}, got {got}."
        f" Give the id of a {what}, or its title with its pipeline."
    )
    raise Declined(Rejected(Reason.INVALID_REFERENCE, detail))


def _is_tag(row: Mapping[str, object], name: str) -> bool:
    same = str(row.get("tag", "")).strip().casefold() == name.strip().casefold()
    return same and row.get("tagType") in (None, "", "contact")
