"""One value of the configuration file: its texts, with variables and `file:` in their place.

Knows no key's meaning; that values may be secret is why no message of it shows one.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from transformer.document import Dialect, Node, Problems, near, read

_VARIABLE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")
DIALECT: Final = Dialect(
    thorough=True,
    aliases=True,
    line_of="value",
    invalid="not valid YAML: {why}. Indent with spaces, and quote texts with special characters.",
    empty="wrong content, expected a mapping of keys to values, got an empty file.",
    twice="given twice, first on line {line}. Remove one of them.",
    twice_at="key",
)


class Secret(str):
    """A text that does not show itself in a `repr`, a log of values or a traceback."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


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
class Entry:
    """One value of the file, with the problems and sources to read it with."""

    node: Node
    problems: Problems
    sources: Sources

    @property
    def path(self) -> str:
        """Where in the document it is."""
        return self.node.path

    @property
    def line(self) -> int:
        """The line in the file, from 1."""
        return self.node.line

    @property
    def is_null(self) -> bool:
        """Whether it is `null`, `~` or nothing at all."""
        return self.node.is_null

    @property
    def kind(self) -> str:
        """What it is, in words, without its value: that may be a secret."""
        if self.is_null:
            return "nothing"
        if self.node.entries is not None:
            return "a mapping"
        return "one value" if self.node.items is None else "a list"

    def problem(self, what: str) -> None:
        """Note a problem, worded `what is wrong, expected X, got Y. What to do.` as `what`."""
        self.problems.add(self.node, what)

    def pairs(self) -> "dict[str, Entry]":
        """The keys and values of a mapping; a problem and nothing when it is none."""
        if self.node.entries is None and not self.is_null:
            self.problem(f"wrong type, expected a mapping of keys to values, got {self.kind}.")
        return {name: self._child(node) for name, node in (self.node.entries or {}).items()}

    def entries(self) -> "list[Entry]":
        """The entries of a list; a problem and nothing when it is none."""
        if self.node.items is None and not self.is_null:
            self.problem(f"wrong type, expected a list, got {self.kind}.")
        return [self._child(node) for node in self.node.items or ()]

    def text(self, *, read_files: bool = True) -> str | None:
        """The scalar as written, with variables and `file:` resolved; None with a problem."""
        if self.node.items is not None or self.node.entries is not None:
            self.problem(f"wrong type, expected one value, got {self.kind}.")
            return None
        text = self._with_variables(self.node.text)
        if text is not None and read_files and text.startswith("file:"):
            return self._from_file(text.removeprefix("file:"))
        return text

    def _child(self, node: Node) -> "Entry":
        return Entry(node, self.problems, self.sources)

    def _with_variables(self, text: str) -> str | None:
        missing: list[str] = []

        def value(match: re.Match[str]) -> str:
            name, default = match[1], match[2]
            found = self.sources.environment.get(name, "")
            if found or default is not None:
                return found or str(default)
            missing.append(name)
            return ""

        if "${" in _VARIABLE.sub(lambda match: match[2] or "", text):
            self.problem(
                "`${` begins no variable, expected ${NAME} or ${NAME:-default}. Correct it; a text "
                "that holds `${` itself may come from a variable or a file."
            )
            return None
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
            if text := path.read_text(encoding="utf-8").rstrip("\r\n"):
                return text
            why = "an empty file"
        except OSError as fault:
            why = fault.strerror or "an unreadable file"
        except UnicodeDecodeError:
            why = "not UTF-8 text"
        if not self.sources.is_lenient(self.path):
            self.problem(f"cannot read the file {path}, expected a text file, got: {why}.")
        return None


def parse(text: str, file: str, problems: Problems, sources: Sources) -> Entry | None:
    """Parse `text` to its root, `$`; None, with problems, when it is not a YAML mapping."""
    node = read(text, file, problems, DIALECT)
    if node is None:
        return None
    if node.entries is None:
        what = "wrong content, expected a mapping of keys to values, got something else."
        problems.add(Node(file, 1, "$"), what)
        return None
    return Entry(node, problems, sources)


def listed(words: Sequence[str]) -> str:
    """The words as a message lists them, a long list cut short."""
    return ", ".join(words)


def unknown_keys(pairs: Mapping[str, Entry], known: Sequence[str]) -> Iterator[str]:
    """Note a problem for every key that is not `known`, and yield its name."""
    for name, node in pairs.items():
        if name not in known:
            node.problem(
                f'unknown key "{name}", expected one of {listed(known)}.{near(name, known)}'
            )
            yield name
