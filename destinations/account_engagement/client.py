"""Account Engagement's API v5: one token, one business unit, two limits. Knows no upserts.

Source: the vendor's Version 5 overview and rate limits, read 2026-11-22.
"""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from destinations.account_engagement.auth import Session, Token
from destinations.account_engagement.reasons import (
    BUSY,
    CREDENTIALS,
    DAY_SPENT,
    SETUP,
    VendorError,
    code_in,
    read_error,
    refused,
)
from destinations.account_engagement.settings import AccountEngagementSettings
from transformer.clock import Clock
from transformer.errors import QuotaSpent, Throttled, Unauthorized
from transformer.failures import Declined
from transformer.http import Answer, HttpClient, Request
from transformer.kit import json_api
from transformer.kit.json_api import json_request, record_in, records_in

API = "/api/v5"
SETUP_PAUSE_SECONDS = 60.0
BUSY_PAUSE_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 60.0
USAGE_SECONDS = 600.0
PAGE_RECORDS = 1_000
MAX_PAGES = 100

_MULTIPLE, _UNAUTHORIZED, _NOT_FOUND = 300, 401, 404


class Reply(json_api.Reply):
    """What one request came to."""

    __slots__ = ()

    @property
    def code(self) -> int:
        """The code of the error; 0 for none."""
        return 0 if self.ok else read_error(self.body, self.status).code

    @property
    def record(self) -> Mapping[str, object]:
        """The one record of the answer."""
        return record_in(self.body)

    @property
    def values(self) -> Sequence[Mapping[str, object]]:
        """The records of a query's answer."""
        return records_in(self.at("values"))


@dataclass(frozen=True, slots=True)
class Form:
    """A multipart body, ready to be sent."""

    content: bytes = field(repr=False)
    boundary: str


