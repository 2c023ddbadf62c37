"""Collections, and the faults that hit single rows."""

import pytest

from tests.unit.salesforce_emulator.api import ROOT, connect
from tests.unit.salesforce_emulator.rows import FIELDS, UPSERT, codes, new_row, rows_of
from transformer.emulator.faults import Fault
from transformer.emulator.server import ConnectionDropped


def test_a_collection_answers_one_result_per_row_in_order() -> None:
    """200, keys `statusCode`; a refused row leaves the others alone."""
    api = connect()
    rows = rows_of(
        api,
        "composite/sobjects",
        [new_row(), new_row(Company=None), new_row(Nope=1)],
        method="POST",
    )
    (made,) = api.org.records("Lead")
    assert rows == [
        {"id": made.id, "success": True, "errors": []},
        {
            "success": False,
            "errors": [
                {
                    "statusCode": "REQUIRED_FIELD_MISSING",
                    "message": "Required fields are missing: [Company]",
                    "fields": ["Company"],
                }
            ],
        },
        {
            "success": False,
            "errors": [
                {
                    "statusCode": "INVALID_FIELD",
                    "message": "No such column 'Nope' on sobject of type Lead",
                    "fields": [],
                }
            ],
        },
    ]


def test_a_row_that_does_not_fit_can_refuse_the_whole_collection() -> None:
    """The stricter reading, where asked for: nothing is written."""
    api = connect(parse_errors_refuse_all=True)
    body = {"records": [new_row(), new_row(Nope=1)]}
    answer = api.post("composite/sobjects", body)
    assert (answer.status, answer.codes) == (400, ["INVALID_FIELD"])
    assert api.org.records("Lead") == []


def test_all_or_none_takes_the_good_rows_back() -> None:
    """They say so; the bad one keeps its own error."""
    api = connect()
    rows = rows_of(
        api, "composite/sobjects", [new_row(), new_row(Company="")], method="POST", allOrNone=True
    )
    assert codes(rows) == ["ALL_OR_NONE_OPERATION_ROLLED_BACK", "REQUIRED_FIELD_MISSING"]
    assert api.org.records("Lead", deleted_too=True) == []


def test_a_collection_upsert_says_what_it_created() -> None:
    """Two rows of one external id are both refused."""
    api = connect(custom_fields=FIELDS)
    rows_of(api, UPSERT, [new_row(Ext__c="1")])
    rows = rows_of(api, UPSERT, [new_row(Ext__c=k) for k in ("1", "2", "x", "X")] + [new_row()])
    assert [row.get("created") for row in rows] == [False, True, None, None, None]
    assert codes(rows)[2:] == ["DUPLICATE_VALUE", "DUPLICATE_VALUE", "MISSING_ARGUMENT"]
    assert [row.get("Ext__c") for row in api.org.records("Lead")] == ["1", "2"]


def test_a_collection_upsert_refuses_an_id_and_a_shared_value() -> None:
    """An `id` in a row, and an external id two records have."""
    api = connect(custom_fields=FIELDS)
    for _ in range(2):
        api.org.add("Contact", {"LastName": "x", "Ext__c": "s"})
    rows = rows_of(
        api,
        "composite/sobjects/Contact/Ext__c",
        [
            new_row("Contact", LastName="a", Ext__c="s"),
            new_row("Contact", LastName="a", Ext__c="t", id="x"),
        ],
    )
    assert codes(rows) == ["DUPLICATE_EXTERNAL_ID", "INVALID_FIELD"]


def test_a_collection_update_goes_by_the_id_in_each_row() -> None:
    """Missing, malformed, of another object, unknown, twice."""
    api = connect()
    made, twice = api.lead(), api.lead()
    ids = [
        made,
        None,
        "001RM000003oLrB000",
        "003Dn0000000001IAA",
        "00QDn0000000099MAA",
        twice,
        twice[:15],
    ]
    rows = rows_of(api, "composite/sobjects", [new_row(id=each, City="Rome") for each in ids])
    assert codes(rows) == [
        "ok",
        "MISSING_ARGUMENT",
        "MALFORMED_ID",
        "MALFORMED_ID",
        "INVALID_CROSS_REFERENCE_KEY",
        "DUPLICATE_VALUE",
        "DUPLICATE_VALUE",
    ]
    assert rows[2]["errors"] == [
        {"statusCode": "MALFORMED_ID", "message": "malformed id 001RM000003oLrB000", "fields": []}
    ]
    assert rows[3]["errors"] == [
        {
            "statusCode": "MALFORMED_ID",
            "message": "Lead ID: id value of incorrect type: 003Dn0000000001IAA",
            "fields": ["Id"],
        }
    ]


