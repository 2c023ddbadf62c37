"""The ActiveCampaign emulator, driven by raw requests in the shapes that the vendor documents."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import httpx
import pytest

from destinations.activecampaign.emulator import ActiveCampaignEmulator, build
from tests.manual_clock import JumpingClock
from transformer.emulator.faults import Fault

TOKEN = "emulator-token"
Json = Mapping[str, object]


class Client:
    """A plain HTTP client with the emulator's key."""

    def __init__(self, emulator: ActiveCampaignEmulator, http: httpx.AsyncClient) -> None:
        self.emulator = emulator
        self.http = http

    async def call(self, method: str, path: str, body: object = None) -> tuple[int, Json]:
        """Send JSON below /api/3; return status and body."""
        answer = await self.http.request(method, f"/api/3/{path}", json=body)
        found: Json = answer.json()
        return answer.status_code, found

    async def contact(self, email: str) -> str:
        """Sync a contact and return its id."""
        _, body = await self.call("POST", "contact/sync", {"contact": {"email": email}})
        return inner(body, "contact")["id"]


def inner(body: Json, envelope: str) -> dict[str, str]:
    """The record in an envelope."""
    found = body[envelope]
    assert isinstance(found, dict)
    return found


def listed(body: Json, envelope: str) -> list[dict[str, str]]:
    """The records of a list."""
    found = body[envelope]
    assert isinstance(found, list)
    return found


@asynccontextmanager
async def running(*, rate: int | None = None, token: str = TOKEN) -> AsyncIterator[Client]:
    """An emulator on a clock that stands still, and a client."""
    async with build(clock=JumpingClock(), requests_per_second=rate).serve() as emulator:
        headers = {"Api-Token": token}
        async with httpx.AsyncClient(base_url=emulator.url, headers=headers) as http:
            yield Client(emulator, http)


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    """An emulator without rate limit."""
    async with running() as made:
        yield made


async def test_a_wrong_key_is_answered_with_403() -> None:
    """Not with 401."""
    async with running(token="wrong") as client:
        assert await client.call("GET", "users/me") == (403, {"message": "Forbidden"})


async def test_the_sixth_request_of_a_second_is_throttled() -> None:
    """With the rate's headers and whole seconds to wait; a second later it goes."""
    async with running(rate=5) as client:
        answers = [await client.http.get("/api/3/users/me") for _ in range(6)]
        assert [answer.status_code for answer in answers] == [200] * 5 + [429]
        assert [answer.headers["RateLimit-Remaining"] for answer in answers] == list("432100")
        assert answers[5].headers["RateLimit-Limit"] == "5"
        assert answers[5].headers["Retry-After"] == "1"
        assert answers[5].json() == {"message": "Too Many Requests"}
        await client.emulator.clock.sleep(1.0)
        assert (await client.http.get("/api/3/users/me")).status_code == 200


async def test_sync_creates_then_updates_by_email_in_any_case(client: Client) -> None:
    """One contact; scalars are text; what was not sent stays."""
    first = {"contact": {"email": "Jane@X.io", "firstName": "Jane", "phone": "1"}}
    status, body = await client.call("POST", "contact/sync", first)
    assert (status, inner(body, "contact")["id"], body["fieldValues"]) == (201, "1", [])
    second = {"contact": {"email": "jane@x.io", "firstName": "Janet"}}
    status, body = await client.call("POST", "contact/sync", second)
    contact = inner(body, "contact")
    assert (status, contact["id"], contact["firstName"], contact["phone"]) == (
        200,
        "1",
        "Janet",
        "1",
    )
    history = client.emulator.store.to_json("contacts")[0]["_history"]
    assert isinstance(history, list)
    assert [write["action"] for write in history] == ["sync", "sync"]


async def test_sync_sets_custom_fields(client: Client) -> None:
    """By field id; an unknown one is refused."""
    field = client.emulator.catalogue.add_field("Plan")
    values = [{"field": field.id, "value": "pro"}]
    body = {"contact": {"email": "a@x.io", "fieldValues": values}}
    _, answer = await client.call("POST", "contact/sync", body)
    assert [row["value"] for row in listed(answer, "fieldValues")] == ["pro"]
    bad = {"contact": {"email": "a@x.io", "fieldValues": [{"field": "99", "value": "x"}]}}
    assert (await client.call("POST", "contact/sync", bad))[0] == 422


