"""The explicit route table of an emulator: what it knows by method and path, and nothing else.

Pure; knows neither HTTP servers nor vendors.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar
from urllib.parse import unquote

H = TypeVar("H")


@dataclass(frozen=True, slots=True)
class Match(Generic[H]):
    """A route that fits, with its decoded path parameters."""

    handler: H
    pattern: str
    params: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class NoMatch:
    """No route fits; `allowed` are the methods the path knows (empty: unknown path)."""

    allowed: tuple[str, ...]


@dataclass(slots=True)
class _Node(Generic[H]):
    pattern: str
    segments: tuple[str, ...]
    handlers: dict[str, H]


class RouteTable(Generic[H]):
    """Routes by method and pattern: `/jobs/{id}` matches one path segment as `id`.

    Literal segments win over parameters. One trailing slash is ignored.
    """

    def __init__(self, routes: Iterable[tuple[str, str, H]]) -> None:
        self._by_length: dict[int, list[_Node[H]]] = {}
        for method, pattern, handler in routes:
            self._node(pattern).handlers[method] = handler
        for nodes in self._by_length.values():
            nodes.sort(key=lambda node: sum(s.startswith("{") for s in node.segments))

    def _node(self, pattern: str) -> _Node[H]:
        segments = tuple(pattern.strip("/").split("/"))
        nodes = self._by_length.setdefault(len(segments), [])
        for node in nodes:
            if node.pattern == pattern:
                return node
        nodes.append(_Node(pattern, segments, {}))
        return nodes[-1]

    def find(self, method: str, path: str) -> Match[H] | NoMatch:
        """Return the route of `method` and raw `path`."""
        segments = path.removeprefix("/").removesuffix("/").split("/")
        allowed: list[str] = []
        for node in self._by_length.get(len(segments), ()):
            if not _fits(node.segments, segments):
                continue
            if method in node.handlers:
                params = {
                    name[1:-1]: unquote(text)
                    for name, text in zip(node.segments, segments, strict=True)
                    if name.startswith("{")
                }
                return Match(node.handlers[method], node.pattern, params)
            allowed.extend(node.handlers)
        return NoMatch(tuple(allowed))


def _fits(pattern: Sequence[str], segments: Sequence[str]) -> bool:
    return all(
        (name.startswith("{") and text != "") or name == text
        for name, text in zip(pattern, segments, strict=True)
    )
