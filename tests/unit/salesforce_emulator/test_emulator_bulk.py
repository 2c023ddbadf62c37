"""Bulk API 2.0 ingest jobs."""

from tests.unit.salesforce_emulator.api import Api, connect
from tests.unit.salesforce_emulator.rows import FIELDS


def _job(api: Api, csv: str, **body: object) -> str:
    made = api.post("jobs/ingest", {"object": "Lead", "operation": "insert", **body}).body
    assert isinstance(made, dict)
    job = f"jobs/ingest/{made['id']}"
    headers = {"Content-Type": "text/csv"}
    assert api.send("PUT", f"{job}/batches", raw=csv.encode(), headers=headers).status == 201
    return job


def _state(api: Api, job: str) -> object:
    body = api.get(job).body
    assert isinstance(body, dict)
    return body["state"]


def test_a_bulk_job_runs_when_polled_and_tells_each_rows_fate() -> None:
    """Upsert with an empty cell, a null, and a refused row."""
    api = connect(custom_fields=FIELDS)
    kept = api.lead(Ext__c="1", City="Rome", FirstName="Jane")
    csv = "Ext__c,LastName,Company,City,FirstName\n1,Doe,Acme,,#N/A\n2,Roe,,,\n3,Poe,B,,\n"
    job = _job(api, csv, operation="upsert", externalIdFieldName="Ext__c")
    assert api.get(f"{job}/failedResults/").codes == ["InvalidJobState"]
    assert api.patch(job, {"state": "UploadComplete"}).status == 200
    assert [_state(api, job) for _ in range(2)] == ["InProgress", "JobComplete"]
    rows = {row.get("Ext__c"): row for row in api.org.records("Lead")}
    assert (rows["1"].get("City"), rows["1"].get("FirstName")) == ("Rome", None)
    assert api.get(f"{job}/successfulResults").body == (
        '"sf__Id","sf__Created","Ext__c","LastName","Company","City","FirstName"\n'
        f'"{kept}","false","1","Doe","Acme","","#N/A"\n'
        f'"{rows["3"].id}","true","3","Poe","B","",""\n'
    )
    assert api.get(f"{job}/failedResults").body == (
        '"sf__Id","sf__Error","Ext__c","LastName","Company","City","FirstName"\n'
        '"","REQUIRED_FIELD_MISSING:Required fields are missing: [Company]:Company",'
        '"2","Roe","","",""\n'
    )
    assert api.send("DELETE", job).status == 204
    assert api.get(job).codes == ["NOT_FOUND"]


def test_an_aborted_bulk_job_leaves_its_rows_unprocessed() -> None:
    """Nothing is written; the rows can be read back."""
    api = connect()
    job = _job(api, "LastName,Company\nDoe,Acme\n")
    assert api.patch(job, {"state": "Aborted"}).status == 200
    assert api.get(f"{job}/unprocessedrecords").body == '"LastName","Company"\n"Doe","Acme"\n'
    assert api.org.records("Lead") == []
    assert api.patch(job, {"state": "UploadComplete"}).codes == ["InvalidJobState"]


def test_a_bulk_job_refuses_what_is_no_job() -> None:
    """Unknown keys, operations and formats; a second upload; another content type."""
    api = connect()
    for body in (
        {"operation": "merge"},
        {"operation": "insert", "nope": 1},
        {"operation": "upsert", "externalIdFieldName": "City"},
        {"operation": "insert", "columnDelimiter": "DOT"},
    ):
        assert api.post("jobs/ingest", {"object": "Lead", **body}).codes == ["InvalidJob"]
    job = _job(api, "LastName\nDoe\n")
    csv = {"Content-Type": "text/csv"}
    assert api.send("PUT", f"{job}/batches", raw=b"a\n", headers=csv).codes == ["InvalidJobState"]
    json = {"Content-Type": "application/json"}
    assert api.send("PUT", f"{job}/batches", raw=b"{}", headers=json).status == 415
