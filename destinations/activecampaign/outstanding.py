"""Imports that ActiveCampaign still has queued and nobody here waits for: what they may hold waits.

An import goes on when its worker dies, or has given it up: run late, it would put its values over
newer ones. The account tells how many imports are outstanding, not whose they are.
"""

from collections.abc import Iterable, Mapping, Sequence

from destinations.activecampaign.client import ActiveCampaignClient, Reply
from destinations.activecampaign.settings import ActiveCampaignSettings
from transformer.clock import Clock
from transformer.outcome import Reason, Retry
from transformer.upsert import Upsert

HELD_SECONDS = 30.0
ENDED_BADLY = frozenset({"failed", "interrupted", "error", "cancelled", "canceled"})
_ENDED = ENDED_BADLY | {"completed"}


class Outstanding:
    """The imports of one account; `begin` and `end` say which this worker waits for itself."""

    def __init__(
        self, client: ActiveCampaignClient, settings: ActiveCampaignSettings, clock: Clock
    ) -> None:
        self._client = client
        self._settings = settings
        self._clock = clock
        self._mine: set[str] = set()
        self._held_since: float | None = None

    def begin(self, batch_id: str) -> None:
        """An import was accepted, and is waited for."""
        self._mine.add(batch_id)

    def end(self, batch_ids: Iterable[str]) -> None:
        """These are not waited for any more, whether they have ended or not."""
        self._mine.difference_update(batch_ids)

    async def held(self, batch: Sequence[Upsert]) -> Mapping[int, Retry]:
        """The contacts that have to wait for an import that may hold them, by index.

        Those are the ones that may have been sent before, while imports are outstanding that this
        worker does not wait for. Others' imports cannot be told from our own of before, so the
        wait ends after the time that an import may take. Raises WriteFailed when it cannot ask.
        """
        doubtful = [
            index
            for index, upsert in enumerate(batch)
            if upsert.repeated and upsert.object_type == "contact"
        ]
        if not self._settings.bulk_threshold or not doubtful:
            return {}
        if not await self._others_run():
            self._held_since = None
            return {}
        now = self._clock.now()
        if self._held_since is None:
            self._held_since = now
        if now - self._held_since >= self._settings.bulk_timeout_seconds:
            return {}
        return dict.fromkeys(doubtful, _HELD)

    async def _others_run(self) -> bool:
        """Whether more imports are outstanding than those that are waited for here.

        Asked in this order, one of ours that has not ended was outstanding, too, at the count.
        """
        mine = tuple(self._mine)
        reply = await self._client.get("import/bulk_import", "import_state")
        count = _outstanding(reply)
        if count is None:
            return True
        for batch_id in mine:
            if count <= 0:
                break
            info = await self._client.get("import/info", "import_info", batchId=batch_id)
            count -= status_of(info) not in _ENDED
        return count > 0


def status_of(reply: Reply) -> str:
    """The word for the state of one import; right after it was accepted it has none yet."""
    return str(reply.at("status") or "").casefold() if reply.ok else ""


def _outstanding(reply: Reply) -> int | None:
    """How many imports are outstanding, day by day added up; None when the answer does not tell."""
    days = reply.at("outstanding") if reply.ok else None
    if not isinstance(days, list):
        return None
    counts = [str(day.get("batches")) if isinstance(day, Mapping) else "" for day in days]
    return sum(int(count) if count.isdecimal() else 1 for count in counts)


_HELD = Retry(
    Reason.THROTTLED,
    "contact: an import of before may hold it and has not ended.",
    after_seconds=HELD_SECONDS,
    counts=False,
)
