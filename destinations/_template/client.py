"""Template's API: one method per request, errors translated. Knows no upserts."""

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from transformer.errors import RequestRefused, ServerFault, Unauthorized
from transformer.http import HttpClient
from transformer.kit import json_api
from transformer.kit.json_api import json_request, record_in, records_in, segment

UNAUTHORIZED_PAUSE_SECONDS = 60.0

_UNAUTHORIZED = 401


class Reply(json_api.Reply):
    """One answer that is not a failure of the whole: a 2xx, or a refusal with its error."""

    __slots__ = ()

    @property
    def record(self) -> Mapping[str, object]:
        """The contact; empty when there is none."""
        return record_in(self.body)

    @property
    def error(self) -> object:
        """The vendor's error, when it is not ok."""
        return self.at("error")


NOBODY = Reply(200, {})


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
        results = reply.at("results")
        if not reply.ok:
            raise RequestRefused("batch: refused as a whole.", detail=f"batch: {reply.error}")
        if not isinstance(results, list) or len(results) != len(rows):
            raise ServerFault("batch: expected one result per row.", may_have_applied=True)
        return results

    async def find(self, email: str) -> Reply:
        """The contact with this e-mail; an empty body when there is none."""
        reply = await self._send("GET", f"contacts?{urlencode({'email': email})}", "find")
        if not reply.ok:
            return reply
        return next((Reply(200, row) for row in records_in(reply.at("contacts"))), NOBODY)

    async def read(self, record_id: str) -> Reply:
        """One contact with its values."""
        return await self._send("GET", f"contacts/{segment(record_id)}", "read")

    async def create(self, values: Mapping[str, object]) -> Reply:
        """Create one contact; `exists` names the one that has its e-mail."""
        return await self._send("POST", "contacts", "create", values)

    async def update(self, record_id: str, values: Mapping[str, object]) -> Reply:
        """Change one contact; absent values stay, null clears."""
        return await self._send("PATCH", f"contacts/{segment(record_id)}", "update", values)

    async def fields(self) -> Sequence[str]:
        """The names of the fields that contacts have."""
        reply = await self._send("GET", "fields", "fields")
        listed = reply.at("fields")
        return [str(name) for name in listed] if isinstance(listed, list) else []

    async def _send(self, method: str, path: str, route: str, body: object = None) -> Reply:
        url, headers = f"{self._base_url}/v1/{path}", {"Authorization": f"Bearer {self._api_token}"}
        answer = await self._http.send(
            json_request(method, url, route, body, writes=method != "GET", headers=headers)
        )
        if answer.status == _UNAUTHORIZED:
            raise Unauthorized(
                f"{route}: Template refused the API token. Check api_token.",
                after_seconds=UNAUTHORIZED_PAUSE_SECONDS,
            )
        return Reply(answer.status, answer.body)
