"""Why an event became what it became: the slow, exact twin of `table.py`.

It goes by the table's fields and records every source looked at. Both must agree.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from transformer.decode import name_of
from transformer.event import Event
from transformer.mapping.conversions import ABSENT
from transformer.mapping.dispatch import CompiledField
from transformer.mapping.model import Direction, Source
from transformer.mapping.reading import CONTAINERS, Refused, raw_value, read_source
from transformer.mapping.rules import Writer
from transformer.mapping.table import CompiledTable, Written, sorted_notes
from transformer.outcome import Rejected, Skipped
from transformer.upsert import Note, Upsert

Goes: TypeAlias = Literal["properties", "on_create", "on_update", "left out", "default"]
Evaluated: TypeAlias = tuple[Upsert | Rejected, ...] | Skipped


@dataclass(frozen=True, slots=True)
class PassedOver:
    """A source that was looked at and gave nothing, and why."""

    source: str
    why: str


@dataclass(frozen=True, slots=True)
class FieldExplanation:
    """One field that had something to say: where its value came from and where it went.

    `source` is None for a default, a match key, and a field all of whose sources were passed over
    (`left out`, value None); `where` is `file:line`, empty for a trait of the rest. `additive` is
    the separator of one whose values add up, `apart` says that it keeps events apart.
    """

    name: str
    where: str
    goes: Goes
    value: object
    source: str | None
    directives: tuple[str, ...] = ()
    passed_over: tuple[PassedOver, ...] = ()
    note: Note | None = None
    additive: str = ""
    apart: bool = False


@dataclass(frozen=True, slots=True)
class UpsertExplanation:
    """One result of the event with its fields; `unmapped` are the traits that went nowhere.

    `direction` is its table's, None where no table was used.
    """

    result: Upsert | Rejected
    fields: tuple[FieldExplanation, ...] = ()
    unmapped: tuple[str, ...] = ()
    direction: Direction | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """All results of an event, or why it was skipped."""

    skipped: Skipped | None
    upserts: tuple[UpsertExplanation, ...] = ()


def explained(event: Event, evaluate: Callable[[Event, Writer], Evaluated]) -> Explanation:
    """Evaluate `event` by its fields, and keep the reasons."""
    traces: dict[int, Trace] = {}

    def write(table: CompiledTable, event: Event) -> Written:
        trace = Trace(table, event)
        written = trace.write()
        traces[id(written.properties)] = trace
        return written

    results = evaluate(event, write)
    if isinstance(results, Skipped):
        return Explanation(results)
    return Explanation(None, tuple(_with_fields(result, traces) for result in results))


def _with_fields(result: Upsert | Rejected, traces: "Mapping[int, Trace]") -> UpsertExplanation:
    trace = traces.get(id(result.properties)) if isinstance(result, Upsert) else None
    if trace is None or not isinstance(result, Upsert):
        return UpsertExplanation(result)
    return UpsertExplanation(result, trace.fields_of(result), trace.unmapped(), trace.direction)


class Trace:
    """One table over one event, field by field."""

    def __init__(self, table: CompiledTable, event: Event) -> None:
        self._table = table
        self._event = event
        self._found: list[FieldExplanation] = []
        self._used: set[str] = set()
        self._passed: dict[str, tuple[PassedOver, ...]] = {}
        self._unusable: dict[str, Note] = {}

    @property
    def direction(self) -> Direction:
        """The direction of the table."""
        return self._table.table.direction

    def write(self) -> Written:
        """What `CompiledTable.write` gives, by the slow way; raises Refused."""
        targets: dict[str, dict[str, object]] = {
            "properties": {}, "on_create": {}, "on_update": {}, "nowhere": {},
        }  # fmt: skip
        notes: list[Note] = []
        for field in self._table.fields:
            found = self._field(field)
            if found is not None:
                self._found.append(found)
                targets[field.target][field.name] = found.value
                if found.note is not None:
                    notes.append(found.note)
        notes.extend(self._unusable.values())
        properties = targets["properties"]
        self._rest(properties)
        notes.extend(self._table.rest.odd(self._event.traits, properties))
        on_create = self._table.add_defaults(properties, targets["on_create"])
        return Written(properties, on_create, targets["on_update"], sorted_notes(notes))

    def fields_of(self, upsert: Upsert) -> tuple[FieldExplanation, ...]:
        """The fields of `upsert` as it was in the end, defaults and match keys among them."""
        explained = {found.name: found for found in self._found}
        homes: tuple[tuple[Goes, Mapping[str, object]], ...] = (
            ("properties", upsert.properties),
            ("on_create", upsert.on_create),
            ("on_update", upsert.on_update),
        )
        for goes, values in homes:
            for name, value in values.items():
                known = explained.get(name)
                if known is None:
                    explained[name] = self._without_field(name, goes, value)
                elif known.value is not value:
                    explained[name] = replace(known, goes=goes, value=value, source=None)
        for name, passed in self._passed.items():
            if name not in explained:
                explained[name] = replace(
                    self._without_field(name, "left out", None),
                    passed_over=passed,
                    note=self._unusable.get(name),
                )
        return tuple(explained.values())

    def unmapped(self) -> tuple[str, ...]:
        """The traits that became nothing, parts of objects by their path."""
        return tuple(path for path in _leaves(self._event.traits) if not self._is_used(path))

    def _is_used(self, path: str) -> bool:
        return any(path == used or path.startswith(f"{used}.") for used in self._used)

    def _without_field(self, name: str, goes: Goes, value: object) -> FieldExplanation:
        """A property that no source of a field gave: a default, a match key, or a whole trait."""
        fields = (each.field.where for each in self._table.fields if each.name == name)
        traits = self._event.traits
        source = name if name in traits and traits[name] is value else None
        return FieldExplanation(
            name, next(fields, ""), goes, value, source, passed_over=self._passed.get(name, ())
        )

    def _field(self, field: CompiledField) -> FieldExplanation | None:
        passed: list[PassedOver] = []
        for source in field.sources:
            try:
                value = read_source(source, self._event)
            except Refused as refused:
                if not field.field.lenient:
                    raise
                detail = refused.rejected.detail
                self._used.add(".".join(source.path))
                passed.append(PassedOver(source.label, detail))
                self._unusable[field.name] = Note("invalid_value", field.name, detail)
                break
            if value is ABSENT:
                why = self._why(source)
                if why is not None:
                    passed.append(PassedOver(source.label, why))
                continue
            self._used.add(".".join(source.path))
            goes: Goes = "left out" if field.target == "nowhere" else field.target
            return FieldExplanation(
                field.name, field.field.where, goes, value, source.label,
                tuple(step.label for step in source.steps), tuple(passed), field.note,
                field.field.additive, field.field.apart,
            )  # fmt: skip
        if passed:
            self._passed[field.name] = tuple(passed)
        return None

    def _why(self, source: Source) -> str | None:
        """Why `source` gave nothing; None when it is not there at all."""
        raw = raw_value(source, self._event)
        if raw is ABSENT:
            return None
        first_takes_lists = bool(source.steps) and source.steps[0].lists
        if source.steps and (first_takes_lists or type(raw) not in CONTAINERS):
            return f"{source.steps[-1].label} left nothing of it"
        return f"expected a scalar, got {name_of(raw)}"

    def _rest(self, properties: dict[str, object]) -> None:
        """Scalars of the rest; a trait that has a property's own name wins."""
        rest = self._table.rest
        exact: set[str] = set()
        for key, value in self._event.traits.items():
            name = rest.name(key) if rest.takes(key, value) else None
            if name is None or type(value) in CONTAINERS or (name in exact and key != name):
                continue
            if key == name:
                exact.add(name)
            properties[name] = value
            self._used.add(key)
            self._found.append(FieldExplanation(name, "", "properties", value, key))


def _leaves(tree: Mapping[str, object], prefix: str = "") -> Iterator[str]:
    for key, value in tree.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"
