"""A table compiled for speed: the traits of an event to the properties of an object.

It goes by the event's own traits, not by the table's fields: an event has twenty, a table
seventy. `explain.py` does the same by the fields, slowly; a property test holds them together.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from transformer.event import Event
from transformer.mapping.conversions import ABSENT
from transformer.mapping.dispatch import CompiledField, dispatched
from transformer.mapping.model import Names, Table
from transformer.mapping.reading import CONTAINERS, Refused, read_first
from transformer.mapping.rest import CompiledRest
from transformer.upsert import Match, Note

NOTHING: Final[dict[str, object]] = {}
_CACHED_NAMES: Final = 4096
_NO_PARTS: Final[Mapping[str, CompiledField]] = {}


class Written(NamedTuple):
    """What one table makes of one event, see `Upsert`."""

    properties: dict[str, object]
    on_create: dict[str, object]
    on_update: dict[str, object]
    notes: tuple[Note, ...]


class CompiledTable:
    """One table, ready for the hot path."""

    def __init__(self, table: Table, names: Names, *, required_always: bool) -> None:
        self.table = table
        self.required = table.required
        self.fields = tuple(CompiledField(field) for field in table.fields)
        self.rest = CompiledRest(table, names)
        self.fill = frozenset(field.name for field in table.fields if field.write == "fill")
        self.optional = frozenset(field.name for field in table.fields if field.optional)
        self.additive = {field.name: field.additive for field in table.fields if field.additive}
        self.apart = frozenset(field.name for field in table.fields if field.apart)
        self._unwritten = {
            names.record_id,
            *(field.name for field in self.fields if field.target == "nowhere"),
        }
        self._by_name = {field.name: field for field in self.fields}
        self._to = dispatched(self.fields)
        self._direct, self._unless_text = self._to.direct, self._to.unless_text
        self._quiet: set[str] = set()
        self._defaults = tuple(
            (field.name, default.value, always, field.name in table.required)
            for field in table.fields
            if (default := field.default) is not None
            for always in [
                default.on == "always" or (required_always and field.name in table.required)
            ]
        )

    def write(self, event: Event) -> Written:
        """Take the traits of `event`; raises Refused."""
        traits = event.traits
        named, unless_text = self._direct.get, self._unless_text
        properties: dict[str, object] = {}
        left: list[str] = []
        for key, value in traits.items():
            name = named(key)
            # Text first: it is what most traits are, and needs no closer look.
            if name is not None and (
                type(value) is str or (type(value) not in CONTAINERS and key not in unless_text)
            ):
                properties[name] = value
            else:
                left.append(key)
        stored = len(traits) - len(left)
        if not left and not self._to.always:
            if len(properties) != stored:
                self._settle_collisions(properties, event)
            on_create = self.add_defaults(properties, NOTHING) if self._defaults else NOTHING
            return Written(properties, on_create, NOTHING, ())
        try:
            return self._write_left(event, properties, left, stored)
        except Refused:
            for field in self.fields:  # of several, the first in the table's order is the reason
                read_leniently(field, event, [])
            raise

    def _write_left(  # noqa: C901, PLR0912 - the hot path is one loop
        self, event: Event, properties: dict[str, object], left: list[str], stored: int
    ) -> Written:
        """What is not a scalar of one field: objects, directives, and names not seen before."""
        traits = event.traits
        to = self._to
        touched: dict[CompiledField, None] = dict(to.always)
        odd = False
        for key in left:
            value = traits[key]
            fields = to.special.get(key)
            if fields is not None:
                touched.update(fields)
            if type(value) in CONTAINERS:
                inner = to.objects.get(key)
                if inner is None or type(value) is not dict:
                    odd = True
                else:
                    unless_text = to.parts_unless_text.get(key, _NO_PARTS)
                    more, unusable = _write_object(inner, value, properties, unless_text, touched)
                    stored += more
                    odd = odd or unusable or fields is not None
            elif key in self._unless_text:
                touched[self._unless_text[key]] = None
            elif key not in self._quiet and (fields is None or self.rest.takes(key, value)):
                name = self._learned(key)
                if name is None:
                    odd = True
                else:
                    properties[name] = value
                    stored += 1
        if len(properties) != stored:
            self._settle_collisions(properties, event)
        on_create, on_update = NOTHING, NOTHING
        notes: list[Note] = []
        if touched:
            on_create, on_update, notes = self._resolve(event, touched, properties)
        if odd:
            notes.extend(self.rest.odd(traits, properties))
        if self._defaults:
            on_create = self.add_defaults(properties, on_create)
        return Written(properties, on_create, on_update, sorted_notes(notes))

    def _resolve(
        self, event: Event, touched: Iterable[CompiledField], properties: dict[str, object]
    ) -> tuple[dict[str, object], dict[str, object], list[Note]]:
        """Decide exactly the fields whose sources are special; adds to `properties`."""
        on_create: dict[str, object] = {}
        on_update: dict[str, object] = {}
        notes: list[Note] = []
        targets = {"properties": properties, "on_create": on_create, "on_update": on_update}
        for field in touched:
            if field.plain_first and field.name in properties:
                continue
            refused = len(notes)
            value = read_leniently(field, event, notes)
            if value is ABSENT:
                if len(notes) > refused:  # a source that comes later does not stand in for it
                    properties.pop(field.name, None)
                continue
            if field.note is None:
                targets[field.target][field.name] = value
            else:
                notes.append(field.note)
        return on_create, on_update, notes

    def add_defaults(
        self, properties: dict[str, object], on_create: dict[str, object]
    ) -> dict[str, object]:
        """Put defaults where no source had a value; returns `on_create`, as a new one if changed.

        A required field that is null or blank counts as without a value.
        """
        for name, default, always, required in self._defaults:
            value = properties.get(name, ABSENT)
            if type(value) is str and value and not value.isspace():
                continue
            if value is ABSENT:
                value = on_create.get(name, ABSENT)
            if value is ABSENT or (required and is_blank(value)):
                if always:
                    properties[name] = default
                else:
                    on_create = {**on_create, name: default}
        return on_create

    def leave_out(self, matches: Sequence[Match], properties: dict[str, object]) -> None:
        """Take the match keys out of the properties, however the event spells them."""
        names = {match.name.casefold() for match in matches}
        for name in [name for name in properties if name.casefold() in names]:
            del properties[name]

    def add_matches(
        self,
        matches: Sequence[Match],
        properties: dict[str, object],
        on_create: dict[str, object],
    ) -> dict[str, object]:
        """See that what is created can be found again: returns `on_create` with the match keys.

        A property that is the match value but for white space becomes the match value.
        """
        for match in matches:
            name = match.name
            value = properties.get(name, ABSENT)
            if value is ABSENT:
                if name not in self._unwritten and not self._has(properties, name):
                    on_create = {**on_create, name: match.value}
            elif type(value) is str and value != match.value and value.strip() == match.value:
                properties[name] = match.value
        return on_create

    @staticmethod
    def _has(properties: Mapping[str, object], name: str) -> bool:
        folded = name.casefold()
        return any(key.casefold() == folded for key in properties)

    def required_here(self, properties: Mapping[str, object]) -> frozenset[str]:
        """The required names, where traits keep their names as the event spells them."""
        if not self.required or self.rest.rest.mode != "as_is":
            return self.required
        spelled = {name.casefold(): name for name in properties}
        return frozenset(spelled.get(name.casefold(), name) for name in self.required)

    def missing(self, properties: Mapping[str, object], *, absent_too: bool) -> list[str]:
        """The required names that are null or blank, with `absent_too` also those not there."""
        if not self.required:
            return []
        absent = None if absent_too else "there"
        return sorted(
            name
            for name in self.required_here(properties)
            if is_blank(properties.get(name, absent))
        )

    def _learned(self, key: str) -> str | None:
        """The property an unknown scalar trait becomes, remembered for the next event."""
        name = self.rest.name(key)
        if name is not None:
            if len(self._direct) < _CACHED_NAMES:
                self._direct[key] = name
        elif self.rest.note(key) is None and len(self._quiet) < _CACHED_NAMES:
            self._quiet.add(key)
        return name

    def _settle_collisions(self, properties: dict[str, object], event: Event) -> None:
        """Two traits fed one property: decide exactly, by the order of its sources."""
        for name in properties:
            field = self._by_name.get(name)
            if field is not None and (value := read_leniently(field, event, [])) is not ABSENT:
                properties[name] = value
        properties.update(self.rest.exact(event.traits))


def _write_object(
    names: Mapping[str, str],
    value: Mapping[str, object],
    properties: dict[str, object],
    unless_text: Mapping[str, CompiledField],
    touched: dict[CompiledField, None],
) -> tuple[int, bool]:
    """Take the parts of an object that are properties as they are.

    Returns how many, and whether one was no scalar; what needs a closer look goes to `touched`.
    """
    stored, unusable, named = 0, False, names.get
    for key, inner in value.items():
        name = named(key)
        if name is None:
            continue
        if type(inner) is str:
            properties[name] = inner
            stored += 1
        elif type(inner) in CONTAINERS:
            unusable = True
        elif key in unless_text:
            touched[unless_text[key]] = None
        else:
            properties[name] = inner
            stored += 1
    return stored, unusable


def read_leniently(field: CompiledField, event: Event, notes: list[Note]) -> object:
    """The value of `field`, or ABSENT: with a note, when it is lenient and its value unusable.

    Raises Refused for a field that is not lenient.
    """
    try:
        return read_first(field.sources, event)
    except Refused as refused:
        if not field.field.lenient:
            raise
        notes.append(Note("invalid_value", field.name, refused.rejected.detail))
        return ABSENT


def is_blank(value: object) -> bool:
    """Whether a required field would be refused with this value: null, empty or white space."""
    return value is None or (isinstance(value, str) and not value.strip())


def sorted_notes(notes: Sequence[Note]) -> tuple[Note, ...]:
    """Notes in the order in which they are always given."""
    return tuple(sorted(notes, key=_order)) if len(notes) > 1 else tuple(notes)


def _order(note: Note) -> tuple[str, str]:
    return (note.code, note.field)
