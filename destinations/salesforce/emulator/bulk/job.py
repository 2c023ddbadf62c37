"""One bulk job: its state, its rows, and how the API shows it. Applies nothing itself."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from destinations.salesforce.emulator import times
from destinations.salesforce.emulator.bulk.csv_file import Dialect
from destinations.salesforce.emulator.context import Context
from destinations.salesforce.emulator.schema import Field, ObjectType


@dataclass(slots=True)
class Job:
    """One ingest job and what became of its rows; `stop` ends it early: as what, after how many."""

    id: str
    kind: ObjectType
    operation: str
    by: Field | None
    dialect: Dialect
    context: Context
    assignment_rule: str = ""
    state: str = "Open"
    data: bytes | None = None
    polls: int = 0
    stop: tuple[str, int] | None = None
    header: Sequence[str] = ()
    rows: Sequence[list[str]] = ()
    applied: int = 0
    successful: list[list[str]] = field(default_factory=list)
    failed: list[list[str]] = field(default_factory=list)
    unprocessed: list[list[str]] = field(default_factory=list)
    error: str = ""


def end(job: Job, state: str) -> None:
    """End the job in `state`; the rows it has not come to stay unprocessed."""
    job.unprocessed.extend(job.rows[job.applied :])
    job.state, job.data, job.rows = state, None, ()


def info(job: Job) -> dict[str, object]:
    """Return the job as every answer about it has it."""
    shown: dict[str, object] = {
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
    if job.assignment_rule:
        shown["assignmentRuleId"] = job.assignment_rule
    if job.by is not None:
        shown["externalIdFieldName"] = job.by.name
    return shown


def numbers(job: Job) -> dict[str, object]:
    """Return what a job that is asked for tells besides."""
    shown: dict[str, object] = {
        "numberRecordsProcessed": len(job.successful) + len(job.failed),
        "numberRecordsFailed": len(job.failed),
        "retries": 0,
        "totalProcessingTime": 100 * job.polls,
        "apiActiveProcessingTime": 50 * job.polls,
        "apexProcessingTime": 0,
    }
    if job.error:
        shown["errorMessage"] = job.error
    return shown
