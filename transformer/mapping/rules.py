"""One upsert of the mapping file, compiled: from an event of its type to upserts, or why not."""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, TypeAlias

from transformer.event import Event, ExternalId
from transformer.mapping.conditions import Options, entries_of
from transformer.mapping.match import external_match, matches_of
from transformer.mapping.model import MappingFile, Rest, Table, UpsertRule
from transformer.mapping.parse import ANY_OBJECT
from transformer.mapping.reading import Refused
from transformer.mapping.table import NOTHING, CompiledTable, Written
from transformer.outcome import Reason, Rejected, Skipped
from transformer.upsert import Match, Operation, Upsert

Writer: TypeAlias = Callable[[CompiledTable, Event], Written]
Result: TypeAlias = Upsert | Rejected | Skipped
_CREATE_DISABLED: Final = Skipped(Reason.CREATE_DISABLED)
_UPDATE_DISABLED: Final = Skipped(Reason.UPDATE_DISABLED)
_OWNED_BY_CRM: Final = Skipped(Reason.OWNED_BY_CRM)
_NOTHING_TO_WRITE: Final = Skipped(Reason.NOTHING_TO_WRITE)
_UPSERT: Final = Operation.UPSERT
_UPDATE: Final = Operation.UPDATE
_NO_FIELDS: Final[frozenset[str]] = frozenset()


class Tables:
    """The compiled tables of a mapping, by object; `from_crm` are those the CRM owns."""

    def __init__(self, mapping: MappingFile, options: Options) -> None:
        self.names = mapping.names
        self._file = mapping.tables
        self._options = options
        self._spelled = {name.casefold(): name for name in mapping.tables}
        self.from_crm = frozenset(
            name for name, table in mapping.tables.items() if table.direction == "from_crm"
        )
        self.compiled = {name: self._compile(table) for name, table in mapping.tables.items()}
        self._any = self.compiled.get(ANY_OBJECT) or self._compile(
            Table(ANY_OBJECT, "", rest=Rest("as_is"))
        )

    def owned_by_crm(self, object_type: str, table: str | None = None) -> bool:
        """Whether events never write the object (row C5).

        Its own table says so, or the one that is used for it.
        """
        if not self.from_crm:
            return False
        own = self.spelled(object_type)
        used = table or own
        if used not in self.compiled:
            used = ANY_OBJECT
        return own in self.from_crm or used in self.from_crm

    def spelled(self, object_type: str) -> str:
        """The object's name as the tables spell it; others as they are."""
        return self._spelled.get(object_type.casefold(), object_type)

    def of(self, name: str) -> CompiledTable:
        """The table of an object, else the one for any object."""
        return self.compiled.get(name) or self._any

    def _compile(self, table: Table) -> CompiledTable:
        always = self._options.required_defaults == "always"
        if not self._options.map_properties:
            any_object = self._file.get(ANY_OBJECT)
            fields = any_object.fields if any_object is not None else ()
            rest = Rest("as_is")
            table = Table(table.name, table.where, fields, rest=rest, direction=table.direction)
        return CompiledTable(table, self.names, required_always=always)


class Target(NamedTuple):
    """What to write where, before the event's values are known.

    `given` says that the match key comes with the event: no property repeats it.
    """

    object_type: str
    table: CompiledTable
    operation: Operation
    given: bool = False


class CompiledRule:
    """One entry of `upserts`."""

    __slots__ = ("_matches", "_names", "_tables", "_target", "rule")

    def __init__(self, rule: UpsertRule, tables: Tables) -> None:
        self.rule = rule
        self._tables = tables
        self._names = tables.names
        self._matches = rule.matches or ()
        self._target: Target | Skipped | None = None
        if not rule.when.external_id:
            operation = Operation.UPSERT if self._matches else Operation.CREATE
            object_type = rule.object_type or ANY_OBJECT
            owned = tables.owned_by_crm(object_type, rule.table)
            self._target = (
                _OWNED_BY_CRM if owned else self._allowed(object_type, operation, given=False)
            )

    def apply(self, event: Event, write: Writer) -> Sequence[Result]:
        """What the rule makes of an event whose conditions hold. Never raises."""
        target = self._target
        if target is None:
            return self._by_external_id(event, write)
        if isinstance(target, Skipped):
            return (target,)
        try:
            matches = matches_of(self._matches, event, self._names) if self._matches else ()
            return (build(target, matches, event, write),)
        except Refused as refused:
            return (refused.rejected,)

    def _by_external_id(self, event: Event, write: Writer) -> Sequence[Result]:
        results: list[Result] = []
        for index, entry, name in entries_of(self.rule.when, event):
            path = f"$.context.externalId[{index}]"
            try:
                results.append(self._for_entry(entry, name, path, event, write))
            except Refused as refused:
                results.append(refused.rejected)
        return results

    def _for_entry(
        self, entry: ExternalId, name: str, path: str, event: Event, write: Writer
    ) -> Result:
        object_type = self.rule.object_type or self._object_type(name, path)
        if self._tables.owned_by_crm(object_type, self.rule.table):
            return _OWNED_BY_CRM
        given = self.rule.matches is None
        if given:
            operation, matches = external_match(entry, self._names, path)
        else:
            operation, matches = Operation.UPSERT, matches_of(self._matches, event, self._names)
        target = self._allowed(object_type, operation, given=given)
        if isinstance(target, Skipped):
            return target
        upsert = build(target, matches, event, write)
        if upsert.operation is Operation.UPDATE and not upsert.properties:
            return _NOTHING_TO_WRITE
        return upsert

    def _object_type(self, name: str, path: str) -> str:
        if not self._names.object.fullmatch(name):
            detail = f"{path}.type: expected the name of an object after the prefix, got {name!r}"
            raise Refused(Reason.INVALID_OBJECT_NAME, detail)
        return self._tables.spelled(name)

    def _allowed(self, object_type: str, operation: Operation, *, given: bool) -> Target | Skipped:
        """The target with create or update switched off (row C5).

        An update by a match key never creates; a create with one writes only when none is found.
        """
        rule = self.rule
        if operation is Operation.CREATE and not rule.create:
            return _CREATE_DISABLED
        if operation is Operation.UPDATE and not rule.update:
            return _UPDATE_DISABLED
        if operation is Operation.UPSERT and not (rule.create and rule.update):
            operation = Operation.CREATE if rule.create else Operation.UPDATE
        table = self._tables.of(rule.table or object_type)
        return Target(object_type, table, operation, given)


def build(target: Target, matches: tuple[Match, ...], event: Event, write: Writer) -> Upsert:
    """The upsert of one record; raises Refused when it cannot be made of this event."""
    object_type, table, operation, given = target
    properties, on_create, on_update, notes = write(table, event)
    if given:
        table.leave_out(matches, properties)
    elif operation is not _UPDATE:
        on_create = table.add_matches(matches, properties, on_create)
    if operation is _UPSERT:
        required = table.required_here(properties)
    else:
        required = _NO_FIELDS
        creates = operation is Operation.CREATE
        properties.update(on_create if creates else on_update)
        on_create = on_update = NOTHING
        missing = table.missing(properties, absent_too=creates)
        if missing:
            detail = f"{object_type}: required and without a value: {', '.join(missing)}"
            raise Refused(Reason.REQUIRED_FIELD_MISSING, detail)
    fill = table.fill.intersection(properties) if table.fill else _NO_FIELDS
    return Upsert(
        object_type, operation, properties, matches, on_create, on_update, fill, required, notes,
        event.event_time, optional=table.optional, additive=table.additive, apart=table.apart,
    )  # fmt: skip
