"""ActiveCampaign on trial: what the contract suite has to know of it."""

from collections.abc import Sequence
from typing import Self

from destinations.activecampaign.emulator import build
from destinations.activecampaign.emulator.store import Row
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
    Rekeying,
    Stored,
    Subject,
    identify,
    rekeying,
)

SYNC = "/api/3/contact/sync"
BLOCKED = "blocked@example.com"


class ActiveCampaignSubject(Subject):
    """An account with the custom fields of the trial."""

    facts = Facts(
        person="ActiveCampaign-contact",
        writes=("POST", SYNC),
        half_applied=Fault("reset_after", path=SYNC, skip=2, count=1),
        refused={"api_token": "wrong"},
        stored=Stored(null="", empty="", false="false", zero="0"),
        absent={
            Behaviour.VENDOR_LIMITS: "the vendor has no limit beside its requests per second, which"
            " answers 429 with Retry-After",
            Behaviour.CREDENTIALS_RENEWED: "an API key does not run out",
            Behaviour.SEVERAL_MATCHES: "contacts are unique by e-mail, accounts by name",
        },
        notes={
            Behaviour.HALF_APPLIED: "each contact is a request of its own; the third is lost",
            Behaviour.REKEYED: "contacts by e-mail, accounts by name",
            Behaviour.NOTHINGS: 'ActiveCampaign knows text alone: null and `""` both clear',
            Behaviour.OVERSIZE: "by bulk import, 250 contacts each",
        },
        costs=(
            Cost("by bulk import, 250 contacts each", fixed=10),
            Cost("one by one", fixed=10, each=1, settings={"bulk_threshold": 0}),
        ),
    )

    def __init__(self, clock: Clock, *, hurried: bool = False) -> None:
        self._hurry: Settings = {"bulk_poll_seconds": 0.5} if hurried else {}
        self.emulator = self.account = build(clock=clock, import_seconds=0.2 if hurried else 2.0)
        self._fields = {
            trait: self.account.catalogue.add_field(trait).id for trait in (TEXT, FLAG, NUMBER)
        }

    @classmethod
    def relaxed(cls, clock: Clock) -> Self:
        """Imports that are done at once."""
        return cls(clock, hurried=True)

    def settings(self) -> Settings:
        """The account's key."""
        return {**self.account.connection_settings(), **self._hurry}

    def people(self) -> Sequence[Held]:
        """The contacts."""
        return [self._held(row) for row in self.account.store.rows["contacts"].values()]

    def delete(self, record_id: str) -> None:
        """Delete it."""
        self.account.store.remove("contacts", record_id)

    def bad(self) -> Json:
        """An address that the account has blocked."""
        self.account.blocked.add(BLOCKED)
        return identify(BLOCKED, "Bad")

    def successes(self) -> Sequence[Case]:
        """By e-mail, by id, created; accounts found by name."""
        company = {"type": "group", "traits": {"name": "Acme"}}
        known = self.account.store.insert("contacts", {"email": "known@example.com"}).id
        return [
            Case("a contact that is new", identify("new@example.com", "New"), "created"),
            Case("a contact that is known", identify("NEW@example.com", "Known"), "updated"),
            Case("a record by its id", _named(id=known), "updated", known),
            Case("an account that is new", company, "created"),
            Case("an account that is known", company, "updated"),
        ]

    def already_there(self) -> Case:
        """A create by external id whose address another contact has."""
        known = self.account.store.insert("contacts", {"email": "known@example.com"}).id
        event = _named(email="known@example.com")
        return Case("a contact with that address", event, "updated", known)

    def rekeyed(self) -> Sequence[Rekeying]:
        """Contacts by e-mail, accounts by name."""
        old, new = ({"type": "group", "traits": {"name": name}} for name in ("Old", "New"))
        return [*super().rekeyed(), rekeying("ActiveCampaign-account", old, new)]

    def _held(self, row: Row) -> Held:
        values = {
            trait: value.get("value")
            for trait, field in self._fields.items()
            for value in self.account.store.where("fieldValues", contact=row.id, field=field)
        }
        return Held(row.id, row.get("email"), row.get("firstName"), values)


def _named(*, email: str = "", **external_id: str) -> dict[str, object]:
    entry = {"type": "ActiveCampaign-contact", **external_id}
    traits = {"lastName": "Named", **({"email": email} if email else {})}
    return {"type": "identify", "traits": traits, "context": {"externalId": [entry]}}


SUBJECT = ActiveCampaignSubject
