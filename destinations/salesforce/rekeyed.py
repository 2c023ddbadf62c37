"""Writes of fields that records are remembered by: what is remembered must not lead astray.

Tells it what a write gives its record, before it is sent and when it is over. Sends nothing, and
costs next to nothing where a write leaves the field as it is: nearly all of them do.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from destinations.salesforce.ids import Known
from destinations.salesforce.keys import Keyed
from destinations.salesforce.pack import Row
from destinations.salesforce.plan import Decision, Write
from destinations.salesforce.soql import folded, long_id
from transformer.clock import Clock
from transformer.kit.changes import BatchChanges
from transformer.kit.remembered import RememberedRecords, must_wait
from transformer.outcome import Outcome

HELD_SECONDS: Final = 5.0
# Salesforce makes a person's name of its parts.
_NAME: Final = "name"
_PARTS: Final = frozenset({"salutation", "firstname", "middlename", "lastname", "suffix"})
_ANOTHER: Final = "\0"


class Rekeyed:
    """What the writes of one batch change of what leads to records; one instance per batch."""

    def __init__(self, known: RememberedRecords[Known, str], clock: Clock) -> None:
        self._known = known
        self._clock = clock
        self._changes = BatchChanges(known, lambda _, record_id: record_id)

    def named(self, upserts: Sequence[Keyed]) -> None:
        """Begin those of upserts that name their record by its id, before anybody is looked up."""
        if not self._known.properties:
            return
        for index, each in enumerate(upserts):
            if each.needs_lookup or not each.keys or each.keys[0][1] != "id":
                continue
            record_id, upsert = long_id(each.keys[0][2]), each.upsert
            if record_id:
                wanted = {**upsert.on_update, **upsert.properties}
                self._begin(index, upsert.object_type, record_id, wanted)

    def held(self, decisions: Sequence[Decision], upserts: Sequence[Keyed]) -> Sequence[Decision]:
        """A wait in place of each write whose record's key an earlier batch is changing."""
        if self._changes.is_first:
            return decisions
        return [
            must_wait(decision.where, HELD_SECONDS)
            if isinstance(decision, Write)
            and decision.found
            and self._changes.must_wait(decision.record_id, each.keys)
            else decision
            for decision, each in zip(decisions, upserts, strict=True)
        ]

    def begin(self, rows: Iterable[Row]) -> None:
        """Begin those of rows whose record was found: each is given what its body holds."""
        properties, way_back = self._known.properties, self._known.way_back
        if not properties:
            return
        for row in rows:
            write = row.write
            key = way_back.get(write.record_id)
            # Nearly all records are remembered by one field, and given the same value again.
            if (
                key.__class__ is tuple
                and (spelled := write.spelled) is not None
                and (field := spelled.get(key[1])) is not None
                and ((value := write.body.get(field)) == key[2] or folded(value) == key[2])
                and len(properties[key[0]]) == 1
            ):
                continue
            if write.kind == "update" and write.found:
                self._begin(write.index, write.object_type, write.record_id, write.body)
            elif write.kind == "upsert":
                kind = write.object_type.casefold()
                self._changes.begin_unnamed(write.index, kind, self._values(kind, write.body))

    def end(self, outcomes: Mapping[int, Outcome]) -> None:
        """The rows are answered; one without an outcome may have been applied all the same."""
        self._changes.end(outcomes, self._clock.now())

    def _begin(
        self, index: int, object_type: str, record_id: str, body: Mapping[str, object]
    ) -> None:
        kind = object_type.casefold()
        self._changes.begin(index, kind, record_id, self._values(kind, body))

    def _values(self, kind: str, body: Mapping[str, object]) -> Mapping[str, str]:
        """The values that a write has for what records of its object are remembered by."""
        properties = self._known.properties.get(kind, ())
        values: dict[str, str] = {}
        if not properties:
            return values
        for name, value in body.items():
            field = name.casefold()
            if field in properties:
                # Where a field is there twice, nobody can say which value wins.
                values[field] = _ANOTHER if field in values else folded(value)
            elif field in _PARTS and _NAME in properties:
                values.setdefault(_NAME, _ANOTHER)
        return values
