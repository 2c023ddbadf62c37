"""Bulk API 2.0 ingest jobs: create, upload, close, poll, list, read results, abort, delete.

A closed job moves on by one step whenever it is asked for or listed, and applies its rows part by
part. Results come in another order than the rows went in.
"""

from collections.abc import Iterable, Sequence

from destinations.salesforce.emulator import ids, row_faults
from destinations.salesforce.emulator.bulk import csv_file
from destinations.salesforce.emulator.bulk import job as bulk_job
from destinations.salesforce.emulator.bulk.csv_file import Dialect
from destinations.salesforce.emulator.bulk.job import Job
from destinations.salesforce.emulator.context import Context
from destinations.salesforce.emulator.refusals import Refusal, not_found
from destinations.salesforce.emulator.rest.routes import (
    DataRoute,
    Params,
    Reply,
    Request,
    object_named,
    unsupported_media,
)
from destinations.salesforce.emulator.schema import Field, ObjectType, Schema
from destinations.salesforce.emulator.store import Store
from destinations.salesforce.emulator.writes import Writer

MAX_UPLOAD_BYTES = 150_000_000
MAX_LISTED = 1_000
_JOB_TYPES = frozenset({"BigObjectIngest", "Classic", "V2Ingest"})
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


class BulkResource:
    """The routes of ingest jobs. `polls` is how often a job is asked for before it is complete.

    `listed` is the size of a page of the list; `any_field` accepts columns that the org lacks.
    """

    def __init__(
        self,
        schema: Schema,
        store: Store,
        writer: Writer,
        *,
        polls: int,
        listed: int,
        any_field: bool,
    ) -> None:
        self._schema = schema
        self._store = store
        self._writer = writer
        self._polls = polls
        self._listed = min(listed, MAX_LISTED)
        self._any_field = any_field
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
        known = (csv_file.DELIMITERS, csv_file.LINE_ENDINGS)
        if dialect.delimiter not in known[0] or dialect.line_ending not in known[1]:
            raise Refusal("InvalidJob", f"Unknown columnDelimiter or lineEnding: {dialect}")
        by = self._external_id(kind, operation, body.get("externalIdFieldName"))
        rule = self._assignment_rule(kind, body.get("assignmentRuleId"))
        self._made += 1
        job_id = ids.make(ids.JOB_PREFIX, self._made)
        job = Job(job_id, kind, operation, by, dialect, request.context, rule)
        self._jobs[job_id] = job
        return Reply(200, bulk_job.info(job))

    def _external_id(self, kind: ObjectType, operation: str, name: object) -> Field | None:
        if operation != "upsert":
            return None
        found = kind.field(name) if isinstance(name, str) else None
        # Of jobs the guide speaks of external ids only, not of idLookup fields.
        if found is None or not (found.external_id or found.type == "id"):
            raise Refusal("InvalidJob", f"Field name not found : {name or ''}")
        return found

    def _assignment_rule(self, kind: ObjectType, given: object) -> str:
        if given is None:
            return ""
        rules = self._schema.find("AssignmentRule")
        rows = self._store.of_type(rules) if rules else {}
        row = rows.get(ids.normalise(str(given)) or "")
        if row is None or row.get("SobjectType") != kind.name:
            raise Refusal("InvalidJob", f"Unknown assignment rule: {given}")
        return row.id

    def list(self, request: Request, _params: Params) -> Reply:
        """Return a page of the jobs; every closed one moves on."""
        wanted = request.param("jobType")
        if wanted is not None and wanted not in _JOB_TYPES:
            raise Refusal("InvalidJob", f"Unknown jobType: {wanted}")
        jobs = [] if wanted in {"BigObjectIngest", "Classic"} else [*self._jobs.values()]
        locator = request.param("queryLocator") or "0"
        if not locator.isdigit():
            raise Refusal("InvalidJob", f"Unknown queryLocator: {locator}")
        start = int(locator)
        page, end = jobs[start : start + self._listed], start + self._listed
        for job in page:
            self._advance(job, request.context)
        following = f"?jobType={wanted or 'V2Ingest'}&queryLocator={end}"
        path = request.context.path("jobs", "ingest") + following
        more = end < len(jobs)
        shown = [bulk_job.info(job) for job in page]
        return Reply(
            200, {"done": not more, "nextRecordsUrl": path if more else None, "records": shown}
        )

    def upload(self, request: Request, params: Params) -> Reply:
        """Take a job's CSV, once: 201."""
        job = self._job(params)
        if not request.content_type.lower().startswith("text/csv"):
            raise unsupported_media(request.content_type)
        if job.state != "Open" or job.data is not None:
            raise Refusal("InvalidJobState", "Job has its data, or is not open any more")
        if request.context.headers.get("Content-Encoding"):
            raise Refusal("InvalidBatch", "The upload is compressed")
        if len(request.body) > MAX_UPLOAD_BYTES:
            raise Refusal("ClientInputError", "The upload exceeds 150 MB")
        job.data = request.body
        return Reply(201)

    def close(self, request: Request, params: Params) -> Reply:
        """Set UploadComplete, or Aborted."""
        job = self._job(params)
        state = request.json_object().get("state")
        if state == "UploadComplete" and job.state == "Open" and job.data is not None:
            job.state, job.stop = "UploadComplete", row_faults.job_stop(request.context)
        elif state == "Aborted" and job.state not in _FINAL:
            if job.data is not None and not job.rows:
                job.header, job.rows = csv_file.read(job.data, job.dialect)
            bulk_job.end(job, "Aborted")
        else:
            raise Refusal("InvalidJobState", f"Cannot go from {job.state} to {state}")
        return Reply(200, bulk_job.info(job))

    def poll(self, request: Request, params: Params) -> Reply:
        """Return the job, moving it on by one poll."""
        job = self._job(params)
        self._advance(job, request.context)
        return Reply(200, {**bulk_job.info(job), **bulk_job.numbers(job)})

    def _advance(self, job: Job, context: Context) -> None:
        if job.state not in {"UploadComplete", "InProgress"}:
            return
        job.polls += 1
        job.state = "InProgress"
        try:
            self._open_file(job)
        except Refusal as refusal:
            job.error = f"{refusal.code} : {refusal.message}"
            bulk_job.end(job, "Failed")
            return
        steps = self._polls + 1
        due = len(job.rows) if job.polls >= steps else len(job.rows) * job.polls // steps
        if job.stop is not None and job.stop[1] <= due:
            self._apply_to(job, job.stop[1], context)
            job.error = f"{job.stop[0]} : scripted"
            bulk_job.end(job, job.stop[0])
            return
        self._apply_to(job, due, context)
        if job.applied == len(job.rows) and job.polls >= steps:
            bulk_job.end(job, "JobComplete")

    def _open_file(self, job: Job) -> None:
        """Read the upload, once; a column that the object lacks fails the job."""
        if job.rows or job.data is None:
            return
        job.header, job.rows = csv_file.read(job.data, job.dialect)
        for name in () if self._any_field else job.header:
            own, dot, _ = name.partition(".")
            known = job.kind.relationship(own) if dot else job.kind.field(own)
            if known is None:
                job.unprocessed, job.rows = [*job.rows], ()
                raise Refusal("InvalidBatch", f"Field name not found : {name}")

    def _apply_to(self, job: Job, end: int, context: Context) -> None:
        """Apply the rows up to `end`; each is refused or written for itself."""
        for row in job.rows[job.applied : end]:
            record = csv_file.to_record(job.header, row)
            try:
                record_id, created = self._apply(job, record, context)
            except Refusal as refusal:
                fields = ",".join(refusal.fields or ()) or "--"
                error = f"{refusal.code}:{refusal.message}:{fields}"
                job.failed.append([str(record.get("Id", "")), error, *row])
            else:
                job.successful.append([record_id, str(created).lower(), *row])
        job.applied = max(job.applied, end)
        self._store.commit()

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
    raw = csv_file.write(header, rows[::-1], job.dialect)
    return Reply(200, raw=raw, headers={"Content-Type": "text/csv"})
