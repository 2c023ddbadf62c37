"""From a trait's name to the fields it feeds: what `table.py` goes by instead of all fields."""

from collections.abc import Sequence
from typing import Literal, NamedTuple, TypeAlias

from transformer.mapping.model import Field, Path, Source
from transformer.upsert import Note

Target: TypeAlias = Literal["properties", "on_create", "on_update", "nowhere"]


class CompiledField:
    """One field: where its value goes, and how it is resolved exactly."""

    __slots__ = ("field", "name", "note", "plain_first", "sources", "target")

    def __init__(self, field: Field) -> None:
        self.field = field
        self.name = field.name
        self.sources = field.sources
        self.target: Target = "properties"
        self.note: Note | None = None
        self.plain_first = True
        if field.read_only:
            self.target, self.note = "nowhere", Note("read_only", field.name)
        elif field.write == "never":
            self.target, self.note = "nowhere", Note("dropped", field.name)
        elif field.writable != "always":
            self.target = "on_create" if field.writable == "create" else "on_update"


class Dispatch(NamedTuple):
    """Where traits go.

    `direct`: a scalar trait of one field, to its property; `unless_text`: those of them that are
    direct for text alone, to the field to resolve exactly for another scalar. `objects` and
    `parts_unless_text`: the same for the parts of an object. `special`: fields to resolve exactly
    when the trait is there. `always`: fields that depend on more than traits.
    """

    direct: dict[str, str]
    unless_text: dict[str, CompiledField]
    objects: dict[str, dict[str, str]]
    parts_unless_text: dict[str, dict[str, CompiledField]]
    special: dict[str, dict[CompiledField, None]]
    always: dict[CompiledField, None]


def dispatched(fields: Sequence[CompiledField]) -> Dispatch:
    """Sort the sources of all fields; notes on each field whether its plain sources come first."""
    users: dict[Path, set[str]] = {}
    for field in fields:
        for source in field.sources:
            if source.path and not source.root:
                users.setdefault(source.path, set()).add(field.name)
    deeper = {path[:size] for path in users for size in range(1, len(path))}
    dispatch = Dispatch({}, {}, {}, {}, {}, {})
    for field in fields:
        plain, other = [-1], [len(field.sources)]
        for rank, source in enumerate(field.sources):
            alone = len(users.get(source.path, ())) == 1 and field.target == "properties"
            if alone and source.is_plain_for_text and _is_direct(source, field, dispatch, deeper):
                plain.append(rank)
                if not source.is_plain:
                    other.append(rank)
                continue
            other.append(rank)
            if source.path and not source.root:
                dispatch.special.setdefault(source.path[0], {})[field] = None
            else:
                dispatch.always[field] = None
        field.plain_first = max(plain) < min(other)
    return dispatch


def _is_direct(source: Source, field: CompiledField, dispatch: Dispatch, deeper: set[Path]) -> bool:
    """Whether the source needs no more than its key; adds it to `dispatch` if so."""
    if len(source.path) == 1:
        dispatch.direct[source.path[0]] = field.name
        if not source.is_plain:
            dispatch.unless_text[source.path[0]] = field
        return True
    if len(source.path) == 2 and source.path not in deeper:  # noqa: PLR2004 - an object's part
        outer, inner = source.path
        dispatch.objects.setdefault(outer, {})[inner] = field.name
        if not source.is_plain:
            dispatch.parts_unless_text.setdefault(outer, {})[inner] = field
        return True
    return False
