"""The Account Engagement emulator: strict as the vendor's documentation, over plain HTTP.

The vendor has no client library for API v5; the standard library's client stands in for one.
"""

from collections.abc import Mapping

import pytest

from tests.contract.account_engagement.http import OBJECTS, caller
from transformer.emulator.faults import Fault


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Authorization": None, "Pardot_Business_Unit_Id": None}, 401, 49),
        ({"Pardot_Business_Unit_Id": None}, 400, 181),
        ({"Authorization": "Bearer wrong"}, 401, 184),
        ({"Pardot_Business_Unit_Id": "0Uv00000000000XCAA"}, 400, 201),
        ({"Host": "pi.demo.pardot.com"}, 400, 201),
    ],
)
async def test_the_doors_are_guarded(
    headers: Mapping[str, str | None], status: int, code: int
) -> None:
    """No header, no business unit, no live token, another business unit, another host."""
    async with caller() as client:
        got = await client.send("GET", f"{OBJECTS}/users?fields=id", **headers)
        assert (got.status, got.code) == (status, code)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({}, 51),
        ({"fields": "id,nope"}, 51),
        ({"fields": "id", "nope": "1"}, 51),
        ({"fields": "id", "limit": "1001"}, 52),
        ({"fields": "id", "limit": "0"}, 52),
        ({"fields": "id", "orderBy": "firstName"}, 51),
        ({"fields": "id", "nextPageToken": "x"}, 211),
        ({"fields": "id", "nextPageToken": "x", "limit": "5"}, 51),
        (
            {
                "fields": "id",
                "idGreaterThan": "1",
                "email": "a",
                "userId": "1",
                "createdAtAfter": "2020-01-01T00:00:00+00:00",
            },
            209,
        ),
    ],
)
async def test_queries_are_strict(query: Mapping[str, str], code: int) -> None:
    """Fields are mandatory, names known, three fields filtered at the most."""
    async with caller() as client:
        got = await client.get("prospects", **query)
        assert (got.status, got.code) == (400, code)


async def test_a_query_goes_page_by_page_with_fields_alone() -> None:
    """The token lasts four hours."""
    async with caller() as client:
        for number in range(5):
            client.emulator.prospects.add(f"p{number}@x.io")
        first = await client.get("prospects", fields="id,email", limit="2", orderBy="id desc")
        assert first.ids == [5, 4]
        token = str(first.body["nextPageToken"])
        second = await client.get("prospects", fields="id", nextPageToken=token)
        assert second.ids == [3, 2]
        last = await client.get(
            "prospects", fields="id", nextPageToken=str(second.body["nextPageToken"])
        )
        assert (last.ids, last.body["nextPageToken"]) == ([1], None)
        client.clock.pass_seconds(3600)
        assert (await client.get("prospects", fields="id", nextPageToken=token)).status == 200


async def test_filters_compare_and_the_recycle_bin_is_apart() -> None:
    """By equality, id, list of ids and moment; deleted ones only where asked for."""
    async with caller() as client:
        add = client.emulator.prospects.add
        for number in range(1, 5):
            add(f"p{number}@x.io", isDeleted=number == 3)
            client.clock.pass_seconds(60)
        assert (await client.get("prospects", fields="id")).ids == [1, 2, 4]
        assert (await client.get("prospects", fields="id", deleted="true")).ids == [3]
        assert (await client.get("prospects", fields="id", deleted="all")).ids == [1, 2, 3, 4]
        assert (await client.get("prospects", fields="id", email="p2@x.io")).ids == [2]
        assert (await client.get("prospects", fields="id", idList="1,4")).ids == [1, 4]
        for ids in ("1,x", ",".join(map(str, range(1_001)))):
            assert (await client.get("prospects", fields="id", idList=ids)).code == 51
        assert (await client.get("prospects", fields="id", idGreaterThan="1")).ids == [2, 4]
        second = client.emulator.store.rows["prospects"]["2"].values["createdAt"]
        got = await client.get("prospects", fields="id", createdAtAfter=str(second))
        assert got.ids == [4]


