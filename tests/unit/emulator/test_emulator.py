"""The emulator kit, seen through the network by a plain HTTP client."""

import gzip
from collections.abc import AsyncIterator, Iterable, Mapping

import httpx
import pytest

from tests.manual_clock import ManualClock
from transformer.emulator.faults import Fault, FaultPlan, UnknownFault, fault_from_json
from transformer.emulator.routes import Match, NoMatch, RouteTable
from transformer.emulator.server import (
    Answer,
    Call,
    ConnectionDropped,
    Emulator,
    Handler,
    json_answer,
)


class _Notes(Emulator):
    """A vendor with one kind of record and one fault of its own."""

    vendor_faults = ("blot",)
    secret_paths = ("/login",)

    def __init__(self, **options: object) -> None:
        self.notes: list[str] = []
        super().__init__(**options)  # type: ignore[arg-type]

    def routes(self) -> Iterable[tuple[str, str, Handler]]:
        return (
            ("POST", "/notes", self._add),
            ("GET", "/notes", lambda _call, _: json_answer(self.notes)),
            ("GET", "/notes/{name}", lambda _call, params: json_answer(dict(params))),
            ("GET", "/notes/first", lambda _call, _: json_answer("the first")),
            ("POST", "/login", lambda _call, _: Answer(200)),
            ("GET", "/crash", self._crash),
        )

    def _add(self, call: Call, _params: Mapping[str, str]) -> Answer:
        self.api_calls += 1
        self.notes.append(call.body.decode())
        if any(fault.kind == "blot" for fault in call.faults):
            raise ConnectionDropped
        return json_answer({"note": call.body.decode()}, 201, X_Calls=str(self.api_calls))

    def _crash(self, _call: Call, _params: Mapping[str, str]) -> Answer:
        raise RuntimeError("a bug of the emulator")

    def reset(self) -> None:
        super().reset()
        self.notes.clear()


@pytest.fixture
async def notes() -> AsyncIterator[_Notes]:
    """A running emulator on a manual clock."""
    async with _Notes(clock=ManualClock(), log_requests=5).serve() as running:
        yield running


@pytest.fixture
async def client(notes: _Notes) -> AsyncIterator[httpx.AsyncClient]:
    """A client of it."""
    async with httpx.AsyncClient(base_url=notes.url) as made:
        yield made


async def test_it_answers_its_routes_and_no_others(
    notes: _Notes, client: httpx.AsyncClient
) -> None:
    """Unknown paths and methods are the vendor's 404 and 405, and are kept."""
    added = await client.post("/notes", content=b"one")
    assert (added.status_code, added.headers["X-Calls"]) == (201, "1")
    assert (await client.get("/notes/a%2Fb%20c/")).json() == {"name": "a/b c"}
    assert (await client.get("/notes/first")).json() == "the first"
    assert (await client.get("/elsewhere")).status_code == 404
    assert (await client.put("/notes")).status_code == 405
    calls = (await client.get("/_emulator/calls")).json()
    assert calls == {
        "api_calls": 1,
        "requests": 5,
        "unknown_routes": 2,
        "unknown": ["GET /elsewhere", "PUT /notes"],
        "crashes": [],
        "by_route": {"POST /notes": 1, "GET /notes/{name}": 1, "GET /notes/first": 1},
    }


async def test_the_log_is_bounded_and_holds_no_secrets(
    notes: _Notes, client: httpx.AsyncClient
) -> None:
    """The last requests, with body and status; of a login no body."""
    for number in range(9):
        await client.post("/notes?n=1", content=f"n{number}")
    await client.post("/login", content=b"password=x")
    logged = (await client.get("/_emulator/requests")).json()
    assert [entry["body"] for entry in logged] == ["n5", "n6", "n7", "n8", ""]
    assert logged[0] == {
        "number": 6,
        "time": 1_790_000_000.0,
        "method": "POST",
        "path": "/notes",
        "query": "n=1",
        "body": "n5",
        "body_bytes": 2,
        "status": 201,
        "faults": [],
    }


