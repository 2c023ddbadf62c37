"""The traits that no field of a table takes: custom fields, as they are, or left out."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from transformer.decode import name_of
from transformer.mapping.model import Names, Source, Table
from transformer.mapping.reading import CONTAINERS
from transformer.upsert import Note

_ANY: Final = re.compile(r".+", re.DOTALL)


class CompiledRest:
    """Names custom fields, and says what is wrong with the traits that become none."""

    def __init__(self, table: Table, names: Names) -> None:
        self.rest = table.rest
        self._declared = frozenset(field.name for field in table.fields)
        self._valid = names.field
        self._may_get_suffix = table.rest.names or _ANY
        plain = [source for field in table.fields for source in field.sources if not source.root]
        self._scalars = frozenset(source.path[0] for source in plain if len(source.path) == 1)
        nested = [source for source in plain if len(source.path) > 1]
        self._outer = frozenset(source.path[0] for source in nested)
        self._parts = frozenset(source.path for source in nested if not _takes_lists(source))
        self._lists = frozenset(
            source.path[0] for source in plain if len(source.path) == 1 and _takes_lists(source)
        )

    def takes(self, key: str, value: object) -> bool:
        """Whether the trait is one of the rest: no field has it as a source."""
        if type(value) in CONTAINERS:
            return key not in self._scalars and key not in self._outer
        return key not in self._scalars

    def name(self, key: str) -> str | None:
        """The property that the trait `key` becomes; None when it is left out."""
        rest = self.rest
        if rest.mode == "drop" or key in rest.ignore:
            return None
        name = self._spelled(key)
        return None if name in self._declared else name

    def exact(self, traits: Mapping[str, object]) -> dict[str, object]:
        """The traits of the rest that keep their own name: they win over those that get it."""
        return {
            key: value
            for key, value in traits.items()
            if self.name(key) == key and self.takes(key, value) and type(value) not in CONTAINERS
        }

    def odd(self, traits: Mapping[str, object], properties: dict[str, object]) -> list[Note]:
        """Go through what is no plain scalar: lists and objects of the rest, and what to note.

        Adds to `properties` what the rest makes of lists and objects.
        """
        notes: list[Note] = []
        for key, value in traits.items():
            if type(value) in CONTAINERS:
                if self.takes(key, value):
                    notes.extend(self._container(key, value, properties))
                else:
                    notes.extend(self._unusable(key, value))
            elif self.takes(key, value) and (note := self.note(key)) is not None:
                notes.append(note)
        return notes

    def _spelled(self, key: str) -> str | None:
        suffix = self.rest.suffix
        if self.rest.mode == "suffix" and not key.endswith(suffix):
            name = key + suffix if self._may_get_suffix.fullmatch(key) else None
        else:
            name = key
        return name if name is not None and self._valid.fullmatch(name) else None

    def note(self, key: str) -> Note | None:
        """Why the trait `key` of the rest is left out; None when it is not, or is on purpose."""
        if self.rest.mode == "drop" or key in self.rest.ignore:
            return None
        name = self._spelled(key)
        if name is None:
            return Note("invalid_field_name", key)
        if name in self._declared:
            return Note("dropped", key, f"the mapping fills {name} from other traits")
        return None

    def _container(self, key: str, value: object, properties: dict[str, object]) -> Iterator[Note]:
        rest = self.rest
        if rest.mode == "drop" or key in rest.ignore:
            return
        if rest.mode == "as_is":
            name = self.name(key)
            if name is not None:
                properties.setdefault(name, value)
            elif (note := self.note(key)) is not None:
                yield note
        elif rest.flatten and isinstance(value, dict):
            yield from self._flattened(key, value, properties)
        else:
            yield _not_a_scalar(key, value)

    def _flattened(
        self, key: str, value: Mapping[str, object], properties: dict[str, object]
    ) -> Iterator[Note]:
        """`{"a": {"b": 1}}` as `a_b` and the suffix; a trait of that name itself wins."""
        for inner_key, inner in value.items():
            path = f"{key}_{inner_key}"
            if isinstance(inner, dict):
                yield from self._flattened(path, inner, properties)
            elif isinstance(inner, list):
                yield _not_a_scalar(path, inner)
            elif (name := self.name(path)) is not None:
                properties.setdefault(name, inner)
            elif (note := self.note(path)) is not None:
                yield note

    def _unusable(self, key: str, value: object) -> Iterator[Note]:
        """A trait that fields take, as a list or object where they need a scalar."""
        if key in self._lists:
            return
        if isinstance(value, dict) and key in self._outer:
            for inner_key, inner in value.items():
                if (key, inner_key) in self._parts and type(inner) in CONTAINERS:
                    yield _not_a_scalar(f"{key}.{inner_key}", inner)
            return
        yield _not_a_scalar(key, value)


def _takes_lists(source: Source) -> bool:
    return bool(source.steps) and source.steps[0].lists


def _not_a_scalar(key: str, value: object) -> Note:
    return Note(
        "not_a_scalar", key, f"expected text, a number, a boolean or null, got {name_of(value)}"
    )
