"""Parses a mapping file: text in, checked values out, every problem reported at once.

Owns the grammar of tables and upserts. Pure: the caller reads the file.
"""

from collections.abc import Iterable, Mapping
from typing import Final, get_args

from transformer.document import Dialect, Node, Problems, read
from transformer.errors import ConfigurationError
from transformer.event import EventType
from transformer.mapping.model import (
    Condition,
    Form,
    MappingFile,
    MatchRule,
    Names,
    Rest,
    Source,
    Table,
    UpsertRule,
)
from transformer.mapping.sources import SOURCE_KEYS, Resolver, Sources, with_own_name
from transformer.mapping.tables import TableParser, is_lenient

DIALECT: Final = Dialect(
    thorough=False,
    aliases=False,
    line_of="key",
    invalid="not YAML: {why}.",
    empty="expected an object, got an empty file.",
    twice='the key "{name}" is there twice. Keep one.',
    twice_at="object",
)
ANY_OBJECT: Final = "*"
TOP_KEYS: Final = ("version", "aliases", "names", "rest", "invalid_values", "tables", "upserts")
UPSERT_KEYS: Final = ("when", "object", "table", "match", "create", "update")
WHEN_KEYS: Final = (
    "type", "event", "external_id", "no_external_id", "present", "absent", "equals",
)  # fmt: skip
MATCH_KEYS: Final = (*SOURCE_KEYS, "form")
_EXTERNAL_ID: Final = "external_id"
_TYPES: Final = get_args(EventType)


def load_mapping(text: str, file: str, resolve: Resolver | None = None) -> MappingFile:
    """Parse `text`, naming `file` in messages; raises ConfigurationError with all problems."""
    problems = Problems()
    top = read(text, file, problems, DIALECT)
    mapping = None
    if top is not None:
        mapping = _Parser(problems, resolve, top).mapping()
    if problems.lines or mapping is None:
        raise ConfigurationError(problems.lines)
    return mapping


