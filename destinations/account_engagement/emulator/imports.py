"""The import API of the emulated business unit, in one job at a time: open, upload, start, poll.

An import is done as soon as it is started. Bodies follow the documentation of version 4 where
that of version 5 was not readable.
"""

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from destinations.account_engagement.emulator.answers import (
    Refusal,
    body_of,
    fields_asked,
    no_content,
    not_found,
)
from destinations.account_engagement.emulator.prospects import WRITABLE, Prospects
from destinations.account_engagement.emulator.store import Row, Store
from transformer.emulator.server import Answer, Call, Handler, json_answer

ROOT = "/api/v5/imports"
FIELDS = ("id", "operation", "object", "status", "isExpired", "batchesRef", "createdCount",
          "updatedCount", "errorCount", "errorRef", "createdAt", "updatedAt")  # fmt: skip
MATCHES = ("matchId", "matchSalesforceId", "matchEmail")
MAX_BATCHES = 10
MAX_BATCH_BYTES = 10_000_000


@dataclass(slots=True)
class Job:
    """One import."""

    values: dict[str, object]
    create: bool
    columns: Mapping[str, Mapping[str, object]]
    batches: list[list[dict[str, str]]] = field(default_factory=list)


class Imports:
    """Imports of prospects from CSV."""

    def __init__(self, store: Store, prospects: Prospects) -> None:
        self._store = store
        self._prospects = prospects
        self.jobs: dict[str, Job] = {}

    def routes(self) -> Iterable[tuple[str, str, Handler]]:
        """Method, pattern, handler."""
        yield "POST", ROOT, self._create
        yield "GET", f"{ROOT}/{{id}}", self._read
        yield "PATCH", f"{ROOT}/{{id}}", self._start
        yield "POST", f"{ROOT}/{{id}}/batches", self._upload

    def _create(self, call: Call, _params: Mapping[str, str]) -> Answer:
        body = body_of(call)
        if body.get("operation") != "Upsert" or body.get("object") != "Prospect":
            raise Refusal(51, "Invalid parameter: operation or object.")
        columns = body.get("fields", [])
        named = {
            str(each.get("fieldName")): each
            for each in (columns if isinstance(columns, list) else [])
            if isinstance(each, dict)
        }
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
        self.jobs[number] = Job(values, body.get("createOnNoMatch") is not False, named)
        shown = ("id", "status", "batchesRef")
        return json_answer({name: values[name] for name in shown}, 201)

    def _read(self, call: Call, params: Mapping[str, str]) -> Answer:
        names = fields_asked(call, FIELDS, required=True)
        job = self._job(params)
        return json_answer({name: job.values.get(name) for name in names})

    def _upload(self, call: Call, params: Mapping[str, str]) -> Answer:
        job = self._job(params)
        if job.values["status"] != "Open":
            raise Refusal(155, "The import is not open.")
        if len(job.batches) >= MAX_BATCHES or len(call.body) > MAX_BATCH_BYTES:
            raise Refusal(160, "Too many batches, or one that is too large.")
        rows = list(csv.DictReader(io.StringIO(_file(call))))
        names = set(rows[0]) if rows else set()
        if not names & set(MATCHES):
            raise Refusal(197, "A match column is required.")
        for name in names - set(MATCHES) - set(WRITABLE):
            raise Refusal(159, f"Unknown column: {name}.")
        job.batches.append(rows)
        return no_content()

    def _start(self, call: Call, params: Mapping[str, str]) -> Answer:
        job = self._job(params)
        if body_of(call).get("status") != "Ready" or job.values["status"] != "Open":
            raise Refusal(155, "The import is not open.")
        if not job.batches:
            raise Refusal(156, "The import has no data.")
        counts = {"createdCount": 0, "updatedCount": 0, "errorCount": 0}
        for row in (row for batch in job.batches for row in batch):
            counts[self._apply(job, row)] += 1
        job.values.update(counts, status="Complete", updatedAt=self._store.now())
        return json_answer({"id": job.values["id"], "status": "Waiting"})

    def _apply(self, job: Job, row: Mapping[str, str]) -> str:
        values = {
            name: text or None
            for name, text in row.items()
            if name not in MATCHES and (text or job.columns.get(name, {}).get("nullOverwrite"))
        }
        found = self._matching(row)
        if found:
            self._store.change("prospects", found[0], values, "import")
            return "updatedCount"
        email = row.get("matchEmail") or row.get("email")
        if not email or not job.create:
            return "errorCount"
        self._prospects.add(email, **{k: v for k, v in values.items() if k != "email"})
        return "createdCount"

    def _matching(self, row: Mapping[str, str]) -> Sequence[Row]:
        if row.get("matchId"):
            one = self._store.get("prospects", row["matchId"])
            return [one] if one is not None else []
        if row.get("matchSalesforceId"):
            return list(self._store.where("prospects", salesforceId=row["matchSalesforceId"]))
        return self._store.with_email(row.get("matchEmail", ""))

    def _job(self, params: Mapping[str, str]) -> Job:
        job = self.jobs.get(params["id"])
        if job is None:
            raise not_found()
        return job


def _file(call: Call) -> str:
    """The one part called `importFile` of a multipart body."""
    boundary = re.search(r'boundary="?([^";]+)"?', call.headers.get("Content-Type", ""))
    if boundary is None:
        raise Refusal(158, "The import file is missing.")
    parts = call.body.split(b"--" + boundary.group(1).encode())
    files = [part for part in parts if b'name="importFile"' in part]
    if len(files) != 1:
        raise Refusal(158 if not files else 162, "Expected one import file.")
    content: bytes = files[0].partition(b"\r\n\r\n")[2]
    return content.removesuffix(b"\r\n").decode()
