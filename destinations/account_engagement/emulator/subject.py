"""Account Engagement on trial: what the contract suite has to know of it."""

from collections.abc import Sequence
from typing import Self

from destinations.account_engagement.emulator import build
from destinations.account_engagement.emulator.app import EXPIRE_TOKENS, SPEND_DAY, TOO_MANY
from transformer.clock import Clock
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

UPSERT = "*/do/upsertLatestByEmail"
# The score is a field of its own.
FIELDS = {TEXT: f"{TEXT}__c", FLAG: f"{FLAG}__c", NUMBER: "score"}


class AccountEngagementSubject(Subject):
    """A business unit with the custom fields of the trial, and several prospects per address."""

    facts = Facts(
        person="AccountEngagement-Prospect",
        writes=("POST", UPSERT),
        half_applied=Fault("reset_after", path=UPSERT, skip=2, count=1),
        refused={"client_secret": "wrong"},
        stored=Stored(null=None, empty="", false=False, zero=0),
        limits={
            "the day's requests are spent": Fault(SPEND_DAY, count=1),
            "too many requests at once": Fault(TOO_MANY, count=1),
        },
        expired=Fault(EXPIRE_TOKENS, count=1),
        absent={
            Behaviour.ALREADY_THERE: "the refusal of an address in use names no record; the upsert"
            " by e-mail does not refuse it",
        },
        notes={
            Behaviour.HALF_APPLIED: "each prospect is a request of its own; the third is lost",
            Behaviour.SEVERAL_MATCHES: "the first found is written, by default",
            Behaviour.DELETED: "an address in the recycle bin comes back",
            Behaviour.RATE: "requests per day and at once, not per second",
        },
        costs=(
            Cost("an upsert each, of prospects that have a user", fixed=10, each=1, known=True),
            Cost("new ones, given the connector's user by an import", fixed=10, each=1),
            Cost(
                "new ones, given it one by one (assign_by_import_from: 0)",
                fixed=10,
                each=2,
                settings={"assign_by_import_from": 0},
            ),
            Cost(
                "new ones, given it within the upsert (connector_user_assigns: always)",
                fixed=10,
                each=1,
                settings={"connector_user_assigns": "always"},
            ),
        ),
    )

    def __init__(self, clock: Clock) -> None:
        self.emulator = self.unit = build(clock=clock, several_per_email=True)
        for name in (TEXT, FLAG):
            self.unit.objects.add("custom-fields", name=name, fieldId=name, type="Text")

    @classmethod
    def relaxed(cls, clock: Clock) -> Self:
        """The same, and imports are done when they are started."""
        subject = cls(clock)
        subject.unit.imports.seconds = 0.0
        return subject

    def people(self) -> Sequence[Held]:
        """The prospects that are not in the recycle bin."""
        return [
            Held(
                str(row.id),
                str(row.get("email")),
                str(row.get("firstName") or ""),
                {trait: row.get(name) for trait, name in FIELDS.items()},
            )
            for row in self.unit.store.rows["prospects"].values()
            if not row.deleted
        ]

    def delete(self, record_id: str) -> None:
        """Into the recycle bin."""
        row = self.unit.store.get("prospects", record_id)
        if row is not None:
            self.unit.store.change("prospects", row, {"isDeleted": True}, "delete")

    def bad(self) -> Json:
        """A campaign that is not there."""
        return identify("bad@example.com", "Bad", campaignId=999_999)

    def successes(self) -> Sequence[Case]:
        """By e-mail, by id, by the id in Salesforce, created without a key."""
        known = str(self.unit.prospects.add("known@example.com").id)
        crm_id = "00Q000000000001AAA"
        self.unit.prospects.add("lead@example.com", salesforceId=crm_id)
        lead = identify("lead@example.com", "Lead", salesforceId=crm_id)
        return [
            Case("a prospect that is new", identify("new@example.com", "New"), "created"),
            Case("a prospect that is known", identify("NEW@example.com", "Known"), "updated"),
            Case("a record by its id", _named(id=known), "updated", known),
            Case("a record by its id in Salesforce", lead, "updated"),
        ]

    def several(self) -> Case:
        """Two prospects of one address: the business unit allows it."""
        first, _ = (str(self.unit.prospects.add("twin@example.com").id) for _ in range(2))
        return Case("two prospects", identify("twin@example.com", "Twin"), "updated", first)


def _named(**external_id: str) -> Json:
    entry = {"type": "AccountEngagement-Prospect", **external_id}
    traits = {"lastName": "Named"}
    return {"type": "identify", "traits": traits, "context": {"externalId": [entry]}}


SUBJECT = AccountEngagementSubject
