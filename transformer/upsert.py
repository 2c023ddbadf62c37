"""An upsert: what a mapping yields and a destination writes. Values that know no CRM.

`Match` and `Upsert` are built per event. Nobody changes one, but they are not declared frozen: that
costs 2 microseconds an event, a fifth of all that mapping may take (decisions/, hot path).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, TypeAlias

Scalar: TypeAlias = "str | int | float | bool"
Key: TypeAlias = tuple[str, str, str]
ValueKind: TypeAlias = Literal["text", "integer", "number", "boolean", "date", "datetime"]


class Operation(StrEnum):
    """What is to happen to the record: `upsert` finds it by its match key first."""

    CREATE = "create"
    UPDATE = "update"
    UPSERT = "upsert"


@dataclass(slots=True, unsafe_hash=True)
class Match:
    """One way to find the record: the property's name and the value looked for, as it was sent."""

    name: str
    value: Scalar

    @property
    def folded(self) -> str:
        """The value as CRMs compare it: text, trimmed, in lower case.

        Not case-folded: that takes `straße@` for `strasse@`, and one person for another.
        """
        return str(self.value).strip().lower()


@dataclass(frozen=True, slots=True)
class Note:
    """Something a person should know about one field: it was left out, or is doubtful.

    `code` is a closed word (`read_only`, `not_a_scalar`, `invalid_field_name`, `unknown_field`,
    `invalid_value`, `dropped`); `field` is the trait or the CRM's field; `detail` may hold customer
    data.
    """

    code: str
    field: str
    detail: str = ""


@dataclass(slots=True)
class Upsert:
    """One write a mapping asks for.

    `matches` are tried in order, the first is the match key; none means a plain create.
    `properties` are written always; `on_create` only when the record is created (defaults of
    required fields) and `on_update` only when it is found; `fill` names the properties that may
    only be written where the record found has none.
    `required` names the properties that a create cannot do without, `optional` those that are left
    out, with a note, where the CRM lacks them or does not let us write them.
    `additive` names the properties whose values add up in the CRM instead of replacing each other,
    texts of parts with the separator between; `apart` those that must be the same, or absent, in
    all events of one write: both are the table's own and no part of what is written.
    `event_time` is epoch seconds and decides which value wins inside a merge.
    `repeated` says that an earlier attempt, or an earlier worker, may have written this already:
    a create must then be looked for before it is sent (invariant 6).
    """

    object_type: str
    operation: Operation
    properties: Mapping[str, object]
    matches: tuple[Match, ...] = ()
    on_create: Mapping[str, object] = field(default_factory=dict)
    on_update: Mapping[str, object] = field(default_factory=dict)
    fill: frozenset[str] = frozenset()
    required: frozenset[str] = frozenset()
    notes: tuple[Note, ...] = ()
    event_time: float = 0.0
    repeated: bool = False
    optional: frozenset[str] = frozenset()
    additive: Mapping[str, str] = field(default_factory=dict, compare=False)
    apart: frozenset[str] = field(default=frozenset(), compare=False)

    @property
    def match(self) -> Match | None:
        """The match key: the first way to find the record, or None for a plain create."""
        return self.matches[0] if self.matches else None

    @property
    def key(self) -> Key | None:
        """What keeps writes of one record in order: object, property and folded value."""
        if not self.matches:
            return None
        match = self.matches[0]
        return (self.object_type, match.name, match.folded)


@dataclass(frozen=True, slots=True)
class FieldUse:
    """A field that the mapping names, with where it does so (`file:line`) and what it is for.

    `optional` says that the CRM may lack it. It may be `written`, `matched` on (records are found
    by it; `alone` where it is the only match key of an upsert that requires no field) and
    `required` (a create cannot do without it).
    What is known before any event comes: `kinds` are what directives make of traits (none where a
    trait goes as it is), `constants` the values that the mapping itself has for it (defaults,
    values, entries of tables), `truncates` the characters at which it cuts texts.
    """

    object_type: str
    name: str
    where: str
    optional: bool = False
    written: bool = True
    matched: bool = False
    alone: bool = False
    required: bool = False
    kinds: frozenset[ValueKind] = frozenset()
    constants: tuple[Scalar, ...] = ()
    truncates: int | None = None
