"""The oracle: knows what every event was to come to, and says what is wrong when anything is.

Pure: it is given what was sent, planned and done, and all that is left of it.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import orjson

from tests.chaos.plan import Deed
from tests.chaos.story import OUTCOMES, Kind, Sent, Story
from transformer.engine.results import DEAD_LETTER_HEADER, REASON_HEADER
from transformer.record import Partition, Record

Offset: TypeAlias = tuple[Partition, int]
Result: TypeAlias = Mapping[str, object]

_OURS: Final = 2
_KILLED, _WELL, _NO_BROKER = -9, 0, 3
_BROKER_DEEDS: Final = frozenset({Deed.BROKER_KILLED, Deed.BROKER_STOPPED})


@dataclass(frozen=True, slots=True)
class Left:
    """A record in the CRM: its fields, and which of them anybody has ever written."""

    id: str
    values: Mapping[str, object]
    written: frozenset[str]


@dataclass(frozen=True, slots=True)
class Aftermath:
    """All that is left of a storm; `mistakes` are what the emulated org says of its client."""

    story: Story
    events: Sequence[Record]
    results: Mapping[Offset, Sequence[Result]]
    letters: Sequence[Record]
    leads: Sequence[Left]
    visits: Sequence[Left]
    mistakes: Sequence[str] = ()


def verdict(after: Aftermath) -> list[str]:
    """Everything that is wrong; empty when every promise was kept, and all of it was tried."""
    known = [(record, after.story.sent.get(record.value or b"")) for record in after.events]
    events = [(record, sent) for record, sent in known if sent is not None]
    return [
        *_exercised(after.story),
        *_exits(after.story),
        *after.mistakes,
        *_events(after),
        *_settled(after, events),
        *_leads(after, events),
        *_visits(after, events),
        *_letters(after, events),
    ]


def at(record: Record) -> Offset:
    """Where a record is, as results are kept."""
    return Partition(record.topic, record.partition), record.offset


def _events(after: Aftermath) -> Iterable[str]:
    """What was sent is there, each once, and every result is of one of them."""
    found = Counter(record.value or b"" for record in after.events)
    for value, sent in after.story.sent.items():
        if found[value] != 1:
            yield f"{sent.mark} is {found[value]} times in the topic of the events"
    offsets = {at(record) for record in after.events}
    for partition, offset in after.results.keys() - offsets:
        yield f"{partition}@{offset} has a result and no event"


def _settled(after: Aftermath, events: Iterable[tuple[Record, Sent]]) -> Iterable[str]:
    """Every event has results; they are its own, and agree on what it was to come to."""
    holders = {str(row.values.get("Email")): row.id for row in after.leads}
    holders |= {str(row.values.get("mark__c")): row.id for row in after.visits}
    for record, sent in events:
        results = after.results.get(at(record), ())
        wanted, outcomes = OUTCOMES[sent.kind], {str(result["outcome"]) for result in results}
        if not results:
            yield f"{sent.mark} at {record.origin} is lost: it has no result"
        elif outcomes != {wanted}:
            reasons = sorted({str(result["reason"]) for result in results})
            yield f"{sent.mark} was {' and '.join(sorted(outcomes))}, expected {wanted}: {reasons}"
        own = {None, "" if sent.kind is Kind.BROKEN else sent.mark}
        if strange := {result.get("message_id") for result in results} - own:
            yield f"{sent.mark} has results of {sorted(map(str, strange))}"
        if wanted == "delivered" and wanted in outcomes:
            holder = holders.get(sent.mark if sent.kind is Kind.VISIT else sent.email)
            if _written_to(results) != {holder}:
                yield f"{sent.mark} names {_written_to(results)}, but its record is {holder}"


def _written_to(results: Iterable[Result]) -> set[object]:
    """The ids of the records that delivered results name."""
    found: set[object] = set()
    for result in results:
        writes = result.get("writes")
        if result["outcome"] == "delivered" and isinstance(writes, list):
            found |= {write.get("record_id") for write in writes if isinstance(write, dict)}
    return found


def _leads(after: Aftermath, events: Iterable[tuple[Record, Sent]]) -> Iterable[str]:
    """One lead per person with exactly what its last events wrote, and nobody else's."""
    wanted: dict[str, dict[str, object]] = defaultdict(dict)
    for record, sent in sorted(events, key=lambda event: event[0].offset):
        results = after.results.get(at(record), ())
        if sent.kind is Kind.LEAD and any(r["outcome"] == "delivered" for r in results):
            wanted[sent.email].update(sent.fields)
    found: dict[str, list[Left]] = defaultdict(list)
    for row in after.leads:
        found[str(row.values.get("Email"))].append(row)
    for email in wanted.keys() | found.keys():
        rows = found[email]
        if email not in wanted:
            yield f"{email} has a lead and no delivered event"
        elif len(rows) != 1:
            yield f"{email} has {len(rows)} leads, expected 1"
        else:
            yield from _compare(email, rows[0], wanted[email])
            if after.story.twins.get(email, rows[0].id) != rows[0].id:
                yield f"{email} is {rows[0].id}, expected the lead that the rule named"


