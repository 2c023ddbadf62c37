"""SOQL: what a statement finds, and what Salesforce says about a wrong one."""

import pytest

from tests.unit.salesforce_emulator.api import ROOT, Api, connect

FIELDS = {
    "Lead": [
        "Score__c:double(6,2)",
        "Vip__c:boolean",
        "Since__c:date",
        "Code__c:string(9):externalId,unique,caseSensitive",
    ]
}

ORDERED = "SELECT LastName FROM Lead ORDER BY {}"
SORTED = "SELECT LastName FROM Lead WHERE {} ORDER BY LastName"


@pytest.fixture
def api() -> Api:
    """Four leads, one of them deleted."""
    made = connect(custom_fields=FIELDS)
    made.lead(LastName="Ann", Email="ann@example.com", Score__c=1, Since__c="2026-09-01")
    made.clock.pass_seconds(60)
    made.lead(LastName="Bob", Email="bob@example.com", Score__c=2, Vip__c=True, City="O'Hare")
    made.lead(LastName="Cy", City="50%_\\")
    made.org.delete(made.lead(LastName="Del"))
    return made


@pytest.mark.parametrize(
    ("where", "names"),
    [
        ("Email = 'ANN@example.com'", ["Ann"]),
        ("Email != 'ann@example.com'", ["Bob", "Cy"]),
        ("Email IN ('ann@example.com', 'BOB@EXAMPLE.COM', 'x')", ["Ann", "Bob"]),
        ("Email NOT IN ('ann@example.com')", ["Bob", "Cy"]),
        ("email = null", ["Cy"]),
        ("Email != NULL", ["Ann", "Bob"]),
        ("Email LIKE '%@EXAMPLE.com' AND LastName LIKE 'A_n'", ["Ann"]),
        (r"City LIKE '50\%\_\\'", ["Cy"]),
        (r"City LIKE '5\%%'", []),
        (r"City = 'O\'Hare'", ["Bob"]),
        (r"City = '\u004f\'Hare'", ["Bob"]),
        ("City = 'O\\'Hare' OR City = 'x'", ["Bob"]),
        ("Email = 'ann@example.com' OR LastName = 'Cy'", ["Ann", "Cy"]),
        ("Score__c > 1", ["Bob"]),
        ("Score__c >= 1.0", ["Ann", "Bob"]),
        ("Vip__c = TRUE", ["Bob"]),
        ("Vip__c = false", ["Ann", "Cy"]),
        ("Since__c = 2026-09-01", ["Ann"]),
        ("Since__c < 2026-09-01", []),
        ("CreatedDate >= 2026-09-21T14:14:20Z", ["Bob", "Cy"]),
        ("CreatedDate < 2026-09-21T16:14:20+02:00", ["Ann"]),
        ("CreatedDate = TODAY", ["Ann", "Bob", "Cy"]),
        ("CreatedDate < TODAY", []),
        ("Since__c = LAST_N_DAYS:30", ["Ann"]),
        ("Since__c = THIS_MONTH", ["Ann"]),
        ("Since__c = LAST_MONTH", []),
        ("NOT (LastName = 'Ann' OR LastName = 'Bob')", ["Cy"]),
        ("(LastName = 'Ann' OR LastName = 'Bob') AND Score__c = 2", ["Bob"]),
        ("Owner.Name = 'INTEGRATION' AND Lead.LastName = 'Cy'", ["Cy"]),
    ],
)
def test_a_where_finds_what_it_says(api: Api, where: str, names: list[str]) -> None:
    """Text compares without case, null is a value, dates and literals are ranges."""
    assert api.found(SORTED.format(where)) == names