async def test_creating_a_contact_twice_is_a_duplicate(client: Client) -> None:
    """With the documented error."""
    body = {"contact": {"email": "a@x.io"}}
    assert (await client.call("POST", "contacts", body))[0] == 201
    status, answer = await client.call("POST", "contacts", body)
    assert (status, answer) == (
        422,
        {
            "errors": [
                {
                    "title": "Email address already exists in the system",
                    "detail": "",
                    "code": "duplicate",
                    "source": {"pointer": "/data/attributes/email"},
                }
            ]
        },
    )


async def test_a_contact_that_is_not_there_is_a_subscriber_without_result(client: Client) -> None:
    """The vendor's inner name shows."""
    expected = {"message": "No Result found for Subscriber with id 7"}
    for method in ("GET", "DELETE"):
        assert await client.call(method, "contacts/7") == (404, expected)


async def test_a_body_without_its_envelope_is_a_missing_attribute(client: Client) -> None:
    """The 422 without a code."""
    _, answer = await client.call("POST", "contact/sync", {"email": "a@x.io"})
    assert listed(answer, "errors") == [
        {
            "status": 422,
            "title": "Missing attribute",
            "source": {"pointer": "/data/attributes/contact"},
        }
    ]


async def test_lists_of_contacts_page_by_a_hundred(client: Client) -> None:
    """20 unless asked, 100 at most, the total as text."""
    for number in range(25):
        await client.contact(f"p{number}@x.io")
    _, body = await client.call("GET", "contacts")
    assert (len(listed(body, "contacts")), body["meta"]) == (20, {"total": "25"})
    _, body = await client.call("GET", "contacts?limit=500&offset=20")
    assert len(listed(body, "contacts")) == 5
    _, body = await client.call("GET", "contacts?email=P3@x.io")
    assert [row["email"] for row in listed(body, "contacts")] == ["p3@x.io"]


async def test_a_custom_field_of_a_title_that_is_there_is_a_duplicate(client: Client) -> None:
    """Created once, related to all lists, listed with its tag."""
    body = {"field": {"title": "Plan", "type": "text"}}
    assert (await client.call("POST", "fields", body))[0] == 201
    relation = {"fieldRel": {"field": 1, "relid": 0}}
    status, answer = await client.call("POST", "fieldRels", relation)
    assert (status, inner(answer, "fieldRel")["field"]) == (201, "1")
    status, answer = await client.call("POST", "fields", body)
    assert (status, listed(answer, "errors")[0]["code"]) == (422, "duplicate")
    _, answer = await client.call("GET", "fields?limit=100")
    assert [(row["title"], row["perstag"]) for row in listed(answer, "fields")] == [
        ("Plan", "PLAN")
    ]
    _, answer = await client.call("POST", "fieldOption/bulk", {"fieldOptions": "x"})
    assert isinstance(answer["errors"], str)


async def test_who_left_a_list_comes_back_only_with_the_source_of_consent(client: Client) -> None:
    """Status 1 alone changes nothing; sourceid 4 does."""
    contact = await client.contact("a@x.io")
    listed_id = client.emulator.catalogue.add_list("News").id
    link = {"list": listed_id, "contact": contact}
    for status, more, became in (
        ("1", {}, "1"),
        ("2", {}, "2"),
        ("1", {}, "2"),
        ("1", {"sourceid": 4}, "1"),
    ):
        body = {"contactList": {**link, "status": status, **more}}
        code, answer = await client.call("POST", "contactLists", body)
        assert (code, inner(answer, "contactList")["status"]) == (200, became)
    assert await client.call("POST", "contactLists", {"contactList": link}) == (400, {})


async def test_tags_are_made_once_and_attached_once(client: Client) -> None:
    """A second link is the same link; the link is deleted by its own id."""
    contact = await client.contact("a@x.io")
    body = {"tag": {"tag": "vip", "tagType": "contact"}}
    status, answer = await client.call("POST", "tags", body)
    assert (status, inner(answer, "tag")["id"]) == (201, "1")
    link = {"contactTag": {"contact": int(contact), "tag": 1}}
    for _ in range(2):
        status, answer = await client.call("POST", "contactTags", link)
        assert (status, inner(answer, "contactTag")["id"]) == (201, "1")
    missing = {"contactTag": {"contact": 99, "tag": 1}}
    status, answer = await client.call("POST", "contactTags", missing)
    assert (status, listed(answer, "errors")[0]["detail"]) == (404, "Contact not found")
    assert await client.call("DELETE", "contactTags/1") == (200, {})
    expected = {"message": "No Result found for SubscriberTag with id 1"}
    assert await client.call("DELETE", "contactTags/1") == (404, expected)


