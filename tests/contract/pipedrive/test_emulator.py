"""The Pipedrive emulator by itself: limits, costs, strictness, pages, and what it remembers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from destinations.pipedrive.emulator import API_TOKEN, PipedriveEmulator, build
from tests.manual_clock import ManualClock
from transformer.emulator.faults import Fault

ANN = {"name": "Ann", "emails": [{"value": "ann@x.io"}]}
INVALID = "ERR_SCHEMA_VALIDATION_FAILED"


@asynccontextmanager
async def talking(
    **options: Any,
) -> AsyncIterator[tuple[PipedriveEmulator, httpx.AsyncClient, ManualClock]]:
    """A company, a plain HTTP client with the API token, and the company's clock."""
    clock = ManualClock()
    company = build(clock=clock, **options)
    headers = {"x-api-token": API_TOKEN}
    async with company.serve(), httpx.AsyncClient(headers=headers) as client:
        client.base_url = httpx.URL(company.url)
        yield company, client, clock


async def test_requests_cost_what_the_documents_say() -> None:
    """Tokens per request, by verb and version."""
    async with talking() as (company, client, _):
        spent = []
        for method, path, body in [
            ("POST", "/api/v2/persons", ANN),
            ("GET", "/api/v2/persons/1", None),
            ("PATCH", "/api/v2/persons/1", {"name": "Bea"}),
            ("GET", "/api/v2/persons", None),
            ("GET", "/api/v2/persons/search?term=ann@x.io&exact_match=true", None),
            ("GET", "/api/v2/personFields", None),
            ("POST", "/v1/notes", {"content": "x", "person_id": 1}),
            ("GET", "/api/v1/notes", None),
            ("GET", "/v1/users/me", None),
            ("DELETE", "/api/v2/persons/1", None),
        ]:
            before = company.limits.spent_total
            answer = await client.request(method, path, json=body)
            assert answer.status_code == 200, answer.text
            spent.append(company.limits.spent_total - before)
        assert spent == [5, 1, 5, 10, 20, 10, 10, 20, 2, 3]
        assert company.api_calls == 10


@pytest.mark.parametrize(
    ("plan", "path", "allowed"),
    [("lite", "/api/v2/persons/1", 20), ("ultimate", "/api/v2/persons/search?term=xx", 10)],
)
async def test_a_window_lets_so_many_through_in_two_seconds(
    plan: str, path: str, allowed: int
) -> None:
    """Rolling, per token; searches have a smaller one on every plan."""
    async with talking(plan=plan) as (_, client, clock):
        answers = [(await client.get(path)).status_code for _ in range(allowed + 1)]
        assert [code == 429 for code in answers] == [False] * allowed + [True]
        clock.pass_seconds(2.0)
        assert (await client.get(path)).status_code != 429


async def test_the_tokens_of_a_day_run_out_and_come_back_at_midnight() -> None:
    """Shared by the whole company; no header tells how many are left."""
    async with talking(daily_tokens=12) as (_, client, clock):
        codes = [(await client.post("/api/v2/persons", json=ANN)).status_code for _ in range(3)]
        assert codes == [200, 200, 429]
        refused = await client.post("/api/v2/persons", json=ANN)
        assert refused.json()["success"] is False
        assert "retry-after" not in refused.headers
        clock.pass_seconds(86_400.0)
        assert (await client.post("/api/v2/persons", json=ANN)).status_code == 200


async def test_who_goes_on_after_429s_gets_the_html_block() -> None:
    """Cloudflare's page, whatever is asked for, for a while."""
    async with talking(daily_tokens=1) as (_, client, clock):
        codes = [(await client.post("/api/v2/persons", json=ANN)).status_code for _ in range(31)]
        assert codes == [429] * 30 + [403]
        blocked = await client.get("/v1/users/me")
        assert blocked.headers["content-type"].startswith("text/html")
        clock.pass_seconds(300.0)
        assert (await client.get("/v1/users/me")).status_code == 429


async def test_headers_tell_of_the_burst_window() -> None:
    """x-ratelimit-limit, -remaining and -reset."""
    async with talking(plan="lite") as (_, client, _clock):
        answer = await client.get("/v1/users/me")
        told = {name: answer.headers[f"x-ratelimit-{name}"] for name in ("limit", "remaining")}
        assert told == {"limit": "20", "remaining": "19"}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/v2/persons", {}),
        ("/api/v2/persons", {"name": ""}),
        ("/api/v2/persons", {"name": "A", "owner_id": "1"}),
        ("/api/v2/persons", {"name": "A", "owner_id": 99}),
        ("/api/v2/persons", {"name": "A", "email": "a@b.c"}),
        ("/api/v2/persons", {"name": "A", "emails": ["a@b.c"]}),
        ("/api/v2/persons", {"name": "A", "emails": [{"value": ""}]}),
        ("/api/v2/persons", {"name": "A", "org_id": 5}),
        ("/api/v2/persons", {"name": "A", "first_name": "B"}),
        ("/api/v2/persons", {"name": "A", "birthday": "2026-1-1"}),
        ("/api/v2/persons", {"name": "A", "custom_fields": {"f" * 40: 1}}),
        ("/api/v2/persons", {"name": "A", "marketing_status": "subscribed"}),
        ("/api/v2/organizations", {"name": None}),
        ("/api/v2/deals", {"title": "A", "status": "great"}),
        ("/api/v2/deals", {"title": "A", "value": "5"}),
        ("/api/v2/deals", {"title": "A", "won_time": "yesterday"}),
        ("/api/v2/activities", {"type": "dance"}),
        ("/api/v2/activities", {"due_time": "25:00"}),
        ("/v1/leads", {"title": "A"}),
        ("/v1/leads", {"title": "A", "person_id": 1, "value": {"amount": 5}}),
        ("/v1/notes", {"content": "x"}),
        ("/v1/notes", {"person_id": 1}),
    ],
)
async def test_what_a_schema_does_not_allow_is_refused(path: str, body: dict[str, object]) -> None:
    """Numbers in text are not coerced, unknown keys not ignored."""
    async with talking() as (company, client, _):
        answer = await client.post(path, json=body)
        assert answer.status_code == 400, answer.text
        assert answer.json()["success"] is False
        assert [*company.store.kinds()] == []


