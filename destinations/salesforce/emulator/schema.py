"""Objects and fields of the org, and their lookup by name.

Names are found case-insensitively and are known by their canonical spelling.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

TEXT_TYPES = frozenset(
    {"string", "textarea", "email", "phone", "url", "picklist", "combobox", "multipicklist"}
)
NUMBER_TYPES = frozenset({"int", "double", "currency", "percent"})


@dataclass(frozen=True, slots=True)
class Field:
    """One field of an object, as describe shows it."""

    name: str
    type: str
    length: int = 0
    precision: int = 0
    scale: int = 0
    createable: bool = True
    updateable: bool = True
    nillable: bool = True
    defaulted: bool = False
    filterable: bool = True
    id_lookup: bool = False
    external_id: bool = False
    unique: bool = False
    case_sensitive: bool = False
    restricted: bool = False
    values: tuple[str, ...] = ()
    default: str | None = None
    refers_to: tuple[str, ...] = ()
    relationship: str | None = None
    part_of: str | None = None

    @property
    def custom(self) -> bool:
        """Tell whether the org added this field."""
        return self.name.endswith("__c")

    @property
    def required(self) -> bool:
        """Tell whether a create must bring a value."""
        return self.createable and not self.nillable and not self.defaulted

    @property
    def gets_default(self) -> bool:
        """Tell whether a create that brings no value stores one."""
        return self.default is not None or (self.name == "OwnerId" and self.defaulted)

    @property
    def upsertable(self) -> bool:
        """Tell whether a record can be found by this field in an upsert's path."""
        return self.external_id or self.id_lookup

    @property
    def indexed(self) -> bool:
        """Tell whether the store keeps an index over it."""
        return self.upsertable or self.unique or self.type == "reference"

    def key(self, value: object) -> str:
        """Return the form in which two equal values are the same."""
        text = str(value)
        return text if self.case_sensitive or self.type == "reference" else text.lower()


class ObjectType:
    """One object: its prefix and its fields in describe order.

    `required` must come with a create, `defaulted` get a stored value when they do not, and
    `implicit` are the values of booleans and counters nobody has set.
    """

    def __init__(self, name: str, prefix: str, fields: Iterable[Field]) -> None:
        self.name = name
        self.prefix = prefix
        self.fields: dict[str, Field] = {}
        self.implicit: dict[str, bool | int] = {}
        self.required: tuple[Field, ...] = ()
        self.defaulted: tuple[Field, ...] = ()
        self._lower: dict[str, Field] = {}
        self._relationships: dict[str, Field] = {}
        for each in fields:
            self.add(each)

    def add(self, field: Field) -> None:
        """Add a field, or put another in its place."""
        self.fields[field.name] = field
        self._lower[field.name.lower()] = field
        if field.type == "boolean" and field.defaulted:
            self.implicit[field.name] = field.name == "IsUnreadByOwner"
        elif field.type in {"int", "currency"} and field.defaulted:
            self.implicit[field.name] = 0
        each = self.fields.values()
        self.required = tuple(one for one in each if one.required)
        self.defaulted = tuple(one for one in each if one.gets_default)
        if field.relationship:
            self._relationships[field.relationship.lower()] = field

    @property
    def custom(self) -> bool:
        """Tell whether the org added this object."""
        return self.name.endswith("__c")

    @property
    def name_field(self) -> str | None:
        """Return the field that titles a record."""
        return next((name for name in ("Name", "Subject", "Label") if name in self.fields), None)

    def field(self, name: str) -> Field | None:
        """Return the field of that name in any case."""
        return self._lower.get(name.lower())

    def relationship(self, name: str) -> Field | None:
        """Return the reference field behind a parent relationship's name."""
        return self._relationships.get(name.lower())


class Schema:
    """All objects of the org."""

    def __init__(self, objects: Iterable[ObjectType]) -> None:
        self._objects = {each.name.lower(): each for each in objects}
        self._prefixes = {each.prefix: each for each in self._objects.values()}

    def __iter__(self) -> Iterator[ObjectType]:
        return iter(sorted(self._objects.values(), key=lambda each: each.name))

    def find(self, name: str) -> ObjectType | None:
        """Return the object of that name in any case."""
        return self._objects.get(name.lower())

    def by_id(self, record_id: str) -> ObjectType | None:
        """Return the object whose records have this id's prefix."""
        return self._prefixes.get(record_id[:3])

    def children(self, parent: ObjectType) -> Iterable[tuple[ObjectType, Field]]:
        """Return every (object, field) that refers to `parent`."""
        for each in self:
            for field in each.fields.values():
                if parent.name in field.refers_to:
                    yield each, field
