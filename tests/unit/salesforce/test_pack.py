"""Packing: as few requests as can be, and never two writes to one record in one (invariant 4)."""

from collections.abc import Sequence

import orjson
import pytest

from destinations.salesforce.pack import (
    Collection,
    Row,
    collections,
    encode,
    one_per_record,
    requests,
)
from destinations.salesforce.plan import Write
from tests.unit.salesforce.made import LEAD, LEAD_2, by_field, create, update
from transformer.outcome import Reason, Rejected, Retry


def rows(writes: Sequence[Write]) -> list[Row]:
    """The writes, encoded."""
    encoded = [encode(write) for write in writes]
    return [row for row in encoded if isinstance(row, Row)]


def shape(writes: Sequence[Write]) -> list[list[int]]:
    """How many rows each collection of each request holds."""
    return [[len(part.rows) for part in request] for request in requests(collections(rows(writes)))]


@pytest.mark.parametrize(
    ("creates", "updates", "expected"),
    [
        (1, 0, [[1]]),
        (200, 0, [[200]]),
        (201, 0, [[200, 1]]),
        (1000, 0, [[200, 200, 200, 200, 200]]),
        (700, 300, [[200, 200, 200, 100, 200], [100]]),
        (30, 40, [[30, 40]]),
    ],
)
def test_a_thousand_rows_of_a_kind_are_one_request(
    creates: int, updates: int, expected: list[list[int]]
) -> None:
    """Five collections of 200 at most."""
    made = [create(i) for i in range(creates)]
    found = [update(i, f"00Q{i:015d}") for i in range(updates)]
    assert shape([*made, *found]) == expected


def test_objects_share_a_collection_up_to_ten_kinds() -> None:
    """Rows of one object stand together."""
    mixed = [create(i, object_type=f"Kind{i % 12:02d}__c") for i in range(24)]
    packed = collections(rows(mixed))
    assert [len(part.rows) for part in packed] == [20, 4]
    types = [row.write.object_type for row in packed[0].rows]
    assert types == sorted(types)


def test_a_collection_begun_by_the_rest_of_one_kind_holds_nine_more() -> None:
    """The kinds are counted anew."""
    mixed = [create(i, object_type="Kind00__c") for i in range(201)]
    mixed += [create(201 + i, object_type=f"Kind{i + 1:02d}__c") for i in range(10)]
    assert [len(part.rows) for part in collections(rows(mixed))] == [200, 10, 1]


def test_an_external_id_field_has_its_own_collection_and_path() -> None:
    """One object and one field each."""
    packed = collections(
        rows([by_field(0, "a"), by_field(1, "b"), by_field(2, "c", field="Other__c")])
    )
    calls = [part.call({}) for part in packed]
    assert [(call.method, call.path) for call in calls] == [
        ("PATCH", "composite/sobjects/Contact/Ext__c"),
        ("PATCH", "composite/sobjects/Contact/Other__c"),
    ]


def test_a_record_by_id_and_by_external_id_do_not_share_a_request() -> None:
    """They may be one record; other objects may ride along."""
    writes = [update(0, object_type="Contact"), by_field(1, "a"), by_field(2, "b", "Account")]
    packed = requests(collections(rows(writes)))
    kinds = [[part.rows[0].write.object_type for part in request] for request in packed]
    assert kinds == [["Contact", "Account"], ["Contact"]]


def test_text_that_a_composite_would_replace_goes_by_itself() -> None:
    """A trait holding `@{part0.id}` is a value, not a reference."""
    writes = [create(0), create(1, {"Title": "@{part0.id}"}), update(2)]
    packed = requests(collections(rows(writes)))
    alone = [request for request in packed if b"@{" in request[0].rows[0].encoded]
    assert [len(request) for request in alone] == [1]
    assert sum(len(part.rows) for request in packed for part in request) == 3