async def test_records_are_created_read_changed_and_deleted() -> None:
    """201 with a place, 200 with fields, 204 without, the warning of the recycle bin."""
    async with caller() as client:
        made = await client.post(
            "prospects?fields=id,email,campaign.name", {"email": "a@x.io", "userId": 1}
        )
        assert (made.status, made.headers["Location"]) == (201, f"{OBJECTS}/prospects/1")
        assert made.body == {"id": 1, "email": "a@x.io", "campaign": {"name": "Website Tracking"}}
        changed = await client.send("PATCH", f"{OBJECTS}/prospects/1", {"firstName": "A"})
        assert (changed.status, changed.body) == (204, {})
        shown = await client.send(
            "PATCH", f"{OBJECTS}/prospects/1?fields=firstName", {"lastName": "B"}
        )
        assert (shown.status, shown.body) == (200, {"firstName": "A"})
        assert (await client.send("DELETE", f"{OBJECTS}/prospects/1")).status == 204
        read = await client.get("prospects/1", fields="id,isDeleted,assignedToId")
        assert read.headers["Pardot-Warning"] == "201;Record In Recycle Bin"
        assert read.body == {"id": 1, "isDeleted": True, "assignedToId": 1}
        gone = await client.send("PATCH", f"{OBJECTS}/prospects/1", {"firstName": "B"})
        assert gone.code == 219
        back = await client.post("prospects/do/undelete", {"email": "a@x.io"})
        assert (back.status, back.body) == (200, {"id": 1})
        assert (await client.get("prospects/2", fields="id")).code == 109


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"firstName": "A"}, 153),
        ({"email": "nonsense"}, 4),
        ({"email": f"{'a' * 260}@x.io"}, 4),
        ({"email": "b@x.io", "createdAt": "x"}, 180),
        ({"email": "b@x.io", "nope": "x"}, 154),
        ({"email": "b@x.io", "score": "x"}, 56),
        ({"email": "b@x.io", "isDoNotEmail": "maybe"}, 50),
        ({"email": "b@x.io", "userId": 9}, 10),
        ({"email": "b@x.io", "campaignId": 9}, 38),
        ({"email": "b@x.io", "Day__c": "soon"}, 57),
        ({"email": "b@x.io", "Day__c": ["x"]}, 154),
        ({"email": "a@x.io"}, 9),
        (b"{", 150),
        (b"", 152),
    ],
)
async def test_values_are_checked(body: object, code: int) -> None:
    """Each with its own code; nothing is written."""
    async with caller() as client:
        client.emulator.prospects.add("a@x.io")
        client.emulator.objects.add("custom-fields", name="Day", fieldId="Day", type="Date")
        got = await client.post("prospects", body)
        assert (got.status, got.code) == (400, code)
        assert len(client.emulator.store.rows["prospects"]) == 1


@pytest.mark.parametrize("several", [False, True])
async def test_an_upsert_takes_the_most_active_and_brings_back_the_deleted(
    *, several: bool
) -> None:
    """Where an address may be several prospects' only if that is asked for."""
    async with caller(several=several) as client:
        client.emulator.prospects.add("a@x.io", isDeleted=True)
        upsert = {"matchEmail": "a@x.io", "prospect": {"firstName": "A"}, "fields": ["id"]}
        first = await client.post("prospects/do/upsertLatestByEmail", upsert)
        assert (first.status, first.body) == ((201, {"id": 2}) if several else (200, {"id": 1}))
        other = {**upsert, "matchEmail": "A@x.io"}
        assert (await client.post("prospects/do/upsertLatestByEmail", other)).status == 201
        unknown = {**upsert, "fields": ["nope"]}
        assert (await client.post("prospects/do/upsertLatestByEmail", unknown)).code == 51


