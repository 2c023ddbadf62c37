"""Upserts, unique values, duplicates and links: how records find one another."""

from destinations.salesforce.emulator import DuplicateRule
from destinations.salesforce.emulator.duplicates import USE_ONE
from tests.unit.salesforce_emulator.api import ROOT, connect
from transformer.emulator.faults import Fault

FIELDS = {"Lead": ["Ext__c:string(40):externalId,unique", "Team__c:string(20):externalId"]}


def test_an_upsert_creates_once_and_then_updates() -> None:
    """201, then 200; the external id comes from the path, percent-encoded."""
    api = connect(custom_fields=FIELDS)
    body = {"LastName": "Doe", "Company": "Acme"}
    first = api.patch("sobjects/Lead/ext__c/a%2Fb%20c", body)
    second = api.patch("sobjects/Lead/Ext__c/A%2FB%20C", {"FirstName": "Jane"})
    (row,) = api.org.records("Lead")
    done = {"id": row.id, "success": True, "errors": []}
    assert (first.status, first.body) == (201, {**done, "created": True})
    assert (second.status, second.body) == (200, {**done, "created": False})
    assert (row.get("Ext__c"), row.get("FirstName")) == ("a/b c", "Jane")


def test_a_changed_external_id_no_longer_finds_its_record() -> None:
    """The old value is free again."""
    api = connect(custom_fields=FIELDS)
    made = api.lead(Ext__c="old")
    assert api.patch("sobjects/Lead/Ext__c/old", {"Ext__c": "x"}).status == 400
    assert api.patch(f"sobjects/Lead/{made}", {"Ext__c": "new"}).status == 204
    again = api.patch("sobjects/Lead/Ext__c/old", {"LastName": "Doe", "Company": "Acme"})
    assert (again.status, len(api.org.records("Lead"))) == (201, 2)


def test_a_link_to_a_deleted_record_is_refused() -> None:
    """The parent is in the recycle bin."""
    api = connect()
    account = api.org.add("Account", {"Name": "Acme"})
    api.org.delete(account)
    answer = api.post("sobjects/Contact", {"LastName": "Doe", "AccountId": account})
    assert (answer.status, answer.codes) == (400, ["ENTITY_IS_DELETED"])


def test_an_upsert_of_an_old_version_answers_without_created() -> None:
    """Up to API 45: 201 without the flag, then 204."""
    api = connect(custom_fields=FIELDS)
    path = "/services/data/v45.0/sobjects/Lead/Ext__c/1"
    first = api.patch(path, {"LastName": "Doe", "Company": "Acme"})
    assert isinstance(first.body, dict)
    assert (first.status, sorted(first.body)) == (201, ["errors", "id", "success"])
    assert api.patch(path, {"FirstName": "x"}).status == 204


def test_an_upsert_refuses_what_it_cannot_do() -> None:
    """Field in the body, no such field, not an external id, updateOnly, several matches."""
    api = connect(custom_fields=FIELDS)
    person = {"LastName": "Doe", "Company": "Acme"}
    repeated = api.patch("sobjects/Lead/Ext__c/1", {**person, "ext__c": "1"})
    assert (repeated.status, repeated.codes) == (400, ["INVALID_FIELD"])
    for name in ("Nope__c", "City"):
        answer = api.patch(f"sobjects/Lead/{name}/1", person)
        assert (answer.status, answer.codes) == (404, ["NOT_FOUND"])
    only = api.patch("sobjects/Lead/Ext__c/1?updateOnly=true", person)
    assert (only.status, only.codes) == (404, ["NOT_FOUND"])
    ids = [api.lead(Team__c="blue") for _ in range(2)]
    several = api.patch("sobjects/Lead/Team__c/blue", {"FirstName": "x"})
    urls = [f"{ROOT}/sobjects/Lead/{each}" for each in ids]
    assert (several.status, several.body) == (300, urls)
    assert all(row.get("FirstName") is None for row in api.org.records("Lead"))


def test_an_upsert_by_email_uses_the_standard_id_lookup() -> None:
    """Lead.Email is one; case does not matter."""
    api = connect()
    made = api.lead(Email="Jane@Example.com")
    answer = api.patch("sobjects/Lead/Email/jane@example.com", {"City": "Rome"})
    assert isinstance(answer.body, dict)
    assert (answer.status, answer.body["id"]) == (200, made)


