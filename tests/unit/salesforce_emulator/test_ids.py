"""Record ids: checksums, both lengths, and what is no id."""

import pytest

from destinations.salesforce.emulator import ids


@pytest.mark.parametrize(
    "known", ["001D000000IqhSLIAZ", "003RO0000035WQgYAM", "01gRO0000016PIAYA2"]
)
def test_published_ids_have_the_checksum_we_compute(known: str) -> None:
    """Ids printed in Salesforce's own guides."""
    assert ids.to18(known[:15]) == known


def test_the_checksum_counts_every_capital() -> None:
    """A to Z set their bit, everything else does not."""
    assert ids.to18("A" * 15) == "A" * 15 + "555"
    assert ids.to18("Z" * 5 + "a0z9" + "b" * 6) == "Z" * 5 + "a0z9" + "b" * 6 + "5AA"


def test_an_id_is_known_in_both_lengths_and_the_long_one_in_any_case() -> None:
    """The checksum restores the case of the long form."""
    known = "001D000000IqhSLIAZ"
    assert [ids.normalise(text) for text in (known, known[:15], known.lower())] == [known] * 3


@pytest.mark.parametrize("text", ["", "001", "001D000000IqhSLIAA", "001D000000IqhS/", "x" * 16])
def test_what_is_no_id_is_none(text: str) -> None:
    """Wrong length, wrong characters, wrong checksum."""
    assert ids.normalise(text) is None


def test_made_ids_differ_and_carry_their_prefix() -> None:
    """Well beyond one digit of the base."""
    made = [ids.make("00Q", number) for number in range(1, 10_000)]
    assert len({each[:15] for each in made}) == len(made)
    assert {(each[:3], ids.normalise(each) == each) for each in made} == {("00Q", True)}