class AccountEngagementClient:
    """The requests this destination makes, a few at once at the most."""

    def __init__(
        self, http: HttpClient, session: Session, settings: AccountEngagementSettings, clock: Clock
    ) -> None:
        self._http = http
        self._session = session
        self._settings = settings
        self._clock = clock
        self._seats = asyncio.Semaphore(settings.requests_in_flight)
        self._heard_at: float | None = None

    async def get(self, path: str, route: str, **query: str) -> Reply:
        """Read; `fields` must be in the query."""
        return await self.send("GET", f"{path}?{urlencode(query)}", route)

    async def list_all(self, path: str, route: str, **query: str) -> list[Mapping[str, object]]:
        """Read every page of a query. Raises Declined when it may not be read."""
        asked = {**query, "limit": str(PAGE_RECORDS)}
        rows: list[Mapping[str, object]] = []
        for _ in range(MAX_PAGES):
            reply = await self.get(path, route, **asked)
            if not reply.ok:
                raise Declined(refused(reply.body, reply.status, route))
            rows.extend(reply.values)
            token = reply.record.get("nextPageToken")
            if not isinstance(token, str) or not token:
                break
            # With a token no parameter but `fields` may be sent.
            asked = {"fields": query["fields"], "nextPageToken": token}
        return rows

    async def post(self, path: str, route: str, body: object) -> Reply:
        """Create, or do."""
        return await self.send("POST", path, route, body)

    async def upload(self, path: str, route: str, form: Form) -> Reply:
        """Send a file."""
        return await self.send("POST", path, route, form)

    async def patch(self, path: str, route: str, body: object) -> Reply:
        """Change."""
        return await self.send("PATCH", path, route, body)

    async def usage(self) -> Reply:
        """Ask how many requests the day has and how many are used; goes though they are spent."""
        path = "objects/account?fields=id,company,level,maximumDailyApiCalls,apiCallsUsed"
        reply = await self.send("GET", path, "account", probe=True)
        used, limit = (reply.record.get(n) for n in ("apiCallsUsed", "maximumDailyApiCalls"))
        if str(used).isdecimal() and str(limit).isdecimal():
            self._learn(int(str(used)), int(str(limit)))
        return reply

    async def keep_usage(self) -> None:
        """Ask when no answer has told of it for a while: other clients use the same requests.

        Raises QuotaSpent while they are used up.
        """
        now, budget = self._clock.now(), self._http.budget
        unheard = self._heard_at is None or now - self._heard_at > USAGE_SECONDS
        if not budget.recheck_due(now) and not (unheard and not budget.exhausted):
            return
        self._heard_at = now
        await self.usage()
        if budget.exhausted:
            why = f"{budget.used} of {budget.allowed} allowed are used"
            raise QuotaSpent(f"account: {why}. Waiting.", after_seconds=self._quota_pause())

    def has_requests_for(self, writes: int) -> bool:
        """Whether our share of the day is enough for so many more; it is when none is known."""
        allowed = self._http.budget.allowed
        return allowed is None or self._http.budget.used + writes <= allowed

    async def pause_over(self) -> None:
        """Wait until the business unit takes requests again, if that is soon."""
        wait = self._http.budget.wait_seconds(self._clock.now())
        if not self._http.budget.exhausted and wait <= LONGEST_WAIT_SECONDS:
            await self._clock.sleep(wait)

    async def send(
        self, method: str, path: str, route: str, body: object = None, *, probe: bool = False
    ) -> Reply:
        """Send one request; comes back with any answer that concerns the upsert.

        A refused token is renewed once. Raises Unauthorized for it and for a wrong business unit,
        Throttled for too many at once, QuotaSpent for the day's limit.
        """
        token = await self._session.token()
        for last in (False, True):
            # A probe goes once per recheck; with a renewed token it is still the same question.
            metered = not (probe and last)
            request = self._request(method, path, route, body, token)
            answer = await self._exchange(replace(request, metered=metered, probe=probe))
            if answer.status < _MULTIPLE:
                self._observe(answer)
                return Reply(answer.status, answer.body)
            error = read_error(answer.body, answer.status)
            if answer.status != _UNAUTHORIZED and error.code not in CREDENTIALS:
                break
            if last:
                raise Unauthorized(
                    f"{route}: Account Engagement refused a fresh token: {error.word}. Check that"
                    " the app has the scope pardot_api and the user is in the business unit.",
                    after_seconds=SETUP_PAUSE_SECONDS,
                    vendor=error.vendor,
                )
            token = await self._session.renew(token)
        self._observe(answer)
        self._raise_if_general(route, error, answer)
        return Reply(answer.status, answer.body)

    def _request(self, method: str, path: str, route: str, body: object, token: Token) -> Request:
        headers = {
            "Authorization": f"Bearer {token.text}",
            "Pardot-Business-Unit-Id": self._settings.business_unit_id,
            "X-Return-Api-Usage": "1",
        }
        url = f"{self._settings.base_url}{API}/{path}"
        if isinstance(body, Form):
            headers |= {
                "Accept": "application/json",
                "Content-Type": f"multipart/form-data; boundary={body.boundary}",
            }
            return Request(method, url, route, writes=True, headers=headers, content=body.content)
        return json_request(method, url, route, body, writes=method != "GET", headers=headers)

    async def _exchange(self, request: Request) -> Answer:
        async with self._seats:
            try:
                return await self._http.send(request)
            except Throttled as throttled:
                if code_in(throttled.detail) == DAY_SPENT:
                    raise self._spent(request.route) from None
                if throttled.after_seconds is None:
                    self._http.budget.close_for(self._clock.now(), BUSY_PAUSE_SECONDS)
                raise

    def _raise_if_general(self, route: str, error: VendorError, answer: Answer) -> None:
        """Raise what has nothing to do with the upsert: limits and the setup."""
        if error.code == DAY_SPENT:
            raise self._spent(route)
        if error.code in BUSY:
            self._http.budget.close_for(self._clock.now(), BUSY_PAUSE_SECONDS)
            raise Throttled(
                f"{route}: too many requests at once.", detail=error.words, vendor=error.vendor
            )
        advice = SETUP.get(error.code)
        if answer.status == _NOT_FOUND and not isinstance(answer.body, Mapping):
            advice = SETUP[198]
        if advice:
            raise Unauthorized(
                f"{route}: Account Engagement answered {error.word}. {advice}",
                after_seconds=SETUP_PAUSE_SECONDS,
                vendor=error.vendor,
            )

    def _observe(self, answer: Answer) -> None:
        found = re.search(r"(\d+)\s*/\s*(\d+)", answer.headers.get("x-api-usage", ""))
        if found:
            self._learn(int(found.group(1)), int(found.group(2)))

    def _learn(self, used: int, limit: int) -> None:
        self._heard_at = self._clock.now()
        self._http.budget.observe(self._heard_at, used=used, limit=limit)

    def _spent(self, route: str) -> QuotaSpent:
        """The vendor said so: nothing is left, whatever was counted."""
        self._http.budget.spend(self._clock.now())
        return QuotaSpent(
            f"{route}: the API requests of the account's day are used up. Waiting.",
            after_seconds=self._quota_pause(),
        )

    def _quota_pause(self) -> float:
        """Until the account's day ends where its time zone is known, else until asked again."""
        zone = self._settings.time_zone
        return day_left(self._clock.wall(), zone) if zone else self._http.budget.recheck_seconds


def day_left(wall: float, zone: str) -> float:
    """Seconds until the next midnight in `zone`."""
    here = datetime.fromtimestamp(wall, ZoneInfo(zone))
    midnight = datetime.combine(here.date() + timedelta(days=1), datetime.min.time(), here.tzinfo)
    return max(1.0, midnight.timestamp() - wall)
