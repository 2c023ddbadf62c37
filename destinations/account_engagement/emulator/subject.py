"""Account Engagement on trial: what the contract suite has to know of it."""

from collections.abc import Sequence

from destinations.account_engagement.emulator import app, build
from destinations.account_engagement.emulator.store import Row
from transformer.clock import Clock
from transformer.emulator_faults import Fault
from transformer.emulator_subject import (
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

UPSERT = "/api/v5/objects/prospects/do/upsertLatestByEmail"
PERSON = "AccountEngagement-Prospect"
# `score` is a field that every prospect has.
FIELDS = {TEXT: "plan__c", FLAG: "vip__c", NUMBER: "score"}


class AccountEngagementSubject(Subject):
    """A business unit with the custom fields of the trial."""

    facts = Facts(
        person=PERSON,
        writes=("POST", UPSERT),
        half_applied=Fault("reset_after", path=UPSERT, skip=2, count=1),
        refused={"client_secret": "wrong"},
        stored=Stored(null=None, empty="", false=False, zero=0),
        limits={
            "five requests at once": Fault(app.TOO_MANY, path=UPSERT, count=1),
            "the day's limit": Fault(app.SPEND_DAY, path=UPSERT, count=1),
        },
        expired=Fault(app.EXPIRE_TOKENS, count=1),
        absent={
            Behaviour.SEVERAL_MATCHES: "the first found is taken (row P1): the one with the latest"
            " activity, as the API chooses; several_matches: refuse is tested apart",
        },
        notes={
            Behaviour.HALF_APPLIED: "each prospect is a request of its own; the third is lost",
            Behaviour.DELETED: "for good; one in the recycle bin comes back by its address",
            Behaviour.RATE: "five requests at once, and so many a day",
        },
        costs=(Cost("one by one, each assigned to the connector's user", fixed=10, each=1),),
    )

    def __init__(self, clock: Clock) -> None:
        self.emulator = self.unit = build(clock=clock)
        for name in (TEXT, FLAG):
            self.unit.objects.add("custom-fields", name=name, fieldId=name, type="Text")

    def people(self) -> Sequence[Held]:
        """The prospects that are not in the recycle bin."""
        rows = self.unit.store.rows["prospects"].values()
        return [_held(row) for row in rows if not row.deleted]

    def delete(self, record_id: str) -> None:
        """Delete it and empty the recycle bin."""
        self.unit.store.remove("prospects", record_id)

    def bad(self) -> Json:
        """An address that the vendor takes for none, and the mapping does not mind."""
        return identify("bad@nowhere", "Bad")

    def successes(self) -> Sequence[Case]:
        """By e-mail in another case, by CRM id, by id, and created."""
        known = str(self.unit.prospects.add("known@example.com", salesforceId="003A").id)
        by_crm_id = _named(id="003A", identifierType="salesforceId")
        return [
            Case("a prospect that is new", identify("new@example.com", "New"), "created"),
            Case("in another case", identify("Known@Example.com", "Known"), "updated", known),
            Case("a lead's prospect", by_crm_id, "updated", known),
            Case("a record by its id", _named(id=known), "updated", known),
            Case("a record without an id", _named(email="other@example.com"), "created"),
        ]

    def already_there(self) -> Case:
        """A create by external id whose address another prospect has."""
        known = str(self.unit.prospects.add("known@example.com").id)
        event = _named(email="known@example.com")
        return Case("a prospect with that address", event, "updated", known)

    def give_back(self) -> None:
        """The account's day ends."""
        self.unit.used = 0


def _held(row: Row) -> Held:
    values = {trait: row.get(name) for trait, name in FIELDS.items()}
    return Held(str(row.id), str(row.get("email")), str(row.get("firstName") or ""), values)


def _named(*, email: str = "", **external_id: str) -> dict[str, object]:
    entry = {"type": PERSON, **external_id}
    traits = {"lastName": "Named", **({"email": email} if email else {})}
    return {"type": "identify", "traits": traits, "context": {"externalId": [entry]}}


SUBJECT = AccountEngagementSubject
