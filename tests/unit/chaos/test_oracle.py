"""The storm's oracle: it finds nothing in a storm that went well, and every lie told of one."""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

import orjson
import pytest

from tests.chaos.oracle import Aftermath, Left, at, verdict
from tests.chaos.plan import ROUND, Deed, plan
from tests.chaos.story import NOTES, OUTCOMES, Kind, Person, Sent, Story, make_event
from transformer.record import Record

TOPIC = "events"
ANN, BEN, TWIN = Person("ann"), Person("ben"), Person("twin0", twin="twin-0")
ABOUT = (
    (ANN, Kind.LEAD),
    (ANN, Kind.LEAD),
    (ANN, Kind.REFUSED),
    (BEN, Kind.LEAD),
    (BEN, Kind.SKIPPED),
    (BEN, Kind.VISIT),
    (BEN, Kind.BROKEN),
    (TWIN, Kind.LEAD),
)
FIRST, LAST, REFUSED, BENS, SKIPPED, VISIT, BROKEN, TWINS = range(len(ABOUT))
IDS = {ANN.email: "lead-ann", BEN.email: "lead-ben", TWIN.email: "lead-twin"}


def sent_events() -> list[Sent]:
    """One of every kind, and two of one lead, with headers and text that is not ASCII."""
    rng = random.Random(3)
    made = [make_event(n, person, kind, rng) for n, (person, kind) in enumerate(ABOUT)]
    note = NOTES[1]
    last = made[LAST]
    made[LAST] = replace(last, fields={**last.fields, "LastName": note, "note__c": note})
    return made


def letter_of(record: Record) -> Record:
    """A dead letter as it ought to be."""
    origin = {"topic": record.topic, "partition": record.partition, "offset": record.offset}
    ours = [
        ("transformer-dead-letter", orjson.dumps({"origin": origin})),
        ("transformer-reason", b"value_too_long"),
    ]
    headers = (*record.headers, *ours)
    return Record("letters", 0, record.offset, 0, record.key, record.value, headers)


def result_of(sent: Sent, **changes: object) -> dict[str, object]:
    """A result as it ought to be."""
    writes: list[object] = []
    if OUTCOMES[sent.kind] == "delivered":
        record_id = f"visit-{sent.mark}" if sent.kind is Kind.VISIT else IDS[sent.email]
        writes = [{"record_id": record_id}]
    named = {Kind.BROKEN: "", Kind.SKIPPED: None}.get(sent.kind, sent.mark)
    outcome = {"outcome": OUTCOMES[sent.kind], "reason": None}
    return {**outcome, "message_id": named, "writes": writes, **changes}


def row(record_id: str, *events: Sent) -> Left:
    """A record that these events wrote to, in this order."""
    values = {name: value for sent in events for name, value in sent.fields.items()}
    return Left(record_id, values, frozenset(values))


def calm() -> Aftermath:
    """What is left of a storm in which every promise was kept."""
    sent = sent_events()
    records = [
        Record(TOPIC, 0, n, 0, s.message.key, s.message.value, tuple(s.message.headers))
        for n, s in enumerate(sent)
    ]
    order = plan(1, len(ROUND))
    story = Story(order, twins={TWIN.email: IDS[TWIN.email]}, done=Counter(order))
    story.take(sent)
    story.exits = Counter({0: 2, -9: 3, 3: 1})
    return Aftermath(
        story,
        events=records,
        results={at(record): [result_of(s)] for record, s in zip(records, sent, strict=True)},
        letters=[letter_of(records[REFUSED]), letter_of(records[BROKEN])],
        leads=[
            row(IDS[ANN.email], sent[FIRST], sent[LAST]),
            row(IDS[BEN.email], sent[BENS]),
            row(IDS[TWIN.email], sent[TWINS]),
        ],
        visits=[row(f"visit-{sent[VISIT].mark}", sent[VISIT])],
    )


def told(after: Aftermath, number: int, *results: dict[str, object]) -> Aftermath:
    """The same, with other results of one event."""
    return replace(after, results={**after.results, at(after.events[number]): list(results)})


def with_lead(after: Aftermath, number: int, **changes: object) -> Aftermath:
    """The same, with other values in one lead."""
    leads = list(after.leads)
    values = {**leads[number].values, **changes}
    leads[number] = replace(leads[number], values=values, written=frozenset(values))
    return replace(after, leads=leads)


def with_letter(after: Aftermath, change: Callable[[Record], Record]) -> Aftermath:
    """The same, with something else in the dead letter of the refused event."""
    return replace(after, letters=[change(after.letters[0]), *after.letters[1:]])


def without_done(after: Aftermath, *names: str) -> Aftermath:
    """The same, but these had no effect."""
    story = replace(after.story, done=after.story.done - Counter(dict.fromkeys(names, 99)))
    return replace(after, story=story)


