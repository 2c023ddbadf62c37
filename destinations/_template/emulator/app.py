"""The emulator's requests: the token, the rate limit, and what each route answers."""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence

import orjson

from destinations._template.emulator.contacts import CONTACT, Contacts, Refusal
from transformer.clock import Clock
from transformer.emulator.server import (
    Answer,
    Call,
    ConnectionDropped,
    Emulator,
    Handler,
    json_answer,
    query_of,
)
from transformer.emulator.store import Row

MOST_ROWS = 100
REQUESTS, SECONDS = 20, 10.0
HALF_APPLIED = "half_applied"


class TemplateEmulator(Emulator):
    """One account. The fault `half_applied` writes `options.rows` rows of a batch, then drops."""

    vendor_faults = (HALF_APPLIED,)

    def __init__(
        self, *, api_token: str, fields: Mapping[str, str], seed: int, clock: Clock | None
    ) -> None:
        self.api_token = api_token
        self._recent: deque[float] = deque()
        super().__init__(seed=seed, clock=clock)
        self.contacts = Contacts(fields, self.clock)

    def routes(self) -> Iterable[tuple[str, str, Handler]]:
        """What the vendor documents, and nothing else."""
        yield "POST", "/v1/contacts/batch", self._batch
        yield "POST", "/v1/contacts", self._create
        yield "GET", "/v1/contacts", self._find
        yield "GET", "/v1/contacts/{id}", self._read
        yield "PATCH", "/v1/contacts/{id}", self._update
        yield "GET", "/v1/fields", self._fields

    def answer(self, call: Call) -> Answer:
        """Count the call, then its token, then the rate, then its route."""
        self.api_calls += 1
        self.contacts.request = call.number
        if call.headers.get("Authorization") != f"Bearer {self.api_token}":
            return _refused(Refusal(401, "unauthorized", "The token is not known."))
        wait = self._wait_seconds()
        if wait > 0:
            refusal = Refusal(429, "rate_limited", "Too many requests.")
            return _refused(refusal, Retry_After=f"{wait:.0f}")
        try:
            return super().answer(call)
        except Refusal as refusal:
            return _refused(refusal)

    def unknown(self, call: Call, allowed: Sequence[str]) -> Answer:
        """Answer a route that the documentation does not know."""
        return _refused(Refusal(405 if allowed else 404, "no_route", call.path))

    def connection_settings(self) -> Mapping[str, str]:
        """Return the settings by which a connection reaches this account."""
        return {"base_url": self.url, "api_token": self.api_token}

    def state(self, query: Mapping[str, str]) -> object:
        """Return every contact, or that of `?email=`, with its write history."""
        listed = self.contacts.to_json(CONTACT)
        return [row for row in listed if row["email"] == query.get("email", row["email"])]

    def reset(self) -> None:
        """Forget everything but the token and the fields."""
        super().reset()
        self.contacts.clear()
        self._recent.clear()

    def _wait_seconds(self) -> float:
        now = self.clock.now()
        while self._recent and self._recent[0] <= now - SECONDS:
            self._recent.popleft()
        if len(self._recent) >= REQUESTS:
            return max(1.0, self._recent[0] + SECONDS - now)
        self._recent.append(now)
        return 0.0

    def _batch(self, call: Call, _params: Mapping[str, str]) -> Answer:
        body = _json(call)
        rows = body.get("contacts") if isinstance(body, dict) else None
        if not isinstance(rows, list) or not 0 < len(rows) <= MOST_ROWS:
            raise Refusal(400, "invalid", f"contacts must be a list of 1 to {MOST_ROWS}.")
        half = next((fault for fault in call.faults if fault.kind == HALF_APPLIED), None)
        results: list[object] = []
        for row in rows:
            if half is not None and len(results) == half.options.get("rows"):
                raise ConnectionDropped
            results.append(self._upserted(row))
        return json_answer({"results": results})

    def _upserted(self, values: object) -> dict[str, object]:
        try:
            row, created = self.contacts.upsert(values)
        except Refusal as refusal:
            return {"error": refusal.error}
        return {"id": row.id, "created": created}

    def _create(self, call: Call, _params: Mapping[str, str]) -> Answer:
        return _shown(self.contacts.create(_json(call)), 201)

    def _find(self, call: Call, _params: Mapping[str, str]) -> Answer:
        row = self.contacts.by_email(query_of(call).get("email", ""))
        return json_answer({"contacts": [] if row is None else [{"id": row.id, **row.values}]})

    def _read(self, _call: Call, params: Mapping[str, str]) -> Answer:
        return _shown(self.contacts.find(params["id"]))

    def _update(self, call: Call, params: Mapping[str, str]) -> Answer:
        return _shown(self.contacts.update(params["id"], _json(call)))

    def _fields(self, _call: Call, _params: Mapping[str, str]) -> Answer:
        return json_answer({"fields": list(self.contacts.fields)})


def _json(call: Call) -> object:
    try:
        body: object = orjson.loads(call.body)
    except orjson.JSONDecodeError:
        raise Refusal(400, "invalid", "The body must be JSON.") from None
    return body


def _shown(row: Row, status: int = 200) -> Answer:
    return json_answer({"id": row.id, **row.values}, status)


def _refused(refusal: Refusal, **headers: str) -> Answer:
    return json_answer({"error": refusal.error}, refusal.status, **headers)
