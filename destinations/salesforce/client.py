"""Salesforce's REST API: one session, one budget, errors translated. Knows no upserts.

Source: REST API Developer Guide v67.0, read 2026-11-22.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

import orjson

from destinations.salesforce.auth import Session
from destinations.salesforce.composite import read_parts, reference
from destinations.salesforce.compression import Compression
from destinations.salesforce.reasons import SETUP_CODES, Action, VendorError, read_errors
from destinations.salesforce.settings import SalesforceSettings
from destinations.salesforce.soql import query_path
from transformer.clock import Clock
from transformer.errors import (
    AnswerLost,
    QuotaSpent,
    RequestRefused,
    ServerFault,
    Throttled,
    Unauthorized,
    Unreachable,
)
from transformer.http import Answer, HttpClient, Request
from transformer.kit import json_api

SETUP_PAUSE_SECONDS = 60.0
CONCURRENCY_PAUSE_SECONDS = 5.0

_USAGE = re.compile(r"(?:^|[;,])\s*api-usage=(\d+)/(\d+)")
_NEXT_PAGE = re.compile(r"(?:https?://[^/]*)?(/.*)")
_SESSION_ENDED = "INVALID_SESSION_ID"
_MULTIPLE, _REFUSED, _UNAUTHORIZED, _NOT_FOUND = 300, 400, 401, 404
# Said before the org has it: the request did not come through, the edge knows no way to the host.
_NOT_ARRIVED = frozenset({408, 420})


@dataclass(frozen=True, slots=True)
class Call:
    """One request below the version's root, or the server's if `path` begins with a slash.

    `route` is its bounded name.
    `csv` is sent in place of a JSON body; with `text` the answer is CSV too.
    """

    method: str
    path: str
    route: str
    writes: bool
    body: object = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    csv: bytes | None = field(default=None, repr=False)
    text: bool = False


class Reply(json_api.Reply):
    """What one call, or one part of a composite, came to."""

    __slots__ = ()

    @property
    def errors(self) -> tuple[VendorError, ...]:
        """The errors in the body of a reply that is not ok."""
        return read_errors(self.body, self.status)


class SalesforceClient:
    """The calls this destination makes; each is one API request of the org's daily limit."""

    def __init__(
        self, http: HttpClient, session: Session, settings: SalesforceSettings, clock: Clock
    ) -> None:
        self._http = http
        self._compression = Compression(http, clock)
        self._session = session
        self._clock = clock
        self.root = f"/services/data/v{settings.api_version}"

    async def composite(self, calls: Sequence[Call]) -> Sequence[Reply]:
        """Send up to 25 calls (at most 5 queries or collections) as one; replies in their order.

        Each part succeeds or fails by itself. Raises WriteFailed when the whole request failed.
        """
        parts = [
            {
                "method": call.method,
                "url": f"{self.root}/{call.path}",
                "referenceId": reference(index),
                **({"body": call.body} if call.body is not None else {}),
                **({"httpHeaders": call.headers} if call.headers else {}),
            }
            for index, call in enumerate(calls)
        ]
        writes = any(call.writes for call in calls)
        body = {"allOrNone": False, "collateSubrequests": False, "compositeRequest": parts}
        reply = await self.send(
            Call("POST", "composite", "composite" if writes else "lookup", writes, body)
        )
        if not reply.ok:
            self.refuse(reply, "composite", writes=writes)
        results = read_parts(reply.body, len(calls))
        if results is None:
            raise _unexpected(f"expected {len(calls)} parts, got others", writes=writes)
        return [Reply(status, result) for status, result in results]

    async def query(self, soql: str) -> Reply:
        """Run one query; the first page comes back, see `more`."""
        return await self.send(Call("GET", query_path(soql), "lookup", writes=False))

    async def more(self, next_path: str) -> Reply:
        """Fetch the page that a query's `nextRecordsUrl` names.

        Raises ServerFault when it is not there any more: the query is to be asked again.
        """
        reply = await self.send(Call("GET", page_path(next_path), "lookup", writes=False))
        if reply.status == _NOT_FOUND:
            raise ServerFault("lookup: the next page of an answer is not there any more.")
        return reply

    async def describe(self, object_type: str) -> Reply:
        """Describe one object; 404 when there is none of that name."""
        return await self.send(
            Call("GET", f"sobjects/{object_type}/describe", "describe", writes=False)
        )

    async def limits(self) -> Reply:
        """Read the org's limits; goes although the quota is spent, to see whether it still is.

        403 without the permission, and the header tells the usage all the same.
        """
        return await self.send(Call("GET", "limits", "limits", writes=False), probe=True)

    async def versions(self) -> Reply:
        """List the API versions of the org; counts as no API request."""
        answer = await self._request(Call("GET", "", "versions", writes=False), metered=False)
        return Reply(answer.status, answer.body)

    async def send(self, call: Call, *, probe: bool = False) -> Reply:
        """Send one call; any reply but 401, 5xx and those that concern no upsert comes back."""
        answer = await self._request(call, probe=probe)
        self._observe(answer)
        reply = Reply(answer.status, _json_error(answer) if call.text else answer.body)
        if answer.status >= _REFUSED:
            self._raise_if_general(reply, call)
        return reply

    def refuse(self, reply: Reply, route: str, *, writes: bool = False) -> NoReturn:
        """Raise RequestRefused for a reply that refuses the call as a whole, if that is for good.

        Else Unreachable or ServerFault, by the code: then no upsert is to blame.
        """
        error = reply.errors[0]
        if reply.status == _NOT_FOUND:
            raise Unauthorized(
                f"{route}: Salesforce knows no such resource below {self.root}."
                " Check api_version and instance_url.",
                after_seconds=SETUP_PAUSE_SECONDS,
                vendor=error.vendor,
            )
        said, detail = f"{route}: Salesforce refused the request", f"{error.code}: {error.message}"
        if error.rule.action is Action.WAIT:
            raise Unreachable(
                f"{said} for now: {error.word}.", detail=f"{route}: {detail}", vendor=error.vendor
            )
        if error.rule.action is Action.RETRY:
            raise ServerFault(
                f"{said} for now: {error.word}.",
                detail=f"{route}: {detail}",
                vendor=error.vendor,
                may_have_applied=writes,
            )
        raise RequestRefused(
            f"{said}: {error.word}.", detail=f"{route}: {detail}", vendor=error.vendor
        )

    async def _request(self, call: Call, *, probe: bool = False, metered: bool = True) -> Answer:
        token = await self._session.token()
        content = call.csv
        if content is None and call.body is not None:
            content = orjson.dumps(call.body)
        for last in (False, True):
            answer = await self._compression.send(
                Request(
                    call.method,
                    token.instance_url + self._path(call),
                    call.route,
                    writes=call.writes,
                    headers=_headers(token.access_token, call, content),
                    content=content,
                    probe=probe,
                    # A probe goes once per recheck; with a renewed token it is the same question.
                    metered=metered and not (probe and last),
                    text=call.text,
                    compress=call.csv is None,
                )
            )
            if not _session_ended(answer):
                return answer
            if not last:
                token = await self._session.renew(token)
        error = read_errors(answer.body, answer.status)[0]
        raise Unauthorized(
            f"{call.route}: Salesforce refused a fresh session: {error.word}."
            " Check that the integration user may use the API.",
            after_seconds=SETUP_PAUSE_SECONDS,
            detail=f"{call.route}: {error.code}: {error.message}",
            vendor=error.vendor,
        )

    def _path(self, call: Call) -> str:
        if call.path.startswith("/"):
            return call.path
        return f"{self.root}/{call.path}" if call.path else "/services/data/"

    def _observe(self, answer: Answer) -> None:
        """Read `Sforce-Limit-Info: api-usage=18/5000; per-app-api-usage=…` (row S8).

        In any order, and also where the header came twice.
        """
        usage = _USAGE.search(answer.headers.get("sforce-limit-info", ""))
        if usage:
            self._http.budget.observe(
                self._clock.now(), used=int(usage.group(1)), limit=int(usage.group(2))
            )

    def _raise_if_general(self, reply: Reply, call: Call) -> None:
        """Raise what has nothing to do with the upserts: the way, limits, and a wrong setup."""
        error = reply.errors[0]
        if reply.status in _NOT_ARRIVED:
            raise Unreachable(
                f"{call.route}: the answer is {reply.status}, the request did not reach the org.",
                detail=f"{call.route}: {error.code}: {error.message}",
                vendor=error.vendor,
            )
        if error.code == "REQUEST_LIMIT_EXCEEDED":
            raise self._limited(error, call)
        advice = SETUP_CODES.get(error.code)
        if advice:
            raise Unauthorized(
                f"{call.route}: Salesforce answered {error.word}. {advice}",
                after_seconds=SETUP_PAUSE_SECONDS,
                vendor=error.vendor,
            )

    def _limited(self, error: VendorError, call: Call) -> Throttled | QuotaSpent:
        """Tell the two limits apart: requests at once (seconds), requests a day (hours)."""
        budget = self._http.budget
        if "concurrent" in error.message.casefold():
            budget.close_for(self._clock.now(), CONCURRENCY_PAUSE_SECONDS)
            return Throttled(
                f"{call.route}: too many long requests at once.",
                after_seconds=CONCURRENCY_PAUSE_SECONDS,
                vendor=error.vendor,
            )
        budget.close_for(self._clock.now(), budget.recheck_seconds)
        return QuotaSpent(
            f"{call.route}: the org's API requests of the day are used up.",
            after_seconds=budget.recheck_seconds,
            vendor=error.vendor,
        )


