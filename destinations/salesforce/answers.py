"""Answers: what each row's result means for its upsert, and what is to be done next. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import orjson

from destinations.salesforce.plan import Policy, Write
from destinations.salesforce.reasons import Action, VendorError, outcome, read_errors
from transformer.errors import WriteFailed
from transformer.failures import retry_of
from transformer.outcome import Delivered, Outcome, Reason, Redirect, Rejected, Retry
from transformer.upsert import Note

# The note's code for a field that is left out: the org has none, or does not let us write it.
_FIELD_CODES: Mapping[str, str] = {
    "INVALID_FIELD": "unknown_field",
    "INVALID_FIELD_FOR_INSERT_UPDATE": "dropped",
}
_GONE_CODES = frozenset({"ENTITY_IS_DELETED", "NOT_FOUND"})
# Of a record that was just found, this can only be about a lookup field in the row.
_GONE_OR_REFERENCE = "INVALID_CROSS_REFERENCE_KEY"


@dataclass(frozen=True, slots=True)
class Resend:
    """Send this instead, at once: the same row without the fields that the org refused."""

    write: Write


@dataclass(frozen=True, slots=True)
class AskDuplicates:
    """Send the row by itself: only then does Salesforce name the records it duplicates."""

    write: Write


@dataclass(frozen=True, slots=True)
class AskContact:
    """Look up the contact that the lead became, then go on there."""

    write: Write


Judgement: TypeAlias = Outcome | Resend | AskDuplicates | AskContact


def judge(write: Write, result: object, policy: Policy) -> Judgement:
    """Judge one row's result, as a collection or a single call gives it."""
    row = result if isinstance(result, dict) else {}
    if row.get("success") is True:
        return _delivered(write, row)
    listed = row.get("errors")
    return judge_errors(write, read_errors(listed or row, status=0), policy)


def judge_errors(write: Write, errors: Sequence[VendorError], policy: Policy) -> Judgement:
    """Judge a row that was refused; special codes first, then the table."""
    codes = {error.code: error for error in errors}
    if _FIELD_CODES & codes.keys():
        refused = refused_fields(errors)
        if all(write.may_drop(name, policy) for name in write.body if name.casefold() in refused):
            smaller = write.without(refused)
            if smaller is not write:
                return Resend(smaller)
    if "CANNOT_UPDATE_CONVERTED_LEAD" in codes and write.kind == "update":
        return AskContact(write)
    if "DUPLICATES_DETECTED" in codes:
        return _duplicates(write, codes["DUPLICATES_DETECTED"], policy)
    if "DUPLICATE_VALUE" in codes:
        return _duplicate_value(write, codes["DUPLICATE_VALUE"])
    gone_codes = _GONE_CODES if write.found else _GONE_CODES | {_GONE_OR_REFERENCE}
    gone = next((error for error in errors if error.code in gone_codes), None)
    if gone is not None and write.kind == "update" and not gone.fields:
        return _gone(write, gone)
    return outcome(errors, write.where)


def refused_fields(errors: Sequence[VendorError]) -> Mapping[str, Note]:
    """The fields that the org lacks or forbids, by case-folded name, with the note for each."""
    return {
        name.casefold(): Note(_FIELD_CODES[error.code], name)
        for error in errors
        if error.code in _FIELD_CODES
        for name in error.named_fields
    }


def failed(write: Write, failure: WriteFailed, *, sent: bool) -> Retry:
    """What a failed request means for a row that was, or was not yet, in it."""
    return retry_of(failure, sent=sent, where=write.where)


def culprits(
    writes: Sequence[Write], errors: Sequence[VendorError]
) -> Mapping[int, tuple[VendorError, ...]]:
    """Which rows a refusal of the whole collection is about: those with the fields it names."""
    named = {
        name.casefold(): error
        for error in errors
        if error.code in _FIELD_CODES
        for name in error.named_fields
    }
    found: dict[int, tuple[VendorError, ...]] = {}
    for write in writes:
        guilty = {name.casefold() for name in write.body} & named.keys()
        if guilty:
            found[write.index] = tuple(named[name] for name in sorted(guilty))
    return found


