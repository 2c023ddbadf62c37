"""What is remembered: bounded in number and in time."""

from transformer.kit.remembered import Remembered


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
