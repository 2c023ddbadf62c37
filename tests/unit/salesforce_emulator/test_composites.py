"""Composites, batches, trees and graphs."""

import pytest

from destinations.salesforce.emulator import DuplicateRule
from destinations.salesforce.emulator.context import Context
from tests.unit.salesforce_emulator.api import ROOT, Api, connect
from tests.unit.salesforce_emulator.rows import FIELDS, UPSERT, new_row


def _sub(
    reference: str, method: str, path: str, body: object = None, **more: object
) -> dict[str, object]:
    sub = {"method": method, "url": f"{ROOT}/{path}", "referenceId": reference, **more}
    return sub if body is None else {**sub, "body": body}


def _composite(api: Api, *subs: dict[str, object], **body: object) -> list[dict[str, object]]:
    answer = api.post("composite", {"compositeRequest": list(subs), **body})
    assert answer.status == 200, answer.body
    assert isinstance(answer.body, dict)
    response = answer.body["compositeResponse"]
    assert isinstance(response, list)
    return response


def test_a_composite_passes_answers_on() -> None:
    """By `@{ref.id}` in bodies and `@{ref.records[0].Id}` in URLs."""
    api = connect()
    answers = _composite(
        api,
        _sub("acc", "POST", "sobjects/Account", {"Name": "Acme"}),
        _sub("con", "POST", "sobjects/Contact", {"LastName": "Doe", "AccountId": "@{acc.id}"}),
        _sub("q", "GET", "query?q=SELECT+Id+FROM+Contact"),
        _sub("up", "PATCH", "sobjects/Contact/@{q.records[0].Id}", {"FirstName": "Jane"}),
    )
    (account,), (contact,) = api.org.records("Account"), api.org.records("Contact")
    assert [(one["referenceId"], one["httpStatusCode"]) for one in answers] == [
        ("acc", 201),
        ("con", 201),
        ("q", 200),
        ("up", 204),
    ]
    assert answers[0]["httpHeaders"] == {"Location": f"{ROOT}/sobjects/Account/{account.id}"}
    assert (contact.get("AccountId"), contact.get("Name")) == (account.id, "Jane Doe")


def test_what_depends_on_a_failure_is_skipped() -> None:
    """Without allOrNone the rest goes on."""
    api = connect()
    answers = _composite(
        api,
        _sub("acc", "POST", "sobjects/Account", {}),
        _sub("con", "POST", "sobjects/Contact", {"LastName": "Doe", "AccountId": "@{acc.id}"}),
        _sub("lead", "POST", "sobjects/Lead", {"LastName": "Doe", "Company": "Acme"}),
    )
    assert [one["httpStatusCode"] for one in answers] == [400, 400, 201]
    assert answers[1]["body"] == [
        {
            "message": "Invalid reference specified. No value for acc.id found",
            "errorCode": "PROCESSING_HALTED",
        }
    ]


def test_an_all_or_none_composite_takes_everything_back() -> None:
    """The culprit keeps its error, the others halt; a collection still claims success."""
    api = connect()
    answers = _composite(
        api,
        _sub("one", "POST", "sobjects/Lead", {"LastName": "Doe", "Company": "Acme"}),
        _sub("rows", "POST", "composite/sobjects", {"records": [new_row()]}),
        _sub("two", "POST", "sobjects/Lead", {"LastName": "Doe"}),
        _sub("three", "POST", "sobjects/Lead", {"LastName": "Doe", "Company": "Acme"}),
        allOrNone=True,
    )
    bodies = [one["body"] for one in answers]
    assert [one["httpStatusCode"] for one in answers] == [400, 200, 400, 400]
    assert [_code(body) for body in (bodies[0], bodies[2], bodies[3])] == [
        "PROCESSING_HALTED",
        "REQUIRED_FIELD_MISSING",
        "PROCESSING_HALTED",
    ]
    assert isinstance(bodies[1], list)
    assert bodies[1][0]["success"] is True
    assert api.org.records("Lead") == []


def _code(body: object) -> object:
    assert isinstance(body, list)
    return body[0]["errorCode"]


def _many(count: int, path: str) -> list[dict[str, object]]:
    return [_sub(f"r{n}", "GET", path) for n in range(count)]


@pytest.mark.parametrize(
    ("subs", "code"),
    [
        ([], "INVALID_INPUT"),
        (_many(26, "limits"), "LIMIT_EXCEEDED"),
        (_many(6, "query?q=SELECT+Id+FROM+Lead"), "LIMIT_EXCEEDED"),
        (_many(6, "composite/sobjects/Lead?ids=x&fields=Id"), "LIMIT_EXCEEDED"),
        ([_sub("a", "GET", "limits"), _sub("a", "GET", "limits")], "INVALID_INPUT"),
        ([_sub("a-b", "GET", "limits")], "INVALID_INPUT"),
        ([_sub("", "GET", "limits")], "INVALID_INPUT"),
        ([_sub("a", "get", "limits")], "JSON_PARSER_ERROR"),
        ([{"method": "GET", "url": "/limits", "referenceId": "a"}], "JSON_PARSER_ERROR"),
        ([_sub("a", "GET", "limits", httpHeaders={"Accept": "x"})], "INVALID_INPUT"),
    ],
)
def test_a_malformed_composite_is_refused_whole(subs: list[dict[str, object]], code: str) -> None:
    """Empty, too many, too many queries or collections, bad references, methods, URLs, headers."""
    answer = connect().post("composite", {"compositeRequest": subs})
    assert (answer.status, answer.codes) == (400, [code])


