"""Handlers of single records: list, create, read, update, archive, merge, erase."""

from collections.abc import Iterable, Mapping

from destinations.hubspot.emulator import links
from destinations.hubspot.emulator.portal import Portal, Row
from destinations.hubspot.emulator.reading import (
    body_of,
    optional_text,
    properties_of,
    text,
)
from destinations.hubspot.emulator.refusals import invalid, not_found
from destinations.hubspot.emulator.schema import ObjectType
from destinations.hubspot.emulator.store import ADDITIONAL_EMAILS, MERGED_IDS, Record
from transformer.clock import Clock
from transformer.emulator.server import Answer, Call, Handler, json_answer, query_of

PAGE = 10
MAX_PAGE = 100
Params = Mapping[str, str]


class Objects:
    """One record at a time."""

    def __init__(self, portal: Portal, clock: Clock) -> None:
        self._portal = portal
        self._clock = clock

    def routes(self) -> Iterable[tuple[str, str, Handler]]:
        """Method, path below the objects' root, handler."""
        return (
            ("GET", "/{o}", self._list),
            ("POST", "/{o}", self._create),
            ("GET", "/{o}/{id}", self._read),
            ("PATCH", "/{o}/{id}", self._update),
            ("DELETE", "/{o}/{id}", self._archive),
            ("POST", "/{o}/merge", self._merge),
            ("POST", "/{o}/gdpr-delete", self._erase),
        )

    def _kind(self, params: Params) -> ObjectType:
        return self._portal.schema.find(params["o"])

    def _list(self, call: Call, params: Params) -> Answer:
        kind, query = self._kind(params), query_of(call)
        limit = _whole(query, "limit", PAGE)
        if not 1 <= limit <= MAX_PAGE:
            raise invalid(f"limit must be between 1 and {MAX_PAGE}")
        archived = query.get("archived") == "true"
        after = _whole(query, "after", 0)
        records = [
            record
            for record in self._portal.store.all(kind)
            if record.archived == archived and int(record.id) >= after
        ]
        body: dict[str, object] = {
            "results": [self._shown(record, query) for record in records[:limit]]
        }
        if len(records) > limit:
            body["paging"] = {"next": {"after": records[limit].id, "link": f"?after={after}"}}
        return json_answer(body)

    def _create(self, call: Call, params: Params) -> Answer:
        kind, body = self._kind(params), body_of(call)
        checked = self._portal.checked(kind, properties_of(body), creating=True)
        planned = links.inline(self._portal, kind, body.get("associations"))
        record = self._portal.create(kind, Row(checked), call, self._clock.wall())
        links.apply(self._portal, record, planned)
        return json_answer(record.written([*kind.defaults, *checked]), 201)

    def _read(self, call: Call, params: Params) -> Answer:
        query = query_of(call)
        return json_answer(self._shown(self._record(params, query), query))

    def _update(self, call: Call, params: Params) -> Answer:
        record = self._record(params, query_of(call))
        given = properties_of(body_of(call))
        checked = self._portal.checked(record.kind, given, creating=False)
        self._portal.update(record, Row(checked), call, self._clock.wall())
        return json_answer(record.written([*record.kind.defaults, *checked]))

    def _archive(self, call: Call, params: Params) -> Answer:
        record = self._portal.store.get(self._kind(params), params["id"])
        if record is not None:
            self._portal.archive(record, call, self._clock.wall())
        return Answer(204)

    def _merge(self, call: Call, params: Params) -> Answer:
        """Both become one new record; their ids lead to it from now on."""
        kind, body = self._kind(params), body_of(call)
        winner = self._get(kind, text(body, "primaryObjectId"))
        loser = self._get(kind, text(body, "objectIdToMerge"))
        kept = {**loser.properties, **winner.properties}
        emails = [*winner.emails, *loser.emails]
        ids = [i for each in (winner, loser) for i in (each.id, *each.merged_ids)]
        now = self._clock.wall()
        if kind.name == "contacts" and len(emails) > 1:
            kept[ADDITIONAL_EMAILS] = ";".join(emails[1:])
        kept[MERGED_IDS] = ";".join(ids)
        for each in (winner, loser):
            self._portal.archive(each, call, now)
        fresh = {name: value for name, value in kept.items() if name != "hs_object_id"}
        merged = self._portal.create(kind, Row(fresh), call, now)
        for each in (winner, loser):
            self._portal.store.merge(each, merged)
        return json_answer(merged.written(kind.defaults))

    def _erase(self, call: Call, params: Params) -> Answer:
        kind, body = self._kind(params), body_of(call)
        value, by = text(body, "objectId"), optional_text(body, "idProperty")
        store = self._portal.store
        record = store.holder(kind, by, value) if by else store.get(kind, value)
        if record is not None:
            self._portal.archive(record, call, self._clock.wall())
            record.properties.clear()
        return Answer(204)

    def _record(self, params: Params, query: Mapping[str, str]) -> Record:
        kind, by = self._kind(params), query.get("idProperty")
        if by and by != "hs_object_id":
            self._portal.unique_property(kind, by)
            record = self._portal.store.holder(kind, by, params["id"])
            if record is None:
                raise not_found()
            return record
        return self._get(kind, params["id"])

    def _get(self, kind: ObjectType, record_id: str) -> Record:
        record = self._portal.store.get(kind, record_id)
        if record is None:
            raise not_found()
        return record

    def _shown(self, record: Record, query: Mapping[str, str]) -> dict[str, object]:
        asked = [name for name in query.get("properties", "").split(",") if name]
        shown = record.to_json(asked or record.kind.defaults)
        linked = [name for name in query.get("associations", "").split(",") if name]
        if linked:
            shown["associations"] = {
                name: {"results": links.listed(self._portal, record, name)} for name in linked
            }
        return shown


def _whole(query: Mapping[str, str], name: str, default: int) -> int:
    value = query.get(name)
    if value is None:
        return default
    if not value.isdecimal():
        raise invalid(f"{name} must be an integer")
    return int(value)
