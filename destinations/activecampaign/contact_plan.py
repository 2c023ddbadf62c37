"""What an upsert of a contact comes to: its own fields, custom fields, and what follows. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from destinations.activecampaign.fields import Field
from destinations.activecampaign.values import is_true, names_of, text_of
from transformer.failures import Declined
from transformer.kit.choice import is_plain as is_same_for_all
from transformer.outcome import Reason, Rejected
from transformer.upsert import Note, Upsert

EMAIL = "email"
JOB_TITLE = "jobTitle"
OWN_FIELDS = (EMAIL, "firstName", "lastName", "phone")
TAGS, LISTS, UNSUBSCRIBE, CONSENT, ACCOUNT = "tags", "lists", "unsubscribe", "consent", "account"
SPECIAL = (TAGS, LISTS, UNSUBSCRIBE, CONSENT, ACCOUNT)
IMPORT_NAMES: Mapping[str, str] = {
    "firstName": "first_name",
    "lastName": "last_name",
    "phone": "phone",
}
_EMAIL = re.compile(r"[^@\s,;<>()]+@[^@\s,;<>().]+(?:\.[^@\s,;<>().]+)+")


@dataclass(frozen=True, slots=True)
class ContactPlan:
    """One contact to be written. `lists` and `unsubscribe` are ids; `custom` is by field."""

    own: Mapping[str, str]
    custom: Sequence[tuple[Field, str]] = ()
    tags: Sequence[str] = ()
    lists: Sequence[str] = ()
    unsubscribe: Sequence[str] = ()
    consent: bool = False
    account: str = ""
    job_title: str | None = None
    notes: Sequence[Note] = field(default_factory=tuple)

    @property
    def body(self) -> dict[str, object]:
        """The body of contact/sync, create and update."""
        contact: dict[str, object] = dict(self.own)
        if self.custom:
            contact["fieldValues"] = [{"field": f.id, "value": text} for f, text in self.custom]
        return {"contact": contact}

    @property
    def import_entry(self) -> dict[str, object]:
        """The contact as a bulk import takes it."""
        entry: dict[str, object] = {EMAIL: self.own[EMAIL]}
        for name, theirs in IMPORT_NAMES.items():
            if name in self.own:
                entry[theirs] = self.own[name]
        if self.account:
            entry["customer_acct_name"] = self.account
        if self.tags:
            entry["tags"] = list(self.tags)
        if self.custom:
            entry["fields"] = [{"id": int(f.id), "value": text} for f, text in self.custom]
        for name, ids in (("subscribe", self.lists), ("unsubscribe", self.unsubscribe)):
            if ids:
                entry[name] = [{"listid": each} for each in ids]
        return entry


def is_plain(upsert: Upsert) -> bool:
    """Whether it can go by the e-mail alone: nothing depends on what the CRM holds already."""
    return is_same_for_all(upsert) and upsert.matches[0].name == EMAIL


def fits_import(plan: ContactPlan) -> bool:
    """Whether a bulk import can do all of it.

    It never subscribes again who has left, which an event with consent may ask for; and one
    address that it dislikes refuses all, so doubtful ones go singly.
    """
    if plan.consent and plan.lists:
        return False
    return _EMAIL.fullmatch(plan.own.get(EMAIL, "")) is not None


def own_fields(properties: Mapping[str, object]) -> dict[str, str]:
    """The contact's own fields that were sent, as text. Raises Declined."""
    found = {}
    for name in OWN_FIELDS:
        if name in properties:
            text = text_of(properties[name])
            if text is None:
                detail = f"contact: {name}: expected text, got a list or an object."
                raise Declined(Rejected(Reason.INVALID_VALUE, detail))
            found[name] = text.strip() if name == EMAIL else text
    return found


def custom_properties(properties: Mapping[str, object]) -> dict[str, object]:
    """What is neither the contact's own nor something that follows: custom fields."""
    known = {*OWN_FIELDS, *SPECIAL, JOB_TITLE, "id"}
    return {name: value for name, value in properties.items() if name not in known}


def names(properties: Mapping[str, object], name: str) -> tuple[str, ...]:
    """The names that a property lists."""
    return names_of(properties[name]) if name in properties else ()


def consents(properties: Mapping[str, object]) -> bool:
    """Whether the event says that the person wants to be subscribed again."""
    return is_true(properties.get(CONSENT))
