"""Answers: which result of a batch is whose, and what each means for its upsert. Pure."""

from collections.abc import Mapping, Sequence

from destinations.hubspot.client import Reply
from destinations.hubspot.plan import Write
from destinations.hubspot.reasons import VendorError, outcome
from transformer.errors import WriteFailed
from transformer.failures import retry_of
from transformer.outcome import Delivered, Outcome, Reason, Redirect, Rejected, Retry, Skipped
from transformer.upsert import Operation


def judge_batch(writes: Sequence[Write], reply: Reply) -> Mapping[int, Outcome]:
    """The outcome of every row of a 2xx batch.

    Rows are named by objectWriteTraceId, else by the record they were sent for. There are three
    cases for a row: a result, an error, or neither; then nobody can say what became of it.
    """
    found: dict[int, Outcome] = {}
    for result in reply.results:
        write = _owner(writes, result)
        if write is not None:
            found[write.index] = delivered(write, result)
    for error in reply.errors:
        for write in _accused(writes, error):
            found.setdefault(write.index, judge(write, error))
    for write in writes:
        found.setdefault(write.index, _unanswered(write))
    return found


def judge(write: Write, error: VendorError) -> Outcome:
    """Judge one row that was refused; what names another record first, then the table."""
    if error.category == "OBJECT_NOT_FOUND" and write.kind != "create":
        return _gone(write, error)
    existing = error.existing_id
    if error.category == "CONFLICT" and existing is not None:
        return _exists(write, error, existing)
    return outcome(error, write.where)


def delivered(write: Write, result: Mapping[str, object]) -> Delivered:
    """What a result says of its row."""
    created = write.kind == "create" or result.get("new") is True
    record_id = result.get("id")
    named = record_id if isinstance(record_id, str) and record_id else ""
    if not named and not write.id_property:
        named = write.record
    return Delivered("created" if created else "updated", named, write.object_type, write.notes)


def failed(write: Write, failure: WriteFailed, *, sent: bool) -> Retry:
    """What a failed request means for a row that was, or was not yet, in it."""
    return retry_of(failure, sent=sent, where=write.where)


def halves(writes: Sequence[Write], error: VendorError) -> Sequence[Sequence[Write]]:
    """Split a refused batch in two: the rows that the error may be about, and the others.

    HubSpot names the property and often the value, never the row. A wrong guess costs requests,
    not outcomes: both parts are sent again.
    """
    named = set(error.properties)
    suspects = [write for write in writes if any(_suspect(write, n, error) for n in named)]
    if suspects and len(suspects) < len(writes):
        guilty = {write.index for write in suspects}
        return [[write for write in writes if write.index not in guilty], suspects]
    middle = len(writes) // 2
    return [writes[:middle], writes[middle:]]


def _suspect(write: Write, name: str, error: VendorError) -> bool:
    if name not in write.properties:
        return ("REQUIRED_PROPERTY", name) in error.codes
    if ("REQUIRED_PROPERTY", name) in error.codes:
        return False
    by_name = {("PROPERTY_DOESNT_EXIST", name), ("READ_ONLY_VALUE", name)} & set(error.codes)
    return bool(by_name) or str(write.properties[name]) in error.message


def _owner(writes: Sequence[Write], result: Mapping[str, object]) -> Write | None:
    trace_id = result.get("objectWriteTraceId")
    if trace_id is not None:
        return next((write for write in writes if write.trace_id == trace_id), None)
    if len(writes) == 1:
        return writes[0]
    properties = result.get("properties")
    held = properties if isinstance(properties, Mapping) else {}
    for write in writes:
        told = held.get(write.id_property) if write.id_property else result.get("id")
        if write.record and str(told or "").lower() == write.record.lower():
            return write
    return None


def _accused(writes: Sequence[Write], error: VendorError) -> Sequence[Write]:
    if error.trace_ids:
        return [write for write in writes if write.trace_id in error.trace_ids]
    if error.ids:
        ids = {each.lower() for each in error.ids}
        return [write for write in writes if write.record.lower() in ids]
    return writes if len(writes) == 1 else ()


def _unanswered(write: Write) -> Retry:
    return Retry(
        Reason.ANSWER_LOST,
        f"{write.where}: the answer holds neither a result nor an error for this row.",
        may_have_applied=True,
    )


def _gone(write: Write, error: VendorError) -> Outcome:
    """The record is not there: never was, or not any more since it was found."""
    if write.found:
        return Retry(
            Reason.REMATCH,
            f"{write.where}: {write.record} is gone since it was found; it is looked for again.",
            after_seconds=0.0,
            vendor=error.vendor,
        )
    if write.id_property and write.upsert.operation is Operation.UPDATE:
        return Skipped(
            Reason.CREATE_DISABLED,
            f"{write.object_type}: no record has the match key. Creating is off.",
        )
    return Rejected(
        Reason.RECORD_NOT_FOUND,
        f"{write.where}: {write.record} is deleted or not in this account."
        " Restore it, or correct the id.",
        {**error.vendor, "ids": [write.record]},
    )


def _exists(write: Write, error: VendorError, record_id: str) -> Outcome:
    """Another record has a unique value: a create becomes an update of it (invariant 8)."""
    if (
        write.kind != "update"
        and write.upsert.operation is Operation.CREATE
        and write.upsert.matches
    ):
        return Skipped(
            Reason.UPDATE_DISABLED,
            f"{write.object_type}: it exists and updates are off.",
            record_id=record_id,
        )
    if write.kind != "update":
        return Retry(
            Reason.REMATCH,
            f"{write.object_type} {record_id} exists already; it is written instead.",
            after_seconds=0.0,
            counts=False,
            redirect=Redirect(write.object_type, record_id),
            vendor=error.vendor,
        )
    return Rejected(
        Reason.DUPLICATE_VALUE,
        f"{write.where}: record {record_id} has a value already that must be unique."
        " Match on that property, or merge the records.",
        {**error.vendor, "ids": [record_id]},
    )
