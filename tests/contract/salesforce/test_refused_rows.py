"""Rows that Salesforce refuses: one by one, or the whole collection for the sake of one."""

import pytest

from tests.contract.salesforce.org import (
    by_id,
    connected,
    contact,
    identify,
    new,
    only_lead,
    record_of,
    summary,
)
from transformer.outcome import Delivered, Rejected
from transformer.upsert import Match, Note, Operation, Upsert

BOTH_WAYS = pytest.mark.parametrize("whole", [False, True], ids=["by row", "all for one"])


@BOTH_WAYS
async def test_each_row_has_its_own_error_and_the_others_go_through(*, whole: bool) -> None:
    """Code and message as Salesforce said them (row C7)."""
    async with connected(parse_errors_refuse_all=whole) as to:
        outcomes = await to.write(
            identify("a@x.io", Title="x" * 200),
            identify("b@x.io"),
            identify("not an email"),
            identify("c@x.io", Nope__c=1),
            identify("d@x.io", IsConverted="maybe"),
        )
        assert [summary(outcome) for outcome in outcomes] == [
            "value_too_long",
            "created",
            "invalid_value",
            "unknown_field",
            "invalid_value",
        ]
        assert isinstance(outcomes[0], Rejected)
        assert outcomes[0].vendor["errorCode"] == "STRING_TOO_LONG"
        assert to.org.api_calls <= 4


@BOTH_WAYS
async def test_one_row_that_makes_salesforce_refuse_them_all_is_found(*, whole: bool) -> None:
    """A date that is none refuses the collection; the other 299 are written all the same."""
    async with connected(parse_errors_refuse_all=whole) as to:
        batch = [identify(f"p{number}@x.io") for number in range(300)]
        batch[137] = identify("p137@x.io", Since__c="not a date")
        outcomes = await to.write(*batch)
        refused = {i: summary(o) for i, o in enumerate(outcomes) if summary(o) != "created"}
        assert refused == {137: "invalid_value"}
        assert len(to.org.records("Lead")) == 299
        assert to.org.api_calls <= 7


@BOTH_WAYS
async def test_a_few_bad_rows_among_a_thousand_cost_few_requests(*, whole: bool) -> None:
    """Unknown fields, values of the wrong type, numbers where text belongs: each its own."""
    bad: dict[int, dict[str, object]] = {
        3: {"Since__c": "soon"},
        250: {"Score__c": "many"},
        251: {"Plan__c": 7},
        600: {"Nope__c": 1},
        601: {"Nope__c": 2},
        999: {"Vip__c": "perhaps"},
    }
    async with connected(parse_errors_refuse_all=whole) as to:
        batch = [identify(f"p{n}@x.io", **bad.get(n, {})) for n in range(1000)]
        outcomes = await to.write(*batch)
        assert {i: summary(o) for i, o in enumerate(outcomes) if summary(o) != "created"} == {
            n: "unknown_field" if "Nope__c" in properties else "invalid_value"
            for n, properties in bad.items()
        }
        assert len(to.org.records("Lead")) == 994
        assert to.org.api_calls <= 7


@BOTH_WAYS
async def test_bad_rows_hold_up_updates_and_upserts_no_more_than_creates(*, whole: bool) -> None:
    """Each kind of write is a request part of its own."""
    async with connected(parse_errors_refuse_all=whole) as to:
        leads = [identify(f"p{n}@x.io") for n in range(4)]
        known = [record_of(outcome) for outcome in await to.write(*leads)]
        updates = [by_id("Lead", record_id, Title="T") for record_id in known]
        updates[2] = by_id("Lead", known[2], Since__c="soon")
        upserts = [contact(f"e{n}", Plan__c="x") for n in range(4)]
        upserts[1] = contact("e1", Nope__c="x")
        before = to.org.api_calls
        outcomes = await to.write(*updates, *upserts)
        assert [summary(outcome) for outcome in outcomes] == [
            "updated", "updated", "invalid_value", "updated",
            "created", "unknown_field", "created", "created",
        ]  # fmt: skip
        assert to.org.api_calls - before <= 3


@BOTH_WAYS
async def test_rows_with_an_unknown_field_do_not_hold_the_others_up(*, whole: bool) -> None:
    """When the whole collection is refused, the rows that have the field are the culprits."""
    async with connected(parse_errors_refuse_all=whole) as to:
        batch = [identify(f"p{number}@x.io") for number in range(50)]
        batch[3:6] = [identify(f"p{number}@x.io", Nope__c=1) for number in (3, 4, 5)]
        outcomes = await to.write(*batch)
        refused = [i for i, o in enumerate(outcomes) if summary(o) == "unknown_field"]
        assert (refused, len(to.org.records("Lead"))) == ([3, 4, 5], 47)
        assert to.org.api_calls <= 3


@BOTH_WAYS
async def test_unknown_fields_are_dropped_and_noted_where_configured(*, whole: bool) -> None:
    """And left out at once the next time."""
    async with connected({"unknown_fields": "drop"}, parse_errors_refuse_all=whole) as to:
        outcome = (await to.write(identify(Nope__c=1, Title="T")))[0]
        assert isinstance(outcome, Delivered)
        assert (outcome.operation, outcome.notes) == (
            "created",
            (Note("unknown_field", "Nope__c"),),
        )
        assert only_lead(to)["Title"] == "T"
        before = to.org.api_calls
        again = (await to.write(identify("b@x.io", Nope__c=1, Title="T")))[0]
        assert isinstance(again, Delivered)
        assert again.notes == (Note("unknown_field", "Nope__c"),)
        assert to.org.api_calls - before == 2


@BOTH_WAYS
async def test_an_object_that_is_not_there_is_its_own_problem(*, whole: bool) -> None:
    """The rest of the request goes through."""
    async with connected(parse_errors_refuse_all=whole) as to:
        outcomes = await to.write(new("Nope__c", Name="x"), new("Visit__c", Page__c="/"))
        assert [summary(outcome) for outcome in outcomes] == ["unknown_object", "created"]


async def test_names_from_an_event_never_reach_a_path() -> None:
    """`../` in an object's name is rejected before anything is sent (row S5)."""
    async with connected() as to:
        outcomes = await to.write(
            new("../../oauth2/token", A=1),
            by_id("Lead", "../Lead/describe", A=1),
            Upsert("Lead", Operation.UPSERT, {"A": 1}, (Match("Ext__c/../Id", "x"),)),
        )
        assert [summary(outcome) for outcome in outcomes] == [
            "invalid_object_name",
            "invalid_record_id",
            "invalid_field_name",
        ]
        assert to.org.request_count == 0
