"""Single records: what the emulated org accepts, refuses and remembers."""

import pytest

from tests.unit.salesforce_emulator.api import ROOT, Api, connect

FIELDS = {
    "Lead": [
        "Ext__c:string(40):externalId,unique",
        "Team__c:string(20):externalId",
        "Score__c:double(6,2)",
        "Vip__c:boolean",
        "Since__c:date",
        "Seen__c:datetime",
        "Kind__c:picklist(a|b):restricted",
        "Total__c:double(18,2):readOnly",
    ]
}
READ_ONLY = (
    "Unable to create/update fields: CreatedDate, Total__c. Please check the security settings of "
    "this field and verify that it is read/write for your profile or permission set."
)


def _refused(api: Api, **values: object) -> tuple[int, object, object, object]:
    answer = api.post("sobjects/Lead", {"LastName": "Doe", "Company": "Acme", **values})
    assert isinstance(answer.body, list)
    (error,) = answer.body
    return answer.status, error["errorCode"], error["message"], error.get("fields")


def test_a_create_answers_201_with_the_id_and_its_location() -> None:
    """Names come in any case and are kept in their own."""
    api = connect()
    made = api.post("sobjects/lead", {"lastname": "Doe", "COMPANY": "Acme"})
    (row,) = api.org.records("Lead")
    assert made.status == 201
    assert made.body == {"id": row.id, "success": True, "errors": []}
    assert made.headers["Location"] == f"{ROOT}/sobjects/Lead/{row.id}"
    assert (row.get("LastName"), row.get("Company"), row.get("Name")) == ("Doe", "Acme", "Doe")
    assert row.get("Status") == "Open - Not Contacted"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (
            {"Nope__c": 1},
            ("INVALID_FIELD", "No such column 'Nope__c' on sobject of type Lead", None),
        ),
        (
            {"CreatedDate": "2020-01-01T00:00:00Z", "Total__c": 1},
            (
                "INVALID_FIELD_FOR_INSERT_UPDATE",
                READ_ONLY,
                ["CreatedDate", "Total__c"],
            ),
        ),
        (
            {"Company": None},
            ("REQUIRED_FIELD_MISSING", "Required fields are missing: [Company]", ["Company"]),
        ),
        (
            {"Company": "", "LastName": " "},
            (
                "REQUIRED_FIELD_MISSING",
                "Required fields are missing: [LastName, Company]",
                ["LastName", "Company"],
            ),
        ),
        (
            {"Email": "not-an-email"},
            (
                "INVALID_EMAIL_ADDRESS",
                "Email: invalid email address: not-an-email",
                ["Email"],
            ),
        ),
        (
            {"City": "x" * 41},
            (
                "STRING_TOO_LONG",
                f"City: data value too large: {'x' * 41} (max length=40)",
                ["City"],
            ),
        ),
        (
            {"Kind__c": "c"},
            (
                "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
                "Kind: bad value for restricted picklist field: c",
                ["Kind__c"],
            ),
        ),
        (
            {"OwnerId": "nobody"},
            ("MALFORMED_ID", "Owner ID: id value of incorrect type: nobody", ["OwnerId"]),
        ),
        (
            {"OwnerId": "005Dn0000000099IAA"},
            ("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", []),
        ),
        (
            {"Score__c": 12_345.0},
            (
                "NUMBER_OUTSIDE_VALID_RANGE",
                "Score: value outside of valid range on numeric field",
                ["Score__c"],
            ),
        ),
    ],
)
def test_a_wrong_value_is_refused_in_salesforces_words(
    values: dict[str, object], expected: tuple[object, ...]
) -> None:
    """One error, with its code, message and fields."""
    assert _refused(connect(custom_fields=FIELDS), **values) == (400, *expected)


