"""The HTTP adapter: the budget's door, failures translated, nothing secret in any text."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest

from tests.manual_clock import ManualClock
from transformer.budget import Budget, Rate
from transformer.errors import (
    AnswerLost,
    ConfigurationError,
    QuotaSpent,
    ServerFault,
    Throttled,
    Unreachable,
    WriteFailed,
)
from transformer.http import (
    WHOLE_ANSWER,
    Exchange,
    HttpClient,
    Request,
    Timeouts,
    is_loopback,
    retry_after_seconds,
    url_problem,
)

Handler = Callable[[httpx.Request], httpx.Response]
SECRET = "hunter2"


def client(
    handler: Handler, budget: Budget | None = None, clock: ManualClock | None = None
) -> HttpClient:
    """A client whose every request `handler` answers."""
    return HttpClient(
        budget=budget or Budget(),
        clock=clock or ManualClock(),
        transport=httpx.MockTransport(handler),
    )


def request(*, writes: bool = False, content: bytes | None = None, probe: bool = False) -> Request:
    """A request with a secret in its address, headers and body."""
    return Request(
        "POST" if writes else "GET",
        f"https://crm.example/path?token={SECRET}",
        "composite",
        writes=writes,
        headers={"Authorization": SECRET},
        content=content or (SECRET.encode() if writes else None),
        probe=probe,
    )


def answering(status: int, text: str = "{}", **headers: str) -> Handler:
    """A handler that always answers the same."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: httpx.Response(status, text=text, headers=named)


async def failure(http: HttpClient, sent: Request) -> WriteFailed:
    """The failure that sending `sent` raises."""
    with pytest.raises(WriteFailed) as caught:
        await http.send(sent)
    return caught.value


async def test_an_answer_comes_back_parsed() -> None:
    """Status, lower-case headers and the JSON body."""
    answer = await client(answering(200, '{"a": [1, null]}', X_Thing="y")).send(request())
    assert (answer.status, answer.body, answer.headers["x-thing"]) == (200, {"a": [1, None]}, "y")


@pytest.mark.parametrize("text", ["", "<html>Forbidden</html>"])
async def test_a_refusal_that_is_not_json_comes_back_as_text(text: str) -> None:
    """The vendor client decides what a 4xx means, whatever its body."""
    answer = await client(answering(403, text)).send(request())
    assert (answer.status, answer.body) == (403, text)


@pytest.mark.parametrize(
    ("status", "headers", "writes", "kind", "applied"),
    [
        (429, {"Retry_After": "7"}, True, Throttled, False),
        (503, {"Retry_After": "7"}, True, Throttled, False),
        (503, {}, True, Unreachable, False),
        (502, {}, True, AnswerLost, True),
        (504, {}, True, AnswerLost, True),
        (502, {}, False, Unreachable, False),
        (500, {}, True, ServerFault, True),
        (500, {}, False, ServerFault, False),
    ],
)
async def test_failing_statuses_say_what_to_do_next(
    status: int, headers: dict[str, str], *, writes: bool, kind: type[WriteFailed], applied: bool
) -> None:
    """The class says what the caller does, `may_have_applied` whether to look first."""
    failed = await failure(client(answering(status, "x", **headers)), request(writes=writes))
    assert (type(failed), failed.may_have_applied) == (kind, applied)


async def test_a_page_where_json_was_promised_is_a_server_fault() -> None:
    """A 200 with a maintenance page; a write behind it may have been applied."""
    failed = await failure(client(answering(200, "<html>")), request(writes=True))
    assert (type(failed), failed.may_have_applied) == (ServerFault, True)


@pytest.mark.parametrize(
    ("error", "for_a_write", "for_a_read"),
    [
        (httpx.ConnectError("x"), Unreachable, Unreachable),
        (httpx.ConnectTimeout("x"), Unreachable, Unreachable),
        (httpx.PoolTimeout("x"), Unreachable, Unreachable),
        (httpx.ReadTimeout("x"), AnswerLost, Unreachable),
        (httpx.ReadError("x"), AnswerLost, Unreachable),
        (httpx.WriteError("x"), AnswerLost, Unreachable),
        (httpx.RemoteProtocolError("x"), AnswerLost, Unreachable),
    ],
)
async def test_broken_exchanges_are_told_apart_by_whether_the_request_may_have_arrived(
    error: httpx.HTTPError, for_a_write: type[WriteFailed], for_a_read: type[WriteFailed]
) -> None:
    """Before it was sent nothing can have been applied; after, a write may have been."""

    def broken(_: httpx.Request) -> httpx.Response:
        raise error

    written = await failure(client(broken), request(writes=True))
    read = await failure(client(broken), request())
    assert (type(written), type(read)) == (for_a_write, for_a_read)
    assert written.may_have_applied is (for_a_write is AnswerLost)