def test_the_body_is_what_the_collection_call_expects() -> None:
    """Types and ids in their places, null, empty, zero and false as they were."""
    body = {"A": None, "B": "", "C": 0, "D": False}
    call = Collection(tuple(rows([update(0, LEAD, body)]))).call({"X": "y"})
    assert orjson.loads(orjson.dumps(call.body)) == {
        "allOrNone": False,
        "records": [{"attributes": {"type": "Lead"}, "id": LEAD, **body}],
    }
    assert (call.method, call.path, dict(call.headers), call.writes) == (
        "PATCH",
        "composite/sobjects",
        {"X": "y"},
        True,
    )


def test_a_value_that_json_has_no_form_for_rejects_its_row_alone() -> None:
    """Half a surrogate pair, a number beyond 64 bits."""
    for value in ("\ud800", 2**70):
        rejected = encode(create(0, {"A": value}))
        assert isinstance(rejected, Rejected)
        assert rejected.reason is Reason.INVALID_VALUE


def test_the_second_write_to_a_record_waits() -> None:
    """Found by another key, but the same record (invariant 4)."""
    kept = one_per_record([update(0, LEAD), update(1, LEAD_2), update(2, LEAD)])
    assert [type(decision) for decision in kept] == [Write, Write, Retry]
    waiting = kept[2]
    assert isinstance(waiting, Retry)
    assert (waiting.reason, waiting.after_seconds, waiting.counts) == (
        Reason.SAME_RECORD,
        0.0,
        False,
    )


def test_two_creates_that_could_be_one_person_do_not_share_a_request() -> None:
    """They have a match key in common."""
    kept = one_per_record([by_field(0, "A"), by_field(1, "a "), by_field(2, "b")])
    assert [type(decision) for decision in kept] == [Write, Retry, Write]


@pytest.mark.parametrize(("size", "parts"), [(200, [40] * 5), (7, [2, 2, 2, 1]), (2, [1, 1])])
def test_a_refused_collection_is_cut_into_at_most_five(size: int, parts: list[int]) -> None:
    """So that four requests find one bad row of 200."""
    part = Collection(tuple(rows([create(i) for i in range(size)])))
    assert [len(smaller.rows) for smaller in part.split()] == parts


@pytest.mark.parametrize(
    ("suspects", "parts"),
    [
        ({3, 5}, [[3, 5], [0, 1, 2, 4]]),
        (set(), [[0, 1], [2, 3], [4, 5]]),
        ({9}, [[0, 1], [2, 3], [4, 5]]),
    ],
)
def test_suspects_are_sent_apart_from_the_others(
    suspects: set[int], parts: list[list[int]]
) -> None:
    """Where they are all suspects, or none, nothing is told apart by it."""
    part = Collection(tuple(rows([create(i) for i in range(6)])))
    cut = [[row.write.index for row in smaller.rows] for smaller in part.split(frozenset(suspects))]
    assert cut == parts
    assert part.split(frozenset(range(6))) == part.split()


def test_large_rows_do_not_share_a_request() -> None:
    """A request is bounded in bytes, too."""
    large = {"Description": "x" * 30_000}
    writes = [create(i, large) for i in range(400)]
    sizes = [
        sum(part.size_bytes for part in request) for request in requests(collections(rows(writes)))
    ]
    assert max(sizes) <= 8 * 1024 * 1024
    assert len(sizes) == 2


def test_the_rows_of_all_its_collections_count_towards_the_size_of_a_request() -> None:
    """Three of 3 MB are too much, two are not."""
    large = {"Description": "x" * 15_000}
    packed = requests(collections(rows([create(i, large) for i in range(600)])))
    assert [len(request) for request in packed] == [2, 1]


def test_a_row_without_values_is_an_object_all_the_same() -> None:
    """A create that sends nothing but its type."""
    row = encode(create(0, {}))
    assert isinstance(row, Row)
    assert orjson.loads(row.encoded) == {"attributes": {"type": "Lead"}}
