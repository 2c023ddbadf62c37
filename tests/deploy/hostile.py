"""A CRM that goes wrong in every way and tells everything it was sent, over and over, everywhere.

Texts, codes, scopes, ids, pages, SOAP faults and headers hold canaries and echoes of the request.
"""

import json
import threading
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

BODY: Final = frozenset((200, 207, 400, 401, 402, 403, 404, 405, 409, 410, 413, 422, 423, 429))
ALL: Final = BODY | {302, 500, 502, 503}
JSON: Final = "application/json"


@dataclass(frozen=True, slots=True)
class Said:
    """One answer: status, type of the content, content, and headers of its own."""

    status: int
    kind: str
    text: str
    headers: Mapping[str, str] = field(default_factory=dict)


class Hostile:
    """What it says back holds the request's headers and body; `requests` counts by status.

    The first `good` requests after the login get `{}`. Logins give tokens that are canaries, or
    are refused, in the words of authorization servers with canaries in them.
    """

    def __init__(
        self, canary: str, *, lets_in: bool, statuses: frozenset[int], good: int = 0
    ) -> None:
        self.canary = canary
        self._lets_in = lets_in
        self._statuses = statuses
        self._good = good
        self.url = ""
        self.requests: Counter[int] = Counter()
        self.logins: Counter[int] = Counter()
        self._lock = threading.Lock()
        self._turn = 0

    def said(self, path: str, headers: str, body: str) -> Said:
        """The next answer."""
        with self._lock:
            self._turn += 1
            turn = self._turn
        if "/oauth" in path or "/Soap/" in path:
            said = self._let_in(path) if self._lets_in else self._refuse(path, body, turn)
            self.logins[said.status] += 1
            return said
        if turn <= self._good:
            return Said(200, JSON, "{}")
        said = self._answer(f"{path} {headers} {body}", body, turn)
        self.requests[said.status] += 1
        return said

    def _let_in(self, path: str) -> Said:
        """A token that is a canary."""
        token = f"{self.canary}-access"
        if "/Soap/" in path:
            return Said(
                200,
                "text/xml",
                f"<e><serverUrl>{self.url}/services/Soap</serverUrl><sessionId>{token}</sessionId>"
                f"<userId>{self.canary}</userId></e>",
            )
        given = {
            "access_token": token, "refresh_token": f"{self.canary}-refresh",
            "instance_url": self.url, "api_domain": self.url, "token_type": "Bearer",
            "expires_in": 3600, "id": f"{self.url}/id/{self.canary}", "scope": self.canary,
        }  # fmt: skip
        return Said(200, JSON, json.dumps(given))

    def _refuse(self, path: str, body: str, turn: int) -> Said:
        """The ways in which a login is refused, with the form in the words."""
        told, word = f"{self.canary} {body}", self._word("", turn)
        if "/Soap/" in path:
            fault = (
                f"<e><faultcode>sf:{word}</faultcode><faultstring>{told}</faultstring>"
                f"<sf:exceptionCode>{word}</sf:exceptionCode>"
                f"<sf:exceptionMessage>INVALID_LOGIN {self.canary}</sf:exceptionMessage></e>"
            )
            ways = [Said(500, "text/xml", fault), Said(200, "text/html", f"<html>{told}</html>")]
            return ways[turn % len(ways)]
        other = f"https://{self.canary}--x.sandbox.my.salesforce.com"
        ways = [
            Said(400, JSON, json.dumps({"error": word, "error_description": told})),
            Said(401, JSON, json.dumps({"status": word, "message": told, "category": word})),
            Said(400, JSON, json.dumps([{"errorCode": word, "message": told}])),
            Said(400, JSON, json.dumps({"error": "invalid_grant", "error_description": told})),
            Said(403, "text/html", f"<html>{told}</html>"),
            Said(200, JSON, json.dumps({"access_token": word, "instance_url": other})),
            Said(200, JSON, json.dumps({"access_token": word, "api_domain": f"http://[{word}"})),
            Said(200, JSON, json.dumps({"access_token": [word], "error": told})),
        ]
        return ways[turn % len(ways)]

    def _word(self, echo: str, turn: int) -> str:
        """What stands where a code belongs: the very token, an e-mail address, a name, a number."""
        at = echo.find("Bearer ")
        token = echo[at + 7 :].split(maxsplit=1)[0] if at >= 0 else f"{self.canary}-access"
        canary = self.canary
        words = (token, f"{canary}@{canary}.example", canary, canary.upper(), f"HTTP_{canary}")
        return words[turn % len(words)]

    def _answer(self, echo: str, body: str, turn: int) -> Said:
        """One of the statuses, in one of the shapes of the CRMs' errors."""
        told, word = f"{self.canary} {echo}", self._word(echo, turn)
        status = sorted(self._statuses)[turn % len(self._statuses)]
        headers = {
            "Retry-After": told if turn % 2 else "0", "WWW-Authenticate": f"Bearer error={word}",
            "Sforce-Limit-Info": f"api-usage={word}", "X-API-Usage": word,
            "X-HubSpot-RateLimit-Daily": word,
        }  # fmt: skip
        if status == 302:
            places = (f"http://localhost:1/{word}", f"http://[{word}", f"//{word}:{word}/", "\t")
            return Said(302, "text/plain", told, {**headers, "Location": places[turn % 4]})
        if status not in BODY:
            return Said(status, "text/html", f"<html>{told}</html>", headers)
        shapes = (*_errors(told, word), *(_successes(told, word, body) if status < 300 else ()))
        return Said(status, *shapes[turn // len(self._statuses) % len(shapes)], headers)


def _errors(told: str, word: str) -> tuple[tuple[str, str], ...]:
    """Type and content of errors: each name that some CRM gives a code or a text has one."""
    named = (
        "requiredGranularScopes", "ids", "propertyName", "objectWriteTraceId",
    )  # fmt: skip
    row: dict[str, object] = dict.fromkeys(
        ("errorCode", "statusCode", "code", "category", "subCategory", "status", "policyName"), word
    )
    row |= dict.fromkeys(
        ("message", "title", "detail", "error_info", "correlationId", "reason"), told
    )
    row |= {"fields": [told], "source": {"pointer": told}, "context": {n: [word] for n in named}}
    return (
        (JSON, json.dumps([row])),
        (JSON, json.dumps({**row, "errors": [row], "error": told})),
        (JSON, json.dumps({"success": False, "error": told, "code": word, "error_info": told})),
        (JSON, json.dumps({"code": "15550001234567", "message": told, "error": word})),
        (JSON, json.dumps({"errors": told, "message": {"told": told}})),
        (JSON, json.dumps(told)),
        ("text/plain", told),
    )


def _successes(told: str, word: str, body: str) -> tuple[tuple[str, str], ...]:
    """Type and content of answers that look as if it had worked."""
    try:
        sent = json.loads(body or "{}")
    except ValueError:
        sent = {}
    parts = sent.get("compositeRequest", [1]) if isinstance(sent, dict) else [1]
    refused = [{"errorCode": word, "message": told, "fields": [told]}]
    part = {"httpStatusCode": 400, "body": refused, "referenceId": word}
    row = {"name": word, "id": word, "email": told, "type": word, "field_code": word}
    listed = {
        name: [row] for name in ("results", "records", "values", "fields", "contacts", "items")
    }
    return (
        (JSON, "{" + told),
        (JSON, json.dumps({"compositeResponse": [part] * len(parts)})),
        (JSON, json.dumps({"results": told, "data": told, "records": told, "values": told})),
        (JSON, json.dumps({**listed, "data": [row], "success": True, "id": word, "state": word})),
        (JSON, json.dumps({"results": [], "errors": [{"category": word, "message": told}]})),
    )


@contextmanager
def hostile(
    canary: str, *, lets_in: bool, statuses: Collection[int] = ALL, good: int = 0
) -> Iterator[Hostile]:
    """Serve it on a free port of loopback."""
    crm = Hostile(canary, lets_in=lets_in, statuses=frozenset(statuses), good=good)

    class Handler(BaseHTTPRequestHandler):
        def _handle(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            said = crm.said(self.path, str(self.headers), body.decode("utf-8", "replace"))
            content = said.text.encode()
            self.send_response(said.status)
            self.send_header("Content-Type", said.kind)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("X-Told", crm.canary)
            for name, value in said.headers.items():
                self.send_header(name, " ".join(value.split())[:500])
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _handle  # noqa: N815 - the library's names

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    crm.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield crm
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
