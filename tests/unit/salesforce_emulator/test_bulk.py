"""Bulk API 2.0 ingest jobs."""

import pytest

from tests.unit.salesforce_emulator.api import Api, connect
from tests.unit.salesforce_emulator.rows import FIELDS
from transformer.emulator.faults import Fault

CSV = {"Content-Type": "text/csv"}


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
        f'"{rows["3"].id}","true","3","Poe","B","",""\n'
        f'"{kept}","false","1","Doe","Acme","","#N/A"\n'
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


def test_a_job_goes_on_part_by_part_also_when_only_listed() -> None:
    """As the org goes on whoever asks; aborting leaves what it has not come to."""
    api = connect(bulk_polls=3)
    job = _job(api, "LastName,Company\n" + "".join(f"L{n},A\n" for n in range(8)))
    api.patch(job, {"state": "UploadComplete"})
    assert _state(api, job) == "InProgress"
    api.get("jobs/ingest")
    assert len(api.org.records("Lead")) == 4
    assert api.patch(job, {"state": "Aborted"}).status == 200
    left = str(api.get(f"{job}/unprocessedrecords").body)
    assert [name in left for name in ("L3", "L4", "L7")] == [False, True, True]
    assert str(api.get(f"{job}/successfulResults").body).count("true") == 4


def test_jobs_are_listed_in_pages() -> None:
    """Each names the next."""
    api = connect(bulk_listed=2)
    jobs = {_job(api, "LastName\nDoe\n").rpartition("/")[2] for _ in range(5)}
    path, seen, pages = "jobs/ingest?jobType=V2Ingest", set[str](), 0
    while path:
        body = api.get(path).body
        assert isinstance(body, dict)
        seen |= {str(info["id"]) for info in body["records"]}
        path, pages = body["nextRecordsUrl"] or "", pages + 1
        assert body["done"] is (path == "")
    assert (seen, pages) == (jobs, 3)
    classic = api.get("jobs/ingest?jobType=Classic").body
    assert classic == {"done": True, "nextRecordsUrl": None, "records": []}
    assert api.get("jobs/ingest?jobType=Nope").codes == ["InvalidJob"]


@pytest.mark.parametrize(("kind", "state"), [("job_failed", "Failed"), ("job_aborted", "Aborted")])
def test_a_job_can_be_made_to_end_early(kind: str, state: str) -> None:
    """What was written stays, the rest is unprocessed."""
    api = connect()
    job = _job(api, "LastName,Company\nA,A\nB,B\nC,C\n")
    api.org.script(Fault(kind, method="PATCH", options={"rows": 1}))
    api.patch(job, {"state": "UploadComplete"})
    assert _state(api, job) == state
    assert [row.get("LastName") for row in api.org.records("Lead")] == ["A"]
    assert str(api.get(f"{job}/unprocessedrecords").body).count("\n") == 3


@pytest.mark.parametrize(
    "upload",
    ["LastName,Nope__c\nDoe,1\n", "LastName\r\nDoe\r\n", 'LastName\n"Do"e\n', "LastName\na,b\n"],
)
def test_a_file_that_salesforce_cannot_read_fails_the_job(upload: str) -> None:
    """Unknown column, other line endings, stray quotes, another number of cells."""
    api = connect()
    job = _job(api, upload)
    api.patch(job, {"state": "UploadComplete"})
    assert _state(api, job) == "Failed"
    assert api.org.records("Lead") == []


def test_an_upload_is_not_compressed_and_a_rule_must_exist() -> None:
    """The guide has compression for responses only."""
    api = connect()
    rule = api.org.add_assignment_rule("Lead")
    made = api.post("jobs/ingest", {"object": "Lead", "operation": "insert"}).body
    assert isinstance(made, dict)
    path = f"jobs/ingest/{made['id']}/batches"
    squeezed = {**CSV, "Content-Encoding": "gzip"}
    assert api.send("PUT", path, raw=b"a\n", headers=squeezed).codes == ["InvalidBatch"]
    body = {"object": "Lead", "operation": "insert", "assignmentRuleId": rule}
    named = api.post("jobs/ingest", body).body
    assert isinstance(named, dict)
    assert named["assignmentRuleId"] == rule
    wrong = {**body, "object": "Contact"}
    assert api.post("jobs/ingest", wrong).codes == ["InvalidJob"]
