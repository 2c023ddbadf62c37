"""One login for all requests: made once when due or refused, and not soon after a refusal."""

import asyncio
import math
from dataclasses import dataclass

import httpx
import pytest

from tests.manual_clock import ManualClock
from transformer.budget import Budget
from transformer.errors import Unauthorized
from transformer.http import Answer, HttpClient
from transformer.kit.oauth import Refusals, SharedLogin, answer_to, due_at, login_request

REFUSALS = Refusals("Acme", "Look.", (("expired", "Renew it."),), codes={"acme_word"})


@dataclass(frozen=True, slots=True)
class Pass:
    """The login number `number`."""

    number: int
    renew_at: float = math.inf


class Logins(SharedLogin[Pass]):
    """Logs in at once, or is refused; `refused` are the logins that did not serve any more."""

    def __init__(self, clock: ManualClock, *, life: float = math.inf) -> None:
        super().__init__(clock)
        self.life = life
        self.lets_in = True
        self.made = 0
        self.refused: list[Pass | None] = []

    async def _log_in(self, refused: Pass | None) -> Pass:
        self.made += 1
        self.refused.append(refused)
        await asyncio.sleep(0)
        if not self.lets_in:
            raise REFUSALS.refusal("invalid_grant", "expired")
        return Pass(self.made, self._clock.now() + self.life)


async def test_everybody_shares_one_login() -> None:
    """However many ask at once."""
    subject = Logins(ManualClock())
    assert await asyncio.gather(*(subject.token() for _ in range(10))) == [Pass(1)] * 10
    assert subject.refused == [None]


async def test_many_refused_requests_make_one_login() -> None:
    """Those who come late find the new one there."""
    subject = Logins(ManualClock())
    old = await subject.token()
    assert await asyncio.gather(*(subject.renew(old) for _ in range(10))) == [Pass(2)] * 10
    assert subject.refused == [None, old]
    assert await subject.token() == Pass(2)


async def test_a_login_is_renewed_when_it_is_due() -> None:
    """Not before; by one, for all."""
    clock = ManualClock()
    subject = Logins(clock, life=100.0)
    first = await subject.token()
    clock.pass_seconds(99.0)
    assert await subject.token() is first
    clock.pass_seconds(1.0)
    both = await asyncio.gather(subject.token(), subject.token())
    assert (both[0] is both[1], subject.made) == (True, 2)


async def test_a_refused_login_is_not_tried_again_for_a_minute() -> None:
    """Or the user would be locked out; what was said the first time is said again."""
    clock = ManualClock()
    subject = Logins(clock)
    subject.lets_in = False
    told = []
    for _ in range(3):
        with pytest.raises(Unauthorized) as caught:
            await subject.token()
        told.append((str(caught.value), caught.value.detail, caught.value.vendor))
        clock.pass_seconds(29.0)
    assert (subject.made, len(set(map(str, told)))) == (1, 1)
    clock.pass_seconds(3.0)
    subject.lets_in = True
    assert await subject.token() == Pass(2)


async def test_a_refusal_says_how_long_it_holds() -> None:
    """A second at the least."""
    clock = ManualClock()
    subject = Logins(clock)
    subject.lets_in = False
    waits = []
    for seconds in (0.0, 20.0, 39.5):
        clock.pass_seconds(seconds)
        with pytest.raises(Unauthorized) as caught:
            await subject.token()
        waits.append(caught.value.after_seconds)
    assert waits == [60.0, 40.0, 1.0]


async def test_requests_refused_together_with_a_login_are_held_back_with_it() -> None:
    """One login is refused, not ten."""
    subject = Logins(ManualClock())
    old = await subject.token()
    subject.lets_in = False
    results = await asyncio.gather(*(subject.renew(old) for _ in range(10)), return_exceptions=True)
    assert [type(each) for each in results] == [Unauthorized] * 10
    assert subject.made == 2


@pytest.mark.parametrize(
    ("code", "text", "message"),
    [
        ("invalid_grant", "expired zq7", "invalid_grant. Renew it."),
        ("acme_word", "new", "acme_word. Look."),
        ("zq7", "expired", "unlisted_code. Renew it."),
        ("NEW_CODE", "zq7", "NEW_CODE. Look."),
    ],
)
def test_a_refusal_has_the_vendors_words_in_its_detail_only(
    code: str, text: str, message: str
) -> None:
    """The message has a code and what to do."""
    refusal = REFUSALS.refusal(code, text)
    where = "login: Acme refused the credentials"
    assert str(refusal) == f"{where}: {message}"
    assert refusal.detail.startswith(f"{where}: {code}: {text}. ")
    assert refusal.vendor == {"error": code, "message": text}


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (400, {"error": "invalid_client", "error_description": "zq7"}, "invalid_client"),
        (400, [{"errorCode": "INVALID_SESSION_ID", "message": "zq7"}], "INVALID_SESSION_ID"),
        (400, {"status": "BAD_REFRESH_TOKEN", "message": "zq7"}, "BAD_REFRESH_TOKEN"),
        (400, {"error": "zq7", "error_description": ["zq7"]}, "unlisted_code"),
        (403, {"error": {"zq7": 1}}, "HTTP_403"),
        (400, "<html>zq7</html>", "HTTP_400"),
        (400, ["zq7"], "HTTP_400"),
        (200, {"access_token": ""}, "HTTP_200"),
        (200, {"access_token": ["zq7"]}, "HTTP_200"),
        (200, None, "HTTP_200"),
        (400, {"access_token": "zq7"}, "HTTP_400"),
    ],
)
def test_an_answer_without_a_token_is_a_refusal(status: int, body: object, code: str) -> None:
    """Whatever its shape; its code is told, its words are not."""
    with pytest.raises(Unauthorized) as caught:
        REFUSALS.bearer(Answer(status, {}, body))
    assert str(caught.value).startswith(f"login: Acme refused the credentials: {code}. ")
    assert "zq7" not in str(caught.value)


@pytest.mark.parametrize(
    ("told", "due"),
    [
        ({"expires_in": 600}, 640.0),
        ({"expires_in": 5}, 101.0),
        ({}, 340.0),
        ({"expires_in": "x"}, 340.0),
        ({"expires_in": math.inf}, math.inf),
    ],
)
def test_a_login_is_due_a_minute_before_it_ends(told: dict[str, object], due: float) -> None:
    """At second 100; where the answer does not say, after five minutes."""
    assert due_at(told, 100.0, 300.0) == due


async def test_a_login_that_is_busy_is_sent_three_times() -> None:
    """Another worker logs in at this moment."""
    clock, sent = ManualClock(), []

    def busy(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(400, json={"error": "busy now"})

    http = HttpClient(budget=Budget(), clock=clock, transport=httpx.MockTransport(busy))
    request = login_request("https://acme.example/token", {"grant_type": "x"})
    answer = await answer_to(http, clock, request, "busy")
    assert (answer.status, len(sent), clock.slept) == (400, 3, [1.0, 2.0])
