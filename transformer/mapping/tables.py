"""Parses the tables of a mapping file: fields, defaults, write modes, and the rest."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final, get_args

from transformer.document import Node, Problems
from transformer.mapping.model import (
    Default,
    Direction,
    Field,
    Moment,
    Names,
    Rest,
    Table,
    WriteMode,
)
from transformer.mapping.sources import SOURCE_KEYS, Sources, with_own_name

NAMES_KEYS: Final = ("object", "field", "record_id", "record_id_property")
TABLE_KEYS: Final = ("direction", "fields", "required", "rest")
FIELD_KEYS: Final = (
    *SOURCE_KEYS, "default", "on", "write", "writable", "read_only", "optional", "invalid_values",
    "additive", "apart",
)  # fmt: skip
# What says that a value is not written each time; additive ones and those that part events are.
NOT_MERGING: Final = ("on", "write", "writable", "read_only")
INVALID_VALUES: Final = ("reject", "drop")
REST_KEYS: Final = ("mode", "suffix", "names", "ignore", "nested")


def is_lenient(problems: Problems, node: Node | None) -> bool:
    """`invalid_values`: whether values that a directive cannot use are left out."""
    return node is not None and problems.choice(node, "value", INVALID_VALUES) == "drop"


class TableParser:
    """Parses one table after the other; problems are collected."""

    def __init__(self, problems: Problems, sources: Sources, *, lenient: bool) -> None:
        self._problems = problems
        self._sources = sources
        self._lenient = lenient

    def names(self, node: Node) -> Names:
        """`names`: what names and ids that come with an event must look like."""
        entries = self._problems.keys(node, NAMES_KEYS)
        given = {
            key: pattern
            for key in ("object", "field", "record_id")
            if key in entries and (pattern := self._pattern(entries[key])) is not None
        }
        prop = entries.get("record_id_property")
        default = Names()
        return Names(
            record_id=(self._problems.text(prop) if prop else None) or default.record_id,
            record_id_pattern=given.get("record_id", default.record_id_pattern),
            object=given.get("object", default.object),
            field=given.get("field", default.field),
        )

    def _pattern(self, node: Node) -> re.Pattern[str] | None:
        text = self._problems.text(node)
        if text is None:
            return None
        try:
            return re.compile(text)
        except re.error as error:
            self._problems.add(node, f"expected a regular expression: {error}.")
            return None

    def rest(self, node: Node) -> Rest:
        """`rest`: what becomes of the traits that no field takes."""
        if node.entries is None:
            mode = self._problems.choice(node, "mode of rest", ("as_is", "drop"))
            return Rest("as_is" if mode == "as_is" else "drop")
        entries = self._problems.keys(node, REST_KEYS)
        mode = "suffix" if "suffix" in entries else "drop"
        if "mode" in entries:
            mode = (
                self._problems.choice(entries["mode"], "mode", ("suffix", "as_is", "drop")) or mode
            )
        suffix = self._problems.text(entries["suffix"]) if "suffix" in entries else ""
        if mode == "suffix" and not suffix:
            self._problems.add(node, 'missing key "suffix".')
        nested = None
        if "nested" in entries:
            nested = self._problems.choice(entries["nested"], "value", ("refuse", "flatten"))
        ignore = self._problems.texts(entries["ignore"]) if "ignore" in entries else ()
        return Rest(
            mode="suffix" if mode == "suffix" else "as_is" if mode == "as_is" else "drop",
            suffix=suffix or "",
            names=self._pattern(entries["names"]) if "names" in entries else None,
            ignore=frozenset(ignore),
            flatten=nested == "flatten",
        )

    def table(self, name: str, node: Node, rest: Rest) -> Table:
        """One of `tables`; `rest` is used when it has none of its own."""
        entries = self._problems.keys(node, TABLE_KEYS)
        fields: tuple[Field, ...] = ()
        if "fields" in entries:
            nodes = self._problems.entries(entries["fields"])
            fields = tuple(self._field(field, inner) for field, inner in nodes.items())
        required = self._problems.texts(entries["required"]) if "required" in entries else ()
        own_rest = self.rest(entries["rest"]) if "rest" in entries else rest
        if own_rest.mode != "as_is":
            known = {field.name for field in fields}
            for each in required:
                if each not in known:
                    self._problems.unknown(entries["required"], "field", each, known)
        for field in fields:
            if field.optional and field.name in required:
                text = f"the field {field.name} is required: it cannot be optional. Remove one."
                self._problems.add(entries["required"], text)
        fields = tuple(  # a create cannot do without it: it is not left out
            replace(field, lenient=False) if field.name in required else field for field in fields
        )
        direction = self._direction(entries.get("direction"))
        return Table(name, node.where, fields, frozenset(required), own_rest, direction)

    def _direction(self, node: Node | None) -> Direction:
        """Which side owns the object (row C5)."""
        if node is None:
            return "to_crm"
        given = self._problems.choice(node, "direction", get_args(Direction))
        return "from_crm" if given == "from_crm" else "both" if given == "both" else "to_crm"

    def _field(self, name: str, node: Node) -> Field:
        if node.entries is None:
            sources = with_own_name(self._sources.several(node), name)
            return Field(name, node.where, sources, lenient=self._lenient)
        entries = self._problems.keys(node, FIELD_KEYS)
        sources = self._sources.of_entries(node, entries, own=name)
        read_only = "read_only" in entries and self._problems.boolean(entries["read_only"])
        choice = self._problems.choice
        write: WriteMode = "overwrite"
        if "write" in entries:
            given = choice(entries["write"], "write mode", get_args(WriteMode))
            write = "fill" if given == "fill" else "never" if given == "never" else "overwrite"
        writable = None
        if "writable" in entries:
            writable = choice(entries["writable"], "value", ("create", "update"))
        default = self._default(node, entries)
        if default is not None and (read_only or write == "never"):
            self._problems.add(node, "a field that is not written cannot have a default.")
        optional = "optional" in entries and self._problems.boolean(entries["optional"])
        if optional and (read_only or write == "never"):
            self._problems.add(node, "a field that is not written cannot be optional.")
        invalid = entries.get("invalid_values")
        lenient = self._lenient if invalid is None else is_lenient(self._problems, invalid)
        additive, apart = self._merging(node, entries)
        return Field(
            name,
            node.where,
            sources,
            write=write,
            read_only=read_only,
            optional=optional,
            writable="create" if writable == "create" else "update" if writable else "always",
            default=default,
            lenient=lenient,
            additive=additive,
            apart=apart,
        )

    def _merging(self, node: Node, entries: Mapping[str, Node]) -> tuple[str, bool]:
        """What becomes of the values of events that wait together: `additive` and `apart`."""
        additive = self._problems.text(entries["additive"]) if "additive" in entries else None
        apart = "apart" in entries and self._problems.boolean(entries["apart"])
        given = ["additive"] if additive else []
        given += ["apart"] if apart else []
        if len(given) > 1:
            self._problems.add(node, "a field is additive or apart, not both. Remove one.")
        strange = [key for key in NOT_MERGING if key in entries]
        if given and strange:
            text = f"a field with {strange[0]} cannot be {given[0]}. Remove one."
            self._problems.add(node, text)
        return additive or "", apart

    def _default(self, node: Node, entries: Mapping[str, Node]) -> Default | None:
        moment: Moment = "always"
        if "on" in entries:
            given = self._problems.choice(entries["on"], "value", get_args(Moment))
            moment = "create" if given == "create" else "always"
        if "default" in entries:
            return Default(self._sources.constant(entries["default"]), moment)
        if "on" in entries:
            self._problems.add(node, '"on" says when the default is written: missing "default".')
        return None
