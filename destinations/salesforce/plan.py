"""The plan: what is to be written for each upsert, given what the lookups found. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal, TypeAlias

import orjson

from destinations.salesforce.body import (
    filled,
    has,
    missing,
    reserved_names,
    spellings,
    with_defaults,
    without,
)
from destinations.salesforce.keys import Keyed, MatchKey, is_id
from destinations.salesforce.lookup import Findings, Found, preferred
from destinations.salesforce.soql import long_id
from transformer.outcome import Outcome, Reason, Redirect, Rejected, Retry, Skipped
from transformer.upsert import Match, Note, Operation, Scalar, Upsert

Recall: TypeAlias = Callable[[MatchKey], str | None]


@dataclass(frozen=True, slots=True)
class Policy:
    """The choices of the connection that decide what is written."""

    use_contact_id: bool = False
    several_matches: str = "refuse"
    duplicates: str = "refuse"
    drop_unknown_fields: bool = False


@dataclass(slots=True)
class Write:
    """One row to send for the upsert at `index` of the batch. Nobody changes one.

    `record_id` is for updates, `field` for upserts by one field. `found` says that the record
    was found by a match key, not named by its id: then another one can be found. `claims` are the
    identities it touches: no other write of the same request has one of them (invariant 4).
    `spelled` is how the fields are spelled, by case-folded name, where that is known already; the
    body may lack some of them.
    """

    index: int
    kind: Literal["create", "update", "upsert"]
    upsert: Upsert
    body: Mapping[str, object]
    record_id: str = ""
    field: str = ""
    found: bool = False
    notes: tuple[Note, ...] = ()
    claims: tuple[MatchKey, ...] = ()
    spelled: Mapping[str, str] | None = None

    @property
    def object_type(self) -> str:
        """The object written to."""
        return self.upsert.object_type

    @property
    def where(self) -> str:
        """How messages name it; no values."""
        return f"{self.kind} {self.object_type}"

    @property
    def is_repeat(self) -> bool:
        """Whether it creates, nothing can find the record, and it may be there already."""
        return self.kind == "create" and self.upsert.repeated and not self.upsert.matches

    @property
    def encoded(self) -> bytes:
        """The row as JSON. Raises TypeError for a value that JSON has no form for."""
        head = _head(self.object_type)
        if self.kind == "update":
            head = b'%b,"id":%b' % (head, orjson.dumps(self.record_id))
        values = orjson.dumps(self.body if isinstance(self.body, dict) else dict(self.body))
        return b"%b,%b" % (head, values[1:]) if self.body else head + b"}"

    def without(self, refused: Mapping[str, Note]) -> "Write":
        """The same write without the refused fields (by case-folded name), each with its note.

        The field that names the record stays: without it there is no telling which is meant.
        """
        named = self.field.casefold()
        dropped = {
            name: refused[folded]
            for name in self.body
            if (folded := name.casefold()) in refused and folded != named
        }
        if not dropped:
            return self
        kept = {name: value for name, value in self.body.items() if name not in dropped}
        notes = [
            note if note.field == name else replace(note, field=name)
            for name, note in dropped.items()
        ]
        return replace(self, body=kept, notes=(*self.notes, *notes))

    def may_drop(self, name: str, policy: Policy) -> bool:
        """Whether a field that the org lacks or forbids is left out rather than refused."""
        if policy.drop_unknown_fields:
            return True
        optional, folded = self.upsert.optional, name.casefold()
        return name in optional or any(folded == each.casefold() for each in optional)


Decision: TypeAlias = "Write | Outcome"


def decide(
    index: int, asked: Keyed, findings: Findings, policy: Policy, recall: Recall
) -> Decision:
    """Decide what becomes of one upsert.

    There are four cases: there is nothing to find it by; the CRM finds it itself by one field; the
    record is named by its id; or a lookup has found none, one or several.
    """
    upsert = asked.upsert
    if not asked.keys:
        return _create(index, asked)
    if not asked.needs_lookup:
        if not is_id(upsert.matches[0]):
            return _by_field(index, asked)
        named = long_id(asked.keys[0][2])
        if named:
            return _update(index, upsert, Found(named, ""), found=False)
    for match, key in zip(upsert.matches, asked.keys, strict=True):
        failure = findings.failure(key) if findings.failures else None
        if failure is not None:
            return failure
        records = findings.of(key) if findings.records else ()
        if records:
            return _among(index, upsert, match, records, policy)
    return _not_found(index, asked, recall)


def _by_field(index: int, asked: Keyed) -> Decision:
    upsert, match, name = asked.upsert, asked.upsert.matches[0], asked.keys[0][1]
    reserved = reserved_names(tuple(upsert.properties))
    others = {
        each: value
        for each, value in upsert.properties.items()
        if each not in reserved and each.casefold() != name
    }
    return Write(
        index,
        "upsert",
        upsert,
        {**others, match.name: match.value},
        field=match.name,
        notes=_notes(upsert, reserved),
        claims=asked.keys,
    )


def _among(
    index: int, upsert: Upsert, match: Match, records: Sequence[Found], policy: Policy
) -> Decision:
    """Choose among the records found: those that are not converted come first."""
    choices = preferred(records)
    if upsert.operation is Operation.CREATE:
        return Skipped(
            Reason.UPDATE_DISABLED,
            f"{upsert.object_type}: it exists and updates are off.",
            record_id=choices[0].record_id,
        )
    if len(choices) > 1 and policy.several_matches == "refuse":
        return _several(upsert, match, choices)
    chosen = choices[-1] if policy.several_matches == "newest" else choices[0]
    if chosen.converted:
        return _converted(chosen.record_id, chosen.contact_id, policy)
    return _update(index, upsert, chosen, found=True)


def _several(upsert: Upsert, match: Match, records: Sequence[Found]) -> Rejected:
    ids = [record.record_id for record in records]
    return Rejected(
        Reason.SEVERAL_MATCHES,
        f"{upsert.object_type}.{match.name}: {len(ids)} records have this value: {', '.join(ids)}."
        " Merge them, or set several_matches to first or newest.",
        {"ids": ids},
    )


def _converted(lead_id: str, contact_id: str, policy: Policy) -> Rejected | Retry:
    return converted(lead_id, contact_id, use_contact_id=policy.use_contact_id)


def converted(lead_id: str, contact_id: str, *, use_contact_id: bool) -> Rejected | Retry:
    """What becomes of an upsert whose lead was converted: on to the contact, or rejected."""
    if use_contact_id and contact_id:
        return Retry(
            Reason.REMATCH,
            "the lead was converted; its contact is written instead.",
            after_seconds=0.0,
            counts=False,
            redirect=Redirect("Contact", contact_id),
        )
    became = f"it became contact {contact_id}" if contact_id else "its contact is not known"
    advice = (
        "Relink or restore the contact."
        if use_contact_id
        else "Turn use_contact_id on to write to the contact."
    )
    return Rejected(
        Reason.RECORD_CONVERTED,
        f"Lead {lead_id} was converted: {became}. {advice}",
        {"ids": [lead_id], "contact": contact_id},
    )


def _not_found(index: int, asked: Keyed, recall: Recall) -> Decision:
    upsert = asked.upsert
    for key in asked.keys:
        known = recall(key)
        if known and upsert.operation is not Operation.CREATE:
            return _update(index, upsert, Found(known, ""), found=True)
    if upsert.operation is Operation.UPDATE:
        detail = f"{upsert.object_type}: no record has the match key."
        if asked.keys[0][1] == "id":
            return Rejected(Reason.RECORD_NOT_FOUND, f"{detail} Check the id.")
        return Skipped(Reason.CREATE_DISABLED, f"{detail} Creating is off.")
    if all(name == "id" for _, name, _ in asked.keys):
        return Rejected(
            Reason.RECORD_NOT_FOUND, f"{upsert.object_type}: no record has this id. Check it."
        )
    return _create(index, asked)


def _create(index: int, asked: Keyed) -> Decision:
    upsert = asked.upsert
    values = with_defaults(upsert.properties, upsert.on_create)
    reserved = reserved_names(tuple(values))
    body = without(values, reserved)
    claims: list[MatchKey] = []
    unsaid: dict[str, Scalar] = {}
    for match, key in zip(upsert.matches, asked.keys, strict=True):
        if key[1] != "id":
            claims.append(key)
            if not has(body, match.name):
                unsaid[match.name] = match.value
    if unsaid:
        body = {**body, **unsaid}
    absent = missing(body, upsert.required)
    if absent:
        return Rejected(
            Reason.REQUIRED_FIELD_MISSING,
            f"{upsert.object_type}: expected values for {', '.join(absent)}, got none."
            " Map a source or a default for each.",
            {"fields": absent},
        )
    notes = _notes(upsert, [name for name in reserved if name in upsert.properties])
    return Write(index, "create", upsert, body, notes=notes, claims=tuple(claims))


def _update(index: int, upsert: Upsert, record: Found, *, found: bool) -> Decision:
    wanted = upsert.properties
    if upsert.on_update:
        wanted = {**upsert.on_update, **wanted}
    reserved, spelled = spellings(tuple(wanted))
    body, unread = filled(without(wanted, reserved), upsert.fill, record.values)
    if not body:
        return Skipped(
            Reason.NOTHING_TO_WRITE,
            f"{upsert.object_type}: no field is to be changed.",
            record_id=record.record_id,
        )
    return Write(
        index,
        "update",
        upsert,
        body,
        record_id=record.record_id,
        found=found,
        notes=(*_notes(upsert, reserved), *unread),
        claims=(("", "id", record.record_id),),
        spelled=spelled,
    )


def _notes(upsert: Upsert, reserved: Sequence[str]) -> tuple[Note, ...]:
    """The mapping's notes, and one for each name that would change which record is meant."""
    if not reserved:
        return upsert.notes
    return (*upsert.notes, *(Note("read_only", name) for name in reserved))


@lru_cache(maxsize=1024)
def _head(object_type: str) -> bytes:
    """How a row of this object begins, up to its values."""
    return orjson.dumps({"attributes": {"type": object_type}})[:-1]
