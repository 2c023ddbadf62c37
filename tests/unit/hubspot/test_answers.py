"""Batch answers are read row by row, whatever HubSpot leaves out of them."""

from collections.abc import Sequence
from typing import Literal

import pytest

from destinations.hubspot.answers import Judged, judge_batch, named
from destinations.hubspot.client import Reply
from destinations.hubspot.plan import Write
from transformer.outcome import Delivered, Outcome, Reason, Redirect, Rejected, Retry
from transformer.upsert import Operation, Upsert

Json = dict[str, object]


def row(
    index: int,
    kind: Literal["create", "update", "upsert"] = "create",
    record: str = "",
    id_property: str = "",
    **properties: object,
) -> Write:
    """One row of a batch."""
    upsert = Upsert("contacts", Operation.UPSERT, properties)
    return Write(index, kind, upsert, properties, record=record, id_property=id_property)


def result(record_id: object, **properties: object) -> Json:
    """One result, as HubSpot's guide shows them: without a trace id."""
    return {"id": record_id, "properties": properties, "archived": False}


def error(category: str = "VALIDATION_ERROR", /, **context: object) -> Json:
    """One error of a 207."""
    return {"status": "error", "category": category, "message": "m", "context": context}


def judged(writes: Sequence[Write], results: Sequence[Json], *errors: Json) -> Judged:
    """What a 207 with these is read as."""
    return judge_batch(writes, Reply(207, {"results": results, "errors": list(errors)}))


def told(outcome: Outcome) -> tuple[str, str]:
    """An outcome in two words."""
    if isinstance(outcome, Delivered):
        return (outcome.operation, outcome.record_id)
    return (type(outcome).__name__, str(getattr(outcome, "reason", "")))


def test_creates_are_told_by_what_they_set_whatever_the_order() -> None:
    """Texts come back trimmed, addresses in lower case, with more beside them."""
    writes = [row(0, email="A@x.io", city=" B "), row(1, email="b@x.io", city="B"), row(2, city="")]
    results = [
        result("12", email="b@x.io", city="B", more="1"),
        result("13", more="1"),
        result("11", email="a@x.io", city="B", more=None),
    ]
    found = judged(writes, results)
    assert {n: told(outcome) for n, outcome in found.outcomes.items()} == {
        0: ("created", "11"), 1: ("created", "12"), 2: ("created", "13"),
    }  # fmt: skip


def test_equal_creates_take_equal_results_one_each() -> None:
    """Which is whose makes no difference."""
    found = judged([row(0, n="x"), row(1, n="x")], [result("1", n="x"), result("2", n="x")])
    assert sorted(told(each) for each in found.outcomes.values()) == [
        ("created", "1"), ("created", "2"),
    ]  # fmt: skip


def test_as_many_results_as_rows_are_left_means_that_all_were_applied() -> None:
    """HubSpot wrote the values in another way; nobody's record is guessed."""
    found = judged([row(0, n="1.0"), row(1, n="2.0")], [result("1", n="2"), result("2", n="1")])
    assert [told(each) for each in found.outcomes.values()] == [("created", ""), ("created", "")]


def test_what_fits_several_rows_is_nobody_s_and_neither_is_what_fits_none() -> None:
    """A wrong record id is worse than none."""
    rows = [row(0, a="1", b="x"), row(1, a="1", c="y")]
    found = judged(rows, [result("9", a="1"), result("8", a="1")])
    assert [told(each) for each in found.outcomes.values()] == [("created", ""), ("created", "")]
    found = judged([row(0, a="1")], [result("9", z="0"), result("8", a="1")])
    assert told(found.outcomes[0]) == ("created", "8")


def test_updates_are_not_told_by_their_values() -> None:
    """Two merged records: their old ids are right still, each other's new ones would not be."""
    rows = [row(0, "update", "7", a="1"), row(1, "update", "8", a="1")]
    found = judged(rows, [result("10", a="1"), result("11", a="1")])
    assert [told(each) for each in found.outcomes.values()] == [("updated", "7"), ("updated", "8")]


def test_the_one_result_left_is_that_of_the_one_row_left() -> None:
    """An address that is a secondary one; an id of a merged record."""
    for write in (row(0, "upsert", "old@x.io", "email"), row(0, "update", "7")):
        other = row(1, "update", "8")
        found = judged([write, other], [result("8"), result("9", email="new@x.io")])
        assert told(found.outcomes[0]) == ("updated", "9")