@pytest.mark.parametrize(
    "query",
    ["limit=501", "limit=0", "cursor=xx", "sort_by=name", "nonsense=1", "filter_id=1",
     "updated_since=2026-01-01T00:00:00.5Z"],
)  # fmt: skip
async def test_bad_parameters_of_a_list_are_refused(query: str) -> None:
    """Fractions of a second too."""
    async with talking() as (_, client, _clock):
        await client.post("/api/v2/persons", json=ANN)
        answer = await client.get(f"/api/v2/persons?{query}")
        assert answer.json()["code"] == INVALID


async def test_search_is_exact_without_case_and_lags_behind() -> None:
    """A list knows at once."""
    async with talking(search_lag_seconds=30.0) as (_, client, clock):
        await client.post("/api/v2/persons", json=ANN)
        path = "/api/v2/persons/search?term=ANN%40X.io&fields=email&exact_match=true"
        assert (await client.get(path)).json()["data"]["items"] == []
        assert len((await client.get("/api/v2/persons")).json()["data"]) == 1
        clock.pass_seconds(30.0)
        (found,) = (await client.get(path)).json()["data"]["items"]
        assert found["item"]["emails"] == ["ann@x.io"]
        part = await client.get("/api/v2/persons/search?term=nn%40x&fields=email&exact_match=true")
        assert part.json()["data"]["items"] == []


async def test_lists_of_recent_records_are_by_time_of_update() -> None:
    """updated_since is inclusive; pages go by cursor."""
    async with talking() as (_, client, clock):
        for number in range(3):
            await client.post("/api/v2/persons", json={"name": f"P{number}"})
            clock.pass_seconds(10.0)
        whole = (await client.get("/api/v2/persons?sort_by=add_time&sort_direction=desc")).json()
        assert [each["name"] for each in whole["data"]] == ["P2", "P1", "P0"]
        since = whole["data"][1]["update_time"]
        recent = (await client.get("/api/v2/persons", params={"updated_since": since})).json()
        assert [each["name"] for each in recent["data"]] == ["P1", "P2"]
        page = (await client.get("/v1/leads?limit=1")).json()
        assert page["additional_data"]["pagination"]["more_items_in_collection"] is False


async def test_v1_pages_go_by_start() -> None:
    """additional_data.pagination says whether and where there is more."""
    async with talking() as (_, client, _clock):
        await client.post("/api/v2/persons", json=ANN)
        for number in range(3):
            await client.post("/v1/notes", json={"content": str(number), "person_id": 1})
        first = (await client.get("/v1/notes?limit=2")).json()["additional_data"]["pagination"]
        assert first == {
            "start": 0, "limit": 2, "more_items_in_collection": True, "next_start": 2,
        }  # fmt: skip
        last = (await client.get("/v1/notes?limit=2&start=2")).json()
        assert [note["content"] for note in last["data"]] == ["2"]


async def test_a_deleted_person_is_gone_from_lists_and_searches() -> None:
    """404 from then on; the state still shows it."""
    async with talking() as (_, client, _clock):
        await client.post("/api/v2/persons", json=ANN)
        await client.delete("/api/v2/persons/1")
        assert (await client.patch("/api/v2/persons/1", json={"name": "B"})).status_code == 404
        assert (await client.get("/api/v2/persons")).json()["data"] == []
        state = (await client.get("/_emulator/state?object=persons")).json()
        (person,) = state["objects"]["persons"]
        assert (person["deleted"], [w["operation"] for w in person["history"]]) == (
            True, ["create", "delete"],
        )  # fmt: skip


async def test_unknown_routes_are_refused_and_counted() -> None:
    """The plain v1 routes of persons are retired."""
    async with talking() as (company, client, _):
        assert (await client.get("/v1/persons")).status_code == 404
        assert (await client.put("/api/v2/persons/1", json={})).status_code == 405
        assert (await client.post("/api/v2/persons", content=b"name=A")).status_code == 415
        assert list(company.unknown_routes) == ["GET /v1/persons", "PUT /api/v2/persons/1"]


async def test_strangers_get_401() -> None:
    """No token, a wrong one, or the old query parameter."""
    async with talking() as (_, client, _clock):
        for headers in ({"x-api-token": ""}, {"x-api-token": "no", "Authorization": "Bearer no"}):
            answer = await client.get("/v1/users/me", headers=headers)
            assert (answer.status_code, answer.json()["errorCode"]) == (401, 401)


async def test_reset_forgets_everything() -> None:
    """Records, fields, limits, faults and counters."""
    async with talking() as (company, client, _):
        await client.post("/api/v2/persons", json=ANN)
        company.script(Fault("block"))
        assert (await client.get("/v1/users/me")).status_code == 403
        await client.post("/_emulator/reset")
        assert (await client.get("/api/v2/persons")).json()["data"] == []
        counted = (await client.get("/_emulator/calls")).json()
        assert (counted["api_calls"], counted["tokens"]) == (1, 10)
