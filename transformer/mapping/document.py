"""The YAML document: a tree whose every node knows its file, line and path.

Owns reading YAML and the shape of error messages; knows nothing of what a mapping may hold.
"""

import difflib
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

import yaml

Constant: TypeAlias = "str | int | float | bool | None"

_STRING = "tag:yaml.org,2002:str"
_CONSTANTS = {
    f"tag:yaml.org,2002:{name}": name for name in ("int", "float", "bool", "null", "timestamp")
}
_MAX_DEPTH = 32


@dataclass(frozen=True, slots=True)
class Node:
    """One value of the document. Exactly one of `items`, `entries` is set for a list or object."""

    file: str
    line: int
    path: str
    value: Constant = None
    items: "tuple[Node, ...] | None" = None
    entries: "dict[str, Node] | None" = None

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
    def each(self) -> "tuple[Node, ...]":
        """Its items when it is a list, else itself alone: `a` and `[a]` mean the same."""
        return (self,) if self.items is None else self.items


@dataclass(slots=True)
class Problems:
    """All problems found, in the order found; each is one line for a person."""

    lines: list[str] = field(default_factory=list)

    def add(self, node: Node, text: str) -> None:
        """Report `text` (what, expected, got, what to do) at `node`."""
        self.lines.append(f"{node.where}: {node.path}: {text}")

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


def read(text: str, file: str, problems: Problems) -> Node | None:
    """Parse `text`; None and a problem when it is not a YAML object."""
    try:
        deep_line = _too_deep_line(text)
        tree = yaml.compose(text, Loader=yaml.CSafeLoader) if deep_line is None else None
    except yaml.YAMLError as error:
        problems.add(_at(error, file), f"not YAML: {_first_line(error)}.")
        return None
    if deep_line is not None:
        problems.add(Node(file, deep_line, "$"), f"nested more than {_MAX_DEPTH} levels deep.")
        return None
    if tree is None:
        problems.add(Node(file, 1, "$"), "expected an object, got an empty file.")
        return None
    return _Composer(file, problems).node(tree, "$")


def _too_deep_line(text: str) -> int | None:
    """The line that nests too deeply: the composer recurses without a limit and would crash."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
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

    def __init__(self, file: str, problems: Problems) -> None:
        self._file = file
        self._problems = problems
        self._seen: set[int] = set()

    def node(self, tree: yaml.Node, path: str, line: int | None = None) -> Node:
        line = line or tree.start_mark.line + 1
        if isinstance(tree, yaml.ScalarNode):
            return Node(self._file, line, path, value=self._constant(tree, path))
        here = Node(self._file, line, path)
        if id(tree) in self._seen:
            self._problems.add(here, "aliases are not supported. Write it out.")
            return here
        self._seen.add(id(tree))
        if isinstance(tree, yaml.SequenceNode):
            items = tuple(
                self.node(item, f"{path}[{index}]") for index, item in enumerate(tree.value)
            )
            return Node(self._file, line, path, items=items)
        return Node(self._file, line, path, entries=dict(self._entries(tree, path)))

    def _entries(self, tree: yaml.Node, path: str) -> Iterator[tuple[str, Node]]:
        names: set[str] = set()
        for key, value in tree.value:
            here = Node(self._file, key.start_mark.line + 1, path)
            if not isinstance(key, yaml.ScalarNode):
                self._problems.add(here, "expected text as a key, got a list or an object.")
                continue
            name = str(key.value)
            if name in names:
                self._problems.add(here, f'the key "{name}" is there twice. Keep one.')
            names.add(name)
            plain = name.replace("_", "").replace("-", "").isalnum()
            inner = f"{path}.{name}" if plain else f'{path}["{name}"]'
            yield name, self.node(value, inner, here.line)

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
    number = yaml.safe_load(text)
    return number if isinstance(number, int | float) and math.isfinite(number) else text