async def test_a_status_fault_answers_in_the_handlers_place(
    notes: _Notes, client: httpx.AsyncClient
) -> None:
    """With its body, headers and Retry-After, for as long as it is scripted."""
    fault = {"kind": "status", "status": 429, "text": "slow", "retry_after": 1.5, "count": 1}
    scripted = await client.post("/_emulator/faults", json={**fault, "headers": {"X-A": "b"}})
    assert [one["fired"] for one in scripted.json()] == [0]
    refused = await client.post("/notes", content=b"one")
    assert (refused.status_code, refused.text) == (429, "slow")
    assert (refused.headers["Retry-After"], refused.headers["X-A"]) == ("1.5", "b")
    assert (await client.post("/notes", content=b"two")).status_code == 201
    assert notes.notes == ["two"]
    assert [one["fired"] for one in (await client.get("/_emulator/faults")).json()] == [1]
    assert (await client.delete("/_emulator/faults")).json() == []
    assert (await client.get("/_emulator/faults")).json() == []


async def test_an_html_fault_is_a_page(notes: _Notes, client: httpx.AsyncClient) -> None:
    """As a load balancer in front of the vendor would send it."""
    notes.script(Fault("html", status=502))
    answer = await client.get("/notes")
    assert (answer.status_code, answer.headers["Content-Type"]) == (
        502,
        "text/html; charset=UTF-8",
    )
    assert answer.text.startswith("<html>")


async def test_a_connection_lost_before_the_handler_changes_nothing(
    notes: _Notes, client: httpx.AsyncClient
) -> None:
    """The request never arrived."""
    notes.script(Fault("reset_before", count=1))
    with pytest.raises(httpx.TransportError):
        await client.post("/notes", content=b"one")
    assert notes.notes == []
    assert [entry["status"] for entry in notes.requests] == [None]


async def test_a_connection_lost_after_the_handler_loses_only_the_answer(
    notes: _Notes, client: httpx.AsyncClient
) -> None:
    """The write is there."""
    notes.script(Fault("reset_after", count=1))
    with pytest.raises(httpx.TransportError):
        await client.post("/notes", content=b"one")
    assert notes.notes == ["one"]


async def test_a_handler_can_drop_the_connection(notes: _Notes, client: httpx.AsyncClient) -> None:
    """A vendor's own fault, applied by the vendor."""
    notes.script(Fault("blot", path="/notes", count=1))
    with pytest.raises(httpx.TransportError):
        await client.post("/notes", content=b"one")
    assert notes.notes == ["one"]


async def test_a_truncated_answer_breaks_off(notes: _Notes, client: httpx.AsyncClient) -> None:
    """The length is announced, half of it comes."""
    notes.script(Fault("truncate", count=1))
    with pytest.raises(httpx.RemoteProtocolError):
        await client.post("/notes", content=b"one")
    assert notes.notes == ["one"]


async def test_a_delay_waits_before_or_after_the_handler(
    notes: _Notes, client: httpx.AsyncClient
) -> None:
    """On the emulator's clock."""
    notes.script(Fault("delay", seconds=3.0, count=1), Fault("delay_after", seconds=4.0, skip=1))
    for _ in range(2):
        await client.get("/notes")
    assert isinstance(notes.clock, ManualClock)
    assert notes.clock.slept == [3.0, 4.0]


async def test_a_reset_starts_again(notes: _Notes, client: httpx.AsyncClient) -> None:
    """Records, faults, log and counters are gone."""
    await client.post("/notes", content=b"one")
    notes.script(Fault("html"))
    assert (await client.post("/_emulator/reset")).status_code == 200
    assert (notes.notes, list(notes.requests), notes.api_calls) == ([], [], 0)
    assert (await client.get("/notes")).json() == []


async def test_bodies_may_be_compressed_both_ways() -> None:
    """Requests are unpacked, answers packed where asked for."""
    async with (
        _Notes(compress=True).serve() as notes,
        httpx.AsyncClient(base_url=notes.url) as client,
    ):
        packed = gzip.compress(b"one")
        answer = await client.post("/notes", content=packed, headers={"Content-Encoding": "gzip"})
    assert notes.notes == ["one"]
    assert (answer.headers["Content-Encoding"], answer.json()) == ("gzip", {"note": "one"})


