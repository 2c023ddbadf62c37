"""The import API of the Account Engagement emulator, asked by a plain client."""

from collections.abc import Mapping

import pytest

from tests.contract.account_engagement.http import Caller, Got, caller

JOB = {"operation": "Upsert", "object": "Prospect"}


async def upload(client: Caller, rows: str, job: int = 1) -> Got:
    """Send a batch of an import."""
    part = 'Content-Disposition: form-data; name="importFile"; filename="a.csv"\r\n\r\n'
    body = f"--X\r\n{part}{rows}\r\n--X--\r\n".encode()
    kind = "multipart/form-data; boundary=X"
    return await client.send("POST", f"/api/v5/imports/{job}/batches", body, Content_Type=kind)


async def test_an_import_is_opened_filled_and_started() -> None:
    """Blank cells erase values unless the field says otherwise; it takes its time."""
    async with caller() as client:
        client.emulator.prospects.add("a@x.io", firstName="A", phone="1")
        names = ("matchEmail", "phone", "firstName")
        fields = [{"fieldName": name, "nullOverwrite": name == "phone"} for name in names]
        made = await client.send("POST", "/api/v5/imports", {**JOB, "fields": fields})
        assert made.body["status"] == "Open"
        early = await client.send("PATCH", "/api/v5/imports/1", {"status": "Ready"})
        assert early.code == 156
        rows = "matchEmail,firstName,phone\r\na@x.io,,\r\nb@x.io,B,2\r\n"
        assert (await upload(client, rows)).status == 204
        started = await client.send("PATCH", "/api/v5/imports/1", {"status": "Ready"})
        assert started.body["status"] == "Waiting"
        assert (await upload(client, rows)).code == 155
        asked = "/api/v5/imports/1?fields=status,createdCount,updatedCount,errorCount"
        for seconds, status in ((0, "Waiting"), (6, "Processing"), (6, "Complete")):
            client.clock.pass_seconds(seconds)
            done = await client.send("GET", asked)
            assert done.body["status"] == status
        counts = {"createdCount": 1, "updatedCount": 1, "errorCount": 0}
        assert done.body == {"status": "Complete", **counts}
        first = client.emulator.store.rows["prospects"]["1"]
        assert (first.get("firstName"), first.get("phone")) == ("A", None)
        assert client.emulator.api_calls == 8


async def test_an_import_assigns_users_and_keeps_what_is_not_to_be_overwritten() -> None:
    """An unknown user, a deleted prospect, one who is not there and two keys are errors of rows."""
    async with caller() as client:
        add = client.emulator.prospects.add
        for email, values in (
            ("a", {}),
            ("b", {"userId": 2}),
            ("c", {}),
            ("d", {"isDeleted": True}),
        ):
            add(f"{email}@x.io", **values)
        fields = [{"fieldName": "matchId"}, {"fieldName": "userId", "overwrite": False}]
        job = {**JOB, "createOnNoMatch": False, "fields": fields}
        await client.send("POST", "/api/v5/imports", job)
        await upload(client, "matchId,userId\r\n1,1\r\n2,1\r\n3,9\r\n4,1\r\n5,1\r\n")
        await client.send("PATCH", "/api/v5/imports/1", {"status": "Ready"})
        client.clock.pass_seconds(10)
        done = await client.send("GET", "/api/v5/imports/1?fields=updatedCount,errorCount,errorRef")
        errors = "/api/v5/imports/1/errors"
        assert done.body == {"updatedCount": 2, "errorCount": 3, "errorRef": errors}
        prospects = client.emulator.store.rows["prospects"].values()
        assert [row.get("userId") for row in prospects] == [1, 2, None, None]
        await client.send("POST", "/api/v5/imports", {**JOB, "createOnNoMatch": False})
        rows = "matchId,matchEmail,firstName\r\n1,a@x.io,A\r\n,new@x.io,N\r\n"
        await upload(client, rows, job=2)
        await client.send("PATCH", "/api/v5/imports/2", {"status": "Ready"})
        client.clock.pass_seconds(10)
        done = await client.send("GET", "/api/v5/imports/2?fields=updatedCount,errorCount")
        assert done.body == {"updatedCount": 0, "errorCount": 2}
        assert len(prospects) == 4


@pytest.mark.parametrize(
    ("job", "rows", "code"),
    [
        ({"columns": []}, "", 154),
        ({"operation": "Insert"}, "", 51),
        ({"fields": [{"fieldName": "nothing"}]}, "", 159),
        ({"fields": [{"fieldName": "phone", "overWrite": False}]}, "", 154),
        ({"fields": [{"fieldName": "phone", "overwrite": "no"}]}, "", 50),
        ({}, "matchEmail,nothing\r\na@x.io,1\r\n", 159),
        ({}, "email,phone\r\na@x.io,1\r\n", 197),
        ({}, "matchEmail,phone\r\n", 156),
        ({}, "matchEmail,phone\r\na@x.io\r\n", 226),
        ({"fields": [{"fieldName": "phone"}]}, "matchEmail,phone\r\na@x.io,1\r\n", 226),
    ],
)
async def test_an_import_refuses_what_it_does_not_know(
    job: Mapping[str, object], rows: str, code: int
) -> None:
    """Properties, columns, and files without a key, a row or a cell."""
    async with caller() as client:
        made = await client.send("POST", "/api/v5/imports", {**JOB, **job})
        assert code == ((await upload(client, rows)).code if rows else made.code)


async def test_an_import_that_is_not_started_expires() -> None:
    """After a day; batches must be of one kind."""
    async with caller() as client:
        await client.send("POST", "/api/v5/imports", JOB)
        await upload(client, "matchEmail,phone\r\na@x.io,1\r\n")
        assert (await upload(client, "phone,matchEmail\r\n1,a@x.io\r\n")).code == 227
        client.clock.pass_seconds(86_400)
        client.emulator.imports.work()
        assert client.emulator.imports.jobs["1"].values["isExpired"] is True
