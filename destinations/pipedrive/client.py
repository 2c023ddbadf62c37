"""Pipedrive's API: one session, one budget of tokens, exact windows, errors translated.

Knows no upserts. Source: pipedrive.readme.io, "Rate limiting", and the OpenAPI documents' token
costs, read 2026-11-22.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

from destinations.pipedrive.auth import Credentials, Session
from destinations.pipedrive.objects import ObjectKind
from destinations.pipedrive.pace import Day, Window
from destinations.pipedrive.reasons import SCOPE_MISMATCH, SETUP, VendorError, read_error
from destinations.pipedrive.settings import PipedriveSettings
from transformer.clock import Clock
from transformer.errors import (
    AnswerLost,
    QuotaSpent,
    ServerFault,
    Throttled,
    Unauthorized,
    Unreachable,
)
from transformer.http import PATIENCE_SECONDS, Answer, HttpClient, Request
from transformer.kit import json_api
from transformer.kit.json_api import json_request, record_in, records_in

SETUP_PAUSE_SECONDS = 60.0
# Waits after a 429 that says nothing, one after the other; the next means that the day is spent.
STRIKE_SECONDS = (2.5, 10.0)
# Cloudflare's block; every request during it makes it longer.
BLOCK_SECONDS = 300.0
SEARCH_COST, FIELDS_COST, FIELD_COST, ME_COST, WRITE_COST = 20, 10, 5, 2, 10
PAGE = 500
SEARCH_PAGE = 100

_BAD_REQUEST, _UNAUTHORIZED, _FORBIDDEN, _TOO_LARGE = 400, 401, 403, 413


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `route` is its bounded name; `cost` its tokens; `looks` counts as a search."""

    method: str
    path: str
    route: str
    cost: int
    writes: bool = False
    looks: bool = False
    query: Sequence[tuple[str, str]] = field(default=(), repr=False)
    body: object = field(default=None, repr=False)


class Reply(json_api.Reply):
    """What one call came to: `data` of the envelope, and where the next page begins, if any."""

    __slots__ = ()

    @property
    def ok(self) -> bool:
        """Whether it worked: 2xx and not `success: false`."""
        return super().ok and self.at("success") is not False

    @property
    def data(self) -> object:
        """The envelope's data."""
        return self.at("data")

    @property
    def record(self) -> Mapping[str, object]:
        """The envelope's data where it is one record; empty when it is not."""
        return record_in(self.data)

    @property
    def records(self) -> Sequence[Mapping[str, object]]:
        """The envelope's data where it is a list."""
        return records_in(self.data)

    @property
    def next_page(self) -> tuple[str, str] | None:
        """The query parameter that asks for the next page, in v2 or v1, or None at the end."""
        more = record_in(self.at("additional_data"))
        cursor, pages = more.get("next_cursor"), more.get("pagination")
        if isinstance(cursor, str) and cursor:
            return ("cursor", cursor)
        if isinstance(pages, Mapping) and pages.get("more_items_in_collection"):
            return ("start", str(pages.get("next_start")))
        return None

    @property
    def error(self) -> VendorError:
        """The error in the body of a reply that is not ok."""
        return read_error(self.body, self.status)


