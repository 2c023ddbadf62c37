"""Which rows go into which bulk job, and finding them again in the results."""

from collections.abc import Mapping, Sequence

from destinations.salesforce.bulk.plan import Job, group, jobs
from destinations.salesforce.bulk.results import Progress, Tally
from destinations.salesforce.pack import Row
from destinations.salesforce.plan import Policy, Write
from destinations.salesforce.schema import Field, ObjectSchema
from tests.unit.salesforce.made import LEAD, LEAD_2, by_field, create, update, upsert
from transformer.errors import AnswerLost
from transformer.outcome import Delivered, Rejected, Retry


def field(name: str, *, create: bool = True, update: bool = True) -> Field:
    """A field of text."""
    return Field(name, "string", 80, create, update, True, False, True, True, True)


FIELDS = (
    field("Email"),
    field("Title"),
    field("Ext__c"),
    field("Locked__c", update=False),
    field("Late__c", create=False),
    field("Ro__c", create=False, update=False),
)
SCHEMA = ObjectSchema("Lead", True, True, {each.name.casefold(): each for each in FIELDS})


def rows(*writes: Write) -> list[Row]:
    """The rows of writes."""
    return [Row(write, write.encoded) for write in writes]


def person(index: int, email: object = None, **values: object) -> Write:
    """A create by e-mail."""
    body = {"Email": email or f"p{index}@x.io", **values}
    return Write(index, "create", upsert(body), body)


def files(
    *writes: Write, key: str = "Email", max_bytes: int = 10_000
) -> tuple[list[str], list[int]]:
    """The files made of writes, and the indexes of those that are left."""
    made, left = jobs(rows(*writes), key, SCHEMA, max_bytes)
    return [job.content.decode() for job in made], [row.write.index for row in left]


def only_job(*writes: Write, key: str = "Email") -> Job:
    """The one job of writes."""
    made, _ = jobs(rows(*writes), key, SCHEMA)
    (job,) = made
    return job


def test_rows_are_gathered_by_object_kind_and_what_tells_them_apart() -> None:
    """Creates by their match key, updates by id, upserts by their field; plain creates by none."""
    gathered = group(rows(person(0), update(1), by_field(2, "a"), create(3), person(4)))
    assert {key: [row.write.index for row in each] for key, each in gathered.items()} == {
        ("Lead", "create", "Email"): [0, 4],
        ("Lead", "update", "Id"): [1],
        ("Contact", "upsert", "Ext__c"): [2],
        ("Lead", "create", ""): [3],
    }


def test_the_columns_are_those_of_all_rows_and_cells_without_a_value_are_empty() -> None:
    """Empty leaves the field alone; names differ by case alone."""
    made, left = files(person(0, Title="a"), person(1, title=None), person(2))
    assert made == [
        '"Email"^"Title"\n"p0@x.io"^"a"\n"p1@x.io"^"#N/A"\n"p2@x.io"^\n',
    ]
    assert left == []
    assert files(update(0, properties={"Title": "t"}), key="Id")[0] == [
        f'"Id"^"Title"\n"{LEAD}"^"t"\n'
    ]


def test_rows_that_no_file_can_hold_are_left() -> None:
    """Values without a form, fields that the org lacks or forbids, one column twice."""
    bad: Sequence[Mapping[str, object]] = (
        {"Title": ""},
        {"Title": {"a": 1}},
        {"Nope__c": "x"},
        {"Late__c": "x"},
        {"Ro__c": "x"},
        {"Title": "a", "TITLE": "b"},
    )
    writes = [person(index, **values) for index, values in enumerate(bad)]
    assert files(*writes, person(9))[1] == [0, 1, 2, 3, 4, 5]
    updates = [update(i, properties={name: "x"}) for i, name in enumerate(["Locked__c", "Ro__c"])]
    assert files(*updates, key="Id") == ([], [0, 1])
    assert len(files(update(properties={"Late__c": "x"}), key="Id")[0]) == 1
    ambiguous = [by_field(0, "a", "Lead"), by_field(1, "b", "Lead")]
    ambiguous[1] = Write(1, "upsert", upsert(), {"Ext__c": None}, field="Ext__c")
    assert files(*ambiguous, key="Ext__c")[1] == [1]


def test_rows_that_share_their_key_are_all_left() -> None:
    """As Salesforce compares: the case does not count. Rows without it are left, too."""
    writes = [
        person(0),
        person(1, "P0@x.IO"),
        person(2),
        Write(3, "create", upsert(), {"Title": "t"}),
    ]
    assert files(*writes)[1] == [3, 0, 1]


def test_a_file_has_a_bounded_size() -> None:
    """Each with its header; one row always fits."""
    made, left = files(*(person(index) for index in range(5)), max_bytes=30)
    assert [text.count("\n") for text in made] == [3, 3, 2]
    assert all(text.startswith('"Email"\n') for text in made)
    assert left == []
    assert len(files(person(0), person(1), max_bytes=1)[0]) == 2


def test_results_find_their_rows_in_any_order() -> None:
    """By id in either form, by e-mail in any case; each row once, strangers never."""
    job = only_job(update(0), update(1, LEAD_2), key="Id")
    assert [row.write.index for row in (job.row_of({"id": LEAD_2[:15]}),) if row] == [1]
    assert job.row_of({"id": "00Q000000000009EAA"}) is None
    progress = Progress()
    tally = Tally(only_job(person(0), person(1), person(2)), Policy(), progress)
    tally.refused([{"email": "p1@X.io", "sf__id": "", "sf__error": "STRING_TOO_LONG:m:Title"}])
    done = {"email": "P0@x.io", "sf__id": LEAD, "sf__created": "true"}
    tally.succeeded([done, {**done, "sf__id": LEAD_2}, {"email": "who@x.io"}, {}])
    assert not tally.complete
    tally.unprocessed([{"email": "p2@x.io"}])
    assert (tally.complete, tally.empty) == (True, False)
    assert progress.outcomes[0] == Delivered("created", LEAD, "Lead")
    assert isinstance(progress.outcomes[1], Rejected)
    assert [row.write.index for row in progress.left] == [2]


def test_rows_without_an_answer_may_have_been_written() -> None:
    """Unless nothing was done at all."""
    progress = Progress()
    tally = Tally(only_job(person(0)), Policy(), progress)
    tally.lost(AnswerLost("m", may_have_applied=True))
    outcome = progress.outcomes[0]
    assert isinstance(outcome, Retry)
    assert outcome.may_have_applied
    tally.untouched()
    assert progress.left == []
    Tally(only_job(person(0)), Policy(), progress).untouched()
    assert [row.write.index for row in progress.left] == [0]
