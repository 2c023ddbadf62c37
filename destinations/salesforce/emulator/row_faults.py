"""Scripted faults that Salesforce alone has, applied row by row or to the whole org.

Their `options`: `rows` (positions in the request, from 0), `row_probability`, `where` (field
values a row must carry), for `row_error` the `statusCode` and `message`, and for `duplicate_rule`
the ids of the `matches` it names.
"""

import random
from collections import Counter
from collections.abc import Mapping

from destinations.salesforce.emulator.context import Context
from destinations.salesforce.emulator.duplicates import USE_ONE, DuplicateRule, duplicates_detected
from destinations.salesforce.emulator.refusals import Refusal
from destinations.salesforce.emulator.store import Store
from transformer.emulator.faults import Fault
from transformer.emulator.server import ConnectionDropped

ROW_LOCK = "row_lock"
DUPLICATE = "duplicate_rule"
ROW_ERROR = "row_error"
HALF_APPLIED = "half_applied"
EXPIRE_SESSION = "expire_session"
SPEND_QUOTA = "spend_quota"
CONCURRENT_LIMIT = "concurrent_limit"
JOB_FAILED = "job_failed"
JOB_ABORTED = "job_aborted"

KINDS = (
    ROW_LOCK,
    DUPLICATE,
    ROW_ERROR,
    HALF_APPLIED,
    EXPIRE_SESSION,
    SPEND_QUOTA,
    CONCURRENT_LIMIT,
    JOB_FAILED,
    JOB_ABORTED,
)
"""`row_lock`, `duplicate_rule` and `row_error` refuse rows; `half_applied` writes the first
`options.rows` rows of a request, keeps them, and drops the connection; `expire_session` ends every
session, `spend_quota` spends the day's calls, `concurrent_limit` refuses one request;
`job_failed` and `job_aborted` end the bulk job that a request closes after `options.rows` rows."""


class RowFaults:
    """Refuses rows, and drops connections between them, as the faults of a request say.

    `struck` counts, by kind of fault, the rows refused and the connections dropped: a fault may
    meet a request that has no row for it.
    """

    def __init__(self, store: Store, rng: random.Random) -> None:
        self._store = store
        self._random = rng
        self.struck: Counter[str] = Counter()

    def before_row(
        self,
        context: Context,
        object_type: str,
        record_id: str | None,
        body: Mapping[str, object],
    ) -> None:
        """Refuse the row that is about to be written, if a fault says so."""
        position = context.rows_seen
        context.rows_seen += 1
        for fault in context.faults:
            if fault.kind not in {ROW_LOCK, DUPLICATE, ROW_ERROR}:
                continue
            if _hits(fault, self._random, position, body):
                self.struck[fault.kind] += 1
                if fault.kind == DUPLICATE and fault.options.get("matches"):
                    raise self._duplicate_of(fault, object_type, context)
                raise _refusal(fault, record_id)

    def after_row(self, context: Context) -> None:
        """Count a row that was written, and drop the connection where `half_applied` says so."""
        context.rows_written += 1
        for fault in context.faults:
            if fault.kind == HALF_APPLIED and context.rows_written >= _integer(fault, "rows", 1):
                self.struck[fault.kind] += 1
                raise ConnectionDropped

    def _duplicate_of(self, fault: Fault, object_type: str, context: Context) -> Refusal:
        """The refusal of a rule that names the records it found."""
        named = fault.options.get("matches")
        ids = named if isinstance(named, list) else []
        rows = [self._store.rows[each] for each in ids if each in self._store.rows]
        return duplicates_detected(DuplicateRule(object_type, ()), rows, context)


def job_stop(context: Context) -> tuple[str, int] | None:
    """How the job that this request closes is going to end before its time, if a fault says so."""
    states = {JOB_FAILED: "Failed", JOB_ABORTED: "Aborted"}
    for fault in context.faults:
        if fault.kind in states:
            return states[fault.kind], _integer(fault, "rows", 0)
    return None


def _hits(fault: Fault, rng: random.Random, position: int, body: Mapping[str, object]) -> bool:
    rows = fault.options.get("rows")
    if isinstance(rows, list) and position not in rows:
        return False
    where = fault.options.get("where")
    if isinstance(where, Mapping) and any(body.get(name) != want for name, want in where.items()):
        return False
    chance = fault.options.get("row_probability", 1.0)
    return not isinstance(chance, (int, float)) or chance >= 1 or rng.random() < chance


def _refusal(fault: Fault, record_id: str | None) -> Refusal:
    if fault.kind == ROW_LOCK:
        text = "unable to obtain exclusive access to this record"
        return Refusal("UNABLE_TO_LOCK_ROW", f"{text} or 1 records: {record_id or ''}", fields=[])
    if fault.kind == DUPLICATE:
        return Refusal("DUPLICATES_DETECTED", USE_ONE, fields=[])
    code = str(fault.options.get("statusCode", "UNKNOWN_EXCEPTION"))
    return Refusal(code, str(fault.options.get("message", "scripted")), fields=[])


def _integer(fault: Fault, name: str, default: int) -> int:
    value = fault.options.get(name, default)
    return value if isinstance(value, int) else default
