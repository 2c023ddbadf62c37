"""The objects of a portal and their properties: types, options, and what may be written."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from destinations.hubspot.emulator.refusals import invalid

_TABLES = Path(__file__).with_name("objects")
STANDARD: Mapping[str, tuple[str, str]] = {
    "contacts": ("0-1", "contact"),
    "companies": ("0-2", "company"),
    "deals": ("0-3", "deal"),
    "tickets": ("0-5", "ticket"),
    "tasks": ("0-27", "task"),
    "notes": ("0-46", "note"),
    "meetings": ("0-47", "meeting"),
    "calls": ("0-48", "call"),
}
_GROUPS = {
    "contacts": "contactinformation",
    "companies": "companyinformation",
    "deals": "dealinformation",
    "tickets": "ticketinformation",
}
_CUSTOM_TABLE = (
    "hs_object_id\tnumber\tnumber\trd",
    "hs_merged_object_ids\tenumeration\tcheckbox\trx",
    "hs_createdate\tdatetime\tdate\trd",
    "hs_lastmodifieddate\tdatetime\tdate\trd",
    "hubspot_owner_id\tenumeration\tselect\to",
    "name\tstring\ttext\td",
)


@dataclass(slots=True)
class Property:
    """One property. `flags` are the letters of the tables, see `read_property`."""

    name: str
    type: str
    field_type: str
    label: str
    group: str
    flags: frozenset[str] = frozenset()
    options: tuple[tuple[str, str], ...] = ()
    hubspot_defined: bool = True
    archived: bool = False
    extra: dict[str, object] = field(default_factory=dict)

    @property
    def read_only(self) -> bool:
        """Whether clients may not set it."""
        return "r" in self.flags

    @property
    def unique(self) -> bool:
        """Whether no two records may share a value."""
        return "u" in self.flags

    @property
    def has_open_options(self) -> bool:
        """Whether its values are not listed with it: owners, pipelines, stages, e-mails."""
        return bool(self.flags & {"o", "p", "s", "x"})

    def to_json(self) -> dict[str, object]:
        """Return what the properties API shows."""
        return {
            "name": self.name,
            "label": self.label,
            "type": self.type,
            "fieldType": self.field_type,
            "description": "",
            "groupName": self.group,
            "options": [
                {"label": label, "value": value, "displayOrder": order, "hidden": False}
                for order, (value, label) in enumerate(self.options)
            ],
            "displayOrder": -1,
            "calculated": False,
            "externalOptions": "o" in self.flags,
            **({"referencedObjectType": "OWNER"} if "o" in self.flags else {}),
            "archived": self.archived,
            "hasUniqueValue": self.unique and self.name != "email",
            "hidden": False,
            "hubspotDefined": self.hubspot_defined,
            "modificationMetadata": {
                "archivable": not self.hubspot_defined,
                "readOnlyDefinition": self.hubspot_defined,
                "readOnlyOptions": self.hubspot_defined,
                "readOnlyValue": self.read_only,
            },
            "formField": not self.read_only,
            "dataSensitivity": "non_sensitive",
            **self.extra,
        }


@dataclass(slots=True)
class ObjectType:
    """One object: its plural name, its type id, its label in messages, its properties."""

    name: str
    type_id: str
    label: str
    properties: dict[str, Property]
    groups: dict[str, str]
    one_of: tuple[str, ...] = ()

    @property
    def modified(self) -> str:
        """The property that says when a record changed last."""
        return "lastmodifieddate" if self.name == "contacts" else "hs_lastmodifieddate"

    @property
    def created(self) -> Sequence[str]:
        """The properties that say when it was created."""
        return [name for name in ("createdate", "hs_createdate") if name in self.properties]

    @property
    def defaults(self) -> Sequence[str]:
        """The properties an answer holds when none are asked for."""
        return [name for name, prop in self.properties.items() if "d" in prop.flags]

    @property
    def required(self) -> Sequence[str]:
        """The properties a create cannot do without."""
        return [name for name, prop in self.properties.items() if "q" in prop.flags]

    def find(self, name: str) -> Property | None:
        """The live property of that name."""
        prop = self.properties.get(name)
        return None if prop is None or prop.archived else prop


class Schema:
    """Every object type of the portal, found by plural or singular name, or type id."""

    def __init__(self, portal_id: int, custom: Mapping[str, Sequence[str]]) -> None:
        self._portal_id = portal_id
        self.types: dict[str, ObjectType] = {}
        self._names: dict[str, ObjectType] = {}
        for name, (type_id, singular) in STANDARD.items():
            table = (_TABLES / f"{name}.tsv").read_text(encoding="utf-8")
            one_of = ("name", "domain") if name == "companies" else ()
            self._add(name, type_id, singular, table.splitlines(), one_of)
        for number, (name, lines) in enumerate(custom.items(), 1):
            self._add(name, f"2-{portal_id}{number}", name, [*_CUSTOM_TABLE, *lines], ())

    def _add(
        self, name: str, type_id: str, singular: str, lines: Iterable[str], one_of: tuple[str, ...]
    ) -> None:
        group = _GROUPS.get(name, f"{name}_information")
        properties = {prop.name: prop for prop in (read_property(line, group) for line in lines)}
        kind = ObjectType(name, type_id, singular.upper(), properties, {group: group}, one_of)
        self.types[type_id] = kind
        names = (name, singular, type_id, f"p_{name}", f"p{self._portal_id}_{name}")
        self._names.update({each.lower(): kind for each in names})

    def add_properties(self, tables: Mapping[str, Sequence[str]]) -> None:
        """Add lines of a property table to objects; they count as made by the portal."""
        for name, lines in tables.items():
            kind = self.find(name)
            for line in lines:
                prop = read_property(line, next(iter(kind.groups)))
                prop.hubspot_defined = False
                kind.properties[prop.name] = prop

    def find(self, name: str) -> ObjectType:
        """The object of that name or type id; refuses an unknown one."""
        kind = self._names.get(name.lower())
        if kind is None:
            raise invalid(f"Unable to infer object type from: {name}")
        return kind


def read_property(line: str, group: str) -> Property:
    """Read a table's line: name, type, fieldType, flags, options (`value=label|…`).

    Flags: `r` read only, `u` unique, `d` in answers by default, `q` required on create,
    `o` an owner, `p` a pipeline, `s` a stage, `x` values that are not listed.
    """
    cells = [*line.split("\t"), "", "", "", ""]
    name, kind, field_type, flags, listed = cells[:5]
    options = tuple(_option(each) for each in listed.split("|") if each)
    return Property(
        name,
        kind,
        field_type or ("booleancheckbox" if kind == "bool" else "text"),
        name.removeprefix("hs_").replace("_", " ").capitalize(),
        group,
        frozenset(flags),
        options,
    )


def _option(text: str) -> tuple[str, str]:
    value, _, label = text.partition("=")
    return value, label or re.sub(r"[_-]+", " ", value).strip().capitalize()
