"""Handlers of batches of up to 100: create, read, update, upsert, archive, each with its 207."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from destinations.hubspot.emulator import faults, links
from destinations.hubspot.emulator.links import Link
from destinations.hubspot.emulator.portal import Portal, Row
from destinations.hubspot.emulator.reading import (
    body_of,
    inputs_of,
    optional_text,
    properties_of,
    text,
    texts,
)
from destinations.hubspot.emulator.refusals import Refusal, conflict, invalid, missing_ids
from destinations.hubspot.emulator.schema import ObjectType
from destinations.hubspot.emulator.store import Record
from destinations.hubspot.emulator.values import stamp
from transformer.clock import Clock
from transformer.emulator.server import Answer, Call, ConnectionDropped, Handler, json_answer

Params = Mapping[str, str]
Apply = Callable[["Planned"], dict[str, object]]


@dataclass(frozen=True, slots=True)
class Planned:
    """One row that passed its checks."""

    row: Row
    record: Record | None = None
    id_property: str = ""
    value: str = ""
    links: Sequence[Link] = ()


class Batches:
    """Many records of one object at a time.

    A refused row refuses the whole batch, unless `multi_status` says that it becomes an entry of
    a 207 when every row has an objectWriteTraceId. Ids that are not there always become one entry
    of their own, without trace ids. Results have trace ids with `echo_trace_ids` only.
    """

    def __init__(
        self, portal: Portal, clock: Clock, *, multi_status: bool, echo_trace_ids: bool
    ) -> None:
        self._portal = portal
        self._clock = clock
        self._multi_status = multi_status
        self._echo_trace_ids = echo_trace_ids

    def routes(self) -> Iterable[tuple[str, str, Handler]]:
        """Method, path below the objects' root, handler."""
        return (
            ("POST", "/{o}/batch/create", self._create),
            ("POST", "/{o}/batch/read", self._read),
            ("POST", "/{o}/batch/update", self._update),
            ("POST", "/{o}/batch/upsert", self._upsert),
            ("POST", "/{o}/batch/archive", self._archive),
        )

    def _create(self, call: Call, params: Params) -> Answer:
        kind, inputs = self._kind(params), inputs_of(call)
        taken: set[tuple[str, str]] = set()

        def plan(value: Mapping[str, object]) -> Planned:
            row = self._row(kind, value, call, creating=True)
            self._portal.refuse_taken(kind, row.properties, None)
            self._refuse_twice(kind, row, taken)
            return Planned(row, links=links.inline(self._portal, kind, row.associations))

        def apply(planned: Planned) -> dict[str, object]:
            record = self._portal.create(kind, planned.row, call, self._clock.wall())
            links.apply(self._portal, record, planned.links)
            return self._written(record, planned.row)

        return self._answer(call, inputs, plan, apply, ok=201)

    def _update(self, call: Call, params: Params) -> Answer:
        kind, inputs = self._kind(params), inputs_of(call)
        _refuse_duplicates(inputs)

        def plan(value: Mapping[str, object]) -> Planned:
            record = self._find(kind, text(value, "id"), optional_text(value, "idProperty"))
            row = self._row(kind, value, call, creating=False)
            self._portal.refuse_taken(kind, row.properties, record)
            return Planned(row, record)

        def apply(planned: Planned) -> dict[str, object]:
            if planned.record is None:
                raise missing_ids(kind.label, [planned.value])
            self._portal.update(planned.record, planned.row, call, self._clock.wall())
            return self._written(planned.record, planned.row)

        return self._answer(call, inputs, plan, apply, ok=200)

    def _upsert(self, call: Call, params: Params) -> Answer:
        kind, inputs = self._kind(params), inputs_of(call)
        _refuse_duplicates(inputs)

        def plan(value: Mapping[str, object]) -> Planned:
            by = text(value, "idProperty", "hs_object_id")
            if by == "hs_object_id":
                found = self._find(kind, text(value, "id"), None)
                return Planned(self._row(kind, value, call, creating=False), found)
            self._portal.unique_property(kind, by)
            wanted = text(value, "id")
            record = self._portal.store.holder(kind, by, wanted)
            row = self._row(kind, value, call, creating=False, id_value=(by, wanted))
            self._portal.refuse_taken(kind, row.properties, record)
            return Planned(row, record, by, wanted)

        def apply(planned: Planned) -> dict[str, object]:
            now = self._clock.wall()
            if planned.id_property:
                found_by = (planned.id_property, planned.value)
                record, new = self._portal.upsert(kind, found_by, planned.row, call, now)
            else:
                found = planned.record or self._portal.store.new(kind, now)
                record, new = self._portal.update(found, planned.row, call, now), False
            return {**self._written(record, planned.row), "new": new}

        return self._answer(call, inputs, plan, apply, ok=200)

    def _read(self, call: Call, params: Params) -> Answer:
        kind, body, inputs = self._kind(params), body_of(call), inputs_of(call)
        by = optional_text(body, "idProperty")
        names = texts(body, "properties") or kind.defaults
        texts(body, "propertiesWithHistory")
        found: dict[str, Record] = {}
        missing = []
        for value in inputs:
            try:
                record = self._find(kind, text(value, "id"), by)
                found[record.id] = record
            except Refusal as refusal:
                if refusal.status != 404:  # noqa: PLR2004 - a missing row
                    raise
                missing.append(text(value, "id"))
        shown = [record.to_json(names) for record in found.values()]
        errors = [missing_ids(kind.label, missing).row(None)] if missing else []
        return self._enveloped(shown, errors, ok=200)

    def _archive(self, call: Call, params: Params) -> Answer:
        kind = self._kind(params)
        for value in inputs_of(call):
            record = self._portal.store.get(kind, text(value, "id"))
            if record is not None:
                self._portal.archive(record, call, self._clock.wall())
        return Answer(204)

    def _answer(
        self,
        call: Call,
        inputs: Sequence[Mapping[str, object]],
        plan: Callable[[Mapping[str, object]], Planned],
        apply: Apply,
        *,
        ok: int,
    ) -> Answer:
        """Check every row first, then apply those that passed."""
        traced = all(value.get("objectWriteTraceId") for value in inputs)
        planned, errors = [], []
        missing: list[Refusal] = []
        for value in inputs:
            trace_id = optional_text(value, "objectWriteTraceId")
            try:
                planned.append(plan(value))
            except Refusal as refusal:
                if refusal.category == "OBJECT_NOT_FOUND":
                    missing.append(refusal)
                elif self._multi_status and traced:
                    errors.append(refusal.row(trace_id))
                else:
                    raise
        if missing:
            ids = [each for refusal in missing for each in refusal.context.get("ids", ())]
            errors.append(Refusal(404, missing[0].category, missing[0].message,
                                  context={"ids": ids}).row(None))  # fmt: skip
        drop_after = faults.rows_applied(call.faults)
        results = []
        for each in planned:
            results.append(apply(each))
            if drop_after is not None and len(results) >= drop_after:
                raise ConnectionDropped
        return self._enveloped(results, errors, ok=ok)

    def _row(
        self,
        kind: ObjectType,
        value: Mapping[str, object],
        call: Call,
        *,
        creating: bool,
        id_value: tuple[str, str] | None = None,
    ) -> Row:
        given = dict(properties_of(value))
        if id_value is not None:
            given.setdefault(*id_value)
        checked = self._portal.checked(kind, given, creating=creating)
        faults.refuse_row(call.faults, checked)
        trace_id = optional_text(value, "objectWriteTraceId")
        return Row(checked, trace_id, value.get("associations"))

    def _find(self, kind: ObjectType, value: str, by: str | None) -> Record:
        store = self._portal.store
        if by and by != "hs_object_id":
            self._portal.unique_property(kind, by)
            record = store.holder(kind, by, value)
        else:
            record = store.get(kind, value)
        if record is None:
            raise missing_ids(kind.label, [value])
        return record

    def _refuse_twice(self, kind: ObjectType, row: Row, taken: set[tuple[str, str]]) -> None:
        """Two rows of one batch cannot have the same unique value either."""
        for name, value in row.properties.items():
            prop = kind.find(name)
            if prop is not None and prop.unique and value:
                if (name, value.lower()) in taken:
                    raise conflict(f"{kind.label.capitalize()} already exists in this batch")
                taken.add((name, value.lower()))

    def _kind(self, params: Params) -> ObjectType:
        return self._portal.schema.find(params["o"])

    def _written(self, record: Record, row: Row) -> dict[str, object]:
        shown = record.written([*record.kind.defaults, *row.properties])
        if self._echo_trace_ids and row.trace_id is not None:
            shown["objectWriteTraceId"] = row.trace_id
        return shown

    def _enveloped(self, results: Sequence[object], errors: Sequence[object], *, ok: int) -> Answer:
        now = stamp(self._clock.wall())
        # Results come in another order than the inputs, so that nobody relies on it.
        body: dict[str, object] = {
            "status": "COMPLETE",
            "results": list(reversed(results)),
            "startedAt": now,
            "completedAt": now,
        }
        if errors:
            body |= {"numErrors": len(errors), "errors": list(errors)}
        return json_answer(body, 207 if errors else ok)


def _refuse_duplicates(inputs: Sequence[Mapping[str, object]]) -> None:
    """No record may be named twice in one batch."""
    ids = Counter(
        (optional_text(value, "idProperty"), text(value, "id").strip().lower()) for value in inputs
    )
    twice = [value for (_, value), count in ids.items() if count > 1]
    if twice:
        raise invalid(
            f"Duplicate IDs found in batch input: [{', '.join(twice)}]. IDs must be unique"
        )