async def test_account_names_are_unique_and_needed(client: Client) -> None:
    """Both errors with their codes."""
    status, answer = await client.call("POST", "accounts", {"account": {"name": "Acme"}})
    assert (status, inner(answer, "account")["id"]) == (201, "1")
    status, answer = await client.call("POST", "accounts", {"account": {"name": "ACME"}})
    error = listed(answer, "errors")[0]
    assert (status, error["code"]) == (422, "duplicate")
    assert error["title"] == 'An account named "ACME" already exists. Please choose a new name.'
    status, answer = await client.call("POST", "accounts", {"account": {}})
    assert (status, listed(answer, "errors")[0]["code"]) == (422, "field_missing")


async def test_a_contact_belongs_to_one_account(client: Client) -> None:
    """A second link is field_invalid."""
    contact = int(await client.contact("a@x.io"))
    for name in ("Acme", "Beta"):
        await client.call("POST", "accounts", {"account": {"name": name}})
    body = {"accountContact": {"account": 1, "contact": contact, "jobTitle": "CTO"}}
    assert (await client.call("POST", "accountContacts", body))[0] == 201
    other = {"accountContact": {"account": 2, "contact": contact}}
    status, answer = await client.call("POST", "accountContacts", other)
    assert (status, listed(answer, "errors")[0]["code"]) == (422, "field_invalid")


async def test_deals_take_whole_cents_and_a_stage_of_their_pipeline(client: Client) -> None:
    """The stage follows from the pipeline and the other way round."""
    contact = await client.contact("a@x.io")
    other = client.emulator.deals.add_pipeline("Renewals", ["New"])
    deal = {"title": "D", "contact": contact, "value": 45678, "currency": "usd", "group": "1"}
    status, answer = await client.call("POST", "deals", {"deal": deal})
    assert (status, inner(answer, "deal")["stage"], inner(answer, "deal")["value"]) == (
        201,
        "1",
        "45678",
    )
    assert (await client.call("POST", "deals", {"deal": {**deal, "value": 12.5}}))[0] == 422
    wrong = {"deal": {"stage": "1", "group": other.id}}
    assert (await client.call("PUT", "deals/1", wrong))[0] == 422
    ownerless = {**deal, "group": other.id}
    status, answer = await client.call("POST", "deals", {"deal": ownerless})
    assert "The deal owner was not provided." in listed(answer, "errors")[0]["title"]


async def test_notes_and_tasks_hang_on_what_is_there(client: Client) -> None:
    """A note of a contact, a task of it; an unknown owner is refused."""
    contact = await client.contact("a@x.io")
    note = {"note": {"note": "called", "relid": contact, "reltype": "Subscriber"}}
    assert (await client.call("POST", "notes", note))[0] == 201
    task = {"dealTask": {"title": "call", "ownerType": "contact", "relid": contact}}
    status, answer = await client.call("POST", "dealTasks", task)
    assert (status, inner(answer, "dealTask")["reltype"]) == (201, "Subscriber")
    gone = {"dealTask": {"title": "call", "relid": "9"}}
    assert (await client.call("POST", "dealTasks", gone))[0] == 422


async def test_an_import_is_queued_then_completed(client: Client) -> None:
    """Nothing is there before its time; then ids of successes and addresses of failures."""
    client.emulator.blocked.add("bad@x.io")
    rows = [{"email": "a@x.io", "first_name": "A", "tags": ["t"]}, {"email": "bad@x.io"}]
    _, answer = await client.call("POST", "import/bulk_import", {"contacts": rows})
    assert (answer["Success"], answer["queued_contacts"]) == (1, 2)
    info = f"import/info?batchId={answer['batchId']}"
    for state, wait in ((False, 1.0), ("waiting", 1.0)):
        assert await client.call("GET", info) == (
            200,
            {"status": state, "success": [], "failure": []},
        )
        assert client.emulator.store.rows["contacts"] == {}
        await client.emulator.clock.sleep(wait)
    assert await client.call("GET", info) == (
        200,
        {"status": "completed", "success": ["1"], "failure": ["bad@x.io"]},
    )
    status, answer = await client.call("GET", "import/info")
    assert (status, answer["message"]) == (400, "'batchId' is a required field.")
    _, answer = await client.call("GET", "import/bulk_import")
    assert listed(answer, "recentlyCompleted")[0]["contacts"] == "2"


