"""The Salesforce emulator, driven over HTTP by simple-salesforce and jsforce as they are.

What they cannot do against the emulator, they could not do against Salesforce.
"""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias, TypeVar
from urllib.parse import urlsplit

import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from requests.adapters import HTTPAdapter
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import (
    SalesforceAuthenticationFailed,
    SalesforceError,
    SalesforceMalformedRequest,
    SalesforceMoreThanOneRecord,
    SalesforceRefusedRequest,
    SalesforceResourceNotFound,
)

from destinations.salesforce.emulator import App, SalesforceEmulator, build
from tests.contract.node_client import installed

T = TypeVar("T")
Client: TypeAlias = Any
"""simple-salesforce: its attributes are objects and its answers are JSON, neither typed."""
USER = {"username": "integration@example.com", "password": "secret", "version": "64.0"}
FIELDS = {"Lead": ["Ext__c:string(40):externalId,unique", "Team__c:string(40):externalId"]}


class _OverHttp(HTTPAdapter):
    """Sends what the library insists on sending by https to the emulator, host name kept."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._address = urlsplit(url).netloc

    def send(
        self, request: requests.PreparedRequest, *args: object, **kwargs: object
    ) -> requests.Response:
        """Rewrite the address of one request and send it."""
        wanted = urlsplit(request.url or "")
        request.headers["Host"] = wanted.netloc
        request.url = wanted._replace(scheme="http", netloc=self._address).geturl()
        return super().send(request, *args, **kwargs)  # type: ignore[arg-type]


def _session(org: SalesforceEmulator) -> requests.Session:
    session = requests.Session()
    session.mount("https://", _OverHttp(org.url))
    return session


def _connect(org: SalesforceEmulator, **login: str) -> Client:
    given: dict[str, Any] = login or {**USER, "security_token": "TOKEN"}
    return Salesforce(**given, session=_session(org))


async def _with(org: SalesforceEmulator, work: Callable[[Client], T], **login: str) -> T:
    """Run blocking work with a connected client beside the emulator's loop."""

    def run() -> T:
        client = _connect(org, **login)
        try:
            return work(client)
        finally:
            client.session.close()

    async with org.serve():
        return await asyncio.to_thread(run)


def _first_error(caught: pytest.ExceptionInfo[SalesforceError]) -> object:
    content: Any = caught.value.content
    return content[0]["errorCode"]


def _lead(**values: object) -> dict[str, object]:
    return {"LastName": "Doe", "Company": "Acme", **values}


async def test_simple_salesforce_logs_in_by_soap_with_the_security_token() -> None:
    """A session from SOAP login reads data."""
    found = await _with(build(), lambda sf: sf.query("SELECT COUNT() FROM Lead")["totalSize"])
    assert found == 0


async def test_simple_salesforce_is_refused_by_soap_with_a_wrong_password() -> None:
    """The SOAP fault arrives as the library's own authentication failure."""
    with pytest.raises(SalesforceAuthenticationFailed) as caught:
        await _with(build(), repr, **{**USER, "security_token": "wrong"})
    assert caught.value.code == "INVALID_LOGIN"


async def test_simple_salesforce_cannot_log_in_to_a_sandbox_at_the_production_host() -> None:
    """A sandbox's user works at `test.` and nowhere else."""
    login = {**USER, "security_token": "TOKEN"}
    with pytest.raises(SalesforceAuthenticationFailed):
        await _with(build(sandbox=True), repr, **login)
    found = await _with(build(sandbox=True), lambda sf: sf.limits(), **login, domain="test")
    assert found["DailyApiRequests"]["Max"] == 100_000


