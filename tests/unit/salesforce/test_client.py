"""The client against answers that the documentation allows and an emulator hardly ever gives."""

from collections.abc import Callable

import httpx
import orjson
import pytest

from destinations.salesforce.auth import Session
from destinations.salesforce.client import Call, SalesforceClient, page_path
from destinations.salesforce.settings import read
from tests.manual_clock import ManualClock
from transformer.budget import Budget
from transformer.errors import (
    AnswerLost,
    QuotaSpent,
    RequestRefused,
    ServerFault,
    Unreachable,
    WriteFailed,
)
from transformer.http import HttpClient

Answering = Callable[[httpx.Request], httpx.Response]

HOST = "https://acme.my.salesforce.com"
READ = Call("GET", "query?q=x", "lookup", writes=False)
WRITE = Call("POST", "composite/sobjects", "collection", writes=True, body={"records": []})
LARGE = Call("POST", "composite/sobjects", "collection", writes=True, body={"a": "x" * 50_000})


class Server:
    """Logs in, answers as told, and keeps what it was sent besides logins."""

    def __init__(self, answer: Answering) -> None:
        self.answer = answer
        self.sent: list[httpx.Request] = []
        self.logins = 0
        self.clock = ManualClock()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        if request.url.path.endswith("/token"):
            self.logins += 1
            token = {"access_token": f"t{self.logins}", "instance_url": f"{HOST}/"}
            return httpx.Response(200, json=token)
        self.sent.append(request)
        return self.answer(request)

    def client(self, budget: Budget | None = None) -> SalesforceClient:
        """A client that is connected to it."""
        settings = read({"client_id": "id", "client_secret": "secret", "login_url": HOST})
        clock = self.clock
        http = HttpClient(
            budget=budget or Budget(), clock=clock, transport=httpx.MockTransport(self)
        )
        return SalesforceClient(http, Session(http, settings, clock), settings, clock)

    @property
    def encodings(self) -> list[str]:
        """How each request was compressed, `plain` if it was not."""
        return [request.headers.get("Content-Encoding", "plain") for request in self.sent]


def always(status: int, body: object = None) -> Answering:
    """The same answer to everything: JSON, or HTML where `body` is text."""
    text = isinstance(body, str)
    content = body.encode() if isinstance(body, str) else orjson.dumps(body)
    kind = "text/html" if text else "application/json"
    return lambda _: httpx.Response(status, content=content, headers={"Content-Type": kind})


def error(code: str, message: str = "m") -> list[dict[str, str]]:
    """An error's body."""
    return [{"errorCode": code, "message": message}]


def part(body: object, **more: object) -> dict[str, object]:
    """One part of a composite's answer."""
    return {"body": body, "httpHeaders": {}, "httpStatusCode": 200, **more}


async def failure(server: Server, *calls: Call) -> WriteFailed:
    """Why a call, or a composite of several, failed."""
    client = server.client()
    with pytest.raises(WriteFailed) as caught:
        await (client.composite(calls) if len(calls) > 1 else client.send(calls[0]))
    return caught.value


# Composites.


@pytest.mark.parametrize(
    "answered",
    [
        [part("a", referenceId="part0"), part("b", referenceId="part1")],
        [part("b", referenceId="part1"), part("a", referenceId="part0")],
        [part("a"), part("b")],
        [part("a", httpStatusCode=200.0, referenceId="part0"), part("b", referenceId="part1")],
    ],
)
async def test_the_parts_of_a_composite_are_told_apart_by_reference(answered: object) -> None:
    """In whatever order they come; without references, in the order they were sent."""
    client = Server(always(200, {"compositeResponse": answered})).client()
    assert [reply.body for reply in await client.composite([READ, READ])] == ["a", "b"]


