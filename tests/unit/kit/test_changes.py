"""What the writes of one batch change of what leads to records."""

import pytest

from transformer.kit.changes import BatchChanges
from transformer.kit.remembered import RememberedRecords
from transformer.outcome import Delivered, Outcome, Reason, Rejected, Retry, Skipped

ANN, PHONE, BOSS = (("lead", "email", "ann"), ("lead", "phone", "1"), ("account", "email", "ann"))
LOST = Retry(Reason.ANSWER_LOST, may_have_applied=True)


def known() -> RememberedRecords[str, str]:
    """A lead by e-mail and by phone, and an account."""
    found: RememberedRecords[str, str] = RememberedRecords(
        capacity=10, seconds=60.0, record_of=lambda _, record_id: record_id, late_seconds=10.0
    )
    for key, record in ((ANN, "1"), (PHONE, "1"), (BOSS, "9")):
        found.learn(key, record, 0.0)
    return found


def batch(of: RememberedRecords[str, str]) -> BatchChanges[str, str]:
    """One more batch."""
    return BatchChanges(of, lambda _, record_id: record_id)


@pytest.mark.parametrize(
    ("outcome", "stale"),
    [
        (Delivered("updated", "1"), True),
        (LOST, True),
        (None, True),
        (Retry(Reason.THROTTLED), False),
        (Rejected(Reason.REFUSED, "no"), False),
        (Skipped(Reason.UNCHANGED), False),
    ],
)
def test_what_may_have_been_written_is_taken_for_written(
    outcome: Outcome | None,
    stale: bool,
) -> None:
    """The key is forgotten whatever happens: that costs a lookup."""
    of = known()
    changes = batch(of)
    changes.begin(0, "lead", "1", {"email": "bob"})
    changes.end({} if outcome is None else {0: outcome}, 0.0)
    assert of.keys_of("1") == (PHONE,)
    assert (of.is_stale(ANN, "1", 0.0), of.changing) == (stale, {})


def test_a_record_that_only_the_answer_names_loses_its_old_keys_then() -> None:
    """Where none does, every key of that property and object is forgotten."""
    of = known()
    changes = batch(of)
    changes.begin_unnamed(0, "lead", {})
    changes.begin_unnamed(1, "lead", {"email": "bob"})
    changes.end({1: Delivered("updated", "1")}, 0.0)
    assert (of.keys_of("1"), of.keys_of("9")) == ((PHONE,), (BOSS,))
    changes = batch(of)
    changes.begin_unnamed(0, "lead", {"phone": "2"})
    changes.end({0: Rejected(Reason.REFUSED, "no")}, 0.0)
    assert of.keys_of("1") == (PHONE,)
    changes.end({0: LOST}, 0.0)
    assert (of.keys_of("1"), of.keys_of("9")) == ((), (BOSS,))


def test_a_record_that_was_merged_into_another_is_written_there() -> None:
    """The answer names the one that is left."""
    of = known()
    changes = batch(of)
    changes.begin(0, "lead", "merged", {"email": "bob"})
    changes.end({0: Delivered("updated", "1")}, 0.0)
    assert of.keys_of("1") == (PHONE,)


def test_who_is_found_by_a_key_that_is_being_changed_waits() -> None:
    """Not for his own batch, nor for one that began later, nor by another key."""
    of = known()
    first = batch(of)
    first.begin(0, "lead", "1", {"email": "bob"})
    second = batch(of)
    assert (first.is_first, second.is_first) == (True, False)
    assert [second.must_wait("1", [key]) for key in (ANN, PHONE)] == [True, False]
    assert (second.must_wait("2", [ANN]), first.must_wait("1", [ANN])) == (False, False)
    first.end({}, 0.0)
    assert second.must_wait("1", [ANN])
    assert batch(of).is_first


def test_an_upsert_is_begun_once() -> None:
    """The second time it says no more."""
    of = known()
    changes = batch(of)
    for _ in range(2):
        changes.begin(0, "lead", "1", {"email": "bob"})
    changes.end({0: LOST}, 0.0)
    assert of.changing == {}
