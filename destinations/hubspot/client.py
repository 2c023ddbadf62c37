"""HubSpot's API: one token, one budget, errors translated. Knows no upserts.

Source: HubSpot's OpenAPI documents and usage guidelines, read 2026-11-22.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from destinations.hubspot.auth import Session
from destinations.hubspot.paths import Paths, paths
from destinations.hubspot.reasons import VendorError, read_error
from destinations.hubspot.settings import HubSpotSettings
from transformer.budget import Budget, Rate
from transformer.clock import Clock
from transformer.errors import QuotaSpent, Throttled, Unauthorized, Unreachable
from transformer.http import Answer, HttpClient, retry_after_seconds
from transformer.kit import json_api
from transformer.kit.json_api import json_request, record_in, records_in, segment

MAX_INPUTS = 100
SEARCH_PAGE = 200
WINDOW_SECONDS = 10.0
SETUP_PAUSE_SECONDS = 60.0
LOCK_PAUSE_SECONDS = 2.0
SEARCH_PAUSE_SECONDS = 1.0
_MULTI_STATUS = 207
_UNAUTHORIZED, _FORBIDDEN, _LOCKED, _MIGRATING = 401, 403, 423, 477
_BAD_REQUEST = 400
_TOO_LARGE = frozenset({413, 414})


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `route` is its bounded name."""

    method: str
    path: str
    route: str
    writes: bool
    body: object = field(default=None, repr=False)


class Reply(json_api.Reply):
    """What one call came to. A 207 is ok: its `errors` say which rows were not."""

    __slots__ = ()

    @property
    def forbidden(self) -> bool:
        """Whether the app may not do this at all."""
        return self.status == _FORBIDDEN

    @property
    def error(self) -> VendorError:
        """The error of a reply that is not ok."""
        return read_error(self.body, self.status)

    @property
    def results(self) -> Sequence[Mapping[str, object]]:
        """The `results` of a list or a batch."""
        return records_in(self.at("results"))

    @property
    def errors(self) -> Sequence[VendorError]:
        """The `errors` of a batch, row by row."""
        return [read_error(item, _MULTI_STATUS) for item in records_in(self.at("errors"))]

    @property
    def after(self) -> str:
        """Where the next page begins; empty when there is none."""
        following = record_in(record_in(self.at("paging")).get("next"))
        return str(following.get("after") or "")


