"""Gives prospects of nobody to a user: many by one import, few by a request each.

Nobody loses a prospect: the import keeps the user that is there, and whoever has waited for it is
looked at before a request of his own. What the import has done is looked at, never believed; when
it did not work, the rest is assigned one by one, and for an hour no other is tried.
"""

import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple, TypeVar

from destinations.account_engagement.client import AccountEngagementClient
from destinations.account_engagement.imports import Importer, ImportFailed
from destinations.account_engagement.reasons import refused
from destinations.account_engagement.settings import AccountEngagementSettings
from transformer.clock import Clock
from transformer.errors import WriteFailed
from transformer.failures import Declined
from transformer.kit import singles
from transformer.kit.json_api import segment
from transformer.kit.singles import Results
from transformer.outcome import Outcome, Reason, Retry

T = TypeVar("T")

log = logging.getLogger("destinations.account_engagement")

Give = Callable[[str, int], Awaitable[None]]
"""Gives a prospect of nobody, by id, to a user: now, or with the others of its batch."""

OFF_SECONDS = 3600.0
# Reads lag behind writes by so much at the most.
STALE_SECONDS = 60.0
# So many ids of ten digits keep an address below the 8,000 characters that servers take.
LOOKED_AT_ONCE = 500
ONCE_MORE = Retry(
    Reason.REMATCH,
    "prospect: it was written, and whose it is cannot be seen: it is written again.",
    after_seconds=0.0,
    counts=False,
)
# A look is a few seconds old when the last of so many has his request.
SINGLY_AT_ONCE = 100


class Nobodys(NamedTuple):
    """A prospect that was nobody's when it was written, and whose it becomes."""

    prospect_id: str
    user: int


@dataclass(frozen=True, slots=True)
class Gathered:
    """The prospects of one batch that wait for their user, by the upsert that wrote them."""

    waiting: dict[int, Nobodys] = field(default_factory=dict)

    async def add(self, index: int, prospect_id: str, user: int) -> None:
        """Have a prospect wait for the others of its batch."""
        self.waiting[index] = Nobodys(prospect_id, user)


