"""The YAML document: a tree whose every node knows its file, line and path.

Owns reading YAML and the shape of error messages; knows nothing of what a file may hold: the
configuration and the mappings each say how they are read, in a `Dialect`.
"""

import difflib
import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

import yaml

Constant: TypeAlias = "str | int | float | bool | None"

_STRING = "tag:yaml.org,2002:str"
_CONSTANTS = {
    f"tag:yaml.org,2002:{name}": name for name in ("int", "float", "bool", "null", "timestamp")
}
_MAX_DEPTH = 32
_MAX_NODES = 100_000
_MERGE = "tag:yaml.org,2002:merge"


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one kind of file is read, and how it words what cannot be read at all.

    A `thorough` reading takes ten times as long, and its messages say more. `aliases` says whether
    anchors, aliases and merge keys may be used. An entry's line is that of its key, or of its
    value. A key given `twice` is said of the object, or of the key; `{name}` and the first `{line}`
    are filled in, in `invalid` the YAML library's own `{why}`.
    """

    thorough: bool
    aliases: bool
    line_of: Literal["key", "value"]
    invalid: str
    empty: str
    twice: str
    twice_at: Literal["object", "key"]

    @property
    def loader(self) -> "type[yaml.SafeLoader | yaml.CSafeLoader]":
        """The library's reader in Python, or the one in C."""
        return yaml.SafeLoader if self.thorough else yaml.CSafeLoader


@dataclass(frozen=True, slots=True)
class Node:
    """One value of the document. Exactly one of `items`, `entries` is set for a list or object.

    `text` is a scalar as it is written, before YAML made a number or a boolean of it.
    """

    file: str
    line: int
    path: str
    value: Constant = None
    items: "tuple[Node, ...] | None" = None
    entries: "dict[str, Node] | None" = None
    text: str = field(default="", compare=False)

    @property
    def where(self) -> str:
        """Where it is, for messages and for `FieldUse`: `file:line`."""
        return f"{self.file}:{self.line}"

    @property
    def kind(self) -> str:
        """What it is, in the words of a message."""
        if self.entries is not None:
            return "an object"
        if self.items is not None:
            return "a list"
        if self.value is None:
            return "nothing"
        if isinstance(self.value, bool):
            return f"the boolean {str(self.value).lower()}"
        if isinstance(self.value, str):
            return f'"{self.value}"'
        return f"the number {self.value}"

    @property
    def is_null(self) -> bool:
        """Whether it is `null`, `~` or nothing at all."""
        return self.value is None and self.items is None and self.entries is None

    @property
    def each(self) -> "tuple[Node, ...]":
        """Its items when it is a list, else itself alone: `a` and `[a]` mean the same."""
        return (self,) if self.items is None else self.items


@dataclass(slots=True)
class Problems:
    """All problems found, in the order found, each once; each is one line for a person."""

    lines: list[str] = field(default_factory=list)

    def add(self, node: Node, text: str) -> None:
        """Report `text` (what, expected, got, what to do) at `node`."""
        line = f"{node.where}: {node.path}: {text}"
        if line not in self.lines:
            self.lines.append(line)

    def expected(self, node: Node, what: str) -> None:
        """Report that `node` is not what it should be."""
        hint = ""
        if isinstance(node.value, bool) and "text" in what:
            hint = " Put it in quotes."
        self.add(node, f"expected {what}, got {node.kind}.{hint}")

    def unknown(self, node: Node, what: str, name: str, known: Iterable[str]) -> None:
        """Report a name that is not one of `known`, with the nearest of them."""
        names = sorted(known)
        among = f"expected one of {', '.join(names)}" if names else "there are none"
        self.add(node, f'unknown {what} "{name}", {among}.{near(name, names)}')

    def text(self, node: Node) -> str | None:
        """The text of `node`, or None and a problem."""
        if isinstance(node.value, str) and node.value.strip():
            return node.value
        self.expected(node, "text")
        return None

    def texts(self, node: Node) -> tuple[str, ...]:
        """The text or list of texts of `node`; what is neither becomes a problem."""
        return tuple(text for each in node.each if (text := self.text(each)) is not None)

    def boolean(self, node: Node) -> bool:
        """The boolean of `node`, or False and a problem."""
        if isinstance(node.value, bool):
            return node.value
        self.expected(node, "true or false")
        return False

    def choice(self, node: Node, what: str, known: Iterable[str]) -> str | None:
        """The text of `node` when it is one of `known`, or None and a problem."""
        known = tuple(known)
        if isinstance(node.value, str) and node.value not in known:
            self.unknown(node, what, node.value, known)
            return None
        return self.text(node)

    def entries(self, node: Node) -> dict[str, Node]:
        """The entries of an object with free keys, or none and a problem."""
        if node.entries is not None:
            return node.entries
        self.expected(node, "an object")
        return {}

    def keys(
        self, node: Node, known: Iterable[str], required: Iterable[str] = ()
    ) -> dict[str, Node]:
        """The entries of an object whose keys are closed; others and missing ones are problems."""
        known = tuple(known)
        entries = self.entries(node)
        for name, entry in entries.items():
            if name not in known:
                self.unknown(entry, "key", name, known)
        for name in required:
            if node.entries is not None and name not in entries:
                self.add(node, f'missing key "{name}".')
        return {name: entry for name, entry in entries.items() if name in known}