@pytest.mark.parametrize(
    ("values", "token"),
    [
        ({"FirstName": 7}, "string from VALUE_NUMBER_INT value 7"),
        ({"FirstName": True}, "string from VALUE_TRUE value true"),
        ({"FirstName": ["a"]}, "string from START_ARRAY value ["),
        ({"FirstName": {"a": 1}}, "string from START_OBJECT value {"),
        ({"Score__c": "many"}, "double from VALUE_STRING value many"),
        ({"NumberOfEmployees": 1.5}, "int from VALUE_NUMBER_FLOAT value 1.5"),
        ({"Vip__c": "maybe"}, "boolean from VALUE_STRING value maybe"),
        ({"Since__c": "2026-02-30"}, "date from VALUE_STRING value 2026-02-30"),
        ({"Seen__c": "2026-02-03"}, "datetime from VALUE_STRING value 2026-02-03"),
    ],
)
def test_a_value_of_the_wrong_type_is_a_parser_error(values: dict[str, object], token: str) -> None:
    """The message names the type and what came instead."""
    status, code, message, _ = _refused(connect(custom_fields=FIELDS), **values)
    assert (status, code) == (400, "JSON_PARSER_ERROR")
    assert str(message).startswith(f"Cannot deserialize instance of {token} or request")


def test_values_are_stored_as_salesforce_shows_them() -> None:
    """Numbers from text, dates in UTC, an empty text as null, an open picklist as it comes."""
    api = connect(custom_fields=FIELDS)
    made = api.lead(
        Score__c="12.345",
        Vip__c="true",
        Seen__c="2026-01-02T03:04:05+02:00",
        FirstName="",
        Status="Brand new",
        NumberOfEmployees="7",
    )
    body = api.get(
        f"sobjects/Lead/{made}?fields=Score__c,vip__c,Seen__c,FirstName,Status,NumberOfEmployees"
    ).body
    assert body == {
        "attributes": {"type": "Lead", "url": f"{ROOT}/sobjects/Lead/{made}"},
        "Score__c": 12.35,
        "Vip__c": True,
        "Seen__c": "2026-01-02T01:04:05.000+0000",
        "FirstName": None,
        "Status": "Brand new",
        "NumberOfEmployees": 7,
    }


@pytest.mark.parametrize("path", ["sobjects/Lead/{id}", "sobjects/Lead/{short}"])
def test_an_update_answers_204_and_leaves_absent_fields_alone(path: str) -> None:
    """Ids work with 15 and 18 characters."""
    api = connect()
    made = api.lead(FirstName="Jane", City="Rome")
    answer = api.patch(path.format(id=made, short=made[:15]), {"City": None})
    (row,) = api.org.records("Lead")
    assert (answer.status, answer.body) == (204, "")
    assert (row.get("FirstName"), row.get("City")) == ("Jane", None)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("sobjects/Lead/00QDn0000000099MAA", (404, "INVALID_CROSS_REFERENCE_KEY")),
        ("sobjects/Lead/00QDn0000000001MAB", (400, "MALFORMED_ID")),
        ("sobjects/Lead/003Dn0000000001IAA", (400, "MALFORMED_ID")),
        ("sobjects/Lead/whoever", (404, "NOT_FOUND")),
        ("sobjects/Nothing/00QDn0000000001MAA", (404, "NOT_FOUND")),
    ],
)
def test_a_write_to_a_wrong_id_is_refused(path: str, expected: tuple[int, str]) -> None:
    """Unknown, with a wrong checksum, of another object, no id at all, of no object."""
    api = connect()
    api.lead()
    answer = api.patch(path, {"FirstName": "x"})
    assert (answer.status, *answer.codes) == expected


def test_a_body_that_names_its_own_id_is_refused() -> None:
    """On create and on update."""
    api = connect()
    made = api.lead()
    create = api.post("sobjects/Lead", {"Id": made, "LastName": "x", "Company": "y"})
    assert (create.status, create.codes) == (400, ["INVALID_FIELD"])
    assert api.patch(f"sobjects/Lead/{made}", {"id": made}).codes == ["INVALID_FIELD"]


