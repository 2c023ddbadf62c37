"""The compiled mapping: one event in, its upserts out. The hot path of the worker.

No I/O, no clock, no await. Knows no CRM: names, ids and suffixes are the mapping file's.
"""

import hashlib
from collections.abc import Sequence
from typing import Final

from transformer.event import Event, EventType
from transformer.mapping.conditions import Options, holds, opted_out
from transformer.mapping.explain import Explanation, explained
from transformer.mapping.model import MappingFile
from transformer.mapping.parse import load_mapping
from transformer.mapping.reading import Refused
from transformer.mapping.rules import CompiledRule, Tables, Target, Writer, build
from transformer.mapping.sources import Resolver
from transformer.mapping.table import CompiledTable
from transformer.mapping.uses import uses_of
from transformer.outcome import Reason, Redirect, Rejected, Skipped
from transformer.upsert import FieldUse, Match, Operation, Upsert

_NOT_MAPPED: Final = Skipped(Reason.EVENT_TYPE_NOT_MAPPED)
_CONDITION_NOT_MET: Final = Skipped(Reason.CONDITION_NOT_MET)
_TYPES: Final[tuple[EventType, ...]] = ("identify", "track", "group")
_VERSION_DIGITS: Final = 12


def compile_mapping(
    text: str, file: str, options: Options, resolve: Resolver | None = None
) -> "CompiledMapping":
    """Compile the mapping `text` for one connection; `file` is named in messages.

    `resolve` loads the function that `{python: "module:function"}` names. Raises
    ConfigurationError with all problems.
    """
    digest = hashlib.sha256(f"{options!r}\n{text}".encode()).hexdigest()
    return CompiledMapping(load_mapping(text, file, resolve), options, digest[:_VERSION_DIGITS])


class CompiledMapping:
    """A mapping ready to evaluate. `version` changes with its text and its options."""

    def __init__(self, mapping: MappingFile, options: Options, version: str) -> None:
        self.version = version
        self._options = options
        self._tables = Tables(mapping, options)
        self._file = mapping
        rules = [CompiledRule(rule, self._tables) for rule in mapping.upserts]
        self._rules: dict[str, tuple[CompiledRule, ...]] = {
            kind: tuple(rule for rule in rules if kind in rule.rule.when.types) for kind in _TYPES
        }

    def evaluate(self, event: Event) -> tuple[Upsert | Rejected, ...] | Skipped:
        """The upserts of `event` in the mapping's order, or why there are none. Never raises."""
        return self._evaluated(event, CompiledTable.write)

    def evaluate_for(self, event: Event, redirect: Redirect) -> Upsert | Rejected | Skipped:
        """The same event for another record: an update by id, with that object's table.

        Skipped when the CRM owns that object.
        """
        object_type = self._tables.spelled(redirect.object_type)
        if self._tables.owned_by_crm(object_type):
            return Skipped(Reason.OWNED_BY_CRM, record_id=redirect.record_id)
        target = Target(object_type, self._tables.of(object_type), Operation.UPDATE)
        match = Match(self._file.names.record_id, redirect.record_id)
        try:
            return build(target, (match,), event, CompiledTable.write)
        except Refused as refused:
            return refused.rejected

    def explain(self, event: Event) -> Explanation:
        """The same decisions as `evaluate`, with the reason for each; slow."""
        return explained(event, self._evaluated)

    def fields(self) -> Sequence[FieldUse]:
        """Every field that the tables can write, and every property records are found by."""
        return uses_of(self._file, self._tables.compiled, self._tables.owned_by_crm)

    def owned_by_crm(self) -> Sequence[str]:
        """The names of the tables whose objects events never write."""
        return sorted(self._tables.from_crm)

    def _evaluated(self, event: Event, write: Writer) -> tuple[Upsert | Rejected, ...] | Skipped:
        skipped = opted_out(event.integrations, self._options)
        if skipped is not None:
            return skipped
        rules = self._rules.get(event.type)
        if not rules:
            return _NOT_MAPPED
        results: list[Upsert | Rejected] = []
        skipped = _CONDITION_NOT_MET
        for rule in rules:
            if holds(rule.rule.when, event):
                for result in rule.apply(event, write):
                    if isinstance(result, Skipped):
                        skipped = result
                    else:
                        results.append(result)
        return tuple(results) if results else skipped