def _visits(after: Aftermath, events: Iterable[tuple[Record, Sent]]) -> Iterable[str]:
    """Every plain create exists once with exactly its values, and only those."""
    wanted = {sent.mark: sent.fields for _, sent in events if sent.kind is Kind.VISIT}
    found: dict[str, list[Left]] = defaultdict(list)
    for row in after.visits:
        found[str(row.values.get("mark__c"))].append(row)
    for mark in wanted.keys() | found.keys():
        if mark not in wanted:
            yield f"visit {mark} came from nowhere"
        elif len(found[mark]) != 1:
            yield f"visit {mark} exists {len(found[mark])} times, expected once"
        else:
            yield from _compare(f"visit {mark}", found[mark][0], wanted[mark])


def _compare(name: str, row: Left, wanted: Mapping[str, object]) -> Iterable[str]:
    for field in sorted(wanted.keys() | row.written):
        got, expected = row.values.get(field), wanted.get(field)
        if got != expected:
            yield f"{name} has {field} {got!r}, expected {expected!r}"


def _letters(after: Aftermath, events: Iterable[tuple[Record, Sent]]) -> Iterable[str]:
    """Every rejected event, and no other, is a dead letter, byte for byte and header by header."""
    letters: dict[Offset | None, list[Record]] = defaultdict(list)
    for letter in after.letters:
        letters[_origin(letter)].append(letter)
    for record, sent in events:
        own = letters.pop(at(record), [])
        if OUTCOMES[sent.kind] == "rejected" and not own:
            yield f"{sent.mark} was rejected without a dead letter"
        elif OUTCOMES[sent.kind] != "rejected" and own:
            yield f"{sent.mark} has a dead letter and was not to be rejected"
        for letter in own:
            if _as_read(letter) != (record.key, record.value, tuple(record.headers)):
                yield f"the dead letter of {sent.mark} has another key, value or headers"
    for strangers in letters.values():
        yield from (f"the dead letter {letter.origin} is of no event" for letter in strangers)


def _as_read(letter: Record) -> tuple[object, ...]:
    """Key, value and headers as they were before ours were added behind them."""
    theirs, ours = letter.headers[:-_OURS], letter.headers[-_OURS:]
    if [name for name, _ in ours] != [DEAD_LETTER_HEADER, REASON_HEADER]:
        theirs = letter.headers
    return letter.key, letter.value, tuple(theirs)


def _origin(letter: Record) -> Offset | None:
    """The offset that a dead letter says it is of."""
    for name, value in letter.headers:
        if name == DEAD_LETTER_HEADER:
            origin = orjson.loads(value or b"{}").get("origin", {})
            partition = Partition(str(origin.get("topic")), int(origin.get("partition", -1)))
            return partition, int(origin.get("offset", -1))
    return None


def _exercised(story: Story) -> Iterable[str]:
    """Whatever was planned was done, and had its effect, as often as planned."""
    for what, times in sorted(Counter(story.plan).items()):
        if story.done[what] < times:
            yield f"{what}: planned {times} times, had its effect {story.done[what]} times"


def _exits(story: Story) -> Iterable[str]:
    """Workers end by our hand or well; without a broker one may say so when it starts or drains."""
    allowed = {_KILLED, _WELL}
    if _BROKER_DEEDS & set(story.plan):
        allowed.add(_NO_BROKER)
    for code, count in sorted(story.exits.items()):
        if code not in allowed:
            yield f"{count} workers ended with exit code {code}, expected one of {sorted(allowed)}"
