"""Fields that the org refused: what is remembered of them, for which writes, and for how long."""

from dataclasses import replace

import pytest

from destinations.salesforce import refused
from destinations.salesforce.plan import Policy, Write
from destinations.salesforce.refused import REMEMBERED_SECONDS, RefusedFields
from tests.manual_clock import ManualClock
from tests.unit.salesforce.made import by_field, create, update
from transformer.upsert import Note

DROP = Policy(drop_unknown_fields=True)
MISSING = Note("unknown_field", "Plan__c")
FORBIDDEN = Note("dropped", "Plan__c")
CREATE = create(properties={"Plan__c": "x", "Title": "T"})
UPDATE = update(properties={"plan__C": "x", "Title": "T"})
BY_FIELD = replace(by_field(0, "e", "Lead"), body={"Ext__c": "e", "Plan__c": "x"})


def learned(write: Write, note: Note, clock: ManualClock | None = None) -> RefusedFields:
    """The memory after `write` was refused one field."""
    fields = RefusedFields(DROP, clock or ManualClock())
    fields.learn(write, write.without({note.field.casefold(): note}))
    return fields


@pytest.mark.parametrize("first", [CREATE, BY_FIELD])
@pytest.mark.parametrize("later", [CREATE, UPDATE, BY_FIELD])
def test_a_field_that_is_not_there_is_left_out_of_every_kind_of_write(
    first: Write, later: Write
) -> None:
    """However it is spelled, and noted again."""
    left = learned(first, MISSING).left_out(later)
    assert "plan__c" not in {name.casefold() for name in left.body}
    assert [note.code for note in left.notes] == ["unknown_field"]


def test_a_field_that_may_not_be_written_is_left_out_of_the_same_kind_of_write() -> None:
    """It may be writable on create and not on update."""
    fields = learned(CREATE, FORBIDDEN)
    assert fields.left_out(CREATE).notes == (FORBIDDEN,)
    assert fields.left_out(UPDATE) is UPDATE


def test_of_an_upsert_nobody_knows_whether_it_was_the_create_or_the_update() -> None:
    """So the next one asks again."""
    assert learned(BY_FIELD, FORBIDDEN).left_out(BY_FIELD) is BY_FIELD


def test_another_object_may_have_the_field() -> None:
    """It is remembered per object."""
    contact = create(properties={"Plan__c": "x"}, object_type="Contact")
    assert learned(CREATE, MISSING).left_out(contact) is contact


def test_notes_that_the_mapping_made_are_not_about_the_org() -> None:
    """Only what a write was sent again without is learned."""
    write = replace(CREATE, notes=(Note("dropped", "Title"),))
    fields = RefusedFields(DROP, ManualClock())
    fields.learn(write, write.without({"plan__c": MISSING}))
    assert fields.left_out(CREATE).body == {"Title": "T"}


def test_when_more_fields_were_refused_than_are_kept_it_begins_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is forgotten costs a request, memory without end would cost the worker."""
    monkeypatch.setattr(refused, "REMEMBERED_FIELDS", 2)
    fields = learned(CREATE, MISSING)
    for name in ("A__c", "B__c"):
        write = create(properties={name: 1})
        fields.learn(write, write.without({name.casefold(): Note("unknown_field", name)}))
    for name, body in (("Plan__c", {"Plan__c": 1}), ("A__c", {"A__c": 1}), ("B__c", {})):
        assert fields.left_out(create(properties={name: 1})).body == body


def test_it_is_asked_for_again_after_a_while() -> None:
    """Somebody may have created the field."""
    clock = ManualClock()
    fields = learned(CREATE, MISSING, clock)
    clock.pass_seconds(REMEMBERED_SECONDS - 1)
    assert fields.left_out(CREATE) is not CREATE
    clock.pass_seconds(1)
    assert fields.left_out(CREATE) is CREATE
