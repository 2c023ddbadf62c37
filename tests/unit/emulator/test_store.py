"""What every emulator's records share: ids, values, indexes and their write history."""

import pytest

from tests.manual_clock import ManualClock
from transformer.emulator.store import Row, Store

ANN = {"email": "Ann@x.io", "vip": True}


class Notes(Store[Row]):
    """Two kinds of records."""

    kinds = ("people", "tags")


@pytest.fixture
def store() -> Notes:
    """A store with one person, written by the third request."""
    made = Notes(ManualClock(wall=0.0), Row)
    made.request = 3
    made.insert("people", ANN)
    return made


def found(store: Notes, **values: object) -> list[str]:
    """The ids of the people with these values."""
    return [row.id for row in store.where("people", **values)]


def test_ids_are_counted_for_each_kind(store: Notes) -> None:
    """A record is found by its id as text or as a number."""
    assert (store.insert("people", {}).id, store.insert("tags", {}).id) == ("2", "1")
    assert store.get("people", 2) is store.get("people", "2") is store.rows["people"]["2"]
    assert store.get("people", 3) is None


def test_values_keep_their_types_and_are_compared_with_them(store: Notes) -> None:
    """A truth is no text; what was never set is nothing."""
    assert found(store, vip=True) == ["1"]
    assert found(store, vip="1") == []
    assert found(store, phone=None) == ["1"]
    assert found(store) == ["1"]


def test_an_index_follows_inserts_changes_and_removals(store: Notes) -> None:
    """However it was first asked for; text is found in any case by `folded` only."""
    assert found(store, email="Ann@x.io") == ["1"]
    assert found(store, email="ann@x.io") == []
    ann, bea = store.rows["people"]["1"], store.insert("people", {"email": "bea@x.io"})
    assert store.folded("people", "email", "BEA@X.IO") is bea
    store.change("people", ann, {"email": "BEA@x.io"})
    assert store.folded("people", "email", "ann@x.io") is None
    assert found(store, email="BEA@x.io") == ["1"]
    store.remove("people", bea.id)
    store.remove("people", bea.id)
    assert store.folded("people", "email", "bea@x.io") is ann
    assert found(store, email="bea@x.io") == []


def test_a_row_that_lacks_an_indexed_value_is_found_by_its_lack(store: Notes) -> None:
    """Also when it is inserted after the index was built."""
    assert found(store, email=None) == []
    store.insert("people", {"vip": False})
    assert found(store, email=None) == ["2"]


def test_every_write_is_in_the_history(store: Notes) -> None:
    """By which request, when, and the values that it set."""
    store.request = 4
    store.change("people", store.rows["people"]["1"], {"vip": False}, "merge")
    assert store.to_json("people") == [
        {
            "id": "1",
            "email": "Ann@x.io",
            "vip": False,
            "_history": [
                {"request": 3, "time": 0.0, "action": "create", "values": ANN},
                {"request": 4, "time": 0.0, "action": "merge", "values": {"vip": False}},
            ],
        }
    ]
    assert store.now() == "1970-01-01T00:00:00+00:00"


def test_a_store_that_is_cleared_begins_again(store: Notes) -> None:
    """Nothing is left in an index."""
    assert found(store, email="Ann@x.io") == ["1"]
    store.clear()
    assert found(store, email="Ann@x.io") == []
    assert store.insert("people", {"email": "cid@x.io"}).id == "1"
    assert found(store, email="cid@x.io") == ["1"]