@pytest.mark.parametrize(
    ("login", "allowed"),
    [
        ({"password": "secretTOKEN", "consumer_secret": "consumer-secret"}, True),
        ({"password": "secret", "consumer_secret": "consumer-secret"}, False),
        ({"password": "secretTOKEN", "consumer_secret": "wrong"}, False),
    ],
)
async def test_simple_salesforce_logs_in_with_user_and_consumer_key(
    login: dict[str, str], *, allowed: bool
) -> None:
    """The password flow wants the token behind the password and the right secret."""
    given = {"username": USER["username"], "consumer_key": "consumer-key", **login}
    if allowed:
        assert await _with(build(), lambda sf: sf.auth_type, **given) == "password"
        return
    with pytest.raises(SalesforceAuthenticationFailed):
        await _with(build(), lambda sf: sf.auth_type, **given)


async def test_simple_salesforce_logs_in_with_client_credentials() -> None:
    """Client credentials work at the My Domain host."""
    login = {
        "consumer_key": "consumer-key",
        "consumer_secret": "consumer-secret",
        "domain": "acme.my",
    }
    found = await _with(build(), lambda sf: (sf.auth_type, sf.limits() is not None), **login)
    assert found == ("client-credentials", True)


async def test_simple_salesforce_logs_in_with_a_signed_assertion() -> None:
    """A JWT signed with the app's key is accepted, with any other key refused."""
    own, other = (_private_key() for _ in range(2))
    org = build(apps=[App(public_key=own.public)])
    login = {"username": USER["username"], "consumer_key": "consumer-key"}
    kind = await _with(org, lambda sf: sf.auth_type, **login, privatekey=own.private)
    assert kind == "jwt-bearer"
    with pytest.raises(SalesforceAuthenticationFailed):
        await _with(org, lambda sf: sf.auth_type, **login, privatekey=other.private)


