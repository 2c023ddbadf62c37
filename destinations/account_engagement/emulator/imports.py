"""The import API of the emulated business unit: open a job, upload batches, start it, ask for it.

A job waits, is processed and is applied some time after it was started, asked for or not. Bodies
follow the documentation of version 4 where that of version 5 was not readable.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from destinations.account_engagement.emulator.answers import (
    Refusal,
    body_of,
    fields_asked,
    no_content,
    not_found,
)
from destinations.account_engagement.emulator.columns import Column, columns_of, rows_of
from destinations.account_engagement.emulator.prospects import Prospects
from destinations.account_engagement.emulator.store import Row, Store
from transformer.emulator.server import Answer, Call, Handler, json_answer

ROOT = "/api/v5/imports"
FIELDS = ("id", "operation", "object", "status", "isExpired", "batchesRef", "createdCount",
          "updatedCount", "errorCount", "errorRef", "createdAt", "updatedAt")  # fmt: skip
MATCHES = ("matchId", "matchSalesforceId", "matchEmail")
OPTIONS = frozenset({"operation", "object", "restoreDeleted", "createOnNoMatch", "fields"})
MAX_BATCHES = 10
MAX_BATCH_BYTES = 10_000_000
SECONDS = 10.0
OPEN_SECONDS = 86_400.0

IMPORT_STALL, IMPORT_STATUS, IMPORT_EXPIRE, IMPORT_NOTHING = (
    "import_stall", "import_status", "import_expire", "import_nothing",
)  # fmt: skip
FAULTS = (IMPORT_STALL, IMPORT_STATUS, IMPORT_EXPIRE, IMPORT_NOTHING)
"""Faults of the request that starts a job; they show when it is worked on.

