"""The server of the ActiveCampaign emulator: the key, the rate limit, and the resources."""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

from destinations.activecampaign.emulator import imports
from destinations.activecampaign.emulator.accounts import Accounts, CustomFields
from destinations.activecampaign.emulator.answers import Refusal
from destinations.activecampaign.emulator.catalogue import Catalogue
from destinations.activecampaign.emulator.contacts import Contacts
from destinations.activecampaign.emulator.deals import Deals
from destinations.activecampaign.emulator.imports import Imports
from destinations.activecampaign.emulator.store import KINDS, Store
from destinations.activecampaign.emulator.tracking import Tracking
from transformer.clock import Clock, SystemClock
from transformer.emulator.server import Answer, Call, Emulator, Handler, json_answer

ROOT = "/api/3"
USER_ID = "1"
STAGES = ("To Contact", "In Contact", "Follow Up")


class ActiveCampaignEmulator(Emulator):
    """One account over HTTP; `build` says how it is made.

    Tests fill it through `contacts`, `catalogue`, `accounts`, `deals` and the two kinds of custom
    fields; `blocked` holds addresses that it refuses, `forbidden` the resources (`lists`) that the
    user of the key may not touch.
    """

    vendor_faults = imports.FAULTS

    def __init__(
        self,
        *,
        api_token: str,
        requests_per_second: int | None,
        import_seconds: float,
        event_account_id: str,
        event_key: str,
        seed: int,
        clock: Clock | None,
        log_requests: int,
    ) -> None:
        self.api_token = api_token
        self.blocked: set[str] = set()
        self.forbidden: set[str] = set()
        self.throttled_count = 0
        self.tracking_count = 0
        self._rate = requests_per_second
        self._recent: deque[float] = deque()
        kit_clock = clock or SystemClock()
        self.store = Store(kit_clock)
        self.account_fields = CustomFields(self.store, "account")
        self.deal_fields = CustomFields(self.store, "deal")
        self.contacts = Contacts(self.store, self.blocked)
        self.catalogue = Catalogue(self.store, self.contacts)
        self.accounts = Accounts(self.store, self.account_fields)
        self.deals = Deals(self.store, self.deal_fields)
        self.tracking = Tracking(self.store, self.contacts, actid=event_account_id, key=event_key)
        self.imports = Imports(
            self.store,
            self.contacts,
            self.catalogue,
            self.accounts,
            clock=kit_clock,
            seconds=import_seconds,
        )
        super().__init__(seed=seed, clock=kit_clock, log_requests=log_requests)
        self.deals.add_pipeline("Sales", STAGES, autoassign="1")

    def routes(self) -> Iterable[tuple[str, str, Handler]]:
        """Every resource, each handler's refusal turned into its answer."""
        resources = (
            self.contacts,
            self.catalogue,
            self.accounts,
            self.account_fields,
            self.deal_fields,
            self.deals,
            self.imports,
            self.tracking,
        )
        yield "GET", f"{ROOT}/users/me", self._me
        for method, pattern, handler in chain.from_iterable(r.routes(ROOT) for r in resources):
            yield method, pattern, _refusing(handler)

    def answer(self, call: Call) -> Answer:
        """Answer one request: below the API's root with its key and within its rate."""
        self.store.request = call.number
        self.imports.work()
        if not call.path.startswith(f"{ROOT}/"):
            self.tracking_count += call.path == "/event"
            return super().answer(call)
        self.api_calls += 1
        headers = self._limited()
        if "Retry-After" in headers:
            self.throttled_count += 1
            return json_answer({"message": "Too Many Requests"}, 429, **headers)
        answer = self._permitted(call)
        return Answer(answer.status, answer.body, {**answer.headers, **headers})

    def unknown(self, call: Call, allowed: Sequence[str]) -> Answer:
        """Answer a route that the documentation does not know."""
        return json_answer({"message": f"No route {call.path}"}, 405 if allowed else 404)

    def connection_settings(self) -> Mapping[str, str]:
        """Return the settings by which the account's key reaches it."""
        return {"base_url": self.url, "api_token": self.api_token}

    def state(self, query: Mapping[str, str]) -> object:
        """Return the records, or those of `?kind=contacts`, with their write history."""
        kinds = [kind for kind in KINDS if kind == query.get("kind", kind)]
        found: dict[str, object] = {kind: self.store.to_json(kind) for kind in kinds}
        found["imports"] = [
            {
                "batchId": batch.id,
                "status": batch.status,
                "contacts": len(batch.rows),
                "success": list(batch.success),
                "failure": list(batch.failure),
            }
            for batch in self.imports.batches.values()
        ]
        return found

    def calls(self) -> dict[str, object]:
        """Return the counters: API calls, throttled ones among them, and tracked events."""
        return {
            **super().calls(),
            "throttled": self.throttled_count,
            "tracking_calls": self.tracking_count,
        }

    def reset(self) -> None:
        """Forget everything but the key."""
        super().reset()
        self.store.clear()
        self.imports.clear()
        self.blocked.clear()
        self.forbidden.clear()
        self._recent.clear()
        self.throttled_count = self.tracking_count = 0
        self.deals.add_pipeline("Sales", STAGES, autoassign="1")

    def _limited(self) -> dict[str, str]:
        """The rate's headers for this request; with `Retry-After` when it is one too many."""
        if self._rate is None:
            return {}
        now = self.clock.now()
        while self._recent and self._recent[0] <= now - 1.0:
            self._recent.popleft()
        limit = {"RateLimit-Limit": str(self._rate)}
        if len(self._recent) >= self._rate:
            return {**limit, "RateLimit-Remaining": "0", "Retry-After": "1"}
        self._recent.append(now)
        return {**limit, "RateLimit-Remaining": str(self._rate - len(self._recent))}

    def _permitted(self, call: Call) -> Answer:
        if call.headers.get("Api-Token") != self.api_token:
            return json_answer({"message": "Forbidden"}, 403)
        resource = call.path.removeprefix(f"{ROOT}/").partition("/")[0]
        if resource in self.forbidden:
            detail = f"You do not have permission to view {resource}."
            entry = {"status": 403, "title": "Forbidden", "detail": detail}
            return json_answer({"errors": [entry]}, 403)
        return super().answer(call)

    def _me(self, _call: Call, _params: Mapping[str, str]) -> Answer:
        user = {
            "username": "admin",
            "firstName": "Ada",
            "lastName": "Admin",
            "email": "admin@example.com",
            "phone": "",
            "signature": "",
            "links": {},
            "id": USER_ID,
        }
        return json_answer({"user": user})


def _refusing(handler: Handler) -> Handler:
    def safe(call: Call, params: Mapping[str, str]) -> Answer:
        try:
            return handler(call, params)
        except Refusal as refusal:
            return refusal.answer

    return safe
