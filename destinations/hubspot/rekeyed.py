"""Writes of properties that records are found by: neither memory nor a lagging index leads astray.

Tells what is remembered what a write gives its record, before it is sent and when it is over, and
which results of a search are older than that. Sends nothing.
"""

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from destinations.hubspot.lookup import Key, match_key
from destinations.hubspot.plan import Decision, Write
from destinations.hubspot.schema import ObjectSchema
from destinations.hubspot.shape import is_id
from transformer.clock import Clock
from transformer.hosts import host_of
from transformer.kit.changes import BatchChanges
from transformer.kit.remembered import RememberedRecords, must_wait
from transformer.outcome import Outcome
from transformer.upsert import Operation, Upsert

HELD_SECONDS: Final = 2.0
# What the default mapping searches by, known before anybody was found by it.
_USUAL: Final[Mapping[str, frozenset[str]]] = {"companies": frozenset({"domain", "name"})}

Known: TypeAlias = RememberedRecords[str, tuple[str, str]]


class Rekeyed:
    """What the writes of one batch change of what leads to records; one instance per batch."""

    def __init__(self, known: Known, clock: Clock) -> None:
        self._known = known
        self._clock = clock
        self._changes = BatchChanges(known, lambda object_type, found: (object_type, found))

    def named(self, rows: Mapping[int, tuple[Upsert, ObjectSchema]]) -> None:
        """Begin those of upserts that name their record by its id, before anybody is looked up."""
        for index, (upsert, _) in rows.items():
            match = upsert.match
            if match is not None and is_id(match) and upsert.operation is Operation.UPDATE:
                wanted = {**upsert.on_update, **upsert.properties}
                self._begin(index, upsert.object_type, str(match.value), wanted)

    def held(self, decision: Decision) -> Decision:
        """A wait in place of a write whose record's key an earlier batch is changing."""
        if not isinstance(decision, Write) or not decision.found:
            return decision
        keys = [match_key(decision.object_type, match) for match in decision.upsert.matches]
        if not self._changes.must_wait((decision.object_type, decision.record), keys):
            return decision
        return must_wait(decision.where, HELD_SECONDS)

    def begin(self, writes: Sequence[Write]) -> None:
        """Begin those of writes that go to a record that is there, whoever has found it."""
        for write in writes:
            if write.kind != "create" and not write.id_property:
                self._begin(write.index, write.object_type, write.record, write.properties)
            elif write.id_property:
                values = dict(self._values(write.object_type, write.properties))
                values.pop(write.id_property, None)
                self._changes.begin_unnamed(write.index, write.object_type, values)

    def end(self, outcomes: Mapping[int, Outcome]) -> None:
        """The writes are answered; one without an outcome may have been applied all the same."""
        self._changes.end(outcomes, self._clock.now())

    def _begin(
        self, index: int, object_type: str, record_id: str, properties: Mapping[str, object]
    ) -> None:
        values = self._values(object_type, properties)
        self._changes.begin(index, object_type, (object_type, record_id), values)

    def _values(self, object_type: str, properties: Mapping[str, object]) -> Mapping[str, str]:
        """The values that a write has for what records of its object are found by."""
        usual = _USUAL.get(object_type, frozenset())
        names = usual | self._known.properties.get(object_type, frozenset())
        return {name: _folded(name, value) for name, value in properties.items() if name in names}


def is_stale(known: Known, clock: Clock, key: Key, record_id: str) -> bool:
    """Whether a search that finds the record by `key` does not know yet what we wrote to it."""
    return known.is_stale(key, (key[0], record_id), clock.now())


def _folded(name: str, value: object) -> str:
    text = str(value).strip().lower()
    return (host_of(text) or text) if name == "domain" else text
