"""ActiveCampaign's API v3: one key, one budget, errors translated. Knows no upserts.

Source: the vendor's API v3 reference, read 2026-11-22.
"""

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from destinations.activecampaign.reasons import read_error, refused
from destinations.activecampaign.settings import ActiveCampaignSettings
from transformer.clock import Clock
from transformer.errors import Unauthorized
from transformer.failures import Declined
from transformer.http import Answer, HttpClient, Request
from transformer.kit import json_api
from transformer.kit.json_api import json_request, record_in, records_in

SETUP_PAUSE_SECONDS = 60.0
PROVED_SECONDS = 60.0
PAGE_RECORDS = 100
MAX_PAGES = 100

_NOT_FOUND = 404
_UNPAID = 402
_NO_ENTRY = frozenset({401, _UNPAID, 403})


class Reply(json_api.Reply):
    """What one request came to."""

    __slots__ = ()

    @property
    def code(self) -> str:
        """The code of the error, or nothing."""
        return "" if self.ok else read_error(self.body, self.status).code

    def record(self, envelope: str) -> Mapping[str, object]:
        """The record inside its envelope, or nothing."""
        return record_in(self.at(envelope))

    def records(self, envelope: str) -> Sequence[Mapping[str, object]]:
        """The records of a list answer."""
        return records_in(self.at(envelope))

    @property
    def total(self) -> int:
        """How many records a list has, as text or number; 0 where the answer does not tell."""
        found = str(record_in(self.at("meta")).get("total"))
        return int(found) if found.isdecimal() else 0


class ActiveCampaignClient:
    """The requests this destination makes; all share the account's five per second."""

    def __init__(self, http: HttpClient, settings: ActiveCampaignSettings, clock: Clock) -> None:
        self._http = http
        self._settings = settings
        self._clock = clock
        self._proved_at: float | None = None

    async def get(self, path: str, route: str, **query: str) -> Reply:
        """Read. A `filters_x` of the query is sent as `filters[x]`."""
        return await self.send("GET", path + _query(query), route)

    async def list_all(
        self, path: str, envelope: str, **query: str
    ) -> Sequence[Mapping[str, object]]:
        """Read every page of a list. Raises Declined when it may not be read."""
        rows: list[Mapping[str, object]] = []
        for _ in range(MAX_PAGES):
            offset = str(len(rows))
            reply = await self.get(path, envelope, **query, limit=str(PAGE_RECORDS), offset=offset)
            if not reply.ok:
                raise Declined(refused(reply.body, reply.status, envelope))
            page = reply.records(envelope)
            rows.extend(page)
            # Some lists have shorter pages than were asked for; their total tells.
            if not page or (len(page) < PAGE_RECORDS and len(rows) >= reply.total):
                break
        return rows

    async def post(self, path: str, route: str, body: object) -> Reply:
        """Create, or do."""
        return await self.send("POST", path, route, body)

    async def put(self, path: str, route: str, body: object) -> Reply:
        """Change."""
        return await self.send("PUT", path, route, body)

    async def delete(self, path: str, route: str) -> Reply:
        """Delete."""
        return await self.send("DELETE", path, route)

    async def me(self) -> Reply:
        """Read the user that the key belongs to: the check of credentials."""
        answer = await self._exchange("GET", "users/me", "users_me", None)
        return Reply(answer.status, answer.body)

    async def send(self, method: str, path: str, route: str, body: object = None) -> Reply:
        """Send one request; any answer below 500 but 429 comes back.

        A 403 is tried once more, because the vendor gives it now and then for no reason. Raises
        Unauthorized when the key itself is refused or nothing is served until the account is paid
        for, and when the address is no ActiveCampaign account.
        """
        answer = await self._exchange(method, path, route, body)
        if answer.status in _NO_ENTRY:
            answer = await self._exchange(method, path, route, body)
        if answer.status in _NO_ENTRY:
            await self._prove_key(route)
        if answer.status == _NOT_FOUND and not isinstance(answer.body, Mapping):
            raise Unauthorized(
                f"{route}: there is no ActiveCampaign API at this address. Check base_url.",
                after_seconds=SETUP_PAUSE_SECONDS,
            )
        return Reply(answer.status, answer.body)

    async def track(self, form: Mapping[str, str]) -> Reply:
        """Send one event to event tracking; outside the API and its rate limit.

        The answer is 200 whether it worked or not: its body tells.
        """
        request = Request(
            "POST",
            f"{self._settings.event_url}/event",
            "event",
            writes=True,
            headers={
                "Accept": "application/json",
                "Content-Type": "application/x-www-form-urlencoded",
            },
            content=urlencode(form).encode(),
            metered=False,
        )
        answer = await self._http.send(request)
        return Reply(answer.status, answer.body)

    async def _prove_key(self, route: str) -> None:
        """Tell a missing permission from a key that is refused everywhere."""
        now = self._clock.now()
        if self._proved_at is not None and now - self._proved_at < PROVED_SECONDS:
            return
        reply = await self.me()
        if reply.ok:
            self._proved_at = now
            return
        said = "refused the API key. Check api_token and base_url."
        if reply.status == _UNPAID:
            said = "wants the account to be paid for. Check its plan and payment."
        raise Unauthorized(f"{route}: ActiveCampaign {said}", after_seconds=SETUP_PAUSE_SECONDS)

    async def _exchange(self, method: str, path: str, route: str, body: object) -> Answer:
        url, headers = f"{self._settings.root}/{path}", {"Api-Token": self._settings.api_token}
        return await self._http.send(
            json_request(method, url, route, body, writes=method != "GET", headers=headers)
        )


def _query(query: Mapping[str, str]) -> str:
    named = {
        f"filters[{name.removeprefix('filters_')}]" if name.startswith("filters_") else name: value
        for name, value in query.items()
    }
    return f"?{urlencode(named)}" if named else ""
