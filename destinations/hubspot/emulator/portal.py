"""The portal: what every handler works on, and the rules of writing one record.

The only module that changes records. Knows no HTTP; refusals travel as exceptions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from destinations.hubspot.emulator import values
from destinations.hubspot.emulator.people import Owner, Pipelines
from destinations.hubspot.emulator.refusals import Problem, conflict, invalid, invalid_values
from destinations.hubspot.emulator.schema import ObjectType, Property, Schema
from destinations.hubspot.emulator.store import ADDITIONAL_EMAILS, Record, Store, Write
from transformer.emulator.server import Call

LIFECYCLE = (
    "subscriber", "lead", "marketingqualifiedlead", "salesqualifiedlead", "opportunity",
    "customer", "evangelist", "other",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """The properties of one row, checked, and what else came with it."""

    properties: Mapping[str, str]
    trace_id: str | None = None
    associations: object = None


class Portal:
    """One HubSpot account."""

    def __init__(
        self,
        portal_id: int,
        schema: Schema,
        owners: Sequence[Owner],
        *,
        clear_partial_upserts: bool = False,
    ) -> None:
        self.id = portal_id
        self.schema = schema
        self.store = Store()
        self.owners = {owner.id: owner for owner in owners}
        self.pipelines = Pipelines()
        self._clear_partial_upserts = clear_partial_upserts

    def checked(
        self, kind: ObjectType, given: Mapping[str, object], *, creating: bool
    ) -> dict[str, str]:
        """Check every value of a row; refuses with all problems in one message."""
        problems: list[Problem] = []
        checked: dict[str, str] = {}
        for name, value in given.items():
            text = values.text_of(name, value)
            prop = kind.find(name)
            if prop is None:
                what = f'Property "{name}" does not exist'
                problems.append(Problem(name, "PROPERTY_DOESNT_EXIST", what))
                continue
            if prop.read_only:
                what = f'"{name}" is a read only property; its value cannot be set.'
                problems.append(Problem(name, "READ_ONLY_VALUE", what))
                continue
            result = values.check(prop, text, self.choices)
            if isinstance(result, Problem):
                problems.append(result)
            else:
                checked[name] = result
        if creating:
            problems += _missing(kind, checked)
        problems += self._stage_problems(kind, checked)
        if problems:
            raise invalid_values(problems, self.id)
        return checked

    def choices(self, prop: Property) -> Mapping[str, str] | None:
        """The values an enumeration knows; None for any."""
        if "o" in prop.flags:
            return {owner.id: owner.email for owner in self.owners.values()}
        if "p" in prop.flags:
            return self.pipelines.labels(prop.name)
        return None if prop.has_open_options else dict(prop.options)

    def create(self, kind: ObjectType, row: Row, call: Call, now: float) -> Record:
        """Create a record; unique values that others have are a conflict."""
        self.refuse_taken(kind, row.properties, None)
        record = self.store.new(kind, now)
        properties = {**self._defaults(kind, row.properties), **row.properties}
        properties |= {"hs_object_id": record.id}
        properties |= dict.fromkeys(kind.created, values.stamp(now))
        self.store.put(record, _derived(properties), _write(call, now, "create", row))
        return record

    def update(self, record: Record, row: Row, call: Call, now: float) -> Record:
        """Change a record."""
        self.refuse_taken(record.kind, row.properties, record)
        properties = dict(row.properties)
        new_email = properties.get("email")
        if new_email and new_email in record.additional_emails:
            kept = [e for e in record.emails if e != new_email]
            properties[ADDITIONAL_EMAILS] = ";".join(kept)
        if _goes_back(record, properties):
            del properties["lifecyclestage"]
        self.store.put(record, _derived(properties), _write(call, now, "update", row))
        return record

    def upsert(
        self, kind: ObjectType, found_by: tuple[str, str], row: Row, call: Call, now: float
    ) -> tuple[Record, bool]:
        """Change the record with this value in a unique property, or create it; was it new?"""
        id_property, value = found_by
        record = self.store.holder(kind, id_property, value)
        if record is None:
            properties = {id_property: value.strip(), **row.properties}
            if id_property == "email":
                properties["email"] = properties["email"].lower()
            return self.create(kind, Row(properties, row.trace_id), call, now), True
        if self._clear_partial_upserts and id_property == "email":
            own = set(record.properties) - set(row.properties) - {"email"}
            blank = {n: "" for n in own if (p := kind.find(n)) and not p.read_only}
            row = Row({**blank, **row.properties}, row.trace_id)
        return self.update(record, row, call, now), False

    def archive(self, record: Record, call: Call, now: float) -> None:
        """Put a record into the recycle bin."""
        self.store.archive(record, Write(call.number, now, "archive", {}))

    def refuse_taken(
        self, kind: ObjectType, properties: Mapping[str, str], record: Record | None
    ) -> None:
        """Refuse values that another record has in a unique property."""
        for name, value in properties.items():
            prop = kind.find(name)
            if prop is None or not prop.unique or not value:
                continue
            holder = self.store.holder(kind, name, value)
            if holder is None or holder is record:
                continue
            label = kind.label.capitalize()
            if name == "email":
                raise conflict(f"{label} already exists. Existing ID: {holder.id}")
            raise conflict(
                f"Cannot set PropertyValueCoordinates{{propertyName={name}, value={value}}} on"
                f" {label}. {holder.id} already has that value."
            )

    def unique_property(self, kind: ObjectType, name: str) -> Property:
        """The property records can be upserted by; refuses one that is not unique."""
        prop = kind.find(name)
        if prop is None or not prop.unique:
            raise invalid(
                f"Unable to perform update/upsert by non-unique {kind.type_id} property {name}"
            )
        return prop

    def _stage_problems(self, kind: ObjectType, checked: Mapping[str, str]) -> list[Problem]:
        """A stage must be one of its pipeline's."""
        for name, pipeline in (("dealstage", "pipeline"), ("hs_pipeline_stage", "hs_pipeline")):
            stage = checked.get(name)
            if not stage or name not in kind.properties:
                continue
            stages = self.pipelines.stages(pipeline, checked.get(pipeline))
            if stage not in stages:
                listed = ", ".join(stages)
                what = f"{stage} was not one of the allowed options: [{listed}]"
                return [Problem(name, "INVALID_OPTION", what)]
        return []

    def _defaults(self, kind: ObjectType, given: Mapping[str, str]) -> Mapping[str, str]:
        for name in ("pipeline", "hs_pipeline"):
            if name in kind.properties and not given.get(name):
                return {name: next(iter(self.pipelines.labels(name)))}
        return {}


def _missing(kind: ObjectType, checked: Mapping[str, str]) -> list[Problem]:
    problems = [
        Problem(name, "REQUIRED_PROPERTY", f'"{name}" is required')
        for name in kind.required
        if not checked.get(name)
    ]
    if kind.one_of and not any(checked.get(name) for name in kind.one_of):
        name = kind.one_of[0]
        what = f"One of {', '.join(kind.one_of)} is required"
        problems.append(Problem(name, "REQUIRED_PROPERTY", what))
    return problems


def _derived(properties: Mapping[str, str]) -> dict[str, str]:
    email = properties.get("email")
    if email is None:
        return dict(properties)
    return {**properties, "hs_email_domain": email.rpartition("@")[2]}


def _goes_back(record: Record, properties: Mapping[str, str]) -> bool:
    """The lifecycle stage moves forward only; to go back it must be cleared first."""
    old, new = record.properties.get("lifecyclestage"), properties.get("lifecyclestage")
    if old not in LIFECYCLE or new not in LIFECYCLE:
        return False
    return LIFECYCLE.index(new) < LIFECYCLE.index(old)


def _write(call: Call, now: float, action: str, row: Row) -> Write:
    return Write(call.number, now, action, dict(row.properties), row.trace_id)