async def test_an_address_is_one_prospects_unless_several_are_allowed() -> None:
    """The switch AMPSEA."""
    async with caller(several=True) as client:
        for number in (1, 2):
            got = await client.post("prospects", {"email": "a@x.io"})
            assert (got.status, got.body) == (201, {"id": number})
    async with caller() as client:
        client.emulator.prospects.add("a@x.io")
        client.emulator.prospects.add("b@x.io")
        got = await client.send("PATCH", f"{OBJECTS}/prospects/2", {"email": "a@x.io"})
        assert got.code == 54


@pytest.mark.parametrize(
    "name", ["opportunities", "campaigns", "prospect-accounts", "users", "visitor-activities"]
)
async def test_what_is_read_only_refuses_writes(name: str) -> None:
    """Code 60 with 405, and no unknown route."""
    async with caller() as client:
        client.emulator.objects.add(name, name="x")
        assert (await client.get(name, fields="id")).status == 200
        for method, path in (("POST", name), ("PATCH", f"{name}/1"), ("DELETE", f"{name}/1")):
            got = await client.send(method, f"{OBJECTS}/{path}", {})
            assert (got.status, got.code) == (405, 60)
        assert client.emulator.unknown_count == 0


async def test_a_member_of_a_list_is_one_once() -> None:
    """Code 58; a list or prospect that is not there, and one that chooses for itself."""
    async with caller() as client:
        client.emulator.prospects.add("a@x.io")
        client.emulator.objects.add("lists", name="News", isDynamic=False)
        client.emulator.objects.add("lists", name="Hot", isDynamic=True)
        path = "list-memberships?fields=id,listId"
        made = await client.post(path, {"listId": 1, "prospectId": 1})
        assert (made.status, made.body) == (201, {"id": 1, "listId": 1})
        codes = [
            (await client.post(path, {"listId": listed, "prospectId": prospect})).code
            for listed, prospect in ((1, 1), (9, 1), (1, 9), (2, 1))
        ]
        assert codes == [58, 55, 3, 130]
        left = await client.send("PATCH", f"{OBJECTS}/list-memberships/1", {"optedOut": True})
        assert left.status == 204


async def test_the_day_and_what_is_used_of_it_are_told() -> None:
    """In the account, and in a header for who asks for it."""
    async with caller() as client:
        plain = await client.get("users", fields="id")
        assert "x-api-usage" not in plain.headers
        asked = await client.send("GET", f"{OBJECTS}/users?fields=id", X_Return_Api_Usage="1")
        assert asked.headers["x-api-usage"] == "2/50000"
        account = await client.get("account", fields="apiCallsUsed,maximumDailyApiCalls")
        assert account.body == {"apiCallsUsed": 3, "maximumDailyApiCalls": 50_000}


async def test_a_stale_read_shows_the_records_of_a_minute_ago() -> None:
    """Older values, and no new records."""
    async with caller() as client:
        client.emulator.prospects.add("a@x.io", firstName="old")
        client.clock.pass_seconds(120)
        await client.send("PATCH", f"{OBJECTS}/prospects/1", {"firstName": "new"})
        client.emulator.prospects.add("b@x.io")
        client.emulator.script(Fault("stale_reads", seconds=60, count=1))
        stale = await client.get("prospects", fields="id,firstName")
        assert stale.body["values"] == [{"id": 1, "firstName": "old"}]
        assert (await client.get("prospects", fields="id")).ids == [1, 2]


async def test_a_write_is_seen_in_the_state_with_its_history() -> None:
    """Which request set what; unknown routes are the client's mistakes."""
    async with caller() as client:
        await client.post("prospects", {"email": "a@x.io"})
        got = await client.send("GET", "/_emulator/state?collection=prospects")
        prospects = got.body["prospects"]
        assert isinstance(prospects, list)
        assert [write["action"] for write in prospects[0]["_history"]] == ["create"]
        assert (await client.get("nothing", fields="id")).code == 198
        assert client.emulator.unknown_count == 1
