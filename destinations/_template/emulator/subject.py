"""Template on trial: what the contract suite has to know of it."""

from collections.abc import Sequence

from destinations._template.emulator import build
from destinations._template.emulator.app import HALF_APPLIED
from destinations._template.emulator.contacts import CONTACT
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

BATCH = "*/contacts/batch"


class TemplateSubject(Subject):
    """An account with the custom fields of the trial."""

    facts = Facts(
        person="Template-contact",
        writes=("POST", BATCH),
        half_applied=Fault(HALF_APPLIED, path=BATCH, count=1, options={"rows": 2}),
        refused={"api_token": "wrong"},
        stored=Stored(null=None, empty="", false=False, zero=0),
        absent={
            Behaviour.VENDOR_LIMITS: "there is no limit beside the rate limit, which is a 429",
            Behaviour.CREDENTIALS_RENEWED: "an API token does not run out",
            Behaviour.SEVERAL_MATCHES: "e-mail addresses are unique in Template",
        },
        costs=(Cost("batches of 100", fixed=0, each=0.01),),
    )

    def __init__(self, clock: Clock) -> None:
        fields = {TEXT: "text", FLAG: "flag", NUMBER: "number"}
        self.emulator = self.account = build(clock=clock, fields=fields)

    def people(self) -> Sequence[Held]:
        """The contacts."""
        return [
            Held(
                row.id,
                str(row.values["email"]),
                str(row.values.get("first_name", "")),
                {trait: row.values.get(trait) for trait in (TEXT, FLAG, NUMBER)},
            )
            for row in self.account.contacts.rows[CONTACT].values()
        ]

    def delete(self, record_id: str) -> None:
        """Delete a contact."""
        self.account.contacts.remove(CONTACT, record_id)

    def bad(self) -> Json:
        """A name that is too long."""
        return identify("bad@example.com", "x" * 300)

    def successes(self) -> Sequence[Case]:
        """By e-mail, by id, created without a key."""
        known = self.account.contacts.create({"email": "known@example.com"}).id
        return [
            Case("a contact that is new", identify("new@example.com", "New"), "created"),
            Case("a contact that is known", identify("NEW@example.com", "Known"), "updated"),
            Case("a record by its id", _named("first@example.com", id=known), "updated", known),
            Case("a record without an id", _named("second@example.com"), "created"),
        ]

    def already_there(self) -> Case:
        """A create by external id whose address another contact has."""
        known = self.account.contacts.create({"email": "known@example.com"}).id
        return Case("a contact with that address", _named("known@example.com"), "updated", known)


def _named(email: str, **external_id: str) -> Json:
    entry = {"type": "Template-contact", **external_id}
    traits = {"email": email, "lastName": "Named"}
    return {"type": "identify", "traits": traits, "context": {"externalId": [entry]}}


SUBJECT = TemplateSubject