@pytest.mark.parametrize("handler", [answering(500, SECRET), answering(502), answering(429)])
async def test_no_secret_gets_into_a_message(handler: Handler) -> None:
    """Neither address, headers nor bodies are in the text; `detail` is for topics only."""
    failed = await failure(client(handler), request(writes=True))
    assert SECRET not in str(failed)
    assert SECRET not in repr(request(writes=True)).replace("?token=hunter2", "")


async def test_short_waits_are_slept_and_long_ones_are_raised() -> None:
    """The rate's next slot in half a second is waited for, one in a minute is not."""
    clock = ManualClock()
    http = client(answering(200), Budget(rate=Rate(1, 0.5)), clock)
    await http.send(request())
    await http.send(request())
    assert clock.slept == [0.5]
    slow = client(answering(200), Budget(rate=Rate(1, 60.0)), clock)
    await slow.send(request())
    assert (await failure(slow, request())).after_seconds == 60.0


async def test_a_throttled_answer_closes_the_budget_for_everybody() -> None:
    """The next request is not even tried before Retry-After is over."""
    tried: list[int] = []

    def throttling(_: httpx.Request) -> httpx.Response:
        tried.append(1)
        return httpx.Response(429, headers={"Retry-After": "30"})

    http = client(throttling)
    first, second = await failure(http, request()), await failure(http, request())
    assert (first.after_seconds, second.after_seconds, len(tried)) == (30.0, 30.0, 1)


async def test_a_spent_quota_lets_nothing_but_a_probe_through() -> None:
    """Also when it is time to ask again, only the request made for asking goes (row S8)."""
    clock, budget = ManualClock(), Budget(share=0.8, recheck_seconds=60.0)
    budget.observe(clock.now(), used=80, limit=100)
    http = client(answering(200), budget, clock)
    assert isinstance(await failure(http, request()), QuotaSpent)
    clock.pass_seconds(60.0)
    assert isinstance(await failure(http, request()), QuotaSpent)
    assert (await http.send(request(probe=True))).status == 200


async def test_a_request_is_released_from_the_budget_whatever_became_of_it() -> None:
    """A failure gives its place in flight back too."""

    def broken(_: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("x")

    budget = Budget()
    await failure(client(broken, budget), request())
    assert (budget.in_flight, budget.used) == (0, 1)


async def test_every_exchange_is_observed_by_route_status_and_time() -> None:
    """Also one without an answer; nothing in it names an address or an id."""
    seen: list[Exchange] = []

    def flaky(sent: httpx.Request) -> httpx.Response:
        if sent.method == "POST":
            raise httpx.ReadError("x")
        return httpx.Response(200, text="{}")

    http = client(flaky)
    http.on_request = seen.append
    await http.send(request())
    await failure(http, request(writes=True))
    assert seen == [Exchange("GET", "composite", 200, 0.0), Exchange("POST", "composite", 0, 0.0)]


async def test_large_bodies_are_compressed() -> None:
    """Small ones are not worth it."""
    sent: list[tuple[str | None, bytes]] = []

    def recording(received: httpx.Request) -> httpx.Response:
        sent.append((received.headers.get("Content-Encoding"), received.content))
        return httpx.Response(200, text="{}")

    http = client(recording)
    await http.send(request(writes=True, content=b"x" * 100))
    await http.send(request(writes=True, content=b"x" * 100_000))
    assert sent[0] == (None, b"x" * 100)
    assert (sent[1][0], gzip.decompress(sent[1][1])) == ("gzip", b"x" * 100_000)


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://acme.my.salesforce.com", True),
        ("http://127.0.0.1:8080", True),
        ("http://localhost:8080/base", True),
        ("http://[::1]:1", True),
        ("http://acme.my.salesforce.com", False),
        ("http://127.0.0.1.evil.example", False),
        ("ftp://acme.example", False),
        ("acme.my.salesforce.com", False),
        ("https://user:pw@acme.example", False),
        ("https://acme.example/?a=b", False),
        ("https://acme.example:port", False),
        ("", False),
    ],
)
def test_addresses_without_tls_or_with_extras_are_refused(url: str, *, allowed: bool) -> None:
    """Only this machine may be spoken to in the clear."""
    assert (url_problem(url) is None) is allowed


