"""The records of a portal, their history, their links, and what search has indexed of them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from destinations.hubspot.emulator.schema import ObjectType
from destinations.hubspot.emulator.values import stamp

FIRST_ID = 101
ADDITIONAL_EMAILS = "hs_additional_emails"
MERGED_IDS = "hs_merged_object_ids"


@dataclass(frozen=True, slots=True)
class Write:
    """One change of one record: the request it came with, when, what."""

    request: int
    time: float
    action: str
    properties: Mapping[str, str]
    trace_id: str | None = None


@dataclass(slots=True)
class Record:
    """One record. `versions` are (time, properties) for the search index, newest last."""

    id: str
    kind: ObjectType
    created: float
    updated: float
    properties: dict[str, str] = field(default_factory=dict)
    archived: bool = False
    history: list[Write] = field(default_factory=list)
    versions: list[tuple[float, Mapping[str, str] | None]] = field(default_factory=list)

    def written(self, names: Sequence[str]) -> dict[str, object]:
        """Return the record as the answer to a write shows it: no property without a value."""
        shown = self.to_json(names)
        held = {name: self.properties[name] for name in names if self.properties.get(name)}
        usual = ("hs_object_id", *self.kind.created, self.kind.modified)
        held |= {name: self.properties[name] for name in usual if self.properties.get(name)}
        return {**shown, "properties": dict(sorted(held.items()))}

    def to_json(self, names: Sequence[str]) -> dict[str, object]:
        """Return the record as the API shows it, with these properties and the usual ones."""
        wanted = dict.fromkeys((*names, "hs_object_id", *self.kind.created, self.kind.modified))
        return {
            "id": self.id,
            "properties": {
                name: self.properties.get(name) or None
                for name in sorted(wanted)
                if name in self.kind.properties
            },
            "createdAt": stamp(self.created),
            "updatedAt": stamp(self.updated),
            "archived": self.archived,
            "url": f"https://app.hubspot.com/record/{self.kind.type_id}/{self.id}",
        }

    def indexed(self, until: float) -> Mapping[str, str] | None:
        """The properties as search knows them: the last version not younger than `until`."""
        for time, properties in reversed(self.versions):
            if time <= until:
                return properties
        return None

    @property
    def emails(self) -> Sequence[str]:
        """Every address of a contact, the primary one first."""
        listed = (self.properties.get("email", ""), *self.additional_emails)
        return [email for email in listed if email]

    @property
    def merged_ids(self) -> Sequence[str]:
        """The ids of the records that were merged into this one."""
        return [each for each in self.properties.get(MERGED_IDS, "").split(";") if each]

    @property
    def additional_emails(self) -> Sequence[str]:
        """The secondary addresses of a contact."""
        return [e for e in self.properties.get(ADDITIONAL_EMAILS, "").split(";") if e]


class Store:
    """All records by object type and id; unique values are looked up through an index."""

    def __init__(self) -> None:
        self._records: dict[str, dict[str, Record]] = {}
        self._unique: dict[tuple[str, str], dict[str, str]] = {}
        self._next = FIRST_ID
        self._merged: dict[tuple[str, str], str] = {}
        self.associations: dict[tuple[str, str], dict[tuple[str, str], dict[int, str]]] = {}

    def new(self, kind: ObjectType, now: float) -> Record:
        """A new record, not yet stored."""
        return Record(str(self._next), kind, now, now)

    def put(self, record: Record, properties: Mapping[str, str], write: Write) -> None:
        """Store a new record or change one; "" clears a value."""
        if record.id == str(self._next):
            self._next += 1
        self._unindex(record)
        self._records.setdefault(record.kind.type_id, {})[record.id] = record
        for name, value in properties.items():
            if value == "":
                record.properties.pop(name, None)
            else:
                record.properties[name] = value
        record.updated = write.time
        record.properties[record.kind.modified] = stamp(write.time)
        record.history.append(write)
        record.versions = [*record.versions[-20:], (write.time, dict(record.properties))]
        self._index(record)

    def archive(self, record: Record, write: Write) -> None:
        """Put a record into the recycle bin."""
        self._unindex(record)
        record.archived = True
        record.updated = write.time
        record.history.append(write)
        record.versions.append((write.time, None))

    def get(self, kind: ObjectType, record_id: str) -> Record | None:
        """The live record of that id, or the one that it was merged into."""
        while (kind.type_id, record_id) in self._merged:
            record_id = self._merged[kind.type_id, record_id]
        record = self._records.get(kind.type_id, {}).get(record_id)
        return None if record is None or record.archived else record

    def merge(self, record: Record, into: Record) -> None:
        """From now on the id of `record` leads to `into`."""
        self._merged[record.kind.type_id, record.id] = into.id

    def holder(self, kind: ObjectType, name: str, value: str) -> Record | None:
        """The live record that has this value in a unique property."""
        record_id = self._unique.get((kind.type_id, name), {}).get(value.strip().lower())
        return None if record_id is None else self.get(kind, record_id)

    def all(self, kind: ObjectType) -> Iterator[Record]:
        """Every record of an object, archived ones too, oldest first."""
        yield from self._records.get(kind.type_id, {}).values()

    def associate(self, one: Record, other: Record, types: Iterable[tuple[int, str]]) -> None:
        """Link `one` to `other` with these types, in this direction."""
        links = self.associations.setdefault((one.kind.type_id, one.id), {})
        links.setdefault((other.kind.type_id, other.id), {}).update(types)

    def dissociate(self, one: Record, other: Record) -> None:
        """Remove every link between the two, both directions."""
        for a, b in ((one, other), (other, one)):
            links = self.associations.get((a.kind.type_id, a.id), {})
            links.pop((b.kind.type_id, b.id), None)

    def clear(self) -> None:
        """Forget everything."""
        self._records.clear()
        self._unique.clear()
        self.associations.clear()
        self._merged.clear()
        self._next = FIRST_ID

    def _index(self, record: Record) -> None:
        for name, value in self._unique_values(record):
            self._unique.setdefault((record.kind.type_id, name), {})[value] = record.id

    def _unindex(self, record: Record) -> None:
        for name, value in self._unique_values(record):
            self._unique.get((record.kind.type_id, name), {}).pop(value, None)

    def _unique_values(self, record: Record) -> Iterator[tuple[str, str]]:
        for name, prop in record.kind.properties.items():
            if name == "email" and prop.unique:
                yield from ((name, email.lower()) for email in record.emails)
            elif prop.unique and record.properties.get(name):
                yield name, record.properties[name].strip().lower()
