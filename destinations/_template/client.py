"""Template's API: one method per request, errors translated. Knows no upserts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlencode

import orjson

from transformer.errors import RequestRefused, ServerFault, Unauthorized
from transformer.http import Answer, HttpClient, Request

UNAUTHORIZED_PAUSE_SECONDS = 60.0

_UNAUTHORIZED, _OK, _MULTIPLE = 401, 200, 300


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer that is not a failure of the whole: a 2xx, or a refusal with its error."""

    ok: bool
    body: Mapping[str, object]

    @property
    def error(self) -> object:
        """The vendor's error, when it is not ok."""
        return self.body.get("error")


NOBODY = Reply(ok=True, body={})


class TemplateClient:
    """The requests this destination makes. All go through one budget.

    All raise WriteFailed: Unauthorized for 401, and what `transformer.http` raises.
    """

    def __init__(self, http: HttpClient, base_url: str, api_token: str) -> None:
        self._http = http
        self._base_url = base_url.rstrip("/")
        self._api_token = api_token

    async def upsert(self, rows: Sequence[Mapping[str, object]]) -> Sequence[object]:
        """Create or update up to 100 contacts by e-mail; one result per row, in order.

        A result is `{"id", "created"}` or `{"error"}`. Raises RequestRefused when the batch as a
        whole is refused.
        """
        reply = await self._send("POST", "contacts/batch", "batch", {"contacts": rows})
        results = reply.body.get("results")
        if not reply.ok:
            raise RequestRefused("batch: refused as a whole.", detail=f"batch: {reply.error}")
        if not isinstance(results, list) or len(results) != len(rows):
            raise ServerFault("batch: expected one result per row.", may_have_applied=True)
        return results

    async def find(self, email: str) -> Reply:
        """The contact with this e-mail; an empty body when there is none."""
        reply = await self._send("GET", f"contacts?{urlencode({'email': email})}", "find")
        listed = reply.body.get("contacts")
        if not reply.ok or not isinstance(listed, list):
            return reply
        return Reply(ok=True, body=listed[0]) if listed else NOBODY

    async def read(self, record_id: str) -> Reply:
        """One contact with its values."""
        return await self._send("GET", f"contacts/{quote(record_id, safe='')}", "read")

    async def create(self, values: Mapping[str, object]) -> Reply:
        """Create one contact; `exists` names the one that has its e-mail."""
        return await self._send("POST", "contacts", "create", values)

    async def update(self, record_id: str, values: Mapping[str, object]) -> Reply:
        """Change one contact; absent values stay, null clears."""
        return await self._send("PATCH", f"contacts/{quote(record_id, safe='')}", "update", values)

    async def fields(self) -> Sequence[str]:
        """The names of the fields that contacts have."""
        reply = await self._send("GET", "fields", "fields")
        listed = reply.body.get("fields")
        return [str(name) for name in listed] if isinstance(listed, list) else []

    async def _send(self, method: str, path: str, route: str, body: object = None) -> Reply:
        headers = {"Authorization": f"Bearer {self._api_token}", "Accept": "application/json"}
        content = None
        if body is not None:
            content = orjson.dumps(body)
            headers["Content-Type"] = "application/json"
        url = f"{self._base_url}/v1/{path}"
        writes = method != "GET"
        request = Request(method, url, route, writes=writes, headers=headers, content=content)
        return _judged(await self._http.send(request), route)


def _judged(answer: Answer, route: str) -> Reply:
    if answer.status == _UNAUTHORIZED:
        raise Unauthorized(
            f"{route}: Template refused the API token. Check api_token.",
            after_seconds=UNAUTHORIZED_PAUSE_SECONDS,
        )
    body = answer.body if isinstance(answer.body, Mapping) else {}
    return Reply(_OK <= answer.status < _MULTIPLE, body)
