"""The parsed mapping, as values: what the file says, checked, not yet compiled for speed."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from transformer.document import Constant
from transformer.event import Event, EventType
from transformer.mapping.directives import Function
from transformer.upsert import ValueKind

Path: TypeAlias = tuple[str, ...]
PythonFunction: TypeAlias = Callable[[Event, object], object]
WriteMode: TypeAlias = Literal["overwrite", "fill", "never"]
Direction: TypeAlias = Literal["to_crm", "from_crm", "both"]
Moment: TypeAlias = Literal["always", "create"]
Form: TypeAlias = Literal["text", "email", "record_id"]


@dataclass(frozen=True, slots=True)
class Step:
    """One directive applied to a source: `label` as written; `python` is called with the event.

    `lists` says that it makes something of a list or object, `keeps_text` that text passes it as
    it is. What comes out, as far as the file tells: `yields` is its kind (None: what went in),
    `table` its entries, `truncates` how many characters of a text.
    """

    label: str
    function: Function | None = None
    python: PythonFunction | None = None
    lists: bool = False
    keeps_text: bool = False
    yields: ValueKind | None = None
    table: tuple[tuple[str, Constant], ...] = ()
    truncates: int | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """One place a value may come from: a path, a template of paths, or a constant.

    `root` says that paths start at the event itself (`$.`), else at the merged traits.
    """

    label: str
    path: Path = ()
    root: bool = False
    steps: tuple[Step, ...] = ()
    template: "tuple[TemplatePart, ...]" = ()
    constant: Constant = None

    key: str | None = field(init=False, default=None, compare=False)

    def __post_init__(self) -> None:
        """Note the name of the trait when it is a trait of the top level, taken as it is."""
        if self.is_plain and len(self.path) == 1:
            object.__setattr__(self, "key", self.path[0])

    @property
    def is_plain(self) -> bool:
        """Whether it is a trait taken as it is."""
        return bool(self.path) and not self.root and not self.steps

    @property
    def is_plain_for_text(self) -> bool:
        """Whether it is a trait taken as it is, if that is text."""
        return bool(self.path) and not self.root and all(step.keeps_text for step in self.steps)


@dataclass(frozen=True, slots=True)
class TemplatePart:
    """Text, and the path whose value follows it (none at the end)."""

    text: str
    path: Path = ()
    root: bool = False


@dataclass(frozen=True, slots=True)
class Default:
    """What is written when no source has a value."""

    value: Constant
    on: Moment


@dataclass(frozen=True, slots=True)
class Field:
    """One property of the CRM and how it is filled; `where` is `file:line`.

    `optional` says that it is left out where the CRM has no such property or refuses it; `lenient`
    that it is left out when a directive cannot use the value.
    `additive` is the separator of an additive one, `apart` keeps events apart that differ in it:
    see `Upsert`.
    """

    name: str
    where: str
    sources: tuple[Source, ...]
    write: WriteMode = "overwrite"
    read_only: bool = False
    optional: bool = False
    writable: Literal["always", "create", "update"] = "always"
    default: Default | None = None
    lenient: bool = False
    additive: str = ""
    apart: bool = False


@dataclass(frozen=True, slots=True)
class Rest:
    """What becomes of the traits that no field takes.

    `mode` `suffix` makes custom fields of them, `as_is` keeps their names and values, `drop`
    leaves them out. `names` is what a trait must look like to get the suffix.
    """

    mode: Literal["suffix", "as_is", "drop"] = "drop"
    suffix: str = ""
    names: re.Pattern[str] | None = None
    ignore: frozenset[str] = frozenset()
    flatten: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """How traits become the properties of one object.

    Events do not write what goes `from_crm`; `both` declares an intent and writes as `to_crm`.
    """

    name: str
    where: str
    fields: tuple[Field, ...] = ()
    required: frozenset[str] = frozenset()
    rest: Rest = field(default_factory=Rest)
    direction: Direction = "to_crm"


@dataclass(frozen=True, slots=True)
class Condition:
    """When an upsert applies; every part that is given must hold."""

    types: frozenset[EventType]
    names: frozenset[str] = frozenset()
    external_id: tuple[str, ...] = ()
    no_external_id: tuple[str, ...] = ()
    present: tuple[Source, ...] = ()
    absent: tuple[Source, ...] = ()
    equals: tuple[tuple[Source, tuple[Constant, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class MatchRule:
    """One way to find the record: the property, where its value comes from, and its form.

    `lenient` says that the next way is tried when a directive cannot use the value.
    """

    name: str
    where: str
    sources: tuple[Source, ...]
    form: Form = "text"
    lenient: bool = False


@dataclass(frozen=True, slots=True)
class UpsertRule:
    """One write asked of an event.

    `object_type` None and `matches` None take both from the external id.
    """

    path: str
    where: str
    when: Condition
    object_type: str | None
    table: str | None
    matches: tuple[MatchRule, ...] | None
    create: bool = True
    update: bool = True


@dataclass(frozen=True, slots=True)
class Names:
    """What names and ids that come with an event must look like, and the id's property."""

    record_id: str = "id"
    record_id_pattern: re.Pattern[str] = field(default_factory=lambda: re.compile(r"\S{1,255}"))
    object: re.Pattern[str] = field(default_factory=lambda: re.compile(r"[A-Za-z]\w{0,79}"))
    field: re.Pattern[str] = field(default_factory=lambda: re.compile(r"[A-Za-z]\w{0,79}"))


@dataclass(frozen=True, slots=True)
class MappingFile:
    """A whole mapping file."""

    tables: Mapping[str, Table]
    upserts: tuple[UpsertRule, ...]
    names: Names