class PipedriveClient:
    """The calls this destination makes; each costs tokens of the company's day."""

    def __init__(
        self, http: HttpClient, session: Session, settings: PipedriveSettings, clock: Clock
    ) -> None:
        self._http = http
        self._session = session
        self._settings = settings
        self._clock = clock
        self._burst = Window(settings.burst)
        self._searches = Window(settings.searches)
        self._day = Day(settings.reset_hour)
        self._strikes = 0
        self._held_until = 0.0
        self.suspects_quota = False

    async def get(self, kind: ObjectKind, record_id: str) -> Reply:
        """Read one record; 404 when it is not there or was deleted."""
        return await self.send(Call("GET", f"{kind.path}/{record_id}", "get", kind.costs[0]))

    async def create(self, kind: ObjectKind, body: Mapping[str, object]) -> Reply:
        """Create a record; nothing keeps Pipedrive from having it twice."""
        return await self.send(
            Call("POST", kind.path, "create", kind.costs[2], writes=True, body=body)
        )

    async def update(self, kind: ObjectKind, record_id: str, body: Mapping[str, object]) -> Reply:
        """Change what `body` names; lists are replaced whole."""
        path = f"{kind.path}/{record_id}"
        return await self.send(
            Call(kind.change, path, "update", kind.costs[2], writes=True, body=body)
        )

    async def search(
        self, kind: ObjectKind, term: str, fields: str, page: tuple[str, str] | None = None
    ) -> Reply:
        """Find records that have exactly `term` in one of `fields`, without case.

        The index lags behind writes.
        """
        query = [
            ("term", term), ("fields", fields), ("exact_match", "true"),
            ("limit", str(SEARCH_PAGE)), *([page] if page else []),
        ]  # fmt: skip
        path = f"/api/v2/{kind.name}/search"
        return await self.send(Call("GET", path, "search", SEARCH_COST, looks=True, query=query))

    async def listed(self, kind: ObjectKind, query: Sequence[tuple[str, str]]) -> Reply:
        """Read one page of a list."""
        return await self.send(
            Call("GET", kind.path, "list", kind.costs[1], query=[*query, ("limit", str(PAGE))])
        )

    async def fields(self, kind: ObjectKind, page: tuple[str, str] | None = None) -> Reply:
        """Read one page of the fields of an object, the company's own included."""
        query = [("limit", str(PAGE)), *([page] if page else [])]
        return await self.send(Call("GET", kind.fields_path, "fields", FIELDS_COST, query=query))

    async def add_field(self, kind: ObjectKind, name: str, field_type: str) -> Reply:
        """Make a custom field; two of one name are possible."""
        body = {"field_name": name, "field_type": field_type}
        return await self.send(
            Call("POST", kind.fields_path, "add_field", FIELD_COST, writes=True, body=body)
        )

    async def me(self) -> Reply:
        """Ask who we are: the cheapest way to see whether requests are let in."""
        return await self.send(Call("GET", "/v1/users/me", "me", ME_COST))

    async def send(self, call: Call) -> Reply:
        """Send one call; any reply but those that concern no upsert comes back.

        Raises WriteFailed: 401 after a refresh, limits, 5xx, a wrong setup, no answer.
        """
        credentials = await self._session.token()
        answer = await self._exchange(call, credentials)
        if answer.status == _UNAUTHORIZED:
            credentials = await self._session.renew(credentials)
            answer = await self._exchange(call, credentials)
        self._raise_if_general(answer, call)
        self._strikes, self.suspects_quota = 0, False
        return _checked(Reply(answer.status, answer.body), call)

    async def _exchange(self, call: Call, credentials: Credentials) -> Answer:
        await self._admit(call)
        extra = call.cost - 1
        try:
            return await self._http.send(_request(call, credentials))
        except Throttled as pause:
            raise self._slowed(pause, call) from None
        finally:
            self._http.budget.release(extra)
            for window in self._windows(call):
                window.release(self._clock.now())

    async def _admit(self, call: Call) -> None:
        """Wait for the windows and take the call's tokens (invariant 5).

        The HTTP client takes one of them itself, at once: nothing is awaited in between.
        """
        budget = self._http.budget
        while True:
            now = self._clock.now()
            if self._day.turned(self._clock.wall()):
                budget.used = budget.in_flight
            allowed = budget.allowed
            if allowed is not None and budget.used + call.cost + self._reserve(call) > allowed:
                raise self._spent(call)
            closed = budget.wait_seconds(now)
            if closed > PATIENCE_SECONDS:
                raise Throttled(
                    f"{call.route}: the next request may go in {closed:.0f} s.",
                    after_seconds=closed,
                )
            windows = self._windows(call)
            wait = max(closed, *(window.wait_seconds(now) for window in windows))
            if wait <= 0.0:
                for window in windows:
                    window.take()
                budget.take(now, call.cost - 1)
                return
            await self._clock.sleep(wait)

    def _reserve(self, call: Call) -> int:
        """Tokens that a read leaves for the writes that reads under way are for."""
        return 0 if call.writes else WRITE_COST * self._settings.concurrency

    def _windows(self, call: Call) -> Sequence[Window]:
        return (self._burst, self._searches) if call.looks else (self._burst,)

    def _spent(self, call: Call) -> QuotaSpent:
        budget = self._http.budget
        left = self._day.left_seconds(self._clock.wall())
        return QuotaSpent(
            f"{call.route}: {budget.used} of {budget.allowed} allowed tokens of the day are used."
            " Waiting for the next day.",
            after_seconds=min(budget.recheck_seconds, left),
        )

    def _slowed(self, pause: Throttled, call: Call) -> Throttled | QuotaSpent:
        """What a 429 means.

        There are two cases: it says how long to wait; or it does not, and then it is the burst
        until it has happened too often in a row for that: then the day's tokens are spent.
        """
        if pause.after_seconds is not None:
            return pause
        now, budget = self._clock.now(), self._http.budget
        if now >= self._held_until:
            self._strikes += 1
        if self._strikes <= len(STRIKE_SECONDS):
            wait = max(STRIKE_SECONDS[max(0, self._strikes - 1)], self._held_until - now)
            self._hold(wait)
            return Throttled(f"{call.route}: too many requests.", after_seconds=wait,
                             detail=pause.detail)  # fmt: skip
        self.suspects_quota = True
        self._hold(budget.recheck_seconds)
        return QuotaSpent(
            f"{call.route}: Pipedrive still says too many requests: the company's tokens of the"
            " day are used up.",
            after_seconds=budget.recheck_seconds,
            detail=pause.detail,
        )

    def _hold(self, seconds: float) -> None:
        now = self._clock.now()
        self._held_until = max(self._held_until, now + seconds)
        self._http.budget.close_for(now, seconds)

    def _raise_if_general(self, answer: Answer, call: Call) -> None:
        """Raise what has nothing to do with the upsert.

        There are four cases: the block; credentials; the setup; a page that is not Pipedrive's.
        """
        error = read_error(answer.body, answer.status)
        if answer.status == _FORBIDDEN and not isinstance(answer.body, Mapping):
            self._hold(BLOCK_SECONDS)
            raise Throttled(
                f"{call.route}: Pipedrive blocks this machine for too many requests.",
                after_seconds=BLOCK_SECONDS,
                detail=f"{call.route}: 403 without JSON: {error.message}",
            )
        if answer.status == _UNAUTHORIZED:
            raise Unauthorized(
                f"{call.route}: Pipedrive refused fresh credentials.",
                after_seconds=SETUP_PAUSE_SECONDS,
                vendor=error.vendor,
            )
        advice = SETUP.get(answer.status)
        if answer.status == _FORBIDDEN and error.message == SCOPE_MISMATCH:
            advice = "Give the OAuth app the scope it needs and install it again."
        if advice:
            raise Unauthorized(
                f"{call.route}: Pipedrive answered {answer.status}. {advice}",
                after_seconds=SETUP_PAUSE_SECONDS,
                vendor=error.vendor,
            )
        refused = answer.status >= _BAD_REQUEST and answer.status != _TOO_LARGE
        if refused and not isinstance(answer.body, Mapping):
            raise Unreachable(
                f"{call.route}: {answer.status} came without JSON, so not from Pipedrive's API."
                " Check base_url, and what is on the way.",
                after_seconds=SETUP_PAUSE_SECONDS,
                detail=f"{call.route}: {answer.status}: {error.message}",
            )


def _request(call: Call, credentials: Credentials) -> Request:
    query = f"?{urlencode(call.query)}" if call.query else ""
    url = f"{credentials.base_url}{call.path}{query}"
    return json_request(
        call.method, url, call.route, call.body, writes=call.writes, headers=credentials.headers
    )


def _checked(reply: Reply, call: Call) -> Reply:
    """A success must have the envelope: a proxy's page with 200 is no answer."""
    if reply.ok and not (isinstance(reply.body, Mapping) and "data" in reply.body):
        text = f"{call.route}: expected an object with data, got something else."
        if call.writes:
            raise AnswerLost(text, may_have_applied=True)
        raise ServerFault(text)
    return reply
