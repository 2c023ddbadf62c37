"""Plain requests to the Account Engagement emulator, by a client of nobody's making."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from destinations.account_engagement.emulator import BUSINESS_UNIT, build
from destinations.account_engagement.emulator.app import AccountEngagementEmulator
from tests.contract.account_engagement.business_unit import NOON
from tests.manual_clock import JumpingClock

OBJECTS = "/api/v5/objects"


@dataclass(frozen=True, slots=True)
class Got:
    """One answer."""

    status: int
    body: Mapping[str, object]
    headers: Mapping[str, str]

    @property
    def code(self) -> object:
        """The error's code."""
        return self.body.get("code")

    @property
    def ids(self) -> list[object]:
        """The ids of a query's answer."""
        values = self.body["values"]
        assert isinstance(values, list)
        return [row["id"] for row in values]


@dataclass(frozen=True, slots=True)
class Caller:
    """A client with a token."""

    emulator: AccountEngagementEmulator
    clock: JumpingClock
    token: str

    async def send(self, method: str, path: str, body: object = None, **headers: str | None) -> Got:
        """Send one request; a header that is None is left out."""
        given: dict[str, str | None] = {
            "Authorization": f"Bearer {self.token}",
            "Pardot-Business-Unit-Id": BUSINESS_UNIT,
            "Content-Type": "application/json",
            **{name.replace("_", "-"): text for name, text in headers.items()},
        }
        known = {name: text for name, text in given.items() if text is not None}
        content = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        request = Request(self.emulator.url + path, content, known, method=method)  # noqa: S310
        return await asyncio.to_thread(_open, request)

    async def get(self, path: str, **query: str) -> Got:
        """Read from below the objects."""
        return await self.send("GET", f"{OBJECTS}/{path}?{urlencode(query)}")

    async def post(self, path: str, body: object) -> Got:
        """Write below the objects."""
        return await self.send("POST", f"{OBJECTS}/{path}", body)


def _open(request: Request) -> Got:
    try:
        with urlopen(request, timeout=10) as answer:  # noqa: S310 - the emulator
            return Got(answer.status, _json(answer.read()), dict(answer.headers))
    except HTTPError as error:
        with error:
            return Got(error.code, _json(error.read()), dict(error.headers))


def _json(content: bytes) -> Mapping[str, object]:
    found = json.loads(content or b"{}")
    assert isinstance(found, dict)
    return found


@asynccontextmanager
async def caller(*, several: bool = False) -> AsyncIterator[Caller]:
    """Serve a business unit and log in."""
    clock = JumpingClock(NOON)
    async with build(clock=clock, several_per_email=several).serve() as emulator:
        form = {
            "grant_type": "client_credentials",
            "client_id": "consumer-key",
            "client_secret": "consumer-secret",
        }
        request = Request(  # noqa: S310
            f"{emulator.url}/services/oauth2/token", urlencode(form).encode(), method="POST"
        )
        got = await asyncio.to_thread(_open, request)
        yield Caller(emulator, clock, str(got.body["access_token"]))
