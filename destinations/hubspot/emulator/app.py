"""The emulator itself: both path schemes, who may call, limits, and the vendor's error bodies."""

import random
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import orjson

from destinations.hubspot.emulator import faults, routes
from destinations.hubspot.emulator.associations import Associations
from destinations.hubspot.emulator.batches import Batches
from destinations.hubspot.emulator.events import Events
from destinations.hubspot.emulator.limiter import Limiter
from destinations.hubspot.emulator.links import type_json
from destinations.hubspot.emulator.objects import Objects
from destinations.hubspot.emulator.people import OWNERS, Owner
from destinations.hubspot.emulator.portal import Portal
from destinations.hubspot.emulator.properties import Properties
from destinations.hubspot.emulator.refusals import Refusal, not_found
from destinations.hubspot.emulator.schema import Schema
from destinations.hubspot.emulator.search import Search
from destinations.hubspot.emulator.store import Record
from destinations.hubspot.emulator.tokens import App, Tokens
from destinations.hubspot.emulator.values import stamp
from transformer.clock import Clock
from transformer.emulator.server import Answer, Call, Emulator, Handler, json_answer, query_of

PRIVATE_TOKEN = "pat-na1-emulator"  # noqa: S105 - of the emulator, opens nothing


@dataclass(frozen=True, slots=True)
class Options:
    """How the emulated portal is set up; see README.md beside this file.

    `token` None takes any private app token (`pat-…`). `scopes` None grants all.
    `custom_objects` adds objects: name -> lines of a property table. `properties` adds lines to
    standard objects. `multi_status` answers refused rows of a traced batch with 207 instead of
    refusing the batch. `echo_trace_ids` puts the trace ids into results too, which HubSpot's own
    guide does not show. `clear_partial_upserts` takes "partial upserts are not supported" at its
    worst: an upsert by e-mail clears what it does not mention.
    """

    token: str | None = None
    app: App = field(default_factory=App)
    scopes: frozenset[str] | None = None
    rotate_refresh_tokens: bool = False
    portal_id: int = 4711
    burst: int = 190
    daily: int = 650_000
    searches_per_second: int = 5
    search_lag_seconds: float = 1.0
    multi_status: bool = False
    echo_trace_ids: bool = False
    clear_partial_upserts: bool = False
    custom_objects: Mapping[str, Sequence[str]] = field(default_factory=dict)
    properties: Mapping[str, Sequence[str]] = field(default_factory=dict)
    owners: Sequence[Owner] = OWNERS