@pytest.mark.parametrize(
    ("query", "code", "text"),
    [
        ("SELECT Id FORM Lead", "MALFORMED_QUERY", "unexpected token: 'FORM'"),
        ("SELECT Id FROM Lead WHERE", "MALFORMED_QUERY", "unexpected end of query"),
        ("SELECT Id FROM Lead ALL ROWS", "MALFORMED_QUERY", "unexpected token: 'ROWS'"),
        ('SELECT Id FROM Lead WHERE City = "x"', "MALFORMED_QUERY", "unexpected token: '\"'"),
        (r"SELECT Id FROM Lead WHERE City = 'a\x'", "MALFORMED_QUERY", r"escape: '\x'"),
        (r"SELECT Id FROM Lead WHERE City = 'a\%'", "MALFORMED_QUERY", r"escape: '\%'"),
        ("SELECT Id FROM Lead WHERE City = 'a\nb'", "MALFORMED_QUERY", "line breaks"),
        (
            SORTED.format("City = '" + "x" * 4_001 + "'"),
            "MALFORMED_QUERY",
            "exceeds 4000 characters",
        ),
        (
            "SELECT Id FROM Lead WHERE City = 'a' AND City = 'b' OR City = 'c'",
            "MALFORMED_QUERY",
            "unexpected token: 'OR'",
        ),
        (
            "SELECT Id FROM Lead WHERE City = 'a' AND Nope = 'b'",
            "INVALID_FIELD",
            "No such column 'Nope' on entity 'Lead'",
        ),
        (
            "SELECT Id FROM Lead WHERE Boss.Name = 'b'",
            "INVALID_FIELD",
            "Didn't understand relationship 'Boss'",
        ),
        ("SELECT Id FROM Nope", "INVALID_TYPE", "sObject type 'Nope' is not supported"),
        (
            "SELECT Id FROM Lead WHERE Description = 'x'",
            "INVALID_FIELD",
            "can not be filtered in a query call",
        ),
        (
            "SELECT Id FROM Lead WHERE City = 5",
            "INVALID_FIELD",
            "must be of type string and should be enclosed in quotes",
        ),
        (
            "SELECT Id FROM Lead WHERE Score__c = '5'",
            "INVALID_FIELD",
            "must be of type double and should not be enclosed in quotes",
        ),
        (
            "SELECT Id FROM Lead WHERE CreatedDate = '2026-01-01'",
            "INVALID_FIELD",
            "must be of type dateTime and should not be enclosed in quotes",
        ),
        (
            "SELECT Id FROM Lead WHERE Id = 'nonsense'",
            "INVALID_QUERY_FILTER_OPERATOR",
            "invalid ID field: nonsense",
        ),
        (
            "SELECT Id FROM Lead WHERE Id LIKE '00Q%'",
            "INVALID_QUERY_FILTER_OPERATOR",
            "invalid operator on id field",
        ),
        (
            "SELECT Id FROM Lead WHERE Vip__c > TRUE",
            "INVALID_QUERY_FILTER_OPERATOR",
            "invalid operator on boolean field",
        ),
        ("SELECT Id, id FROM Lead", "INVALID_FIELD", "duplicate field selected: Id"),
        ("SELECT Id FROM Lead OFFSET 2001", "NUMBER_OUTSIDE_VALID_RANGE", "2000"),
        ("SELECT FIELDS(ALL) FROM Lead", "MALFORMED_QUERY", "must have a LIMIT"),
        ("SELECT Id FROM Lead LIMIT x", "MALFORMED_QUERY", "unexpected token: 'x'"),
        ("SELECT Id, (SELECT Id FROM Tasks) FROM Lead", "MALFORMED_QUERY", "unexpected token"),
        ("SELECT LastName, COUNT(Id) FROM Lead", "MALFORMED_QUERY", "must be grouped"),
    ],
)
def test_a_wrong_statement_is_refused(api: Api, query: str, code: str, text: str) -> None:
    """400 with the code, and a message that says what and where."""
    answer = api.query(query)
    assert (answer.status, answer.codes) == (400, [code])
    assert isinstance(answer.body, list)
    assert text in answer.body[0]["message"]