def swap(values: Sequence[tuple[str, bytes | None]]) -> Sequence[tuple[str, bytes | None]]:
    """The first two the other way round."""
    return (values[1], values[0], *values[2:])


MARKS = [sent.mark for sent in sent_events()]
SENT = sent_events()
NONE: frozenset[str] = frozenset()
NOTE = SENT[VISIT].fields["note__c"]

LIES: dict[str, tuple[Callable[[Aftermath], Aftermath], list[str]]] = {
    "an event is lost": (
        lambda after: told(after, SKIPPED),
        [f"{MARKS[SKIPPED]} at events/0@{SKIPPED} is lost: it has no result"],
    ),
    "an event never reached its topic": (
        lambda after: replace(
            after,
            events=after.events[:-1],
            results=dict(list(after.results.items())[:-1]),
            leads=after.leads[:-1],
        ),
        [f"{MARKS[TWINS]} is 0 times in the topic of the events"],
    ),
    "a result is of no event": (
        lambda after: replace(after, events=after.events[:-1]),
        [
            f"{MARKS[TWINS]} is 0 times in the topic of the events",
            f"events/0@{TWINS} has a result and no event",
            f"{TWIN.email} has a lead and no delivered event",
        ],
    ),
    "an event is both delivered and rejected": (
        lambda after: told(
            after, BENS, result_of(SENT[BENS]), result_of(SENT[BENS], outcome="rejected")
        ),
        [f"{MARKS[BENS]} was delivered and rejected, expected delivered: ['None']"],
    ),
    "a refused event is delivered": (
        lambda after: told(
            after, REFUSED, result_of(SENT[REFUSED], outcome="delivered", reason="why")
        ),
        [f"{MARKS[REFUSED]} was delivered, expected rejected: ['why']"],
    ),
    "a refused event was delivered before it was rejected": (
        lambda after: told(
            after, REFUSED, result_of(SENT[REFUSED], outcome="delivered"), result_of(SENT[REFUSED])
        ),
        [f"{MARKS[REFUSED]} was delivered and rejected, expected rejected: ['None']"],
    ),
    "an offset has another event's result": (
        lambda after: told(after, BENS, result_of(SENT[BENS], message_id="mark-99")),
        [f"{MARKS[BENS]} has results of ['mark-99']"],
    ),
    "a result names another record": (
        lambda after: told(after, BENS, result_of(SENT[BENS], writes=[{"record_id": "other"}])),
        [f"{MARKS[BENS]} names {{'other'}}, but its record is lead-ben"],
    ),
    "a lead's name is damaged and still ends as it should": (
        lambda after: with_lead(after, 0, LastName="GONE e ✓"),
        [f"{ANN.email} has LastName 'GONE e ✓', expected {NOTES[1]!r}"],
    ),
    "an older event's value is in place": (
        lambda after: with_lead(after, 0, n__c=0),
        [f"{ANN.email} has n__c 0, expected 1"],
    ),
    "a value of an earlier event is lost": (
        lambda after: with_lead(after, 2, twin__c=None),
        [f"{TWIN.email} has twin__c None, expected 'twin-0'"],
    ),
    "a rejected event's value was written": (
        lambda after: with_lead(after, 0, Title="x"),
        [f"{ANN.email} has Title 'x', expected None"],
    ),
    "a second lead of one person": (
        lambda after: replace(after, leads=[*after.leads, after.leads[0]]),
        [f"{ANN.email} has 2 leads, expected 1"],
    ),
    "a lead is missing": (
        lambda after: replace(after, leads=after.leads[1:]),
        [
            f"{MARKS[FIRST]} names {{'lead-ann'}}, but its record is None",
            f"{MARKS[LAST]} names {{'lead-ann'}}, but its record is None",
            f"{ANN.email} has 0 leads, expected 1",
        ],
    ),
    "a lead of nobody": (
        lambda after: replace(after, leads=[*after.leads, Left("x", {"Email": "x"}, NONE)]),
        ["x has a lead and no delivered event"],
    ),
    "the record that a duplicate rule named is not the one written": (
        lambda after: replace(
            after, story=replace(after.story, twins={TWIN.email: "the org's own"})
        ),
        [f"{TWIN.email} is lead-twin, expected the lead that the rule named"],
    ),
    "a visit's note is damaged": (
        lambda after: replace(
            after,
            visits=[
                replace(each, values={**each.values, "note__c": "GARBAGE"}) for each in after.visits
            ],
        ),
        [f"visit {MARKS[VISIT]} has note__c 'GARBAGE', expected {NOTE!r}"],
    ),
    "a visit came from nowhere": (
        lambda after: replace(after, visits=[*after.visits, Left("x", {"mark__c": "x"}, NONE)]),
        ["visit x came from nowhere"],
    ),
    "a visit exists twice": (
        lambda after: replace(after, visits=[*after.visits, *after.visits]),
        [f"visit {MARKS[VISIT]} exists 2 times, expected once"],
    ),
    "a dead letter's bytes are changed": (
        lambda after: with_letter(after, lambda letter: letter._replace(value=b"{}")),
        [f"the dead letter of {MARKS[REFUSED]} has another key, value or headers"],
    ),
    "a dead letter's key is changed": (
        lambda after: with_letter(after, lambda letter: letter._replace(key=b"other")),
        [f"the dead letter of {MARKS[REFUSED]} has another key, value or headers"],
    ),
    "a dead letter's headers change places": (
        lambda after: with_letter(
            after, lambda letter: letter._replace(headers=swap(letter.headers))
        ),
        [f"the dead letter of {MARKS[REFUSED]} has another key, value or headers"],
    ),
    "a dead letter has a header more": (
        lambda after: with_letter(
            after, lambda letter: letter._replace(headers=(("more", b""), *letter.headers))
        ),
        [f"the dead letter of {MARKS[REFUSED]} has another key, value or headers"],
    ),
    "a rejected event has no dead letter": (
        lambda after: replace(after, letters=after.letters[1:]),
        [f"{MARKS[REFUSED]} was rejected without a dead letter"],
    ),
    "a delivered event is a dead letter, too": (
        lambda after: replace(after, letters=[*after.letters, letter_of(after.events[BENS])]),
        [f"{MARKS[BENS]} has a dead letter and was not to be rejected"],
    ),
    "a dead letter is of no event": (
        lambda after: replace(
            after, letters=[*after.letters, letter_of(after.events[0]._replace(offset=99))]
        ),
        ["the dead letter letters/0@99 is of no event"],
    ),
    "a dead letter does not say what it is of": (
        lambda after: with_letter(after, lambda letter: letter._replace(headers=())),
        [
            f"{MARKS[REFUSED]} was rejected without a dead letter",
            f"the dead letter letters/0@{REFUSED} is of no event",
        ],
    ),
    "nothing was done and no fault was met": (
        lambda after: without_done(after, *after.story.plan),
        [
            f"{name}: planned {times} times, had its effect 0 times"
            for name, times in sorted(Counter(ROUND).items())
        ],
    ),
    "a spell met no request": (
        lambda after: without_done(after, "half applied"),
        ["half applied: planned 1 times, had its effect 0 times"],
    ),
    "no worker waited for the quota": (
        lambda after: without_done(after, Deed.QUOTA),
        ["quota spent and given back: planned 1 times, had its effect 0 times"],
    ),
    "there were never four workers": (
        lambda after: without_done(after, Deed.FOUR),
        ["four workers: planned 1 times, had its effect 0 times"],
    ),
    "a worker broke by itself": (
        lambda after: replace(after, story=replace(after.story, exits=Counter({0: 2, 1: 1}))),
        ["1 workers ended with exit code 1, expected one of [-9, 0, 3]"],
    ),
    "the org was asked for what it does not know": (
        lambda after: replace(after, mistakes=["GET /nowhere"]),
        ["GET /nowhere"],
    ),
}


