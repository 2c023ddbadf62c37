"""What to do with an upsert once its record was looked up."""

from dataclasses import replace

import pytest

from transformer.kit.choice import Choice, Create, Update, choose, is_plain
from transformer.outcome import Reason, Rejected, Skipped
from transformer.upsert import Match, Operation, Upsert

PLAIN = Upsert(
    "contact", Operation.UPSERT, {"email": "a@x.io", "n": 0}, (Match("email", "a@x.io"),)
)
FULL = replace(
    PLAIN,
    on_create={"source": "event"},
    on_update={"seen": True},
    fill=frozenset({"n"}),
    required=frozenset({"email"}),
)


@pytest.mark.parametrize(
    ("upsert", "record_id", "there", "expected"),
    [
        (PLAIN, None, {}, Create({"email": "a@x.io", "n": 0})),
        (PLAIN, "1", {}, Update({"email": "a@x.io", "n": 0})),
        (FULL, None, {}, Create({"email": "a@x.io", "n": 0, "source": "event"})),
        (FULL, "1", {"n": ""}, Update({"email": "a@x.io", "n": 0, "seen": True})),
        (FULL, "1", {"n": 0}, Update({"email": "a@x.io", "seen": True})),
        (FULL, "1", {"n": False}, Update({"email": "a@x.io", "seen": True})),
        (replace(PLAIN, operation=Operation.UPDATE), None, {}, Skipped(Reason.CREATE_DISABLED)),
        (
            replace(PLAIN, operation=Operation.CREATE),
            "1",
            {},
            Skipped(Reason.UPDATE_DISABLED, record_id="1"),
        ),
        (
            replace(PLAIN, properties={"n": 0}, fill=frozenset({"n"})),
            "1",
            {"n": 1},
            Skipped(Reason.NOTHING_TO_WRITE, record_id="1"),
        ),
    ],
)
def test_a_lookup_decides(
    upsert: Upsert, record_id: str | None, there: dict[str, object], expected: Choice
) -> None:
    """Zero and false are values: they are not filled over."""
    assert choose(upsert, record_id, there) == expected


@pytest.mark.parametrize("value", [None, ""])
def test_nothing_is_no_value_of_a_required_property(value: object) -> None:
    """Named, before anything is sent (row C6)."""
    upsert = replace(PLAIN, properties={"name": value}, required=frozenset({"name"}))
    chosen = choose(upsert, None, {})
    assert isinstance(chosen, Rejected)
    assert chosen.reason is Reason.REQUIRED_FIELD_MISSING
    assert "name" in chosen.detail


def test_plain_upserts_need_no_lookup() -> None:
    """The same values for a new record and an old one."""
    assert is_plain(PLAIN)
    assert is_plain(replace(PLAIN, required=frozenset({"n"})))
    for changed in (
        replace(PLAIN, operation=Operation.UPDATE),
        replace(PLAIN, matches=()),
        replace(PLAIN, fill=frozenset({"n"})),
        replace(PLAIN, on_create={"a": 1}),
        replace(PLAIN, on_update={"a": 1}),
        replace(PLAIN, required=frozenset({"name"})),
    ):
        assert not is_plain(changed)