async def test_a_plain_http_address_sends_nothing() -> None:
    """It is a mistake in the configuration, said before a token leaves."""
    with pytest.raises(ConfigurationError, match="plain http"):
        await client(answering(200)).send(Request("GET", "http://crm.example", "x", writes=False))


async def test_a_redirect_is_followed_on_the_same_host_only() -> None:
    """A token is never carried to another host."""
    hosts: list[str] = []

    def redirecting(sent: httpx.Request) -> httpx.Response:
        hosts.append(sent.url.host)
        if sent.url.path == "/path":
            return httpx.Response(302, headers={"Location": "/other"})
        return httpx.Response(302, headers={"Location": "https://evil.example/"})

    assert isinstance(await failure(client(redirecting), request()), Unreachable)
    assert hosts == ["crm.example", "crm.example"]


@pytest.mark.parametrize(
    "location",
    ["http://[hunter2", "https://crm.example:hunter2/", "/\x00hunter2", "//hunter2/", "\x7f"],
)
async def test_a_redirect_to_no_address_is_not_followed(location: str) -> None:
    """Nor is it a fault of our own, which would cost the upsert."""
    broken = client(lambda _: httpx.Response(302, headers={"Location": location}))
    failed = await failure(broken, request())
    assert isinstance(failed, Unreachable)
    assert SECRET not in str(failed) + failed.detail


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("12", 12.0),
        ("-1", 0.0),
        ("soon", None),
        ("Thu, 01 Jan 1970 00:01:00 GMT", 50.0),
        ("Fri, 01 Jan 2100 00:00:00 GMT", 86_400.0),
        ("Mon, 99 Foo 2026 00:00:00 GMT", None),
        ("1e9", 86_400.0),
        ("inf", 86_400.0),
        ("nan", None),
        ("Bearer hunter2", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(
    value: str | None, seconds: float | None
) -> None:
    """Ten seconds into 1970; a day at the most, so that nothing stops a connection for good."""
    assert retry_after_seconds(value, 10.0) == seconds


def test_loopback_is_told_by_the_whole_host() -> None:
    """Neither a prefix nor a name that looks like it."""
    assert is_loopback("http://127.0.0.2/")
    assert not is_loopback("http://localhost.example/")


Served = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def served(behaviour: Served, *, writes: bool) -> WriteFailed:
    """What a client sees of a server that behaves so, over a real connection."""
    server = await asyncio.start_server(behaviour, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    http = HttpClient(budget=Budget(), clock=ManualClock())
    sent = Request(
        "POST" if writes else "GET", f"http://127.0.0.1:{port}/", "x", writes=writes, content=b"{}"
    )
    try:
        return await failure(http, sent)
    finally:
        await http.close()
        server.close()
        await server.wait_closed()


async def test_a_connection_cut_before_the_answer_may_have_delivered_the_write() -> None:
    """The server took the request and hung up."""

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    assert isinstance(await served(hang_up, writes=True), AnswerLost)
    assert isinstance(await served(hang_up, writes=False), Unreachable)


async def test_an_answer_cut_in_the_middle_is_lost() -> None:
    """Fewer bytes than Content-Length promised."""

    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[1,")
        await writer.drain()
        writer.close()

    assert isinstance(await served(half, writes=True), AnswerLost)


async def test_nobody_listening_is_unreachable() -> None:
    """Nothing was sent."""
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    http = HttpClient(budget=Budget(), clock=ManualClock())
    sent = Request("POST", f"http://127.0.0.1:{port}/", "x", writes=True)
    assert isinstance(await failure(http, sent), Unreachable)
    await http.close()


class _Trickle(httpx.AsyncByteStream):
    """An answer that never pauses for long, and never ends."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            yield b" "
            await asyncio.sleep(0.001)


@pytest.mark.parametrize(("writes", "expected"), [(True, AnswerLost), (False, Unreachable)])
async def test_an_answer_that_trickles_in_for_ever_is_given_up(
    writes: bool, expected: type[WriteFailed]
) -> None:
    """Though each byte comes within the read timeout."""
    trickling = HttpClient(
        budget=Budget(),
        clock=ManualClock(),
        timeouts=Timeouts(read_seconds=0.1 / WHOLE_ANSWER),
        transport=httpx.MockTransport(lambda _: httpx.Response(200, stream=_Trickle())),
    )
    found = await failure(trickling, request(writes=writes))
    assert type(found) is expected
    assert "trickled" in str(found)
