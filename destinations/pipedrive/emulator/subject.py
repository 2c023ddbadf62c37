"""Pipedrive on trial: what the contract suite has to know of it."""

from collections.abc import Mapping, Sequence
from typing import Self

from destinations.pipedrive.emulator import build, faults, oauth
from destinations.pipedrive.emulator.limits import SEARCHES
from destinations.pipedrive.emulator.store import Row, Write
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

PERSONS = "*/persons"


class PipedriveSubject(Subject):
    """A company whose persons have the fields of the trial, and whose search index lags."""

    facts = Facts(
        person="Pipedrive-persons",
        writes=("POST", PERSONS),
        half_applied=Fault("reset_after", method="POST", path=PERSONS, skip=2, count=1),
        refused={"api_token": "wrong"},
        stored=Stored(null=None, empty="", false="false", zero=0),
        limits={
            "a window is full": Fault(faults.OVER_LIMIT, count=1),
            "the day's tokens are spent": Fault(faults.SPEND_TOKENS, count=1),
            "the HTML block": Fault(faults.BLOCK, count=1),
        },
        expired=Fault(faults.EXPIRE_TOKEN, count=1),
        absent={
            Behaviour.ALREADY_THERE: "nothing is unique in Pipedrive: it never says so",
        },
        notes={
            Behaviour.HALF_APPLIED: "each person is a request of its own; the third is lost",
            Behaviour.REKEYED: "organizations by name; a person's e-mails add up",
            Behaviour.NOTHINGS: "Pipedrive has no booleans: a text field holds `false`",
            Behaviour.CREDENTIALS_RENEWED: "OAuth; an API token does not run out",
        },
        costs=(
            Cost("a search and a create each", fixed=10, each=2),
            Cost("an update each, when the person is known", fixed=10, each=1, known=True),
        ),
    )

    def __init__(self, clock: Clock, searches: int = SEARCHES) -> None:
        self._searches = searches
        self.emulator = self.company = build(
            clock=clock, search_lag_seconds=30.0, searches=searches
        )
        add = self.company.schema.add
        fields = ((TEXT, "varchar"), (FLAG, "varchar"), (NUMBER, "double"))
        self._codes = {trait: add("persons", trait, kind, []).code for trait, kind in fields}

    @classmethod
    def relaxed(cls, clock: Clock) -> Self:
        """No more waiting for searches than for anything else."""
        return cls(clock, searches=100)

    def settings(self) -> Settings:
        """An API token, and the plan that the company has."""
        plan: Settings = {"plan": "ultimate", "seats": 10, "searches": self._searches}
        return {**self.company.connection_settings(), **plan}

    def renewable(self) -> Settings:
        """An OAuth app."""
        return {
            "auth": "oauth",
            "client_id": oauth.CLIENT_ID,
            "client_secret": oauth.CLIENT_SECRET,
            "refresh_token": oauth.REFRESH_TOKEN,
            "oauth_url": self.company.url,
        }

    def people(self) -> Sequence[Held]:
        """The persons that are not deleted."""
        return [self._held(row) for row in self.company.store.all("persons")]

    def delete(self, record_id: str) -> None:
        """Delete it."""
        row = self.company.store.find("persons", int(record_id))
        if row is not None:
            self.company.store.delete(row, self._by_hand("delete", {}))

    def bad(self) -> Json:
        """An owner who is not there."""
        return identify("bad@example.com", "Bad", ownerId=99)

    def successes(self) -> Sequence[Case]:
        """By e-mail, by id, created; organizations found by name."""
        known = self._add(name="Known")
        company = {"type": "group", "traits": {"name": "Acme"}}
        named: dict[str, object] = {
            "type": "identify",
            "traits": {"name": "Named"},
            "context": {"externalId": [{"type": "Pipedrive-persons", "id": known}]},
        }
        return [
            Case("a person who is new", identify("new@example.com", "New"), "created"),
            Case("a person who is known", identify("NEW@example.com", "Known"), "updated"),
            Case("a record by its id", named, "updated", known),
            Case("an organization that is new", company, "created"),
            Case("an organization that is known", company, "updated"),
        ]

    def several(self) -> Case:
        """Nothing keeps persons from sharing an address."""
        for name in ("First", "Second"):
            email = {"value": "twin@example.com", "primary": True, "label": "work"}
            self._add(name=name, emails=[email])
        return Case("two persons", identify("twin@example.com", "Twin"), "several_matches")

    def rekeyed(self) -> Sequence[Rekeying]:
        """Organizations by name: a person keeps the address it had, and is found by both."""
        old, new = ({"type": "group", "traits": {"name": name}} for name in ("Old", "New"))
        return [rekeying("Pipedrive-organizations", old, new)]

    def _add(self, **values: object) -> str:
        write = self._by_hand("create", values)
        return str(self.company.records.create("persons", values, write)["id"])

    def _by_hand(self, operation: str, body: Mapping[str, object]) -> Write:
        return Write(0, self.company.clock.wall(), operation, body)

    def _held(self, row: Row) -> Held:
        emails, custom = row.values.get("emails"), row.values.get("custom_fields")
        first = emails[0] if isinstance(emails, list) and emails else {}
        given = custom if isinstance(custom, Mapping) else {}
        values = {trait: given.get(code) for trait, code in self._codes.items()}
        return Held(str(row.id), str(first.get("value", "")), str(row.values.get("name")), values)


SUBJECT = PipedriveSubject
