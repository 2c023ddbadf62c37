"""Creates that may have happened already: looked for, once searches can know them (invariant 6).

HubSpot keeps nothing that names the attempt, and its search index lags. So a create of a record
without a unique value waits until the index must have it, and only then counts as not there.
"""

from collections.abc import Mapping, Sequence

from destinations.hubspot.client import HubSpotClient
from destinations.hubspot.lookup import Key
from destinations.hubspot.plan import Write
from destinations.hubspot.reasons import outcome
from destinations.hubspot.schema import ObjectSchema
from destinations.hubspot.shape import blank
from transformer.clock import Clock
from transformer.kit.remembered import Remembered
from transformer.outcome import Delivered, Outcome, Reason, Rejected, Retry

WINDOW_SECONDS = 86_400.0
MAX_FILTERS = 5
MAX_VALUE_CHARS = 255
REMEMBERED = 100_000

_COMPARABLE = frozenset({"string", "number", "enumeration", "bool", "phone_number"})


class Waits:
    """How much longer each identity must wait for the index; begun when first asked."""

    def __init__(self, lag_seconds: float) -> None:
        self._lag = lag_seconds
        self._until: Remembered[Key, float] = Remembered(
            capacity=REMEMBERED, seconds=lag_seconds + 3600.0
        )

    def left(self, key: Key, now: float) -> float:
        """Seconds left to wait; 0.0 from when the wait is over until it is ended."""
        until = self._until.recall(key, now)
        if until is None:
            if self._lag > 0:
                self._until.learn(key, now + self._lag, now)
            return self._lag
        return max(0.0, until - now)

    def end(self, key: Key) -> None:
        """The create goes out now; should its answer be lost too, a new wait begins."""
        self._until.forget(key)


class Repeats:
    """Looks for records that an earlier attempt may have created."""

    def __init__(self, client: HubSpotClient, waits: Waits, clock: Clock) -> None:
        self._client = client
        self._waits = waits
        self._clock = clock
        # Records that a repeat was found to be: each answers for one create only.
        self._taken: Remembered[str, bool] = Remembered(capacity=REMEMBERED, seconds=WINDOW_SECONDS)

    async def find(self, write: Write, schema: ObjectSchema) -> Outcome | None:
        """Say what to do instead of creating, or None to go on and create.

        A record with a unique value needs no looking: HubSpot refuses a second one.
        """
        if any(schema.is_unique(name) for name in write.properties):
            return None
        key = min(write.claims) if write.claims else fingerprint(write)
        left = self._waits.left(key, self._clock.now())
        if left > 0.0:
            return Retry(
                Reason.ANSWER_LOST,
                f"{write.where}: an earlier attempt may have created it; searches know it only"
                " after a while.",
                after_seconds=left,
                counts=False,
                may_have_applied=True,
            )
        found = None if write.claims else await self._equal(write, schema)
        if found is None:
            self._waits.end(key)
        return found

    async def _equal(self, write: Write, schema: ObjectSchema) -> Outcome | None:
        """A record of the last day with the same values, for a create that no match key names."""
        compared = comparable(write.properties, schema)
        if not compared:
            return Rejected(
                Reason.ANSWER_LOST,
                f"{write.where}: an earlier attempt may have created it, and no property sent can"
                " be searched by. Look for it in HubSpot; replay the event if it is not there.",
            )
        created = next((n for n in ("createdate", "hs_createdate") if n in schema.properties), "")
        since = str(int((self._clock.wall() - WINDOW_SECONDS) * 1000))
        filters = [{"propertyName": n, "operator": "EQ", "value": v} for n, v in compared.items()]
        if created:
            filters.append({"propertyName": created, "operator": "GTE", "value": since})
        reply = await self._client.search(schema.name, filters, sorted(write.properties))
        if not reply.ok:
            return outcome(reply.error, f"look for {schema.name}")
        for record_id in same(reply.results, compared):
            if self._taken.recall(record_id, self._clock.now()) is None:
                self._taken.learn(record_id, value=True, now=self._clock.now())
                return Delivered("created", record_id, write.object_type, write.notes)
        return None


def comparable(properties: Mapping[str, object], schema: ObjectSchema) -> Mapping[str, str]:
    """The properties that HubSpot stores exactly as they are sent and can be filtered by."""
    found: dict[str, str] = {}
    for name, value in properties.items():
        prop = schema.properties.get(name)
        exact = prop is not None and prop.type in _COMPARABLE and not prop.several
        if exact and not blank(value) and len(str(value)) <= MAX_VALUE_CHARS:
            found[name] = str(value)
    return dict(list(found.items())[:MAX_FILTERS])


def same(results: Sequence[Mapping[str, object]], compared: Mapping[str, str]) -> Sequence[str]:
    """The ids of the results that have exactly these values, oldest first."""
    ids = []
    for result in results:
        held = result.get("properties")
        if isinstance(held, Mapping) and all(held.get(n) == v for n, v in compared.items()):
            ids.append(str(result.get("id") or ""))
    return sorted(ids, key=lambda each: (len(each), each))


def fingerprint(write: Write) -> Key:
    """What stands for a create that has no match key: everything it writes."""
    return (write.object_type, "create", repr(sorted(write.properties.items())))
