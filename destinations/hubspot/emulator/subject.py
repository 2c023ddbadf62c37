"""HubSpot on trial: what the contract suite has to know of it."""

from collections.abc import Sequence

from destinations.hubspot.emulator import App, build, faults
from destinations.hubspot.emulator.portal import Row
from transformer.clock import Clock
from transformer.destination import Settings
from transformer.emulator.faults import Fault
from transformer.emulator.server import Call
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

UPSERT = "*/batch/upsert"
PROPERTIES = (
    f"{TEXT}\tstring\ttext",
    f"{FLAG}\tbool\tbooleancheckbox\t\ttrue=Yes|false=No",
    f"{NUMBER}\tnumber\tnumber",
)
_BY_HAND = Call(0, "POST", "", "", {}, b"")


class HubSpotSubject(Subject):
    """A portal whose contacts have the properties of the trial."""

    facts = Facts(
        person="HubSpot-contacts",
        writes=("POST", UPSERT),
        half_applied=Fault(faults.HALF_APPLIED, path=UPSERT, count=1, options={"rows": 2}),
        refused={"access_token": "no-token"},
        stored=Stored(null="", empty="", false="false", zero="0"),
        limits={
            "the burst limit": Fault(faults.BURST_LIMIT, count=1),
            "the day's limit": Fault(faults.DAILY_LIMIT, count=1),
            "a locked record": Fault(faults.LOCKED, count=1),
            "the account is being moved": Fault(faults.MIGRATING, count=1, retry_after=1800),
        },
        expired=Fault(faults.EXPIRE_TOKENS, count=1),
        notes={
            Behaviour.NOTHINGS: 'HubSpot knows text alone: null and `""` both clear',
            Behaviour.CREDENTIALS_RENEWED: "OAuth; a private app's token does not run out",
            Behaviour.REKEYED: "contacts by e-mail, companies by domain",
            Behaviour.SEVERAL_MATCHES: "companies of one domain; e-mail addresses are unique",
        },
        costs=(Cost("batches of 100, after one look at the properties", fixed=2, each=0.01),),
    )

    def __init__(self, clock: Clock) -> None:
        self.emulator = self.portal = build(clock=clock, properties={"contacts": PROPERTIES})

    def renewable(self) -> Settings:
        """An OAuth app."""
        app = App()
        return {
            "access_token": None,
            "client_id": app.client_id,
            "client_secret": app.client_secret,
            "refresh_token": app.refresh_token,
        }

    def people(self) -> Sequence[Held]:
        """The contacts that are not archived."""
        kind = self.portal.portal.schema.find("contacts")
        return [
            Held(
                row.id,
                row.properties.get("email", ""),
                row.properties.get("firstname", ""),
                {trait: row.properties.get(trait, "") for trait in (TEXT, FLAG, NUMBER)},
            )
            for row in self.portal.portal.store.all(kind)
            if not row.archived
        ]

    def delete(self, record_id: str) -> None:
        """Archive it."""
        portal = self.portal.portal
        record = portal.store.get(portal.schema.find("contacts"), record_id)
        if record is not None:
            portal.archive(record, _BY_HAND, self.portal.clock.wall())

    def bad(self) -> Json:
        """A row that the portal's own validation refuses."""
        options = {"where": {"firstname": "Bad"}}
        self.portal.script(Fault(faults.ROW_ERROR, options=options))
        return identify("bad@example.com", "Bad")

    def successes(self) -> Sequence[Case]:
        """By e-mail, by id, created; companies found by domain."""
        known = self._add("contacts", email="known@example.com")
        company: dict[str, object] = {
            "type": "group",
            "traits": {"name": "Acme", "website": "https://www.acme.example/about"},
        }
        return [
            Case("a contact that is new", identify("new@example.com", "New"), "created"),
            Case("a contact that is known", identify("NEW@example.com", "Known"), "updated"),
            Case("a record by its id", _named("contacts", id=known), "updated", known),
            Case("a record without an id", _named("contacts"), "created"),
            Case("a company that is new", company, "created"),
            Case("a company that is known", company, "updated"),
        ]

    def already_there(self) -> Case:
        """A create by external id whose address another contact has."""
        known = self._add("contacts", email="known@example.com")
        event = _named("contacts", email="known@example.com")
        return Case("a contact with that address", event, "updated", known)

    def several(self) -> Case:
        """Nothing keeps companies from sharing a domain."""
        for name in ("First", "Second"):
            self._add("companies", name=name, domain="acme.example")
        event = {"type": "group", "traits": {"name": "Acme", "website": "acme.example"}}
        return Case("two companies", event, "several_matches")

    def rekeyed(self) -> Sequence[Rekeying]:
        """Contacts by e-mail, companies by domain."""
        old, new = (
            {"type": "group", "traits": {"name": name, "website": f"{name}.example"}}
            for name in ("old", "new")
        )
        return [*super().rekeyed(), rekeying("HubSpot-companies", old, new)]

    def _add(self, object_type: str, **properties: str) -> str:
        portal = self.portal.portal
        kind = portal.schema.find(object_type)
        return portal.create(kind, Row(properties), _BY_HAND, self.portal.clock.wall()).id


def _named(object_type: str, *, email: str = "", **external_id: str) -> dict[str, object]:
    entry = {"type": f"HubSpot-{object_type}", **external_id}
    traits = {"lastName": "Named", **({"email": email} if email else {})}
    return {"type": "identify", "traits": traits, "context": {"externalId": [entry]}}


SUBJECT = HubSpotSubject
