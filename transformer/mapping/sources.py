"""Parses where values come from: paths, aliases, directives, templates and constants.

Owns the syntax of one source; which field takes it is `parse.py`'s.
"""

import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from transformer.document import Constant, Node, Problems
from transformer.mapping.directives import BY_NAME, Argument, Directive, applied
from transformer.mapping.model import Path, PythonFunction, Source, Step, TemplatePart

Resolver = Callable[[str], PythonFunction]
SOURCE_KEYS: Final = ("from", "apply", "value", "template")
_PYTHON: Final = "python"


@dataclass(frozen=True, slots=True)
class Sources:
    """The parser of sources: knows the aliases and how named functions are found."""

    problems: Problems
    aliases: Mapping[str, tuple[str, ...]]
    resolve: Resolver | None = None

    def several(self, node: Node) -> tuple[Source, ...]:
        """A source or a list of them, aliases spelled out, in the order they are tried."""
        found = [source for each in node.each for source in self._one(each)]
        return tuple(dict.fromkeys(found))

    def of_entries(
        self, node: Node, entries: Mapping[str, Node], own: str = ""
    ) -> tuple[Source, ...]:
        """The sources that `from`, `value` or `template` give, with `apply` on each of them.

        `own` is the property they are for: a trait spelled like it is the last of them.
        """
        given = [name for name in ("from", "value", "template") if name in entries]
        if len(given) != 1:
            got = " and ".join(given) or "none of them"
            self.problems.add(node, f"expected one of from, value, template, got {got}.")
            return ()
        steps = self._steps(entries["apply"]) if "apply" in entries else ()
        inner = entries[given[0]]
        if given[0] == "from":
            sources = self.several(inner)
        elif given[0] == "value":
            sources = self._constant(inner)
        else:
            sources = self._template(inner)
        if own:
            sources = with_own_name(sources, own)
        return tuple(replace(source, steps=(*source.steps, *steps)) for source in sources)

    def paths(self, node: Node) -> tuple[Source, ...]:
        """One source per path of a text or list of texts, no aliases."""
        return tuple(
            source
            for each in node.each
            if (text := self.problems.text(each)) is not None
            and (source := self.path(each, text)) is not None
        )

    def path(self, node: Node, text: str) -> Source | None:
        """One path, `a.b` into the traits or `$.a.b` into the event, or None and a problem."""
        parsed = _path(text)
        if parsed is None:
            what = "a path such as address.city or $.properties.plan"
            self.problems.add(node, f'expected {what}, got "{text}".')
            return None
        return Source(text, parsed[0], root=parsed[1])

    def _one(self, node: Node) -> tuple[Source, ...]:
        if node.entries is not None:
            return self.of_entries(node, self.problems.keys(node, SOURCE_KEYS))
        text = self.problems.text(node)
        spellings = () if text is None else (text, *self.aliases.get(text, ()))
        found = [self.path(node, spelling) for spelling in spellings]
        return tuple(source for source in found if source is not None)

    def _constant(self, node: Node) -> tuple[Source, ...]:
        value = self.constant(node)
        return (Source(f"value {value!r}", constant=value),)

    def constant(self, node: Node) -> Constant:
        """The text, number, boolean or null of `node`."""
        if node.items is not None or node.entries is not None:
            self.problems.expected(node, "text, a number, a boolean or null")
        return node.value

    def _template(self, node: Node) -> tuple[Source, ...]:
        text = self.problems.text(node)
        if text is None:
            return ()
        parts: list[TemplatePart] = []
        try:
            pieces = [*string.Formatter().parse(text)]
        except ValueError as error:
            self.problems.add(node, f"expected text with paths in braces: {error}.")
            return ()
        for literal, name, spec, conversion in pieces:
            if name is None:
                parts.append(TemplatePart(literal))
                continue
            source = self.path(node, name)
            if source is None or spec or conversion:
                if source is not None:
                    self.problems.add(node, "expected a path alone in the braces.")
                return ()
            parts.append(TemplatePart(literal, source.path, root=source.root))
        return (Source(f'template "{text}"', template=tuple(parts)),)

    def _steps(self, node: Node) -> tuple[Step, ...]:
        return tuple(step for each in node.each if (step := self._step(each)) is not None)

    def _step(self, node: Node) -> Step | None:  # noqa: PLR0911 - one return per mistake
        name, given = self._named(node)
        if name is None:
            return None
        if name == _PYTHON:
            return self._python(node, given)
        directive = BY_NAME.get(name)
        if directive is None:
            self.problems.unknown(node, "directive", name, [*BY_NAME, _PYTHON])
            return None
        if given is None and directive.argument == "none":
            return Step(
                name,
                applied(directive, None),
                keeps_text=directive.keeps_text,
                yields=directive.yields,
            )
        if given is None:
            wanted = f"{{{name}: {directive.argument}}}"
            self.problems.add(node, f"the directive {name} needs an argument, expected {wanted}.")
            return None
        ok, argument = self._argument(directive, given)
        if not ok:
            return None
        label = f"{name}({_shown(argument)})"
        return Step(
            label,
            applied(directive, argument),
            lists=directive.lists,
            yields=directive.yields,
            table=tuple(argument.items()) if isinstance(argument, Mapping) else (),
            truncates=argument if isinstance(argument, int) else None,
        )

    def _named(self, node: Node) -> tuple[str | None, Node | None]:
        if node.entries is None:
            return self.problems.text(node), None
        if len(node.entries) != 1:
            self.problems.add(node, f"expected one directive, got {len(node.entries)}.")
            return None, None
        return next(iter(node.entries.items()))

    def _argument(self, directive: Directive, node: Node) -> tuple[bool, Argument]:
        value = node.value
        if directive.argument == "table" and node.entries is not None:
            return True, {name: self.constant(entry) for name, entry in node.entries.items()}
        if directive.argument == "text" and isinstance(value, str):
            return True, value
        if directive.argument == "whole number" and type(value) is int and value > 0:
            return True, value
        wanted = {
            "table": "an object of texts",
            "text": "text",
            "whole number": "a whole number above 0",
            "none": "no argument",
        }
        self.problems.expected(node, wanted[directive.argument])
        return False, None

    def _python(self, node: Node, given: Node | None) -> Step | None:
        name = self.problems.text(given or node)
        if name is None:
            return None
        if given is None or name.count(":") != 1:
            self.problems.add(node, 'expected {python: "module:function"}.')
            return None
        if self.resolve is None:
            self.problems.add(node, f"the function {name} cannot be loaded here.")
            return None
        try:
            function = self.resolve(name)
        except Exception as error:  # noqa: BLE001 - importing foreign code can raise anything
            text = f"the function {name} cannot be loaded: {type(error).__name__}: {error}."
            self.problems.add(node, text)
            return None
        return Step(f"python({name})", python=function, lists=True)


def with_own_name(sources: tuple[Source, ...], name: str) -> tuple[Source, ...]:
    """`sources` and, as the last of them, a trait spelled as the property itself."""
    own = Source(name, (name,))
    ends = any(not each.path and not each.template for each in sources)
    return sources if ends or own in sources else (*sources, own)


def _shown(argument: Argument) -> str:
    return "…" if isinstance(argument, Mapping) else repr(argument)


def _path(text: str) -> tuple[Path, bool] | None:
    root = text.startswith("$.")
    segments = tuple(text.removeprefix("$.").split("."))
    if any(not segment or segment != segment.strip() or segment == "$" for segment in segments):
        return None
    return segments, root
