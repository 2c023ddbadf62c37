"""Bulk API 2.0 ingest jobs: create, upload, close, poll, read results, abort, delete.

A closed job moves one state per poll until it is complete; its rows are applied in the last move.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from destinations.salesforce.emulator import bulk_csv, ids, times
from destinations.salesforce.emulator.bulk_csv import Dialect
from destinations.salesforce.emulator.context import Context
from destinations.salesforce.emulator.refusals import Refusal, not_found
from destinations.salesforce.emulator.rest import (
    DataRoute,
    Params,
    Reply,
    Request,
    object_named,
    unsupported_media,
)
from destinations.salesforce.emulator.schema import Field, ObjectType, Schema
from destinations.salesforce.emulator.writes import Writer

MAX_UPLOAD_BYTES = 150_000_000
_OPERATIONS = frozenset({"insert", "update", "upsert", "delete", "hardDelete"})
_FINAL = frozenset({"JobComplete", "Aborted", "Failed"})
_KNOWN_KEYS = frozenset(
    {
        "object",
        "operation",
        "externalIdFieldName",
        "contentType",
        "lineEnding",
        "columnDelimiter",
        "assignmentRuleId",
    }
)


@dataclass(slots=True)
class Job:
    """One ingest job and what became of its rows."""

    id: str
    kind: ObjectType
    operation: str
    by: Field | None
    dialect: Dialect
    context: Context
    state: str = "Open"
    data: bytes | None = None
    polls: int = 0
    header: Sequence[str] = ()
    successful: list[list[str]] = field(default_factory=list)
    failed: list[list[str]] = field(default_factory=list)
    unprocessed: list[list[str]] = field(default_factory=list)
    error: str = ""


class BulkResource:
    """The routes of ingest jobs. `polls` is how often a job is asked for before it is complete."""

    def __init__(
        self, schema: Schema, writer: Writer, *, polls: int, commit: Callable[[], None]
    ) -> None:
        self._schema = schema
        self._writer = writer
        self._polls = polls
        self._commit = commit
        self._jobs: dict[str, Job] = {}
        self._made = 0

    def routes(self) -> Iterable[DataRoute]:
        """Return the routes below a version's root."""
        root = "jobs/ingest"
        return (
            ("POST", root, self.create),
            ("GET", root, self.list),
            ("GET", f"{root}/{{id}}", self.poll),
            ("PATCH", f"{root}/{{id}}", self.close),
            ("DELETE", f"{root}/{{id}}", self.delete),
            ("PUT", f"{root}/{{id}}/batches", self.upload),
            ("GET", f"{root}/{{id}}/successfulResults", self.successful),
            ("GET", f"{root}/{{id}}/failedResults", self.failed),
            ("GET", f"{root}/{{id}}/unprocessedrecords", self.unprocessed),
        )

    def create(self, request: Request, _params: Params) -> Reply:
        """Create a job in state Open."""
        body = request.json_object()
        if unknown := sorted(set(body) - _KNOWN_KEYS):
            raise Refusal("InvalidJob", f"Unexpected properties: {unknown}")
        kind = object_named(self._schema, str(body.get("object", "")))
        operation = str(body.get("operation", ""))
        if operation not in _OPERATIONS:
            raise Refusal("InvalidJob", f"Unknown operation: {operation}")
        if body.get("contentType", "CSV") != "CSV":
            raise Refusal("InvalidJob", f"Unknown contentType: {body['contentType']}")
        dialect = Dialect(
            str(body.get("columnDelimiter", "COMMA")), str(body.get("lineEnding", "LF"))
        )
        known = (bulk_csv.DELIMITERS, bulk_csv.LINE_ENDINGS)
        if dialect.delimiter not in known[0] or dialect.line_ending not in known[1]:
            raise Refusal("InvalidJob", f"Unknown columnDelimiter or lineEnding: {dialect}")
        by = self._external_id(kind, operation, body.get("externalIdFieldName"))
        self._made += 1
        job_id = ids.make(ids.JOB_PREFIX, self._made)
        job = Job(job_id, kind, operation, by, dialect, request.context)
        self._jobs[job_id] = job
        return Reply(200, _info(job))

    def _external_id(self, kind: ObjectType, operation: str, name: object) -> Field | None:
        if operation != "upsert":
            return None
        found = kind.field(name) if isinstance(name, str) else None
        if found is None or not found.upsertable:
            raise Refusal("InvalidJob", f"Field name not found : {name or ''}")
        return found

    def list(self, _request: Request, _params: Params) -> Reply:
        """Return all jobs on one page."""
        shown = [_info(job) for job in self._jobs.values()]
        return Reply(200, {"done": True, "nextRecordsUrl": None, "records": shown})

    def upload(self, request: Request, params: Params) -> Reply:
        """Take a job's CSV, once: 201."""
        job = self._job(params)
        if not request.content_type.lower().startswith("text/csv"):
            raise unsupported_media(request.content_type)
        if job.state != "Open" or job.data is not None:
            raise Refusal("InvalidJobState", "Job has its data, or is not open any more")
        if len(request.body) > MAX_UPLOAD_BYTES:
            raise Refusal("ClientInputError", "The upload exceeds 150 MB")
        job.data = request.body
        return Reply(201)

    def close(self, request: Request, params: Params) -> Reply:
        """Set UploadComplete, or Aborted."""
        job = self._job(params)
        state = request.json_object().get("state")
        if state == "UploadComplete" and job.state == "Open" and job.data is not None:
            job.state = "UploadComplete"
        elif state == "Aborted" and job.state not in _FINAL:
            if job.data is not None:
                job.header, job.unprocessed = bulk_csv.read(job.data, job.dialect)
            job.state, job.data = "Aborted", None
        else:
            raise Refusal("InvalidJobState", f"Cannot go from {job.state} to {state}")
        return Reply(200, _info(job))

    def poll(self, request: Request, params: Params) -> Reply:
        """Return the job, moving it on by one poll."""
        job = self._job(params)
        if job.state in {"UploadComplete", "InProgress"}:
            job.polls += 1
            if job.polls > self._polls:
                self._process(job, request.context)
            else:
                job.state = "InProgress"
        return Reply(200, {**_info(job), **_numbers(job)})

    def delete(self, _request: Request, params: Params) -> Reply:
        """Forget a job that is not running: 204."""
        job = self._job(params)
        if job.state not in {*_FINAL, "UploadComplete"}:
            raise Refusal("InvalidJobState", f"Cannot delete a job that is {job.state}")
        del self._jobs[job.id]
        return Reply(204)

    def successful(self, _request: Request, params: Params) -> Reply:
        """Return the rows that were written."""
        job = self._job(params)
        return _csv(job, ["sf__Id", "sf__Created", *job.header], job.successful)

    def failed(self, _request: Request, params: Params) -> Reply:
        """Return the rows that were refused, each with its error."""
        job = self._job(params)
        return _csv(job, ["sf__Id", "sf__Error", *job.header], job.failed)

    def unprocessed(self, _request: Request, params: Params) -> Reply:
        """Return the rows an abort left behind."""
        job = self._job(params)
        return _csv(job, list(job.header), job.unprocessed)

    def _process(self, job: Job, context: Context) -> None:
        try:
            job.header, rows = bulk_csv.read(job.data or b"", job.dialect)
        except Refusal as refusal:
            job.state, job.error = "Failed", f"{refusal.code} : {refusal.message}"
            return
        for row in rows:
            record = bulk_csv.to_record(job.header, row)
            try:
                record_id, created = self._apply(job, record, context)
            except Refusal as refusal:
                fields = ",".join(refusal.fields or ()) or "--"
                error = f"{refusal.code}:{refusal.message}:{fields}"
                job.failed.append([str(record.get("Id", "")), error, *row])
            else:
                job.successful.append([record_id, str(created).lower(), *row])
        job.state, job.data = "JobComplete", None
        self._commit()

    def _apply(self, job: Job, record: dict[str, object], context: Context) -> tuple[str, bool]:
        if job.operation == "insert":
            return self._writer.create(job.kind, record, context), True
        if job.by is not None and job.by.type != "id":
            name = next((n for n in record if n.lower() == job.by.name.lower()), "")
            value = record.pop(name, None)
            done = self._writer.upsert(job.kind, job.by, value, record, context)
            return done.id, done.created
        name = next((n for n in record if n.lower() == "id"), "")
        record_id = str(record.pop(name, ""))
        if not record_id:
            raise Refusal("MISSING_ARGUMENT", "Id not specified", fields=[])
        if job.operation in {"delete", "hardDelete"}:
            self._writer.delete(job.kind, record_id, context)
            return record_id, False
        return self._writer.update(job.kind, record_id, record, context), False

    def _job(self, params: Params) -> Job:
        job = self._jobs.get(ids.normalise(params["id"]) or "")
        if job is None:
            raise not_found()
        return job