def test_rows_whose_records_have_been_merged_into_one_have_its_id() -> None:
    """Whichever result is whose: addresses that are secondary ones by now, old ids."""
    rows = [row(n, "upsert", f"old{n}@x.io", "email") for n in range(3)]
    found = judged(rows, [result("9", email="new@x.io")] * 3)
    assert [told(each) for each in found.outcomes.values()] == [("updated", "9")] * 3
    assert found.unnamed == []
    found = judged([row(0, "update", "7"), row(1, "update", "8")], [result("10"), result("10")])
    assert [told(each) for each in found.outcomes.values()] == [("updated", "10")] * 2


def test_rows_of_several_merged_records_are_named_by_who_has_their_values() -> None:
    """As a look tells it; nobody else's record, and none that the answer does not have."""
    rows = [row(n, "upsert", f"old{n}@x.io", "email") for n in range(4)]
    results = [{**result(str(number), email="n@x.io"), "new": number == 8} for number in (9, 8, 9)]
    results.append(result("7", email="m@x.io"))
    found = judged([*rows, row(4, "create", a="1")], [*results, result("6", b="2")])
    assert [told(each) for each in found.outcomes.values()] == [
        *[("updated", "")] * 4, ("created", ""),
    ]  # fmt: skip
    assert found.unnamed == rows
    holders = {0: "9", 1: "8", 2: "5", 4: "6"}
    assert {n: told(each) for n, each in named(found, holders).items()} == {
        0: ("updated", "9"), 1: ("created", "8"),
    }  # fmt: skip


def test_ids_may_be_numbers() -> None:
    """In results and in errors."""
    writes = [row(0, "update", "7"), row(1, "update", "8")]
    found = judged(writes, [result(7)], error("OBJECT_NOT_FOUND", ids=[8]))
    assert told(found.outcomes[0]) == ("updated", "7")
    assert told(found.outcomes[1]) == ("Rejected", Reason.RECORD_NOT_FOUND)


@pytest.mark.parametrize("context", [{}, {"ids": [""]}, {"ids": None}, {"email": ["bad"]}])
def test_rows_that_a_nameless_error_is_about_are_sent_alone(context: Json) -> None:
    """Creates only where there is an error for each, so that none of them was made."""
    updates = [row(n, "update", str(n)) for n in range(3)]
    found = judged(updates, [result("0")], error(**context))
    assert (list(found.outcomes), list(found.again)) == ([0], updates[1:])
    creates = [row(n, n=str(n)) for n in range(3)]
    found = judged(creates, [result("9", n="1")], error(**context), error(**context))
    assert (list(found.outcomes), list(found.again)) == ([1], [creates[0], creates[2]])
    found = judged(creates, [result("9", n="1")], error(**context))
    assert found.again == ()
    lost = found.outcomes[0]
    assert isinstance(lost, Retry)
    assert (lost.reason, lost.may_have_applied) == (Reason.ANSWER_LOST, True)


def test_a_row_alone_takes_the_error_whatever_it_names() -> None:
    """So sending rows alone comes to an end."""
    found = judged([row(0, n="1")], [], error())
    assert told(found.outcomes[0]) == ("Rejected", Reason.VALIDATION_RULE)


def test_a_conflict_may_name_the_record_in_its_context_only() -> None:
    """As recorded from the vendor: existingId beside the trace id."""
    conflict = error("CONFLICT", objectWriteTraceId=["row-1"], existingId=["77"])
    found = judged([row(0, n="0"), row(1, n="1")], [result("5", n="0")], conflict)
    last = found.outcomes[1]
    assert isinstance(last, Retry)
    assert last.redirect == Redirect("contacts", "77")


@pytest.mark.parametrize("body", [None, [], {}, {"results": None, "errors": None}, {"results": 1}])
def test_an_answer_without_results_is_lost(body: object) -> None:
    """Nobody can say what became of the rows."""
    found = judge_batch([row(0), row(1)], Reply(200, body))
    assert [told(each) for each in found.outcomes.values()] == [("Retry", "answer_lost")] * 2


def test_a_refused_row_is_no_row_with_a_result() -> None:
    """The error names it; the other has the result."""
    writes = [row(0, email="a@x.io"), row(1, email="b@x.io")]
    refused = error(objectWriteTraceId=["row-0"])
    found = judged(writes, [result("2", email="b@x.io")], refused)
    assert isinstance(found.outcomes[0], Rejected)
    assert told(found.outcomes[1]) == ("created", "2")