def test_a_refusal_shows_the_place(api: Api) -> None:
    """The line, a caret, the row and the column."""
    answer = api.query("SELECT Id\nFORM Lead")
    assert answer.body == [
        {
            "message": "\nFORM Lead\n^\nERROR at Row:2:Column:1\nunexpected token: 'FORM'",
            "errorCode": "MALFORMED_QUERY",
        }
    ]


def test_an_injected_quote_stays_inside_its_literal(api: Api) -> None:
    """A client that does not escape gets an error, never other people's records."""
    assert api.query("SELECT Id FROM Lead WHERE Email = 'x' OR Name LIKE '%'' ").status == 400
    assert api.found(r"SELECT LastName FROM Lead WHERE City = 'x\' OR Name LIKE \'%'") == []


@pytest.mark.parametrize(
    ("order", "names"),
    [
        ("Email", ["Cy", "Ann", "Bob"]),
        ("Email DESC NULLS LAST", ["Bob", "Ann", "Cy"]),
        ("Email NULLS LAST LIMIT 2", ["Ann", "Bob"]),
        ("LastName LIMIT 1 OFFSET 1", ["Bob"]),
        ("Vip__c DESC, LastName DESC", ["Bob", "Cy", "Ann"]),
        ("Score__c DESC NULLS LAST", ["Bob", "Ann", "Cy"]),
    ],
)
def test_an_order_is_kept(api: Api, order: str, names: list[str]) -> None:
    """Nulls come first unless they are sent last."""
    assert api.found(ORDERED.format(order)) == names


def test_records_come_nested_and_in_canonical_names(api: Api) -> None:
    """Parents carry their own attributes; an address is put together."""
    answer = api.query("select lastname, owner.name, Address from lead where City = 'O\\'Hare'")
    (row,) = (row for row in api.org.records("Lead") if row.get("LastName") == "Bob")
    (user,) = api.org.records("User")
    assert answer.body == {
        "totalSize": 1,
        "done": True,
        "records": [
            {
                "attributes": {"type": "Lead", "url": f"{ROOT}/sobjects/Lead/{row.id}"},
                "LastName": "Bob",
                "Owner": {
                    "attributes": {"type": "User", "url": f"{ROOT}/sobjects/User/{user.id}"},
                    "Name": "integration",
                },
                "Address": {
                    "city": "O'Hare",
                    "country": None,
                    "geocodeAccuracy": None,
                    "latitude": None,
                    "longitude": None,
                    "postalCode": None,
                    "state": None,
                    "street": None,
                },
            }
        ],
    }


def test_counts_and_aggregates(api: Api) -> None:
    """COUNT() is the total; other aggregates are records of their own."""
    assert api.query("SELECT COUNT() FROM Lead").body == {
        "totalSize": 3,
        "done": True,
        "records": [],
    }
    assert api.query("SELECT COUNT(Email) n, MAX(Score__c), SUM(Score__c) FROM Lead").body == {
        "totalSize": 1,
        "done": True,
        "records": [
            {"attributes": {"type": "AggregateResult"}, "n": 2, "expr0": 2.0, "expr1": 3.0}
        ],
    }
    grouped = api.query("SELECT Vip__c, COUNT(Id) n FROM Lead GROUP BY Vip__c").body
    assert isinstance(grouped, dict)
    assert [(one["Vip__c"], one["n"]) for one in grouped["records"]] == [(False, 2), (True, 1)]


def test_a_case_sensitive_field_compares_with_case(api: Api) -> None:
    """`ab` and `AB` are two codes."""
    api.lead(LastName="Low", Code__c="ab")
    api.lead(LastName="Up", Code__c="AB")
    assert api.found("SELECT LastName FROM Lead WHERE Code__c = 'AB'") == ["Up"]


