"""A YAML document with positions: nodes in, texts and problems out. Knows no key's meaning."""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import yaml

_VARIABLE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")
_MERGE: Final = "tag:yaml.org,2002:merge"
_NULL: Final = "tag:yaml.org,2002:null"


class Secret(str):
    """A text that does not show itself in a `repr`, a log of values or a traceback."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


@dataclass(slots=True)
class Problems:
    """Everything wrong with one file, in the order it was found, each with its position."""

    file: str
    lines: list[str] = field(default_factory=list)

    def add(self, line: int, path: str, what: str) -> None:
        """Note one problem, worded `what is wrong, expected X, got Y. What to do.` as `what`."""
        text = f"{self.file}:{line}: {path}: {what}"
        if text not in self.lines:
            self.lines.append(text)


@dataclass(frozen=True, slots=True)
class Sources:
    """What `${NAME}` and `file:` may take values from. `lenient` paths do without them."""

    environment: Mapping[str, str]
    folder: Path
    lenient: tuple[str, ...] = ()

    def is_lenient(self, path: str) -> bool:
        """Whether a value missing at `path` is no problem for what is to be done."""
        return any(part in path for part in self.lenient)


@dataclass(frozen=True, slots=True)
class Node:
    """One node of the document, with its path and the file's problems and sources."""

    raw: yaml.Node
    path: str
    problems: Problems
    sources: Sources

    @property
    def line(self) -> int:
        """The line in the file, from 1."""
        return int(self.raw.start_mark.line) + 1

    @property
    def is_null(self) -> bool:
        """Whether it is `null`, `~` or nothing at all."""
        return isinstance(self.raw, yaml.ScalarNode) and self.raw.tag == _NULL

    @property
    def kind(self) -> str:
        """What it is, in words, without its value."""
        if self.is_null:
            return "nothing"
        if isinstance(self.raw, yaml.MappingNode):
            return "a mapping"
        return "a list" if isinstance(self.raw, yaml.SequenceNode) else "one value"

    def problem(self, what: str) -> None:
        """Note a problem with this node."""
        self.problems.add(self.line, self.path, what)

    def pairs(self) -> "dict[str, Node]":
        """The keys and values of a mapping; a problem and nothing when it is none."""
        if self.is_null:
            return {}
        if not isinstance(self.raw, yaml.MappingNode):
            self.problem(f"wrong type, expected a mapping of keys to values, got {self.kind}.")
            return {}
        found: dict[str, Node] = {}
        merged: dict[str, Node] = {}
        for key, value in self.raw.value:
            if key.tag == _MERGE:
                for part in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                    merged.update(self._child(part, "").pairs())
            elif (name := str(key.value)) in found:
                self._child(key, f".{name}").problem(
                    f"given twice, first on line {found[name].line}. Remove one of them."
                )
            else:
                found[name] = self._child(value, f".{name}")
        return merged | found

    def entries(self) -> "list[Node]":
        """The entries of a list; a problem and nothing when it is none."""
        if self.is_null:
            return []
        if not isinstance(self.raw, yaml.SequenceNode):
            self.problem(f"wrong type, expected a list, got {self.kind}.")
            return []
        return [self._child(raw, f"[{index}]") for index, raw in enumerate(self.raw.value)]

    def text(self, *, read_files: bool = True) -> str | None:
        """The scalar as written, with variables and `file:` resolved; None with a problem."""
        if not isinstance(self.raw, yaml.ScalarNode):
            self.problem(f"wrong type, expected one value, got {self.kind}.")
            return None
        text = self._with_variables(str(self.raw.value))
        if text is not None and read_files and text.startswith("file:"):
            return self._from_file(text.removeprefix("file:"))
        return text

    def _child(self, raw: yaml.Node, suffix: str) -> "Node":
        return Node(raw, self.path + suffix, self.problems, self.sources)

    def _with_variables(self, text: str) -> str | None:
        missing: list[str] = []

        def value(match: re.Match[str]) -> str:
            name, default = match[1], match[2]
            found = self.sources.environment.get(name, "")
            if found or default is not None:
                return found or str(default)
            missing.append(name)
            return ""

        resolved = _VARIABLE.sub(value, text)
        if not missing:
            return resolved
        if not self.sources.is_lenient(self.path):
            for name in missing:
                self.problem(
                    f"the environment variable {name} is not set, expected a value. "
                    f"Set it, or write ${{{name}:-default}}."
                )
        return None

    def _from_file(self, name: str) -> str | None:
        path = self.sources.folder / name.removeprefix("//")
        try:
            return path.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as fault:
            if not self.sources.is_lenient(self.path):
                why = getattr(fault, "strerror", None) or "not UTF-8 text"
                self.problem(f"cannot read the file {path}, expected a text file, got: {why}.")
            return None


def parse(text: str, problems: Problems, sources: Sources) -> Node | None:
    """Parse `text` to its root node, `$`; None, with problems, when it is not a YAML mapping."""
    try:
        raw = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as fault:
        mark = getattr(fault, "problem_mark", None)
        what = getattr(fault, "problem", None) or "unreadable"
        problems.add(mark.line + 1 if mark else 1, "$", f"not valid YAML: {what}.")
        return None
    if not isinstance(raw, yaml.MappingNode):
        got = "an empty file" if raw is None else "something else"
        problems.add(1, "$", f"wrong content, expected a mapping of keys to values, got {got}.")
        return None
    return Node(raw, "$", problems, sources)


def suggestion(word: str, known: Iterable[str]) -> str:
    """` Did you mean "x"?` when one of `known` is close to `word`, else nothing."""
    close = difflib.get_close_matches(word.lower(), list(known), n=1, cutoff=0.6)
    return f' Did you mean "{close[0]}"?' if close else ""


def listed(words: Sequence[str]) -> str:
    """The words as a message lists them, a long list cut short."""
    return ", ".join(words)


def unknown_keys(pairs: Mapping[str, Node], known: Sequence[str]) -> Iterator[str]:
    """Note a problem for every key that is not `known`, and yield its name."""
    for name, node in pairs.items():
        if name not in known:
            node.problem(
                f'unknown key "{name}", expected one of {listed(known)}.{suggestion(name, known)}'
            )
            yield name