class HubSpotClient:
    """The calls this destination makes; each is one API request of the account's limits."""

    def __init__(
        self, http: HttpClient, session: Session, settings: HubSpotSettings, clock: Clock
    ) -> None:
        self._http = http
        self._session = session
        self._settings = settings
        self._clock = clock
        self._searches = Budget(rate=rate_within(settings.searches_per_second, 1.0))
        self.paths: Paths = paths(settings.api_version)

    async def batch(self, object_type: str, action: str, inputs: Sequence[object]) -> Reply:
        """Create, update or upsert up to 100 records; results in any order, by trace id.

        A 207 puts rows that were refused into `errors`; 400 and 409 refuse them all.
        """
        path = f"{self.paths.objects}/{object_type}/batch/{action}"
        return await self.send(
            Call("POST", path, f"batch_{action}", writes=True, body={"inputs": list(inputs)})
        )

    async def batch_read(
        self, object_type: str, id_property: str, values: Sequence[str], names: Sequence[str]
    ) -> Reply:
        """Read up to 100 records by id, or by a unique property; missing ones are left out."""
        body: dict[str, object] = {
            "properties": list(names),
            "propertiesWithHistory": [],
            "inputs": [{"id": value} for value in values],
        }
        if id_property:
            body["idProperty"] = id_property
        path = f"{self.paths.objects}/{object_type}/batch/read"
        return await self.send(Call("POST", path, "batch_read", writes=False, body=body))

    async def search(
        self, object_type: str, filters: Sequence[object], names: Sequence[str], after: str = "0"
    ) -> Reply:
        """Search one page of up to 200 records; at most four searches a second, of all workers."""
        await self._search_turn()
        body = {
            "filterGroups": [{"filters": list(filters)}],
            "sorts": [],
            "properties": list(names),
            "limit": SEARCH_PAGE,
            "after": after,
        }
        path = f"{self.paths.objects}/{object_type}/search"
        return await self.send(Call("POST", path, "search", writes=False, body=body))

    async def properties(self, object_type: str, after: str = "") -> Reply:
        """List the properties of an object; in one page, as far as HubSpot documents it."""
        path = f"{self.paths.properties}/{object_type}"
        path += f"?after={segment(after)}" if after else ""
        return await self.send(Call("GET", path, "properties", writes=False))

    async def probe(self) -> Reply:
        """The cheapest request there is: its headers tell what is left of the day."""
        path = f"{self.paths.objects}/contacts?limit=1"
        return await self.send(Call("GET", path, "probe", writes=False), probe=True)

    async def send(self, call: Call, *, probe: bool = False) -> Reply:
        """Send one call; any reply but 401, 423, 429, 477 and 5xx comes back."""
        token = await self._session.token()
        for last in (False, True):
            # A probe goes once per recheck; with a renewed token it is still the same question.
            metered = not (probe and last)
            answer = await self._exchange(call, token.text, probe=probe, metered=metered)
            if answer.status != _UNAUTHORIZED:
                break
            if last:
                error = read_error(answer.body, answer.status)
                raise Unauthorized(
                    f"{call.route}: HubSpot refused a fresh token: {error.word}.",
                    after_seconds=SETUP_PAUSE_SECONDS,
                    vendor=error.vendor,
                )
            token = await self._session.renew(token)
        self._observe(answer)
        self._raise_if_general(call, answer)
        return Reply(answer.status, answer.body)

    async def _exchange(self, call: Call, token: str, *, probe: bool, metered: bool) -> Answer:
        request = json_request(
            call.method,
            self._settings.base_url + call.path,
            call.route,
            call.body,
            writes=call.writes,
            headers={"Authorization": f"Bearer {token}"},
        )
        request = replace(request, probe=probe, metered=metered)
        try:
            return await self._http.send(request)
        except Throttled as throttled:
            raise self._limited(call, throttled) from None

    def _limited(self, call: Call, throttled: Throttled) -> Throttled | QuotaSpent:
        """Tell the limits apart by the policy's name: a second, ten seconds, the day."""
        said, budget, now = throttled.detail, self._http.budget, self._clock.now()
        if "DAILY" in said:
            after = throttled.after_seconds or budget.recheck_seconds
            budget.close_for(now, after)
            return QuotaSpent(
                f"{call.route}: the account's API requests of the day are used up.",
                after_seconds=after,
                detail=said,
            )
        if throttled.after_seconds is not None:
            return throttled
        after = SEARCH_PAUSE_SECONDS if '"SECONDLY"' in said else WINDOW_SECONDS
        if after == WINDOW_SECONDS:
            budget.close_for(now, after)
        return Throttled(str(throttled), after_seconds=after, detail=said)

    def _observe(self, answer: Answer) -> None:
        """Read what is left of the day; OAuth apps have no daily limit, and no such headers."""
        daily = answer.headers.get("x-hubspot-ratelimit-daily", "")
        left = answer.headers.get("x-hubspot-ratelimit-daily-remaining", "")
        if daily.isdecimal() and left.isdecimal():
            used = max(0, int(daily) - int(left))
            self._http.budget.observe(self._clock.now(), used=used, limit=int(daily))

    def _raise_if_general(self, call: Call, answer: Answer) -> None:
        """Raise what has nothing to do with the rows.

        There are three cases: a lock; a move of the account; a page that is not HubSpot's own.
        """
        if answer.status not in {_LOCKED, _MIGRATING}:
            self._raise_if_foreign(call, answer)
            return
        told = retry_after_seconds(answer.headers.get("retry-after"), self._clock.wall())
        if answer.status == _LOCKED:
            after = max(LOCK_PAUSE_SECONDS, told or 0.0)
            raise Throttled(f"{call.route}: HubSpot holds a lock.", after_seconds=after)
        after = told or SETUP_PAUSE_SECONDS
        self._http.budget.close_for(self._clock.now(), after)
        raise Unreachable(
            f"{call.route}: HubSpot is moving the account to another data centre.",
            after_seconds=after,
        )

    def _raise_if_foreign(self, call: Call, answer: Answer) -> None:
        """Raise when a refusal is not JSON: no row is to blame for a proxy's or a firewall's page.

        One that is too large for somebody on the way may pass in parts.
        """
        refused = answer.status >= _BAD_REQUEST and answer.status not in _TOO_LARGE
        if not refused or isinstance(answer.body, Mapping):
            return
        raise Unreachable(
            f"{call.route}: {answer.status} came without JSON, so not from HubSpot's API."
            " Check base_url and api_version, and what is on the way.",
            after_seconds=SETUP_PAUSE_SECONDS,
            detail=f"{call.route}: {answer.status}: {str(answer.body)[:200]}",
        )

    async def _search_turn(self) -> None:
        while (wait := self._searches.wait_seconds(self._clock.now())) > 0.0:
            await self._clock.sleep(wait)
        self._searches.take(self._clock.now())
        self._searches.release()


def rate_within(requests: float, seconds: float) -> Rate:
    """A bucket that lets at most `requests` through in any `seconds`, also just after a pause.

    A bucket holds a burst on top of what flows in: a tenth as the burst leaves nine for the flow.
    """
    burst = max(1, int(requests) // 10)
    return Rate(burst, seconds * burst / max(min(1.0, requests), requests - burst))