def test_a_deleted_record_is_gone_but_not_forgotten() -> None:
    """Reads and writes say so; queryAll still shows it; a create of its like is new."""
    api = connect(custom_fields=FIELDS)
    made = api.lead(Ext__c="x")
    assert api.send("DELETE", f"sobjects/Lead/{made}").status == 204
    assert api.get(f"sobjects/Lead/{made}").codes == ["ENTITY_IS_DELETED"]
    assert api.patch(f"sobjects/Lead/{made}", {"City": "x"}).codes == ["ENTITY_IS_DELETED"]
    soql = "SELECT LastName FROM Lead WHERE IsDeleted = TRUE"
    assert api.found(soql) == []
    body = api.query(soql, deleted_too=True).body
    assert isinstance(body, dict)
    assert body["totalSize"] == 1
    assert api.patch("sobjects/Lead/Ext__c/x", {"LastName": "b", "Company": "c"}).status == 201


def test_a_converted_lead_cannot_be_written() -> None:
    """Its contact can, and the lead names it."""
    api = connect()
    made = api.lead(Email="a@example.com")
    new = api.org.convert_lead(made)
    assert api.patch(f"sobjects/Lead/{made}", {"City": "x"}).codes == [
        "CANNOT_UPDATE_CONVERTED_LEAD"
    ]
    assert api.found("SELECT ConvertedContactId FROM Lead", "ConvertedContactId") == [
        new["Contact"]
    ]
    assert api.found("SELECT Email FROM Contact", "Email") == ["a@example.com"]


def test_a_merged_record_names_its_winner() -> None:
    """The loser is deleted."""
    api = connect()
    winner, loser = api.lead(), api.lead()
    api.org.merge(winner, loser)
    body = api.query("SELECT MasterRecordId FROM Lead WHERE IsDeleted=TRUE", deleted_too=True).body
    assert isinstance(body, dict)
    assert [record["MasterRecordId"] for record in body["records"]] == [winner]


def test_a_campaign_member_joins_once() -> None:
    """An unknown status becomes the default; the second join is a duplicate."""
    api = connect()
    campaign = api.post("sobjects/Campaign", {"Name": "Spring"}).body
    assert isinstance(campaign, dict)
    member = {"CampaignId": campaign["id"], "LeadId": api.lead(), "Status": "Nonsense"}
    assert api.post("sobjects/CampaignMember", member).status == 201
    assert api.found("SELECT Status FROM CampaignMember", "Status") == ["Sent"]
    again = api.post("sobjects/CampaignMember", member)
    assert again.body == [
        {"message": "Already a campaign member.", "errorCode": "DUPLICATE_VALUE", "fields": []}
    ]


def test_a_task_cannot_have_a_lead_and_a_related_record() -> None:
    """Salesforce's own rule for activities."""
    api = connect()
    account = api.org.add("Account", {"Name": "Acme"})
    refused = api.post("sobjects/Task", {"WhoId": api.lead(), "WhatId": account})
    assert refused.codes == ["FIELD_INTEGRITY_EXCEPTION"]


def test_unknown_custom_fields_appear_only_where_asked_for() -> None:
    """`allow_any_custom_field` types them by their first value."""
    assert _refused(connect(), Plan__c="x")[1] == "INVALID_FIELD"
    api = connect(allow_any_custom_field=True)
    api.lead(Plan__c="x", Age__c=3, Vip__c=True)
    described = api.get("sobjects/Lead/describe").body
    assert isinstance(described, dict)
    types = {field["name"]: field["type"] for field in described["fields"]}
    assert [types[n] for n in ("Plan__c", "Age__c", "Vip__c")] == ["textarea", "double", "boolean"]
    assert _refused(api, **{"Bad Name__c": "x"})[1] == "INVALID_FIELD"


def test_the_oracle_lists_every_write_in_order() -> None:
    """Per record: which request set which fields, and when."""
    api = connect()
    made = api.lead()
    api.clock.pass_seconds(5)
    api.patch(f"sobjects/Lead/{made}", {"City": "Rome"})
    (row,) = api.org.records("Lead")
    assert [(w.request, w.action, dict(w.values)) for w in row.history] == [
        (1, "create", {"LastName": "Doe", "Company": "Acme"}),
        (2, "update", {"City": "Rome"}),
    ]
    assert row.history[1].time - row.history[0].time == 5
    shown = api.org.state({"object": "lead"})
    assert isinstance(shown, list)
    assert [write["action"] for write in shown[0]["history"]] == ["create", "update"]