def test_an_upsert_by_email_creates_refuses_several_and_leaves_converted_leads_alone() -> None:
    """Alone and as a row; only what describe calls idLookup finds a record."""
    api = connect()
    person = {"LastName": "Doe", "Company": "Acme"}
    made = api.patch("sobjects/Lead/Email/new@example.com", person)
    assert (made.status, api.org.records("Lead")[0].get("Email")) == (201, "new@example.com")
    twice = [api.lead(Email="twice@example.com") for _ in range(2)]
    several = api.patch("sobjects/Lead/Email/twice@example.com", person)
    assert (several.status, several.body) == (300, [f"{ROOT}/sobjects/Lead/{n}" for n in twice])
    api.org.convert_lead(api.lead(Email="was@example.com"))
    converted = api.patch("sobjects/Lead/Email/was@example.com", person)
    assert converted.codes == ["CANNOT_UPDATE_CONVERTED_LEAD"]
    emails = ("twice@example.com", "was@example.com", "other@example.com")
    rows = [{"attributes": {"type": "Lead"}, "Email": email, **person} for email in emails]
    answer = api.patch("composite/sobjects/Lead/Email", {"records": rows})
    assert isinstance(answer.body, list)
    codes = [[error["statusCode"] for error in row["errors"]] for row in answer.body]
    assert codes == [["DUPLICATE_EXTERNAL_ID"], ["CANNOT_UPDATE_CONVERTED_LEAD"], []]
    assert answer.body[2]["created"] is True
    assert api.patch("composite/sobjects/Lead/City", {"records": rows}).codes == ["NOT_FOUND"]


def test_a_unique_value_is_taken_once() -> None:
    """The refusal names the record that has it; the owner may write it again."""
    api = connect(custom_fields=FIELDS)
    made = api.lead(Ext__c="x")
    answer = api.post("sobjects/Lead", {"LastName": "x", "Company": "y", "Ext__c": "X"})
    message = f"duplicate value found: Ext__c duplicates value on record with id: {made}"
    assert answer.status == 400
    assert answer.body == [{"message": message, "errorCode": "DUPLICATE_VALUE", "fields": []}]
    assert api.patch(f"sobjects/Lead/{made}", {"Ext__c": "x"}).status == 204


def test_a_duplicate_rule_refuses_and_an_alert_can_be_passed() -> None:
    """The answer holds the match; only `allowSave=true` and only an alert goes through."""
    rules = [DuplicateRule("Lead", ("Email",), "alert", "Leads")]
    api = connect(duplicate_rules=rules)
    made = api.lead(Email="a@example.com")
    person = {"LastName": "x", "Company": "y", "Email": "A@example.com"}
    refused = api.post("sobjects/Lead", person)
    assert isinstance(refused.body, list)
    result = refused.body[0]["duplicateResult"]
    record = result["matchResults"][0]["matchRecords"][0]["record"]
    assert (refused.status, refused.codes) == (400, ["DUPLICATES_DETECTED"])
    assert (result["allowSave"], record["Id"]) == (True, made)
    header = {"Sforce-Duplicate-Rule-Header": "allowSave=true"}
    assert api.send("POST", "sobjects/Lead", person, headers=header).status == 201
    block = connect(duplicate_rules=[DuplicateRule("Lead", ("Email",))])
    block.lead(Email="a@example.com")
    assert block.send("POST", "sobjects/Lead", person, headers=header).status == 400


def test_a_scripted_duplicate_refusal_names_the_records_it_was_given() -> None:
    """As a rule's own does: in the answer to a single row; a collection has the code alone."""
    api = connect()
    made = api.lead()
    api.org.script(Fault("duplicate_rule", count=2, options={"matches": [made]}))
    person = {"LastName": "x", "Company": "y"}
    refused = api.post("sobjects/Lead", person)
    assert isinstance(refused.body, list)
    result = refused.body[0]["duplicateResult"]
    assert (refused.status, refused.codes) == (400, ["DUPLICATES_DETECTED"])
    assert (result["allowSave"], result["duplicateRuleEntityType"]) == (False, "Lead")
    (match,) = result["matchResults"]
    url = f"{ROOT}/sobjects/Lead/{made}"
    (record,) = [found["record"] for found in match["matchRecords"]]
    assert (match["size"], record) == (1, {"attributes": {"type": "Lead", "url": url}, "Id": made})
    in_row = api.post("composite/sobjects", {"records": [{"attributes": {"type": "Lead"}}]})
    error = {"statusCode": "DUPLICATES_DETECTED", "message": USE_ONE, "fields": []}
    assert in_row.body == [{"success": False, "errors": [error]}]
    assert api.post("sobjects/Lead", person).status == 201
    assert api.org.row_faults.struck == {"duplicate_rule": 2}


def test_a_parent_can_be_named_by_its_external_id() -> None:
    """Through the relationship's name; an unknown parent is refused."""
    api = connect(custom_fields={"Account": ["Acc__c:string(20):externalId,unique"]})
    api.post("sobjects/Account", {"Name": "Acme", "Acc__c": "A1"})
    made = api.post("sobjects/Contact", {"LastName": "Doe", "Account": {"Acc__c": "A1"}})
    assert made.status == 201
    lost = api.post("sobjects/Contact", {"LastName": "Doe", "Account": {"Acc__c": "A2"}})
    assert lost.codes == ["INVALID_FIELD"]
    query = api.query("SELECT Account.Name, Account.Acc__c FROM Contact").body
    assert isinstance(query, dict)
    assert query["records"][0]["Account"]["Name"] == "Acme"
