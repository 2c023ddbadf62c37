"""Answers: which result of a batch is whose, and what each means for its upsert. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from destinations.hubspot.client import Reply
from destinations.hubspot.owners import Result, owners
from destinations.hubspot.plan import Write
from destinations.hubspot.reasons import VendorError, outcome, text_id
from transformer.errors import WriteFailed
from transformer.failures import retry_of
from transformer.outcome import Delivered, Outcome, Reason, Redirect, Rejected, Retry, Skipped
from transformer.upsert import Operation


@dataclass(frozen=True, slots=True)
class Judged:
    """What a batch came to: the outcome of each row by its index.

    `again` are rows that were refused by errors that name no row: sent alone, their answers do.
    `unnamed` are rows that were applied, each to one of the records of `spare`: a look by their
    unique property tells to which.
    """

    outcomes: Mapping[int, Outcome]
    again: Sequence[Write] = ()
    unnamed: Sequence[Write] = ()
    spare: Sequence[Result] = ()


def judge_batch(writes: Sequence[Write], reply: Reply) -> Judged:
    """The outcome of every row of a 2xx batch.

    There are three cases for a row: a result, an error, or neither that is known to be its own.
    """
    results, spare = owners(writes, reply.results)
    by_index = {write.index: write for write in writes}
    found: dict[int, Outcome] = {
        index: delivered(by_index[index], result) for index, result in results.items()
    }
    nameless = 0
    for error in reply.errors:
        accused = _accused(writes, error)
        nameless += not accused
        for write in accused:
            found.setdefault(write.index, judge(write, error))
    rest = [write for write in writes if write.index not in found]
    if _refused(rest, spare, nameless):
        return Judged(found, rest)
    outcomes = _remaining(rest, spare)
    unnamed = [write for write in rest if write.id_property and _is_unnamed(outcomes[write.index])]
    return Judged({**found, **outcomes}, unnamed=unnamed, spare=spare)


def _refused(rest: Sequence[Write], spare: Sequence[Result], nameless: int) -> bool:
    """Whether errors that name no row are about these; a create must not be sent twice for it."""
    creates = any(write.kind == "create" for write in rest)
    return nameless > 0 and (not creates or (not spare and nameless >= len(rest)))


def _remaining(rest: Sequence[Write], spare: Sequence[Result]) -> Mapping[int, Outcome]:
    """The rows left, by elimination: with as many results left as rows, all of them were applied.

    Which record is whose can then be told if there is only one: for one row, and for several that
    were sent to records that have been merged.
    """
    if len(rest) != len(spare):
        return {write.index: _unanswered(write) for write in rest}
    ids = {text_id(result.get("id")) for result in spare}
    new = all(result.get("new") is True for result in spare)
    result = {"id": ids.pop() if len(ids) == 1 else "", "new": new}
    return {write.index: delivered(write, result) for write in rest}


def named(judged: Judged, holders: Mapping[int, str]) -> Mapping[int, Outcome]:
    """The outcomes of the rows that had no record, with the record that `holders` tells by index.

    It must be one that the answer has: another one was not written by this batch.
    """
    outcomes: dict[int, Outcome] = {}
    for write in judged.unnamed:
        record_id = holders.get(write.index, "")
        results = [each for each in judged.spare if text_id(each.get("id")) == record_id]
        if record_id and results:
            new = all(result.get("new") is True for result in results)
            outcomes[write.index] = delivered(write, {"id": record_id, "new": new})
    return outcomes


def _is_unnamed(outcome: Outcome) -> bool:
    return isinstance(outcome, Delivered) and not outcome.record_id


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
    named = text_id(result.get("id"))
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
