"""The emulator's routes: which there are, what each costs, and what it answers.

Source of the costs: `x-token-cost` in Pipedrive's OpenAPI documents, read 2026-11-22.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

import orjson

from destinations.pipedrive.emulator import account, faults, oauth
from destinations.pipedrive.emulator.limits import SEARCHES, Limits
from destinations.pipedrive.emulator.oauth import Credentials
from destinations.pipedrive.emulator.paging import cursor_page, parameters
from destinations.pipedrive.emulator.records import Records
from destinations.pipedrive.emulator.refusals import (
    BLOCK_PAGE,
    Refusal,
    invalid,
    limited,
    not_found,
    unauthorized,
)
from destinations.pipedrive.emulator.rules import Rules
from destinations.pipedrive.emulator.schema import FIELD_OBJECTS, WITH_OPTIONS, Schema, shown
from destinations.pipedrive.emulator.search import search
from destinations.pipedrive.emulator.store import Store, Write
from transformer.clock import Clock
from transformer.emulator.server import Answer, Call, Emulator, Handler, json_answer

V2_OBJECTS = ("persons", "organizations", "deals", "activities")
V1_OBJECTS = ("notes", "leads")
SEARCHED = ("persons", "organizations", "deals", "leads")
V1_ROOTS = ("/v1", "/api/v1")

Costed = tuple[str, str, int, Handler]


class PipedriveEmulator(Emulator):
    """One Pipedrive company. `api_calls` counts requests; `tokens` in the state what they cost.

    `search_lag_seconds` is how far the search index lags; `features` are contact_sync and
    campaigns, which bring fields of their own.
    """

    vendor_faults: Sequence[str] = faults.KINDS
    secret_paths: Sequence[str] = ("/oauth/",)

    def __init__(
        self,
        *,
        seed: int = 0,
        clock: Clock | None = None,
        plan: str = "ultimate",
        seats: int = 10,
        daily_tokens: int | None = None,
        searches: int = SEARCHES,
        search_lag_seconds: float = 0.0,
        features: Iterable[str] = ("contact_sync",),
        api_tokens: Iterable[str] = (oauth.API_TOKEN,),
        log_requests: int = 1_000,
    ) -> None:
        self._features = tuple(features)
        self._api_tokens = frozenset(api_tokens)
        self._limit_options = (plan, seats, searches, daily_tokens)
        self._costs: dict[str, int] = {}
        self.search_lag_seconds = search_lag_seconds
        self._begin()
        super().__init__(seed=seed, clock=clock, log_requests=log_requests)

    def _begin(self) -> None:
        plan, seats, searches, daily_tokens = self._limit_options
        self.store = Store()
        self.schema = Schema(self._features)
        self.limits = Limits(plan=plan, seats=seats, searches=searches, daily_tokens=daily_tokens)
        self.credentials = Credentials(self._api_tokens)
        rules = Rules(self.schema, self.store, account.USERS)
        self.records = Records(self.store, rules, account.USER_ID)

    def reset(self) -> None:
        """Forget everything: records, custom fields, limits, sessions."""
        super().reset()
        self._begin()

    def connection_settings(self) -> Mapping[str, str]:
        """Return the settings by which an API token reaches this company."""
        return {"base_url": self.url, "api_token": next(iter(self._api_tokens))}

    def state(self, query: Mapping[str, str]) -> object:
        """Return all records with their history, deleted ones included, and the tokens spent."""
        wanted = query.get("object")
        kinds = [wanted] if wanted else [*self.store.kinds()]
        return {
            "tokens": {"spent": self.limits.spent_total, "daily": self.limits.daily_tokens},
            "objects": {
                kind: [row.listed() for row in self.store.all(kind, deleted=True)] for kind in kinds
            },
        }

    def calls(self) -> dict[str, object]:
        """Return the counters, with the tokens that the requests cost."""
        return {**super().calls(), "tokens": self.limits.spent_total,
                "refused": self.limits.refused}  # fmt: skip

    def routes(self) -> Iterable[tuple[str, str, Handler]]:
        """Return every route, remembering its cost."""
        yield "POST", "/oauth/token", self._token
        for method, path, cost, handler in self._costed():
            self._costs[f"{method} {path}"] = cost
            yield method, path, handler

    def unknown(self, call: Call, allowed: Sequence[str]) -> Answer:
        """Answer a path that Pipedrive does not know."""
        status, error = (405, "Method not allowed") if allowed else (404, "Unknown method .")
        info = f"{call.method} {call.path} is not a method of this API."
        return json_answer(Refusal(status, error, info).body, status)

    def answer(self, call: Call) -> Answer:
        """Answer one request: the block first, then credentials, faults, limits, the handler."""
        now = self.clock.now()
        self._arm(call, now)
        if self.limits.blocked(now):
            return Answer(403, BLOCK_PAGE.encode(), {"Content-Type": "text/html; charset=UTF-8"})
        if call.path == "/oauth/token":
            return super().answer(call)
        credential = self.credentials.credential(call.headers, now)
        if credential is None:
            return json_answer(unauthorized().body, 401)
        try:
            faults.refuse(call.faults)
            self._admit(call, credential, now)
            answer = super().answer(call)
        except Refusal as refusal:
            answer = json_answer(refusal.body, refusal.status)
        return Answer(
            answer.status, answer.body, {**answer.headers, **self.limits.headers(credential, now)}
        )

    def _arm(self, call: Call, now: float) -> None:
        kinds = {fault.kind for fault in call.faults}
        if faults.SPEND_TOKENS in kinds:
            self.limits.spend_all(self.clock.wall())
        if faults.EXPIRE_TOKEN in kinds:
            self.credentials.expire()
        if faults.BLOCK in kinds:
            self.limits.block(now)

    def _admit(self, call: Call, credential: str, now: float) -> None:
        match = self._table.find(call.method, call.path)
        pattern = getattr(match, "pattern", "")
        cost = self._costs.get(f"{call.method} {pattern}", 0)
        self.api_calls += 1
        looks = pattern.endswith("/search")
        if not self.limits.admit(credential, cost, now, self.clock.wall(), search=looks):
            raise limited()

    def _costed(self) -> Iterable[Costed]:
        for kind in V2_OBJECTS:
            path = f"/api/v2/{kind}"
            yield from self._record_routes(kind, path, self._list_v2, "PATCH", (10, 1, 5, 3))
        for root in V1_ROOTS:
            for kind in V1_OBJECTS:
                method = "PATCH" if kind == "leads" else "PUT"
                yield from self._record_routes(
                    kind, f"{root}/{kind}", self._list_v1, method, (20, 2, 10, 6)
                )
            yield "GET", f"{root}/users/me", 2, _fixed(account.me)
            yield "GET", f"{root}/activityTypes", 20, _fixed(account.activity_types)
            yield "GET", f"{root}/currencies", 20, _fixed(account.currencies)
        for kind in SEARCHED:
            yield "GET", f"/api/v2/{kind}/search", 20, self._search(kind)
        for path, kind in FIELD_OBJECTS.items():
            yield "GET", f"/api/v2/{path}", 10, self._fields(kind)
            if kind != "activities":
                yield "POST", f"/api/v2/{path}", 5, self._add_field(kind)
                yield "DELETE", f"/api/v2/{path}/{{code}}", 3, self._delete_field(kind)

    def _record_routes(
        self,
        kind: str,
        path: str,
        listing: Callable[[str], Handler],
        change: str,
        costs: tuple[int, int, int, int],
    ) -> Iterable[Costed]:
        many, one, write, delete = costs
        yield "GET", path, many, listing(kind)
        yield "POST", path, write, self._create(kind)
        yield "GET", f"{path}/{{id}}", one, self._get(kind)
        yield change, f"{path}/{{id}}", write, self._update(kind)
        yield "DELETE", f"{path}/{{id}}", delete, self._delete(kind)

    def _write(self, call: Call, operation: str, body: object) -> Write:
        kept = body if isinstance(body, Mapping) else {}
        return Write(call.number, self.clock.wall(), operation, kept)

    def _create(self, kind: str) -> Handler:
        def handle(call: Call, _params: Mapping[str, str]) -> Answer:
            body = _body(call)
            made = self.records.create(kind, body, self._write(call, "create", body))
            return _data(made, status=201 if kind == "leads" else 200)

        return handle

    def _update(self, kind: str) -> Handler:
        def handle(call: Call, params: Mapping[str, str]) -> Answer:
            body = _body(call)
            write = self._write(call, "update", body)
            return _data(self.records.update(kind, params["id"], body, write))

        return handle

    def _delete(self, kind: str) -> Handler:
        def handle(call: Call, params: Mapping[str, str]) -> Answer:
            row = self.records.delete(kind, params["id"], self._write(call, "delete", {}))
            return _data(True if kind == "notes" else {"id": row.id})

        return handle

    def _get(self, kind: str) -> Handler:
        def handle(_call: Call, params: Mapping[str, str]) -> Answer:
            return _data(self.records.shown(self.records.find(kind, params["id"])))

        return handle

    def _list_v2(self, kind: str) -> Handler:
        def handle(call: Call, _params: Mapping[str, str]) -> Answer:
            page, cursor = self.records.list_v2(kind, call)
            return _data(page, additional={"next_cursor": cursor})

        return handle

    def _list_v1(self, kind: str) -> Handler:
        def handle(call: Call, _params: Mapping[str, str]) -> Answer:
            page, pagination = self.records.list_v1(kind, call)
            return _data(page, additional={"pagination": pagination})

        return handle

    def _search(self, kind: str) -> Handler:
        def handle(call: Call, _params: Mapping[str, str]) -> Answer:
            horizon = self.clock.wall() - self.search_lag_seconds
            items, cursor = search(kind, call, self.store, horizon)
            return _data({"items": items}, additional={"next_cursor": cursor})

        return handle

    def _fields(self, kind: str) -> Handler:
        def handle(call: Call, _params: Mapping[str, str]) -> Answer:
            query = parameters(call, ("include_fields", "limit", "cursor"))
            page, cursor = cursor_page(f"{kind}Fields", self.schema.listed(kind), query)
            return _data(list(page), additional={"next_cursor": cursor})

        return handle

    def _add_field(self, kind: str) -> Handler:
        def handle(call: Call, _params: Mapping[str, str]) -> Answer:
            body = _body(call)
            name, field_type = body.get("field_name"), body.get("field_type")
            if not isinstance(name, str) or not isinstance(field_type, str):
                raise invalid("field_name", "field_name and field_type are required")
            labels = _labels(body.get("options"))
            if (field_type in WITH_OPTIONS) != bool(labels):
                raise invalid("options", "required for enum and set, and only for those")
            return _data(shown(self.schema.add(kind, name, field_type, labels)))

        return handle

    def _delete_field(self, kind: str) -> Handler:
        def handle(_call: Call, params: Mapping[str, str]) -> Answer:
            if not self.schema.delete(kind, params["code"]):
                raise not_found()
            return _data({"field_code": params["code"]})

        return handle

    def _token(self, call: Call, _params: Mapping[str, str]) -> Answer:
        return self.credentials.token(call, self.clock.now(), self.url)


def _fixed(payload: Callable[[], object]) -> Handler:
    return lambda _call, _params: _data(payload())


def _body(call: Call) -> dict[str, object]:
    if not call.headers.get("Content-Type", "").startswith("application/json"):
        raise Refusal(415, "Unsupported Media Type")
    try:
        body = orjson.loads(call.body)
    except orjson.JSONDecodeError:
        raise Refusal(400, "Invalid JSON") from None
    if not isinstance(body, dict):
        raise invalid("body", "expected an object")
    return body


def _labels(options: object) -> list[str]:
    listed = options if isinstance(options, list) else []
    return [str(each["label"]) for each in listed if isinstance(each, Mapping) and "label" in each]


def _data(data: object, *, status: int = 200, additional: object = None) -> Answer:
    return json_answer({"success": True, "data": data, "additional_data": additional}, status)
