"""Backlogs through Bulk API 2.0: one job per object and operation, watched to its end, read whole.

What a job does not settle (rows it cannot hold, left behind or was not sent for) goes the usual
way. Decides nothing about rows: `answers` judges their errors.
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from destinations.salesforce.assignment import AssignmentRules
from destinations.salesforce.bulk import plan
from destinations.salesforce.bulk.jobs import BulkJobs, JobInfo
from destinations.salesforce.bulk.plan import Job
from destinations.salesforce.bulk.results import Progress, Tally
from destinations.salesforce.client import SalesforceClient
from destinations.salesforce.pack import Row
from destinations.salesforce.plan import Policy
from destinations.salesforce.schema import Schemas
from transformer.clock import Clock
from transformer.errors import AnswerLost, WriteFailed
from transformer.outcome import Reason, Retry
from transformer.upsert import Upsert

LEAST_ROWS = 2000
FIRST_POLL_SECONDS = 2.0
LONGEST_POLL_SECONDS = 30.0
POLL_GROWTH = 1.5
READ_TRIES = 4
HELD_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class BulkOptions:
    """What the connection says of jobs. `threshold` 0: there are none."""

    threshold: int = 0
    wait_seconds: float = 600.0
    assignment_rules: bool = True


class Bulk:
    """The jobs of one connection, at most one in flight per object."""

    def __init__(
        self,
        client: SalesforceClient,
        jobs: BulkJobs,
        *,
        schemas: Schemas,
        clock: Clock,
        policy: Policy,
        options: BulkOptions,
    ) -> None:
        self._jobs = jobs
        self._schemas = schemas
        self._clock = clock
        self._policy = policy
        self._options = options
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._mine: set[str] = set()
        self._rules = AssignmentRules(client, clock, applied=options.assignment_rules)

    def takes(self, upserts: int) -> bool:
        """Whether a batch of so many upserts is a backlog."""
        return 0 < self._options.threshold <= upserts

    async def held(self, batch: Sequence[Upsert]) -> Mapping[int, Retry]:
        """The upserts that have to wait for a job of an earlier worker, by index.

        A job goes on when its worker dies. What may be among its rows is neither looked up nor
        written before it has ended (invariants 4 and 6). Jobs that were never closed are aborted.
        """
        repeated = {each.object_type.casefold() for each in batch if each.repeated}
        if not self._options.threshold or not repeated:
            return {}
        running = set()
        for info in await self._jobs.unfinished():
            if info.object_type.casefold() not in repeated or info.job_id in self._mine:
                continue
            if not info.waits_for_rows or not await self._aborted(info.job_id):
                running.add(info.object_type.casefold())
        return {
            index: _held(upsert)
            for index, upsert in enumerate(batch)
            if upsert.repeated and upsert.object_type.casefold() in running
        }

    async def write(self, rows: Sequence[Row]) -> Progress:
        """Write `rows` by jobs, as far as that is worth it; never raises WriteFailed."""
        progress = Progress()
        least = min(LEAST_ROWS, self._options.threshold)
        for (object_type, _, key), members in plan.group(rows).items():
            if len(members) < least or not key:
                progress.left.extend(members)
                continue
            async with self._locks[object_type.casefold()]:
                await self._write_group(object_type, key, members, progress)
        return progress

    async def _write_group(
        self, object_type: str, key: str, rows: Sequence[Row], progress: Progress
    ) -> None:
        """Prepare the group's jobs; what cannot be prepared goes the usual way."""
        try:
            schema = await self._schemas.of(object_type)
            rule = await self._rules.of(object_type)
        except WriteFailed:
            schema, rule = None, None
        if schema is None or rule is None:
            progress.left.extend(rows)
            return
        jobs, left = plan.jobs(rows, key, schema)
        progress.left.extend(left)
        for job in jobs:
            await self._run(job, rule, progress)

    async def _run(self, job: Job, rule: str, progress: Progress) -> None:
        """See one job through; every row gets its outcome, or is left for the usual way."""
        tally = Tally(job, self._policy, progress)
        job_id = ""
        try:
            job_id = (await self._jobs.open(job, rule)).job_id
            self._mine.add(job_id)
            if await self._closed(job_id, job):
                await self._read(await self._end(job_id), tally)
        except WriteFailed as failure:
            if failure.may_have_applied:
                tally.lost(failure)
        finally:
            self._mine.discard(job_id)
        tally.untouched()

    async def _closed(self, job_id: str, job: Job) -> bool:
        """Fill the job and close it; whether Salesforce works on it now.

        A job that was not closed is aborted. When the answer to closing it was lost, it is asked.
        """
        try:
            await self._jobs.upload(job_id, job.content)
            await self._jobs.close(job_id)
        except WriteFailed as failure:
            if not failure.may_have_applied:
                await self._aborted(job_id)
                return False
            info = await self._state(job_id, self._clock.now() + self._options.wait_seconds)
            return not info.waits_for_rows or not await self._aborted(job_id)
        return True

    async def _aborted(self, job_id: str) -> bool:
        """Abort the job; False when that was refused, or is not known to have worked."""
        try:
            await self._jobs.abort(job_id)
        except WriteFailed:
            return False
        return True

    async def _end(self, job_id: str) -> JobInfo:
        """Wait until the job has ended; after the time allowed for that, abort it.

        Raises AnswerLost when it goes on all the same, or cannot be asked.
        """
        deadline = self._clock.now() + self._options.wait_seconds
        pause = FIRST_POLL_SECONDS
        while self._clock.now() < deadline:
            await self._clock.sleep(min(pause, deadline - self._clock.now()))
            pause = min(pause * POLL_GROWTH, LONGEST_POLL_SECONDS)
            info = await self._state(job_id, deadline)
            if info.ended:
                return info
        await self._aborted(job_id)
        info = await self._state(job_id, self._clock.now())
        if not info.ended:
            raise _lost(f"job {job_id} goes on after {self._options.wait_seconds:g} s.")
        return info

    async def _state(self, job_id: str, deadline: float) -> JobInfo:
        """Ask how far the job is, again after a failure, until `deadline`."""
        pause = FIRST_POLL_SECONDS
        while True:
            try:
                return await self._jobs.state(job_id)
            except WriteFailed as failure:
                wait = failure.after_seconds or pause
                if self._clock.now() + wait >= deadline:
                    raise _lost(f"job {job_id} cannot be asked: {failure}") from None
                await self._clock.sleep(wait)
                pause = min(pause * POLL_GROWTH, LONGEST_POLL_SECONDS)

    async def _read(self, info: JobInfo, tally: Tally) -> None:
        """Read what became of every row; a file is fetched only while rows lack their answer.

        Raises AnswerLost when rows still lack it then, unless nothing was done to any of them.
        """
        tally.succeeded(await self._results(info.job_id, "successfulResults", tally.column))
        if not tally.complete:
            tally.refused(await self._results(info.job_id, "failedResults", tally.column))
        if not tally.complete:
            tally.unprocessed(await self._results(info.job_id, "unprocessedrecords", tally.column))
        if not tally.complete and not (tally.empty and info.did_nothing):
            raise _lost(f"job {info.job_id} tells nothing of some rows.")

    async def _results(self, job_id: str, which: str, column: str) -> Sequence[Mapping[str, str]]:
        pause = FIRST_POLL_SECONDS
        tries = 1
        while True:
            try:
                return await self._jobs.results(job_id, which, column)
            except WriteFailed as failure:
                if tries >= READ_TRIES:
                    raise _lost(f"{which} of job {job_id}: {failure}") from None
                await self._clock.sleep(failure.after_seconds or pause)
                pause = min(pause * POLL_GROWTH, LONGEST_POLL_SECONDS)
                tries += 1


def _lost(what: str) -> AnswerLost:
    return AnswerLost(f"bulk: {what}", may_have_applied=True)


def _held(upsert: Upsert) -> Retry:
    return Retry(
        Reason.THROTTLED,
        f"{upsert.object_type}: a bulk job of an earlier worker may hold it and has not ended.",
        after_seconds=HELD_SECONDS,
        counts=False,
    )