async def test_imports_are_counted_by_day_as_text(client: Client) -> None:
    """Those that wait, and those that have ended within seven days."""

    async def counted() -> tuple[object, object]:
        _, answer = await client.call("GET", "import/bulk_import")
        assert answer.keys() == {"outstanding", "recentlyCompleted"}
        return (
            [(day["batches"], day["contacts"]) for day in listed(answer, "outstanding")],
            [(day["batches"], day["contacts"]) for day in listed(answer, "recentlyCompleted")],
        )

    assert await counted() == ([], [])
    client.emulator.imports.seconds = 3 * 86_400.0
    for rows in (2, 1):
        client.emulator.imports.queue([{"email": f"{rows}.{n}@x.io"} for n in range(rows)])
    await client.emulator.clock.sleep(86_400.0)
    client.emulator.imports.queue([{"email": "b@x.io"}])
    assert await counted() == ([("2", "3"), ("1", "1")], [])
    await client.emulator.clock.sleep(2 * 86_400.0)
    assert await counted() == ([("1", "1")], [("2", "3")])
    await client.emulator.clock.sleep(4 * 86_400.0)
    assert await counted() == ([], [("1", "1")])


async def test_an_import_with_one_bad_row_is_refused_whole(client: Client) -> None:
    """By position; and one of more than 250."""
    rows = [{"email": "a@x.io"}, {"email": "nonsense"}]
    status, answer = await client.call("POST", "import/bulk_import", {"contacts": rows})
    assert status == 400
    assert answer["failureReasons"] == [
        {"contact": 1, "failureReason": "Field 'email' incorrect format"}
    ]
    many = [{"email": f"p{number}@x.io"} for number in range(251)]
    status, _ = await client.call("POST", "import/bulk_import", {"contacts": many})
    assert status == 400
    assert client.emulator.imports.batches == {}


async def test_more_than_a_hundred_imports_a_minute_are_refused_with_400(client: Client) -> None:
    """Not with 429; the message tells."""
    body = {"contacts": [{"email": "a@x.io"}]}
    for _ in range(100):
        await client.call("POST", "import/bulk_import", body)
    status, answer = await client.call("POST", "import/bulk_import", body)
    assert (status, answer["message"]) == (400, "Rate limit exceeded.")


async def test_an_import_never_subscribes_again_who_left(client: Client) -> None:
    """And subscribes who was never there."""
    left = await client.contact("left@x.io")
    listed_id = client.emulator.catalogue.add_list("News").id
    client.emulator.catalogue.set_subscription(left, listed_id, "2", "0")
    rows = [
        {"email": email, "subscribe": [{"listid": listed_id}]}
        for email in ("left@x.io", "new@x.io")
    ]
    await client.call("POST", "import/bulk_import", {"contacts": rows})
    await client.emulator.clock.sleep(2.0)
    client.emulator.imports.work()
    statuses = [row.get("status") for row in client.emulator.store.rows["contactLists"].values()]
    assert statuses == ["2", "1"]


async def test_events_are_tracked_beside_the_api(client: Client) -> None:
    """Form-encoded, with a key of its own; failures are 200 too."""
    await client.contact("a@x.io")
    form = {
        "actid": "1234567",
        "key": "emulator-event-key",
        "event": "Signed Up",
        "eventdata": "pro",
        "visit": '{"email": "a@x.io"}',
    }
    answer = await client.http.post("/event", data=form)
    assert answer.json() == {"success": 1, "message": "Event spawned"}
    for wrong in ({"key": "other"}, {"visit": '{"email": "b@x.io"}'}, {"event": ""}):
        answer = await client.http.post("/event", data={**form, **wrong})
        assert (answer.status_code, answer.json()["success"]) == (200, 0)
    assert len(client.emulator.store.rows["trackedEvents"]) == 1
    assert client.emulator.tracking_count == 4


async def test_scripted_faults_and_unknown_routes_are_seen(client: Client) -> None:
    """A 5xx page once; a route that is none is counted against the client."""
    client.emulator.script(Fault("html", path="/api/3/users/me", count=1, status=502))
    assert (await client.http.get("/api/3/users/me")).status_code == 502
    assert (await client.http.get("/api/3/users/me")).status_code == 200
    assert (await client.http.get("/api/3/nothing")).status_code == 404
    state = (await client.http.get("/_emulator/calls")).json()
    assert (state["unknown_routes"], state["unknown"]) == (1, ["GET /api/3/nothing"])
    assert set((await client.http.get("/_emulator/state?kind=contacts")).json()) == {
        "contacts",
        "imports",
    }