@pytest.mark.parametrize(
    "answered",
    [
        [],
        [part("a", referenceId="part0")],
        [part("a", referenceId="part0"), part("b", referenceId="part0")],
        [part("a", referenceId="part0"), part("b", referenceId="part7")],
        [part("a", referenceId="part0"), part("b", referenceId="part1", httpStatusCode=None)],
        [part("a", referenceId="part0"), "odd"],
    ],
)
async def test_a_part_that_is_missing_leaves_all_of_a_write_unknown(answered: object) -> None:
    """Of a read nothing is lost."""
    server = Server(always(200, {"compositeResponse": answered}))
    assert isinstance(await failure(server, WRITE, WRITE), AnswerLost)
    assert isinstance(await failure(server, READ, READ), ServerFault)


@pytest.mark.parametrize(
    ("code", "expected", "applied"),
    [
        ("API_CURRENTLY_DISABLED", Unreachable, False),
        ("SERVER_UNAVAILABLE", Unreachable, False),
        ("UNABLE_TO_LOCK_ROW", ServerFault, True),
        ("QUERY_TIMEOUT", ServerFault, True),
        ("MALFORMED_QUERY", RequestRefused, False),
        ("JSON_PARSER_ERROR", RequestRefused, False),
    ],
)
async def test_a_composite_that_is_refused_for_now_blames_no_upsert(
    code: str, expected: type[WriteFailed], *, applied: bool
) -> None:
    """Only what is refused for good is split until the bad upsert is found."""
    server = Server(always(400, error(code)))
    wrote, asked = await failure(server, WRITE, WRITE), await failure(server, READ, READ)
    assert (type(wrote), wrote.may_have_applied) == (expected, applied)
    assert (type(asked), asked.may_have_applied) == (expected, False)


# Pages.


@pytest.mark.parametrize(
    "following",
    [
        "/services/data/v67.0/query/01g-200",
        "https://acme.my.salesforce.com/services/data/v67.0/query/01g-200",
        "https://elsewhere.example/services/data/v67.0/query/01g-200",
        "query/01g-200",
    ],
)
async def test_a_next_page_is_asked_of_the_same_host_however_it_is_written(following: str) -> None:
    """The token goes nowhere else."""
    server = Server(always(200, {"done": True}))
    await server.client().more(following)
    assert [str(request.url) for request in server.sent] == [
        f"{HOST}/services/data/v67.0/query/01g-200"
    ]


def test_a_next_page_of_another_version_is_asked_as_it_says() -> None:
    """With its query, if it has one."""
    path = "/services/data/v66.0/jobs/ingest?queryLocator=x"
    assert page_path(path) == page_path(f"{HOST}{path}") == path


async def test_a_page_that_is_gone_is_no_word_on_any_record() -> None:
    """A 404 there would else look like a record that is not found."""
    client = Server(always(404, error("NOT_FOUND"))).client()
    with pytest.raises(ServerFault):
        await client.more("/services/data/v67.0/query/01g-200")


# What has nothing to do with the upserts.


@pytest.mark.parametrize("status", [400, 401, 403])
async def test_a_session_that_ended_is_renewed_whatever_the_status(status: int) -> None:
    """Its code says so."""

    def expired(request: httpx.Request) -> httpx.Response:
        old = request.headers["Authorization"] == "Bearer t1"
        return httpx.Response(
            status if old else 200, json=error("INVALID_SESSION_ID") if old else {"ok": 1}
        )

    server = Server(expired)
    assert (await server.client().send(READ)).ok
    assert server.logins == 2


@pytest.mark.parametrize("status", [408, 420])
async def test_a_request_that_did_not_reach_the_org_blames_no_upsert(status: int) -> None:
    """420: Salesforce Edge has no route to the host just now."""
    found = await failure(Server(always(status, "<html>")), WRITE)
    assert (type(found), found.may_have_applied) == (Unreachable, False)


