"""What is remembered: bounded in number and in time, and not against what we write ourselves."""

import pytest

from transformer.errors import AnswerLost, Unreachable, WriteFailed
from transformer.kit.remembered import Remembered, RememberedRecords


def test_a_fact_is_known_for_a_while() -> None:
    """And not a moment longer."""
    facts: Remembered[str, str] = Remembered(capacity=10, seconds=60.0)
    facts.learn("a", "1", 0.0)
    assert (facts.recall("a", 59.9), facts.recall("a", 60.0), len(facts)) == ("1", None, 0)


def test_the_oldest_fact_makes_room() -> None:
    """Learning again makes it young."""
    facts: Remembered[str, str] = Remembered(capacity=2, seconds=60.0)
    for key in ("a", "b", "a", "c"):
        facts.learn(key, key.upper(), 0.0)
    assert [facts.recall(key, 1.0) for key in ("a", "b", "c")] == ["A", None, "C"]


def test_a_fact_can_be_forgotten() -> None:
    """Also one that is not known."""
    facts: Remembered[str, str] = Remembered(capacity=2, seconds=60.0)
    facts.learn("a", "1", 0.0)
    facts.forget("a")
    facts.forget("a")
    assert facts.recall("a", 0.0) is None


ANN, ANNE, PHONE = (("lead", "email", "ann"), ("lead", "email", "anne"), ("lead", "phone", "1"))


def made(capacity: int = 10) -> RememberedRecords[str, str]:
    """Records by their ids, for a minute; reads are ten seconds late."""
    return RememberedRecords(
        capacity=capacity, seconds=60.0, record_of=lambda _, found: found, late_seconds=10.0
    )


def rename(known: RememberedRecords[str, str], record: str, name: str, now: float = 0.0) -> None:
    """Write another e-mail to a record."""
    change = known.change("lead", record, {"email": name})
    with known.writing(change, lambda: now):
        pass


def test_a_record_knows_the_keys_that_lead_to_it() -> None:
    """One, several, and none any more; a key leads to the record learned last."""
    known = made()
    known.learn(ANN, "1", 0.0)
    known.learn(ANN, "1", 0.0)
    assert known.keys_of("1") == (ANN,)
    known.learn(PHONE, "1", 0.0)
    known.learn(ANNE, "1", 0.0)
    assert known.keys_of("1") == (ANN, PHONE, ANNE)
    known.learn(ANN, "2", 0.0)
    assert (known.keys_of("1"), known.keys_of("2")) == ((PHONE, ANNE), (ANN,))
    known.forget(PHONE)
    known.forget(ANNE)
    assert known.way_back == {"2": ANN}
    assert known.properties == {"lead": {"email", "phone"}}


def test_the_way_back_is_as_bounded_as_the_facts() -> None:
    """Those that make room and those that are too old leave no trace."""
    known = made(capacity=3)
    for number in range(10):
        known.learn(("lead", "email", str(number)), str(number), 0.0)
    assert len(known) == len(known.way_back) == 3
    for number in range(10):
        assert known.recall(("lead", "email", str(number)), 60.0) is None
    assert known.way_back == {}
    known.learn(ANN, "1", 60.0)
    known.clear()
    assert (known.recall(ANN, 60.0), known.keys_of("1")) == (None, ())


def test_a_write_of_another_value_forgets_the_keys_of_that_property_alone() -> None:
    """The same value leaves all as it is; the number of a key may have lost its point."""
    known = made()
    for key in (ANN, PHONE):
        known.learn(key, "1", 0.0)
    assert known.change("lead", "1", {"email": "ann", "phone": "1"}) is None
    for same in ({"email": "ann", "name": "x"}, {"phone": "1.0"}):
        with known.writing(known.change("lead", "1", same), lambda: 0.0):
            assert known.keys_of("1") == (ANN, PHONE)
    rename(known, "1", "bob")
    assert known.keys_of("1") == (PHONE,)


def test_a_value_that_another_record_gets_leads_to_neither() -> None:
    """There are two of them now."""
    known = made()
    known.learn(ANN, "1", 0.0)
    rename(known, "2", "ann")
    assert known.recall(ANN, 0.0) is None


def test_a_key_is_forgotten_before_the_request_and_not_learned_from_reads_of_the_time() -> None:
    """Nor what a read that is late says after it."""
    known = made()
    known.learn(ANN, "1", 0.0)
    change = known.change("lead", "1", {"email": "bob"})
    with known.writing(change, lambda: 1.0):
        assert known.recall(ANN, 0.0) is None
        assert (known.is_changing(ANN, "1"), known.is_changing(ANN, "2")) == (True, False)
        assert known.changing == {"1": (change,)}
        known.learn(ANN, "1", 0.0)
        assert len(known) == 0
    assert known.changing == {}
    known.learn(ANN, "1", 10.9)
    assert len(known) == 0
    assert [known.is_stale(ANN, "1", now) for now in (1.0, 10.9, 11.0)] == [True, True, False]
    known.learn(ANN, "1", 11.0)
    assert known.recall(ANN, 11.0) == "1"


@pytest.mark.parametrize(
    ("failure", "stale"),
    [(AnswerLost("lost", may_have_applied=True), True), (Unreachable("not sent"), False)],
)
def test_a_write_whose_answer_was_lost_counts_as_applied(
    failure: WriteFailed,
    stale: bool,
) -> None:
    """One that was not sent, or was refused, does not."""
    known = made()
    change = known.change("lead", "1", {"email": "bob"})
    with pytest.raises(type(failure)), known.writing(change, lambda: 0.0):
        raise failure
    assert (known.is_stale(ANN, "1", 0.0), known.changing) == (stale, {})
    known = made()
    with known.writing(change, lambda: 0.0) as sent:
        sent.applied = False
    assert not known.is_stale(ANN, "1", 0.0)


def test_two_changes_of_a_record_are_over_when_both_are() -> None:
    """Equal ones, too."""
    known = made()
    change = known.change("lead", "1", {"email": "bob"})
    assert change is not None
    known.begin(change)
    known.begin(change)
    known.end(change, 0.0, applied=False)
    assert known.is_changing(ANN, "1")
    known.end(change, 0.0, applied=False)
    assert not known.is_changing(ANN, "1")