def test_a_collection_takes_200_rows_and_ten_chunks() -> None:
    """More is refused whole; so is an object nobody knows."""
    api = connect()
    many = api.post("composite/sobjects", {"records": [new_row()] * 201})
    assert (many.status, many.codes) == (400, ["EXCEEDED_ID_LIMIT"])
    mixed = [new_row() if n % 2 else new_row("Account", Name="A") for n in range(11)]
    chunks = api.post("composite/sobjects", {"records": mixed})
    assert (chunks.status, chunks.codes) == (400, ["LIMIT_EXCEEDED"])
    unknown = api.post("composite/sobjects", {"records": [new_row("Nothing")]})
    assert (unknown.status, unknown.codes) == (400, ["INVALID_TYPE"])
    assert api.org.records("Lead") == []
    assert codes(rows_of(api, "composite/sobjects", mixed[:10], method="POST")) == ["ok"] * 10


def test_collections_are_read_and_deleted_by_id() -> None:
    """A missing one is null; deletes answer per id."""
    api = connect()
    made = api.lead()
    gone = "00QDn0000000099MAA"
    body = {"ids": [made, gone], "fields": ["LastName"]}
    url = f"{ROOT}/sobjects/Lead/{made}"
    shown = {"attributes": {"type": "Lead", "url": url}, "LastName": "Doe"}
    assert api.post("composite/sobjects/Lead", body).body == [shown, None]
    assert api.get(f"composite/sobjects/Lead?ids={made},{gone}&fields=LastName").body == [
        shown,
        None,
    ]
    answer = api.send("DELETE", f"composite/sobjects?ids={made},{gone}")
    assert isinstance(answer.body, list)
    assert codes(answer.body) == ["ok", "INVALID_CROSS_REFERENCE_KEY"]


def test_a_locked_row_is_refused_and_the_others_written() -> None:
    """By position, by value, or by chance of the seed."""
    api = connect(custom_fields=FIELDS)
    api.org.script(Fault("row_lock", count=1, options={"rows": [1]}))
    rows = [new_row(Ext__c=str(n)) for n in range(3)]
    assert codes(rows_of(api, UPSERT, rows)) == ["ok", "UNABLE_TO_LOCK_ROW", "ok"]
    assert codes(rows_of(api, UPSERT, rows)) == ["ok", "ok", "ok"]
    api.org.script(Fault("duplicate_rule", count=1, options={"where": {"LastName": "Roe"}}))
    people = [new_row(Ext__c="a", LastName="Roe"), new_row(Ext__c="b")]
    assert codes(rows_of(api, UPSERT, people)) == ["DUPLICATES_DETECTED", "ok"]
    error = {"statusCode": "FIELD_CUSTOM_VALIDATION_EXCEPTION", "message": "No Mondays"}
    api.org.script(Fault("row_error", count=1, options={"rows": [0], **error}))
    refused = rows_of(api, UPSERT, people)
    assert refused[0]["errors"] == [{**error, "fields": []}]


def test_locks_by_chance_repeat_with_the_seed() -> None:
    """Same seed, same locks."""

    def locks(seed: int) -> list[object]:
        api = connect(custom_fields=FIELDS, seed=seed)
        api.org.script(Fault("row_lock", options={"row_probability": 0.5}))
        return codes(rows_of(api, UPSERT, [new_row(Ext__c=str(n)) for n in range(50)]))

    assert locks(1) == locks(1)
    assert locks(1) != locks(2)
    assert 10 < locks(1).count("ok") < 40


def test_a_half_applied_collection_keeps_its_first_rows_and_loses_the_answer() -> None:
    """The connection drops after the third row."""
    api = connect(custom_fields=FIELDS)
    api.org.script(Fault("half_applied", count=1, options={"rows": 3}))
    rows = [new_row(Ext__c=str(n)) for n in range(10)]
    with pytest.raises(ConnectionDropped):
        api.patch(UPSERT, {"records": rows})
    assert [row.get("Ext__c") for row in api.org.records("Lead")] == ["0", "1", "2"]
    assert api.org.row_faults.struck == {"half_applied": 1}
    created = [row["created"] for row in rows_of(api, UPSERT, rows)]
    assert created == [False] * 3 + [True] * 7


def test_a_fault_that_meets_no_row_for_it_has_not_struck() -> None:
    """Its request came, but none of its rows was refused, nor the answer lost."""
    api = connect(custom_fields=FIELDS)
    api.org.script(
        Fault("row_lock", options={"rows": [7]}), Fault("half_applied", options={"rows": 7})
    )
    assert codes(rows_of(api, UPSERT, [new_row(Ext__c="1")])) == ["ok"]
    assert [fault["fired"] for fault in api.org.faults.to_json()] == [1, 1]
    assert api.org.row_faults.struck == {}