@pytest.mark.parametrize("status", [400, 403])
async def test_the_end_of_the_quota_is_told_by_its_code(status: int) -> None:
    """Whatever the status."""
    body = error("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
    assert isinstance(await failure(Server(always(status, body)), WRITE), QuotaSpent)


@pytest.mark.parametrize(
    "told",
    [
        [("Sforce-Limit-Info", "api-usage=18/5000")],
        [("sforce-limit-info", "per-app-api-usage=1/2(appName=x); api-usage=18/5000")],
        [("Sforce-Limit-Info", "api-usage=18/5000"), ("Sforce-Limit-Info", "api-usage=18/5000")],
        [
            ("Sforce-Limit-Info", "per-app-api-usage=1/2"),
            ("Sforce-Limit-Info", "api-usage=18/5000"),
        ],
    ],
)
async def test_the_usage_is_read_however_the_header_is_written(
    told: list[tuple[str, str]],
) -> None:
    """The app's own usage is another number (row S8)."""
    budget = Budget(share=0.5)
    server = Server(lambda _: httpx.Response(200, json={}, headers=told))
    await server.client(budget).send(READ)
    assert (budget.used, budget.limit) == (18, 5000)


# Compression.


def unreadable(status: int) -> Answering:
    """A server that cannot read compressed requests."""

    def answer(request: httpx.Request) -> httpx.Response:
        if "Content-Encoding" in request.headers:
            return httpx.Response(status, json=error("JSON_PARSER_ERROR"))
        return httpx.Response(200, json=[])

    return answer


@pytest.mark.parametrize("status", [400, 415])
async def test_who_cannot_read_compressed_requests_gets_them_plain(status: int) -> None:
    """The first one twice; it is refused before anything is written."""
    server = Server(unreadable(status))
    client = server.client()
    assert [(await client.send(LARGE)).status for _ in range(3)] == [200, 200, 200]
    assert server.encodings == ["gzip", "plain", "plain", "plain"]


async def test_after_a_crash_over_the_first_compressed_request_the_next_one_is_plain() -> None:
    """It is not sent again at once: it may have been applied."""
    server = Server(unreadable(500))
    client = server.client()
    with pytest.raises(ServerFault):
        await client.send(LARGE)
    assert (await client.send(LARGE)).ok
    assert server.encodings == ["gzip", "plain"]


async def test_a_crash_that_a_plain_request_has_too_is_not_about_compression() -> None:
    """The one after it is compressed again, and then no more in doubt."""
    answers = [500, 500, 200, 200]
    server = Server(lambda _: httpx.Response(answers.pop(0), json=[]))
    client = server.client()
    for _ in range(2):
        with pytest.raises(ServerFault):
            await client.send(LARGE)
    assert [(await client.send(LARGE)).status for _ in range(2)] == [200, 200]
    assert server.encodings == ["gzip", "plain", "gzip", "gzip"]


@pytest.mark.parametrize("status", [400, 415, 500])
async def test_compression_is_tried_again_after_an_hour(status: int) -> None:
    """A server that fails now and then is not a server that cannot read it."""
    server = Server(unreadable(status))
    client = server.client()
    if status == 500:
        with pytest.raises(ServerFault):
            await client.send(LARGE)
    await client.send(LARGE)
    server.answer = lambda _: httpx.Response(200, json=[])
    server.sent.clear()
    for seconds in (3_599.0, 1.0, 0.0):
        server.clock.pass_seconds(seconds)
        assert (await client.send(LARGE)).ok
    assert server.encodings == ["plain", "gzip", "gzip"]


async def test_once_compression_has_worked_a_refusal_is_about_the_request() -> None:
    """It costs one request."""
    answers = [httpx.Response(200, json=[]), httpx.Response(400, json=error("INVALID_FIELD"))]
    server = Server(lambda _: answers.pop(0))
    client = server.client()
    assert [(await client.send(LARGE)).status for _ in range(2)] == [200, 400]
    assert server.encodings == ["gzip", "gzip"]


async def test_a_request_that_is_refused_either_way_says_nothing_about_compression() -> None:
    """The next one is compressed again; a small one never is."""
    answers = [400, 400, 200, 200]
    server = Server(lambda _: httpx.Response(answers.pop(0), json=[]))
    client = server.client()
    assert [(await client.send(call)).status for call in (LARGE, LARGE, WRITE)] == [400, 200, 200]
    assert server.encodings == ["gzip", "plain", "gzip", "plain"]