def _headers(access_token: str, call: Call, content: bytes | None) -> Mapping[str, str]:
    headers = {
        "Authorization": f"Bearer {access_token}",
        "Accept": "text/csv" if call.text else "application/json",
        **call.headers,
    }
    if content is not None:
        kind = "application/json" if call.csv is None else "text/csv"
        headers["Content-Type"] = f"{kind}; charset=UTF-8"
    return headers


def _json_error(answer: Answer) -> object:
    """The body of an answer that was to be CSV: when it is an error, it is JSON all the same."""
    if answer.status < _MULTIPLE:
        return answer.body
    try:
        return orjson.loads(str(answer.body))
    except orjson.JSONDecodeError:
        return answer.body


def page_path(following: str) -> str:
    """The path of a next page, from the server's root, however the answer writes its address.

    Always of the host that was asked: the token goes nowhere else.
    """
    found = _NEXT_PAGE.fullmatch(following)
    return found.group(1) if found else following


def _session_ended(answer: Answer) -> bool:
    """Told by 401; by its code, too, whatever the status."""
    if answer.status < _REFUSED:
        return False
    return (
        answer.status == _UNAUTHORIZED
        or read_errors(answer.body, answer.status)[0].code == _SESSION_ENDED
    )


def _unexpected(what: str, *, writes: bool) -> AnswerLost | ServerFault:
    message = f"composite: {what}."
    if writes:
        return AnswerLost(message, may_have_applied=True)
    return ServerFault(message)
