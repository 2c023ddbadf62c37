"""Merging e-mails and phones: nothing that is there is ever left out."""

import pytest

from destinations.pipedrive.contacts import Contact, folded, merged, read


def entry(value: str, *, primary: bool = False, label: str = "work") -> dict[str, object]:
    """One entry as Pipedrive has it."""
    return {"value": value, "primary": primary, "label": label}


def test_a_new_entry_comes_after_those_there() -> None:
    """The primary one stays the primary one."""
    there = [entry("a@x.io", primary=True), entry("b@x.io", label="home")]
    assert merged("emails", there, [Contact("c@x.io", "work")], new_primary=False) == [
        *there, entry("c@x.io"),
    ]  # fmt: skip


def test_nothing_new_sends_nothing() -> None:
    """E-mails are compared without case, phones by their digits."""
    there = [entry("+49 (30) 12")]
    assert merged("phones", there, [Contact("+4930 12", "work")], new_primary=True) is None
    assert merged("emails", [entry("A@x.io")], [Contact("a@X.io", "w")], new_primary=True) is None


def test_the_first_entry_of_a_person_without_any_is_the_primary_one() -> None:
    """Twice the same value is one entry."""
    wanted = [Contact("a@x.io", "work"), Contact("A@x.io", "home"), Contact("b@x.io", "work")]
    assert merged("emails", None, wanted, new_primary=False) == [
        entry("a@x.io", primary=True), entry("b@x.io"),
    ]  # fmt: skip


def test_new_primary_takes_the_place_of_the_old_one() -> None:
    """Only the first of the new ones."""
    wanted = [Contact("b@x.io", "work"), Contact("c@x.io", "work")]
    found = merged("emails", [entry("a@x.io", primary=True)], wanted, new_primary=True)
    assert found == [entry("a@x.io"), entry("b@x.io", primary=True), entry("c@x.io")]


def test_parts_that_pipedrive_has_not_are_not_sent_back() -> None:
    """Only value, primary and label, and none of them null."""
    there = [{"value": "a@x.io", "primary": True, "label": None, "extra": 1}]
    found = merged("emails", there, [Contact("b@x.io", "work")], new_primary=False)
    assert found == [{"value": "a@x.io", "primary": True}, entry("b@x.io")]


def test_lists_and_objects_are_read_too() -> None:
    """Blank entries are passed over."""
    value = ["a@x.io", {"value": "b@x.io", "label": "home"}, " "]
    assert read("emails", value) == [Contact("a@x.io", "work"), Contact("b@x.io", "home")]
    assert read("mobile_phone", 171) == [Contact("171", "mobile")]


@pytest.mark.parametrize("value", [True, 1.5, {"a": 1}, [["a"]], [None]])
def test_what_is_no_contact_is_refused(value: object) -> None:
    """It says what was expected."""
    with pytest.raises(ValueError, match="expected text"):
        read("emails", value)


def test_a_phone_without_digits_is_compared_as_text() -> None:
    """An extension by name."""
    assert folded("phones", " Desk ") == "desk"
