"""The plan: what is to be written for each upsert, given what the lookups found. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import orjson

from destinations.salesforce.lookup import (
    Findings,
    Found,
    MatchKey,
    is_external,
    is_id,
    match_key,
)
from destinations.salesforce.soql import long_id
from transformer.outcome import Outcome, Reason, Redirect, Rejected, Retry, Skipped
from transformer.upsert import Match, Note, Operation, Upsert

Recall: TypeAlias = Callable[[MatchKey], str | None]

_RESERVED = frozenset({"id", "attributes"})


@dataclass(frozen=True, slots=True)
class Policy:
    """The choices of the connection that decide what is written."""

    use_contact_id: bool = False
    several_matches: str = "refuse"
    duplicates: str = "refuse"
    drop_unknown_fields: bool = False


@dataclass(frozen=True, slots=True)
class Write:
    """One row to send for the upsert at `index` of the batch.

    `record_id` is for updates, `field` for upserts by external id. `found` says that the record
    was found by a match key, not named by its id: then another one can be found. `claims` are the
    identities it touches: no other write of the same request has one of them (invariant 4).
    """

    index: int
    kind: Literal["create", "update", "upsert"]
    upsert: Upsert
    body: Mapping[str, object]
    record_id: str = ""
    field: str = ""
    found: bool = False
    notes: tuple[Note, ...] = ()
    claims: frozenset[MatchKey] = frozenset()

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
        head: dict[str, object] = {"attributes": {"type": self.object_type}}
        if self.kind == "update":
            head["id"] = self.record_id
        return orjson.dumps(head | dict(self.body))

    def without(self, refused: Mapping[str, Note]) -> "Write":
        """The same write without the refused fields (by case-folded name), each with its note.

        The field that names the record stays: without it there is no telling which is meant.
        """
        dropped = [
            name
            for name in self.body
            if name.casefold() in refused and name.casefold() != self.field.casefold()
        ]
        if not dropped:
            return self
        kept = {name: value for name, value in self.body.items() if name not in dropped}
        notes = (replace(refused[name.casefold()], field=name) for name in dropped)
        return replace(self, body=kept, notes=(*self.notes, *notes))

    def may_drop(self, name: str, policy: Policy) -> bool:
        """Whether a field that the org lacks or forbids is left out rather than refused."""
        if policy.drop_unknown_fields:
            return True
        folded = name.casefold()
        return any(folded == each.casefold() for each in self.upsert.optional)


Decision: TypeAlias = "Write | Outcome"


def decide(
    index: int, upsert: Upsert, findings: Findings, policy: Policy, recall: Recall
) -> Decision:
    """Decide what becomes of one upsert.

    There are four cases: the CRM finds it itself (external id); the record is named by its id;
    there is nothing to find it by; or a lookup has found none, one or several.
    """
    if is_external(upsert):
        return _by_external_id(index, upsert, upsert.matches[0])
    if not upsert.matches:
        return _create(index, upsert)
    named = long_id(str(upsert.matches[0].value)) if is_id(upsert.matches[0]) else None
    if upsert.operation is Operation.UPDATE and named and not upsert.fill:
        return _update(index, upsert, Found(named, ""), found=False)
    for match in upsert.matches:
        failure = findings.failure(upsert.object_type, match)
        if failure is not None:
            return failure
        records = findings.of(upsert.object_type, match)
        if records:
            return _among(index, upsert, match, records, policy)
    return _not_found(index, upsert, recall)


def _by_external_id(index: int, upsert: Upsert, match: Match) -> Decision:
    body = _body(upsert.properties, without=match.name) | {match.name: match.value}
    claims = frozenset({match_key(upsert.object_type, match)})
    return Write(
        index,
        "upsert",
        upsert,
        body,
        field=match.name,
        notes=_notes(upsert, upsert.properties),
        claims=claims,
    )


def _among(
    index: int, upsert: Upsert, match: Match, records: Sequence[Found], policy: Policy
) -> Decision:
    """Choose among the records found: those that are not converted come first."""
    live = [record for record in records if not record.converted]
    if upsert.operation is Operation.CREATE:
        return Skipped(
            Reason.UPDATE_DISABLED,
            f"{upsert.object_type}: it exists and updates are off.",
            record_id=(live or records)[0].record_id,
        )
    choices = live or records
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


def _not_found(index: int, upsert: Upsert, recall: Recall) -> Decision:
    for match in upsert.matches:
        known = recall(match_key(upsert.object_type, match))
        if known and upsert.operation is not Operation.CREATE:
            return _update(index, upsert, Found(known, ""), found=True)
    if upsert.operation is Operation.UPDATE:
        named = is_id(upsert.matches[0])
        detail = f"{upsert.object_type}: no record has the match key."
        if named:
            return Rejected(Reason.RECORD_NOT_FOUND, f"{detail} Check the id.")
        return Skipped(Reason.CREATE_DISABLED, f"{detail} Creating is off.")
    if all(is_id(match) for match in upsert.matches):
        return Rejected(
            Reason.RECORD_NOT_FOUND, f"{upsert.object_type}: no record has this id. Check it."
        )
    return _create(index, upsert)


def _create(index: int, upsert: Upsert) -> Decision:
    defaults = upsert.on_create
    body = _body(
        {
            **defaults,
            **{
                name: value
                for name, value in upsert.properties.items()
                if name not in defaults or not _blank(value)
            },
        }
    )
    names = {name.casefold() for name in body}
    for match in upsert.matches:
        if not is_id(match) and match.name.casefold() not in names:
            body[match.name] = match.value
    present = {name.casefold() for name, value in body.items() if not _blank(value)}
    missing = sorted(name for name in upsert.required if name.casefold() not in present)
    if missing:
        return Rejected(
            Reason.REQUIRED_FIELD_MISSING,
            f"{upsert.object_type}: expected values for {', '.join(missing)}, got none."
            " Map a source or a default for each.",
            {"fields": missing},
        )
    claims = frozenset(
        match_key(upsert.object_type, match) for match in upsert.matches if not is_id(match)
    )
    return Write(
        index, "create", upsert, body, notes=_notes(upsert, upsert.properties), claims=claims
    )


def _update(index: int, upsert: Upsert, record: Found, *, found: bool) -> Decision:
    wanted = {**upsert.on_update, **upsert.properties}
    kept = {
        name: value
        for name, value in wanted.items()
        if name not in upsert.fill or _blank(record.values.get(name.casefold(), "unread"))
    }
    unread = tuple(
        Note("dropped", name, "its value in Salesforce could not be read, so it was left alone")
        for name in sorted(upsert.fill & wanted.keys())
        if name.casefold() not in record.values
    )
    body = _body(kept)
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
        notes=(*_notes(upsert, wanted), *unread),
        claims=frozenset({("", "id", record.record_id)}),
    )


def _body(properties: Mapping[str, object], without: str = "") -> dict[str, object]:
    unwanted = _RESERVED | {without.casefold()}
    return {name: value for name, value in properties.items() if name.casefold() not in unwanted}


def _notes(upsert: Upsert, properties: Mapping[str, object]) -> tuple[Note, ...]:
    """The mapping's notes, and one for each name that would change which record is meant."""
    reserved = tuple(Note("read_only", name) for name in properties if name.casefold() in _RESERVED)
    return (*upsert.notes, *reserved)


def _blank(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())
