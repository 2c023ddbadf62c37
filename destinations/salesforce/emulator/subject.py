"""Salesforce on trial: what the contract suite has to know of it."""

from collections.abc import Sequence

from destinations.salesforce.emulator import DuplicateRule, build, row_faults
from transformer.clock import Clock
from transformer.destination import Settings
from transformer.emulator.faults import Fault
from transformer.emulator.subject import (
    FLAG,
    NUMBER,
    TEXT,
    Behaviour,
    Case,
    Cost,
    Facts,
    Held,
    Json,
    Stored,
    Subject,
    identify,
)

COLLECTION = "*/composite/sobjects*"
FIELDS = (f"{TEXT}__c:string(40)", f"{FLAG}__c:boolean", f"{NUMBER}__c:double(8,2)")
OPTED_IN = {"Salesforce": True}


class SalesforceSubject(Subject):
    """An org whose leads have the custom fields of the trial."""

    facts = Facts(
        person="Salesforce-Lead",
        writes=("*", COLLECTION),
        half_applied=Fault(row_faults.HALF_APPLIED, path=COLLECTION, count=1, options={"rows": 2}),
        refused={"client_secret": "wrong"},
        stored=Stored(null=None, empty=None, false=False, zero=0),
        limits={
            "the day's calls are spent": Fault(row_faults.SPEND_QUOTA, count=1),
            "too many long requests at once": Fault(row_faults.CONCURRENT_LIMIT, count=1),
        },
        expired=Fault(row_faults.EXPIRE_SESSION, count=1),
        notes={
            Behaviour.NOTHINGS: 'Salesforce keeps `""` as null',
            Behaviour.ALREADY_THERE: "a duplicate rule, with `duplicates: update`",
            Behaviour.RATE: "Salesforce limits requests per day, not per second",
        },
        costs=(
            Cost("batches of 1,000: one lookup, one write", fixed=3),
            Cost("batches of 1,000 people whose ids are remembered", fixed=1, known=True),
        ),
    )

    def __init__(self, clock: Clock) -> None:
        self.emulator = self.org = build(
            clock=clock,
            custom_fields={"Lead": FIELDS},
            duplicate_rules=[DuplicateRule("Lead", ("Phone",), "block")],
        )

    def settings(self) -> Settings:
        """The emulator's app; what a duplicate rule names is updated."""
        return {**self.org.connection_settings(), "duplicates": "update"}

    def people(self) -> Sequence[Held]:
        """The leads."""
        return [
            Held(
                row.id,
                str(row.values.get("Email")),
                str(row.values.get("FirstName") or ""),
                {trait: row.values.get(f"{trait}__c") for trait in (TEXT, FLAG, NUMBER)},
            )
            for row in self.org.records("Lead")
        ]

    def delete(self, record_id: str) -> None:
        """Into the recycle bin."""
        self.org.delete(record_id)

    def give_back(self) -> None:
        """The day's calls come back."""
        self.org.set_quota_used(0)

    def bad(self) -> Json:
        """A title that is too long."""
        return identify("bad@example.com", "Bad", title="x" * 300)

    def successes(self) -> Sequence[Case]:
        """By e-mail, by id, by external-id field, created without a key."""
        contact = self.org.add("Contact", {"LastName": "Known", "Email": "known@example.com"})
        return [
            Case("a lead that is new", identify("new@example.com", "New"), "created"),
            Case("a lead that is known", identify("NEW@example.com", "Known"), "updated"),
            Case("a record by its id", _named("Contact", id=contact), "updated", contact),
            Case("a record without an id", _named("Contact"), "created"),
        ]

    def already_there(self) -> Case:
        """A rule forbids two leads with one phone."""
        values = {"LastName": "Known", "Company": "Acme", "Phone": "+1 555 0100"}
        known = self.org.add("Lead", values)
        event = identify("another@example.com", "Ann", phone="+1 555 0100")
        return Case("a lead with that phone", event, "updated", known)

    def several(self) -> Case:
        """Nothing keeps leads from sharing an address."""
        for name in ("First", "Second"):
            self.org.add("Lead", {"LastName": name, "Company": "Acme", "Email": "twin@example.com"})
        return Case("two leads", identify("twin@example.com", "Twin"), "several_matches")


def _named(object_type: str, **external_id: str) -> dict[str, object]:
    entry = {"type": f"Salesforce-{object_type}", **external_id}
    traits = {"lastName": "Named", "title": "Buyer"}
    return {"type": "identify", "traits": traits, "context": {"externalId": [entry]}}


SUBJECT = SalesforceSubject
