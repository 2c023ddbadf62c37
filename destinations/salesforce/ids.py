"""Record ids known from lookups and creates: while one is known, its person needs no lookup.

An entry may be out of date at any time, so a refusal that may come of that is never an answer: the
entry is forgotten and the upsert looked up. It sends nothing itself.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from destinations.salesforce.keys import Keyed, MatchKey
from destinations.salesforce.lookup import Findings, Found, preferred
from destinations.salesforce.plan import Decision, Write
from transformer.clock import Clock
from transformer.kit.remembered import Remembered, RememberedRecords
from transformer.outcome import Delivered, Outcome, Reason, Redirect, Rejected, Retry
from transformer.upsert import Operation, Upsert

HANDED_CONTACTS = 10_000
# A lookup's answer may come so much later than that of a write made after it.
LATE_SECONDS = 300.0

# Refusals that a lookup might not have led to: the record is gone, merged, converted, or not ours.
_DOUBTFUL = frozenset(
    {
        Reason.ACCESS_DENIED,
        Reason.INVALID_REFERENCE,
        Reason.RECORD_CONVERTED,
        Reason.RECORD_DELETED,
        Reason.RECORD_NOT_FOUND,
        Reason.REMATCH,
    }
)
_GONE = frozenset({Reason.RECORD_DELETED, Reason.RECORD_NOT_FOUND})


@dataclass(slots=True)
class Known:
    """One record; `contact_id` is what a converted lead became, `created` that we made it.

    Nobody changes one.
    """

    record_id: str
    contact_id: str = ""
    created: bool = False

    @property
    def found(self) -> Found:
        """The record as a lookup would have found it."""
        values: Mapping[str, object] = (
            {"isconverted": True, "convertedcontactid": self.contact_id} if self.contact_id else {}
        )
        return Found(self.record_id, "", values)


class RecordIds:
    """What is known of one org, bounded; an entry is as old as the answer it came from.

    `follow_contacts` keeps the contacts of converted leads, too. `known` is told by `Rekeyed` of
    writes that change what leads to a record.
    """

    def __init__(
        self, *, capacity: int, seconds: float, clock: Clock, follow_contacts: bool
    ) -> None:
        self._clock = clock
        self._follow_contacts = follow_contacts
        self.known: RememberedRecords[Known, str] = RememberedRecords(
            capacity=capacity,
            seconds=seconds,
            record_of=lambda _, known: known.record_id,
            late_seconds=LATE_SECONDS,
        )
        self._handed: Remembered[str, MatchKey] = Remembered(
            capacity=min(capacity, HANDED_CONTACTS), seconds=seconds
        )

    def split(
        self, wanted: Iterable[Keyed]
    ) -> tuple[Sequence[Keyed], Mapping[MatchKey, list[Found]]]:
        """Part `wanted` into those to be looked up, and what is known of the others."""
        asked: list[Keyed] = []
        known: dict[MatchKey, list[Found]] = {}
        now = self._clock.now()
        for each in wanted:
            key = each.keys[0]
            entry = self.known.recall(key, now) if _may_rely(each.upsert) else None
            if entry is None:
                asked.append(each)
            else:
                known[key] = [entry.found]
        if known:
            for each in asked:
                for key in each.keys:
                    known.pop(key, None)
        return asked, known

    def created(self, key: MatchKey) -> str | None:
        """The record that we created for `key`, in case a lookup misses it."""
        entry = self._recall(key)
        return entry.record_id if entry and entry.created else None

    def learn(self, asked: Iterable[Keyed], findings: Findings) -> None:
        """Remember what lookups found, where it is one record and no other."""
        now = self._clock.now()
        for each in asked if findings.records else ():
            choices = preferred(findings.of(each.keys[0]))
            if len(choices) != 1:
                continue
            found = choices[0]
            if not found.converted:
                self.known.learn(each.keys[0], Known(found.record_id), now)
            elif self._follow_contacts and found.contact_id:
                self.known.learn(each.keys[0], Known(found.record_id, found.contact_id), now)

    def settle(self, each: Keyed, decision: Decision, outcome: Outcome, *, relied: bool) -> Outcome:
        """Learn from what became of an upsert; `relied` says that no lookup was made for it.

        A refusal that a lookup might have avoided becomes another try, with a lookup.
        """
        if not each.needs_lookup:
            return self._settle_named(each, outcome)
        if isinstance(outcome, Delivered):
            if outcome.operation == "created":
                self._created(each, outcome.record_id)
        elif not isinstance(decision, Write):
            self._hand_out(each, outcome)
        elif outcome.reason in _DOUBTFUL:
            for key in each.keys:
                self.known.forget(key)
            if relied:
                return _look_up(decision, outcome)
        return outcome

    def _recall(self, key: MatchKey) -> Known | None:
        return self.known.recall(key, self._clock.now())

    def _created(self, each: Keyed, record_id: str) -> None:
        known, now = Known(record_id, created=True), self._clock.now()
        for key in each.keys:
            if key[1] != "id":
                self.known.learn(key, known, now)

    def _hand_out(self, each: Keyed, outcome: Outcome) -> None:
        """Note by which lead a contact is going to be written."""
        if isinstance(outcome, Retry) and outcome.redirect is not None:
            self._handed.learn(outcome.redirect.record_id, each.keys[0], self._clock.now())

    def _settle_named(self, each: Keyed, outcome: Outcome) -> Outcome:
        """A contact that is gone may have been known for too long: ask its lead again."""
        if not isinstance(outcome, Rejected) or outcome.reason not in _GONE:
            return outcome
        if not each.keys or each.keys[0][1] != "id":
            return outcome
        contact_id = each.keys[0][2]
        key = self._handed.recall(contact_id, self._clock.now())
        lead = self._recall(key) if key else None
        if key is None or lead is None or lead.contact_id != contact_id:
            return outcome
        self.known.forget(key)
        self._handed.forget(contact_id)
        return Retry(
            Reason.REMATCH,
            f"{outcome.detail} Its lead is asked for the contact again.",
            after_seconds=0.0,
            counts=False,
            redirect=Redirect("Lead", lead.record_id),
            vendor=outcome.vendor,
        )


def _may_rely(upsert: Upsert) -> bool:
    """Whether an id is all that is needed: not the record's values, nor whether it is there."""
    return not upsert.fill and not upsert.repeated and upsert.operation is not Operation.CREATE


def _look_up(write: Write, outcome: Outcome) -> Retry:
    vendor = outcome.vendor if isinstance(outcome, Rejected | Retry) else {}
    return Retry(
        Reason.REMATCH,
        f"{write.where}: {write.record_id} was known from before and is not what it was;"
        " it is looked up again.",
        after_seconds=0.0,
        counts=False,
        vendor=vendor,
    )