def test_nothing_is_wrong_with_a_storm_that_went_well() -> None:
    """Nor with one in which a crash had results and a dead letter produced again."""
    after = calm()
    assert verdict(after) == []
    again = {where: [*results, *results] for where, results in after.results.items()}
    assert verdict(replace(after, results=again, letters=[*after.letters, *after.letters])) == []


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_is_found_and_named(lie: str) -> None:
    """One thing is wrong, and that is what the oracle says, and nothing else."""
    tell, expected = LIES[lie]
    assert sorted(verdict(tell(calm()))) == sorted(expected)


def test_a_worker_without_a_broker_may_say_so_only_where_the_broker_went_away() -> None:
    """Exit code 3 is for that alone."""
    after = calm()
    story = replace(after.story, plan=["503"], exits=Counter({3: 1}))
    wrong = verdict(replace(after, story=story))
    assert wrong == ["1 workers ended with exit code 3, expected one of [-9, 0]"]


def test_enough_deeds_mean_all_of_them_in_an_order_of_the_seed() -> None:
    """Round by round: one of everything, then one of everything again."""
    assert Counter(plan(7, len(ROUND))) == Counter(ROUND)
    assert Counter(plan(7, 2 * len(ROUND))) == Counter([*ROUND, *ROUND])
    assert plan(7, 5) == plan(7, len(ROUND))[:5]
    assert plan(7, len(ROUND)) != plan(8, len(ROUND))
    assert set(Deed) <= set(ROUND)