def suspects(writes: Sequence[Write], errors: Sequence[VendorError]) -> frozenset[int]:
    """Which rows hold a value that the refusal quotes: likely, not certainly, the bad ones."""
    quoted = {error.named_value for error in errors} - {None}
    return frozenset(
        write.index
        for write in writes
        if quoted and any(_spelled(value) in quoted for value in write.body.values())
    )


def _spelled(value: object) -> str:
    """A value as Salesforce quotes it: text as it is, anything else as JSON."""
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def temporary(errors: Sequence[VendorError]) -> bool:
    """Whether a refused part is to be sent again as it is, all of it."""
    return all(error.rule.action in {Action.RETRY, Action.WAIT} for error in errors)


def _delivered(write: Write, row: Mapping[str, object]) -> Delivered:
    created = write.kind == "create" or row.get("created") is True
    record_id = row.get("id")
    return Delivered(
        "created" if created else "updated",
        record_id if isinstance(record_id, str) and record_id else write.record_id,
        write.object_type,
        write.notes,
    )


def _duplicates(write: Write, error: VendorError, policy: Policy) -> Judgement:
    """A duplicate rule objected: use the one record it names, if that is the policy (row C8)."""
    if policy.duplicates == "update" and write.kind == "create":
        same = [found for found in error.duplicate_ids if found[0] == write.object_type]
        if not error.duplicate_ids:
            return AskDuplicates(write)
        if len(same) == 1 == len(error.duplicate_ids):
            return _elsewhere(*same[0])
    return duplicates_refused(write, error)


def duplicates_refused(write: Write, error: VendorError) -> Rejected:
    """Reject with every record that the rule named, so that a person can choose or merge."""
    named = ", ".join(f"{kind} {record_id}" for kind, record_id in error.duplicate_ids)
    return Rejected(
        Reason.DUPLICATE_DETECTED,
        f"{write.where}: a duplicate rule refused it{': ' + named if named else ''}."
        " Merge the records, or set duplicates to allow or update.",
        error.vendor,
    )


def _duplicate_value(write: Write, error: VendorError) -> Judgement:
    """Another record has a unique value: where that is the match key, it is the one meant."""
    holder = error.duplicate_of
    if holder is None:
        return outcome([error], write.where)
    field, record_id = holder
    names = {match.name.casefold() for match in write.upsert.matches}
    if write.kind == "create" and field.casefold() in names:
        return _elsewhere(write.object_type, record_id)
    return Rejected(
        Reason.DUPLICATE_VALUE,
        f"{write.where}: {field} has a value that record {record_id} has already."
        " Match on that field, or merge the records.",
        {**error.vendor, "ids": [record_id]},
    )


def _elsewhere(object_type: str, record_id: str) -> Retry:
    return Retry(
        Reason.REMATCH,
        f"{object_type} {record_id} exists already; it is written instead.",
        after_seconds=0.0,
        counts=False,
        redirect=Redirect(object_type, record_id),
    )


def _gone(write: Write, error: VendorError) -> Outcome:
    """The record is not there any more: look again, if it was found by a match key."""
    if write.found:
        return Retry(
            Reason.REMATCH,
            f"{write.where}: {write.record_id} is gone since it was found; it is looked for again.",
            after_seconds=0.0,
            vendor=error.vendor,
        )
    deleted = error.code == "ENTITY_IS_DELETED"
    return Rejected(
        Reason.RECORD_DELETED if deleted else Reason.RECORD_NOT_FOUND,
        f"{write.where}: {write.record_id} {'is deleted' if deleted else 'is not in this org'}."
        " Restore it, or correct the id.",
        {**error.vendor, "ids": [write.record_id]},
    )
