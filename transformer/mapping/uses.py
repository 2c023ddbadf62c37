"""What a mapping does to each field of a CRM, as far as its file tells before any event comes.

For the checks: which fields it writes and matches on, with which kinds of value and constants.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from transformer.document import Constant
from transformer.mapping.dispatch import CompiledField
from transformer.mapping.model import MappingFile, MatchRule, Source, Step, UpsertRule
from transformer.mapping.parse import ANY_OBJECT
from transformer.mapping.table import CompiledTable
from transformer.upsert import FieldUse, Scalar, ValueKind

_TRUTHS: Final = frozenset({"true", "false"})


class Made(NamedTuple):
    """What a source can give: see `FieldUse`; `kind` None says that nobody knows."""

    kind: ValueKind | None = None
    constants: tuple[Constant, ...] = ()
    truncates: int | None = None


def uses_of(
    mapping: MappingFile,
    tables: Mapping[str, CompiledTable],
    owned_by_crm: Callable[[str, str | None], bool],
) -> Sequence[FieldUse]:
    """Every field that the tables can write, and every property records are found by.

    The table of any object tells nothing: its object is the event's. Nor do objects that the CRM
    owns: nothing is written, or looked for.
    """
    found: dict[tuple[str, str], FieldUse] = {}
    for name, table in tables.items():
        for object_type in _objects(name, mapping):
            if owned_by_crm(object_type, name):
                continue
            for field in table.fields:
                if field.note is None:
                    _add(found, _written(object_type, field, table))
    for rule in mapping.upserts:
        if rule.object_type is None or owned_by_crm(rule.object_type, rule.table):
            continue
        for match in rule.matches or ():
            _add(found, _matched(rule.object_type, rule, match, mapping, tables))
    return tuple(found.values())


def made_by(source: Source) -> Made:
    """What `source` gives after its directives; of a named function nobody knows."""
    fixed = not source.path and not source.template
    made = Made("text" if source.template else None, (source.constant,) if fixed else ())
    for step in source.steps:
        if step.python is not None:
            made, fixed = Made(), False
        elif fixed:
            made = Made(constants=_all_applied(step, made.constants))
        else:
            made = _after(step, made)
    return made


def _objects(name: str, mapping: MappingFile) -> Sequence[str]:
    """The objects that the table called `name` writes, as the file names them.

    Its own name, unless upserts that name another object are all that goes through it.
    """
    others = [rule.object_type for rule in mapping.upserts if rule.table == name]
    own = [] if name == ANY_OBJECT else [name]
    reached = any(
        rule.table is None and rule.object_type in {None, name} for rule in mapping.upserts
    )
    named = [object_type for object_type in others if object_type is not None]
    return list(dict.fromkeys([*(own if reached or not named else []), *named]))


def _written(object_type: str, field: CompiledField, table: CompiledTable) -> FieldUse:
    declared = field.field
    use = FieldUse(
        object_type,
        field.name,
        declared.where,
        optional=declared.optional,
        required=field.name in table.required,
    )
    default = None if declared.default is None else declared.default.value
    return _use(use, field.sources, default)


def _matched(
    object_type: str,
    rule: UpsertRule,
    match: MatchRule,
    mapping: MappingFile,
    tables: Mapping[str, CompiledTable],
) -> FieldUse:
    """A match key is written with what is created, unless the table says never to."""
    table = tables.get(rule.table or object_type)
    never = {field.name for field in table.fields if field.note is not None} if table else set()
    never.add(mapping.names.record_id)
    single = len(rule.matches or ()) == 1 and rule.create and rule.update
    use = FieldUse(
        object_type,
        match.name,
        match.where,
        written=rule.create and match.name not in never,
        matched=True,
        alone=single and not (table and table.required),
    )
    return _use(use, match.sources)


def _use(use: FieldUse, sources: Sequence[Source], *more: Constant) -> FieldUse:
    made = [made_by(source) for source in sources]
    constants = [value for each in made for value in each.constants]
    return replace(
        use,
        kinds=frozenset(each.kind for each in made if each.kind is not None),
        constants=_distinct([*constants, *more]),
        truncates=max((each.truncates for each in made if each.truncates), default=None),
    )


def _add(found: dict[tuple[str, str], FieldUse], use: FieldUse) -> None:
    """Add a use, or what it adds to an earlier one of the same field."""
    key = (use.object_type, use.name)
    known = found.get(key)
    if known is None:
        found[key] = use
        return
    matched = known.matched or use.matched
    found[key] = replace(
        known,
        optional=known.optional and not matched,  # without it, no record can be found
        written=known.written or use.written,
        matched=matched,
        alone=known.alone or use.alone,
        required=known.required or use.required,
        kinds=known.kinds | use.kinds,
        constants=_distinct([*known.constants, *use.constants]),
        truncates=max(known.truncates or 0, use.truncates or 0) or None,
    )


def _after(step: Step, made: Made) -> Made:
    """What comes out of one directive, from what goes in."""
    constants = _all_applied(step, made.constants)
    if step.table:
        values = dict(step.table)
        covered = made.kind == "boolean" and values.keys() >= _TRUTHS
        return Made(None if covered else made.kind, (*constants, *values.values()), made.truncates)
    keeps = step.yields in {None, "text"}
    truncates = step.truncates or (made.truncates if keeps else None)
    return Made(step.yields or made.kind, constants, truncates)


def _all_applied(step: Step, constants: Iterable[Constant]) -> tuple[Constant, ...]:
    """The constants after one directive; one that it refuses stays as it is, to be told of."""
    return tuple(
        value
        for constant in constants
        if (value := _applied(step, constant)) is None or isinstance(value, str | int | float)
    )


def _applied(step: Step, constant: Constant) -> object:
    try:
        return constant if step.function is None else step.function(constant)
    except ValueError:
        return constant


def _distinct(constants: Iterable[Constant]) -> tuple[Scalar, ...]:
    """Each once, without null and blank text: they say that there is no value. 1 is not true."""
    given = [c for c in constants if c is not None and not (isinstance(c, str) and not c.strip())]
    return tuple({(type(constant), constant): constant for constant in given}.values())
