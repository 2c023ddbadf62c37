"""The calls of Bulk API 2.0 ingest: a job is opened, filled, closed, watched, and read.

Only closing a job lets Salesforce work on it: that is the one call that writes, and so the one that
passes the fence. Source: Bulk API 2.0 Developer Guide v67.0, read 2026-11-22.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from destinations.salesforce.auth import Session
from destinations.salesforce.bulk import csv_file
from destinations.salesforce.bulk.plan import OPERATIONS, Job
from destinations.salesforce.client import Call, Reply, SalesforceClient, page_path
from transformer.errors import ServerFault

ROOT = "jobs/ingest"
ROUTE = "bulk"
_ENDED = frozenset({"JobComplete", "Failed", "Aborted"})
_SHORT_ID = 15


@dataclass(frozen=True, slots=True)
class JobInfo:
    """One job as Salesforce describes it."""

    job_id: str
    state: str
    object_type: str = ""
    user_id: str = ""
    delimiter: str = ""
    processed: int | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to its rows."""
        return self.state in _ENDED

    @property
    def waits_for_rows(self) -> bool:
        """Whether it was never closed, so that none of its rows is written."""
        return self.state == "Open"

    @property
    def did_nothing(self) -> bool:
        """Whether it came to nothing before its first row: one that is aborted may be amid some."""
        return self.state == "Failed" and self.processed == 0


class BulkJobs:
    """The jobs of one org. Every call raises WriteFailed when it fails as a whole."""

    def __init__(self, client: SalesforceClient, session: Session) -> None:
        self._client = client
        self._session = session

    async def open(self, job: Job, assignment_rule: str) -> JobInfo:
        """Make a job for `job`'s rows; nothing happens to them yet."""
        body = {
            "object": job.object_type,
            "operation": OPERATIONS[job.kind],
            "contentType": "CSV",
            "lineEnding": csv_file.LINE_ENDING,
            "columnDelimiter": csv_file.DELIMITER_NAME,
            **({"externalIdFieldName": job.key} if job.kind == "upsert" else {}),
            **({"assignmentRuleId": assignment_rule} if assignment_rule else {}),
        }
        return self._info(await self._send("POST", ROOT, body=body))

    async def upload(self, job_id: str, content: bytes) -> None:
        """Give a job its file."""
        await self._send("PUT", f"{ROOT}/{job_id}/batches", csv=content)

    async def close(self, job_id: str) -> None:
        """Let Salesforce work on the job. Raises AnswerLost when it may or may not do so now."""
        await self._send("PATCH", f"{ROOT}/{job_id}", body={"state": "UploadComplete"}, writes=True)

    async def abort(self, job_id: str) -> None:
        """Stop a job: rows that were not worked on yet never will be."""
        await self._send("PATCH", f"{ROOT}/{job_id}", body={"state": "Aborted"})

    async def state(self, job_id: str) -> JobInfo:
        """Say how far a job is."""
        return self._info(await self._send("GET", f"{ROOT}/{job_id}"))

    async def results(self, job_id: str, which: str, column: str) -> Sequence[Mapping[str, str]]:
        """Read `successfulResults`, `failedResults` or `unprocessedrecords` of an ended job.

        `column` is one of the file that was uploaded.
        """
        reply = await self._send("GET", f"{ROOT}/{job_id}/{which}", text=True)
        try:
            return list(csv_file.read_results(str(reply.body), column))
        except ValueError as error:
            raise ServerFault(f"{ROUTE}: {which} is not the CSV expected: {error}.") from None

    async def unfinished(self) -> Sequence[JobInfo]:
        """List the jobs of this integration user, in our form, that have not ended."""
        user_id = (await self._session.token()).user_id
        found: list[JobInfo] = []
        path: str | None = f"{ROOT}?jobType=V2Ingest"
        while path:
            reply = await self._send("GET", path)
            body = reply.body if isinstance(reply.body, Mapping) else {}
            records = body.get("records")
            for record in records if isinstance(records, list) else ():
                info = _read(record)
                if info is not None and not info.ended and _is_ours(info, user_id):
                    found.append(info)
            following = body.get("nextRecordsUrl")
            more = body.get("done") is False and isinstance(following, str)
            path = page_path(str(following)) if more else None
        return found

    async def _send(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        csv: bytes | None = None,
        writes: bool = False,
        text: bool = False,
    ) -> Reply:
        reply = await self._client.send(
            Call(method, path, ROUTE, writes=writes, body=body, csv=csv, text=text)
        )
        if not reply.ok:
            self._client.refuse(reply, ROUTE)
        return reply

    def _info(self, reply: Reply) -> JobInfo:
        info = _read(reply.body)
        if info is None:
            raise ServerFault(f"{ROUTE}: expected a job with id and state.")
        return info


def _read(body: object) -> JobInfo | None:
    given = body if isinstance(body, Mapping) else {}
    processed = given.get("numberRecordsProcessed")
    info = JobInfo(
        job_id=str(given.get("id") or ""),
        state=str(given.get("state") or ""),
        object_type=str(given.get("object") or ""),
        user_id=str(given.get("createdById") or ""),
        delimiter=str(given.get("columnDelimiter") or ""),
        processed=processed if isinstance(processed, int) else None,
    )
    return info if info.job_id and info.state else None


def _is_ours(info: JobInfo, user_id: str) -> bool:
    """Told by the user, where the login names it, and by a delimiter hardly anybody else uses."""
    same_user = not user_id or info.user_id[:_SHORT_ID] == user_id[:_SHORT_ID]
    return same_user and info.delimiter == csv_file.DELIMITER_NAME