async def test_a_bug_of_the_emulator_is_not_hidden(
    notes: _Notes, client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    """The client sees a 500, the test sees the crash."""
    assert (await client.get("/crash")).status_code == 500
    assert notes.calls()["crashes"] == ["GET /crash: RuntimeError('a bug of the emulator')"]
    assert "Error handling request" in caplog.text


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        ({"kind": "magic"}, "unknown kind 'magic', expected one of"),
        ({"kind": "html", "paht": "*"}, "unknown ['paht'], expected some of"),
        ({"kind": "html", "count": "many"}, "count has a wrong type, got 'many'"),
        ("html", "expected an object, got str"),
    ],
)
async def test_a_misspelt_fault_is_refused(
    notes: _Notes, client: httpx.AsyncClient, fault: object, text: str
) -> None:
    """Nothing is scripted that would never happen."""
    answer = await client.post("/_emulator/faults", json=fault)
    assert answer.status_code == 400
    assert text in answer.json()["error"]
    assert notes.faults.to_json() == []


def test_a_fault_nobody_handles_cannot_be_scripted_from_python_either() -> None:
    """A wrong kind raises at once."""
    with pytest.raises(UnknownFault, match="unknown kind 'magic'"):
        _Notes().script(Fault("magic"))


def _fired(fault: Fault, *, seed: int = 0, times: int = 8) -> list[int]:
    plan = FaultPlan(seed)
    plan.add(fault)
    return [turn for turn in range(times) if plan.fire("GET", "/a/b", "q=1\nbody")]


@pytest.mark.parametrize(
    ("fault", "turns"),
    [
        (Fault("html"), [0, 1, 2, 3, 4, 5, 6, 7]),
        (Fault("html", count=2), [0, 1]),
        (Fault("html", skip=6), [6, 7]),
        (Fault("html", every=3), [2, 5]),
        (Fault("html", every=2, skip=1, count=2), [2, 4]),
        (Fault("html", method="P*"), []),
        (Fault("html", path="/a/*"), [0, 1, 2, 3, 4, 5, 6, 7]),
        (Fault("html", path="/b*"), []),
        (Fault("html", contains="body", count=1), [0]),
        (Fault("html", contains="other"), []),
        (Fault("html", probability=0.0), []),
    ],
)
def test_a_fault_hits_the_requests_it_names(fault: Fault, turns: list[int]) -> None:
    """By method, path and content; skipping, every n-th, at most so often."""
    assert _fired(fault) == turns


def test_chance_repeats_with_the_seed() -> None:
    """The same seed hits the same requests, again after a clear."""
    fault = Fault("html", probability=0.5)
    first = _fired(fault, seed=1, times=40)
    assert first == _fired(fault, seed=1, times=40)
    assert first != _fired(fault, seed=2, times=40)
    plan = FaultPlan(1)
    for _ in range(2):
        plan.clear()
        plan.add(fault)
        assert [t for t in range(40) if plan.fire("GET", "/")] == first


def test_a_fault_reads_from_json_whole() -> None:
    """Every key arrives."""
    given = {"kind": "status", "status": 500, "every": 2, "options": {"rows": [1]}}
    assert fault_from_json(given, ["status"]) == Fault(
        "status", status=500, every=2, options={"rows": [1]}
    )


def test_the_route_table_prefers_literals_and_knows_methods() -> None:
    """Parameters match one whole segment, never an empty one."""
    table = RouteTable([("GET", "/a/{x}", 1), ("GET", "/a/b", 2), ("POST", "/a/{x}", 3)])
    assert table.find("GET", "/a/b") == Match(2, "/a/b", {})
    assert table.find("GET", "/a/%20/") == Match(1, "/a/{x}", {"x": " "})
    assert table.find("POST", "/a/b") == Match(3, "/a/{x}", {"x": "b"})
    assert table.find("PUT", "/a/c") == NoMatch(("GET", "POST"))
    assert table.find("GET", "/a//") == NoMatch(())
    assert table.find("GET", "/a/b/c") == NoMatch(())