def test_a_part_has_the_headers_that_it_names_and_no_other() -> None:
    """Those of the request are not for its parts; nor are one part's for the next."""
    api = connect(duplicate_rules=[DuplicateRule("Lead", ("Email",), "alert")])
    api.lead(Email="a@example.com")
    allowed = {"Sforce-Duplicate-Rule-Header": "allowSave=true"}
    person = {"LastName": "x", "Company": "y", "Email": "a@example.com"}
    subs = [
        _sub("one", "POST", "sobjects/Lead", person),
        _sub("two", "POST", "sobjects/Lead", person, httpHeaders=allowed),
        _sub("three", "POST", "sobjects/Lead", person),
    ]
    answer = api.send("POST", "composite", {"compositeRequest": subs}, headers=allowed)
    assert isinstance(answer.body, dict)
    statuses = [part["httpStatusCode"] for part in answer.body["compositeResponse"]]
    assert statuses == [400, 201, 400]
    assert api.send("POST", "sobjects/Lead", person, headers=allowed).status == 201


@pytest.mark.parametrize(("version", "counts"), [("v51.0", False), ("v52.0", True)])
def test_the_header_of_duplicate_rules_counts_from_version_52_on(
    version: str, *, counts: bool
) -> None:
    """In any spelling; before, it is not known."""
    context = Context(1, 0.0, version, "005000000000001AAA")
    context.follow({"sforce-duplicate-rule-header": " AllowSave = true; includeRecordDetails=TRUE"})
    assert (context.allow_save, context.include_details) == (counts, counts)


def test_five_collections_of_200_are_one_call() -> None:
    """The floor of what a thousand records cost."""
    api = connect(custom_fields=FIELDS)
    subs = [
        _sub(
            f"c{n}", "PATCH", UPSERT, {"records": [new_row(Ext__c=f"{n}-{m}") for m in range(200)]}
        )
        for n in range(5)
    ]
    answers = _composite(api, *subs)
    assert [one["httpStatusCode"] for one in answers] == [200] * 5
    assert len(api.org.records("Lead")) == 1_000
    assert api.org.api_calls == 1


def test_a_batch_commits_each_request_and_can_halt() -> None:
    """One result per request; after a failure the rest may be left out."""
    api = connect()
    batch = [
        {"method": "POST", "url": "v66.0/sobjects/Account", "richInput": {"Name": "A"}},
        {"method": "PATCH", "url": "v66.0/sobjects/Lead/00QDn0000000099MAA", "richInput": {}},
        {"method": "POST", "url": "v66.0/sobjects/Account", "richInput": {"Name": "B"}},
    ]
    answer = api.post("composite/batch", {"batchRequests": batch, "haltOnError": True}).body
    assert isinstance(answer, dict)
    assert [one["statusCode"] for one in answer["results"]] == [201, 404, 412]
    assert answer["hasErrors"] is True
    assert [row.get("Name") for row in api.org.records("Account")] == ["A"]
    newer = [{"method": "GET", "url": "v67.0/limits"}]
    assert api.post("composite/batch", {"batchRequests": newer}).codes == ["INVALID_INPUT"]


def test_a_tree_is_created_whole_or_not_at_all() -> None:
    """Children get their parent; one bad child takes all back."""
    api = connect()
    children = [
        {"attributes": {"type": "Contact", "referenceId": "c1"}, "LastName": "Doe"},
        {"attributes": {"type": "Contact", "referenceId": "c2"}, "LastName": "x", "Email": "no"},
    ]
    tree = {
        "attributes": {"type": "Account", "referenceId": "a"},
        "Name": "Acme",
        "Contacts": {"records": children},
    }
    bad = api.post("composite/tree/Account", {"records": [tree]})
    assert (bad.status, api.org.records("Account"), api.org.records("Contact")) == (400, [], [])
    assert isinstance(bad.body, dict)
    assert [one["referenceId"] for one in bad.body["results"]] == ["c2"]
    children[1]["Email"] = "a@example.com"
    good = api.post("composite/tree/Account", {"records": [tree]})
    assert (good.status, len(api.org.records("Contact"))) == (201, 2)
    (account,) = api.org.records("Account")
    assert {row.get("AccountId") for row in api.org.records("Contact")} == {account.id}


def test_each_graph_stands_alone() -> None:
    """A failed graph is taken back, the next one is not."""
    api = connect()
    account = _sub("a", "POST", "sobjects/Account", {"Name": "Acme"})
    bad = _sub("b", "POST", "sobjects/Contact", {"AccountId": "@{a.id}"})
    good = _sub("b", "POST", "sobjects/Contact", {"LastName": "Doe", "AccountId": "@{a.id}"})
    graphs = [
        {"graphId": "g1", "compositeRequest": [account, bad]},
        {"graphId": "g2", "compositeRequest": [account, good]},
    ]
    answer = api.post("composite/graph", {"graphs": graphs}).body
    assert isinstance(answer, dict)
    assert [one["isSuccessful"] for one in answer["graphs"]] == [False, True]
    assert (len(api.org.records("Account")), len(api.org.records("Contact"))) == (1, 1)