`import_stall` never ends it, `import_status` ends it unapplied with `options.status`,
`import_expire` has it expired, `import_nothing` completes it without touching anybody.
"""


@dataclass(slots=True)
class Job:
    """One import. `columns` are None where the job names none."""

    values: dict[str, object]
    create: bool
    restore: bool
    columns: Mapping[str, Column] | None
    opened_at: float
    started_at: float | None = None
    faults: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    header: Sequence[str] = ()
    rows: list[Mapping[str, str]] = field(default_factory=list)
    batches: int = 0

    def column(self, name: str) -> Column:
        """How a column is applied."""
        return (self.columns or {}).get(name, Column())


class Imports:
    """Imports of prospects from CSV.

    `seconds` is how long one takes. `fills_empty` says that a column that does not overwrite is
    set where there is nothing; the documentation only says that it keeps what is there.
    """

    def __init__(self, store: Store, prospects: Prospects) -> None:
        self._store = store
        self._prospects = prospects
        self.jobs: dict[str, Job] = {}
        self.seconds = SECONDS
        self.fills_empty = True

    def routes(self) -> Iterable[tuple[str, str, Handler]]:
        """Method, pattern, handler."""
        yield "POST", ROOT, self._create
        yield "GET", f"{ROOT}/{{id}}", self._read
        yield "PATCH", f"{ROOT}/{{id}}", self._start
        yield "POST", f"{ROOT}/{{id}}/batches", self._upload

    def work(self) -> None:
        """Bring every job to where it is by now."""
        now = self._store.clock.now()
        for job in self.jobs.values():
            if job.started_at is None:
                job.values["isExpired"] = now >= job.opened_at + OPEN_SECONDS
            elif job.values["status"] in {"Waiting", "Processing"}:
                self._advance(job, now - job.started_at)

    def _advance(self, job: Job, seconds: float) -> None:
        if seconds < self.seconds / 2:
            return
        if IMPORT_EXPIRE in job.faults:
            job.values["isExpired"] = True
        elif seconds < self.seconds or IMPORT_STALL in job.faults:
            job.values["status"] = "Processing"
        elif IMPORT_STATUS in job.faults:
            job.values["status"] = str(job.faults[IMPORT_STATUS].get("status", "Failed"))
        else:
            counts = {"createdCount": 0, "updatedCount": 0, "errorCount": 0}
            for row in job.rows if IMPORT_NOTHING not in job.faults else ():
                counts[self._applied(job, row)] += 1
            if counts["errorCount"]:
                job.values["errorRef"] = f"{ROOT}/{job.values['id']}/errors"
            job.values.update(counts, status="Complete", updatedAt=self._store.now())

    def _create(self, call: Call, _params: Mapping[str, str]) -> Answer:
        body = body_of(call)
        for name in body.keys() - OPTIONS:
            raise Refusal(154, f"Invalid property: {name}.")
        if body.get("operation") != "Upsert" or body.get("object") != "Prospect":
            raise Refusal(51, "Invalid parameter: operation or object.")
        columns = columns_of(body["fields"], self._known()) if "fields" in body else None
        number, now = str(len(self.jobs) + 1), self._store.now()
        values: dict[str, object] = {
            "id": int(number),
            "operation": "Upsert",
            "object": "Prospect",
            "status": "Open",
            "isExpired": False,
            "batchesRef": f"{ROOT}/{number}/batches",
            "createdAt": now,
            "updatedAt": now,
        }
        self.jobs[number] = Job(
            values,
            create=body.get("createOnNoMatch") is not False,
            restore=body.get("restoreDeleted") is True,
            columns=columns,
            opened_at=self._store.clock.now(),
        )
        shown = ("id", "status", "isExpired", "batchesRef")
        return json_answer({name: values[name] for name in shown}, 201)

    def _read(self, call: Call, params: Mapping[str, str]) -> Answer:
        names = fields_asked(call, FIELDS, required=True)
        job = self._job(params)
        return json_answer({name: job.values.get(name) for name in names})

    def _upload(self, call: Call, params: Mapping[str, str]) -> Answer:
        job = self._open(params)
        if job.batches >= MAX_BATCHES or len(call.body) > MAX_BATCH_BYTES:
            raise Refusal(160, "Too many batches, or one that is too large.")
        header, rows = rows_of(call)
        if not set(header) & set(MATCHES):
            raise Refusal(197, "A match column is required.")
        for name in set(header) - self._known():
            raise Refusal(159, f"Unknown column: {name}.")
        if job.columns is not None and set(job.columns) != set(header):
            raise Refusal(226, "The columns are not those of the import.")
        if job.batches and list(job.header) != list(header):
            raise Refusal(227, "The columns are not those of the batch before.")
        job.header = header
        job.rows.extend(rows)
        job.batches += 1
        return no_content()

    def _start(self, call: Call, params: Mapping[str, str]) -> Answer:
        job = self._open(params)
        if body_of(call) != {"status": "Ready"}:
            raise Refusal(155, "The import is not open.")
        if not job.batches:
            raise Refusal(156, "The import has no data.")
        job.started_at = self._store.clock.now()
        job.faults = {hit.kind: hit.options for hit in call.faults}
        job.values.update(status="Waiting", updatedAt=self._store.now())
        shown = ("id", "status", "isExpired")
        return json_answer({name: job.values[name] for name in shown})

    def _applied(self, job: Job, row: Mapping[str, str]) -> str:
        """Do one row; which counter it adds to."""
        given = [name for name in MATCHES if row.get(name)]
        if len(given) > 1:
            return "errorCount"
        found = self._matching(row)
        if found is not None and found.deleted and not job.restore:
            return "errorCount"
        email = row.get("matchEmail") or row.get("email")
        if found is None and (not email or not job.create):
            return "errorCount"
        try:
            values = self._prospects.imported(self._cells(job, row, found))
        except Refusal:
            return "errorCount"
        if found is None:
            self._prospects.add(str(email), **{k: v for k, v in values.items() if k != "email"})
            return "createdCount"
        restored = {"isDeleted": False} if found.deleted else {}
        self._store.change("prospects", found, {**values, **restored}, "import")
        return "updatedCount"

    def _cells(self, job: Job, row: Mapping[str, str], found: Row | None) -> dict[str, object]:
        """What a row sets: on a new prospect all of it, on another as its columns say."""
        cells: dict[str, object] = {}
        for name, text in row.items():
            column = job.column(name)
            there = None if found is None else found.get(name)
            keeps = not column.overwrite and (there not in (None, "") or not self.fills_empty)
            blank = not text.strip()
            if name in MATCHES or (blank and not column.null_overwrite):
                continue
            if found is None or not keeps:
                cells[name] = None if blank else text
        return cells

    def _matching(self, row: Mapping[str, str]) -> Row | None:
        if row.get("matchId"):
            return self._store.get("prospects", row["matchId"])
        if row.get("matchSalesforceId"):
            named = self._store.where("prospects", salesforceId=row["matchSalesforceId"])
            return next(named, None)
        return next(iter(self._store.with_email(row.get("matchEmail", ""))), None)

    def _known(self) -> frozenset[str]:
        return frozenset((*MATCHES, *self._prospects.writable()))

    def _job(self, params: Mapping[str, str]) -> Job:
        job = self.jobs.get(params["id"])
        if job is None:
            raise not_found()
        return job

    def _open(self, params: Mapping[str, str]) -> Job:
        job = self._job(params)
        if job.values["status"] != "Open" or job.values["isExpired"]:
            raise Refusal(155, "The import is not open.")
        return job
