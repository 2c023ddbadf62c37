"""Handlers of associations (v4 and the date versions): single, default, labelled and in batches."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from destinations.hubspot.emulator import faults, links
from destinations.hubspot.emulator.portal import Portal
from destinations.hubspot.emulator.reading import inputs_of, json_of, text
from destinations.hubspot.emulator.refusals import Refusal, invalid, missing_ids, not_found
from destinations.hubspot.emulator.schema import ObjectType
from destinations.hubspot.emulator.store import Record
from destinations.hubspot.emulator.values import stamp
from transformer.clock import Clock
from transformer.emulator.server import Answer, Call, Handler, json_answer

MAX_CREATE = 2_000
MAX_READ = 1_000
Params = Mapping[str, str]


class Associations:
    """Links between records, kept in both directions."""

    def __init__(self, portal: Portal, clock: Clock) -> None:
        self._portal = portal
        self._clock = clock

    def record_routes(self) -> Iterable[tuple[str, str, Handler]]:
        """Method, path below the objects' root, handler."""
        one = "/{from}/{id}/associations/{to}"
        return (
            ("GET", one, self._list),
            ("PUT", one + "/{toId}", self._put),
            ("DELETE", one + "/{toId}", self._delete),
            ("PUT", "/{from}/{id}/associations/default/{to}/{toId}", self._put_default),
        )

    def routes(self) -> Iterable[tuple[str, str, Handler]]:
        """Method, path below the associations' root, handler."""
        return (
            ("POST", "/{from}/{to}/batch/associate/default", self._batch_default),
            ("POST", "/{from}/{to}/batch/create", self._batch_create),
            ("POST", "/{from}/{to}/batch/read", self._batch_read),
            ("POST", "/{from}/{to}/batch/archive", self._batch_archive),
            ("GET", "/{from}/{to}/labels", self._labels),
        )

    def _kinds(self, params: Params) -> tuple[ObjectType, ObjectType]:
        schema = self._portal.schema
        return schema.find(params["from"]), schema.find(params["to"])

    def _list(self, _call: Call, params: Params) -> Answer:
        one, other = self._kinds(params)
        record = self._record(one, params["id"])
        return json_answer({"results": self._linked(record, other)})

    def _put(self, call: Call, params: Params) -> Answer:
        one, other = self._pair(params)
        there, back = links.typed(one.kind, other.kind, json_of(call))
        links.apply(self._portal, one, [links.Link(other, there, back)])
        labels = [label for type_id, _ in there if (label := links.LABELS.get(type_id))]
        body = {
            "fromObjectTypeId": one.kind.type_id,
            "fromObjectId": one.id,
            "toObjectTypeId": other.kind.type_id,
            "toObjectId": other.id,
            "labels": labels,
        }
        return json_answer(body, 201)

    def _put_default(self, _call: Call, params: Params) -> Answer:
        one, other = self._pair(params)
        return self._enveloped([self._link_default(one, other)], [], 200)

    def _delete(self, _call: Call, params: Params) -> Answer:
        one, other = self._pair(params)
        self._portal.store.dissociate(one, other)
        return Answer(204)

    def _batch_default(self, call: Call, params: Params) -> Answer:
        kinds = self._kinds(params)

        def link(value: Mapping[str, object]) -> object:
            return self._link_default(*self._ends(kinds, value))

        inputs = inputs_of(call, MAX_CREATE)
        ends = (_end(value.get(name)) for value in inputs for name in ("from", "to"))
        faults.refuse_links(call.faults, ends)
        return self._batch(inputs, link, 200)

    def _batch_create(self, call: Call, params: Params) -> Answer:
        kinds = self._kinds(params)

        def link(value: Mapping[str, object]) -> object:
            one, other = self._ends(kinds, value)
            there, back = links.typed(one.kind, other.kind, value.get("types"))
            links.apply(self._portal, one, [links.Link(other, there, back)])
            return {
                "fromObjectTypeId": one.kind.type_id,
                "fromObjectId": one.id,
                "toObjectTypeId": other.kind.type_id,
                "toObjectId": other.id,
                "labels": [],
            }

        return self._batch(inputs_of(call, MAX_CREATE), link, 201)

    def _batch_read(self, call: Call, params: Params) -> Answer:
        one, other = self._kinds(params)

        def read(value: Mapping[str, object]) -> object:
            record = self._record(one, text(value, "id"))
            return {"from": {"id": record.id}, "to": self._linked(record, other)}

        return self._batch(inputs_of(call, MAX_READ), read, 200)

    def _batch_archive(self, call: Call, params: Params) -> Answer:
        one, other = self._kinds(params)
        for value in inputs_of(call, MAX_CREATE):
            record = self._record(one, _end(value.get("from")))
            ends = value.get("to")
            for end in ends if isinstance(ends, list) else []:
                self._portal.store.dissociate(record, self._record(other, _end(end)))
        return Answer(204)

    def _labels(self, _call: Call, params: Params) -> Answer:
        one, other = self._kinds(params)
        there, _ = links.default_types(one, other)
        return json_answer({"results": links.type_json(dict(there))})

    def _batch(
        self,
        inputs: Sequence[Mapping[str, object]],
        work: Callable[[Mapping[str, object]], object],
        ok: int,
    ) -> Answer:
        results, errors = [], []
        for value in inputs:
            try:
                results.append(work(value))
            except Refusal as refusal:
                if refusal.category != "OBJECT_NOT_FOUND":
                    raise
                errors.append(refusal.row(None))
        return self._enveloped(results, errors, ok)

    def _link_default(self, one: Record, other: Record) -> dict[str, object]:
        there, back = links.default_types(one.kind, other.kind)
        links.apply(self._portal, one, [links.Link(other, there, back)])
        spec = {"associationCategory": there[0][1], "associationTypeId": there[0][0]}
        return {"from": {"id": one.id}, "to": {"id": other.id}, "associationSpec": spec}

    def _linked(self, record: Record, other: ObjectType) -> list[dict[str, object]]:
        return [
            {"toObjectId": other_id, "associationTypes": links.type_json(types)}
            for other_id, types in links.linked(self._portal, record, other)
        ]

    def _ends(
        self, kinds: tuple[ObjectType, ObjectType], value: Mapping[str, object]
    ) -> tuple[Record, Record]:
        one, other = kinds
        return (
            self._missing(one, _end(value.get("from"))),
            self._missing(other, _end(value.get("to"))),
        )

    def _missing(self, kind: ObjectType, record_id: str) -> Record:
        record = self._portal.store.get(kind, record_id)
        if record is None:
            raise missing_ids(kind.label, [record_id])
        return record

    def _pair(self, params: Params) -> tuple[Record, Record]:
        one, other = self._kinds(params)
        return self._record(one, params["id"]), self._record(other, params["toId"])

    def _record(self, kind: ObjectType, record_id: str) -> Record:
        record = self._portal.store.get(kind, record_id)
        if record is None:
            raise not_found()
        return record

    def _enveloped(self, results: Sequence[object], errors: Sequence[object], ok: int) -> Answer:
        now = stamp(self._clock.wall())
        body: dict[str, object] = {
            "status": "COMPLETE",
            "results": results,
            "startedAt": now,
            "completedAt": now,
        }
        if errors:
            body |= {"numErrors": len(errors), "errors": errors}
        return json_answer(body, 207 if errors else ok)


def _end(value: object) -> str:
    if not isinstance(value, Mapping) or not isinstance(value.get("id"), str):
        raise invalid("Invalid input JSON: from and to need an id")
    return str(value["id"])