def near(name: str, known: Iterable[str]) -> str:
    """` Did you mean "x"?` with the nearest of `known`, or nothing."""
    folded = {each.casefold(): each for each in known}
    close = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.6)
    return f' Did you mean "{folded[close[0]]}"?' if close else ""


def read(text: str, file: str, problems: Problems, dialect: Dialect) -> Node | None:
    """Parse `text`; None and a problem when it is not YAML or holds nothing."""
    try:
        deep_line = _too_deep_line(text, dialect)
        tree = yaml.compose(text, Loader=dialect.loader) if deep_line is None else None
    except yaml.YAMLError as error:
        problems.add(_at(error, file), dialect.invalid.format(why=_first_line(error)))
        return None
    if deep_line is not None:
        problems.add(Node(file, deep_line, "$"), f"nested more than {_MAX_DEPTH} levels deep.")
        return None
    if tree is None:
        problems.add(Node(file, 1, "$"), dialect.empty)
        return None
    return _Composer(file, problems, dialect).node(tree, "$")


def _too_deep_line(text: str, dialect: Dialect) -> int | None:
    """The line that nests too deeply: the composer recurses without a limit and would crash."""
    depth = 0
    for event in yaml.parse(text, Loader=dialect.loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > _MAX_DEPTH and event.start_mark is not None:
                return event.start_mark.line + 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
    return None


def _at(error: yaml.YAMLError, file: str) -> Node:
    mark = error.problem_mark if isinstance(error, yaml.MarkedYAMLError) else None
    return Node(file, mark.line + 1 if mark is not None else 1, "$")


def _first_line(error: yaml.YAMLError) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem:
        return error.problem
    return str(error).splitlines()[0]


class _Composer:
    """Turns the YAML library's nodes into ours, and refuses what this document must not hold."""

    def __init__(self, file: str, problems: Problems, dialect: Dialect) -> None:
        self._file = file
        self._problems = problems
        self._dialect = dialect
        self._seen: set[int] = set()
        self._within: list[int] = []
        self._nodes = 0

    def node(self, tree: yaml.Node, path: str, line: int | None = None) -> Node:
        line = line or tree.start_mark.line + 1
        here = Node(self._file, line, path)
        self._nodes += 1
        if isinstance(tree, yaml.ScalarNode):
            return replace(here, value=self._constant(tree, path), text=str(tree.value))
        refused = self._refused(tree)
        if refused:
            self._problems.add(here, refused)
            return here
        self._within.append(id(tree))
        if isinstance(tree, yaml.SequenceNode):
            items = tuple(
                self.node(item, f"{path}[{index}]") for index, item in enumerate(tree.value)
            )
            found = replace(here, items=items)
        else:
            found = replace(here, entries=self._entries(tree, path))
        self._within.pop()
        return found

    def _refused(self, tree: yaml.Node) -> str:
        """What is wrong with a list or object that an alias leads to; nothing when it is not.

        An alias inside of what it stands for has no end, and aliases of aliases grow without one.
        """
        if id(tree) in self._within:
            return "an alias of what it is a part of has no end. Write it out."
        if len(self._within) >= _MAX_DEPTH:
            return f"nested more than {_MAX_DEPTH} levels deep."
        if self._nodes > _MAX_NODES:
            return f"more than {_MAX_NODES} values, counting what aliases stand for."
        if id(tree) in self._seen and not self._dialect.aliases:
            return "aliases are not supported. Write it out."
        self._seen.add(id(tree))
        return ""

    def _entries(self, tree: yaml.Node, path: str) -> dict[str, Node]:
        found: dict[str, Node] = {}
        merged: dict[str, Node] = {}
        for key, value in tree.value:
            here = Node(self._file, key.start_mark.line + 1, path)
            if not isinstance(key, yaml.ScalarNode):
                self._problems.add(here, "expected text as a key, got a list or an object.")
                continue
            if key.tag == _MERGE and self._dialect.aliases:
                merged.update(self._merged(value, path))
                continue
            name = str(key.value)
            plain = name.replace("_", "").replace("-", "").isalnum()
            inner = f"{path}.{name}" if plain else f'{path}["{name}"]'
            if name in found:
                place = here if self._dialect.twice_at == "object" else replace(here, path=inner)
                text = self._dialect.twice.format(name=name, line=found[name].line)
                self._problems.add(place, text)
            at_key = self._dialect.line_of == "key"
            found[name] = self.node(value, inner, here.line if at_key else None)
        return merged | found

    def _merged(self, value: yaml.Node, path: str) -> dict[str, Node]:
        """The entries of the object, or of the list of objects, that a merge key names."""
        found: dict[str, Node] = {}
        node = self.node(value, path)
        for each in node.each:
            if each.entries is None:
                self._problems.add(each, "expected an object to merge, or a list of them.")
            found.update(each.entries or {})
        return found

    def _constant(self, tree: yaml.ScalarNode, path: str) -> Constant:
        name = _CONSTANTS.get(tree.tag)
        if tree.tag == _STRING or name == "timestamp":
            return str(tree.value)
        if name is None:
            here = Node(self._file, tree.start_mark.line + 1, path)
            self._problems.add(here, f'the tag "{tree.tag}" is not supported. Remove it.')
            return None
        return _converted(tree.value, name)


def _converted(text: str, name: str) -> Constant:
    if name == "null":
        return None
    if name == "bool":
        return text.lower() in ("true", "yes", "on")
    try:
        number = yaml.safe_load(text)
    except ValueError:  # thousands of digits
        return text
    return number if isinstance(number, int | float) and math.isfinite(number) else text
