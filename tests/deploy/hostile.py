"""A CRM that goes wrong in every way and tells everything it was sent, over and over."""

import json
import threading
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

ALL: Final = frozenset((200, 302, 400, 401, 403, 404, 409, 422, 500))


class Hostile:
    """What it says back holds the request's headers and body; `requests` counts by status.

    Only codes are plain words, as every CRM has them. Logins are refused, in the words that
    authorization servers have, or give canaries.
    """

    def __init__(self, canary: str, *, lets_in: bool, statuses: frozenset[int]) -> None:
        self.canary = canary
        self._lets_in = lets_in
        self._statuses = statuses
        self.url = ""
        self.requests: Counter[int] = Counter()
        self._lock = threading.Lock()
        self._turn = 0

    def login(self) -> tuple[int, str, str]:
        """Refused, or a token that is a canary."""
        if not self._lets_in:
            said = {"error": "invalid_grant", "error_description": "authentication failure"}
            return 400, "application/json", json.dumps(said)
        token = {
            "access_token": f"{self.canary}-access", "refresh_token": f"{self.canary}-refresh",
            "instance_url": self.url, "api_domain": self.url, "token_type": "Bearer",
            "expires_in": 3600, "id": f"{self.url}/id/{self.canary}", "scope": self.canary,
        }  # fmt: skip
        return 200, "application/json", json.dumps(token)

    def answer(self, echo: str) -> tuple[int, str, str]:
        """The next way to go wrong."""
        told = f"{self.canary} {echo}"
        rows = [{"errorCode": "FAILED", "message": told, "fields": [told], "code": "failed"}]
        ways = (
            (400, "application/json", json.dumps(rows)),
            (401, "application/json", json.dumps(rows)),
            (403, "application/json", json.dumps({"errors": rows, "error": told})),
            (404, "text/plain", told),
            (409, "application/json", json.dumps({"message": told, "category": "FAILED"})),
            (
                422,
                "application/json",
                json.dumps({"errors": [{"title": told, "detail": told, "code": "failed"}]}),
            ),
            (500, "text/html", f"<html>{told}</html>"),
            (200, "application/json", "{" + told),
            (200, "application/json", json.dumps([told])),
            (200, "application/json", json.dumps({"results": told, "data": told, "records": told})),
            (302, "text/plain", told),
        )
        chosen = [way for way in ways if way[0] in self._statuses]
        with self._lock:
            self._turn += 1
            return chosen[self._turn % len(chosen)]


@contextmanager
def hostile(canary: str, *, lets_in: bool, statuses: Collection[int] = ALL) -> Iterator[Hostile]:
    """Serve it on a free port of loopback."""
    crm = Hostile(canary, lets_in=lets_in, statuses=frozenset(statuses))

    class Handler(BaseHTTPRequestHandler):
        def _handle(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            echo = f"{self.path} {self.headers} {body.decode('utf-8', 'replace')}"
            is_login = "oauth" in self.path
            status, kind, text = crm.login() if is_login else crm.answer(echo)
            crm.requests[status] += 1
            content = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("X-Told", crm.canary)
            if status == 302:
                self.send_header("Location", f"http://localhost:1/{crm.canary}")
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
