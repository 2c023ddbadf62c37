"""The plan: what is to be written for each upsert, given what the lookups found. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from destinations.hubspot.lookup import Findings, Found, Key, match_key, wire_value
from destinations.hubspot.schema import ObjectSchema
from destinations.hubspot.shape import blank, is_id
from transformer.outcome import Outcome, Reason, Rejected, Retry, Skipped
from transformer.upsert import Match, Note, Operation, Upsert

Kind: TypeAlias = Literal["create", "update", "upsert"]
Recall: TypeAlias = Callable[[Key], str | None]


@dataclass(frozen=True, slots=True)
class Policy:
    """The choices of the connection that decide what is written."""

    several_matches: str = "refuse"
    read_contacts_first: bool = False
    contact_key: str = "email"


@dataclass(frozen=True, slots=True)
class Write:
    """One row to send for the upsert at `index` of the batch.

    `record` is what the row is sent for: an id, or with `id_property` the value of that unique
    property. `found` says that the id came from a match key: then another one can be found.
    `claims` are the identities it touches: no other row of the same write has one (invariant 4).
    """

    index: int
    kind: Kind
    upsert: Upsert
    properties: Mapping[str, object]
    record: str = ""
    id_property: str = ""
    found: bool = False
    notes: tuple[Note, ...] = ()
    claims: frozenset[Key] = field(default_factory=frozenset)

    @property
    def object_type(self) -> str:
        """The object written to."""
        return self.upsert.object_type

    @property
    def where(self) -> str:
        """How messages name it; no values."""
        return f"{self.kind} {self.object_type}"

    @property
    def trace_id(self) -> str:
        """What names the row in the answer, whatever the order there."""
        return f"row-{self.index}"

    @property
    def row(self) -> dict[str, object]:
        """The row as the batch endpoints take it."""
        row: dict[str, object] = {
            "properties": dict(self.properties),
            "objectWriteTraceId": self.trace_id,
        }
        if self.kind == "create":
            row["associations"] = []
        else:
            row["id"] = self.record
        if self.id_property:
            row["idProperty"] = self.id_property
        return row


Decision: TypeAlias = "Write | Outcome"


def needs_lookup(upsert: Upsert, schema: ObjectSchema, policy: Policy) -> bool:
    """Whether the record must be looked for before it can be decided what to write.

    Not when there is nothing to find it by, when its id alone is given, or when HubSpot finds it
    itself by a unique property and what is written does not depend on what it finds.
    """
    if not upsert.matches:
        return False
    if upsert.fill & upsert.properties.keys():
        return True
    if is_id(upsert.matches[0]) and upsert.operation is Operation.UPDATE:
        return False
    return unique_key(upsert, schema, policy) is None


def unique_key(upsert: Upsert, schema: ObjectSchema, policy: Policy) -> Match | None:
    """The unique property that HubSpot is to find the record by itself, if it can."""
    match = upsert.match
    if match is None or upsert.operation is Operation.CREATE or upsert.fill:
        return None
    if schema.name == "contacts" and policy.contact_key != "email":
        own = upsert.properties.get(policy.contact_key)
        if schema.is_unique(policy.contact_key) and not blank(own):
            match = Match(policy.contact_key, str(own))
    if is_id(match) or not schema.is_unique(match.name):
        return None
    if upsert.operation is Operation.UPDATE:
        return match if len(upsert.matches) == 1 else None
    read_first = policy.read_contacts_first and match.name == "email"
    alternatives = len(upsert.matches) > 1 and match.name == upsert.matches[0].name
    present = {name for name, value in upsert.properties.items() if not blank(value)}
    needs_more = upsert.on_create or upsert.on_update or upsert.required - present - {match.name}
    return None if read_first or alternatives or needs_more else match


def decide(
    index: int,
    row: tuple[Upsert, ObjectSchema],
    findings: Findings,
    policy: Policy,
    recall: Recall,
) -> Decision:
    """Decide what becomes of one upsert.

    There are four cases: there is nothing to find it by; the record is named by its id; HubSpot
    finds it itself; or a lookup has found none, one or several.
    """
    upsert, schema = row
    if not upsert.matches:
        return _create(index, upsert)
    if not needs_lookup(upsert, schema, policy):
        if is_id(upsert.matches[0]) and upsert.operation is Operation.UPDATE:
            return _update(index, upsert, Found(str(upsert.matches[0].value)), found=False)
        match = unique_key(upsert, schema, policy)
        if match is not None:
            return _by_unique(index, upsert, match)
    for match in upsert.matches:
        failure = findings.failure(schema.name, match)
        if failure is not None:
            return failure
        records = findings.of(schema.name, match)
        if records:
            return _among(index, upsert, match, records, policy)
    return _not_found(index, upsert, recall)


def one_per_record(decisions: Sequence[Decision]) -> Sequence[Decision]:
    """Let only the first of several writes of one record go now (invariant 4)."""
    claimed: set[Key] = set()
    kept: list[Decision] = []
    for decision in decisions:
        if isinstance(decision, Write) and decision.claims & claimed:
            kept.append(
                Retry(
                    Reason.SAME_RECORD,
                    f"{decision.where}: another write of the batch goes to the same record.",
                    after_seconds=0.0,
                    counts=False,
                )
            )
            continue
        if isinstance(decision, Write):
            claimed |= decision.claims
        kept.append(decision)
    return kept


def _by_unique(index: int, upsert: Upsert, match: Match) -> Decision:
    """HubSpot finds the record: with everything the mapping has for it, the key included."""
    update_only = upsert.operation is Operation.UPDATE
    wanted = {**upsert.on_update, **upsert.properties} if update_only else dict(upsert.properties)
    value = wire_value(match)
    if update_only and not (wanted.keys() - {match.name}):
        return Skipped(Reason.NOTHING_TO_WRITE, f"{upsert.object_type}: nothing to change.")
    return Write(
        index,
        "update" if update_only else "upsert",
        upsert,
        {**wanted, match.name: value},
        record=value,
        id_property=match.name,
        notes=upsert.notes,
        claims=_claims(upsert, match),
    )


def _among(
    index: int, upsert: Upsert, match: Match, records: Sequence[Found], policy: Policy
) -> Decision:
    if upsert.operation is Operation.CREATE:
        return Skipped(
            Reason.UPDATE_DISABLED,
            f"{upsert.object_type}: it exists and updates are off.",
            record_id=records[0].record_id,
        )
    if len(records) > 1 and policy.several_matches == "refuse":
        ids = [record.record_id for record in records]
        return Rejected(
            Reason.SEVERAL_MATCHES,
            f"{upsert.object_type}.{match.name}: {len(ids)} records have this value:"
            f" {', '.join(ids)}. Merge them, or set several_matches to first or newest.",
            {"ids": ids},
        )
    chosen = records[-1] if policy.several_matches == "newest" else records[0]
    return _update(index, upsert, chosen, found=not is_id(match))


def _not_found(index: int, upsert: Upsert, recall: Recall) -> Decision:
    for match in upsert.matches:
        known = recall(match_key(upsert.object_type, match))
        if known and upsert.operation is not Operation.CREATE and not upsert.fill:
            return _update(index, upsert, Found(known), found=True)
    if upsert.operation is Operation.UPDATE and not is_id(upsert.matches[0]):
        return Skipped(
            Reason.CREATE_DISABLED,
            f"{upsert.object_type}: no record has the match key. Creating is off.",
        )
    if all(is_id(match) for match in upsert.matches):
        return Rejected(
            Reason.RECORD_NOT_FOUND, f"{upsert.object_type}: no record has this id. Check it."
        )
    return _create(index, upsert)


def _create(index: int, upsert: Upsert) -> Decision:
    merged = {
        **upsert.on_create,
        **{n: v for n, v in upsert.properties.items() if n not in upsert.on_create or not blank(v)},
    }
    for match in upsert.matches:
        if not is_id(match):
            merged.setdefault(match.name, wire_value(match))
    # There is nothing to clear in a new record.
    properties = {name: value for name, value in merged.items() if not blank(value)}
    missing = sorted(upsert.required - properties.keys())
    if missing:
        return Rejected(
            Reason.REQUIRED_FIELD_MISSING,
            f"{upsert.object_type}: expected values for {', '.join(missing)}, got none."
            " Map a source or a default for each.",
            {"fields": missing},
        )
    return Write(index, "create", upsert, properties, notes=upsert.notes, claims=_claims(upsert))


def _update(index: int, upsert: Upsert, record: Found, *, found: bool) -> Decision:
    wanted = {**upsert.on_update, **upsert.properties}
    properties = {
        name: value
        for name, value in wanted.items()
        if name not in upsert.fill or blank(record.values.get(name))
    }
    if found:
        keys = {match.name for match in upsert.matches if not is_id(match)}
        changes = properties.keys() - keys
        properties = properties if changes else {}
    if not properties:
        return Skipped(
            Reason.NOTHING_TO_WRITE,
            f"{upsert.object_type}: no property is to be changed.",
            record_id=record.record_id,
        )
    return Write(
        index,
        "update",
        upsert,
        properties,
        record=record.record_id,
        found=found,
        notes=upsert.notes,
        claims=frozenset({(upsert.object_type, "id", record.record_id)}) | _claims(upsert),
    )


def _claims(upsert: Upsert, *more: Match) -> frozenset[Key]:
    return frozenset(match_key(upsert.object_type, match) for match in (*upsert.matches, *more))
