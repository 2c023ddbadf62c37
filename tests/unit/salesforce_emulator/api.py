"""Requests to an emulated org without a network: what goes in is what HTTP would bring."""

import json
from dataclasses import dataclass, field
from typing import Unpack
from urllib.parse import quote

from destinations.salesforce.emulator import BuildOptions, SalesforceEmulator, build
from tests.manual_clock import ManualClock
from transformer.emulator.server import Answer, Call

ROOT = "/services/data/v66.0"


@dataclass(frozen=True, slots=True)
class Seen:
    """One answer, decoded."""

    status: int
    body: object
    headers: dict[str, str]

    @property
    def codes(self) -> list[object]:
        """The error codes of a refused request."""
        assert isinstance(self.body, list), self.body
        return [error["errorCode"] for error in self.body]


@dataclass(slots=True)
class Api:
    """A logged-in client of one org."""

    org: SalesforceEmulator
    clock: ManualClock
    headers: dict[str, str] = field(default_factory=dict)

    def log_in(self) -> None:
        """Take a new session of the first user."""
        user_id = next(iter(self.org.auth.user_ids.values()))
        token = self.org.sessions.open(user_id, self.clock.wall())
        self.headers["Authorization"] = f"Bearer {token}"

    def send(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        raw: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Seen:
        """Send one request; `path` is below the version's root unless it starts with `/`."""
        target = path if path.startswith("/") else f"{ROOT}/{path}"
        bare, _, query = target.partition("?")
        data = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        sent = {"Content-Type": "application/json", **self.headers, **(headers or {})}
        self.org.request_count += 1
        faults = self.org.faults.fire(method, bare)
        call = Call(self.org.request_count, method, bare, query, sent, data, faults)
        return seen(self.org.answer(call))

    def get(self, path: str) -> Seen:
        """GET."""
        return self.send("GET", path)

    def post(self, path: str, body: object) -> Seen:
        """POST."""
        return self.send("POST", path, body)

    def patch(self, path: str, body: object) -> Seen:
        """PATCH."""
        return self.send("PATCH", path, body)

    def query(self, soql: str, *, deleted_too: bool = False) -> Seen:
        """Run a statement."""
        return self.get(f"{'queryAll' if deleted_too else 'query'}?q={quote(soql, safe='')}")

    def found(self, soql: str, name: str = "LastName") -> list[object]:
        """Run a statement and return one field of its records."""
        body = self.query(soql).body
        assert isinstance(body, dict), body
        return [record[name] for record in body["records"]]

    def lead(self, **values: object) -> str:
        """Create a lead and return its id."""
        made = self.post("sobjects/Lead", {"LastName": "Doe", "Company": "Acme", **values})
        assert isinstance(made.body, dict), made.body
        return str(made.body["id"])


def seen(answer: Answer) -> Seen:
    """Decode an answer; text that is no JSON stays text."""
    kind = answer.headers.get("Content-Type", "")
    body: object = answer.body.decode()
    if kind.startswith("application/json"):
        body = json.loads(answer.body)
    return Seen(answer.status, body, dict(answer.headers))


def connect(**options: Unpack[BuildOptions]) -> Api:
    """Build an org and log in as its first user, on a manual clock."""
    clock = ManualClock()
    options.setdefault("clock", clock)
    org = build(**options)
    api = Api(org, clock)
    api.log_in()
    return api