def test_an_index_follows_every_write(api: Api) -> None:
    """Found by the new value, not by the old, not when taken back."""
    soql = "SELECT LastName FROM Lead WHERE Email = '{}'"
    assert api.found(soql.format("ann@example.com")) == ["Ann"]
    (row, *_) = api.org.records("Lead")
    api.patch(f"sobjects/Lead/{row.id}", {"Email": "new@example.com"})
    assert api.found(soql.format("ann@example.com")) == []
    assert api.found(soql.format("new@example.com")) == ["Ann"]
    body = {
        "allOrNone": True,
        "records": [
            {"attributes": {"type": "Lead"}, "id": row.id, "Email": "third@example.com"},
            {"attributes": {"type": "Lead"}, "id": row.id[:15] + "xxx", "Email": "x@example.com"},
        ],
    }
    api.patch("composite/sobjects", body)
    assert api.found(soql.format("third@example.com")) == []
    assert api.found(soql.format("new@example.com")) == ["Ann"]
    assert [write.action for write in row.history] == ["create", "update"]


def test_a_long_result_is_read_by_locator() -> None:
    """Pages of the org's size or of `Sforce-Query-Options`; a foreign locator is refused."""
    api = connect(page_records=500)
    for number in range(1_100):
        api.org.add("Lead", {"LastName": f"{number:04}", "Company": "x"})
    first = api.query("SELECT LastName FROM Lead ORDER BY LastName").body
    assert isinstance(first, dict)
    pages = [first]
    while not pages[-1]["done"]:
        following = api.get(pages[-1]["nextRecordsUrl"]).body
        assert isinstance(following, dict)
        pages.append(following)
    assert [len(page["records"]) for page in pages] == [500, 500, 100]
    assert {page["totalSize"] for page in pages} == {1_100}
    names = [record["LastName"] for page in pages for record in page["records"]]
    assert names == [f"{number:04}" for number in range(1_100)]
    assert pages[0]["nextRecordsUrl"].endswith("-500")
    assert "nextRecordsUrl" not in pages[-1]
    small = api.send(
        "GET",
        "query?q=SELECT+Id+FROM+Lead",
        headers={"Sforce-Query-Options": "batchSize=1"},
    ).body
    assert isinstance(small, dict)
    assert len(small["records"]) == 200
    assert api.get("query/01gDn0000000009IAA-500").codes == ["INVALID_QUERY_LOCATOR"]
    api.clock.pass_seconds(3 * 24 * 3_600)
    api.log_in()
    assert api.get(pages[0]["nextRecordsUrl"]).codes == ["INVALID_QUERY_LOCATOR"]


def test_search_finds_a_new_record_only_when_the_index_has_caught_up() -> None:
    """Which is why nothing may be looked up by search."""
    api = connect(search_lag_seconds=30)
    made = api.lead(Email="ann@example.com")
    body = {"q": "ann@", "fields": ["Email"], "sobjects": [{"name": "Lead"}]}
    assert api.post("parameterizedSearch", body).body == {"searchRecords": []}
    api.clock.pass_seconds(31)
    assert api.post("parameterizedSearch", body).body == {
        "searchRecords": [
            {
                "attributes": {"type": "Lead", "url": f"{ROOT}/sobjects/Lead/{made}"},
                "Id": made,
                "Email": "ann@example.com",
            }
        ]
    }


def test_changes_are_listed_by_time() -> None:
    """Updated and deleted ids within a span."""
    api = connect()
    kept, gone = api.lead(), api.lead()
    api.clock.pass_seconds(120)
    api.org.delete(gone)
    span = "start=2026-09-21T14%3A00%3A00Z&end=2026-09-21T15%3A00%3A00Z"
    updated = api.get(f"sobjects/Lead/updated/?{span}").body
    deleted = api.get(f"sobjects/Lead/deleted/?{span}").body
    assert updated == {"ids": [kept], "latestDateCovered": "2026-09-21T15:00:00.000+0000"}
    assert isinstance(deleted, dict)
    assert [one["id"] for one in deleted["deletedRecords"]] == [gone]
