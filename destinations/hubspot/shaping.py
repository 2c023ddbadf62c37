"""Shaping a batch: validity, the account's properties (made where that is wanted), and the wire.

Reads and creates properties; `shape.py` is the pure part.
"""

from collections.abc import Mapping
from typing import TypeAlias

from destinations.hubspot.paths import is_property_name, is_record_id, object_name
from destinations.hubspot.schema import ObjectSchema, Schemas
from destinations.hubspot.settings import HubSpotSettings
from destinations.hubspot.shape import blank, is_id, new_properties, shape, unknown_names
from transformer.outcome import Reason, Rejected
from transformer.upsert import Match, Operation, Upsert

GROUPS = {
    "contacts": "contactinformation",
    "companies": "companyinformation",
    "deals": "dealinformation",
    "tickets": "ticketinformation",
}
Shaped: TypeAlias = "tuple[Upsert, ObjectSchema] | Rejected"


class Shaper:
    """Shapes upserts for one account."""

    def __init__(self, schemas: Schemas, options: HubSpotSettings) -> None:
        self._schemas = schemas
        self._options = options

    async def shape(self, upserts: Mapping[int, Upsert]) -> Mapping[int, Shaped]:
        """Every upsert with its object's schema, or why it cannot be sent.

        Raises WriteFailed when the properties cannot be read: nothing is sent by guess.
        """
        shaped: dict[int, Shaped] = {}
        by_object: dict[str, dict[int, Upsert]] = {}
        for index, upsert in upserts.items():
            name = object_name(upsert.object_type)
            if name is None:
                shaped[index] = _bad_object(upsert)
            else:
                by_object.setdefault(name, {})[index] = upsert
        for name, group in by_object.items():
            schema = await self._schema(name, group)
            for index, upsert in group.items():
                shaped[index] = self._one(upsert, schema)
        return {index: shaped[index] for index in upserts}

    async def _schema(self, name: str, group: Mapping[int, Upsert]) -> ObjectSchema | None:
        """The object's schema; looked at anew, or added to, when there are unknown names."""
        schema = await self._schemas.of(name)
        if schema is None:
            return None
        unknown = _unknown(group, schema)
        if unknown:
            schema = await self._schemas.refreshed(schema)
            unknown = _unknown(group, schema)
        wanted = new_properties(unknown) if self._options.unknown_properties == "create" else {}
        if wanted:
            own_group = GROUPS.get(name, f"{name}_information")
            group_name = self._options.property_group or own_group
            schema = await self._schemas.create(schema, wanted, group_name)
        return schema

    def _one(self, upsert: Upsert, schema: ObjectSchema | None) -> Shaped:
        if schema is None:
            return Rejected(
                Reason.UNKNOWN_OBJECT,
                f'object: the account has no "{upsert.object_type}", or hides it.'
                " Correct the external id's type or the mapping.",
            )
        problem = _match_problem(upsert, schema)
        if problem is not None:
            return problem
        made = shape(
            upsert,
            schema,
            reject_unknown=self._options.unknown_properties == "reject",
            reject_invalid=self._options.invalid_values == "reject",
        )
        return made if isinstance(made, Rejected) else (made, schema)


def _unknown(group: Mapping[int, Upsert], schema: ObjectSchema) -> Mapping[str, object]:
    found: dict[str, object] = {}
    for upsert in group.values():
        for name, value in unknown_names(upsert, schema).items():
            if found.get(name) is None:
                found[name] = value
    return found


def _bad_object(upsert: Upsert) -> Rejected:
    return Rejected(
        Reason.INVALID_OBJECT_NAME,
        f'object: expected a name like contacts or 2-123456, got "{upsert.object_type[:80]}".'
        " Correct the external id's type or the mapping.",
    )


def _match_problem(upsert: Upsert, schema: ObjectSchema) -> Rejected | None:
    """Reject match keys that must not get near a path, a filter or a batch."""
    if upsert.operation is Operation.UPDATE and not upsert.matches:
        return Rejected(
            Reason.MATCH_KEY_MISSING, f"{upsert.object_type}: an update needs a match key."
        )
    found = (_one_problem(upsert, match, schema) for match in upsert.matches)
    return next((problem for problem in found if problem is not None), None)


def _one_problem(upsert: Upsert, match: Match, schema: ObjectSchema) -> Rejected | None:
    where = f"{upsert.object_type}.{match.name}"
    if is_id(match):
        if is_record_id(str(match.value)):
            return None
        return Rejected(
            Reason.INVALID_RECORD_ID,
            f'{where}: expected a record id of digits, got "{str(match.value)[:80]}".',
        )
    if not is_property_name(match.name):
        return Rejected(
            Reason.INVALID_FIELD_NAME,
            f'{upsert.object_type}: expected a property\'s name, got "{match.name[:80]}".'
            " Correct the external id's identifierType or the mapping.",
        )
    if blank(match.value):
        return Rejected(Reason.MATCH_KEY_MISSING, f"{where}: the match key is blank.")
    if schema.find(match.name) is None:
        return Rejected(
            Reason.UNKNOWN_FIELD, f"{where}: the account has no such property. Check the name."
        )
    return None
