"""Repeats: a create without match key that may have been sent before is looked for first.

Salesforce has no idempotency key for creates, so this is a heuristic (invariant 6): a record of
the same object, created in the last day, that has the same value in every field that can be
compared. Fields whose stored form may differ from what was sent are left out.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from destinations.salesforce.client import Reply, SalesforceClient
from destinations.salesforce.lookup import ask
from destinations.salesforce.plan import Write
from destinations.salesforce.reasons import outcome
from destinations.salesforce.schema import ObjectSchema, Schemas
from destinations.salesforce.soql import (
    MAX_URI_BYTES,
    conditions,
    is_name,
    literal_problem,
    query_path,
)
from transformer.clock import Clock
from transformer.outcome import Delivered, Outcome, Reason, Rejected

WINDOW = timedelta(days=1)
MAX_TEXT_CHARS = 255
MAX_CONDITIONS = 20
MAX_CONDITION_BYTES = MAX_URI_BYTES - 1_000  # encoded, all together; the rest is for what is around

_TEXT = frozenset({"string", "email", "phone", "url", "picklist", "combobox"})
_WHOLE = frozenset({"int", "double", "currency", "percent"})


class Repeats:
    """Looks for records that an earlier attempt may have created."""

    def __init__(self, client: SalesforceClient, schemas: Schemas, clock: Clock) -> None:
        self._client = client
        self._schemas = schemas
        self._clock = clock

    async def find(self, writes: Sequence[Write]) -> Mapping[int, Outcome]:
        """Say, by index, what became of earlier attempts; those without a trace are left out.

        One record answers for one create only, so two equal creates find two records or one.
        """
        found: dict[int, Outcome] = {}
        asked: list[tuple[Write, str]] = []
        for write in writes:
            schema = await self._schemas.of(write.object_type)
            pairs = comparable_fields(write.body, schema) if schema else ()
            if pairs:
                query = repeat_query(write.object_type, pairs, self._clock.wall())
                asked.append((write, query))
            elif schema:
                found[write.index] = _unknowable(write)
        taken: set[str] = set()
        replies = await ask(self._client, [query for _, query in asked])
        for (write, _), reply in zip(asked, replies, strict=True):
            outcome_of_write = _read(write, reply, taken)
            if outcome_of_write is not None:
                found[write.index] = outcome_of_write
        return found


def _read(write: Write, reply: Reply, taken: set[str]) -> Outcome | None:
    if not reply.ok:
        return outcome(reply.errors, f"look for {write.object_type}")
    fresh = [record_id for record_id in _ids(reply) if record_id not in taken]
    if not fresh:
        return None
    taken.add(fresh[0])
    return Delivered("created", fresh[0], write.object_type, write.notes)


def comparable_fields(
    body: Mapping[str, object], schema: ObjectSchema
) -> Sequence[tuple[str, object]]:
    """The fields of `body` that Salesforce can filter by and stores exactly as they are sent."""
    pairs = [
        (name, value)
        for name, value in body.items()
        if is_name(name)
        and (field := schema.fields.get(name.casefold())) is not None
        and field.filterable
        and _exact(field.type, value)
    ]
    fitting: list[tuple[str, object]] = []
    size = 0
    for pair in pairs:
        cost = len(query_path(f"{conditions([pair])} AND "))
        if len(fitting) < MAX_CONDITIONS and size + cost <= MAX_CONDITION_BYTES:
            fitting.append(pair)
            size += cost
    return fitting


def repeat_query(object_type: str, pairs: Sequence[tuple[str, object]], wall: float) -> str:
    """Ask for records with all of `pairs`, created within the window, oldest first."""
    since = (datetime.fromtimestamp(wall, UTC) - WINDOW).strftime("%Y-%m-%dT%H:%M:%SZ")
    # Names were checked with is_name, values are escaped literals.
    return (
        f"SELECT Id FROM {object_type} WHERE {conditions(pairs)}"  # noqa: S608
        f" AND CreatedDate >= {since} ORDER BY CreatedDate LIMIT 200"
    )


def _exact(kind: str, value: object) -> bool:
    if kind == "boolean":
        return isinstance(value, bool)
    if kind in _WHOLE:
        return isinstance(value, int) and not isinstance(value, bool)
    if kind in _TEXT and isinstance(value, str):
        exact = 0 < len(value) <= MAX_TEXT_CHARS and value == value.strip()
        return exact and literal_problem(value) is None
    return False


def _ids(reply: Reply) -> Sequence[str]:
    records = reply.body.get("records") if isinstance(reply.body, Mapping) else None
    rows = records if isinstance(records, list) else []
    return [str(row["Id"]) for row in rows if isinstance(row, Mapping) and row.get("Id")]


def _unknowable(write: Write) -> Rejected:
    return Rejected(
        Reason.ANSWER_LOST,
        f"{write.where}: an earlier attempt may have created it, and no field sent can be searched"
        " by. Look for it in Salesforce; replay the event if it is not there.",
    )