class _KeyPair:
    def __init__(self, key: rsa.RSAPrivateKey) -> None:
        pem = serialization.Encoding.PEM
        self.private = key.private_bytes(
            pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()
        spki = serialization.PublicFormat.SubjectPublicKeyInfo
        self.public = key.public_key().public_bytes(pem, spki).decode()


def _private_key() -> _KeyPair:
    return _KeyPair(rsa.generate_private_key(public_exponent=65_537, key_size=2_048))


async def test_simple_salesforce_creates_reads_updates_and_deletes() -> None:
    """The life of one lead, and the library's errors for what is gone."""

    def work(sf: Client) -> tuple[object, ...]:
        made = sf.Lead.create(_lead(Email="jane@example.com"))
        updated = sf.Lead.update(made["id"], {"FirstName": "Jane"})
        read = sf.Lead.get(made["id"])
        deleted = sf.Lead.delete(made["id"])
        with pytest.raises(SalesforceResourceNotFound) as caught:
            sf.Lead.get(made["id"])
        return made["success"], updated, read["Name"], deleted, _first_error(caught)

    assert await _with(build(), work) == (True, 204, "Jane Doe", 204, "ENTITY_IS_DELETED")


async def test_simple_salesforce_upserts_by_external_id() -> None:
    """Created, then updated; a value two leads share is the library's own error."""

    def work(sf: Client) -> tuple[object, ...]:
        statuses = [sf.Lead.upsert("Ext__c/a%2Fb", _lead(FirstName=n)) for n in ("A", "B")]
        for name in ("one", "two"):
            sf.Lead.create(_lead(LastName=name, Team__c="blue"))
        with pytest.raises(SalesforceMoreThanOneRecord) as caught:
            sf.Lead.upsert("Team__c/blue", {"FirstName": "C"})
        found = sf.Lead.get_by_custom_id("Ext__c", "a/b")
        return statuses, found["FirstName"], len(caught.value.content)

    assert await _with(build(custom_fields=FIELDS), work) == ([201, 200], "B", 2)


async def test_simple_salesforce_raises_for_bad_records() -> None:
    """Salesforce's error array arrives whole."""

    def work(sf: Client) -> list[object]:
        errors: list[object] = []
        bad: list[dict[str, object]] = [{"LastName": "Doe"}, _lead(Nope__c=1), _lead(Email="no")]
        for record in bad:
            with pytest.raises(SalesforceMalformedRequest) as caught:
                sf.Lead.create(record)
            errors.append(_first_error(caught))
        return errors

    expected = ["REQUIRED_FIELD_MISSING", "INVALID_FIELD", "INVALID_EMAIL_ADDRESS"]
    assert await _with(build(), work) == expected


async def test_simple_salesforce_pages_through_a_long_result() -> None:
    """`query_all` follows every locator and loses nothing."""
    org = build(page_records=200)
    for number in range(450):
        org.add("Lead", _lead(LastName=f"L{number:03}"))

    def work(sf: Client) -> list[str]:
        result = sf.query_all("SELECT Id, LastName FROM Lead ORDER BY LastName")
        return [record["LastName"] for record in result["records"]]

    assert await _with(org, work) == [f"L{number:03}" for number in range(450)]
    assert org.calls_by_route["GET query/{locator}"] == 2


async def test_simple_salesforce_describes_objects_and_limits() -> None:
    """Describe, global describe, limits and the usage header are read."""

    def work(sf: Client) -> tuple[object, ...]:
        described = sf.Lead.describe()
        fields = {field["name"]: field for field in described["fields"]}
        names = [each["name"] for each in sf.describe()["sobjects"]]
        limits = sf.limits()["DailyApiRequests"]
        return fields["Email"]["length"], fields["Email"]["idLookup"], names[:2], limits["Max"]

    found = await _with(build(daily_limit=5_000), work)
    assert found == (80, True, ["Account", "AssignmentRule"], 5_000)


async def test_simple_salesforce_reads_the_usage_of_every_call() -> None:
    """`api_usage` counts as the emulator does."""

    def work(sf: Client) -> tuple[object, ...]:
        sf.limits()
        sf.query("SELECT Id FROM Lead")
        usage = sf.api_usage["api-usage"]
        return usage.used, usage.total

    assert await _with(build(daily_limit=50), work) == (2, 50)


async def test_simple_salesforce_is_refused_when_the_day_is_spent() -> None:
    """403 becomes the library's refusal."""

    def work(sf: Client) -> object:
        sf.limits()
        with pytest.raises(SalesforceRefusedRequest) as caught:
            sf.limits()
        return caught.value.content

    expected = [{"message": "TotalRequests Limit exceeded.", "errorCode": "REQUEST_LIMIT_EXCEEDED"}]
    assert await _with(build(daily_limit=1), work) == expected


async def test_simple_salesforce_logs_in_again_when_its_session_has_expired() -> None:
    """The library takes our 401 for what it is, logs in once more and repeats the call."""
    org = build()

    def work(sf: Client) -> object:
        org.expire_sessions()
        return sf.limits()["DailyApiRequests"]["Remaining"]

    assert await _with(org, work) == 99_999
    assert org.calls_by_route["POST /services/Soap/u/{version}"] == 2


async def test_simple_salesforce_sends_composites_and_collections() -> None:
    """`restful` reaches the composite family."""

    def work(sf: Client) -> tuple[object, ...]:
        records = [{"attributes": {"type": "Lead"}, **_lead(Ext__c=str(n))} for n in range(3)]
        body = {"allOrNone": False, "records": records}
        rows = sf.restful("composite/sobjects/Lead/Ext__c", method="PATCH", json=body)
        root = "/services/data/v64.0"
        composite = {
            "compositeRequest": [
                {
                    "method": "GET",
                    "url": f"{root}/query?q=SELECT+Id+FROM+Lead+ORDER+BY+Ext__c",
                    "referenceId": "found",
                },
                {
                    "method": "PATCH",
                    "url": f"{root}/sobjects/Lead/@{{found.records[0].Id}}",
                    "referenceId": "changed",
                    "body": {"FirstName": "First"},
                },
            ]
        }
        answer = sf.restful("composite", method="POST", json=composite)
        statuses = [each["httpStatusCode"] for each in answer["compositeResponse"]]
        return [row["created"] for row in rows], statuses

    org = build(custom_fields=FIELDS)
    assert await _with(org, work) == ([True, True, True], [200, 204])
    assert [row.get("FirstName") for row in org.records("Lead")] == ["First", None, None]


async def test_simple_salesforce_loads_in_bulk_and_reads_each_rows_result() -> None:
    """A Bulk API 2.0 job with one good and one bad row."""

    def work(sf: Client) -> tuple[object, ...]:
        rows = [{"LastName": "Ok", "Company": "A"}, {"LastName": "Bad", "Company": ""}]
        handler = sf.bulk2.Lead
        (done,) = handler.insert(records=rows, wait=0)
        failed = handler.get_failed_records(done["job_id"])
        good = handler.get_successful_records(done["job_id"])
        return done["numberRecordsProcessed"], done["numberRecordsFailed"], failed, good

    org = build()
    processed, refused, failed, good = await _with(org, work)
    assert (processed, refused) == (2, 1)
    assert "REQUIRED_FIELD_MISSING:Required fields are missing: [Company]:Company" in str(failed)
    (row,) = org.records("Lead")
    # The client writes the columns in any order.
    assert f'"{row.id}","true",' in str(good)
    assert '"A"' in str(good)


@pytest.fixture(scope="session")
def jsforce_client() -> Path:
    """The script, with jsforce installed beside it from the lock file."""
    return installed("jsforce") / "jsforce_client.mjs"


@pytest.mark.node
async def test_jsforce_does_everything_it_is_asked(jsforce_client: Path) -> None:
    """Login, refresh, records, upserts, pages, describe, composite and bulk, as jsforce sees it."""
    org = build(custom_fields=FIELDS, page_records=200)
    async with org.serve():
        process = await asyncio.create_subprocess_exec(
            "node",
            str(jsforce_client),
            org.url,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, err.decode()
    seen = json.loads(out)
    messages = {
        name: seen[name].pop("message") for name in ("unknown", "malformed", "noField", "badLogin")
    }
    assert "No such column 'Nope__c' on sobject of type Lead" in messages["unknown"]
    assert messages["badLogin"].startswith("INVALID_LOGIN: ")
    assert messages["malformed"].endswith("unexpected token: 'FORM'")
    assert "No such column 'Nope' on entity 'Lead'" in messages["noField"]
    assert seen == {
        "user": ["id", "organizationId", "url"],
        "badLogin": {"error": "Error"},
        "clientCredentials": "Lead",
        "created": {"success": True, "prefix": "00Q", "length": 18},
        "updated": True,
        "read": {"Name": "Jane Doe", "Status": "Open - Not Contacted", "type": "Lead"},
        "upserted": [True, False],
        "missing": {
            "error": "REQUIRED_FIELD_MISSING",
            "message": "Required fields are missing: [Company]",
        },
        "unknown": {"error": "INVALID_FIELD"},
        "many": {"count": 450, "good": 450},
        "again": 20,
        "partly": ["ok", "REQUIRED_FIELD_MISSING"],
        "paged": {"records": 450, "total": 450, "done": True},
        "found": [["jane@example.com", "integration"]],
        "malformed": {"error": "MALFORMED_QUERY"},
        "noField": {"error": "INVALID_FIELD"},
        "required": ["LastName", "Company"],
        "objects": [kind.name for kind in org.schema],
        "limit": 100_000,
        "limitInfo": 100_000,
        "composite": [201, 201],
        "bulk": {"good": 1, "failed": ["REQUIRED_FIELD_MISSING"]},
        "destroyed": True,
        "gone": {"error": "ENTITY_IS_DELETED", "message": "entity is deleted"},
        "deletedOnes": 1,
        "refreshed": {"refreshes": 1, "total": 453},
    }
    assert org.calls()["unknown"] == []
    assert org.calls()["crashes"] == []
