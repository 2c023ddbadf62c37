"""Handlers of property definitions and their groups."""

import re
from collections.abc import Iterable, Mapping

from destinations.hubspot.emulator.portal import Portal
from destinations.hubspot.emulator.reading import body_of, inputs_of, text
from destinations.hubspot.emulator.refusals import Refusal, invalid, not_found
from destinations.hubspot.emulator.schema import ObjectType, Property
from destinations.hubspot.emulator.values import stamp
from transformer.clock import Clock
from transformer.emulator.server import Answer, Call, Handler, json_answer

TYPES: Mapping[str, frozenset[str]] = {
    "string": frozenset({"text", "textarea", "html", "phonenumber", "file"}),
    "number": frozenset({"number", "calculation_equation"}),
    "bool": frozenset({"booleancheckbox"}),
    "enumeration": frozenset({"select", "radio", "checkbox", "booleancheckbox"}),
    "date": frozenset({"date"}),
    "datetime": frozenset({"date"}),
    "phone_number": frozenset({"phonenumber"}),
}
_NAME = re.compile(r"[a-z][a-z0-9_]{0,99}")
Params = Mapping[str, str]


class Properties:
    """Definitions of properties, per object."""

    def __init__(self, portal: Portal, clock: Clock) -> None:
        self._portal = portal
        self._clock = clock

    def routes(self) -> Iterable[tuple[str, str, Handler]]:
        """Method, path below the properties' root, handler."""
        return (
            ("GET", "/{o}", self._list),
            ("POST", "/{o}", self._create),
            ("GET", "/{o}/{name}", self._read),
            ("PATCH", "/{o}/{name}", self._change),
            ("DELETE", "/{o}/{name}", self._archive),
            ("POST", "/{o}/batch/create", self._batch_create),
            ("POST", "/{o}/batch/read", self._batch_read),
            ("POST", "/{o}/batch/archive", self._batch_archive),
            ("GET", "/{o}/groups", self._groups),
            ("POST", "/{o}/groups", self._create_group),
        )

    def _kind(self, params: Params) -> ObjectType:
        return self._portal.schema.find(params["o"])

    def _list(self, _call: Call, params: Params) -> Answer:
        kind = self._kind(params)
        listed = [prop.to_json() for prop in kind.properties.values() if not prop.archived]
        return json_answer({"results": listed})

    def _create(self, call: Call, params: Params) -> Answer:
        return json_answer(self._created(self._kind(params), body_of(call)).to_json(), 201)

    def _read(self, _call: Call, params: Params) -> Answer:
        return json_answer(self._property(params).to_json())

    def _change(self, call: Call, params: Params) -> Answer:
        prop, body = self._property(params), body_of(call)
        if "options" in body:
            prop.options = _options(body)
        prop.label = text(body, "label", prop.label)
        return json_answer(prop.to_json())

    def _archive(self, _call: Call, params: Params) -> Answer:
        prop = self._property(params)
        if prop.hubspot_defined:
            raise invalid(f"Property {prop.name} is defined by HubSpot and cannot be archived")
        prop.archived = True
        return Answer(204)

    def _batch_create(self, call: Call, params: Params) -> Answer:
        kind = self._kind(params)
        made, errors = [], []
        for value in inputs_of(call):
            try:
                made.append(self._created(kind, value).to_json())
            except Refusal as refusal:
                errors.append(refusal.row(None))
        now = stamp(self._clock.wall())
        body: dict[str, object] = {
            "status": "COMPLETE",
            "results": made,
            "startedAt": now,
            "completedAt": now,
        }
        if errors:
            body |= {"numErrors": len(errors), "errors": errors}
        return json_answer(body, 207 if errors else 201)

    def _batch_read(self, call: Call, params: Params) -> Answer:
        kind = self._kind(params)
        names = [text(value, "name") for value in inputs_of(call)]
        found = [prop.to_json() for name in names if (prop := kind.find(name)) is not None]
        now = stamp(self._clock.wall())
        body = {"status": "COMPLETE", "results": found, "startedAt": now, "completedAt": now}
        return json_answer(body)

    def _batch_archive(self, call: Call, params: Params) -> Answer:
        for value in inputs_of(call):
            self._archive(call, {**params, "name": text(value, "name")})
        return Answer(204)

    def _groups(self, _call: Call, params: Params) -> Answer:
        listed = [
            {"name": name, "label": label, "displayOrder": -1, "archived": False}
            for name, label in self._kind(params).groups.items()
        ]
        return json_answer({"results": listed})

    def _create_group(self, call: Call, params: Params) -> Answer:
        kind, body = self._kind(params), body_of(call)
        name, label = text(body, "name"), text(body, "label")
        if name in kind.groups:
            raise Refusal(409, "CONFLICT", f"Group {name} already exists")
        kind.groups[name] = label
        return json_answer(
            {"name": name, "label": label, "displayOrder": -1, "archived": False}, 201
        )

    def _property(self, params: Params) -> Property:
        prop = self._kind(params).find(params["name"])
        if prop is None:
            raise not_found(f"Property {params['name']} does not exist")
        return prop

    def _created(self, kind: ObjectType, body: Mapping[str, object]) -> Property:
        name, label, group = text(body, "name"), text(body, "label"), text(body, "groupName")
        wanted, field_type = text(body, "type"), text(body, "fieldType")
        if _NAME.fullmatch(name) is None:
            raise invalid(f"Property name {name} is not valid")
        if field_type not in TYPES.get(wanted, frozenset()):
            raise invalid(f"fieldType {field_type} is not valid for type {wanted}")
        if group not in kind.groups:
            raise invalid(f"Property group {group} does not exist")
        if kind.find(name) is not None:
            text_ = f"A property named '{name}' already exists."
            raise Refusal(409, "CONFLICT", text_, sub_category="Properties.PROPERTY_EXISTS")
        options = _options(body)
        if wanted in {"enumeration", "bool"} and not options:
            raise invalid(f"Property {name} needs options")
        flags = frozenset("u") if body.get("hasUniqueValue") is True else frozenset("")
        now = stamp(self._clock.wall())
        prop = Property(
            name, wanted, field_type, label, group, flags, options,
            hubspot_defined=False, extra={"createdAt": now, "updatedAt": now},
        )  # fmt: skip
        kind.properties[name] = prop
        return prop


def _options(body: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    given = body.get("options", [])
    if not isinstance(given, list):
        raise invalid("options must be an array")
    return tuple(
        (text(each, "value"), text(each, "label")) for each in given if isinstance(each, Mapping)
    )