class HubSpotEmulator(Emulator):
    """One portal behind the API's paths."""

    vendor_faults = faults.KINDS
    secret_paths = ("/oauth/",)

    def __init__(
        self,
        options: Options,
        *,
        seed: int = 0,
        clock: Clock | None = None,
        log_requests: int = 1_000,
        log_body_bytes: int = 65_536,
    ) -> None:
        self._options = options
        self._ids = random.Random(seed)  # noqa: S311 - repeatable correlation ids, not secrets
        super().__init__(
            seed=seed, clock=clock, log_requests=log_requests, log_body_bytes=log_body_bytes
        )

    def routes(self) -> Iterable[tuple[str, str, Handler]]:
        """Build the portal and return its routes under every version's paths."""
        self._build()
        return routes.table(
            {
                "objects": [
                    *self._objects.routes(), *self._batches.routes(), *self._search.routes(),
                ],
                "record_associations": self._associations.record_routes(),
                "associations": self._associations.routes(),
                "properties": self._properties.routes(),
                "send": self.events.send_routes(),
                "definitions": self.events.definition_routes(),
                "owners": [("GET", "", self._owners), ("GET", "/{id}", self._owner)],
                "pipelines": [("GET", "/{o}", self._pipelines)],
                "account": [
                    ("GET", "/details", self._account),
                    ("GET", "/api-usage/daily/private-apps", self._usage),
                ],
            },
            self.tokens.routes(),
        )  # fmt: skip

    def _build(self) -> None:
        made, clock = self._options, self.clock
        schema = Schema(made.portal_id, made.custom_objects)
        schema.add_properties(made.properties)
        self.portal = Portal(
            made.portal_id, schema, made.owners, clear_partial_upserts=made.clear_partial_upserts
        )
        self.limiter = Limiter(made.burst, made.daily, made.searches_per_second)
        self.tokens = Tokens(
            made.portal_id, clock,
            private=made.token, app=made.app, scopes=made.scopes,
            rotate=made.rotate_refresh_tokens,
        )  # fmt: skip
        self.events = Events(self.portal, clock)
        self._objects = Objects(self.portal, clock)
        self._batches = Batches(
            self.portal, clock,
            multi_status=made.multi_status, echo_trace_ids=made.echo_trace_ids,
        )  # fmt: skip
        self._search = Search(self.portal, clock, made.search_lag_seconds)
        self._associations = Associations(self.portal, clock)
        self._properties = Properties(self.portal, clock)

    def answer(self, call: Call) -> Answer:
        """Answer one request: token, limits, scopes, then the route; with the limits' headers."""
        if call.path.startswith("/oauth/"):
            return self._guarded(lambda: super(HubSpotEmulator, self).answer(call))
        if any(fault.kind == faults.EXPIRE_TOKENS for fault in call.faults):
            self.tokens.expire()
        oauth = call.headers.get("Authorization", "").startswith("Bearer CK")
        found = self._guarded(lambda: self._admitted(call))
        if routes.is_search(call.path):
            return found
        return Answer(
            found.status, found.body, {**found.headers, **self.limiter.headers(oauth=oauth)}
        )

    def _admitted(self, call: Call) -> Answer:
        oauth = self.tokens.authenticate(call)
        faults.refuse_request(call.faults)
        search = routes.is_search(call.path)
        self.limiter.admit(self.clock.wall(), search=search, oauth=oauth)
        self.api_calls += 1
        self.tokens.require(*routes.scopes(call.method, call.path))
        return super().answer(call)

    def _guarded(self, work: Callable[[], Answer]) -> Answer:
        try:
            return work()
        except Refusal as refusal:
            body = refusal.envelope(self._correlation_id())
            answer = json_answer(body, refusal.status)
            return Answer(answer.status, answer.body, {**answer.headers, **refusal.headers})

    def unknown(self, call: Call, allowed: Sequence[str]) -> Answer:
        """Answer a path or method that HubSpot does not have."""
        if allowed:
            refusal = Refusal(405, "METHOD_NOT_ALLOWED", f"{call.method} is not allowed here")
        else:
            refusal = not_found(f"Unable to find {call.path}")
        return json_answer(refusal.envelope(self._correlation_id()), refusal.status)

    def reset(self) -> None:
        """Forget records, events and limits too."""
        super().reset()
        self.portal.store.clear()
        self.events.clear()
        self.limiter.clear()

    def connection_settings(self) -> Mapping[str, str]:
        """Return the settings by which a private app reaches this portal."""
        return {"base_url": self.url, "access_token": self._options.token or PRIVATE_TOKEN}

    def state(self, query: Mapping[str, str]) -> object:
        """Show every record with its history and links; `?object=contacts` shows one object."""
        wanted = query.get("object")
        shown: dict[str, object] = {
            kind.name: [self._shown(record) for record in self.portal.store.all(kind)]
            for kind in self.portal.schema.types.values()
            if wanted in {None, kind.name}
        }
        if wanted is None:
            shown["events"] = {"occurred": self.events.occurred, "dropped": self.events.dropped}
        return shown

    def _shown(self, record: Record) -> dict[str, object]:
        found = self.portal.store.associations.get((record.kind.type_id, record.id), {})
        return {
            "id": record.id,
            "archived": record.archived,
            "properties": record.properties,
            "associations": [
                {"to": f"{type_id}/{other_id}", "types": type_json(types)}
                for (type_id, other_id), types in found.items()
            ],
            "history": [
                {
                    "request": write.request,
                    "time": stamp(write.time),
                    "action": write.action,
                    "properties": write.properties,
                    "objectWriteTraceId": write.trace_id,
                }
                for write in record.history
            ],
        }

    def _correlation_id(self) -> str:
        return str(uuid.UUID(int=self._ids.getrandbits(128), version=4))

    def _owners(self, call: Call, _params: Mapping[str, str]) -> Answer:
        email = query_of(call).get("email")
        listed = [o.to_json() for o in self.portal.owners.values() if email in {None, o.email}]
        return json_answer({"results": listed})

    def _owner(self, call: Call, params: Mapping[str, str]) -> Answer:
        by_user = query_of(call).get("idProperty") == "userId"
        for owner in self.portal.owners.values():
            if params["id"] == (str(owner.user_id) if by_user else owner.id):
                return json_answer(owner.to_json())
        raise not_found()

    def _pipelines(self, _call: Call, params: Mapping[str, str]) -> Answer:
        kind = self.portal.schema.find(params["o"])
        return json_answer({"results": self.portal.pipelines.to_json(kind.name)})

    def _account(self, _call: Call, _params: Mapping[str, str]) -> Answer:
        return json_answer(
            {
                "portalId": self.portal.id,
                "accountType": "DEVELOPER_TEST",
                "timeZone": "UTC",
                "companyCurrency": "USD",
                "additionalCurrencies": [],
                "utcOffset": "+00:00",
                "utcOffsetMilliseconds": 0,
                "uiDomain": "app.hubspot.com",
                "dataHostingLocation": "na1",
            }
        )

    def _usage(self, _call: Call, _params: Mapping[str, str]) -> Answer:
        usage = {
            "name": "private-apps-api-calls-daily",
            "usageLimit": self.limiter.daily,
            "currentUsage": self.limiter.used_today,
            "collectedAt": stamp(self.clock.wall()),
            "fetchStatus": "SUCCESS",
        }
        return Answer(200, orjson.dumps({"results": [usage]}), {"Content-Type": "application/json"})