def _csv(job: Job, header: Sequence[str], rows: Sequence[Sequence[str]]) -> Reply:
    if job.state not in _FINAL:
        raise Refusal("InvalidJobState", f"Results are not ready: the job is {job.state}")
    raw = bulk_csv.write(header, rows, job.dialect)
    return Reply(200, raw=raw, headers={"Content-Type": "text/csv"})


def _info(job: Job) -> dict[str, object]:
    info: dict[str, object] = {
        "id": job.id,
        "operation": job.operation,
        "object": job.kind.name,
        "createdById": job.context.user_id,
        "createdDate": times.stamp(job.context.time),
        "systemModstamp": times.stamp(job.context.time),
        "state": job.state,
        "concurrencyMode": "Parallel",
        "contentType": "CSV",
        "apiVersion": float(job.context.major),
        "jobType": "V2Ingest",
        "contentUrl": job.context.path("jobs", "ingest", job.id, "batches").removeprefix("/"),
        "lineEnding": job.dialect.line_ending,
        "columnDelimiter": job.dialect.delimiter,
    }
    if job.by is not None:
        info["externalIdFieldName"] = job.by.name
    return info


def _numbers(job: Job) -> dict[str, object]:
    numbers: dict[str, object] = {
        "numberRecordsProcessed": len(job.successful) + len(job.failed),
        "numberRecordsFailed": len(job.failed),
        "retries": 0,
        "totalProcessingTime": 100 * job.polls,
        "apiActiveProcessingTime": 50 * job.polls,
        "apexProcessingTime": 0,
    }
    if job.error:
        numbers["errorMessage"] = job.error
    return numbers
