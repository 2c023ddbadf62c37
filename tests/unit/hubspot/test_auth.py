"""The tokens of a connection to HubSpot, and a spent quota that is asked for with an old one."""

import httpx
import pytest

from destinations.hubspot.auth import Session, Token
from destinations.hubspot.client import HubSpotClient
from destinations.hubspot.settings import read
from tests.contract.hubspot.portal import Value, settings_for
from tests.manual_clock import ManualClock
from transformer.budget import Budget
from transformer.errors import Unauthorized
from transformer.http import HttpClient

BASE = "https://api.hubapi.com"
OAUTH: dict[str, Value] = {
    "client_id": "app", "client_secret": "hush", "refresh_token": "again",
}  # fmt: skip


class Portal:
    """Answers logins and requests; `revoke` ends every token that was given out."""

    def __init__(self) -> None:
        self.logins = 0
        self.good: set[str] = set()
        self.used = 0
        self.asked: list[int] = []

    def revoke(self) -> None:
        """Only a token that is new from now on is let in."""
        self.good.clear()

    def answer(self, request: httpx.Request) -> httpx.Response:
        """One token per login; the day's requests in the headers of what is let in."""
        if request.url.path.endswith("/token"):
            self.logins += 1
            token = f"token-{self.logins}"
            self.good.add(token)
            return httpx.Response(200, json={"access_token": token, "expires_in": 90_000})
        let_in = request.headers["Authorization"].removeprefix("Bearer ") in self.good
        self.asked.append(200 if let_in else 401)
        if not let_in:
            return httpx.Response(401, json={"category": "EXPIRED_AUTHENTICATION"})
        daily = {
            "X-HubSpot-RateLimit-Daily": "100",
            "X-HubSpot-RateLimit-Daily-Remaining": str(100 - self.used),
        }
        return httpx.Response(200, json={"results": []}, headers=daily)


def connected(
    portal: Portal, clock: ManualClock, settings: dict[str, Value]
) -> tuple[HubSpotClient, Session, Budget]:
    """A client of the portal."""
    options = read(settings_for(BASE, **settings))
    budget = Budget(share=0.5, recheck_seconds=60.0)
    http = HttpClient(budget=budget, clock=clock, transport=httpx.MockTransport(portal.answer))
    session = Session(http, options, clock)
    return HubSpotClient(http, session, options, clock), session, budget


async def test_a_token_that_ended_meanwhile_costs_no_second_wait_for_the_quota() -> None:
    """The probe that met the 401 is sent again with the new token, and what it tells counts."""
    portal, clock = Portal(), ManualClock()
    client, _, budget = connected(portal, clock, OAUTH)
    portal.used = 60
    await client.probe()
    assert budget.exhausted
    portal.used = 10
    portal.revoke()
    clock.pass_seconds(61.0)
    await client.probe()
    assert (budget.exhausted, portal.asked) == (False, [200, 401, 200])


async def test_a_private_token_is_asked_for_again_only_after_a_minute() -> None:
    """It is what it is: once refused, no request is made with it for a while."""
    portal, clock = Portal(), ManualClock()
    client, session, _ = connected(portal, clock, {"access_token": "pat-1"})
    for seconds in (0.0, 30.0, 31.0):
        clock.pass_seconds(seconds)
        with pytest.raises(Unauthorized, match="Check access_token"):
            await client.probe()
    assert portal.asked == [401, 401]
    clock.pass_seconds(61.0)
    portal.good.add("pat-1")
    assert (await client.probe()).ok
    assert await session.token() == Token("pat-1")


def test_a_token_is_not_in_its_repr() -> None:
    """It may get into a traceback."""
    assert "secret" not in repr(Token("secret"))