class Assigner:
    """Assigns prospects of one business unit; remembers when imports do not work there."""

    def __init__(
        self, client: AccountEngagementClient, settings: AccountEngagementSettings, clock: Clock
    ) -> None:
        self._client = client
        self._settings = settings
        self._clock = clock
        self._importer = Importer(client, clock, timeout_seconds=settings.import_timeout_seconds)
        self._off_until = float("-inf")

    def gather(self, prospects: int) -> Gathered | None:
        """Where those of a batch with so many prospects wait; None: each is assigned at once."""
        enough = 0 < self._settings.assign_by_import_from <= prospects
        # Near the day's end each is done for good, rather than all of them half.
        lasts = self._client.has_requests_for(2 * prospects)
        works = self._clock.now() >= self._off_until
        return Gathered() if enough and lasts and works else None

    async def give(self, prospect_id: str, user: int) -> None:
        """Assign one prospect now. Raises Declined."""
        path = f"objects/prospects/{segment(prospect_id)}?fields=id"
        body = {self._settings.assignment_field: user}
        reply = await self._client.patch(path, "prospects_assign", body)
        if not reply.ok:
            where = f"prospect {prospect_id} was written, its user was not"
            raise Declined(refused(reply.body, reply.status, where))

    async def finish(self, gathered: Gathered, results: Results) -> None:
        """Assign those who waited; an upsert keeps its outcome once its prospect has its user.

        What has none yet is to be sent again: it is found and assigned then.
        """
        waiting = {i: each for i, each in gathered.waiting.items() if i in results.outcomes}
        if not waiting:
            return
        # What has stopped the batch may be over soon: those who are written should not be again.
        await self._client.pause_over()
        given = Results()
        await self._give_all(waiting, results.outcomes, given)
        for index in given.failures.keys() | given.unsent:
            del results.outcomes[index]
        results.outcomes.update(given.outcomes)
        results.failures.update(given.failures)
        results.unsent.update(given.unsent)

    async def _give_all(
        self, waiting: Mapping[int, Nobodys], written: Mapping[int, Outcome], given: Results
    ) -> None:
        """By one import if they are enough of them; who has nobody after it, one by one."""
        try:
            left = waiting
            if len(waiting) >= self._settings.assign_by_import_from:
                left = await self._left_by_import(waiting)
        except WriteFailed as failure:
            given.failures.update(dict.fromkeys(waiting, failure))
            return
        for part in _parts(list(left), SINGLY_AT_ONCE):
            await self._singly({index: left[index] for index in part}, written, given)

    async def _left_by_import(self, waiting: Mapping[int, Nobodys]) -> Mapping[int, Nobodys]:
        """Import the users; those who have nobody all the same, or may have."""
        try:
            return await self._import(waiting)
        except ImportFailed as failed:
            words = str(failed)
        except Declined:
            words = "prospects_query: what the import has done cannot be seen."
        self._off_until = self._clock.now() + OFF_SECONDS
        log.warning(
            "%s Prospects of nobody are assigned one by one for an hour, by a request more for"
            " each; nothing is lost. Give the user's role the abilities Prospects > Import and"
            " Prospects > Assign, or set assign_by_import_from: 0.",
            words,
        )
        return waiting

    async def _import(self, waiting: Mapping[int, Nobodys]) -> Mapping[int, Nobodys]:
        """Import the users; those who have nobody after it. Raises ImportFailed, Declined."""
        users = {each.prospect_id: each.user for each in waiting.values()}
        errors = await self._importer.fill(self._settings.assignment_field, users)
        left = await self._without_user(waiting)
        if len(left) > errors:
            # More than the import has errors: the look may have come too early.
            await self._clock.sleep(STALE_SECONDS)
            left = await self._without_user(left)
        if len(left) == len(waiting):
            raise ImportFailed("import_info: the import is complete and has assigned nobody.")
        return left

    async def _singly(
        self, waiting: Mapping[int, Nobodys], written: Mapping[int, Outcome], given: Results
    ) -> None:
        """Assign those who have nobody still; the outcome of each is that of its upsert."""
        if given.stopped:
            given.unsent.update(waiting)
            return
        try:
            left = await self._without_user(waiting)
        except WriteFailed as failure:
            given.failures.update(dict.fromkeys(waiting, failure))
            return
        except Declined:
            # Only another upsert can tell whose each is now; it is assigned at once then.
            self._off_until = self._clock.now() + OFF_SECONDS
            given.outcomes.update(dict.fromkeys(waiting, ONCE_MORE))
            return
        taken = waiting.keys() - left.keys()
        given.outcomes.update({index: written[index] for index in taken})
        jobs = [
            [(index, partial(self._given, each, written[index]))] for index, each in left.items()
        ]
        await singles.run(jobs, given, at_once=self._settings.requests_in_flight)

    async def _given(self, nobodys: Nobodys, written: Outcome) -> Outcome:
        await self.give(nobodys.prospect_id, nobodys.user)
        return written

    async def _without_user(self, waiting: Mapping[int, Nobodys]) -> Mapping[int, Nobodys]:
        """Those of `waiting` whom no read shows to be somebody's. Raises Declined."""
        assigned = self._settings.assignment_field
        taken: set[str] = set()
        for part in _parts([each.prospect_id for each in waiting.values()], LOOKED_AT_ONCE):
            rows = await self._client.list_all(
                "objects/prospects",
                "prospects_query",
                fields=f"id,{assigned}",
                idList=",".join(part),
            )
            taken.update(str(row.get("id")) for row in rows if row.get(assigned))
        return {i: each for i, each in waiting.items() if each.prospect_id not in taken}


def _parts(whole: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (whole[start : start + size] for start in range(0, len(whole), size))