class _Parser:
    def __init__(self, problems: Problems, resolve: Resolver | None, top: Node) -> None:
        self._problems = problems
        self._top = top
        self._entries = problems.keys(top, TOP_KEYS, required=("version", "tables", "upserts"))
        aliases = self._aliases(self._entries.get("aliases"))
        self._sources = Sources(problems, aliases, resolve)
        self._lenient = is_lenient(problems, self._entries.get("invalid_values"))
        self._tables = TableParser(problems, self._sources, lenient=self._lenient)

    def mapping(self) -> MappingFile:
        entries = self._entries
        version = entries.get("version")
        if version is not None and (version.value != 1 or isinstance(version.value, bool)):
            self._problems.expected(version, "1")
        rest = self._tables.rest(entries["rest"]) if "rest" in entries else Rest()
        tables: dict[str, Table] = {}
        if "tables" in entries:
            for name, node in self._problems.entries(entries["tables"]).items():
                tables[name] = self._tables.table(name, node, rest)
        names = self._tables.names(entries["names"]) if "names" in entries else Names()
        return MappingFile(tables, self._upserts(tables), names)

    def _aliases(self, node: Node | None) -> Mapping[str, tuple[str, ...]]:
        if node is None:
            return {}
        return {
            name: self._problems.texts(entry)
            for name, entry in self._problems.entries(node).items()
        }

    def _upserts(self, tables: Mapping[str, Table]) -> tuple[UpsertRule, ...]:
        node = self._entries.get("upserts")
        if node is None:
            return ()
        if not node.items:
            self._problems.expected(node, "a list of upserts")
            return ()
        return tuple(self._upsert(each, tables) for each in node.items)

    def _upsert(self, node: Node, tables: Mapping[str, Table]) -> UpsertRule:
        entries = self._problems.keys(node, UPSERT_KEYS, required=("when", "object", "match"))
        when = _NEVER
        if "when" in entries:
            when = self._condition(entries["when"])
        object_type = self._object_type(node, entries, when)
        table = self._problems.text(entries["table"]) if "table" in entries else None
        wanted = table or object_type
        if wanted is not None and wanted not in tables and ANY_OBJECT not in tables:
            self._problems.unknown(entries["table" if table else "object"], "table", wanted, tables)
        if wanted is None and when.external_id and ANY_OBJECT not in tables:
            self._problems.add(node, f'an object named by an event needs the table "{ANY_OBJECT}".')
        matches = self._matches(entries["match"], when) if "match" in entries else ()
        create = "create" not in entries or self._problems.boolean(entries["create"])
        update = "update" not in entries or self._problems.boolean(entries["update"])
        if not (create or update):
            self._problems.add(node, "create and update are both off: it would write nothing.")
        return UpsertRule(
            node.path, node.where, when, object_type, table, matches, create=create, update=update
        )

    def _object_type(self, node: Node, entries: Mapping[str, Node], when: Condition) -> str | None:
        given = entries.get("object")
        if given is None:
            return None
        if given.entries is None:
            return self._problems.text(given)
        inner = self._problems.keys(given, ("from",), required=("from",))
        if "from" in inner:
            self._problems.choice(inner["from"], "value", (_EXTERNAL_ID,))
        if not when.external_id:
            self._problems.add(
                node, "the object comes from the external id: missing when.external_id."
            )
        return None

    def _matches(self, node: Node, when: Condition) -> tuple[MatchRule, ...] | None:
        if node.value == _EXTERNAL_ID:
            if not when.external_id:
                self._problems.add(
                    node, "the match comes from the external id: missing when.external_id."
                )
            return None
        if node.items is None:
            self._problems.expected(node, "external_id, or a list such as [{Email: email}]")
            return ()
        return tuple(
            self._match(name, inner)
            for each in node.items
            for name, inner in self._problems.entries(each).items()
        )

    def _match(self, name: str, node: Node) -> MatchRule:
        if node.entries is None:
            sources = with_own_name(self._sources.several(node), name)
            return MatchRule(name, node.where, sources, lenient=self._lenient)
        entries = self._problems.keys(node, MATCH_KEYS)
        sources = self._sources.of_entries(node, entries, own=name)
        form = None
        if "form" in entries:
            form = self._problems.choice(entries["form"], "form", get_args(Form))
        return MatchRule(
            name, node.where, sources,
            "email" if form == "email" else "record_id" if form == "record_id" else "text",
            lenient=self._lenient,
        )  # fmt: skip

    def _condition(self, node: Node) -> Condition:
        entries = self._problems.keys(node, WHEN_KEYS, required=("type",))
        types = _types(self._problems, entries["type"]) if "type" in entries else frozenset()
        texts = self._problems.texts
        return Condition(
            types=types,
            names=frozenset(texts(entries["event"])) if "event" in entries else frozenset(),
            external_id=self._prefixes(entries.get("external_id")),
            no_external_id=self._prefixes(entries.get("no_external_id")),
            present=self._sources.paths(entries["present"]) if "present" in entries else (),
            absent=self._sources.paths(entries["absent"]) if "absent" in entries else (),
            equals=tuple(self._equals(entries["equals"])) if "equals" in entries else (),
        )

    def _prefixes(self, node: Node | None) -> tuple[str, ...]:
        """`Crm-*` gives the prefix `Crm-`."""
        if node is None:
            return ()
        found = []
        for each in node.each:
            text = self._problems.text(each)
            if text is None:
                continue
            if text.count("*") != 1 or not text.endswith("*") or len(text) == 1:
                self._problems.add(
                    each, f'expected a type ending in *, such as Crm-*, got "{text}".'
                )
            found.append(text.rstrip("*"))
        return tuple(found)

    def _equals(
        self, node: Node
    ) -> Iterable[tuple[Source, tuple[str | int | float | bool | None, ...]]]:
        for name, inner in self._problems.entries(node).items():
            source = self._sources.path(inner, name)
            if source is not None:
                yield source, tuple(self._sources.constant(each) for each in inner.each)


def _types(problems: Problems, node: Node) -> frozenset[EventType]:
    found: set[EventType] = set()
    for each in node.each:
        name = problems.choice(each, "event type", _TYPES)
        found.update(known for known in _TYPES if known == name)
    return frozenset(found)


_NEVER: Final = Condition(frozenset())
