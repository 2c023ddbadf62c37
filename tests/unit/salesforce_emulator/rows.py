"""Rows of collections, and what became of them, for the emulator's batch tests."""

from tests.unit.salesforce_emulator.api import Api

FIELDS = {
    "Lead": ["Ext__c:string(40):externalId,unique"],
    "Contact": ["Ext__c:string(40):externalId"],
}
UPSERT = "composite/sobjects/Lead/Ext__c"


def new_row(kind: str = "Lead", **values: object) -> dict[str, object]:
    """One record as a collection carries it; a lead has what a lead needs."""
    defaults = {"LastName": "Doe", "Company": "Acme"} if kind == "Lead" else {}
    return {"attributes": {"type": kind}, **defaults, **values}


def rows_of(
    api: Api, path: str, rows: list[dict[str, object]], *, method: str = "PATCH", **body: object
) -> list[dict[str, object]]:
    """Send a collection and return its results."""
    answer = api.send(method, path, {"records": rows, **body})
    assert answer.status == 200, answer.body
    assert isinstance(answer.body, list)
    return answer.body


def codes(rows: list[dict[str, object]]) -> list[object]:
    """Each result's error code, or `ok`."""
    return [
        "ok" if row["success"] else errors[0]["statusCode"]
        for row in rows
        if isinstance(errors := row["errors"], list)
    ]
